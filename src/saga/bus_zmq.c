/*
 * The ZeroMQ binder of bus.h: one DEALER to the broker, docs/PROTOCOL.md.
 *
 * ZeroMQ loses what was on the way when a connection breaks, and says
 * nothing.  So every request is remembered until its reply: produce frames in
 * a ring, sent again from the oldest on (go-back-N) after a time-out; one
 * fetch per stream; the OPEN.  The broker knows a repeated batch.  Frames are
 * kept as zmq_msg_t and sent as reference-counted copies of them.
 */
#include "saga/bus_zmq_state.h"

#include <stdlib.h>

#include "saga/daemon.h"
#include "saga/log.h"
#include "saga/protocol.h"

#define QUEUE_FRAMES 1000 /* high-water marks */
#define LINGER_MS 200
#define HANDSHAKE_MS 3000
#define RECONNECT_MS 50
#define RECONNECT_MS_MAX 1000
#define HEARTBEAT_MS 2000
#define FDS_MAX 8

static struct bus_zmq *
self(struct bus *bus)
{
    return (struct bus_zmq *)(void *)bus;
}

/* ---- time ------------------------------------------------------------- */

static int64_t
fetch_due_us(const struct bus_zmq *bus, const struct stream *stream)
{
    return stream->asked_us +
           (int64_t)(FETCH_WAIT_MS + bus->config.timeout_ms) * 1000;
}

/* Sends again what has waited too long. */
static void
on_time(struct bus_zmq *bus, int64_t now_us)
{
    int64_t timeout_us = (int64_t)bus->config.timeout_ms * 1000;
    struct stream *stream;
    bool late = false;
    int i;

    if (!bus->opened && now_us >= bus->open_us + timeout_us) {
        late = bus->open_request != 0;
        bus_zmq_send_open(bus, now_us);
    }
    if (bus->sent_count > 0 && now_us >= bus->sent_us + timeout_us) {
        late |= !bus->put_off;
        bus->put_off = false;
        bus_zmq_resend(bus, now_us);
    } else if (bus->rewind_due_us != 0 && now_us >= bus->rewind_due_us)
        bus_zmq_resend(bus, now_us);
    for (i = 0; i < bus->streams_count; i++) {
        stream = &bus->streams[i];
        if (stream->request == 0 || now_us < fetch_due_us(bus, stream))
            continue;
        late = true;
        bus_zmq_send_fetch(bus, stream, now_us);
    }
    bus_zmq_ask_ahead(bus, now_us);
    if (late)
        bus->up = false;
}

static int64_t
next_due_us(const struct bus_zmq *bus)
{
    int64_t timeout_us = (int64_t)bus->config.timeout_ms * 1000;
    int64_t due_us = INT64_MAX, at_us;
    int i;

    if (!bus->opened)
        due_us = bus->open_us + timeout_us;
    if (bus->sent_count > 0 && bus->sent_us + timeout_us < due_us)
        due_us = bus->sent_us + timeout_us;
    if (bus->rewind_due_us != 0 && bus->rewind_due_us < due_us)
        due_us = bus->rewind_due_us;
    for (i = 0; i < bus->streams_count; i++) {
        const struct stream *stream = &bus->streams[i];

        if (stream->request != 0)
            at_us = fetch_due_us(bus, stream);
        else if (stream->reads && stream->ahead.remaining == 0)
            at_us = stream->due_us;
        else
            continue;
        if (at_us < due_us)
            due_us = at_us;
    }
    return due_us;
}

/* The connection is (again) there: nothing that we asked is on its way. */
static void
on_writable(struct bus_zmq *bus, int64_t now_us)
{
    int i;

    bus->blocked = false;
    if (!bus->opened)
        bus_zmq_send_open(bus, now_us);
    bus_zmq_resend(bus, now_us);
    for (i = 0; i < bus->streams_count; i++)
        bus->streams[i].request = 0;
    bus_zmq_ask_ahead(bus, now_us);
}

static bool
has_news(const struct bus_zmq *bus)
{
    int i;

    if (bus->failure.type == BUS_FAILED || bus->up != bus->up_told ||
        bus->opened != bus->opened_told || bus->status_fresh ||
        (bus->sent_count > 0 && bus->sent[bus->sent_head].acked))
        return true;
    for (i = 0; i < bus->streams_count; i++)
        if (bus->streams[i].later || bus->streams[i].now.remaining > 0 ||
            bus->streams[i].ahead.remaining > 0)
            return true;
    return false;
}

static long
wait_ms(const struct bus_zmq *bus, int64_t now_us, int timeout_ms)
{
    int64_t due_us = next_due_us(bus);
    int64_t ms;

    if (has_news(bus))
        return 0;
    if (due_us == INT64_MAX)
        return timeout_ms;
    ms = due_us <= now_us ? 0 : ms_up(due_us - now_us);
    return (long)(timeout_ms >= 0 && timeout_ms < ms ? timeout_ms : ms);
}

