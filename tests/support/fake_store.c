#include "fake_store.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define TIME_US INT64_C(1795352707123456) /* 2026-11-22T13:05:07.123456Z */

struct fake_store {
    struct mailbox *requests;
    struct mailbox *answers;
    pthread_t thread;
    int wake_fd;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t taken;
    bool ends;
    bool hold;
    enum request_outcome outcome;
    enum order_status watched;
    uint64_t change_next;
    uint64_t count;
    struct request last;
    struct request *held_first;
    struct request *held_last;
};

static void
fill_order(struct order_row *row, uint64_t id)
{
    *row = (struct order_row){
        .order = { id }, .user = { 1 }, .product = { 1 }, .quantity = 1,
        .price = { 5000 }, .status = ORDER_COMPLETED, .created_us = TIME_US,
        .updated_us = TIME_US,
    };
}

static void *
make_rows(const struct request *request, uint64_t first)
{
    size_t count = request->query.limit;
    struct order_row *orders = calloc(count, sizeof(*orders));
    struct user_row *users = calloc(count, sizeof(*users));
    struct product_row *products = calloc(count, sizeof(*products));
    struct transaction_row *transactions = calloc(count, sizeof(*transactions));
    void *rows[REQUEST_KIND_COUNT] = {
        [REQUEST_ORDER_LIST] = orders, [REQUEST_USER_LIST] = users,
        [REQUEST_PRODUCT_LIST] = products,
        [REQUEST_TRANSACTION_LIST] = transactions,
    };

    for (size_t i = 0; i < count; i++) {
        fill_order(&orders[i], first + i);
        users[i] = (struct user_row){ { first + i }, { 10000 }, USER_ACTIVE,
                                      TIME_US };
        products[i] = (struct product_row){ { first + i }, { 5000 } };
        transactions[i] = (struct transaction_row){
            { first + i }, { first + i }, { 1 }, { 5000 },
            TRANSACTION_SUCCESSFUL, TIME_US };
    }
    for (size_t kind = 0; kind < REQUEST_KIND_COUNT; kind++) {
        if (kind != (size_t)request->kind)
            free(rows[kind]);
    }
    return rows[request->kind];
}

/* Each line as if it had come alone; the batch itself is always done. */
static void
answer_batch(struct fake_store *store, struct request *request)
{
    for (uint32_t i = 0; i < request->lines_count; i++) {
        struct order_line *line = &request->lines[i];

        fill_order(&line->order, i + 1);
        line->order.status = ORDER_CREATED;
        line->outcome = (int)store->outcome;
        line->field = "productId";
        line->replayed = line->key_bytes == 5 &&
                         memcmp(line->key, "again", 5) == 0;
    }
    request->outcome = REQUEST_DONE;
}

static void
answer(struct fake_store *store, struct request *request)
{
    if (request->kind == REQUEST_ORDER_BATCH) {
        answer_batch(store, request);
        return;
    }
    request->outcome = store->outcome;
    if (request->outcome != REQUEST_DONE) {
        fill_order(&request->order, 7);
        request->field = "productId";
        request->retry_s = request->outcome == REQUEST_DISK ? 17 : 0;
        return;
    }
    fill_order(&request->order, request->kind == REQUEST_ORDER_PLACE
                                    ? store->count : request->order_id.value);
    if (request->kind == REQUEST_ORDER_PLACE) {
        request->order.status = ORDER_CREATED;
        request->order.user = request->user;
        request->order.product = request->product;
        request->order.quantity = request->quantity;
        request->replayed = strcmp(request->key, "again") == 0;
    }
    if (request->kind == REQUEST_ORDER_WATCH) {
        request->order.status = store->watched;
        request->order.updated_us += (int64_t)store->watched;
    }
    if (request->kind == REQUEST_ORDER_WATCH ||
        request->kind == REQUEST_ORDER_STREAM ||
        request->kind == REQUEST_ORDER_PLACE)
        request->change_next = store->change_next;
    if (request->kind == REQUEST_ORDER_CANCEL)
        request->order.cancel_us = TIME_US;
    if (request->kind == REQUEST_USER_CREDIT && request->credit.value == 0)
        request->credit.value = 99;
    if (request->order_id.value == 13)
        request->parked = (struct parked_row){
            .order = { 13 }, .participant = "payment", .topic = "orders",
            .cause = "refused", .attempts = 3, .since_us = TIME_US };
    request->user_row = (struct user_row){
        request->user, request->amount, USER_OPENING, TIME_US };
    request->transaction = (struct transaction_row){
        request->transaction_id, { 7 }, { 1 }, { 5000 },
        TRANSACTION_SUCCESSFUL, TIME_US };
    if (request->kind == REQUEST_METRICS || request->kind == REQUEST_STATUS)
        request->metrics = calloc(1, sizeof(*request->metrics));
    if (request->query.limit > 0 && request->kind != REQUEST_ORDER_STREAM) {
        request->rows = make_rows(request, request->query.after + 1);
        request->rows_count = request->query.limit;
        request->more = true;
        request->more_after = request->query.after + request->query.limit;
    }
}

