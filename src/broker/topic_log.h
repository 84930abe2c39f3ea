/*
 * topic_log.h - one partition's durable log of batches
 *
 *   batch     what a PRODUCE carried, exactly as protocol_put_batch() writes
 *             it, under its base offset; never split, never decoded
 *   segment   a table of the store that holds the batches of a range of
 *             offsets; the last one is active, the others never change
 *   start     the first offset that is kept; rises as old segments go
 *   end       the offset that the next event will get
 *
 * Appending happens inside the store's transaction: after it has ended, the
 * owner calls topic_log_committed() or topic_log_undo() for each log that it
 * appended to.  Reading happens outside, so only what was committed is seen.
 *
 * A segment goes in two steps, each a transaction of its own, so that a crash
 * between them leaves nothing behind: first it leaves the list (and its name
 * is noted), later its table is removed.
 *
 * Failures are the store's, RC_NO_MEMORY, and RC_DAMAGED if rows contradict
 * each other.
 */
#ifndef TOPIC_LOG_H
#define TOPIC_LOG_H

#include "broker/batch_cache.h"
#include "broker/broker_meta.h"
#include "saga/protocol.h"

/* More segments than that, and the active one grows instead. */
#define TOPIC_LOG_SEGMENTS_MAX 65536
/* Tables of old segments that a log keeps open for reading. */
#define TOPIC_LOG_OLD_TABLES_MAX 2
#define TOPIC_LOG_AHEAD 2
_Static_assert(PROTOCOL_BATCH_BYTES_MAX + PROTOCOL_BATCH_HEADER_BYTES_MAX <=
                   BATCH_CACHE_BYTES / BATCH_CACHE_PART,
               "a batch that is read ahead must be kept");

struct topic_log;

struct topic_log_config {
    struct store *store;
    struct store_table *meta;
    const char *topic;
    uint16_t partition;
    uint64_t segment_bytes;  /* a fuller segment is not appended to */
    int64_t segment_age_us;  /* nor an older one; 0: age is no matter */
    size_t segments_max;     /* 0: TOPIC_LOG_SEGMENTS_MAX */
    struct batch_cache *cache; /* for all logs of a store; NULL: none */
};

/* Reads the segments' rows and the last batch.  No transaction may be open. */
MUST_USE enum rc topic_log_open(struct topic_log **log_out,
                                const struct topic_log_config *config);
MUST_USE enum rc topic_log_close(struct topic_log **log_p);

uint64_t topic_log_start(const struct topic_log *log);
uint64_t topic_log_end(const struct topic_log *log);
uint64_t topic_log_bytes(const struct topic_log *log);

/*
 * Appends a batch: writes its base offset and the time into batch[0..15] and
 * stores it.  The times of a log never go back, whatever now_us says.
 */
MUST_USE enum rc topic_log_append(struct topic_log *log, uint8_t *batch,
                                  size_t bytes, uint32_t count,
                                  int64_t now_us, uint64_t *base_out);
/* Writes the segments' rows; before the commit. */
MUST_USE enum rc topic_log_write(struct topic_log *log);
MUST_USE enum rc topic_log_committed(struct topic_log *log);
/* The transaction was aborted: so was all that topic_log_append() did. */
MUST_USE enum rc topic_log_undo(struct topic_log *log);

struct topic_log_read {
    const uint8_t *batches; /* in buffer, or the cache's: valid until the next
                             * read of any log that shares the cache */
    size_t bytes;
    uint32_t count;
    uint64_t next; /* the offset behind them */
};
/*
 * Reads whole batches, the first of them holding `offset` (start <= offset <
 * end), until the next would go beyond max_bytes; the first always.  The
 * buffer has room for PROTOCOL_FETCH_BYTES_MAX, max_bytes is no more than
 * that.
 */
MUST_USE enum rc topic_log_read(struct topic_log *log, uint64_t offset,
                                size_t max_bytes, uint8_t *buffer,
                                struct topic_log_read *read_out);
/*
 * Sees that TOPIC_LOG_AHEAD batches from `offset` on, which begins a batch or
 * is the end, are in the cache: whoever reads in order asks for the first next,
 * and whether the second would fit, too.  Nothing without a cache.
 */
MUST_USE enum rc topic_log_read_ahead(struct topic_log *log, uint64_t offset);

struct topic_log_retention {
    uint64_t bytes;        /* kept at least; 0: no limit                  */
    int64_t age_us;        /* 0: no limit                                 */
    uint64_t floor_offset; /* a segment that reaches beyond it must stay  */
};
/* Is a step due, if no consumer needs what would go?  (Cheap; the floor is
 * found only for a log where it matters.) */
bool topic_log_retention_is_due(const struct topic_log *log,
                                const struct topic_log_retention *retention,
                                int64_t now_us);
/*
 * Takes one step of retention, if one is due: the oldest segment leaves the
 * list, or the table of one that did is removed.  Never the active segment.
 * *stepped_out tells whether anything was done.  No transaction may be open;
 * a new start is on disk before it is seen.  RC_NO_SPACE: nothing was done.
 */
MUST_USE enum rc topic_log_retain(struct topic_log *log,
                                  const struct topic_log_retention *retention,
                                  int64_t now_us, bool *stepped_out);

/* After an opening: tables that were to be removed when the process ended. */
MUST_USE enum rc topic_log_remove_left_over(struct store *store,
                                            struct store_table *meta);

#endif
