#include "broker/topic_log_state.h"

#include <inttypes.h>
#include <stdlib.h>

#include "broker/name_index.h"
#include "saga/log.h"

/* The last segment; there must be one. */
static struct topic_segment *
active(const struct topic_log *log)
{
    invariant(log->segments.count > 0);
    return &log->segments.items[log->segments.count - 1];
}

uint64_t
topic_log_start(const struct topic_log *log)
{
    return log->segments.count == 0 ? 0 : log->segments.items[0].base;
}

uint64_t
topic_log_end(const struct topic_log *log)
{
    return log->segments.count == 0 ? 0 : active(log)->end;
}

uint64_t
topic_log_bytes(const struct topic_log *log)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < log->segments.count; i++)
        bytes += log->segments.items[i].bytes;
    return bytes;
}

static enum rc
damaged(const struct topic_log *log, uint64_t offset, const char *words)
{
    log_error("log_damaged",
              "topic=%s partition=%u offset=%" PRIu64 " words=%s",
              log->segments.topic, log->segments.config.partition, offset,
              log_quote(words));
    return RC_DAMAGED;
}

/*** Opening ***/

/* A row is a batch under its own base offset, or damage. */
static enum rc
batch_of_row(const struct topic_log *log, const struct store_row *row,
             struct protocol_batch *batch_out)
{
    struct bytes_reader reader, key;
    uint64_t base;

    bytes_reader_init(&key, row->key, row->key_bytes);
    base = bytes_get_u64(&key);
    bytes_reader_init(&reader, row->value, row->bytes);
    if (!bytes_all_read(&key) ||
        protocol_get_batch(&reader, batch_out) != RC_OK ||
        !bytes_all_read(&reader) || batch_out->base_offset != base)
        return damaged(log, base, "a row is not its batch");
    return RC_OK;
}

/* The last batch must end where the segment's row says. */
static enum rc
check_end(struct topic_log *log)
{
    struct topic_segment *segment = active(log);
    struct store_cursor *cursor;
    struct store_row row;
    struct protocol_batch batch;
    enum rc rc = topic_segments_open_table(&log->segments, segment);

    if (rc == RC_OK)
        rc = store_cursor_open(segment->table, &cursor);
    if (rc != RC_OK)
        return rc;
    rc = store_cursor_last(cursor, &row);
    if (rc == RC_NOT_FOUND)
        rc = damaged(log, segment->base, "a segment is empty");
    if (rc == RC_OK)
        rc = batch_of_row(log, &row, &batch);
    if (rc == RC_OK && batch.base_offset + batch.count != segment->end)
        rc = damaged(log, batch.base_offset, "the last batch is not the end");
    store_cursor_close(&cursor);
    return rc;
}

enum rc
topic_log_open(struct topic_log **log_out,
               const struct topic_log_config *config)
{
    struct topic_log *log = calloc(1, sizeof(*log));
    enum rc rc;

    if (log == NULL)
        return RC_NO_MEMORY;
    log->segments.config = *config;
    name_copy(log->segments.topic, sizeof(log->segments.topic), config->topic);
    log->segments.config.topic = log->segments.topic;
    if (config->cache != NULL)
        log->owner = batch_cache_owner(config->cache);
    rc = topic_segments_load(&log->segments);
    if (rc == RC_OK && log->segments.count > 0)
        rc = check_end(log);
    if (rc == RC_OK) {
        *log_out = log;
        return RC_OK;
    }
    if (topic_segments_fini(&log->segments) != RC_OK)
        log_error("log_close_failed", "topic=%s", config->topic);
    free(log);
    return rc;
}

enum rc
topic_log_close(struct topic_log **log_p)
{
    struct topic_log *log = *log_p;
    enum rc rc;

    if (log == NULL)
        return RC_OK;
    invariant(!log->dirty);
    rc = topic_segments_fini(&log->segments);
    free(log);
    *log_p = NULL;
    return rc;
}

/*** Appending ***/

static bool
roll_is_due(const struct topic_log *log, int64_t now_us)
{
    const struct topic_log_config *config = &log->segments.config;
    size_t max = config->segments_max != 0 ? config->segments_max
                                           : TOPIC_LOG_SEGMENTS_MAX;
    const struct topic_segment *segment;

    if (log->segments.count == 0)
        return true;
    segment = active(log);
    /* A roll that its batch did not follow was undone. */
    invariant(segment->end > segment->base);
    if (log->segments.count >= max)
        return false;
    return segment->bytes >= config->segment_bytes ||
           (config->segment_age_us > 0 &&
            now_us - segment->first_us >= config->segment_age_us);
}

static void
save(struct topic_log *log)
{
    if (log->dirty)
        return;
    log->dirty = true;
    log->saved_count = log->segments.count;
    if (log->saved_count > 0)
        log->saved_active = *active(log);
}

