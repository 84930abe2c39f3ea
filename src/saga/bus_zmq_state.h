/*
 * bus_zmq_state.h - the inside of the ZeroMQ binder, shared by its files
 *
 *   bus_zmq.c        the binder: opening, waiting, time-outs, handing out
 *   bus_zmq_send.c   requests: OPEN, FETCH, PRODUCE, and sending them again
 *   bus_zmq_reply.c  what the broker's replies change
 *   bus_zmq_status.c REPORT and SURVEY: asked once, never again
 */
#ifndef SAGA_BUS_ZMQ_STATE_H
#define SAGA_BUS_ZMQ_STATE_H

#include <czmq.h>

#include "saga/bus.h"
#include "saga/bytes.h"

#define FETCH_WAIT_MS 500 /* how long the broker may hold a fetch */

struct sent_batch {
    zmq_msg_t frame;
    uint64_t request;
    int stream;
    uint64_t first_seq;
    uint32_t count;
    bool acked;
};

/* A FETCH_OK that was received and is handed out batch by batch. */
struct fetched {
    zmq_msg_t frame;
    struct bytes_reader reader;
    uint32_t remaining; /* batches; 0: the slot is free */
};

struct stream {
    const char *topic;
    uint32_t partition;
    bool reads;
    uint64_t last_seq;    /* writing: what the broker held at OPEN        */
    uint64_t next_offset; /* reading: to be asked for                     */
    uint64_t position;    /*          committed by the consumer           */
    bool may_begin_later; /*          until its first batch               */
    bool later;           /*          BUS_LATER is to be told, with       */
    uint64_t first_offset; /*         this                                */
    uint64_t request;     /*          outstanding fetch, 0 if none        */
    int64_t asked_us;
    int64_t linger_us;    /*          between an answer and the next fetch */
    int64_t due_us;       /*          when that may be sent                */
    struct fetched now;   /*          being handed out                    */
    struct fetched ahead; /*          waiting behind it                   */
};

struct bus_zmq {
    struct bus base;
    struct bus_config config;
    zsock_t *dealer;
    void *socket;
    struct stream streams[BUS_STREAMS_MAX];
    int streams_count;
    int next_stream; /* where handing out goes on: nobody starves */
    uint64_t last_request;

    struct bus_life life;
    uint64_t open_request; /* 0: not asked */
    int64_t open_us;
    bool opened, opened_told;
    uint32_t epoch;

    struct sent_batch sent[BUS_WINDOW_MAX]; /* a ring */
    uint32_t sent_head, sent_count;
    int64_t sent_us;        /* when the ring's head was last sent           */
    bool put_off;           /* the broker said: later.  So it is not down   */
    int64_t rewind_due_us;  /* 0, or when to go back                        */
    bool blocked;           /* a send found no connection: try at POLLOUT   */

    struct bus_status *status; /* the last answer; NULL: never asked */
    bool status_fresh;         /* it has not been handed out         */

    bool up, up_told;
    struct bus_event failure; /* type BUS_FAILED once it can't go on */
};

/* The index-th batch under way, the oldest first. */
static inline struct sent_batch *
bus_zmq_sent_at(struct bus_zmq *bus, uint32_t index)
{
    return &bus->sent[(bus->sent_head + index) % BUS_WINDOW_MAX];
}

void bus_zmq_send_open(struct bus_zmq *bus, int64_t now_us);
/* Asks for the stream's next batches, or for the same again. */
void bus_zmq_send_fetch(struct bus_zmq *bus, struct stream *stream,
                        int64_t now_us);
/* Asks for more wherever there is room for an answer. */
void bus_zmq_ask_ahead(struct bus_zmq *bus, int64_t now_us);
/* Go-back-N: everything not acknowledged, in order. */
void bus_zmq_resend(struct bus_zmq *bus, int64_t now_us);
/* bus_produce(). */
MUST_USE enum rc bus_zmq_produce(struct bus *base,
                                 const struct bus_batch *batch);

/* Sends a request that was built anew; if there is no connection it is lost,
 * and false. */
bool bus_zmq_send_bytes(struct bus_zmq *bus,
                        const struct bytes_writer *writer);
void bus_zmq_report(struct bus *base, const struct report *report);
void bus_zmq_ask_status(struct bus *base);
void bus_zmq_on_survey(struct bus_zmq *bus, struct bytes_reader *reader);

/* Takes the replies that wait, a bounded number.  RC_IO. */
MUST_USE enum rc bus_zmq_receive(struct bus_zmq *bus);

#endif
