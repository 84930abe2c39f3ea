/*
 * large_payments.c - a filter in C on the library of the processes: tells of
 * every approved payment of 500.00 and more
 *
 * No child process, no JSON to read: the loop hands over decoded events, and
 * what is emitted here is committed with the position.  It runs as the other
 * processes do: settings from flags, environment and file, a store of its own
 * in HOME/data/large-payments, signals, exit codes.
 *
 *   make examples && SAGAPIPE_HOME=var build/examples/large_payments
 */
#include "saga/daemon.h"
#include "saga/log.h"
#include "saga/participant.h"
#include "saga/text_writer.h"

#define NAME "large-payments"
#define LARGE_MINOR 50000 /* 500.00 */

static enum rc
on_open(void *context, struct store *store)
{
    (void)context; /* it keeps nothing of its own */
    (void)store;
    return RC_OK;
}

static enum rc
on_event(void *context, struct turn *turn, const struct event *event)
{
    struct text_writer text;
    struct event review;
    char json[256];

    (void)context;
    if (event->type != EVENT_PAYMENT ||
        event->payment_status != PAYMENT_APPROVED ||
        event->price.minor < LARGE_MINOR)
        return RC_OK;
    text_writer_init(&text, json, sizeof json);
    text_put(&text, "{\"type\":\"example.large-payment\",\"data\":{\"orderId\":");
    text_put_uint(&text, event->order.value);
    text_put(&text, ",\"price\":");
    text_put_uint(&text, (uint64_t)event->price.minor);
    text_put(&text, "}}");
    event_init(&review, EVENT_FOREIGN);
    review.user = event->user; /* decides the partition */
    review.blob = (struct event_blob){ (const uint8_t *)json, text.used };
    return turn_emit_filtered(turn, &review);
}

int
main(int argc, char **argv)
{
    static const struct participant_topics topics = {
        .read = { "payments" }, .read_count = 1, .write = "reviews"
    };
    static const struct participant_handlers handlers = {
        .on_open = on_open, .on_event = on_event, .topics = &topics
    };
    struct config config;
    struct participant *participant;
    int signal_fd;
    enum rc rc, closed;

    log_open(NAME);
    config_load_filter(&config, NAME, argc, argv);
    daemon_lock(&config);
    signal_fd = daemon_signals();
    participant = participant_open(&config, &handlers, NULL, signal_fd, -1);
    daemon_ready();
    rc = participant_run(participant);
    closed = participant_close(&participant);
    if (rc == RC_OK)
        rc = closed;
    return rc == RC_OK ? EXIT_DONE : rc_exit_code(rc);
}
