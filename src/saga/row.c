#include "saga/row.h"

#include <inttypes.h>

#include "saga/log.h"

static size_t
value_encode(const struct row_format *format, const void *row,
             uint8_t value[static ROW_VALUE_BYTES_MAX])
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, value, ROW_VALUE_BYTES_MAX);
    format->encode(row, &writer);
    invariant(!writer.failed);
    return writer.used;
}

enum rc
row_get(struct store_table *table, const struct row_format *format,
        uint64_t key, void *row_out)
{
    uint8_t key_bytes[NUMBER_KEY_BYTES], value[ROW_VALUE_BYTES_MAX];
    struct bytes_reader reader;
    size_t bytes;
    enum rc rc;

    number_key_encode(key, key_bytes);
    memset(row_out, 0, format->row_bytes);
    rc = store_get(table, key_bytes, sizeof key_bytes, value, sizeof value,
                   &bytes);
    if (rc != RC_OK && rc != RC_FULL)
        return rc;
    /* One that is too long reads as empty, which no row is. */
    bytes_reader_init(&reader, value, rc == RC_OK ? bytes : 0);
    if (format->decode(row_out, &reader) && bytes_all_read(&reader))
        return RC_OK;
    log_error("row_damaged", "row=%s key=%" PRIu64, format->name, key);
    return RC_DAMAGED;
}

enum rc
row_put(struct store_table *table, const struct row_format *format,
        uint64_t key, const void *row)
{
    uint8_t key_bytes[NUMBER_KEY_BYTES], value[ROW_VALUE_BYTES_MAX];

    number_key_encode(key, key_bytes);
    return store_put(table, key_bytes, sizeof key_bytes, value,
                     value_encode(format, row, value));
}

enum rc
row_put_new(struct store_table *table, const struct row_format *format,
            uint64_t key, const void *row)
{
    uint8_t key_bytes[NUMBER_KEY_BYTES], value[ROW_VALUE_BYTES_MAX];

    number_key_encode(key, key_bytes);
    return store_put_new(table, key_bytes, sizeof key_bytes, value,
                         value_encode(format, row, value));
}
