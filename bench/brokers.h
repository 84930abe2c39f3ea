/*
 * brokers.h - a broker as brokers.c drives it: ours, NATS or Redis
 *
 * A client is one connection.  It sends requests, each for a batch of events,
 * and tells of the answers as they come; the driver decides how many are under
 * way.  Any refusal ends the program.
 */
#ifndef BENCH_BROKERS_H
#define BENCH_BROKERS_H

#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#define EVENT_BYTES 200
#define BATCH_EVENTS_MAX 1000
#define BUFFER_BYTES (4U << 20)
#define STREAM "bench"

/* Octets of the largest request: messages with what stands around them. */
#define MESSAGE_HEAD_MAX 120
#define REQUEST_MAX (BATCH_EVENTS_MAX * (EVENT_BYTES + MESSAGE_HEAD_MAX))

struct client;

/* A request's batch: so many messages of so many events each.  More than one
 * event in a message is what an application can do by itself, above a broker
 * that then numbers and acknowledges messages only; ours has no need to. */
struct shape {
    unsigned int messages, message_events;
};

/* What has come: whole requests, and the events that they were about. */
struct progress {
    unsigned int requests;
    uint64_t events;
    int at_end; /* there was nothing more to fetch */
};

struct broker {
    const char *name;
    /* Connection NUMBER (from 0) to the broker at the address. */
    struct client *(*open)(const char *address, unsigned int number,
                           struct shape shape);
    void (*close)(struct client *client);
    /* What zmq_poll() watches for reading. */
    zmq_pollitem_t (*item)(const struct client *client);
    void (*produce)(struct client *client);
    /* Asks for the next batch; the first from the beginning of the stream. */
    void (*fetch)(struct client *client);
    /* Takes what has come, without waiting. */
    struct progress (*receive)(struct client *client);
};

extern const struct broker broker_saga, broker_saga_libzmq, broker_nats,
    broker_redis;

#endif