static enum rc
segment_for_append(struct topic_log *log, int64_t now_us)
{
    if (roll_is_due(log, now_us)) {
        enum rc rc = topic_segments_add(&log->segments, topic_log_end(log));

        if (rc != RC_OK)
            return rc;
        active(log)->first_us = now_us;
        active(log)->last_us = now_us;
    }
    return topic_segments_open_table(&log->segments, active(log));
}

enum rc
topic_log_append(struct topic_log *log, uint8_t *batch, size_t bytes,
                 uint32_t count, int64_t now_us, uint64_t *base_out)
{
    struct topic_segment *segment;
    uint8_t key[NUMBER_KEY_BYTES];
    struct bytes_writer head;
    enum rc rc;

    if (log->segments.count > 0 && active(log)->last_us > now_us)
        now_us = active(log)->last_us;
    save(log);
    rc = segment_for_append(log, now_us);
    if (rc != RC_OK)
        return rc;
    segment = active(log);
    bytes_writer_init(&head, batch, bytes);
    bytes_put_u64(&head, segment->end);
    bytes_put_i64(&head, now_us);
    number_key_encode(segment->end, key);
    rc = store_put_new(segment->table, key, sizeof(key), batch, bytes);
    if (rc == RC_EXISTS)
        return damaged(log, segment->end, "the end is taken");
    if (rc != RC_OK)
        return rc;
    *base_out = segment->end;
    segment->end += count;
    segment->bytes += bytes;
    segment->last_us = now_us;
    return RC_OK;
}

