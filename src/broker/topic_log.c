#include "broker/topic_log.h"

#include <inttypes.h>
#include <stdlib.h>

#include "broker/name_index.h"
#include "broker/topic_segment.h"
#include "saga/log.h"

struct topic_log {
    struct topic_segments segments;
    bool dirty; /* appended to in the open transaction */
    size_t saved_count;
    struct topic_segment saved_active; /* the last one before that */
    char removing[STORE_NAME_BYTES];   /* a table that is next to go, or "" */
};

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
        return RC_IO;
    log->segments.config = *config;
    name_copy(log->segments.topic, sizeof(log->segments.topic), config->topic);
    log->segments.config.topic = log->segments.topic;
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
    const struct topic_segment *segment;

    if (log->segments.count == 0)
        return true;
    segment = active(log);
    if (segment->end == segment->base ||
        log->segments.count >= TOPIC_LOG_SEGMENTS_MAX)
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
    uint8_t key[TOPIC_SEGMENT_KEY_BYTES];
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
    topic_segment_key(key, segment->end);
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

static enum rc
take_row(struct reading *reading, const struct store_row *row)
{
    struct topic_log_read *read = reading->read;
    struct protocol_batch batch;
    enum rc rc = batch_of_row(reading->log, row, &batch);

    if (rc != RC_OK)
        return rc;
    if (batch.base_offset > reading->offset ||
        batch.base_offset + batch.count <= reading->offset ||
        (read->count > 0 && batch.base_offset != reading->offset))
        return damaged(reading->log, reading->offset, "a batch is missing");
    reading->full = read->bytes + row->bytes > reading->max_bytes;
    if (reading->full && read->count > 0)
        return RC_OK;
    invariant(read->bytes + row->bytes <= PROTOCOL_FETCH_BYTES_MAX);
    memcpy(reading->buffer + read->bytes, row->value, row->bytes);
    read->bytes += row->bytes;
    read->count++;
    reading->offset = batch.base_offset + batch.count;
    return RC_OK;
}

static enum rc
read_segment(struct reading *reading, struct topic_segment *segment)
{
    uint8_t key[TOPIC_SEGMENT_KEY_BYTES];
    struct store_cursor *cursor;
    struct store_row row;
    enum rc rc = topic_segments_open_table(&reading->log->segments, segment);

    if (rc == RC_OK)
        rc = store_cursor_open(segment->table, &cursor);
    if (rc != RC_OK)
        return rc;
    topic_segment_key(key, reading->offset);
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
    *read_out = (struct topic_log_read){ 0, 0 };
    while (rc == RC_OK && !reading.full && reading.offset < end)
        rc = read_segment(&reading,
                          topic_segments_find(&log->segments, reading.offset));
    return rc == RC_OK ? topic_segments_trim_tables(&log->segments) : rc;
}

/*** Retention ***/

bool
topic_log_retention_is_due(const struct topic_log *log,
                           const struct topic_log_retention *retention,
                           int64_t now_us)
{
    const struct topic_segment *oldest = log->segments.items;

    if (log->removing[0] != '\0')
        return true;
    if (log->segments.count < 2)
        return false;
    if (retention->bytes > 0 &&
        topic_log_bytes(log) - oldest->bytes >= retention->bytes)
        return true;
    return retention->age_us > 0 &&
           now_us - oldest->last_us >= retention->age_us;
}

/* A flush that failed, for whatever reason, is never tried again. */
static enum rc
flush(struct store *store)
{
    return store_flush(store) == RC_OK ? RC_OK : RC_IO;
}

static enum rc
retire_oldest(struct topic_log *log)
{
    struct store *store = log->segments.config.store;
    enum rc rc = store_begin(store);

    if (rc != RC_OK)
        return rc;
    rc = topic_segments_retire(&log->segments, log->removing);
    if (rc == RC_OK)
        rc = store_commit(store);
    if (rc != RC_OK) {
        store_abort(store);
        log->removing[0] = '\0';
        return rc;
    }
    rc = flush(store); /* before anybody is told the new start */
    if (rc == RC_OK)
        rc = topic_segments_retired(&log->segments);
    log_info("segment_removed",
             "topic=%s partition=%u start=%" PRIu64 " segments=%zu",
             log->segments.topic, log->segments.config.partition,
             topic_log_start(log), log->segments.count);
    return rc;
}

enum rc
topic_log_retain(struct topic_log *log,
                 const struct topic_log_retention *retention, int64_t now_us,
                 bool *stepped_out)
{
    enum rc rc = RC_OK;

    *stepped_out = topic_log_retention_is_due(log, retention, now_us);
    if (!*stepped_out)
        return RC_OK;
    if (log->removing[0] != '\0') {
        rc = topic_segment_remove_table(log->segments.config.store,
                                        log->segments.config.meta,
                                        log->removing);
        if (rc == RC_OK)
            log->removing[0] = '\0';
    } else if (log->segments.items[0].end <= retention->floor_offset)
        rc = retire_oldest(log);
    else
        *stepped_out = false;
    return rc;
}

static enum rc
on_left_over(void *context, struct bytes_reader *key,
             struct bytes_reader *value)
{
    char *name = context;

    (void)value;
    bytes_get_text(key, name, STORE_NAME_BYTES);
    return bytes_all_read(key) ? RC_EXISTS : RC_DAMAGED;
}

enum rc
topic_log_remove_left_over(struct store *store, struct store_table *meta)
{
    char name[STORE_NAME_BYTES];
    struct broker_meta_bytes prefix;
    enum rc rc;

    broker_meta_key(&prefix, BROKER_META_REMOVED);
    for (;;) {
        rc = broker_meta_walk(meta, &prefix, on_left_over, name);
        if (rc != RC_EXISTS)
            return rc;
        rc = topic_segment_remove_table(store, meta, name);
        if (rc != RC_OK)
            return rc;
        log_info("segment_removed", "table=%s", log_quote(name));
    }
}
