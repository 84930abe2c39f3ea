/*
 * brokers_nats.c - NATS JetStream as a client of 2.9 uses it
 *
 * There is no batch to publish: a batch is as many messages, written at once,
 * each with a reply subject, so that each is acknowledged (as PublishAsync of
 * the NATS clients does).  Fetching is a pull consumer of each connection's
 * own that needs no acknowledgements, which is what costs JetStream least.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "brokers_socket.h"
#include "tool.h"

#define FETCH_REPLY_SID "2"

struct client {
    struct stream_socket stream;
    struct shape shape;
    unsigned int number, acknowledged, delivered;
    bool consuming;
    size_t request_bytes;
    char request[REQUEST_MAX];
};

static void
publish(struct client *client, const char *subject, const char *reply,
        const char *text)
{
    char frame[1024];
    int bytes = snprintf(frame, sizeof frame, "PUB %s %s %zu\r\n%s\r\n",
                         subject, reply, strlen(text), text);

    socket_send(&client->stream, frame, (size_t)bytes);
}

/* The next line, waited for. */
static char *
line_wait(struct client *client)
{
    char *line;

    while ((line = socket_line(&client->stream)) == NULL)
        socket_receive(&client->stream, true);
    return line;
}

/* Asks the server itself; its answer must not be an error. */
static void
ask(struct client *client, const char *subject, const char *text,
    const char *forgiven)
{
    char reply[64], *line;

    snprintf(reply, sizeof reply, "_INBOX.%u.api", client->number);
    publish(client, subject, reply, text);
    do
        line = line_wait(client);
    while (strncmp(line, "MSG ", 4) != 0);
    line = line_wait(client);
    if (strstr(line, "\"error\"") != NULL &&
        (forgiven == NULL || strstr(line, forgiven) == NULL))
        die("nats: %s: %s", subject, line);
}

/* The PUBs of one batch never change. */
static void
batch_make(struct client *client)
{
    static char body[BATCH_EVENTS_MAX * EVENT_BYTES];
    unsigned int bytes = client->shape.message_events * EVENT_BYTES;

    memset(body, 'x', sizeof body);
    for (unsigned int i = 0; i < client->shape.messages; i++)
        client->request_bytes += (size_t)snprintf(
            client->request + client->request_bytes,
            REQUEST_MAX - client->request_bytes,
            "PUB " STREAM " _INBOX.%u.ack %u\r\n%.*s\r\n", client->number,
            bytes, (int)bytes, body);
}

static struct client *
nats_open(const char *address, unsigned int number, struct shape shape)
{
    struct client *client = calloc(1, sizeof *client);
    char subscribe[128];

    if (client == NULL)
        die("no memory");
    client->number = number;
    client->shape = shape;
    socket_open(&client->stream, address);
    snprintf(subscribe, sizeof subscribe,
             "CONNECT {\"verbose\":false,\"headers\":true,"
             "\"no_responders\":true}\r\nSUB _INBOX.%u.* 1\r\n"
             "SUB _FETCH.%u " FETCH_REPLY_SID "\r\nPING\r\n",
             number, number);
    socket_send(&client->stream, subscribe, strlen(subscribe));
    while (strcmp(line_wait(client), "PONG") != 0)
        continue;
    ask(client, "$JS.API.STREAM.CREATE." STREAM,
        "{\"name\":\"" STREAM "\",\"subjects\":[\"" STREAM "\"],"
        "\"storage\":\"file\",\"retention\":\"limits\",\"num_replicas\":1}",
        "already in use");
    batch_make(client);
    return client;
}

static void
nats_close(struct client *client)
{
    free(client);
}

static zmq_pollitem_t
nats_item(const struct client *client)
{
    return (zmq_pollitem_t){ .fd = client->stream.fd, .events = ZMQ_POLLIN };
}

static void
nats_produce(struct client *client)
{
    socket_send(&client->stream, client->request, client->request_bytes);
}

static void
consumer_make(struct client *client)
{
    char subject[128], text[512];

    snprintf(subject, sizeof subject,
             "$JS.API.CONSUMER.DURABLE.CREATE." STREAM ".reader%u",
             client->number);
    snprintf(text, sizeof text,
             "{\"stream_name\":\"" STREAM "\",\"config\":{\"durable_name\":"
             "\"reader%u\",\"deliver_policy\":\"all\",\"ack_policy\":\"none\","
             "\"replay_policy\":\"instant\"}}",
             client->number);
    ask(client, subject, text, NULL);
    client->consuming = true;
}

static void
nats_fetch(struct client *client)
{
    char subject[128], reply[64], text[64];

    if (!client->consuming)
        consumer_make(client);
    snprintf(subject, sizeof subject,
             "$JS.API.CONSUMER.MSG.NEXT." STREAM ".reader%u", client->number);
    snprintf(reply, sizeof reply, "_FETCH.%u", client->number);
    snprintf(text, sizeof text, "{\"batch\":%u,\"no_wait\":true}",
             client->shape.messages);
    publish(client, subject, reply, text);
}

/* MSG subject sid [reply] bytes, or HMSG with a status instead. */
static void
on_message(struct client *client, const char *head, const char *payload,
           struct progress *progress)
{
    char sid[16];

    if (sscanf(head, "%*s %*s %15s", sid) != 1)
        die("nats: %s", head);
    if (*head == 'H') {
        if (strstr(payload, "404") == NULL)
            die("nats: %.80s", payload);
        progress->at_end = 1;
        progress->requests++;
    } else if (strcmp(sid, FETCH_REPLY_SID) == 0) {
        progress->events += client->shape.message_events;
        progress->requests += ++client->delivered % client->shape.messages == 0;
    } else {
        if (strstr(payload, "\"seq\":") == NULL)
            die("nats: %.200s", payload);
        progress->events += client->shape.message_events;
        progress->requests +=
            ++client->acknowledged % client->shape.messages == 0;
    }
}

static struct progress
nats_receive(struct client *client)
{
    struct progress progress = { 0 };
    struct stream_socket *stream = &client->stream;

    socket_receive(stream, false);
    for (;;) {
        size_t before = stream->taken, bytes;
        char *line = socket_line(stream);
        char *payload = stream->in + stream->taken;

        if (line == NULL)
            return progress;
        if (strcmp(line, "PING") == 0) {
            socket_send(stream, "PONG\r\n", 6);
            continue;
        }
        if (strncmp(line, "MSG ", 4) != 0 && strncmp(line, "HMSG ", 5) != 0)
            die("nats: %s", line);
        bytes = strtoul(strrchr(line, ' ') + 1, NULL, 10);
        if (!socket_skip(stream, bytes)) {
            memcpy(payload - 2, "\r\n", 2); /* as it was */
            stream->taken = before;
            return progress;
        }
        payload[bytes] = '\0';
        on_message(client, line, payload, &progress);
    }
}

const struct broker broker_nats = {
    .name = "nats",
    .open = nats_open,
    .close = nats_close,
    .item = nats_item,
    .produce = nats_produce,
    .fetch = nats_fetch,
    .receive = nats_receive,
};
