/*
 * participant_state.h - the inside of the loop, shared by its files
 *
 *   participant.c          the turn, and the life of it
 *   participant_open.c     what comes before the first turn
 *   participant_life.c     which life of the store this is
 *   participant_take.c     a batch of events, one by one
 *   participant_pace.c     who waits for company, and how long
 *   participant_park.c     events that can't be handled
 *   participant_filter.c   what a filter needs beside
 *   participant_control.c  what an operator asks
 *   participant_report.c   what we tell of ourselves
 */
#ifndef SAGA_PARTICIPANT_STATE_H
#define SAGA_PARTICIPANT_STATE_H

#include "saga/codec.h"
#include "saga/control_copy.h"
#include "saga/inbox.h"
#include "saga/outbox.h"
#include "saga/parking.h"
#include "saga/participant.h"

struct turn {
    struct participant *participant;
    int64_t now_us;
    bool begun;     /* the transaction is open                           */
    uint32_t taken; /* events and commands                               */
    uint32_t commands;
    uint32_t awaited; /* events of topics that don't linger              */
    bool emitted;   /* something is to be published: it wants a flush    */
    int64_t begun_us; /* monotonic; of a filter's turn                   */
    struct turn_place place;
};

struct participant {
    const struct config *config;
    const struct participant_handlers *handlers;
    void *context;
    struct store *store;
    struct store_table *state;
    struct bus *bus;
    struct codec *codec;
    struct inbox inbox;
    struct outbox outbox;
    struct parking *parking;
    int outbox_stream[TOPIC_COUNT][PARTITIONS_MAX];
    int filtered_stream[PARTITIONS_MAX]; /* of a filter */
    struct turn turn;
    struct pollfd fds[3]; /* signals, commands, control */
    struct control *control; /* NULL: none */
    int control_client;
    size_t control_bytes; /* of the reply that waits for the flush */
    char control_reply[CONTROL_REPLY_BYTES_MAX];
    struct control_copy copy; /* of the store */
    bool stopping;
    int64_t stop_us; /* monotonic: when to stop without being drained */
    bool opened; /* the broker knows us */
    bool more;   /* input was left over: don't wait */
    uint32_t waiting;  /* commands that on_commands() would take     */
    uint32_t expected; /* those, and what may come in a moment       */
    bool held;         /* what is committed waits to be published    */
    int64_t published_us; /* monotonic                               */
    bool failed; /* memory is ahead of the store: write nothing more */
    struct participant_stats stats;
    struct histogram turn_events; /* of the turns that took something */
    struct order_log log;         /* of this turn                     */
    int64_t report_us;            /* when we tell again, monotonic    */
};

enum { FD_SIGNAL, FD_COMMAND, FD_CONTROL };

/* Opens the transaction of a turn if it is not open yet; ends it: commit,
 * then one flush. */
MUST_USE enum rc participant_begin(struct turn *turn);
MUST_USE enum rc participant_commit(struct turn *turn);

/* Takes what waits of them. */
MUST_USE enum rc participant_take_commands(struct turn *turn);

/* Puts an event into the outbox, of that stream, as ours and of now. */
MUST_USE enum rc participant_emit(struct turn *turn, int stream,
                                  struct event *event);

/* Before the commit: takes the commands that are about to come. */
MUST_USE enum rc participant_gather(struct turn *turn);
/* Before the answers: how many commands will come of them. */
void participant_expect(struct participant *participant);
/* After the answers: true if what was committed may wait for more. */
bool participant_holds(struct turn *turn);
/* After the turn: waits, if the next one is to be larger for it. */
void participant_rest(const struct participant *participant);

/* Once a second: tells how we are, and asks how all are. */
void participant_tell(struct participant *participant);

/* Puts what is committed on its way. */
MUST_USE enum rc participant_publish(struct participant *participant);

/* True once the process was asked to stop. */
bool participant_stopping(struct participant *participant);

/* In the middle of a batch: if a filter's turn has taken long, does what an
 * operator asked for, commits what it did and begins another. */
MUST_USE enum rc participant_commit_early(struct turn *turn);

/* Counts this start in the store, flushed, and tells the bus: an OPEN of an
 * earlier start, read late, then fences nobody. */
MUST_USE enum rc participant_begin_life(struct participant *participant);

/* Adds the streams of a filter. */
MUST_USE enum rc participant_add_topics(struct participant *participant);

/* BUS_LATER: a stream that a filter is new to begins at the first event that
 * is kept. */
MUST_USE enum rc participant_begin_later(struct turn *turn,
                                         const struct bus_event *event);

/* Hands the events of a batch to the handler, in order; those that were seen
 * before are passed over.  RC_DAMAGED if one before them is missing;
 * RC_MALFORMED if their stream has more producers than can be told apart. */
MUST_USE enum rc participant_take_batch(struct turn *turn,
                                        const struct bus_batch *batch);

#endif
