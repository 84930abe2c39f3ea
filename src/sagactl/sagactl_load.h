/*
 * sagactl_load.h - orders at a steady rate, whatever the gateway does with it
 *
 * Open loop: order i is due at its time, and its latency counts from then on,
 * also if it had to wait for a free connection.  So a gateway that stalls is
 * charged for all who came meanwhile.  Times are kept in whole milliseconds
 * when something is due, and in microseconds when something has come.
 */
#ifndef SAGACTL_LOAD_H
#define SAGACTL_LOAD_H

#include "sagactl/sagactl_gate.h"

#define LOAD_CONNECTIONS 64
#define LOAD_RATE_MAX 100000
#define LOAD_ORDERS_MAX 5000000

struct load_order {
    uint64_t order;     /* its id; 0: it was not accepted */
    int64_t due_us;
    uint32_t latency_us; /* until its answer was here */
    uint32_t user;
};

struct load {
    uint64_t rate; /* per second */
    uint64_t count;
    uint64_t first_user, users, product;
    struct load_order *orders; /* `count` of them, the caller's */

    uint64_t sent, answered, accepted, refused, failed;
    long refusal; /* the last status that was none of 2xx */
    int64_t start_us, end_us;
};

/* Called about every 200 ms. */
typedef void load_progress_fn(void *context, const struct load *load);

/* Sends all orders and waits for their answers.  EXIT_SYSTEM, and one line,
 * if it can't begin. */
MUST_USE int load_run(struct load *load, const struct gate *gate,
                      load_progress_fn *progress, void *context);

int64_t load_now_us(void);

#endif