static void
take(struct fake_store *store)
{
    struct request *chain = mailbox_take(store->requests);

    for (; chain != NULL; chain = chain->next) {
        store->count++;
        /* Not the owner: that is the http thread's, even now. */
        memcpy(&store->last, chain, offsetof(struct request, owner));
        if (store->held_last != NULL)
            store->held_last->next = chain;
        else
            store->held_first = chain;
        store->held_last = chain;
    }
    pthread_cond_broadcast(&store->taken);
}

static void
answer_held(struct fake_store *store)
{
    if (store->hold || store->held_first == NULL)
        return;
    for (struct request *at = store->held_first; at != NULL; at = at->next)
        answer(store, at);
    mailbox_post(store->answers, store->held_first, store->held_last);
    store->held_first = store->held_last = NULL;
}

static void *
run(void *context)
{
    struct fake_store *store = context;
    bool ends = false;

    while (!ends) {
        struct pollfd fds[] = {
            { .fd = mailbox_fd(store->requests), .events = POLLIN },
            { .fd = store->wake_fd, .events = POLLIN },
        };
        eventfd_t count;

        poll(fds, 2, -1);
        if (fds[1].revents != 0)
            eventfd_read(store->wake_fd, &count);
        pthread_mutex_lock(&store->lock);
        take(store);
        answer_held(store);
        ends = store->ends;
        pthread_mutex_unlock(&store->lock);
    }
    return NULL;
}

struct fake_store *
fake_store_new(struct mailbox *requests, struct mailbox *answers)
{
    struct fake_store *store = calloc(1, sizeof(*store));

    store->requests = requests;
    store->answers = answers;
    store->outcome = REQUEST_DONE;
    store->watched = ORDER_COMPLETED;
    store->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->taken, NULL);
    pthread_create(&store->thread, NULL, run, store);
    return store;
}

/* Unlocks, and has the thread look. */
static void
changed(struct fake_store *store)
{
    pthread_mutex_unlock(&store->lock);
    eventfd_write(store->wake_fd, 1);
}

void
fake_store_destroy(struct fake_store **store_p)
{
    struct fake_store *store = *store_p;

    pthread_mutex_lock(&store->lock);
    store->ends = true;
    changed(store);
    pthread_join(store->thread, NULL);
    pthread_cond_destroy(&store->taken);
    pthread_mutex_destroy(&store->lock);
    close(store->wake_fd);
    free(store);
    *store_p = NULL;
}

void
fake_store_outcome(struct fake_store *store, enum request_outcome outcome)
{
    pthread_mutex_lock(&store->lock);
    store->outcome = outcome;
    changed(store);
}

void
fake_store_watched(struct fake_store *store, enum order_status status,
                   uint64_t change_next)
{
    pthread_mutex_lock(&store->lock);
    store->watched = status;
    store->change_next = change_next;
    changed(store);
}

void
fake_store_hold(struct fake_store *store, bool hold)
{
    pthread_mutex_lock(&store->lock);
    store->hold = hold;
    changed(store);
}

bool
fake_store_wait(struct fake_store *store, uint64_t count)
{
    struct timespec until;
    int error = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&store->lock);
    while (store->count < count && error == 0)
        error = pthread_cond_timedwait(&store->taken, &store->lock, &until);
    pthread_mutex_unlock(&store->lock);
    return error == 0;
}

uint64_t
fake_store_count(struct fake_store *store)
{
    uint64_t count;

    pthread_mutex_lock(&store->lock);
    count = store->count;
    pthread_mutex_unlock(&store->lock);
    return count;
}

struct request
fake_store_last(struct fake_store *store)
{
    struct request last;

    pthread_mutex_lock(&store->lock);
    last = store->last;
    pthread_mutex_unlock(&store->lock);
    return last;
}
