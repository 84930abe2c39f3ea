/*
 * sim_net.h - ZeroMQ in memory: what bus_zmq*.c and the broker call of it
 *
 *   link      one connection between a DEALER and the ROUTER.  It keeps order
 *             and loses nothing while it lives.  A frame is first on its way,
 *             then arrived: only those can be read.
 *   break     what is on its way is lost but for a prefix; what has arrived
 *             can still be read.  So it is when an end dies, too, but for
 *             what the dead end had not read.
 *   overtake  the ROUTER may read a process's new link before the rest of its
 *             dead one (it queues fairly, so it may).  Off: the old one first.
 *   redeliver a FETCH may ask for older offsets than the client asked for, so
 *             that it hears events again.
 *   calm      frames arrive at once; links are made at once.
 *
 * Nothing here waits: zmq_poll() looks and returns.
 */
#ifndef TESTS_SIM_NET_H
#define TESTS_SIM_NET_H

#include "saga/base.h"

/* Whose sockets are made from now on: a process's, over its restarts. */
void sim_net_owner(uint64_t owner);
void sim_net_calm(bool calm);
void sim_net_overtake(bool overtake);
/* How often a FETCH goes back, how far; start: the first offset that is kept
 * of a topic's partition (NULL: as before). */
typedef uint64_t sim_net_start_fn(const char *topic, uint32_t partition);
void sim_net_redeliver(uint64_t once_in, uint64_t events_max,
                       sim_net_start_fn *start);

/* Some frames arrive, some links are made. */
void sim_net_move(void);
/* One link breaks, by chance; or an owner's. */
void sim_net_break(void);
void sim_net_break_of(uint64_t owner);

/* Frees links that both ends left; call when every socket is closed. */
void sim_net_reset(void);

struct sim_net_stats {
    uint64_t frames;
    uint64_t lost;
    uint64_t breaks;
    uint64_t redelivered;
};
const struct sim_net_stats *sim_net_stats(void);

#endif