static enum rc
zmq_binder_wait(struct bus *base, struct pollfd *fds, size_t count,
                int timeout_ms)
{
    struct bus_zmq *bus = self(base);
    zmq_pollitem_t items[1 + FDS_MAX];
    int64_t now_us = clock_monotonic_us();
    size_t i, used = 1;

    invariant(count <= FDS_MAX);
    on_time(bus, now_us);
    items[0] = (zmq_pollitem_t){
        .socket = bus->socket,
        .events = (short)(bus->blocked ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN)
    };
    for (i = 0; i < count; i++) {
        fds[i].revents = 0;
        if (fds[i].fd >= 0)
            items[used++] = (zmq_pollitem_t){ .fd = fds[i].fd,
                                              .events = ZMQ_POLLIN };
    }
    if (zmq_poll(items, (int)used, wait_ms(bus, now_us, timeout_ms)) < 0 &&
        errno != EINTR) {
        log_error("bus_poll", "errno=%s", log_quote(zmq_strerror(errno)));
        return RC_IO;
    }
    for (i = 0, used = 1; i < count; i++)
        if (fds[i].fd >= 0 && (items[used++].revents & ZMQ_POLLIN))
            fds[i].revents = POLLIN;
    if (items[0].revents & ZMQ_POLLOUT)
        on_writable(bus, clock_monotonic_us());
    return items[0].revents & ZMQ_POLLIN ? bus_zmq_receive(bus) : RC_OK;
}

/* ---- handing out ------------------------------------------------------ */

static bool
next_ack(struct bus_zmq *bus, struct bus_event *event)
{
    struct sent_batch *head = bus_zmq_sent_at(bus, 0);

    if (bus->sent_count == 0 || !head->acked)
        return false;
    event->type = BUS_ACK;
    event->stream = head->stream;
    event->first_seq = head->first_seq;
    event->count = head->count;
    zmq_msg_close(&head->frame);
    bus->sent_head = (bus->sent_head + 1) % BUS_WINDOW_MAX;
    bus->sent_count--;
    return true;
}

/* Frees what was handed out to the end, and moves the next one up. */
static void
advance(struct bus_zmq *bus, struct stream *stream)
{
    if (stream->now.remaining > 0)
        return;
    if (stream->now.reader.data != NULL) {
        zmq_msg_close(&stream->now.frame);
        stream->now.reader.data = NULL;
    }
    if (stream->ahead.remaining == 0)
        return;
    stream->now = stream->ahead;
    zmq_msg_init(&stream->now.frame);
    zmq_msg_move(&stream->now.frame, &stream->ahead.frame);
    zmq_msg_close(&stream->ahead.frame);
    stream->now.reader.data = zmq_msg_data(&stream->now.frame);
    stream->ahead.remaining = 0;
    stream->ahead.reader.data = NULL;
    bus_zmq_ask_ahead(bus, clock_monotonic_us());
}

/* Behind it come only batches from there on. */
static bool
next_later(struct stream *stream, int index, struct bus_event *event)
{
    if (!stream->later)
        return false;
    stream->later = false;
    event->type = BUS_LATER;
    event->stream = index;
    event->offset = stream->first_offset;
    return true;
}

static bool
next_batch(struct bus_zmq *bus, struct bus_event *event)
{
    struct protocol_batch batch;
    struct stream *stream;
    int i, index;

    for (i = 0; i < bus->streams_count; i++) {
        index = (bus->next_stream + i) % bus->streams_count;
        stream = &bus->streams[index];
        if (!stream->reads)
            continue;
        if (next_later(stream, index, event))
            return true;
        advance(bus, stream);
        if (stream->now.remaining == 0)
            continue;
        invariant(protocol_get_batch(&stream->now.reader, &batch) == RC_OK);
        stream->now.remaining--;
        bus->next_stream = (index + 1) % bus->streams_count;
        event->type = BUS_BATCH;
        event->batch.stream = index;
        event->batch.base_offset = batch.base_offset;
        event->batch.time_us = batch.time_us;
        memcpy(event->batch.producer, batch.producer, sizeof batch.producer);
        event->batch.first_seq = batch.first_seq;
        event->batch.count = batch.count;
        event->batch.bytes = batch.bytes;
        event->batch.bytes_count = batch.bytes_count;
        return true;
    }
    return false;
}

static enum rc
zmq_binder_next(struct bus *base, struct bus_event *event)
{
    struct bus_zmq *bus = self(base);

    event->type = BUS_NOTHING;
    if (bus->failure.type == BUS_FAILED)
        *event = bus->failure;
    else if (bus->up != bus->up_told) {
        bus->up_told = bus->up;
        event->type = bus->up ? BUS_UP : BUS_DOWN;
    } else if (bus->opened != bus->opened_told) {
        bus->opened_told = true;
        event->type = BUS_OPENED;
    } else if (bus->status_fresh) {
        bus->status_fresh = false;
        event->type = BUS_STATUS;
        event->status = bus->status;
    } else if (!next_ack(bus, event))
        next_batch(bus, event);
    return RC_OK;
}

/* ---- opening ---------------------------------------------------------- */

