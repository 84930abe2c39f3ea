/*
 * http_waiters.h - POST /orders with Prefer: wait=N: who waits for an end
 *
 *   waiter   an exchange whose order is placed, on disk, and not yet ended;
 *            its connection stays suspended
 *
 * It is answered with the order as it ended; or, N seconds after the order
 * was placed, as it stands then, for which the store is asked once more; or, if
 * that does not answer, as it was placed.  The store is asked about all of
 * them, too, when changes did not come: one look at a time.  At most
 * WAITERS_MAX wait; whoever comes then is answered at once, without
 * Preference-Applied.
 */
#ifndef GATEWAY_HTTP_WAITERS_H
#define GATEWAY_HTTP_WAITERS_H

#include "gateway/gateway_changes.h"
#include "gateway/http_deadline.h"
#include "gateway/http_prefer.h"

#define WAITERS_MAX 1000
#define WAITER_BUCKETS 256

struct exchange;
struct gateway_http;

struct waiters {
    struct exchange *buckets[WAITER_BUCKETS];
    struct deadline_list ends[PREFER_WAIT_S_MAX + 1]; /* by their seconds */
    size_t count;
    size_t looks; /* asked about because of changes that did not come      */
    bool missed;  /* ... and more of them did not, since that was asked    */
};

/* True if the exchange's request, which has not been asked yet, will wait: the
 * thread has to listen for changes. */
bool waiter_is_meant(const struct exchange *exchange);
/* The store has placed its order: true if it goes on waiting. */
bool waiter_begin(struct exchange *exchange);
/* An order has changed. */
void waiters_changed(struct gateway_http *http, const struct order_row *order);
/* Some changes did not come: asks how the orders stand. */
void waiters_missed(struct gateway_http *http);
/* One such answer: request->look was set.  Takes the request. */
void waiter_looked(struct gateway_http *http, struct request *request);
/* Ends waits that are over. */
void waiters_turn(struct gateway_http *http);
/* Milliseconds until that is to be called again; limit_ms at most. */
int64_t waiters_until(const struct gateway_http *http, int64_t limit_ms);
/* Answers all, as their orders stand. */
void waiters_stop(struct gateway_http *http);

#endif
