#include "gateway/gateway_changes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "gateway/gateway_state.h"
#include "saga/log.h"

#define ROOM_FIRST 256
/* Rows that one turn may remove beyond those that it writes. */
#define TRIM_MAX 2

/* ---- opening ---------------------------------------------------------- */

static enum rc
damaged(uint64_t number)
{
    log_error("row_damaged", "table=changes id=%" PRIu64, number);
    return RC_DAMAGED;
}

/* What a row holds: its first number, and how many. */
static enum rc
row_extent(const struct store_row *row, uint64_t *first_out,
           uint32_t *count_out)
{
    enum rc rc = id_key_decode(row->key, row->key_bytes, first_out);

    if (rc == RC_OK)
        rc = change_row_count(row->value, row->bytes, count_out);
    return rc == RC_OK ? RC_OK : damaged(*first_out);
}

static enum rc
find_extent(struct gateway_changes *changes, struct store_cursor *cursor)
{
    struct store_row row;
    uint32_t count;
    enum rc rc = store_cursor_first(cursor, &row);

    if (rc == RC_OK)
        rc = row_extent(&row, &changes->first, &count);
    if (rc == RC_OK)
        rc = store_cursor_last(cursor, &row);
    if (rc == RC_OK)
        rc = row_extent(&row, &changes->next, &count);
    if (rc == RC_OK)
        changes->next += count;
    return rc;
}

