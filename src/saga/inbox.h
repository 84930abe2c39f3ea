/*
 * inbox.h - what we read: where we are in each stream, and what we have seen
 *
 * Per (topic, partition) that we read, one row of the participant's table
 * holds the next offset and the last seq of every producer in it.  It is
 * written in the transaction of the effects, so an event takes effect once
 * whatever is sent again: by the offset if the broker repeats itself, by the
 * seq if a producer's batch was stored twice.
 *
 * Internal to the participant loop.
 */
#ifndef SAGA_INBOX_H
#define SAGA_INBOX_H

#include "saga/bus.h"
#include "saga/event.h"
#include "saga/store.h"

/* Producers of one stream: the process that writes it, its instances. */
#define INBOX_PRODUCERS_MAX 32

struct inbox_seen {
    char producer[PRODUCER_NAME_BYTES];
    uint64_t seq;
};

struct inbox_stream {
    const char *topic;
    uint32_t partition;
    int bus_stream;
    uint64_t offset; /* the next event's */
    struct inbox_seen seen[INBOX_PRODUCERS_MAX];
    uint32_t seen_count;
    bool changed; /* in this turn */
    bool lingers; /* participant_handlers.lingers holds its topic */
};

struct inbox {
    struct store_table *state;
    struct inbox_stream streams[BUS_STREAMS_MAX];
    int streams_count;
};

enum inbox_verdict {
    INBOX_NEW = 1,   /* handle it                                     */
    INBOX_DUPLICATE, /* it took effect before                         */
    INBOX_GAP        /* something before it is missing: damage        */
};

void inbox_init(struct inbox *inbox, struct store_table *state);

/* Adds a stream, reads where we stood, and assigns it on the bus. */
MUST_USE enum rc inbox_add(struct inbox *inbox, struct bus *bus,
                           const char *topic, uint32_t partition);

/* The stream with this number on the bus. */
struct inbox_stream *inbox_find(struct inbox *inbox, int bus_stream);

/*
 * What to do with the event at `offset` with this producer and seq; for
 * INBOX_NEW and INBOX_DUPLICATE the position moves behind it.
 * More producers than INBOX_PRODUCERS_MAX are a gap, too.
 */
enum inbox_verdict inbox_judge(struct inbox_stream *stream, uint64_t offset,
                               const char *producer, uint64_t seq);

/* Puts the changed positions in the open transaction. */
MUST_USE enum rc inbox_write(struct inbox *inbox);

/* Tells the bus our committed positions. */
void inbox_report(struct inbox *inbox, struct bus *bus);

#endif
