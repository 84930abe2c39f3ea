#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "gateway/gateway_state.h"
#include "saga/daemon.h"
#include "saga/log.h"

#define COUNTERS_KEY "counters"
#define STORE_PATH_BYTES (CONFIG_STRING_BYTES + PRODUCER_NAME_BYTES + 32)

_Static_assert(ORDER_ROW_BYTES_MAX <= STORE_PACKED_BYTES_MAX &&
                   TRANSACTION_ROW_BYTES <= STORE_PACKED_BYTES_MAX,
               "orders and transactions are packed");
_Static_assert(SEED_ROWS_MAX <= CATALOGUE_PRODUCTS_MAX,
               "a catalogue holds every seed");

/* ---- opening ---------------------------------------------------------- */

static enum rc
open_tables(struct gateway_tables *tables, struct store *store,
            struct order_index_tables *index)
{
    const struct {
        const char *name;
        struct store_table **table;
    } all[] = {
        { "order_runs", &index->runs },
        { "orders_by_user", &index->old },
        { "users", &tables->users },
        { "products", &tables->products },
        { "counters", &tables->counters },
        { "keys", &tables->keys },
        { "parked_orders", &tables->parked_orders },
        { "changes", &tables->changes },
        { "traces", &tables->traces },
    };
    enum rc rc;
    size_t i;

    rc = store_table_open_packed(store, "orders", &tables->orders);
    if (rc == RC_OK)
        rc = store_table_open_packed(store, "transactions",
                                     &tables->transactions);
    for (i = 0; i < ARRAY_COUNT(all) && rc == RC_OK; i++)
        rc = store_table_open(store, all[i].name, all[i].table);
    index->orders = tables->orders;
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

/* ---- pressure --------------------------------------------------------- */

static void
store_path(const struct config *config, const char *file, char *path,
           size_t size)
{
    snprintf(path, size, "%s/data/%s/%s", config->home, config->name, file);
}

/* A disk that can't be asked is not called full. */
static bool
disk_is_low(const struct gateway_store *store)
{
    char path[STORE_PATH_BYTES];
    struct statvfs disk;

    store_path(store->config, "", path, sizeof path);
    if (statvfs(path, &disk) != 0)
        return false;
    return (uint64_t)disk.f_bavail * disk.f_frsize <
           store->config->gateway_disk_floor;
}

static uint64_t
outbox_backlog_now(const struct gateway_store *store)
{
    struct participant_stats stats = { 0 };

    if (store->participant != NULL)
        participant_stats(store->participant, &stats);
    return stats.outbox_backlog;
}

/* Once a second: how much the broker took, and how much room is left. */
static void
note_pressure(struct gateway_store *store,
              const struct participant_stats *stats)
{
    bool low;

    if (!drain_rate_note(&store->drain, clock_monotonic_us(),
                         (int64_t)stats->events_out -
                             (int64_t)stats->outbox_backlog))
        return;
    low = disk_is_low(store);
    if (low != store->disk_low)
        log_warning(low ? "disk_low" : "disk_has_room", "floor=%" PRIu64,
                    store->config->gateway_disk_floor);
    store->disk_low = low;
}

enum request_outcome
gateway_pressure(const struct gateway_store *store, struct request *request)
{
    if (store->disk_low) {
        request->retry_s = DISK_RETRY_S;
        return REQUEST_DISK;
    }
    if (store->backlog < store->config->backlog)
        return REQUEST_DONE;
    request->retry_s = drain_rate_wait_s(&store->drain, store->backlog,
                                         store->config->backlog);
    return REQUEST_BACKLOG;
}

enum rc
gateway_emit(struct gateway_store *store, struct turn *turn,
             struct event *event)
{
    store->backlog++;
    return turn_emit(turn, event);
}

static enum rc
on_open(void *context, struct store *opened)
{
    struct gateway_store *store = context;
    struct order_index_tables index;
    enum rc rc;

    rc = open_tables(&store->tables, opened, &index);
    if (rc == RC_OK)
        rc = row_cache_open(&store->users, store->tables.users,
                            &gateway_user_format, USERS_CACHED_MAX);
    if (rc == RC_OK)
        rc = gateway_catalogue_load(&store->catalogue, store->tables.products);
    if (rc == RC_OK)
        rc = load_counters(store);
    if (rc == RC_OK)
        rc = gateway_changes_open(store);
    if (rc == RC_OK)
        rc = find_order_next(store);
    if (rc == RC_OK)
        rc = order_index_open(&store->tables.orders_by_user, &index,
                              store->index_shape, &store->counters.index_base);
    if (rc == RC_OK)
        rc = gateway_open_start(store);
    store->disk_low = disk_is_low(store);
    /* Before the index goes on: an older program must not come back. */
    store->counters_changed = true;
    return rc;
}

/* The rows of the first turn were put together: if some of them are there and
 * the participant's are not, those were lost. */
static bool
has_earlier_rows(const struct gateway_store *store)
{
    if (store->catalogue.count == 0 && store->counters.users == 0 &&
        store->order_next == store->config->order_id_offset)
        return false;
    log_error("row_damaged",
              "table=participant words=\"others have rows, and it has none\"");
    return true;
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

    if (has_earlier_rows(store))
        return RC_DAMAGED;
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

/* The mailbox is made readable, so that the next turn has commands to take. */
static void
wake_for_commands(struct gateway_store *store)
{
    if (eventfd_write(mailbox_fd(store->requests), 1) != 0)
        log_warning("wake_failed", "fd=%d", mailbox_fd(store->requests));
}

/* Serves in the order in which they came.  What is left at the limit waits
 * for the next turn.  Then come the orders whose time is over. */
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
        *taken_out += request->kind == REQUEST_ORDER_BATCH
                          ? request->lines_count : 1;
    }
    if (store->waiting != NULL)
        wake_for_commands(store);
    rc = gateway_open_walk(store);
    if (rc != RC_OK)
        return rc;
    return gateway_timeout_take(store, turn, taken_out);
}

