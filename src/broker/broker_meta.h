/*
 * broker_meta.h - the table `meta`: all of the broker's rows but the batches
 *
 *   key                                      value
 *   'F'                                      format(4) partitions(4)
 *   'S' topic(text) partition(2) base(8)     a segment: end(8) bytes(8)
 *                                            first-time(8) last-time(8)
 *   'R' table's name (text)                  (none): a table to be removed
 *   'E' producer(text)                       epoch(4), then starts(8) life(8)
 *                                            (struct producer_life) if it was
 *                                            written since 2026-12
 *   'Q' topic partition(2) producer(text)    a struct producer_seqs
 *   'C' consumer(text) topic partition(2)    position(8)
 *
 * Changing any of these, or what a batch looks like, needs another
 * BROKER_FORMAT and a step in broker_meta_open() that turns the old into the
 * new; but for a row that only became longer, which its reader tells by that.
 */
#ifndef BROKER_META_H
#define BROKER_META_H

#include "saga/bytes.h"
#include "saga/store.h"

#define BROKER_FORMAT 1

enum broker_meta_kind {
    BROKER_META_FORMAT = 'F',
    BROKER_META_SEGMENT = 'S',
    BROKER_META_REMOVED = 'R',
    BROKER_META_PRODUCER = 'E',
    BROKER_META_SEQS = 'Q',
    BROKER_META_POSITION = 'C',
};

/*
 * Opens the table; in a new store writes the first row.  RC_MALFORMED if the
 * store was created with another number of partitions (then *partitions_out
 * is that number), RC_DAMAGED as broker_meta_format(); else as the store.  No
 * transaction may be open.
 */
MUST_USE enum rc broker_meta_open(struct store *store, uint32_t partitions,
                                  struct store_table **meta_out,
                                  uint32_t *partitions_out);

/* The first row: RC_NOT_FOUND if the table is empty; RC_DAMAGED and a line in
 * the log if it is not there and others are, if its format is none that we
 * know, or its partitions are none or too many; else as the store. */
MUST_USE enum rc broker_meta_format(struct store_table *meta,
                                    uint32_t *partitions_out);

/* For store_config.table_stays: `meta` is never removed, a segment may be. */
bool broker_meta_stays(const char *table);

/* A key or value under construction. */
struct broker_meta_bytes {
    struct bytes_writer writer;
    uint8_t bytes[STORE_KEY_BYTES_MAX];
};
void broker_meta_key(struct broker_meta_bytes *key,
                     enum broker_meta_kind kind);
void broker_meta_value(struct broker_meta_bytes *value);

MUST_USE enum rc broker_meta_put(struct store_table *meta,
                                 const struct broker_meta_bytes *key,
                                 const struct broker_meta_bytes *value);
/* A row that is not there is deleted already: RC_OK. */
MUST_USE enum rc broker_meta_delete(struct store_table *meta,
                                    const struct broker_meta_bytes *key);

/*
 * Calls `row` for every row whose key begins with `prefix`, in order, with
 * readers of the rest of the key and of the value, until one is not RC_OK.
 * `row` must not write.
 */
typedef enum rc broker_meta_row_fn(void *context, struct bytes_reader *key,
                                   struct bytes_reader *value);
MUST_USE enum rc broker_meta_walk(struct store_table *meta,
                                  const struct broker_meta_bytes *prefix,
                                  broker_meta_row_fn *row, void *context);

#endif
