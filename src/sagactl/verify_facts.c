#include "sagactl/verify_facts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ROWS_FIRST 1024

void
fact_table_init(struct fact_table *table, size_t row_bytes)
{
    *table = (struct fact_table){ .row_bytes = row_bytes };
    /* Without it the table is slow for ids that somebody chose, no more. */
    if (getrandom(&table->mixer, sizeof table->mixer, GRND_NONBLOCK) < 0)
        table->mixer = 0;
    table->mixer |= 1;
}

void
fact_table_fini(struct fact_table *table)
{
    free(table->rows);
    free(table->index);
    fact_table_init(table, table->row_bytes);
}

void *
fact_table_row(const struct fact_table *table, uint32_t i)
{
    return table->rows + i * table->row_bytes;
}

static uint64_t
row_id(const struct fact_table *table, uint32_t i)
{
    uint64_t id;

    memcpy(&id, fact_table_row(table, i), sizeof id);
    return id;
}

/* Multiplied twice: ids that follow each other are spread, and nobody can
 * choose ids that meet. */
static uint32_t
slot_of(const struct fact_table *table, uint64_t id)
{
    uint64_t hash = (id ^ (id >> 31)) * table->mixer;
    uint32_t slot;

    hash = (hash ^ (hash >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
    slot = (uint32_t)(hash >> 32) & (table->index_size - 1);
    while (table->index[slot] != 0 &&
           row_id(table, table->index[slot] - 1) != id)
        slot = (slot + 1) & (table->index_size - 1);
    return slot;
}

void *
fact_table_find(const struct fact_table *table, uint64_t id)
{
    uint32_t slot;

    if (table->index == NULL)
        return NULL;
    slot = slot_of(table, id);
    return table->index[slot] == 0
               ? NULL
               : fact_table_row(table, table->index[slot] - 1);
}

static bool
grow(struct fact_table *table)
{
    uint32_t rows_max = table->rows_max == 0 ? ROWS_FIRST
                                             : table->rows_max * 2;
    uint8_t *rows;
    uint32_t *index;

    if (rows_max > UINT32_MAX / 4)
        return false;
    rows = realloc(table->rows, rows_max * table->row_bytes);
    if (rows == NULL)
        return false;
    table->rows = rows;
    index = calloc(rows_max * 2, sizeof *index);
    if (index == NULL)
        return false;
    free(table->index);
    table->index = index;
    table->index_size = rows_max * 2;
    table->rows_max = rows_max;
    for (uint32_t i = 0; i < table->count; i++)
        table->index[slot_of(table, row_id(table, i))] = i + 1;
    return true;
}

void *
fact_table_get(struct fact_table *table, uint64_t id)
{
    void *row = fact_table_find(table, id);

    if (row != NULL)
        return row;
    if (table->count == table->rows_max && !grow(table))
        return NULL;
    row = fact_table_row(table, table->count);
    memset(row, 0, table->row_bytes);
    memcpy(row, &id, sizeof id);
    table->index[slot_of(table, id)] = ++table->count;
    return row;
}
