/*
 * consumer_table.h - who consumes, and how far each has come
 *
 * A consumer is registered by its first FETCH that bears its name, and for
 * the partitions that it fetches from; from then on retention keeps what it
 * has not read, until it is forgotten.  Its position is its own committed
 * offset, as it told us last.
 *
 * Positions are advisory (the consumer's store is what counts), so they are
 * written now and then; a registration and a forgetting are written at once.
 */
#ifndef CONSUMER_TABLE_H
#define CONSUMER_TABLE_H

#include "broker/name_index.h"
#include "broker/topic_table.h"

#define CONSUMER_TABLE_POSITIONS_MAX 16384

struct consumer_position {
    struct consumer *consumer;
    uint32_t slot;
    uint64_t position;
    bool dirty;
    struct consumer_position *next_dirty;
};

struct consumer {
    char name[PRODUCER_NAME_BYTES];
    struct consumer_position **positions;
    uint32_t count;
    uint32_t room;
};

struct consumer_table {
    struct name_index index; /* of struct consumer */
    uint32_t position_count;
    struct consumer_position *dirty;
};

void consumer_table_init(struct consumer_table *table, size_t consumers_max);
void consumer_table_fini(struct consumer_table *table);
MUST_USE enum rc consumer_table_load(struct consumer_table *table,
                                     struct store_table *meta,
                                     const struct topic_table *topics);

/* The consumer is at `position`.  RC_FULL.  *registered_out: it is news that
 * it reads there, so write it with this turn's transaction. */
MUST_USE enum rc consumer_table_report(struct consumer_table *table,
                                       const char *name, uint32_t slot,
                                       uint64_t position,
                                       bool *registered_out);
/* The lowest position in that partition; UINT64_MAX if nobody reads it. */
uint64_t consumer_table_floor(const struct consumer_table *table,
                              uint32_t slot);

/* Inside a transaction: all that changed since the last one that was
 * committed; after its commit, consumer_table_committed(). */
MUST_USE enum rc consumer_table_write(const struct consumer_table *table,
                                      struct store_table *meta,
                                      const struct topic_table *topics);
void consumer_table_committed(struct consumer_table *table);

/* Inside a transaction: deletes the consumer's rows, also those of topics that
 * are not served; and, when that is committed, the consumer.  A name that is
 * not there is forgotten already. */
MUST_USE enum rc consumer_table_delete(const char *name,
                                       struct store_table *meta);
void consumer_table_forget(struct consumer_table *table, const char *name);

#endif