enum rc
topic_log_write(struct topic_log *log)
{
    size_t first = log->saved_count > 0 ? log->saved_count - 1 : 0;

    invariant(log->dirty);
    for (size_t i = first; i < log->segments.count; i++) {
        enum rc rc =
            topic_segments_write(&log->segments, &log->segments.items[i]);

        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

enum rc
topic_log_committed(struct topic_log *log)
{
    bool rolled = log->segments.count > log->saved_count;

    invariant(log->dirty);
    log->dirty = false;
    if (!rolled)
        return RC_OK;
    log_info("segment_rolled",
             "topic=%s partition=%u base=%" PRIu64 " segments=%zu",
             log->segments.topic, log->segments.config.partition,
             active(log)->base, log->segments.count);
    return topic_segments_trim_tables(&log->segments);
}

enum rc
topic_log_undo(struct topic_log *log)
{
    enum rc rc = RC_OK;

    invariant(log->dirty);
    log->dirty = false;
    while (log->segments.count > log->saved_count) {
        struct topic_segment *segment = active(log);

        if (segment->table != NULL && rc == RC_OK)
            rc = store_table_close(&segment->table);
        log->segments.count--;
    }
    if (log->saved_count > 0) {
        /* Its table, opened in the transaction that is undone, was there
         * before: only a table that was created is gone with it. */
        struct store_table *table = active(log)->table;

        if (log->saved_active.table == NULL && table != NULL && rc == RC_OK)
            rc = store_table_close(&table);
        *active(log) = log->saved_active;
    }
    return rc;
}

/*** Reading ***/

struct reading {
    struct topic_log *log;
    uint64_t offset; /* of the next event wanted */
    size_t max_bytes;
    uint8_t *buffer;
    struct topic_log_read *read;
    bool full;
};

/* A first batch out of the cache is lent until another one comes: most often
 * none does.  It must not be lent while something is put there. */
static void
own(const struct reading *reading)
{
    struct topic_log_read *read = reading->read;

    if (read->batches != reading->buffer)
        memcpy(reading->buffer, read->batches, read->bytes);
    read->batches = reading->buffer;
}

static void
take(struct reading *reading, const struct batch_cached *batch, bool lasts)
{
    struct topic_log_read *read = reading->read;

    reading->full = read->bytes + batch->bytes_count > reading->max_bytes;
    if (reading->full && read->count > 0)
        return;
    invariant(read->bytes + batch->bytes_count <= PROTOCOL_FETCH_BYTES_MAX);
    own(reading);
    if (read->count == 0 && lasts)
        read->batches = batch->bytes;
    else
        memcpy(reading->buffer + read->bytes, batch->bytes,
               batch->bytes_count);
    read->bytes += batch->bytes_count;
    read->count++;
    reading->offset += batch->count;
}

static enum rc
take_row(struct reading *reading, const struct store_row *row)
{
    struct topic_log *log = reading->log;
    struct batch_cached cached = { row->value, row->bytes, 0 };
    struct protocol_batch batch;
    enum rc rc = batch_of_row(log, row, &batch);

    if (rc != RC_OK)
        return rc;
    if (batch.base_offset > reading->offset ||
        batch.base_offset + batch.count <= reading->offset ||
        (reading->read->count > 0 && batch.base_offset != reading->offset))
        return damaged(log, reading->offset, "a batch is missing");
    cached.count = batch.count;
    reading->offset = batch.base_offset;
    take(reading, &cached, false);
    own(reading);
    if (log->segments.config.cache != NULL)
        batch_cache_put(log->segments.config.cache, log->owner,
                        batch.base_offset, &cached);
    return RC_OK;
}

static enum rc
read_segment(struct reading *reading, struct topic_segment *segment)
{
    uint8_t key[NUMBER_KEY_BYTES];
    struct store_cursor *cursor;
    struct store_row row;
    enum rc rc = topic_segments_open_table(&reading->log->segments, segment);

    if (rc == RC_OK)
        rc = store_cursor_open(segment->table, &cursor);
    if (rc != RC_OK)
        return rc;
    number_key_encode(reading->offset, key);
    rc = store_cursor_seek_back(cursor, key, sizeof(key), &row);
    if (rc == RC_OK)
        rc = take_row(reading, &row);
    while (rc == RC_OK && !reading->full && reading->offset < segment->end) {
        rc = store_cursor_next(cursor, &row);
        if (rc == RC_OK)
            rc = take_row(reading, &row);
    }
    store_cursor_close(&cursor);
    if (rc == RC_NOT_FOUND)
        rc = damaged(reading->log, reading->offset, "a batch is missing");
    return rc;
}

/* Puts the batch with that base offset into the cache. */
static enum rc
cache_row(struct topic_log *log, uint64_t offset, struct batch_cached *batch)
{
    struct topic_segment *segment =
        topic_segments_find(&log->segments, offset);
    uint8_t key[NUMBER_KEY_BYTES];
    struct store_cursor *cursor;
    struct store_row row;
    struct protocol_batch read;
    enum rc rc = topic_segments_open_table(&log->segments, segment);

    if (rc == RC_OK)
        rc = store_cursor_open(segment->table, &cursor);
    if (rc != RC_OK)
        return rc;
    number_key_encode(offset, key);
    rc = store_cursor_seek(cursor, key, sizeof(key), &row);
    if (rc == RC_OK)
        rc = batch_of_row(log, &row, &read);
    if (rc == RC_NOT_FOUND || (rc == RC_OK && read.base_offset != offset))
        rc = damaged(log, offset, "a batch is missing");
    if (rc == RC_OK) {
        *batch = (struct batch_cached){ row.value, row.bytes, read.count };
        batch_cache_put(log->segments.config.cache, log->owner, offset, batch);
    }
    store_cursor_close(&cursor);
    return rc;
}

enum rc
topic_log_read_ahead(struct topic_log *log, uint64_t offset)
{
    const struct batch_cache *cache = log->segments.config.cache;
    struct batch_cached batch;
    enum rc rc = RC_OK;

    invariant(offset >= topic_log_start(log) && !log->dirty);
    for (int i = 0; i < TOPIC_LOG_AHEAD && cache != NULL && rc == RC_OK &&
                    offset < topic_log_end(log);
         i++) {
        if (!batch_cache_find(cache, log->owner, offset, &batch))
            rc = cache_row(log, offset, &batch);
        if (rc == RC_OK)
            offset += batch.count;
    }
    return rc == RC_OK ? topic_segments_trim_tables(&log->segments) : rc;
}

static void
read_cached(struct reading *reading, uint64_t end)
{
    const struct topic_log *log = reading->log;
    struct batch_cached batch;

    while (!reading->full && reading->offset < end &&
           batch_cache_find(log->segments.config.cache, log->owner,
                            reading->offset, &batch))
        take(reading, &batch, true);
}

enum rc
topic_log_read(struct topic_log *log, uint64_t offset, size_t max_bytes,
               uint8_t *buffer, struct topic_log_read *read_out)
{
    struct reading reading = {
        log, offset, max_bytes, buffer, read_out, false
    };
    uint64_t end = topic_log_end(log);
    enum rc rc = RC_OK;

    invariant(offset >= topic_log_start(log) && offset < end);
    invariant(max_bytes <= PROTOCOL_FETCH_BYTES_MAX && !log->dirty);
    *read_out = (struct topic_log_read){ buffer, 0, 0, 0 };
    if (log->segments.config.cache != NULL)
        read_cached(&reading, end);
    while (rc == RC_OK && !reading.full && reading.offset < end)
        rc = read_segment(&reading,
                          topic_segments_find(&log->segments, reading.offset));
    read_out->next = reading.offset;
    return rc == RC_OK ? topic_segments_trim_tables(&log->segments) : rc;
}