static enum rc
on_commit(void *context, struct turn *turn)
{
    struct gateway_store *store = context;
    uint8_t value[COUNTERS_ROW_BYTES_MAX];
    enum rc rc;

    (void)turn;
    rc = row_cache_write(store->users);
    if (rc == RC_OK)
        rc = gateway_changes_write(store);
    if (rc == RC_OK)
        rc = order_index_write(store->tables.orders_by_user);
    if (rc != RC_OK || !store->counters_changed)
        return rc;
    store->counters_changed = false;
    gateway_open_move_mark(store);
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

static uint32_t
list_length(const struct request *first)
{
    uint32_t length = 0;

    for (; first != NULL; first = first->next)
        length++;
    return length;
}

static void
on_expect(void *context, uint32_t *waiting_out, uint32_t *answered_out)
{
    struct gateway_store *store = context;

    if (store->waiting == NULL)
        store->waiting = mailbox_take(store->requests);
    *waiting_out = list_length(store->waiting);
    *answered_out = list_length(store->answered_first);
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
    gateway_changes_post(store);
    if (gateway_timeout_due(store, clock_now_us()) ||
        gateway_open_walking(store))
        wake_for_commands(store);
    if (store->participant == NULL)
        return;
    participant_stats(store->participant, &stats);
    note_pressure(store, &stats);
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

/* Kept for who asks; without memory for it there is nothing to tell. */
static void
on_status(void *context, const struct bus_status *status)
{
    struct gateway_store *store = context;

    if (store->status == NULL)
        store->status = malloc(sizeof *store->status);
    if (store->status == NULL)
        return;
    *store->status = *status;
    store->status_us = clock_monotonic_us();
}

const struct participant_handlers gateway_store_handlers = {
    .on_open = on_open,
    .on_first = on_first,
    .on_event = on_event,
    .on_commands = on_commands,
    .on_commit = on_commit,
    .on_expect = on_expect,
    .on_committed = on_committed,
    .on_drain = on_drain,
    .on_status = on_status,
};

/* ---- life ------------------------------------------------------------- */

/* True if a store was made here before, whatever is in it. */
static bool
store_was_made(const struct config *config)
{
    char path[STORE_PATH_BYTES];

    store_path(config, "orders", path, sizeof path);
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
    store->index_shape = &order_index_shape_usual;
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
    gateway_changes_fini(store);
    order_index_close(&store->tables.orders_by_user);
    row_cache_close(&store->users);
    free(store->status);
    free(store);
}

void
gateway_store_shape_index(struct gateway_store *store,
                          const struct order_index_shape *shape)
{
    store->index_shape = shape;
}

void
gateway_store_attach(struct gateway_store *store,
                     const struct participant *participant)
{
    store->participant = participant;
}
