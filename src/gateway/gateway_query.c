#include "gateway/gateway_query.h"

#include <inttypes.h>
#include <stdlib.h>

#include "gateway/gateway_rows.h"
#include "gateway/order_index.h"
#include "saga/log.h"

/*
 * One walk over a table: the ids behind query.after in its direction.
 */
struct scan {
    struct request *request;
    struct store_table *table;
    size_t row_bytes; /* of one of request->rows */
    /* Reads the row into *row_out (one of request->rows' kind) and tells if
     * it belongs into the page. */
    enum rc (*read)(const struct scan *scan, uint64_t id,
                    const struct store_row *row, void *row_out,
                    bool *fits_out);
};

/* Large enough for one row of every list. */
union scan_row {
    struct order_row order;
    struct user_row user;
    struct transaction_row transaction;
};

static enum rc
row_damaged(const char *table, uint64_t id)
{
    log_error("row_damaged", "table=%s id=%" PRIu64, table, id);
    return RC_DAMAGED;
}

enum rc
gateway_query_order(const struct gateway_tables *tables, struct order_id order,
                    struct order_row *row_out)
{
    uint8_t key[ID_KEY_BYTES], value[ORDER_ROW_BYTES_MAX];
    size_t bytes;
    enum rc rc;

    id_key_encode(order.value, key);
    rc = store_get(tables->orders, key, sizeof key, value, sizeof value,
                   &bytes);
    if (rc == RC_OK)
        rc = order_row_decode(order, value, bytes, row_out);
    return rc == RC_DAMAGED || rc == RC_FULL
               ? row_damaged("orders", order.value)
               : rc;
}

enum rc
gateway_query_transaction(const struct gateway_tables *tables,
                          struct transaction_id transaction,
                          struct transaction_row *row_out)
{
    uint8_t key[ID_KEY_BYTES], value[TRANSACTION_ROW_BYTES];
    size_t bytes;
    enum rc rc;

    id_key_encode(transaction.value, key);
    rc = store_get(tables->transactions, key, sizeof key, value, sizeof value,
                   &bytes);
    if (rc == RC_OK)
        rc = transaction_row_decode(transaction, value, bytes, row_out);
    return rc == RC_DAMAGED || rc == RC_FULL
               ? row_damaged("transactions", transaction.value)
               : rc;
}

/* Places the cursor on the first row of the page. */
static enum rc
scan_first(const struct scan *scan, struct store_cursor *cursor,
           struct store_row *row_out)
{
    const struct request_query *query = &scan->request->query;
    uint8_t key[ID_KEY_BYTES];

    if (!query->descending && query->after == UINT64_MAX)
        return RC_NOT_FOUND;
    id_key_encode(query->descending ? query->after - 1 : query->after + 1, key);
    return query->descending
               ? store_cursor_seek_back(cursor, key, sizeof key, row_out)
               : store_cursor_seek(cursor, key, sizeof key, row_out);
}

/*
 * False when the page ends before this row: it is full, and looks one fitting
 * row further than it holds.  That one tells that there is more, and the next
 * page begins right there.
 */
static bool
page_takes(struct request *request, const void *row, size_t row_bytes,
           bool fits)
{
    if (fits && request->rows_count == request->query.limit) {
        request->more = true;
        return false;
    }
    if (fits)
        memcpy((uint8_t *)request->rows + request->rows_count++ * row_bytes,
               row, row_bytes);
    return true;
}

