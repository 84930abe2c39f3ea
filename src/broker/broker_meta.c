#include "broker/broker_meta.h"

#include <string.h>

#include "saga/log.h"
#include "saga/topic.h"

#define META "meta"

void
broker_meta_value(struct broker_meta_bytes *value)
{
    bytes_writer_init(&value->writer, value->bytes, sizeof(value->bytes));
}

void
broker_meta_key(struct broker_meta_bytes *key, enum broker_meta_kind kind)
{
    broker_meta_value(key);
    bytes_put_u8(&key->writer, (uint8_t)kind);
}

enum rc
broker_meta_put(struct store_table *meta, const struct broker_meta_bytes *key,
                const struct broker_meta_bytes *value)
{
    invariant(!key->writer.failed && !value->writer.failed);
    return store_put(meta, key->bytes, key->writer.used, value->bytes,
                     value->writer.used);
}

enum rc
broker_meta_delete(struct store_table *meta,
                   const struct broker_meta_bytes *key)
{
    enum rc rc = store_delete(meta, key->bytes, key->writer.used);

    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static bool
begins_with(const struct store_row *row, const struct broker_meta_bytes *prefix)
{
    return row->key_bytes >= prefix->writer.used &&
           memcmp(row->key, prefix->bytes, prefix->writer.used) == 0;
}

enum rc
broker_meta_walk(struct store_table *meta,
                 const struct broker_meta_bytes *prefix,
                 broker_meta_row_fn *row_fn, void *context)
{
    struct store_cursor *cursor;
    struct store_row row;
    struct bytes_reader key, value;
    enum rc rc;

    rc = store_cursor_open(meta, &cursor);
    if (rc != RC_OK)
        return rc;
    rc = store_cursor_seek(cursor, prefix->bytes, prefix->writer.used, &row);
    while (rc == RC_OK && begins_with(&row, prefix)) {
        bytes_reader_init(&key, row.key, row.key_bytes);
        bytes_reader_init(&value, row.value, row.bytes);
        (void)bytes_get(&key, prefix->writer.used);
        rc = row_fn(context, &key, &value);
        if (rc == RC_OK)
            rc = store_cursor_next(cursor, &row);
    }
    store_cursor_close(&cursor);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc
write_format(struct store *store, struct store_table *meta, uint32_t partitions)
{
    struct broker_meta_bytes key, value;
    enum rc rc = store_begin(store);

    if (rc != RC_OK)
        return rc;
    broker_meta_key(&key, BROKER_META_FORMAT);
    broker_meta_value(&value);
    bytes_put_u32(&value.writer, BROKER_FORMAT);
    bytes_put_u32(&value.writer, partitions);
    rc = broker_meta_put(meta, &key, &value);
    if (rc == RC_OK)
        rc = store_commit(store);
    else
        store_abort(store);
    return rc == RC_OK ? store_flush(store) : rc;
}

/* It is written before all others.  RC_NOT_FOUND if there is none at all. */
static enum rc
no_format(struct store_table *meta)
{
    struct store_cursor *cursor;
    struct store_row row;
    enum rc rc = store_cursor_open(meta, &cursor);

    if (rc != RC_OK)
        return rc;
    rc = store_cursor_first(cursor, &row);
    store_cursor_close(&cursor);
    if (rc != RC_OK)
        return rc;
    log_error("row_damaged", "table=" META " words=\"the first is not there\"");
    return RC_DAMAGED;
}

enum rc
broker_meta_format(struct store_table *meta, uint32_t *partitions_out)
{
    struct broker_meta_bytes key;
    struct bytes_reader reader;
    uint8_t value[16];
    uint32_t format;
    size_t bytes = 0;
    enum rc rc;

    broker_meta_key(&key, BROKER_META_FORMAT);
    rc = store_get(meta, key.bytes, key.writer.used, value, sizeof(value),
                   &bytes);
    if (rc == RC_NOT_FOUND)
        return no_format(meta);
    if (rc == RC_FULL)
        bytes = 0;
    else if (rc != RC_OK)
        return rc;
    bytes_reader_init(&reader, value, bytes);
    format = bytes_get_u32(&reader);
    *partitions_out = bytes_get_u32(&reader);
    if (bytes_all_read(&reader) && format == BROKER_FORMAT &&
        *partitions_out >= 1 && *partitions_out <= PARTITIONS_MAX)
        return RC_OK;
    log_error("format_unknown", "format=%u known=%d partitions=%u", format,
              BROKER_FORMAT, *partitions_out);
    return RC_DAMAGED;
}

bool
broker_meta_stays(const char *table)
{
    return strcmp(table, META) == 0;
}

enum rc
broker_meta_open(struct store *store, uint32_t partitions,
                 struct store_table **meta_out, uint32_t *partitions_out)
{
    enum rc rc = store_table_open(store, META, meta_out);

    *partitions_out = partitions;
    if (rc == RC_OK)
        rc = broker_meta_format(*meta_out, partitions_out);
    if (rc == RC_NOT_FOUND)
        return write_format(store, *meta_out, partitions);
    if (rc == RC_OK && *partitions_out != partitions)
        return RC_MALFORMED;
    return rc;
}
