#include "broker/broker_tap.h"

#include <stdio.h>
#include <zmq.h>

#include "broker/name_index.h"

void
broker_tap_init(struct broker_tap *tap, void *socket,
                const struct topic_table *topics,
                struct broker_connections *connections)
{
    *tap = (struct broker_tap){ .socket = socket, .topics = topics,
                                .connections = connections };
}

static void
subject_of(const struct broker_tap *tap, uint32_t slot,
           char subject[BROKER_TAP_SUBJECT_BYTES])
{
    snprintf(subject, BROKER_TAP_SUBJECT_BYTES, "%s/%u",
             tap->topics->items[slot].topic,
             tap->topics->items[slot].partition);
}

static void
find_wanted(struct broker_tap *tap)
{
    char subject[BROKER_TAP_SUBJECT_BYTES];

    for (uint32_t slot = 0; slot < tap->topics->count; slot++) {
        subject_of(tap, slot, subject);
        tap->wanted[slot] = tap->everything;
        for (uint32_t i = 0; i < tap->prefix_count; i++)
            if (strncmp(subject, tap->prefixes[i], strlen(tap->prefixes[i])) ==
                0)
                tap->wanted[slot] = true;
    }
}

static uint32_t
prefix_find(const struct broker_tap *tap, const char *prefix)
{
    uint32_t i = 0;

    while (i < tap->prefix_count && strcmp(tap->prefixes[i], prefix) != 0)
        i++;
    return i;
}

static void
on_subscribe(struct broker_tap *tap, const char *prefix)
{
    if (prefix_find(tap, prefix) < tap->prefix_count)
        return;
    if (tap->prefix_count == BROKER_TAP_PREFIXES_MAX)
        tap->everything = true;
    else
        name_copy(tap->prefixes[tap->prefix_count++], BROKER_TAP_SUBJECT_BYTES,
                  prefix);
    find_wanted(tap);
}

static void
on_unsubscribe(struct broker_tap *tap, const char *prefix)
{
    uint32_t i = prefix_find(tap, prefix);

    if (i == tap->prefix_count)
        return;
    tap->prefix_count--;
    if (i != tap->prefix_count)
        name_copy(tap->prefixes[i], BROKER_TAP_SUBJECT_BYTES,
                  tap->prefixes[tap->prefix_count]);
    find_wanted(tap);
}

/*
 * "\1PREFIX" or "\0PREFIX"; anything else is a stranger's joke.  fd -1: libzmq
 * itself says so, of a connection that ended.  A client's own word for what is
 * not wanted any more counts for nothing: libzmq passes it on of prefixes that
 * this client never had, and others have.
 */
static void
on_message(struct broker_tap *tap, int fd, const char *data, size_t size)
{
    char prefix[BROKER_TAP_SUBJECT_BYTES];

    if (size > 0 && data[0] == 1)
        broker_connections_note_prefix(tap->connections, fd);
    if (size == 0 || size > sizeof(prefix) ||
        memchr(data + 1, '\0', size - 1) != NULL)
        return;
    memcpy(prefix, data + 1, size - 1);
    prefix[size - 1] = '\0';
    if (data[0] == 1)
        on_subscribe(tap, prefix);
    else if (data[0] == 0 && fd == -1)
        on_unsubscribe(tap, prefix);
}

void
broker_tap_listen(struct broker_tap *tap)
{
    zmq_msg_t message;

    for (int i = 0; i < BROKER_TAP_TURN_MAX; i++) {
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, tap->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&message);
            return;
        }
        on_message(tap, zmq_msg_get(&message, ZMQ_SRCFD),
                   zmq_msg_data(&message), zmq_msg_size(&message));
        zmq_msg_close(&message);
    }
}

bool
broker_tap_wanted(const struct broker_tap *tap, uint32_t slot)
{
    return tap->wanted[slot];
}

void
broker_tap_publish(struct broker_tap *tap, uint32_t slot, const void *batch,
                   size_t bytes)
{
    char subject[BROKER_TAP_SUBJECT_BYTES];

    subject_of(tap, slot, subject);
    if (zmq_send(tap->socket, subject, strlen(subject),
                 ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        zmq_send(tap->socket, batch, bytes, ZMQ_DONTWAIT);
}