static int
add_stream(struct bus *base, const char *topic, uint32_t partition, bool reads,
           uint64_t offset)
{
    struct bus_zmq *bus = self(base);

    invariant(bus->streams_count < BUS_STREAMS_MAX && !bus->opened);
    bus->streams[bus->streams_count] =
        (struct stream){ .topic = topic,
                         .partition = partition,
                         .reads = reads,
                         .next_offset = offset,
                         .position = offset };
    return bus->streams_count++;
}

static void
zmq_begin(struct bus *base, const struct bus_life *life)
{
    invariant(life->starts > 0 && life->life > 0);
    self(base)->life = *life;
}

static int
zmq_declare(struct bus *base, const char *topic, uint32_t partition)
{
    return add_stream(base, topic, partition, false, 0);
}

static int
zmq_assign(struct bus *base, const char *topic, uint32_t partition,
           uint64_t offset)
{
    return add_stream(base, topic, partition, true, offset);
}

static void
zmq_linger(struct bus *base, int stream, uint32_t linger_ms)
{
    self(base)->streams[stream].linger_us = (int64_t)linger_ms * 1000;
}

static void
zmq_may_begin_later(struct bus *base, int stream)
{
    self(base)->streams[stream].may_begin_later = true;
}

static uint64_t
zmq_last_seq(const struct bus *base, int stream)
{
    const struct bus_zmq *bus = (const struct bus_zmq *)(const void *)base;

    return bus->streams[stream].last_seq;
}

static void
zmq_position(struct bus *base, int stream, uint64_t offset)
{
    self(base)->streams[stream].position = offset;
}

static void
zmq_binder_close(struct bus *base)
{
    struct bus_zmq *bus = self(base);
    uint32_t i;
    int s;

    for (i = 0; i < bus->sent_count; i++)
        zmq_msg_close(&bus_zmq_sent_at(bus, i)->frame);
    for (s = 0; s < bus->streams_count; s++) {
        if (bus->streams[s].now.reader.data != NULL)
            zmq_msg_close(&bus->streams[s].now.frame);
        if (bus->streams[s].ahead.remaining > 0)
            zmq_msg_close(&bus->streams[s].ahead.frame);
    }
    zsock_destroy(&bus->dealer);
    zsys_shutdown();
    free(bus->status);
    free(bus);
}

static const struct bus_binder zmq_binder = {
    .close = zmq_binder_close,
    .begin = zmq_begin,
    .declare = zmq_declare,
    .assign = zmq_assign,
    .linger = zmq_linger,
    .may_begin_later = zmq_may_begin_later,
    .last_seq = zmq_last_seq,
    .produce = bus_zmq_produce,
    .position = zmq_position,
    .report = bus_zmq_report,
    .ask_status = bus_zmq_ask_status,
    .wait = zmq_binder_wait,
    .next = zmq_binder_next,
};

static void
set_options(zsock_t *dealer, const char *endpoint)
{
    zsock_set_linger(dealer, LINGER_MS);
    zsock_set_sndhwm(dealer, QUEUE_FRAMES);
    zsock_set_rcvhwm(dealer, QUEUE_FRAMES);
    zsock_set_immediate(dealer, 1);
    zsock_set_maxmsgsize(dealer, PROTOCOL_FRAME_BYTES_MAX);
    zsock_set_handshake_ivl(dealer, HANDSHAKE_MS);
    zsock_set_reconnect_ivl(dealer, RECONNECT_MS);
    zsock_set_reconnect_ivl_max(dealer, RECONNECT_MS_MAX);
    if (strncmp(endpoint, "tcp:", 4) == 0) {
        zsock_set_heartbeat_ivl(dealer, HEARTBEAT_MS);
        zsock_set_heartbeat_timeout(dealer, 2 * HEARTBEAT_MS);
        zsock_set_tcp_keepalive(dealer, 1);
    }
}

enum rc
bus_open(struct bus **bus_out, const struct bus_config *config)
{
    struct bus_zmq *bus = calloc(1, sizeof *bus);

    invariant(bus != NULL);
    invariant(config->window >= 1 && config->window <= BUS_WINDOW_MAX);
    zsys_handler_set(NULL); /* signals are daemon.h's */
    bus->base.binder = &zmq_binder;
    bus->config = *config;
    bus->dealer = zsock_new(ZMQ_DEALER);
    if (bus->dealer == NULL) {
        log_error("bus_socket", "errno=%s", log_quote(zmq_strerror(errno)));
        free(bus);
        return RC_IO;
    }
    set_options(bus->dealer, config->endpoint);
    bus->socket = zsock_resolve(bus->dealer);
    bus->open_us = -(int64_t)config->timeout_ms * 1000;
    if (zmq_connect(bus->socket, config->endpoint) != 0) {
        log_error("bus_connect", "endpoint=%s errno=%s",
                  log_quote(config->endpoint), log_quote(zmq_strerror(errno)));
        zsock_destroy(&bus->dealer);
        free(bus);
        return RC_MALFORMED;
    }
    *bus_out = &bus->base;
    return RC_OK;
}
