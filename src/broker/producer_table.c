#include "broker/producer_table.h"

#include <stdlib.h>

#include "saga/log.h"

#define STREAM_ROOM_AT_FIRST 4

void
producer_table_init(struct producer_table *table, size_t producers_max)
{
    *table = (struct producer_table){ 0 };
    name_index_init(&table->index, producers_max);
}

void
producer_table_fini(struct producer_table *table)
{
    for (size_t i = 0; i < table->index.count; i++) {
        struct producer *producer = table->index.items[i];

        for (uint32_t j = 0; j < producer->stream_count; j++)
            free(producer->streams[j]);
        free(producer->streams);
        free(producer);
    }
    name_index_fini(&table->index);
}

/*** Finding and making ***/

struct producer *
producer_table_find(const struct producer_table *table, const char *name)
{
    struct producer *producer = name_index_find(&table->index, name);

    return producer != NULL && producer->epoch > 0 ? producer : NULL;
}

enum rc
producer_table_open(struct producer_table *table, const char *name,
                    const struct producer_life *life,
                    struct producer **producer_out,
                    enum producer_opening *opening_out)
{
    enum rc rc;
    struct producer *producer = name_index_find_or_make(
        &table->index, name, sizeof(*producer), &rc);

    if (producer == NULL)
        return rc;
    *producer_out = producer;
    *opening_out = producer_life_decide(&producer->life, life);
    if (*opening_out != PRODUCER_OPENS)
        return RC_OK;
    if (producer->epoch == UINT32_MAX)
        return RC_FULL;
    if (!producer->dirty) {
        producer->dirty = true;
        producer->saved_epoch = producer->epoch;
        producer->saved_life = producer->life;
        producer->next_dirty = table->dirty;
        table->dirty = producer;
    }
    producer->epoch++;
    producer_life_fold(&producer->life, life);
    return RC_OK;
}

static enum rc
stream_add(struct producer *producer, struct producer_stream *stream)
{
    if (producer->stream_count == producer->stream_room) {
        uint32_t room = producer->stream_room == 0 ? STREAM_ROOM_AT_FIRST
                                                   : producer->stream_room * 2;
        struct producer_stream **streams =
            realloc(producer->streams, room * sizeof(streams[0]));

        if (streams == NULL)
            return RC_NO_MEMORY;
        producer->streams = streams;
        producer->stream_room = room;
    }
    producer->streams[producer->stream_count++] = stream;
    return RC_OK;
}

enum rc
producer_table_stream(struct producer_table *table, struct producer *producer,
                      uint32_t slot, struct producer_stream **stream_out)
{
    struct producer_stream *stream;

    for (uint32_t i = 0; i < producer->stream_count; i++)
        if (producer->streams[i]->slot == slot) {
            *stream_out = producer->streams[i];
            return RC_OK;
        }
    if (table->stream_count == PRODUCER_TABLE_STREAMS_MAX)
        return RC_FULL;
    stream = calloc(1, sizeof(*stream));
    if (stream == NULL || stream_add(producer, stream) != RC_OK) {
        free(stream);
        return RC_NO_MEMORY;
    }
    stream->producer = producer;
    stream->slot = slot;
    table->stream_count++;
    *stream_out = stream;
    return RC_OK;
}

void
producer_table_append(struct producer_table *table,
                      struct producer_stream *stream,
                      const struct producer_seqs_batch *batch)
{
    if (!stream->dirty) {
        stream->dirty = true;
        stream->saved = stream->seqs;
        stream->next_dirty = table->dirty_streams;
        table->dirty_streams = stream;
    }
    producer_seqs_fold(&stream->seqs, batch);
}

/*** Rows ***/

static enum rc
write_producer(const struct producer *producer, struct store_table *meta)
{
    struct broker_meta_bytes key, value;

    broker_meta_key(&key, BROKER_META_PRODUCER);
    bytes_put_text(&key.writer, producer->name);
    broker_meta_value(&value);
    bytes_put_u32(&value.writer, producer->epoch);
    bytes_put_u64(&value.writer, producer->life.starts);
    bytes_put_u64(&value.writer, producer->life.life);
    return broker_meta_put(meta, &key, &value);
}

static enum rc
write_stream(const struct producer_stream *stream, struct store_table *meta,
             const struct topic_table *topics)
{
    const struct topic_partition *partition = &topics->items[stream->slot];
    struct broker_meta_bytes key, value;

    broker_meta_key(&key, BROKER_META_SEQS);
    bytes_put_text(&key.writer, partition->topic);
    bytes_put_u16(&key.writer, partition->partition);
    bytes_put_text(&key.writer, stream->producer->name);
    broker_meta_value(&value);
    producer_seqs_put(&value.writer, &stream->seqs);
    return broker_meta_put(meta, &key, &value);
}

