#include <inttypes.h>

#include "broker/broker_state.h"
#include "saga/daemon.h"
#include "saga/log.h"

/* The frame of an ERROR with the longest words. */
#define ERROR_BYTES_MAX (PROTOCOL_HEADER_BYTES + 2 + 8 + 256)

static void
on_not_sent(struct broker *broker, int error)
{
    uint64_t held_back;

    if (error != EAGAIN) /* EHOSTUNREACH: it went away */
        return;
    if (event_limiter_pass(&broker->slow, clock_monotonic_us(), &held_back))
        log_warning("client_slow", "dropped=reply more=%" PRIu64, held_back);
}

void
broker_send_message(struct broker *broker, zmq_msg_t *client,
                    zmq_msg_t *message)
{
    if (zmq_msg_send(client, broker->router, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_msg_send(message, broker->router, ZMQ_DONTWAIT) < 0)
        on_not_sent(broker, zmq_errno());
    zmq_msg_close(client);
    zmq_msg_close(message);
    zmq_msg_init(client);
}

uint8_t *
broker_begin_message(struct broker *broker, zmq_msg_t *message, size_t bytes)
{
    if (zmq_msg_init_size(message, bytes) == 0)
        return zmq_msg_data(message);
    on_not_sent(broker, EAGAIN); /* no memory: as if it were slow */
    return NULL;
}

void
broker_send(struct broker *broker, zmq_msg_t *client, const void *frame,
            size_t bytes)
{
    zmq_msg_t message;
    uint8_t *copy = broker_begin_message(broker, &message, bytes);

    if (copy == NULL)
        return;
    memcpy(copy, frame, bytes);
    broker_send_message(broker, client, &message);
}

void
broker_send_refusal(struct broker *broker, zmq_msg_t *client, uint64_t request,
                    const char *name, const struct broker_refusal *refusal)
{
    struct protocol_error error = { refusal->code, refusal->detail, "" };
    uint8_t frame[ERROR_BYTES_MAX];
    struct bytes_writer writer;
    uint64_t held_back;

    snprintf(error.words, sizeof(error.words), "%s: %s",
             bus_error_name(refusal->code), refusal->words);
    bytes_writer_init(&writer, frame, sizeof(frame));
    protocol_put_error(&writer, request, &error);
    invariant(!writer.failed);
    broker_send(broker, client, frame, writer.used);
    if (event_limiter_pass(&broker->refused[refusal->code],
                           clock_monotonic_us(), &held_back))
        log_warning("refused",
                    "code=%s name=%s detail=%" PRIu64 " words=%s more=%" PRIu64,
                    bus_error_name(refusal->code), log_quote(name),
                    refusal->detail, log_quote(refusal->words), held_back);
}
