/*
 * large_payments.c - a filter in C on the library of the processes: tells of
 * every approved payment of 500.00 and more
 *
 *   make examples && bin/examples/large_payments
 *
 * No child process, no JSON to read: the loop hands over decoded events, and
 * what is answered here is committed together with the position.
 */
#include <inttypes.h>
#include <stdio.h>

#include "saga/filter.h"

#define LARGE_MINOR 50000 /* 500.00 */

static enum rc
on_event(void *context, struct turn *turn, const struct event *event)
{
    struct event answer;
    char json[128];
    int bytes;

    (void)context;
    if (event->type != EVENT_PAYMENT ||
        event->payment_status != PAYMENT_APPROVED ||
        event->price.minor < LARGE_MINOR)
        return RC_OK;
    bytes = snprintf(json, sizeof json,
                     "{\"type\":\"example.large-payment\",\"data\":"
                     "{\"orderId\":%" PRIu64 ",\"price\":%" PRId64 "}}",
                     event->order.value, event->price.minor);
    event_init(&answer, EVENT_FOREIGN);
    answer.blob = (struct event_blob){ (const uint8_t *)json, (size_t)bytes };
    return turn_answer(turn, event, &answer);
}

int
main(int argc, char **argv)
{
    static const struct participant_topics topics = {
        .read = { "payments" }, .read_count = 1, .write = "reviews"
    };
    static const struct participant_handlers handlers = {
        .on_event = on_event, .topics = &topics
    };

    return filter_main("large-payments", &handlers, NULL, argc, argv);
}