enum rc
producer_table_write(const struct producer_table *table,
                     struct store_table *meta, const struct topic_table *topics)
{
    enum rc rc = RC_OK;

    for (const struct producer *producer = table->dirty;
         producer != NULL && rc == RC_OK; producer = producer->next_dirty)
        rc = write_producer(producer, meta);
    for (const struct producer_stream *stream = table->dirty_streams;
         stream != NULL && rc == RC_OK; stream = stream->next_dirty)
        rc = write_stream(stream, meta, topics);
    return rc;
}

void
producer_table_committed(struct producer_table *table)
{
    for (; table->dirty != NULL; table->dirty = table->dirty->next_dirty)
        table->dirty->dirty = false;
    for (; table->dirty_streams != NULL;
         table->dirty_streams = table->dirty_streams->next_dirty)
        table->dirty_streams->dirty = false;
}

void
producer_table_undo(struct producer_table *table)
{
    for (struct producer *producer = table->dirty; producer != NULL;
         producer = producer->next_dirty) {
        producer->epoch = producer->saved_epoch;
        producer->life = producer->saved_life;
    }
    for (struct producer_stream *stream = table->dirty_streams; stream != NULL;
         stream = stream->next_dirty)
        stream->seqs = stream->saved;
    producer_table_committed(table);
}

/*** Loading ***/

struct loading {
    struct producer_table *table;
    const struct topic_table *topics;
};

static enum rc
damaged(const char *row)
{
    log_error("meta_damaged", "row=%s", row);
    return RC_DAMAGED;
}

static enum rc
on_producer_row(void *context, struct bytes_reader *key,
                struct bytes_reader *value)
{
    struct loading *loading = context;
    struct producer *producer;
    char name[PRODUCER_NAME_BYTES];
    uint32_t epoch = bytes_get_u32(value);
    struct producer_life life = { 0 };
    enum rc rc;

    /* One of before 2026-12 ends here: nobody told of starts. */
    if (!bytes_all_read(value)) {
        life.starts = bytes_get_u64(value);
        life.life = bytes_get_u64(value);
    }
    bytes_get_text(key, name, sizeof(name));
    if (!bytes_all_read(key) || !bytes_all_read(value) || epoch == 0)
        return damaged("producer");
    producer = name_index_find_or_make(&loading->table->index, name,
                                       sizeof(*producer), &rc);
    if (producer != NULL) {
        producer->epoch = epoch;
        producer->life = life;
    }
    return rc;
}

static enum rc
on_stream_row(void *context, struct bytes_reader *key,
              struct bytes_reader *value)
{
    struct loading *loading = context;
    struct producer *producer;
    struct producer_stream *stream;
    struct producer_seqs seqs;
    char topic[TOPIC_NAME_BYTES], name[PRODUCER_NAME_BYTES];
    uint16_t partition;
    uint32_t slot;
    enum rc rc;

    bytes_get_text(key, topic, sizeof(topic));
    partition = bytes_get_u16(key);
    bytes_get_text(key, name, sizeof(name));
    if (!bytes_all_read(key) || producer_seqs_get(value, &seqs) != RC_OK ||
        !bytes_all_read(value))
        return damaged("seqs");
    if (topic_table_find(loading->topics, topic, partition, &slot) !=
        BUS_ERROR_NONE)
        return RC_OK;
    producer = producer_table_find(loading->table, name);
    if (producer == NULL)
        return damaged("seqs");
    rc = producer_table_stream(loading->table, producer, slot, &stream);
    if (rc == RC_OK)
        stream->seqs = seqs;
    return rc;
}

enum rc
producer_table_load(struct producer_table *table, struct store_table *meta,
                    const struct topic_table *topics)
{
    struct loading loading = { table, topics };
    struct broker_meta_bytes prefix;
    size_t count_max = table->index.count_max;
    enum rc rc;

    /* All that are stored come in, even if the limit was lowered since. */
    table->index.count_max = SIZE_MAX;
    broker_meta_key(&prefix, BROKER_META_PRODUCER);
    rc = broker_meta_walk(meta, &prefix, on_producer_row, &loading);
    broker_meta_key(&prefix, BROKER_META_SEQS);
    if (rc == RC_OK)
        rc = broker_meta_walk(meta, &prefix, on_stream_row, &loading);
    table->index.count_max = count_max;
    return rc;
}
