/*
 * outbox.h - what was decided and not yet acknowledged by the broker
 *
 * One row of the table `outbox` is one batch: key topic, partition, first
 * seq; value count and the events' bytes, as they go over the wire.  Rows are
 * written in the transaction of the effects that they tell, read back to be
 * published, and deleted some time after the broker's acknowledgement: a row
 * that outlives it is sent once more, and the broker knows it.  Rows of no
 * topic keep room in the file.
 *
 * An outbox_stream is one (topic, partition) that we write:
 *
 *   acked_seq <= sent_seq <= next_seq - 1
 *
 * Internal to the participant loop.
 */
#ifndef SAGA_OUTBOX_H
#define SAGA_OUTBOX_H

#include "saga/bus.h"
#include "saga/codec.h"
#include "saga/store.h"

/* Acknowledged rows that may wait for a commit to go with. */
#define OUTBOX_TRIM_MAX 128

struct outbox_stream {
    const char *topic;
    uint32_t partition;
    int bus_stream;
    uint64_t next_seq;  /* the next event's                              */
    uint64_t sent_seq;  /* last one handed to the bus                    */
    uint64_t acked_seq; /* last one that the broker holds                */
    uint64_t kept_seq;  /* last one that had no row when we opened       */
    uint64_t offered_seq; /* last one that the broker can have got       */

    uint8_t *bytes; /* the batch that this turn builds */
    size_t bytes_used;
    uint64_t first_seq;
    uint32_t count;
    bool written; /* rows were put in this turn */
};

struct outbox_row {
    int stream;
    uint64_t first_seq;
};

struct outbox {
    struct store_table *rows;
    struct store_table *state;
    struct outbox_stream streams[BUS_STREAMS_MAX];
    int streams_count;
    size_t batch_bytes_max; /* of those that are built now */
    uint8_t *row; /* one row, to write and to read */
    struct outbox_row trim[OUTBOX_TRIM_MAX];
    uint32_t trim_count;
    uint32_t pages; /* of the file, up to the last row that stays in it */
};

/* state: the participant's table, where each stream keeps its next seq.
 * batch_bytes_max: of a batch that is built; those that wait may be larger. */
MUST_USE enum rc outbox_open(struct outbox *outbox, struct store *store,
                             struct store_table *state,
                             size_t batch_bytes_max);
void outbox_fini(struct outbox *outbox);

/* Adds a stream and reads where it stood.  Returns its index in *stream_out. */
MUST_USE enum rc outbox_add(struct outbox *outbox, struct bus *bus,
                            const char *topic, uint32_t partition,
                            int *stream_out);

/* Appends an event, whose id is set here, to the turn's batch. */
MUST_USE enum rc outbox_append(struct outbox *outbox, int stream,
                               struct event *event);

/* Puts the turn's batches and states, and deletes acknowledged rows, in the
 * open transaction. */
MUST_USE enum rc outbox_write(struct outbox *outbox);

/* Hands committed batches to the bus until its window is full, each as it was
 * written.  RC_DAMAGED (logged) if a row is not there or is none. */
MUST_USE enum rc outbox_publish(struct outbox *outbox, struct bus *bus);

/* The broker holds this batch. */
void outbox_acked(struct outbox *outbox, int bus_stream, uint64_t first_seq,
                  uint32_t count);

/* True if the trim list is so long that it is worth a commit of its own. */
bool outbox_trim_due(const struct outbox *outbox);

/*
 * Compares with what the broker holds of ours (after BUS_OPENED).  RC_DAMAGED,
 * logged, if it holds more than we ever offered (our store is behind: a lost
 * or old one; what was decided since it was opened has not been offered) or
 * less than it once acknowledged (its store is).  Then everything that is not
 * acknowledged is offered again.
 */
MUST_USE enum rc outbox_verify(struct outbox *outbox, const struct bus *bus);

/* Events not yet acknowledged. */
uint64_t outbox_backlog(const struct outbox *outbox);

#endif
