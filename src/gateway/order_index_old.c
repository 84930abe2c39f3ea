#include "gateway/order_index_old.h"

#include <inttypes.h>

#include "gateway/gateway_rows.h"
#include "saga/log.h"

#define ROW_VERSION 1

enum rc
order_old_row_decode(const uint8_t *key, size_t key_bytes,
                     const uint8_t *value, size_t bytes,
                     struct order_old_row *row_out)
{
    struct bytes_reader of_key, reader;
    uint32_t i;

    bytes_reader_init(&of_key, key, key_bytes);
    bytes_reader_init(&reader, value, bytes);
    row_out->user = bytes_get_u64(&of_key);
    row_out->ids[0] = bytes_get_u64(&of_key);
    row_out->count = 1;
    if (!bytes_all_read(&of_key) || !id_valid(row_out->ids[0]) ||
        (bytes > 0 && (bytes_get_u8(&reader) != ROW_VERSION || bytes == 1)))
        return RC_DAMAGED;
    while (!bytes_all_read(&reader)) {
        if (row_out->count == ORDER_OLD_ROW_MAX)
            return RC_DAMAGED;
        i = row_out->count++;
        row_out->ids[i] = bytes_get_u64(&reader);
        if (reader.failed || !id_valid(row_out->ids[i]) ||
            row_out->ids[i] <= row_out->ids[i - 1])
            return RC_DAMAGED;
    }
    return RC_OK;
}

/* RC_NOT_FOUND once nothing is wanted, or the rows are another user's. */
static enum rc
find_in_row(uint64_t mark, struct order_search *search,
            const struct store_row *row)
{
    struct order_old_row old;
    uint64_t id;
    uint32_t i;

    if (order_old_row_decode(row->key, row->key_bytes, row->value, row->bytes,
                             &old) != RC_OK) {
        log_error("row_damaged", "table=orders_by_user user=%" PRIu64
                  " order=%" PRIu64, old.user, old.ids[0]);
        return RC_DAMAGED;
    }
    if (old.user != search->user.value)
        return RC_NOT_FOUND;
    for (i = 0; i < old.count; i++) {
        id = old.ids[search->descending ? old.count - 1 - i : i];
        if (id < mark)
            order_search_add(search, id);
    }
    return order_search_ended(search) ? RC_NOT_FOUND : RC_OK;
}

static enum rc
find_first_row(const struct order_search *search, struct store_cursor *cursor,
               struct store_row *row_out)
{
    uint8_t key[ORDER_USER_KEY_BYTES];
    enum rc rc;

    order_user_key_encode(search->user, order_search_from(search), key);
    rc = store_cursor_seek_back(cursor, key, sizeof key, row_out);
    if (search->descending)
        return rc;
    /* The row that the id is in, or would be: else the one behind it. */
    if (rc == RC_OK && memcmp(row_out->key, key, ID_KEY_BYTES) == 0)
        return RC_OK;
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return rc;
    return store_cursor_seek(cursor, key, sizeof key, row_out);
}

enum rc
order_index_old_find(struct store_table *table, uint64_t mark,
                     struct order_search *search)
{
    struct store_cursor *cursor;
    struct store_row row;
    enum rc rc;

    rc = store_cursor_open(table, &cursor);
    if (rc != RC_OK)
        return rc;
    rc = find_first_row(search, cursor, &row);
    while (rc == RC_OK) {
        rc = find_in_row(mark, search, &row);
        if (rc == RC_OK)
            rc = search->descending ? store_cursor_prev(cursor, &row)
                                    : store_cursor_next(cursor, &row);
    }
    store_cursor_close(&cursor);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}
