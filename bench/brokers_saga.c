/*
 * brokers_saga.c - our broker, as docs/PROTOCOL.md has it
 *
 * Each connection is a producer with a name of its own in the topic bench (knob
 * `topics`), and a named reader that reports its position with each fetch, as
 * our participants do.
 *
 * Once on a bare socket, as the peers are driven (sagapipe), and once through
 * libzmq with its I/O thread, as our participants are (sagapipe-libzmq).
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "brokers_zmtp.h"
#include "tool.h"

#define HEADER_BYTES 12
#define BATCH_HEAD_MAX 96
#define FRAME_BYTES (BATCH_EVENTS_MAX * EVENT_BYTES + 512)
#define WAIT_MS 10000
#define HIGH_WATER 256

enum { OPEN = 1, OPEN_OK, PRODUCE, PRODUCE_OK, FETCH, FETCH_OK };

struct client {
    void *socket; /* libzmq's; NULL: the stream is used */
    struct stream_socket stream;
    char name[32];
    unsigned int batch;
    uint32_t epoch;
    uint64_t next_seq, next_offset, request;
    size_t written;
    uint8_t *frame; /* behind the room for what zmtp_send() puts there */
    uint8_t room[ZMTP_HEAD_BYTES + FRAME_BYTES];
};

/* ---- frames ------------------------------------------------------------ */

static void
put(struct client *client, uint64_t value, unsigned int bytes)
{
    for (unsigned int i = bytes; i-- > 0;)
        client->frame[client->written++] = (uint8_t)(value >> (8 * i));
}

static void
put_name(struct client *client, const char *name)
{
    size_t bytes = strlen(name);

    put(client, bytes, 1);
    memcpy(client->frame + client->written, name, bytes);
    client->written += bytes;
}

static void
begin(struct client *client, unsigned int verb)
{
    client->written = 0;
    put(client, 0x5350, 2);
    put(client, 1, 1);
    put(client, verb, 1);
    put(client, ++client->request, 8);
}

static void
send_frame(struct client *client)
{
    if (client->socket == NULL)
        zmtp_send(&client->stream, client->frame, client->written);
    else if (zmq_send(client->socket, client->frame, client->written, 0) < 0)
        die("saga: send: %s", zmq_strerror(zmq_errno()));
}

