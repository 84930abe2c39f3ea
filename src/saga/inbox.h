/*
 * inbox.h - what we read: where we are in each stream, and what we have seen
 *
 * Per (topic, partition) that we read, one row of the participant's table
 * holds the next offset and the last seq of every producer in it.  It is
 * written in the transaction of the effects, so an event takes effect once
 * whatever is sent again: by the offset if the broker repeats itself, by the
 * seq if a producer's batch was stored twice.
 *
 * A filter's stream may begin later than at offset 0, if retention has removed
 * what was before: then a producer that is new to us may have any seq, since
 * those before it may have been removed; behind that its seqs have no gap.
 * The row tells it by a producer without a name, whose seq is the offset that
 * we began at.  (Who knows nothing of this reads such a row, and takes the
 * next new producer's seq for a gap.)
 *
 * Internal to the participant loop.
 */
#ifndef SAGA_INBOX_H
#define SAGA_INBOX_H

#include "saga/bus.h"
#include "saga/event.h"
#include "saga/store.h"

/*
 * Producers of one stream that are told apart: of a topic of ours the process
 * that writes it and its instances, of a free one whoever likes to.  They
 * stand in one row, and a row has a limit.
 */
#define INBOX_PRODUCERS_MAX 32768

struct inbox_seen {
    char producer[PRODUCER_NAME_BYTES];
    uint64_t seq;
};

struct inbox_stream {
    const char *topic;
    uint32_t partition;
    int bus_stream;
    uint64_t offset; /* the next event's */
    struct inbox_seen *seen; /* in the order of their names */
    uint32_t seen_count, seen_room;
    bool changed; /* in this turn */
    bool lingers; /* participant_handlers.lingers holds its topic */
};

struct inbox {
    struct store_table *state;
    struct inbox_stream streams[BUS_STREAMS_MAX];
    int streams_count;
    uint8_t *row; /* one row, to write and to read */
    size_t row_room;
};

enum inbox_verdict {
    INBOX_NEW = 1,   /* handle it                                     */
    INBOX_DUPLICATE, /* it took effect before                         */
    INBOX_GAP,       /* something before it is missing: damage        */
    INBOX_FULL       /* one producer more than INBOX_PRODUCERS_MAX    */
};

/* state: the participant's table, where each stream keeps its row. */
void inbox_init(struct inbox *inbox, struct store_table *state);
/* Also of an inbox that is all zeros. */
void inbox_fini(struct inbox *inbox);

/* Adds a stream, which must not be there yet, reads where we stood, and
 * assigns it on the bus.  RC_DAMAGED (logged) if its row can't be read, or what
 * the store said. */
MUST_USE enum rc inbox_add(struct inbox *inbox, struct bus *bus,
                           const char *topic, uint32_t partition);

/* The stream with this number on the bus. */
struct inbox_stream *inbox_find(struct inbox *inbox, int bus_stream);

/* True if nothing of the stream was taken yet. */
bool inbox_is_new(const struct inbox_stream *stream);

/* A stream of which nothing was taken begins at `offset`. */
void inbox_begin_later(struct inbox_stream *stream, uint64_t offset);

/*
 * What to do with the event at `offset` with this producer and seq; for
 * INBOX_NEW and INBOX_DUPLICATE the position moves behind it.
 */
enum inbox_verdict inbox_judge(struct inbox_stream *stream, uint64_t offset,
                               const char *producer, uint64_t seq);

/* Puts the changed positions in the open transaction. */
MUST_USE enum rc inbox_write(struct inbox *inbox);

/* Tells the bus our committed positions. */
void inbox_report(struct inbox *inbox, struct bus *bus);

#endif
