#include "gateway/http_waiters.h"

#include "gateway/http_server.h"

static struct exchange **
bucket(struct waiters *waiters, struct order_id order)
{
    return &waiters->buckets[order.value % WAITER_BUCKETS];
}

bool
waiter_is_meant(const struct exchange *exchange)
{
    const struct http_call *call = &exchange->call;

    return call->headers.wait_s > 0 && call->request != NULL &&
           call->request->kind == REQUEST_ORDER_PLACE &&
           exchange->http->waiters.count < WAITERS_MAX;
}

static void
forget(struct waiters *waiters, struct exchange *exchange)
{
    const struct http_call *call = &exchange->call;
    struct exchange **link = bucket(waiters, call->request->order.order);

    while (*link != exchange)
        link = &(*link)->waiter_next;
    *link = exchange->waiter_next;
    deadline_end(&waiters->ends[call->wait_s], &exchange->wait);
    waiters->count--;
}

static void
look(struct gateway_http *http, struct order_id order)
{
    struct request *request = http_pool_request(&http->pool);

    if (request == NULL) /* then it is told when its time is over */
        return;
    request->kind = REQUEST_ORDER_WATCH;
    request->order_id = order;
    request->look = true;
    http->waiters.looks++;
    http_ask_store(http, request);
}

/* From the placing on it must hear of all: so the ring begins there, or there
 * was a hole meanwhile. */
static void
follow(struct gateway_http *http, const struct request *request)
{
    struct ring *ring = &http->streams.ring;

    if (ring->next == 0)
        ring_begin(ring, request->change_next);
    if (request->change_next < ring->first)
        look(http, request->order.order);
}

bool
waiter_begin(struct exchange *exchange)
{
    struct gateway_http *http = exchange->http;
    struct waiters *waiters = &http->waiters;
    struct http_call *call = &exchange->call;
    const struct request *request = call->request;
    struct exchange **head;

    if (!exchange->listens || request->kind != REQUEST_ORDER_PLACE ||
        request->outcome != REQUEST_DONE)
        return false;
    if (order_status_terminal(request->order.status)) {
        call->wait_s = call->headers.wait_s;
        return false;
    }
    if (waiters->count >= WAITERS_MAX) /* many were asked for in one turn */
        return false;
    call->wait_s = call->headers.wait_s;
    head = bucket(waiters, request->order.order);
    exchange->waiter_next = *head;
    *head = exchange;
    waiters->count++;
    deadline_end(&http->waits, &exchange->wait);
    deadline_begin(&waiters->ends[call->wait_s], &exchange->wait,
                   http->now_us);
    follow(http, request);
    return true;
}

void
waiters_changed(struct gateway_http *http, const struct order_row *order)
{
    struct waiters *waiters = &http->waiters;
    struct exchange *exchange, *next;

    if (waiters->count == 0 || !order_status_terminal(order->status))
        return;
    for (exchange = *bucket(waiters, order->order); exchange != NULL;
         exchange = next) {
        struct request *request = exchange->call.request;

        next = exchange->waiter_next;
        if (request->order.order.value != order->order.value)
            continue;
        forget(waiters, exchange);
        request->order = *order;
        exchange_answered(exchange);
    }
}

void
waiters_missed(struct gateway_http *http)
{
    struct waiters *waiters = &http->waiters;
    const struct exchange *exchange;

    waiters->missed = waiters->looks > 0;
    if (waiters->missed || waiters->count == 0)
        return;
    for (size_t i = 0; i < WAITER_BUCKETS; i++) {
        for (exchange = waiters->buckets[i]; exchange != NULL;
             exchange = exchange->waiter_next)
            look(http, exchange->call.request->order.order);
    }
}

void
waiter_looked(struct gateway_http *http, struct request *request)
{
    struct waiters *waiters = &http->waiters;

    if (request->outcome == REQUEST_DONE)
        waiters_changed(http, &request->order);
    http_pool_give_request(&http->pool, request);
    waiters->looks--;
    if (waiters->looks == 0 && waiters->missed)
        waiters_missed(http);
}

/* Its order may have changed without our hearing of it.  What is known of it
 * stays, for a store that does not answer. */
static void
look_again(struct exchange *exchange)
{
    struct gateway_http *http = exchange->http;
    struct request *placed = exchange->call.request;
    struct request *request = http_pool_request(&http->pool);

    if (request == NULL) {
        exchange_answered(exchange);
        return;
    }
    request->kind = REQUEST_ORDER_WATCH;
    request->order_id = placed->order.order;
    request->replayed = placed->replayed;
    request->owner = exchange;
    exchange->placed = placed;
    exchange->call.request = request;
    deadline_begin(&http->waits, &exchange->wait, http->now_us);
    http_ask_store(http, request);
}

void
waiters_turn(struct gateway_http *http)
{
    struct waiters *waiters = &http->waiters;
    struct deadline *deadline;
    uint32_t seconds;

    for (seconds = 1; waiters->count > 0 && seconds <= PREFER_WAIT_S_MAX;
         seconds++) {
        int64_t before_us = http->now_us - (int64_t)seconds * 1000000;

        while ((deadline = deadline_due(&waiters->ends[seconds],
                                        before_us)) != NULL) {
            forget(waiters, deadline->owner);
            look_again(deadline->owner);
        }
    }
}

int64_t
waiters_until(const struct gateway_http *http, int64_t limit_ms)
{
    const struct waiters *waiters = &http->waiters;
    uint32_t seconds;

    for (seconds = 1; waiters->count > 0 && seconds <= PREFER_WAIT_S_MAX;
         seconds++) {
        const struct deadline *first = waiters->ends[seconds].first;
        int64_t ms;

        if (first == NULL)
            continue;
        ms = (first->since_us + (int64_t)seconds * 1000000 - http->now_us +
              999) / 1000;
        if (ms < limit_ms)
            limit_ms = ms > 0 ? ms : 0;
    }
    return limit_ms;
}

void
waiters_stop(struct gateway_http *http)
{
    struct waiters *waiters = &http->waiters;
    size_t i;

    for (i = 0; i < WAITER_BUCKETS; i++) {
        while (waiters->buckets[i] != NULL) {
            struct exchange *exchange = waiters->buckets[i];

            forget(waiters, exchange);
            exchange_answered(exchange);
        }
    }
}
