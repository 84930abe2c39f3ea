#include "broker/topic_segment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "saga/log.h"

#define ROOM_AT_FIRST 16

_Static_assert(sizeof("topic...") + TOPIC_NAME_BYTES + 5 + 20 <=
                   STORE_NAME_BYTES,
               "a segment's table name must fit");

static void
table_name(const struct topic_segments *segments, uint64_t base,
           char name[STORE_NAME_BYTES])
{
    snprintf(name, STORE_NAME_BYTES, "topic.%s.%u.%020" PRIu64, segments->topic,
             segments->config.partition, base);
}

/* The rows of this partition, or, with the base behind it, one of them. */
static void
row_key(const struct topic_segments *segments, struct broker_meta_bytes *key)
{
    broker_meta_key(key, BROKER_META_SEGMENT);
    bytes_put_text(&key->writer, segments->topic);
    bytes_put_u16(&key->writer, segments->config.partition);
}

/*** The list ***/

enum rc
topic_segments_add(struct topic_segments *segments, uint64_t base)
{
    if (segments->count == segments->room) {
        size_t room = segments->room == 0 ? ROOM_AT_FIRST : segments->room * 2;
        struct topic_segment *items =
            realloc(segments->items, room * sizeof(items[0]));

        if (items == NULL)
            return RC_NO_MEMORY;
        segments->items = items;
        segments->room = room;
    }
    segments->items[segments->count++] =
        (struct topic_segment){ .base = base, .end = base };
    return RC_OK;
}

struct topic_segment *
topic_segments_find(struct topic_segments *segments, uint64_t offset)
{
    size_t low = 0, high = segments->count;

    invariant(high > 0 && segments->items[0].base <= offset);
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (segments->items[middle].base <= offset)
            low = middle;
        else
            high = middle;
    }
    return &segments->items[low];
}

static enum rc
damaged(const struct topic_segments *segments, uint64_t offset,
        const char *words)
{
    log_error(
        "log_damaged", "topic=%s partition=%u offset=%" PRIu64 " words=%s",
        segments->topic, segments->config.partition, offset, log_quote(words));
    return RC_DAMAGED;
}

static enum rc
on_row(void *context, struct bytes_reader *key, struct bytes_reader *value)
{
    struct topic_segments *segments = context;
    struct topic_segment *segment;
    uint64_t base = bytes_get_u64(key);
    uint64_t end =
        segments->count == 0 ? base : segments->items[segments->count - 1].end;
    enum rc rc = topic_segments_add(segments, base);

    if (rc != RC_OK)
        return rc;
    segment = &segments->items[segments->count - 1];
    segment->end = bytes_get_u64(value);
    segment->bytes = bytes_get_u64(value);
    segment->first_us = bytes_get_i64(value);
    segment->last_us = bytes_get_i64(value);
    if (!bytes_all_read(key) || !bytes_all_read(value))
        return damaged(segments, base, "a segment's row has another form");
    if (base != end || segment->end <= base)
        return damaged(segments, base, "segments do not join");
    return RC_OK;
}

enum rc
topic_segments_load(struct topic_segments *segments)
{
    struct broker_meta_bytes prefix;

    row_key(segments, &prefix);
    return broker_meta_walk(segments->config.meta, &prefix, on_row, segments);
}

enum rc
topic_segments_fini(struct topic_segments *segments)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; i < segments->count; i++) {
        struct topic_segment *segment = &segments->items[i];
        enum rc close_rc =
            segment->table != NULL ? store_table_close(&segment->table) : RC_OK;

        rc = rc == RC_OK ? close_rc : rc;
    }
    free(segments->items);
    segments->items = NULL;
    segments->count = segments->room = 0;
    return rc;
}

/*** Tables ***/

enum rc
topic_segments_open_table(struct topic_segments *segments,
                          struct topic_segment *segment)
{
    char name[STORE_NAME_BYTES];

    segment->last_use = ++segments->uses;
    if (segment->table != NULL)
        return RC_OK;
    table_name(segments, segment->base, name);
    segments->opened = true;
    return store_table_open(segments->config.store, name, &segment->table);
}

enum rc
topic_segments_trim_tables(struct topic_segments *segments)
{
    while (segments->opened) {
        struct topic_segment *oldest = NULL;
        size_t open_count = 0;
        enum rc rc;

        for (size_t i = 0; i + 1 < segments->count; i++) {
            struct topic_segment *segment = &segments->items[i];

            if (segment->table == NULL)
                continue;
            open_count++;
            if (oldest == NULL || segment->last_use < oldest->last_use)
                oldest = segment;
        }
        if (open_count <= TOPIC_LOG_OLD_TABLES_MAX) {
            segments->opened = false;
            break;
        }
        rc = store_table_close(&oldest->table);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

/*** Rows ***/

enum rc
topic_segments_write(const struct topic_segments *segments,
                     const struct topic_segment *segment)
{
    struct broker_meta_bytes key, value;

    row_key(segments, &key);
    bytes_put_u64(&key.writer, segment->base);
    broker_meta_value(&value);
    bytes_put_u64(&value.writer, segment->end);
    bytes_put_u64(&value.writer, segment->bytes);
    bytes_put_i64(&value.writer, segment->first_us);
    bytes_put_i64(&value.writer, segment->last_us);
    return broker_meta_put(segments->config.meta, &key, &value);
}

static void
note_key(struct broker_meta_bytes *key, const char *name)
{
    broker_meta_key(key, BROKER_META_REMOVED);
    bytes_put_text(&key->writer, name);
}

enum rc
topic_segments_retire(const struct topic_segments *segments, char *name)
{
    struct broker_meta_bytes key, note, nothing;
    enum rc rc;

    invariant(segments->count > 1);
    row_key(segments, &key);
    bytes_put_u64(&key.writer, segments->items[0].base);
    table_name(segments, segments->items[0].base, name);
    note_key(&note, name);
    broker_meta_value(&nothing);
    rc = broker_meta_delete(segments->config.meta, &key);
    return rc == RC_OK ? broker_meta_put(segments->config.meta, &note, &nothing)
                       : rc;
}

enum rc
topic_segments_retired(struct topic_segments *segments)
{
    struct topic_segment *oldest = &segments->items[0];
    enum rc rc =
        oldest->table != NULL ? store_table_close(&oldest->table) : RC_OK;

    segments->count--;
    memmove(segments->items, segments->items + 1,
            segments->count * sizeof(segments->items[0]));
    return rc;
}

enum rc
topic_segment_remove_table(struct store *store, struct store_table *meta,
                           const char *name)
{
    struct broker_meta_bytes note;
    enum rc rc = store_begin(store);

    if (rc != RC_OK)
        return rc;
    note_key(&note, name);
    rc = store_table_remove(store, name);
    if (rc == RC_OK || rc == RC_NOT_FOUND)
        rc = broker_meta_delete(meta, &note);
    if (rc == RC_OK)
        return store_commit(store);
    store_abort(store);
    return rc;
}
