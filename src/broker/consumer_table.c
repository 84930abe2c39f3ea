#include "broker/consumer_table.h"

#include <stdlib.h>

#include "saga/log.h"

#define ROOM_AT_FIRST 4

void
consumer_table_init(struct consumer_table *table, size_t consumers_max)
{
    *table = (struct consumer_table){ 0 };
    name_index_init(&table->index, consumers_max);
}

static void
consumer_destroy(struct consumer *consumer)
{
    for (uint32_t i = 0; i < consumer->count; i++)
        free(consumer->positions[i]);
    free(consumer->positions);
    free(consumer);
}

void
consumer_table_fini(struct consumer_table *table)
{
    for (size_t i = 0; i < table->index.count; i++)
        consumer_destroy(table->index.items[i]);
    name_index_fini(&table->index);
}

/*** Positions ***/

static struct consumer_position *
position_find(const struct consumer *consumer, uint32_t slot)
{
    for (uint32_t i = 0; i < consumer->count; i++)
        if (consumer->positions[i]->slot == slot)
            return consumer->positions[i];
    return NULL;
}

static enum rc
position_make(struct consumer_table *table, struct consumer *consumer,
              uint32_t slot, struct consumer_position **position_out)
{
    struct consumer_position *position;

    if (table->position_count == CONSUMER_TABLE_POSITIONS_MAX)
        return RC_FULL;
    if (consumer->count == consumer->room) {
        uint32_t room =
            consumer->room == 0 ? ROOM_AT_FIRST : consumer->room * 2;
        struct consumer_position **positions =
            realloc(consumer->positions, room * sizeof(positions[0]));

        if (positions == NULL)
            return RC_NO_MEMORY;
        consumer->positions = positions;
        consumer->room = room;
    }
    position = calloc(1, sizeof(*position));
    if (position == NULL)
        return RC_NO_MEMORY;
    position->consumer = consumer;
    position->slot = slot;
    consumer->positions[consumer->count++] = position;
    table->position_count++;
    *position_out = position;
    return RC_OK;
}

static void
position_set(struct consumer_table *table, struct consumer_position *position,
             uint64_t offset)
{
    position->position = offset;
    if (position->dirty)
        return;
    position->dirty = true;
    position->next_dirty = table->dirty;
    table->dirty = position;
}

enum rc
consumer_table_report(struct consumer_table *table, const char *name,
                      uint32_t slot, uint64_t position, bool *registered_out)
{
    struct consumer_position *found = NULL;
    enum rc rc;
    struct consumer *consumer = name_index_find_or_make(
        &table->index, name, sizeof(*consumer), &rc);

    *registered_out = false;
    if (consumer == NULL)
        return rc;
    found = position_find(consumer, slot);
    if (found == NULL) {
        rc = position_make(table, consumer, slot, &found);
        if (rc != RC_OK)
            return rc;
        *registered_out = true;
    }
    if (*registered_out || found->position != position)
        position_set(table, found, position);
    return RC_OK;
}

uint64_t
consumer_table_floor(const struct consumer_table *table, uint32_t slot)
{
    uint64_t floor = UINT64_MAX;

    for (size_t i = 0; i < table->index.count; i++) {
        const struct consumer_position *position =
            position_find(table->index.items[i], slot);

        if (position != NULL && position->position < floor)
            floor = position->position;
    }
    return floor;
}

/*** Rows ***/

static void
row_key(struct broker_meta_bytes *key, const struct consumer_position *position,
        const struct topic_table *topics)
{
    const struct topic_partition *partition = &topics->items[position->slot];

    broker_meta_key(key, BROKER_META_POSITION);
    bytes_put_text(&key->writer, position->consumer->name);
    bytes_put_text(&key->writer, partition->topic);
    bytes_put_u16(&key->writer, partition->partition);
}

enum rc
consumer_table_write(const struct consumer_table *table,
                     struct store_table *meta, const struct topic_table *topics)
{
    enum rc rc = RC_OK;

