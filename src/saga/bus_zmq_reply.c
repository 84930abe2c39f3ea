#include "saga/bus_zmq_state.h"

#include "saga/daemon.h"
#include "saga/log.h"
#include "saga/protocol.h"

#define REWIND_MS_MIN 50 /* between two go-backs              */
#define RECEIVE_MAX 256  /* frames taken in one bus_wait()    */

static void
fail(struct bus_zmq *bus, enum rc rc, const char *where, const char *words)
{
    if (bus->failure.type == BUS_FAILED)
        return;
    bus->failure.type = BUS_FAILED;
    bus->failure.rc = rc;
    snprintf(bus->failure.words, sizeof bus->failure.words, "%.40s: %.200s",
             where, words);
}

static void
take_last_seq(struct bus_zmq *bus, const struct protocol_open_seq *seq)
{
    for (int i = 0; i < bus->streams_count; i++)
        if (strcmp(bus->streams[i].topic, seq->topic) == 0 &&
            bus->streams[i].partition == seq->partition)
            bus->streams[i].last_seq = seq->last_seq;
}

static void
on_open_ok(struct bus_zmq *bus, uint64_t request, struct bytes_reader *reader)
{
    struct protocol_open_ok ok;
    struct protocol_open_seq seq;
    enum rc rc;

    if (bus->opened || request != bus->open_request)
        return;
    rc = protocol_get_open_ok(reader, &ok);
    for (; rc == RC_OK && ok.count > 0; ok.count--) {
        rc = protocol_get_open_seq(reader, &seq);
        if (rc == RC_OK)
            take_last_seq(bus, &seq);
    }
    if (rc != RC_OK || !bytes_all_read(reader)) {
        fail(bus, RC_DAMAGED, "open", "the broker's reply is malformed");
        return;
    }
    bus->epoch = ok.epoch;
    bus->opened = true;
}

static void
on_produce_ok(struct bus_zmq *bus, uint64_t request)
{
    uint32_t i;

    for (i = 0; i < bus->sent_count; i++)
        if (bus_zmq_sent_at(bus, i)->request == request)
            bus_zmq_sent_at(bus, i)->acked = true;
    bus->sent_us = clock_monotonic_us(); /* it is moving */
}

static struct stream *
stream_asked(struct bus_zmq *bus, uint64_t request)
{
    int i;

    for (i = 0; i < bus->streams_count; i++)
        if (bus->streams[i].reads && request != 0 &&
            bus->streams[i].request == request)
            return &bus->streams[i];
    return NULL;
}

/* Walks the batches once: are they well-formed, and where do they end? */
static enum rc
measure_batches(struct bytes_reader reader, uint32_t count, uint64_t *end)
{
    struct protocol_batch batch;

    for (; count > 0; count--) {
        if (protocol_get_batch(&reader, &batch) != RC_OK)
            return RC_MALFORMED;
        *end = batch.base_offset + batch.count;
    }
    return bytes_all_read(&reader) ? RC_OK : RC_MALFORMED;
}

/* True if the frame was kept. */
static bool
on_fetch_ok(struct bus_zmq *bus, uint64_t request, struct bytes_reader *reader,
            zmq_msg_t *frame)
{
    struct stream *stream = stream_asked(bus, request);
    struct protocol_fetch_ok ok;
    uint64_t end;

    if (stream == NULL)
        return false; /* of a request that we gave up */
    stream->request = 0;
    if (stream->linger_us > 0)
        stream->due_us = clock_monotonic_us() + stream->linger_us;
    end = stream->next_offset;
    if (protocol_get_fetch_ok(reader, &ok) != RC_OK ||
        measure_batches(*reader, ok.count, &end) != RC_OK ||
        end < stream->next_offset) {
        fail(bus, RC_DAMAGED, stream->topic,
             "the broker's batches are malformed");
        return false;
    }
    if (ok.count == 0)
        return false;
    stream->next_offset = end;
    stream->may_begin_later = false;
    zmq_msg_init(&stream->ahead.frame);
    zmq_msg_move(&stream->ahead.frame, frame);
    /* A short message lives inside zmq_msg_t and has moved with it. */
    bytes_reader_init(&stream->ahead.reader,
                      zmq_msg_data(&stream->ahead.frame),
                      zmq_msg_size(&stream->ahead.frame));
    bytes_get(&stream->ahead.reader, reader->used);
    stream->ahead.remaining = ok.count;
    return true;
}

/* A batch that waits is not cut again (outbox.h): who knows what of it the
 * broker holds? */
static void
fail_too_large(struct bus_zmq *bus, uint64_t limit)
{
    char words[200];

    snprintf(words, sizeof words,
             "a batch that waits here is larger than the broker takes (%" PRIu64
             "): set its knob batch as it was, and lower it when outboxes are "
             "empty", limit);
    fail(bus, RC_MALFORMED, "produce", words);
}

