#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gateway/gateway_state.h"
#include "saga/log.h"

#define COUNTERS_KEY "counters"

_Static_assert(SEED_ROWS_MAX <= CATALOGUE_PRODUCTS_MAX,
               "a catalogue holds every seed");

/* ---- users ------------------------------------------------------------ */

static void
user_cache_encode(const void *row, struct bytes_writer *writer)
{
    user_row_write(row, writer);
}

static bool
user_cache_decode(void *row, struct bytes_reader *reader)
{
    return user_row_read(row, reader);
}

static const struct row_format user_row_format = {
    .row_bytes = sizeof(struct user_row),
    .encode = user_cache_encode,
    .decode = user_cache_decode,
};

enum rc
gateway_user_get(struct gateway_store *store, struct user_id user,
                 struct user_row *row_out)
{
    enum rc rc = row_cache_get(store->users, user.value, row_out);

    row_out->user = user;
    if (rc == RC_DAMAGED)
        log_error("row_damaged", "table=users id=%" PRIu64, user.value);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc
gateway_user_put(struct gateway_store *store, const struct user_row *row,
                 enum user_state was)
{
    if (was == USER_ABSENT && row->state != USER_ABSENT) {
        store->counters.users++;
        store->counters_changed = true;
    }
    if (was != USER_ABSENT && row->state == USER_ABSENT) {
        store->counters.users--;
        store->counters_changed = true;
    }
    return row_cache_put(store->users, row->user.value, row);
}

enum rc
gateway_user_open(struct gateway_store *store, struct turn *turn,
                  struct user_id user, struct money amount,
                  const char *traceparent, struct user_row *row_out)
{
    struct event event;
    enum rc rc;

    *row_out = (struct user_row){ .user = user,
                                  .state = USER_OPENING,
                                  .updated_us = turn_now_us(turn) };
    rc = gateway_user_put(store, row_out, USER_ABSENT);
    if (rc != RC_OK)
        return rc;
    event_init(&event, EVENT_ACCOUNT_OPENED);
    event.user = user;
    event.amount = amount;
    snprintf(event.traceparent, sizeof event.traceparent, "%s", traceparent);
    return turn_emit(turn, &event);
}

/* ---- opening ---------------------------------------------------------- */

static enum rc
open_tables(struct gateway_tables *tables, struct store *store)
{
    const struct {
        const char *name;
        struct store_table **table;
    } all[] = {
        { "orders", &tables->orders },
        { "orders_by_user", &tables->orders_by_user },
        { "users", &tables->users },
        { "transactions", &tables->transactions },
        { "products", &tables->products },
        { "counters", &tables->counters },
    };
    enum rc rc = RC_OK;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(all) && rc == RC_OK; i++)
        rc = store_table_open(store, all[i].name, all[i].table);
    return rc;
}

static enum rc
load_counters(struct gateway_store *store)
{
    uint8_t value[COUNTERS_ROW_BYTES_MAX];
    size_t bytes;
    enum rc rc;

    rc = store_get(store->tables.counters, COUNTERS_KEY,
                   sizeof COUNTERS_KEY - 1, value, sizeof value, &bytes);
    if (rc == RC_NOT_FOUND)
        return RC_OK;
    if (rc == RC_OK)
        rc = counters_row_decode(value, bytes, &store->counters);
    if (rc == RC_DAMAGED || rc == RC_FULL) {
        log_error("row_damaged", "table=counters");
        return RC_DAMAGED;
    }
    return rc;
}

/* The id behind the last order's; an order of another stride or offset (the
 * knobs were changed) is passed, never met again. */
static enum rc
find_order_next(struct gateway_store *store)
{
    const struct config *config = store->config;
    struct store_cursor *cursor;
    struct store_row row;
    uint64_t last = 0, steps;
    enum rc rc;

    store->order_next = config->order_id_offset;
    rc = store_cursor_open(store->tables.orders, &cursor);
    if (rc != RC_OK)
        return rc;
    rc = store_cursor_last(cursor, &row);
    if (rc == RC_OK)
        rc = id_key_decode(row.key, row.key_bytes, &last);
    store_cursor_close(&cursor);
    if (rc == RC_NOT_FOUND)
        return RC_OK;
    if (rc == RC_DAMAGED)
        log_error("row_damaged", "table=orders words=\"the last key\"");
    if (rc == RC_OK && last >= config->order_id_offset) {
        steps = (last - config->order_id_offset) / config->order_id_stride + 1;
        store->order_next += steps * config->order_id_stride;
    }
    return rc;
}

static enum rc
on_open(void *context, struct store *opened)
{
    struct gateway_store *store = context;
    enum rc rc;

    rc = open_tables(&store->tables, opened);
    if (rc == RC_OK)
        rc = row_cache_open(&store->users, store->tables.users,
                            &user_row_format, USERS_CACHED_MAX);
    if (rc == RC_OK)
        rc = gateway_catalogue_load(&store->catalogue, store->tables.products);
    if (rc == RC_OK)
        rc = load_counters(store);
    if (rc == RC_OK)
        rc = find_order_next(store);
    return rc;
}

static enum rc
on_first(void *context, struct turn *turn)
{
    struct gateway_store *store = context;
    const struct gateway_seed *seed = &store->seed;
    struct product_row product;
    struct user_row user;
    enum rc rc = RC_OK;
    size_t i;

    if (store->seed_error[0] != '\0')
        die(EXIT_USAGE, "%s", store->seed_error);
    for (i = 0; i < seed->products.count && rc == RC_OK; i++) {
        product.product.value = seed->products.rows[i].id;
        product.price = seed->products.rows[i].amount;
        rc = gateway_catalogue_append(&store->catalogue,
                                      store->tables.products, &product);
    }
    for (i = 0; i < seed->users.count && rc == RC_OK; i++)
        rc = gateway_user_open(store, turn,
                               (struct user_id){ seed->users.rows[i].id },
                               seed->users.rows[i].amount, "", &user);
    return rc;
}

