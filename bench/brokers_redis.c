/*
 * brokers_redis.c - Redis Streams: XADD pipelined, XREAD COUNT
 *
 * A batch is as many XADDs written at once; each is answered with its id.
 * Fetching is XREAD from the id that this client has seen last: a client keeps
 * its own position, as ours do, and no group's bookkeeping is paid for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "brokers_socket.h"
#include "tool.h"

#define ID_ROOM 48

struct client {
    struct stream_socket stream;
    struct shape shape;
    unsigned int answered;
    bool fetching;
    uint64_t elements_left; /* of the reply that is being read */
    unsigned int found; /* messages in it so far */
    char last_id[ID_ROOM];
    size_t request_bytes;
    char request[REQUEST_MAX];
};

static struct client *
redis_open(const char *address, unsigned int number, struct shape shape)
{
    struct client *client = calloc(1, sizeof *client);
    static char body[BATCH_EVENTS_MAX * EVENT_BYTES];
    unsigned int bytes = shape.message_events * EVENT_BYTES;

    (void)number;
    if (client == NULL)
        die("no memory");
    client->shape = shape;
    memset(body, 'x', sizeof body);
    for (unsigned int i = 0; i < shape.messages; i++)
        client->request_bytes += (size_t)snprintf(
            client->request + client->request_bytes,
            REQUEST_MAX - client->request_bytes,
            "*5\r\n$4\r\nXADD\r\n$5\r\n" STREAM "\r\n$1\r\n*\r\n$1\r\nd\r\n"
            "$%u\r\n%.*s\r\n",
            bytes, (int)bytes, body);
    socket_open(&client->stream, address);
    return client;
}

static void
redis_close(struct client *client)
{
    free(client);
}

static zmq_pollitem_t
redis_item(const struct client *client)
{
    return (zmq_pollitem_t){ .fd = client->stream.fd, .events = ZMQ_POLLIN };
}

static void
redis_produce(struct client *client)
{
    socket_send(&client->stream, client->request, client->request_bytes);
}

static void
redis_fetch(struct client *client)
{
    char command[256], count[16];
    int bytes;

    if (!client->fetching)
        strcpy(client->last_id, "0-0");
    client->fetching = true;
    snprintf(count, sizeof count, "%u", client->shape.messages);
    bytes = snprintf(command, sizeof command,
                     "*6\r\n$5\r\nXREAD\r\n$5\r\nCOUNT\r\n$%zu\r\n%s\r\n"
                     "$7\r\nSTREAMS\r\n$5\r\n" STREAM "\r\n$%zu\r\n%s\r\n",
                     strlen(count), count, strlen(client->last_id),
                     client->last_id);
    socket_send(&client->stream, command, (size_t)bytes);
}

/* $-1 or *-1: nothing; *N: N more elements; $N: an id, a name or an event. */
static bool
element_take(struct client *client)
{
    struct stream_socket *stream = &client->stream;
    size_t before = stream->taken;
    char *line = socket_line(stream), *text = stream->in + stream->taken;
    long number;

    if (line == NULL)
        return false;
    if (*line != '*' && *line != '$')
        die("redis: %.200s", line);
    number = strtol(line + 1, NULL, 10);
    if (*line == '$' && number >= 0) {
        if (!socket_skip(stream, (size_t)number)) {
            memcpy(text - 2, "\r\n", 2); /* as it was */
            stream->taken = before;
            return false;
        }
        text[number] = '\0';
        if (number == client->shape.message_events * EVENT_BYTES)
            client->found++;
        else if (number < ID_ROOM && strchr(text, '-') != NULL)
            strcpy(client->last_id, text);
    } else if (number > 0) {
        client->elements_left += (uint64_t)number;
    }
    client->elements_left--;
    return true;
}

static struct progress
redis_receive(struct client *client)
{
    struct progress progress = { 0 };

    socket_receive(&client->stream, false);
    for (;;) {
        if (client->elements_left == 0) {
            client->elements_left = 1;
            client->found = 0;
        }
        while (client->elements_left > 0)
            if (!element_take(client))
                return progress;
        if (client->fetching) {
            progress.requests++;
            progress.events +=
                (uint64_t)client->found * client->shape.message_events;
            progress.at_end |= client->found == 0;
        } else {
            progress.events += client->shape.message_events;
            progress.requests +=
                ++client->answered % client->shape.messages == 0;
        }
    }
}

const struct broker broker_redis = {
    .name = "redis",
    .open = redis_open,
    .close = redis_close,
    .item = redis_item,
    .produce = redis_produce,
    .fetch = redis_fetch,
    .receive = redis_receive,
};
