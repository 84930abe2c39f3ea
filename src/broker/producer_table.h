/*
 * producer_table.h - who produces, under which epoch, and up to which seq
 *
 *   epoch    rises by one with each life of a producer that is let in
 *            (producer_life.h); a batch with an older one comes from a
 *            predecessor that does not know it is dead
 *   stream   what one producer has stored in one partition (producer_seqs.h)
 *
 * Changes belong to the store's open transaction: they are written with
 * producer_table_write() before its commit; then producer_table_committed(),
 * or producer_table_undo(), which forgets them.
 */
#ifndef PRODUCER_TABLE_H
#define PRODUCER_TABLE_H

#include "broker/name_index.h"
#include "broker/producer_life.h"
#include "broker/producer_seqs.h"
#include "broker/topic_table.h"

#define PRODUCER_TABLE_STREAMS_MAX 65536

struct producer_stream {
    struct producer *producer;
    uint32_t slot;
    struct producer_seqs seqs;
    struct producer_seqs saved; /* before this transaction, if dirty */
    bool dirty;
    struct producer_stream *next_dirty;
};

struct producer {
    char name[PRODUCER_NAME_BYTES];
    uint32_t epoch; /* 0: never opened */
    uint32_t saved_epoch;
    struct producer_life life; /* the last one that was let in */
    struct producer_life saved_life;
    bool dirty;
    struct producer *next_dirty;
    struct producer_stream **streams;
    uint32_t stream_count;
    uint32_t stream_room;
};

struct producer_table {
    struct name_index index; /* of struct producer */
    uint32_t stream_count;
    struct producer *dirty;
    struct producer_stream *dirty_streams;
};

void producer_table_init(struct producer_table *table, size_t producers_max);
void producer_table_fini(struct producer_table *table);
/* Reads all rows.  Streams of topics that are not served are left out. */
MUST_USE enum rc producer_table_load(struct producer_table *table,
                                     struct store_table *meta,
                                     const struct topic_table *topics);

/* The producer of that name, or NULL if it was never opened. */
struct producer *producer_table_find(const struct producer_table *table,
                                     const char *name);
/*
 * Lets this life in, or not: *opening_out says which, and the producer has the
 * epoch that is in force then.  RC_FULL: no room for one more producer, or
 * epoch.
 */
MUST_USE enum rc producer_table_open(struct producer_table *table,
                                     const char *name,
                                     const struct producer_life *life,
                                     struct producer **producer_out,
                                     enum producer_opening *opening_out);
/* The producer's stream in that slot, made if need be.  RC_FULL. */
MUST_USE enum rc producer_table_stream(struct producer_table *table,
                                       struct producer *producer,
                                       uint32_t slot,
                                       struct producer_stream **stream_out);
/* The batch was appended to the stream's partition. */
void producer_table_append(struct producer_table *table,
                           struct producer_stream *stream,
                           const struct producer_seqs_batch *batch);

MUST_USE enum rc producer_table_write(const struct producer_table *table,
                                      struct store_table *meta,
                                      const struct topic_table *topics);
void producer_table_committed(struct producer_table *table);
void producer_table_undo(struct producer_table *table);

#endif