static uint64_t
get(const uint8_t *at, unsigned int bytes)
{
    uint64_t value = 0;

    for (unsigned int i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

/* ---- a connection ------------------------------------------------------ */

static void
on_open(struct client *client, const uint8_t *reply, size_t bytes)
{
    if (bytes < HEADER_BYTES + 6 || reply[3] != OPEN_OK)
        die("saga: the broker does not open %s", client->name);
    client->epoch = (uint32_t)get(reply + HEADER_BYTES, 4);
    client->next_seq = 1;
    if (get(reply + HEADER_BYTES + 4, 2) != 0)
        die("saga: %s has written before", client->name);
}

static struct client *
client_new(unsigned int number, struct shape shape)
{
    struct client *client = calloc(1, sizeof *client);

    if (client == NULL)
        die("no memory");
    client->batch = shape.messages * shape.message_events;
    client->frame = client->room + ZMTP_HEAD_BYTES;
    snprintf(client->name, sizeof client->name, "bench-%u", number);
    return client;
}

static void
ask_open(struct client *client)
{
    begin(client, OPEN);
    put_name(client, client->name);
    send_frame(client);
}

static struct client *
bare_open(const char *address, unsigned int number, struct shape shape)
{
    struct client *client = client_new(number, shape);
    const uint8_t *reply;
    size_t bytes;

    zmtp_open(&client->stream, address);
    ask_open(client);
    while ((reply = zmtp_receive(&client->stream, &bytes)) == NULL)
        socket_receive(&client->stream, true);
    on_open(client, reply, bytes);
    return client;
}

static void
bare_close(struct client *client)
{
    free(client);
}

static void
option(struct client *client, int name, int value)
{
    if (zmq_setsockopt(client->socket, name, &value, sizeof value) != 0)
        die("saga: option: %s", zmq_strerror(zmq_errno()));
}

static struct client *
libzmq_open(const char *address, unsigned int number, struct shape shape)
{
    static void *context; /* one for all connections, as it should be */
    struct client *client = client_new(number, shape);
    uint8_t reply[512];
    int bytes;

    if (context == NULL)
        context = zmq_ctx_new();
    if (context == NULL)
        die("no memory");
    client->socket = zmq_socket(context, ZMQ_DEALER);
    option(client, ZMQ_LINGER, 0);
    option(client, ZMQ_RCVTIMEO, WAIT_MS);
    option(client, ZMQ_SNDTIMEO, WAIT_MS);
    option(client, ZMQ_SNDHWM, HIGH_WATER);
    option(client, ZMQ_RCVHWM, HIGH_WATER);
    if (zmq_connect(client->socket, address) != 0)
        die("saga: connect: %s", zmq_strerror(zmq_errno()));
    ask_open(client);
    bytes = zmq_recv(client->socket, reply, sizeof reply, 0);
    on_open(client, reply, bytes < 0 ? 0 : (size_t)bytes);
    return client;
}

static void
libzmq_close(struct client *client)
{
    zmq_close(client->socket);
    free(client);
}

static zmq_pollitem_t
saga_item(const struct client *client)
{
    if (client->socket == NULL)
        return (zmq_pollitem_t){ .fd = client->stream.fd,
                                 .events = ZMQ_POLLIN };
    return (zmq_pollitem_t){ .socket = client->socket, .events = ZMQ_POLLIN };
}

/* ---- requests ---------------------------------------------------------- */

static void
saga_produce(struct client *client)
{
    begin(client, PRODUCE);
    put_name(client, STREAM);
    put(client, 0, 2); /* partition           */
    put(client, 0, 8); /* base offset: theirs */
    put(client, 0, 8); /* time: theirs        */
    put_name(client, client->name);
    put(client, client->epoch, 4);
    put(client, client->next_seq, 8);
    put(client, client->batch, 4);
    put(client, client->batch * EVENT_BYTES, 4);
    memset(client->frame + client->written, 'x', client->batch * EVENT_BYTES);
    client->written += client->batch * EVENT_BYTES;
    client->next_seq += client->batch;
    send_frame(client);
}

static void
saga_fetch(struct client *client)
{
    begin(client, FETCH);
    put_name(client, STREAM);
    put(client, 0, 2);
    put_name(client, client->name);
    put(client, client->next_offset, 8); /* position */
    put(client, client->next_offset, 8);
    put(client, client->batch * EVENT_BYTES + BATCH_HEAD_MAX, 4);
    put(client, 0, 4); /* no waiting */
    send_frame(client);
}

/* The octets of a batch's head: the name in it is that of its producer. */
static const uint8_t *
batch_skip(struct client *client, const uint8_t *at, struct progress *progress)
{
    uint64_t base = get(at, 8);
    uint32_t count, bytes;

    at += 16;
    at += 1 + *at + 4 + 8; /* producer, epoch, first seq */
    count = (uint32_t)get(at, 4);
    bytes = (uint32_t)get(at + 4, 4);
    progress->events += count;
    client->next_offset = base + count;
    return at + 8 + bytes;
}

static void
on_fetched(struct client *client, const uint8_t *body, size_t bytes,
           struct progress *progress)
{
    uint32_t count = (uint32_t)get(body + 16, 4);
    const uint8_t *at = body + 20;

    progress->at_end |= count == 0;
    for (uint32_t i = 0; i < count; i++)
        at = batch_skip(client, at, progress);
    if (at != body + bytes)
        die("saga: a fetch's reply has another length");
}

static void
on_reply(struct client *client, const uint8_t *frame, size_t bytes,
         struct progress *progress)
{
    if (bytes < HEADER_BYTES + 8 + 1)
        die("saga: a short reply");
    progress->requests++;
    if (frame[3] == PRODUCE_OK)
        progress->events += client->batch;
    else if (frame[3] == FETCH_OK)
        on_fetched(client, frame + HEADER_BYTES, bytes - HEADER_BYTES,
                   progress);
    else
        die("saga: refused: verb %u, code %u", frame[3],
            (unsigned int)get(frame + HEADER_BYTES, 2));
}

static struct progress
bare_receive(struct client *client)
{
    struct progress progress = { 0 };
    const uint8_t *frame;
    size_t bytes;

    socket_receive(&client->stream, false);
    while ((frame = zmtp_receive(&client->stream, &bytes)) != NULL)
        on_reply(client, frame, bytes, &progress);
    return progress;
}

static struct progress
libzmq_receive(struct client *client)
{
    struct progress progress = { 0 };
    zmq_msg_t message;

    zmq_msg_init(&message);
    while (zmq_msg_recv(&message, client->socket, ZMQ_DONTWAIT) >= 0)
        on_reply(client, zmq_msg_data(&message), zmq_msg_size(&message),
                 &progress);
    zmq_msg_close(&message);
    return progress;
}

const struct broker broker_saga = {
    .name = "sagapipe",
    .open = bare_open,
    .close = bare_close,
    .item = saga_item,
    .produce = saga_produce,
    .fetch = saga_fetch,
    .receive = bare_receive,
};

const struct broker broker_saga_libzmq = {
    .name = "sagapipe-libzmq",
    .open = libzmq_open,
    .close = libzmq_close,
    .item = saga_item,
    .produce = saga_produce,
    .fetch = saga_fetch,
    .receive = libzmq_receive,
};