/* ---- turns ------------------------------------------------------------ */

static enum rc
on_event(void *context, struct turn *turn, const struct event *event)
{
    return gateway_events_fold(context, turn, event);
}

static uint64_t
outbox_backlog_now(const struct gateway_store *store)
{
    struct participant_stats stats = { 0 };

    if (store->participant != NULL)
        participant_stats(store->participant, &stats);
    return stats.outbox_backlog;
}

static void
answer_later(struct gateway_store *store, struct request *request)
{
    request->next = NULL;
    if (store->answered_last != NULL)
        store->answered_last->next = request;
    else
        store->answered_first = request;
    store->answered_last = request;
}

/*
 * Serves in the order in which they came.  What is left at the limit waits
 * for the next turn: the mailbox is made readable so that there is one.
 */
static enum rc
on_commands(void *context, struct turn *turn, uint32_t limit,
            uint32_t *taken_out)
{
    struct gateway_store *store = context;
    struct request *request;
    enum rc rc;

    *taken_out = 0;
    store->backlog = outbox_backlog_now(store);
    if (store->waiting == NULL)
        store->waiting = mailbox_take(store->requests);
    while (store->waiting != NULL && *taken_out < limit) {
        request = store->waiting;
        rc = gateway_commands_serve(store, turn, request);
        if (rc != RC_OK)
            return rc;
        store->waiting = request->next;
        answer_later(store, request);
        ++*taken_out;
    }
    if (store->waiting != NULL &&
        eventfd_write(mailbox_fd(store->requests), 1) != 0)
        return RC_IO;
    return RC_OK;
}

static enum rc
on_commit(void *context, struct turn *turn)
{
    struct gateway_store *store = context;
    uint8_t value[COUNTERS_ROW_BYTES_MAX];
    enum rc rc;

    (void)turn;
    rc = row_cache_write(store->users);
    if (rc != RC_OK || !store->counters_changed)
        return rc;
    store->counters_changed = false;
    return store_put(store->tables.counters, COUNTERS_KEY,
                     sizeof COUNTERS_KEY - 1, value,
                     counters_row_encode(&store->counters, value));
}

/* Sets a flag and, if it changed, wakes the http thread to look. */
static void
share_flag(struct gateway_store *store, atomic_bool *flag, bool value)
{
    int wake_fd = atomic_load(&store->shared->wake_fd);

    if (atomic_exchange(flag, value) == value || wake_fd < 0)
        return;
    if (eventfd_write(wake_fd, 1) != 0)
        log_warning("wake_failed", "fd=%d", wake_fd);
}

static void
on_committed(void *context)
{
    struct gateway_store *store = context;
    struct participant_stats stats;

    if (store->answered_first != NULL)
        mailbox_post(store->answers, store->answered_first,
                     store->answered_last);
    store->answered_first = store->answered_last = NULL;
    if (store->participant == NULL)
        return;
    participant_stats(store->participant, &stats);
    share_flag(store, &store->shared->bus_up, stats.bus_up);
}

/* Without the broker no order can end: then there is nothing to wait for. */
static bool
on_drain(void *context)
{
    struct gateway_store *store = context;
    struct participant_stats stats = { 0 };

    share_flag(store, &store->shared->draining, true);
    if (store->participant != NULL)
        participant_stats(store->participant, &stats);
    if (store->waiting != NULL)
        return false;
    return !stats.bus_up ||
           (store->counters.open == 0 && stats.outbox_backlog == 0);
}

const struct participant_handlers gateway_store_handlers = {
    .on_open = on_open,
    .on_first = on_first,
    .on_event = on_event,
    .on_commands = on_commands,
    .on_commit = on_commit,
    .on_committed = on_committed,
    .on_drain = on_drain,
};

/* ---- life ------------------------------------------------------------- */

/* True if a store was made here before, whatever is in it. */
static bool
store_was_made(const struct config *config)
{
    char path[CONFIG_STRING_BYTES + PRODUCER_NAME_BYTES + 32];

    snprintf(path, sizeof path, "%s/data/%s/orders", config->home,
             config->name);
    return access(path, F_OK) == 0;
}

/* A wrong seed stops the first start before anything was made, and no later
 * one; on_first() stops one that was cut off before it had put the seed. */
struct gateway_store *
gateway_store_new(const struct config *config, struct mailbox *requests,
                  struct mailbox *answers, struct gateway_shared *shared)
{
    struct gateway_store *store = calloc(1, sizeof *store);
    enum rc rc;

    invariant(store != NULL);
    store->config = config;
    store->requests = requests;
    store->answers = answers;
    store->shared = shared;
    rc = gateway_seed_read(config->seed, &store->seed, store->seed_error,
                           sizeof store->seed_error);
    if (rc != RC_OK && !store_was_made(config))
        die(EXIT_USAGE, "%s", store->seed_error);
    return store;
}

void
gateway_store_destroy(struct gateway_store **store_p)
{
    struct gateway_store *store = *store_p;

    *store_p = NULL;
    if (store == NULL)
        return;
    gateway_seed_fini(&store->seed);
    gateway_catalogue_fini(&store->catalogue);
    row_cache_close(&store->users);
    free(store);
}

void
gateway_store_attach(struct gateway_store *store,
                     const struct participant *participant)
{
    store->participant = participant;
}
