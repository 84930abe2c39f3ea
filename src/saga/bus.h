/*
 * bus.h - how a participant reads and writes topics; binders lie behind it
 *
 * A bus has streams: a (topic, partition) that we write or read.  Writing:
 * bus_produce() takes one batch whose seqs follow the last one's; the bus
 * sends it, and again after a time-out, until a BUS_ACK says that it is
 * durable there.  At most `window` batches are under way.  Reading: after
 * bus_assign() the batches of a stream come as BUS_BATCH, in order, from the
 * given offset on; the bus asks ahead by itself.  Offsets are the consumer's
 * own: it stores them with its effects and tells them by bus_position(), for
 * others to see.
 *
 * Nothing above this line knows which binder runs: ZeroMQ (bus_zmq.c) now.
 * A binder for tests stands in tests/support.
 *
 * Not thread-safe: one thread owns a bus.
 */
#ifndef SAGA_BUS_H
#define SAGA_BUS_H

#include <poll.h>

#include "saga/bus_status.h"

#define BUS_STREAMS_MAX 144 /* all that a participant may have */
#define BUS_WINDOW_MAX 64

struct bus;

struct bus_config {
    const char *endpoint;
    const char *name; /* our producer and consumer name */
    uint32_t window;
    uint32_t fetch_bytes;
    uint32_t timeout_ms;
};

/* Which life of which store this is.  Neither is 0. */
struct bus_life {
    uint64_t starts; /* how often the store was opened, and flushed so */
    uint64_t life;   /* by chance */
};

/* A stream we write or read, as the participant numbers it. */
struct bus_stream {
    const char *topic;
    uint32_t partition;
};

struct bus_batch {
    int stream; /* index given by bus_declare() or bus_assign() */
    uint64_t base_offset;
    int64_t time_us;
    char producer[PRODUCER_NAME_BYTES];
    uint64_t first_seq;
    uint32_t count;
    const uint8_t *bytes;
    size_t bytes_count;
};

enum bus_event_type {
    BUS_NOTHING = 0,
    BUS_UP,      /* the broker answers (again)                               */
    BUS_DOWN,    /* it has not answered for a time-out                       */
    BUS_OPENED,  /* we are the producer now; bus_last_seq() is valid         */
    BUS_LATER,   /* .stream, .offset: its first batch is the one with that
                    offset (bus_may_begin_later())                          */
    BUS_BATCH,   /* .batch; valid until the next bus_next()                  */
    BUS_ACK,     /* .stream, .first_seq, .count: durable at the broker       */
    BUS_STATUS,  /* .status: what bus_ask_status() asked for; valid until the
                    next bus_next()                                         */
    BUS_FAILED,  /* .rc, .words: it can't go on (fenced, damaged, refused)   */
};

struct bus_event {
    enum bus_event_type type;
    struct bus_batch batch;
    const struct bus_status *status;
    int stream;
    uint64_t offset;
    uint64_t first_seq;
    uint32_t count;
    enum rc rc;
    char words[256];
};

/* What a binder implements.  The functions below call it. */
struct bus_binder {
    void (*close)(struct bus *bus);
    void (*begin)(struct bus *bus, const struct bus_life *life);
    int (*declare)(struct bus *bus, const char *topic, uint32_t partition);
    int (*assign)(struct bus *bus, const char *topic, uint32_t partition,
                  uint64_t offset);
    /* May be NULL. */
    void (*linger)(struct bus *bus, int stream, uint32_t linger_ms);
    void (*may_begin_later)(struct bus *bus, int stream);
    uint64_t (*last_seq)(const struct bus *bus, int stream);
    enum rc (*produce)(struct bus *bus, const struct bus_batch *batch);
    void (*position)(struct bus *bus, int stream, uint64_t offset);
    void (*report)(struct bus *bus, const struct report *report);
    void (*ask_status)(struct bus *bus);
    enum rc (*wait)(struct bus *bus, struct pollfd *fds, size_t count,
                    int timeout_ms);
    enum rc (*next)(struct bus *bus, struct bus_event *event_out);
};

/* Every binder's struct begins with this. */
struct bus {
    const struct bus_binder *binder;
};

/* Opens the ZeroMQ binder.  Does not wait for the broker.
 * RC_MALFORMED for an endpoint that can't be, RC_IO. */
MUST_USE enum rc bus_open(struct bus **bus_out,
                          const struct bus_config *config);
void bus_close(struct bus **bus_p);

/* With which life we open at the broker, which lets no older one in after it.
 * Comes once, before the first bus_wait(). */
void bus_begin(struct bus *bus, const struct bus_life *life);

/* A stream that we will write; and one that we read from `offset` on.  The
 * topic's text must outlive the bus.  Returns its index, >= 0. */
int bus_declare(struct bus *bus, const char *topic, uint32_t partition);
int bus_assign(struct bus *bus, const char *topic, uint32_t partition,
               uint64_t offset);

/* Asks for this stream's batches linger_ms after those before came at the
 * soonest: what nobody waits for then comes in larger batches. */
void bus_linger(struct bus *bus, int stream, uint32_t linger_ms);

/* Comes before the first bus_wait(): what retention removed of this stream is
 * no loss to us.  Its first batch is then the first that is kept, and BUS_LATER
 * comes before it; without this, or behind it, a removed offset is BUS_FAILED.
 * What is told as our position stays as it is. */
void bus_may_begin_later(struct bus *bus, int stream);

/* After BUS_OPENED: the last seq of ours that the broker holds, 0 if none. */
uint64_t bus_last_seq(const struct bus *bus, int stream);

/*
 * Hands over one batch (stream, first_seq, count, bytes; the bytes are
 * copied).  RC_AGAIN if the window is full or BUS_OPENED has not come: try
 * after the next BUS_ACK or BUS_OPENED.
 */
MUST_USE enum rc bus_produce(struct bus *bus, const struct bus_batch *batch);

/* Our committed offset in a stream that we read. */
void bus_position(struct bus *bus, int stream, uint64_t offset);

/* Tells how we are, for others to see.  Lost if nobody hears it: tell again. */
void bus_report(struct bus *bus, const struct report *report);
/* Asks how all are: a BUS_STATUS follows, or nothing does.  No memory for the
 * answer: nothing. */
void bus_ask_status(struct bus *bus);

/*
 * Waits until the bus has something for bus_next(), one of fds is ready
 * (poll(2); revents are set), or timeout_ms passed (-1: no limit of ours; the
 * bus wakes for its own time-outs).  count <= 8.
 */
MUST_USE enum rc bus_wait(struct bus *bus, struct pollfd *fds, size_t count,
                          int timeout_ms);

/* The next thing that happened; BUS_NOTHING when there is no more.  Never
 * blocks. */
MUST_USE enum rc bus_next(struct bus *bus, struct bus_event *event_out);

#endif
