/*
 * verify_facts.h - a map from an id to a row of facts, all in memory
 *
 * Rows have a fixed size and begin with their id.  An order's row takes 48
 * octets and its place in the index 4 to 16 more: a million orders are
 * verified with about 60 MB, a hundred thousand users with about 20 MB.
 */
#ifndef VERIFY_FACTS_H
#define VERIFY_FACTS_H

#include "saga/base.h"

struct fact_table {
    uint8_t *rows;
    uint32_t *index; /* of a row, plus 1; 0: free */
    size_t row_bytes;
    uint32_t count;
    uint32_t rows_max;
    uint64_t mixer;      /* odd, random */
    uint32_t index_size; /* a power of two, at least twice the count */
};

void fact_table_init(struct fact_table *table, size_t row_bytes);
void fact_table_fini(struct fact_table *table);

/* The row of that id, or NULL. */
void *fact_table_find(const struct fact_table *table, uint64_t id);

/* The row of that id, made all zero but for its id if there is none; NULL: no
 * memory.  It stays where it is until the next call. */
void *fact_table_get(struct fact_table *table, uint64_t id);

/* The rows in the order in which they were made; i < table->count. */
void *fact_table_row(const struct fact_table *table, uint32_t i);

#endif