static enum rc
scan_rows(const struct scan *scan, struct store_cursor *cursor)
{
    struct request *request = scan->request;
    struct store_row row;
    union scan_row row_read;
    uint32_t scanned;
    uint64_t id, id_last = request->query.after;
    bool fits;
    enum rc rc;

    rc = scan_first(scan, cursor, &row);
    for (scanned = 0; rc == RC_OK; scanned++) {
        if (id_key_decode(row.key, row.key_bytes, &id) != RC_OK)
            return row_damaged("list", 0);
        if (scanned == LIST_SCAN_MAX) {
            request->more = true;
            break;
        }
        rc = scan->read(scan, id, &row, &row_read, &fits);
        if (rc != RC_OK)
            return rc;
        if (!page_takes(request, &row_read, scan->row_bytes, fits))
            break;
        id_last = id;
        rc = request->query.descending ? store_cursor_prev(cursor, &row)
                                       : store_cursor_next(cursor, &row);
    }
    request->more_after = request->more ? id_last : 0;
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* An empty page with room for its rows; false without memory. */
static bool
page_begin(struct request *request, size_t row_bytes)
{
    invariant(request->query.limit >= 1 &&
              request->query.limit <= LIST_ROWS_MAX);
    request->rows_count = 0;
    request->more = false;
    request->more_after = 0;
    request->rows = malloc(request->query.limit * row_bytes);
    request->outcome = request->rows == NULL ? REQUEST_FAILED : REQUEST_DONE;
    return request->rows != NULL;
}

static enum rc
scan_page(const struct scan *scan)
{
    struct store_cursor *cursor;
    enum rc rc;

    if (!page_begin(scan->request, scan->row_bytes))
        return RC_OK;
    rc = store_cursor_open(scan->table, &cursor);
    if (rc != RC_OK)
        return rc;
    rc = scan_rows(scan, cursor);
    store_cursor_close(&cursor);
    return rc;
}

static enum rc
read_order(const struct scan *scan, uint64_t id, const struct store_row *row,
           void *row_out, bool *fits_out)
{
    struct order_row *order = row_out;

    if (order_row_decode((struct order_id){ id }, row->value, row->bytes,
                         order) != RC_OK)
        return row_damaged("orders", id);
    *fits_out = request_takes_order(&scan->request->query, order);
    return RC_OK;
}

/* No more ids than the page may need. */
static enum rc
take_user_orders(const struct gateway_tables *tables, struct request *request)
{
    const struct request_query *query = &request->query;
    uint64_t ids[LIST_LOOKUP_MAX + 1], id_last = query->after;
    uint32_t max = query->status == ORDER_UNSET ? query->limit
                                                : LIST_LOOKUP_MAX;
    struct order_row row;
    uint32_t i, count;
    enum rc rc;

    rc = order_index_find(tables->orders_by_user, query->user, query->after,
                          query->descending, ids, max + 1, &count);
    for (i = 0; i < count && rc == RC_OK; i++) {
        if (i == LIST_LOOKUP_MAX) {
            request->more = true;
            break;
        }
        rc = gateway_query_order(tables, (struct order_id){ ids[i] }, &row);
        if (rc == RC_NOT_FOUND)
            return row_damaged("orders_by_user", ids[i]);
        if (rc != RC_OK)
            return rc;
        if (!page_takes(request, &row, sizeof row,
                        request_takes_order(query, &row)))
            break;
        id_last = ids[i];
    }
    request->more_after = request->more ? id_last : 0;
    return rc;
}

enum rc
gateway_query_orders(const struct gateway_tables *tables,
                     struct request *request)
{
    const struct scan scan = {
        .request = request,
        .table = tables->orders,
        .row_bytes = sizeof(struct order_row),
        .read = read_order,
    };

    if (request->query.user.value == 0)
        return scan_page(&scan);
    return page_begin(request, sizeof(struct order_row))
               ? take_user_orders(tables, request)
               : RC_OK;
}

static enum rc
read_user(const struct scan *scan, uint64_t id, const struct store_row *row,
          void *row_out, bool *fits_out)
{
    struct user_row *user = row_out;

    (void)scan;
    if (user_row_decode((struct user_id){ id }, row->value, row->bytes,
                        user) != RC_OK)
        return row_damaged("users", id);
    *fits_out = user->state != USER_ABSENT;
    return RC_OK;
}

enum rc
gateway_query_users(const struct gateway_tables *tables,
                    struct request *request)
{
    const struct scan scan = {
        .request = request,
        .table = tables->users,
        .row_bytes = sizeof(struct user_row),
        .read = read_user,
    };

    return scan_page(&scan);
}

static enum rc
read_transaction(const struct scan *scan, uint64_t id,
                 const struct store_row *row, void *row_out, bool *fits_out)
{
    const struct request_query *query = &scan->request->query;
    struct transaction_row *transaction = row_out;

    if (transaction_row_decode((struct transaction_id){ id }, row->value,
                               row->bytes, transaction) != RC_OK)
        return row_damaged("transactions", id);
    *fits_out = query->user.value == 0 ||
                query->user.value == transaction->user.value;
    return RC_OK;
}

enum rc
gateway_query_transactions(const struct gateway_tables *tables,
                           struct request *request)
{
    const struct scan scan = {
        .request = request,
        .table = tables->transactions,
        .row_bytes = sizeof(struct transaction_row),
        .read = read_transaction,
    };

    return scan_page(&scan);
}

void
gateway_query_products(const struct gateway_catalogue *catalogue,
                       struct request *request)
{
    const struct request_query *query = &request->query;
    struct product_row *rows;
    size_t slot, left;

    if (!page_begin(request, sizeof *rows))
        return;
    rows = request->rows;
    if (!query->descending) {
        slot = query->after == UINT64_MAX
                   ? catalogue->count
                   : gateway_catalogue_seek(catalogue, query->after + 1);
        left = catalogue->count - slot;
    } else {
        left = query->after == 0
                   ? catalogue->count
                   : gateway_catalogue_seek(catalogue, query->after);
        slot = left - 1; /* unused if nothing is left */
    }
    while (left > 0 && request->rows_count < query->limit) {
        rows[request->rows_count++] = catalogue->products[slot];
        slot = query->descending ? slot - 1 : slot + 1;
        left--;
    }
    if (left == 0)
        return;
    request->more = true;
    request->more_after = rows[request->rows_count - 1].product.value;
}