enum rc
gateway_changes_open(struct gateway_store *store)
{
    struct gateway_changes *changes = &store->changes;
    struct store_cursor *cursor;
    enum rc rc;

    changes->table = store->tables.changes;
    changes->first = changes->next = 1;
    rc = store_cursor_open(changes->table, &cursor);
    if (rc != RC_OK)
        return rc;
    rc = find_extent(changes, cursor);
    store_cursor_close(&cursor);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static void
drop_post(struct gateway_changes *changes)
{
    if (changes->post == NULL)
        return;
    request_fini(changes->post);
    free(changes->post);
    changes->post = NULL;
}

void
gateway_changes_fini(struct gateway_store *store)
{
    drop_post(&store->changes);
    free(store->changes.ids);
    store->changes.ids = NULL;
}

/* ---- noting ----------------------------------------------------------- */

/* Decided once per turn: what is posted must have no holes in it. */
static void
begin_turn(struct gateway_store *store)
{
    struct gateway_changes *changes = &store->changes;

    changes->posts =
        atomic_load(&store->shared->listening) &&
        atomic_load(&store->shared->changes_waiting) < CHANGES_WAITING_MAX;
    if (!changes->posts)
        return;
    changes->post = calloc(1, sizeof *changes->post);
    invariant(changes->post != NULL);
    changes->post->kind = REQUEST_CHANGED;
    changes->post_room = 0;
}

static void
note_id(struct gateway_store *store, enum change_kind kind, uint64_t id)
{
    struct gateway_changes *changes = &store->changes;

    if (changes->count == 0)
        begin_turn(store);
    if (changes->count == changes->room) {
        changes->room = changes->room == 0 ? ROOM_FIRST : 2 * changes->room;
        changes->ids = realloc(changes->ids,
                               changes->room * sizeof *changes->ids);
        invariant(changes->ids != NULL);
    }
    changes->ids[changes->count++] = change_id(kind, id);
}

/* Room for one more row of what is posted. */
static struct change *
post_row(struct gateway_changes *changes, enum change_kind kind)
{
    struct request *post = changes->post;
    struct change *change;

    if (post->rows_count == changes->post_room) {
        changes->post_room = changes->post_room == 0 ? ROOM_FIRST
                                                     : 2 * changes->post_room;
        post->rows = realloc(post->rows,
                             changes->post_room * sizeof(struct change));
        invariant(post->rows != NULL);
    }
    change = (struct change *)post->rows + post->rows_count++;
    change->kind = kind;
    return change;
}

void
gateway_changes_order(struct gateway_store *store,
                      const struct order_row *row)
{
    note_id(store, CHANGE_ORDER, row->order.value);
    if (store->changes.posts)
        post_row(&store->changes, CHANGE_ORDER)->order = *row;
}

void
gateway_changes_transaction(struct gateway_store *store,
                            const struct transaction_row *row)
{
    note_id(store, CHANGE_TRANSACTION, row->transaction.value);
    if (store->changes.posts)
        post_row(&store->changes, CHANGE_TRANSACTION)->transaction = *row;
}

/* ---- writing ---------------------------------------------------------- */

static enum rc
remove_first(struct gateway_changes *changes)
{
    uint8_t key[ID_KEY_BYTES], value[CHANGE_ROW_BYTES_MAX];
    uint32_t count;
    size_t bytes;
    enum rc rc;

    id_key_encode(changes->first, key);
    rc = store_get(changes->table, key, sizeof key, value, sizeof value,
                   &bytes);
    if (rc == RC_OK)
        rc = change_row_count(value, bytes, &count);
    if (rc == RC_NOT_FOUND || rc == RC_DAMAGED || rc == RC_FULL)
        return damaged(changes->first);
    if (rc == RC_OK)
        rc = store_delete(changes->table, key, sizeof key);
    if (rc == RC_OK)
        changes->first += count;
    return rc;
}

/* The last row stays, for its number. */
static enum rc
trim(struct gateway_store *store, uint32_t rows_max)
{
    struct gateway_changes *changes = &store->changes;
    enum rc rc = RC_OK;
    uint32_t i;

    for (i = 0; i < rows_max && rc == RC_OK &&
                changes->next - changes->first >
                    store->config->changes + CHANGE_ROW_MAX; i++)
        rc = remove_first(changes);
    return rc;
}

enum rc
gateway_changes_write(struct gateway_store *store)
{
    struct gateway_changes *changes = &store->changes;
    uint8_t key[ID_KEY_BYTES], value[CHANGE_ROW_BYTES_MAX];
    struct change *rows;
    uint32_t written = 0;
    size_t at, left;
    enum rc rc = RC_OK;

    if (changes->count == 0)
        return RC_OK;
    if (changes->posts) {
        rows = changes->post->rows;
        for (at = 0; at < changes->count; at++)
            rows[at].number = changes->next + at;
    }
    for (at = 0; at < changes->count && rc == RC_OK; at += left, written++) {
        left = changes->count - at;
        if (left > CHANGE_ROW_MAX)
            left = CHANGE_ROW_MAX;
        id_key_encode(changes->next, key);
        rc = store_put_new(changes->table, key, sizeof key, value,
                           change_row_encode(changes->ids + at,
                                             (uint32_t)left, value));
        invariant(rc != RC_EXISTS);
        changes->next += left;
    }
    changes->count = 0;
    return rc == RC_OK ? trim(store, written + TRIM_MAX) : rc;
}

/* Nobody may change anything for long, and so show the gap. */
static void
wake_who_listens(const struct gateway_shared *shared)
{
    int wake_fd = atomic_load(&shared->wake_fd);

    if (atomic_load(&shared->listening) && wake_fd >= 0 &&
        eventfd_write(wake_fd, 1) != 0)
        log_warning("wake_failed", "fd=%d", wake_fd);
}

void
gateway_changes_post(struct gateway_store *store)
{
    struct gateway_changes *changes = &store->changes;
    struct gateway_shared *shared = store->shared;
    bool posts = changes->post != NULL;

    if (posts) {
        atomic_fetch_add(&shared->changes_waiting, 1);
        mailbox_post(store->answers, changes->post, changes->post);
        changes->post = NULL;
    }
    if (atomic_exchange(&shared->changes_next, changes->next) !=
            changes->next && !posts)
        wake_who_listens(shared);
}

/* ---- reading the history ---------------------------------------------- */

/* A look into the history: what it may still pass. */
struct look {
    struct gateway_store *store;
    struct request *request;
    uint32_t left;
};

/* Takes the change if it belongs into the stream. */
static enum rc
look_at(struct look *look, uint64_t number, uint64_t id)
{
    const struct gateway_tables *tables = &look->store->tables;
    struct request *request = look->request;
    struct change *change = (struct change *)request->rows +
                            request->rows_count;
    enum change_kind kind = change_id_kind(id);
    enum rc rc;

    if ((kind == CHANGE_ORDER) != (request->kind == REQUEST_ORDER_STREAM))
        return RC_OK;
    change->number = number;
    change->kind = kind;
    if (kind == CHANGE_ORDER)
        rc = gateway_query_order(tables,
                                 (struct order_id){ change_id_value(id) },
                                 &change->order);
    else
        rc = gateway_query_transaction(
            tables, (struct transaction_id){ change_id_value(id) },
            &change->transaction);
    if (rc == RC_NOT_FOUND)
        return damaged(number);
    if (rc == RC_OK && (kind == CHANGE_TRANSACTION ||
                        request_takes_order(&request->query, &change->order)))
        request->rows_count++;
    return rc;
}

static enum rc
look_into_row(struct look *look, const struct store_row *row)
{
    struct request *request = look->request;
    uint64_t first;
    uint32_t count, i;
    enum rc rc = row_extent(row, &first, &count);

    if (rc != RC_OK)
        return rc;
    if (request->change_next < first || request->change_next >= first + count)
        return damaged(first);
    for (i = (uint32_t)(request->change_next - first);
         i < count && look->left > 0 && rc == RC_OK; i++, look->left--)
        rc = look_at(look, request->change_next++,
                     change_row_at(row->value, i));
    return rc;
}

static enum rc
look_from(struct look *look)
{
    struct gateway_changes *changes = &look->store->changes;
    struct request *request = look->request;
    uint8_t key[ID_KEY_BYTES];
    struct store_cursor *cursor;
    struct store_row row;
    enum rc rc = store_cursor_open(changes->table, &cursor);

    if (rc != RC_OK)
        return rc;
    id_key_encode(request->change_next, key);
    rc = store_cursor_seek_back(cursor, key, sizeof key, &row);
    while (rc == RC_OK) {
        rc = look_into_row(look, &row);
        if (look->left == 0 || request->change_next == changes->next)
            break;
        if (rc == RC_OK)
            rc = store_cursor_next(cursor, &row);
    }
    store_cursor_close(&cursor);
    /* What is asked for is between the first and the next. */
    return rc == RC_NOT_FOUND ? damaged(request->change_next) : rc;
}

static enum rc
serve_list(struct gateway_store *store, struct request *request)
{
    const struct gateway_changes *changes = &store->changes;
    struct look look = { store, request, CHANGES_SCAN_MAX };
    uint64_t after = request->change_after;
    enum rc rc;

    request->change_next = after == CHANGES_NOW ? changes->next : after + 1;
    request->change_gap = request->change_next < changes->first ||
                          request->change_next > changes->next;
    if (request->change_gap)
        request->change_next = after < changes->first ? changes->first
                                                      : changes->next;
    request->change_first = request->change_next;
    if (request->change_next == changes->next)
        return RC_OK;
    request->rows = malloc(CHANGES_SCAN_MAX * sizeof(struct change));
    if (request->rows == NULL) {
        request->outcome = REQUEST_FAILED;
        return RC_OK;
    }
    rc = look_from(&look);
    request->more = request->change_next < changes->next;
    return rc;
}

enum rc
gateway_changes_serve(struct gateway_store *store, struct request *request)
{
    enum rc rc;

    request->outcome = REQUEST_DONE;
    request->rows_count = 0;
    request->more = false;
    if (request->kind != REQUEST_ORDER_WATCH)
        return serve_list(store, request);
    request->change_next = store->changes.next;
    rc = gateway_query_order(&store->tables, request->order_id,
                             &request->order);
    if (rc == RC_NOT_FOUND)
        request->outcome = REQUEST_NO_ROW;
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}
