/*
 * broker_state.h - what the files of the broker's loop share
 *
 * Internal to broker*.c.
 */
#ifndef BROKER_STATE_H
#define BROKER_STATE_H

#include <czmq.h>

#include "broker/broker.h"
#include "broker/broker_connections.h"
#include "broker/broker_request.h"
#include "broker/broker_tap.h"
#include "broker/consumer_table.h"
#include "broker/event_limiter.h"
#include "broker/fetch_table.h"
#include "broker/producer_table.h"
#include "broker/report_table.h"
#include "broker/topic_table.h"
#include "saga/control_copy.h"

/* One turn takes no more than this, so that nobody waits long for it. */
#define BROKER_TURN_REQUESTS_MAX 256
#define BROKER_TURN_BYTES_MAX (8u << 20)
/* And answers no more than this to fetches. */
#define BROKER_SERVE_BYTES_MAX (16u << 20)

#define BROKER_UPKEEP_US 1000000 /* disk floor, positions        */
#define BROKER_RETAIN_US 100000  /* one step of retention at most */

/* A request of this turn that is to be answered after the commit. */
struct broker_pending {
    zmq_msg_t client;
    enum verb verb; /* VERB_FETCH only if refused: others are in the table */
    uint64_t request;
    struct broker_refusal refusal;
    bool settled; /* refused by its form: whatever the commit says */
    char name[PRODUCER_NAME_BYTES]; /* producer or consumer, for logs */

    struct protocol_produce_ok produced;
    struct producer *producer; /* OPEN */
    uint32_t epoch;

    bool tapped; /* frame is kept for the tap */
    uint32_t slot;
    zmq_msg_t frame;
    size_t batch_position;
    size_t batch_bytes;
};

struct broker_turn {
    struct broker_pending pending[BROKER_TURN_REQUESTS_MAX];
    uint32_t count;
    size_t bytes;
    bool begun;      /* a transaction is open */
    bool registered; /* a consumer is new     */
    int64_t now_us;
    uint32_t touched[BROKER_TURN_REQUESTS_MAX]; /* slots appended to */
    uint32_t touched_count;
    uint32_t events; /* appended */
};

struct broker {
    const struct config *config;
    char directory[CONFIG_STRING_BYTES];
    int signal_fd;

    struct store *store;
    struct store_table *meta;
    struct topic_table *topics;
    struct batch_cache *cache; /* of all logs */
    struct topic_log *ahead;   /* to be read ahead in this turn, or NULL */
    uint64_t ahead_offset;
    struct producer_table producers;
    struct consumer_table consumers;
    struct fetch_table *fetches;
    struct broker_tap tap;
    struct broker_turn turn;
    struct report report;        /* of ourselves: the counters in it */
    struct report_table reports; /* of all                           */

    zsock_t *bus_socket;
    zsock_t *tap_socket;
    struct broker_connections connections;
    void *router; /* bus_socket's, for the hot path */
    uint8_t *scratch; /* one frame, PROTOCOL_FRAME_BYTES_MAX */

    struct control *control; /* the operators' door (broker_control.h) */
    struct control_copy copy; /* of the store */
    bool held; /* by hold_client: no request is taken meanwhile */
    int hold_client;
    int64_t hold_ends_us; /* monotonic */

    uint64_t bytes_free;
    uint64_t bytes_unseen; /* written since, see broker_disk_takes() */
    bool below_floor;
    bool positions_due; /* to be written with the next commit */
    int64_t upkeep_us;  /* next, monotonic */
    int64_t retain_us;
    uint32_t retain_slot;

    struct event_limiter refused[BUS_ERROR_COUNT];
    struct event_limiter slow;
    struct event_limiter opened;
};

/* broker_handle.c: the requests.  Takes `frame` over if it keeps it (then the
 * caller's is empty).  Fails as the store does. */
MUST_USE enum rc broker_handle(struct broker *broker, zmq_msg_t *client,
                               zmq_msg_t *frame);

/* broker_turn.c */
MUST_USE enum rc broker_turn(struct broker *broker);

/* broker_serve.c: fetches that are due; and the frames that are made of
 * several tables. */
MUST_USE enum rc broker_serve(struct broker *broker);
size_t broker_put_status(struct broker *broker, uint64_t request,
                         uint8_t *frame, size_t size);
/* The same, and what all have reported. */
size_t broker_put_survey(struct broker *broker, uint64_t request,
                         uint8_t *frame, size_t size);
size_t broker_put_open_ok(struct broker *broker, uint64_t request,
                          const struct producer *producer, uint32_t epoch,
                          uint8_t *frame, size_t size);

/* broker_reply.c: sends and forgets; a client that is gone or does not read
 * loses its reply and asks again.  Both messages are consumed. */
void broker_send(struct broker *broker, zmq_msg_t *client, const void *frame,
                 size_t bytes);
/* The octets of a new message, to be filled and sent; NULL: no memory, and the
 * client was told of as a slow one. */
uint8_t *broker_begin_message(struct broker *broker, zmq_msg_t *message,
                              size_t bytes);
void broker_send_message(struct broker *broker, zmq_msg_t *client,
                         zmq_msg_t *message);
void broker_send_refusal(struct broker *broker, zmq_msg_t *client,
                         uint64_t request, const char *name,
                         const struct broker_refusal *refusal);

/* broker_upkeep.c: what is done by the clock.  next_us: when again. */
MUST_USE enum rc broker_upkeep(struct broker *broker, int64_t now_us,
                               int64_t *next_us_out);
void broker_look_at_disk(struct broker *broker);
/* May that many octets be stored?  Looks at the disk again when what was
 * stored since the last look could have filled a good part of it. */
bool broker_disk_takes(struct broker *broker, size_t bytes);

#endif
