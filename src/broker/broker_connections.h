/*
 * broker_connections.h - no more connections than the knob `connections`
 *
 * libzmq accepts whoever comes, and ends the process when it runs out of
 * descriptors.  So its monitors tell us of each connection to the bus and the
 * tap, and what is one too many is cut at once.
 *
 * Internal to broker*.c.
 */
#ifndef BROKER_CONNECTIONS_H
#define BROKER_CONNECTIONS_H

#include "broker/event_limiter.h"

/* Descriptors beside those of connections: stores, segments, sockets; and
 * those who came since we looked. */
#define CONNECTIONS_BESIDE 1024
#define CONNECTIONS_FDS_MAX 65536 /* of connections, above the knob's most */
#define CONNECTIONS_SOCKETS 2     /* the bus and the tap                   */
/* Times that a connection to the tap may subscribe to what nobody has. */
#define CONNECTIONS_PREFIXES_MAX 1000

/* Connections are known by their descriptors, and not just counted: should an
 * end not be told, the next one of that number sets it right. */
struct broker_connections {
    void *sockets[CONNECTIONS_SOCKETS];  /* NULL: not watched */
    void *monitors[CONNECTIONS_SOCKETS];
    int fds[CONNECTIONS_SOCKETS]; /* readable: broker_connections_look() */
    uint64_t limit;
    uint64_t count;
    uint64_t there[CONNECTIONS_SOCKETS][CONNECTIONS_FDS_MAX / 64];
    uint32_t prefixes[CONNECTIONS_FDS_MAX]; /* since it came */
    struct event_limiter refused;
    struct event_limiter subscribed; /* too often */
};

/*
 * Allows as many descriptors as `limit` connections need.  Exits EXIT_USAGE
 * with one line if the system does not, EXIT_SYSTEM if it does not answer.
 */
void broker_connections_allow(uint64_t limit);

/* Before the sockets are bound; context and sockets are libzmq's.  RC_IO. */
MUST_USE enum rc
broker_connections_open(struct broker_connections *connections, uint64_t limit,
                        void *context,
                        void *const sockets[CONNECTIONS_SOCKETS]);
/* Before the sockets are closed, whose clients are served on; also when it was
 * never opened. */
void broker_connections_close(struct broker_connections *connections);

/* Counts who came and went since, and cuts who is too many. */
void broker_connections_look(struct broker_connections *connections);

/* A connection to the tap subscribed to a prefix that nobody had; it is cut
 * when it has done so too often.  Taking one back does not count: libzmq tells
 * of that, too, when there was nothing to take back.  fd -1: nobody. */
void broker_connections_note_prefix(struct broker_connections *connections,
                                    int fd);

#endif
