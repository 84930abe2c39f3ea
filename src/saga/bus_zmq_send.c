#include "saga/bus_zmq_state.h"

#include "saga/daemon.h"
#include "saga/protocol.h"

/* Sends a copy of the frame.  False if there is no connection now. */
static bool
send_frame(struct bus_zmq *bus, zmq_msg_t *frame)
{
    zmq_msg_t copy;
    int failed;

    zmq_msg_init(&copy);
    failed = zmq_msg_copy(&copy, frame);
    invariant(!failed);
    if (zmq_msg_send(&copy, bus->socket, ZMQ_DONTWAIT) >= 0)
        return true;
    zmq_msg_close(&copy);
    bus->blocked = true;
    return false;
}

/* The same for a frame that is built anew each time. */
bool
bus_zmq_send_bytes(struct bus_zmq *bus, const struct bytes_writer *writer)
{
    invariant(!writer->failed);
    if (zmq_send(bus->socket, writer->data, writer->used, ZMQ_DONTWAIT) >= 0)
        return true;
    bus->blocked = true;
    return false;
}

void
bus_zmq_send_open(struct bus_zmq *bus, int64_t now_us)
{
    struct protocol_open_store open = { .starts = bus->life.starts,
                                        .life = bus->life.life };
    struct bytes_writer writer;
    uint8_t frame[128];

    invariant(open.starts > 0);
    memcpy(open.producer, bus->config.name,
           strnlen(bus->config.name, sizeof open.producer - 1));
    /* All replies to one life tell the same epoch: the first to come will do,
     * as late as it likes. */
    if (bus->open_request == 0)
        bus->open_request = ++bus->last_request;
    bus->open_us = now_us;
    bytes_writer_init(&writer, frame, sizeof frame);
    protocol_put_open_store(&writer, bus->open_request, &open);
    bus_zmq_send_bytes(bus, &writer);
}

void
bus_zmq_send_fetch(struct bus_zmq *bus, struct stream *stream, int64_t now_us)
{
    struct protocol_fetch fetch = {
        .partition = (uint16_t)stream->partition,
        .position = stream->position,
        .offset = stream->next_offset,
        .max_bytes = bus->config.fetch_bytes,
        .max_wait_ms = FETCH_WAIT_MS,
    };
    struct bytes_writer writer;
    uint8_t frame[256];

    memcpy(fetch.topic, stream->topic,
           strnlen(stream->topic, sizeof fetch.topic - 1));
    memcpy(fetch.consumer, bus->config.name,
           strnlen(bus->config.name, sizeof fetch.consumer - 1));
    /* Asked again, it is the same question: if each reply takes longer than the
     * time-out, all would else be to a question that was given up. */
    if (stream->request == 0)
        stream->request = ++bus->last_request;
    stream->asked_us = now_us;
    bytes_writer_init(&writer, frame, sizeof frame);
    protocol_put_fetch(&writer, stream->request, &fetch);
    bus_zmq_send_bytes(bus, &writer);
}

void
bus_zmq_ask_ahead(struct bus_zmq *bus, int64_t now_us)
{
    struct stream *stream;
    int i;

    for (i = 0; i < bus->streams_count; i++) {
        stream = &bus->streams[i];
        if (stream->reads && stream->request == 0 &&
            stream->ahead.remaining == 0 && now_us >= stream->due_us)
            bus_zmq_send_fetch(bus, stream, now_us);
    }
}

void
bus_zmq_resend(struct bus_zmq *bus, int64_t now_us)
{
    uint32_t i;

    bus->rewind_due_us = 0;
    bus->sent_us = now_us;
    for (i = 0; i < bus->sent_count; i++)
        if (!bus_zmq_sent_at(bus, i)->acked &&
            !send_frame(bus, &bus_zmq_sent_at(bus, i)->frame))
            return;
}

enum rc
bus_zmq_produce(struct bus *base, const struct bus_batch *batch)
{
    struct bus_zmq *bus = (struct bus_zmq *)(void *)base;
    const struct stream *stream = &bus->streams[batch->stream];
    struct protocol_produce produce = {
        .partition = (uint16_t)stream->partition,
        .batch = { .epoch = bus->epoch,
                   .first_seq = batch->first_seq,
                   .count = batch->count,
                   .bytes = batch->bytes,
                   .bytes_count = batch->bytes_count },
    };
    struct bytes_writer writer;
    struct sent_batch *sent;

    if (!bus->opened || bus->sent_count >= bus->config.window)
        return RC_AGAIN;
    memcpy(produce.topic, stream->topic,
           strnlen(stream->topic, sizeof produce.topic - 1));
    memcpy(produce.batch.producer, bus->config.name,
           strnlen(bus->config.name, sizeof produce.batch.producer - 1));
    sent = bus_zmq_sent_at(bus, bus->sent_count);
    if (zmq_msg_init_size(&sent->frame,
                          PROTOCOL_HEADER_BYTES + 1 + strlen(stream->topic) +
                              2 + 37 + strlen(bus->config.name) +
                              batch->bytes_count) != 0)
        return RC_AGAIN;
    sent->request = ++bus->last_request;
    sent->stream = batch->stream;
    sent->first_seq = batch->first_seq;
    sent->count = batch->count;
    sent->acked = false;
    bytes_writer_init(&writer, zmq_msg_data(&sent->frame),
                      zmq_msg_size(&sent->frame));
    protocol_put_produce(&writer, sent->request, &produce);
    invariant(!writer.failed && writer.used == writer.size);
    if (bus->sent_count++ == 0)
        bus->sent_us = clock_monotonic_us();
    send_frame(bus, &sent->frame);
    return RC_OK;
}