    for (const struct consumer_position *position = table->dirty;
         position != NULL && rc == RC_OK; position = position->next_dirty) {
        struct broker_meta_bytes key, value;

        row_key(&key, position, topics);
        broker_meta_value(&value);
        bytes_put_u64(&value.writer, position->position);
        rc = broker_meta_put(meta, &key, &value);
    }
    return rc;
}

void
consumer_table_committed(struct consumer_table *table)
{
    for (; table->dirty != NULL; table->dirty = table->dirty->next_dirty)
        table->dirty->dirty = false;
}

/* Makes the prefix of a walk the key of the row that it has come to. */
static enum rc
on_row_of(void *context, struct bytes_reader *key, struct bytes_reader *value)
{
    struct broker_meta_bytes *row = context;
    size_t left = key->size - key->used;

    (void)value;
    bytes_put(&row->writer, bytes_get(key, left), left);
    return RC_EXISTS;
}

/* By its rows, and not by what the table holds of it: it may have read topics
 * that are not served now, and are another time. */
enum rc
consumer_table_delete(const char *name, struct store_table *meta)
{
    enum rc rc;

    do {
        struct broker_meta_bytes prefix, row;

        broker_meta_key(&prefix, BROKER_META_POSITION);
        bytes_put_text(&prefix.writer, name);
        broker_meta_key(&row, BROKER_META_POSITION);
        bytes_put_text(&row.writer, name);
        rc = broker_meta_walk(meta, &prefix, on_row_of, &row);
        if (rc != RC_EXISTS)
            return rc;
        rc = broker_meta_delete(meta, &row);
    } while (rc == RC_OK);
    return rc;
}

/* Takes the consumer's positions out of the list of those to be written. */
static void
dirty_drop(struct consumer_table *table, const struct consumer *consumer)
{
    struct consumer_position **link = &table->dirty;

    while (*link != NULL) {
        if ((*link)->consumer == consumer)
            *link = (*link)->next_dirty;
        else
            link = &(*link)->next_dirty;
    }
}

void
consumer_table_forget(struct consumer_table *table, const char *name)
{
    struct consumer *consumer = name_index_find(&table->index, name);

    if (consumer == NULL)
        return;
    dirty_drop(table, consumer);
    name_index_remove(&table->index, consumer);
    table->position_count -= consumer->count;
    consumer_destroy(consumer);
}

/*** Loading ***/

struct loading {
    struct consumer_table *table;
    const struct topic_table *topics;
};

static enum rc
on_row(void *context, struct bytes_reader *key, struct bytes_reader *value)
{
    struct loading *loading = context;
    char name[PRODUCER_NAME_BYTES], topic[TOPIC_NAME_BYTES];
    uint64_t position = bytes_get_u64(value);
    uint16_t partition;
    uint32_t slot;
    bool registered;

    bytes_get_text(key, name, sizeof(name));
    bytes_get_text(key, topic, sizeof(topic));
    partition = bytes_get_u16(key);
    if (!bytes_all_read(key) || !bytes_all_read(value)) {
        log_error("meta_damaged", "row=position");
        return RC_DAMAGED;
    }
    if (topic_table_find(loading->topics, topic, partition, &slot) !=
        BUS_ERROR_NONE)
        return RC_OK;
    return consumer_table_report(loading->table, name, slot, position,
                                 &registered);
}

enum rc
consumer_table_load(struct consumer_table *table, struct store_table *meta,
                    const struct topic_table *topics)
{
    struct loading loading = { table, topics };
    struct broker_meta_bytes prefix;
    size_t count_max = table->index.count_max;
    enum rc rc;

    /* All that are stored come in, even if the limit was lowered since. */
    table->index.count_max = SIZE_MAX;
    broker_meta_key(&prefix, BROKER_META_POSITION);
    rc = broker_meta_walk(meta, &prefix, on_row, &loading);
    table->index.count_max = count_max;
    consumer_table_committed(table);
    return rc;
}