static void
on_produce_error(struct bus_zmq *bus, int stream,
                 const struct protocol_error *error)
{
    int64_t now_us = clock_monotonic_us();
    uint32_t oldest = 0;

    while (bus_zmq_sent_at(bus, oldest)->acked ||
           bus_zmq_sent_at(bus, oldest)->stream != stream)
        oldest++;
    if (error->code == BUS_ERROR_SEQ_GAP &&
        error->detail >= bus_zmq_sent_at(bus, oldest)->first_seq) {
        /* An earlier one was lost on the way, or refused: go back. */
        if (bus->rewind_due_us == 0)
            bus->rewind_due_us = now_us + REWIND_MS_MIN * 1000;
        return;
    }
    if (bus_error_passes(error->code)) {
        bus->sent_us = now_us; /* again after the time-out */
        bus->put_off = true;
        return;
    }
    if (error->code == BUS_ERROR_FENCED)
        fail(bus, RC_FENCED, "produce", error->words);
    else if (error->code == BUS_ERROR_TOO_LARGE)
        fail_too_large(bus, error->detail);
    else if (error->code == BUS_ERROR_SEQ_GAP ||
             error->code == BUS_ERROR_SEQ_OVERLAP ||
             error->code == BUS_ERROR_NOT_OPEN)
        fail(bus, RC_DAMAGED, "produce", error->words);
    else
        fail(bus, RC_MALFORMED, "produce", error->words);
}

/* Nothing of it was taken, and who reads can live with that: it begins at the
 * first offset that is kept. */
static void
on_trimmed(struct bus_zmq *bus, struct stream *stream, uint64_t start)
{
    if (!stream->may_begin_later || start <= stream->next_offset) {
        fail(bus, RC_DAMAGED, stream->topic,
             "events that we have not handled were removed by retention");
        return;
    }
    stream->next_offset = stream->first_offset = start;
    stream->later = true;
    stream->request = 0;
}

static void
on_fetch_error(struct bus_zmq *bus, struct stream *stream,
               const struct protocol_error *error)
{
    if (bus_error_passes(error->code)) {
        stream->request = 0; /* answered: so the broker is not down */
        stream->due_us =
            clock_monotonic_us() + (int64_t)bus->config.timeout_ms * 1000;
    } else if (error->code == BUS_ERROR_OFFSET_AHEAD)
        fail(bus, RC_DAMAGED, stream->topic,
             "the broker lost events that we have handled: restore its store");
    else if (error->code == BUS_ERROR_OFFSET_TRIMMED)
        on_trimmed(bus, stream, error->detail);
    else
        fail(bus, RC_MALFORMED, stream->topic, error->words);
}

static void
on_open_error(struct bus_zmq *bus, const struct protocol_error *error)
{
    if (bus_error_passes(error->code)) {
        bus->open_request = 0; /* as above */
        bus->open_us = clock_monotonic_us();
    } else if (error->code == BUS_ERROR_FENCED)
        fail(bus, RC_FENCED, "open", error->words);
    else
        fail(bus, RC_MALFORMED, "open", error->words);
}

static void
on_error(struct bus_zmq *bus, uint64_t request, struct bytes_reader *reader)
{
    struct protocol_error error;
    struct stream *stream = stream_asked(bus, request);
    uint32_t i;

    if (protocol_get_error(reader, &error) != RC_OK)
        fail(bus, RC_DAMAGED, "error", "the broker's reply is malformed");
    else if (stream != NULL)
        on_fetch_error(bus, stream, &error);
    else if (!bus->opened && request == bus->open_request)
        on_open_error(bus, &error);
    else
        for (i = 0; i < bus->sent_count; i++)
            if (bus_zmq_sent_at(bus, i)->request == request &&
                !bus_zmq_sent_at(bus, i)->acked)
                on_produce_error(bus, bus_zmq_sent_at(bus, i)->stream, &error);
}

static void
receive_frame(struct bus_zmq *bus, zmq_msg_t *frame)
{
    struct protocol_header header;
    struct bytes_reader reader;

    bytes_reader_init(&reader, zmq_msg_data(frame), zmq_msg_size(frame));
    if (protocol_get_header(&reader, &header) != RC_OK ||
        header.version != PROTOCOL_VERSION) {
        fail(bus, RC_MALFORMED, "bus", "this is no broker of our version");
        return;
    }
    bus->up = true;
    /* The verbs are told apart by their requests' ids, too. */
    if (header.verb == VERB_PRODUCE_OK)
        on_produce_ok(bus, header.request);
    else if (header.verb == VERB_FETCH_OK) {
        if (on_fetch_ok(bus, header.request, &reader, frame))
            zmq_msg_init(frame);
    } else if (header.verb == VERB_OPEN_OK)
        on_open_ok(bus, header.request, &reader);
    else if (header.verb == VERB_SURVEY_OK)
        bus_zmq_on_survey(bus, &reader);
    else if (header.verb == VERB_ERROR)
        on_error(bus, header.request, &reader);
}

enum rc
bus_zmq_receive(struct bus_zmq *bus)
{
    zmq_msg_t frame;
    int i;

    for (i = 0; i < RECEIVE_MAX; i++) {
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, bus->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            if (errno == EAGAIN || errno == EINTR)
                return RC_OK;
            log_error("bus_receive", "errno=%s",
                      log_quote(zmq_strerror(errno)));
            return RC_IO;
        }
        receive_frame(bus, &frame);
        zmq_msg_close(&frame);
    }
    return RC_OK;
}
