#include "broker/fetch_table.h"

#include <stdlib.h>

enum rc
fetch_table_new(struct fetch_table **table_out, uint32_t waiting_max)
{
    struct fetch_table *table = calloc(1, sizeof(*table));
    uint32_t room = waiting_max + FETCH_TABLE_FRESH_MAX;

    if (table != NULL)
        table->items = calloc(room, sizeof(table->items[0]));
    if (table == NULL || table->items == NULL) {
        free(table);
        return RC_NO_MEMORY;
    }
    table->room = room;
    table->waiting_max = waiting_max;
    table->deadline_us = INT64_MAX;
    for (uint32_t i = 0; i < room; i++)
        table->items[i].next = i + 1 < room ? i + 1 : FETCH_TABLE_NONE;
    for (uint32_t i = 0; i < TOPIC_TABLE_SLOTS_MAX; i++)
        table->first[i] = FETCH_TABLE_NONE;
    *table_out = table;
    return RC_OK;
}

void
fetch_table_destroy(struct fetch_table **table_p)
{
    struct fetch_table *table = *table_p;

    if (table == NULL)
        return;
    for (uint32_t i = 0; i < table->room; i++)
        if (table->items[i].used)
            zmq_msg_close(&table->items[i].client);
    free(table->items);
    free(table);
    *table_p = NULL;
}

static struct fetch *
at(struct fetch_table *table, uint32_t index)
{
    return index == FETCH_TABLE_NONE ? NULL : &table->items[index];
}

static uint32_t
index_of(const struct fetch_table *table, const struct fetch *fetch)
{
    return (uint32_t)(fetch - table->items);
}

struct fetch *
fetch_table_first(struct fetch_table *table, uint32_t slot)
{
    return at(table, table->first[slot]);
}

struct fetch *
fetch_table_next(struct fetch_table *table, const struct fetch *fetch)
{
    return at(table, fetch->next);
}

static bool
same_client(struct fetch *a, struct fetch *b)
{
    size_t bytes = zmq_msg_size(&a->client);

    return bytes == zmq_msg_size(&b->client) &&
           memcmp(zmq_msg_data(&a->client), zmq_msg_data(&b->client), bytes) ==
               0;
}

static void
drop_older(struct fetch_table *table, struct fetch *newer)
{
    struct fetch *fetch = fetch_table_first(table, newer->slot);

    while (fetch != NULL && !same_client(fetch, newer))
        fetch = fetch_table_next(table, fetch);
    if (fetch != NULL)
        fetch_table_drop(table, fetch);
}

bool
fetch_table_full(const struct fetch_table *table)
{
    return table->fresh_count == FETCH_TABLE_FRESH_MAX;
}

void
fetch_table_add(struct fetch_table *table, struct fetch *fetch)
{
    struct fetch *place;

    drop_older(table, fetch);
    place = at(table, table->free);
    invariant(place != NULL && !fetch_table_full(table));
    table->free = place->next;
    *place = *fetch;
    zmq_msg_init(&place->client);
    zmq_msg_move(&place->client, &fetch->client);
    place->used = true;
    place->fresh = true;
    table->fresh_count++;
    place->previous = FETCH_TABLE_NONE;
    place->next = table->first[place->slot];
    if (place->next != FETCH_TABLE_NONE)
        table->items[place->next].previous = index_of(table, place);
    table->first[place->slot] = index_of(table, place);
    fetch_table_set_due(table, place->slot);
}

enum rc
fetch_table_keep(struct fetch_table *table, struct fetch *fetch)
{
    if (!fetch->fresh)
        return RC_OK;
    if (table->waiting_count >= table->waiting_max)
        return RC_FULL;
    fetch->fresh = false;
    table->fresh_count--;
    table->waiting_count++;
    if (fetch->deadline_us < table->deadline_us)
        table->deadline_us = fetch->deadline_us;
    return RC_OK;
}

void
fetch_table_drop(struct fetch_table *table, struct fetch *fetch)
{
    invariant(fetch->used);
    zmq_msg_close(&fetch->client);
    if (fetch->previous == FETCH_TABLE_NONE)
        table->first[fetch->slot] = fetch->next;
    else
        table->items[fetch->previous].next = fetch->next;
    if (fetch->next != FETCH_TABLE_NONE)
        table->items[fetch->next].previous = fetch->previous;
    if (fetch->fresh)
        table->fresh_count--;
    else
        table->waiting_count--;
    fetch->used = false;
    fetch->next = table->free;
    table->free = index_of(table, fetch);
}

void
fetch_table_set_due(struct fetch_table *table, uint32_t slot)
{
    if (table->due[slot] || table->first[slot] == FETCH_TABLE_NONE)
        return;
    table->due[slot] = true;
    table->due_slots[table->due_count++] = slot;
}

bool
fetch_table_take_due(struct fetch_table *table, uint32_t *slot_out)
{
    if (table->due_count == 0)
        return false;
    *slot_out = table->due_slots[0];
    table->due_count--;
    memmove(table->due_slots, table->due_slots + 1,
            table->due_count * sizeof(table->due_slots[0]));
    table->due[*slot_out] = false;
    return true;
}

void
fetch_table_expire(struct fetch_table *table, int64_t now_us)
{
    if (now_us < table->deadline_us)
        return;
    table->deadline_us = INT64_MAX;
    for (uint32_t i = 0; i < table->room; i++) {
        const struct fetch *fetch = &table->items[i];

        if (!fetch->used || fetch->fresh)
            continue;
        if (fetch->deadline_us <= now_us)
            fetch_table_set_due(table, fetch->slot);
        else if (fetch->deadline_us < table->deadline_us)
            table->deadline_us = fetch->deadline_us;
    }
}
