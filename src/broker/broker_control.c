#include "broker/broker_control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saga/daemon.h"
#include "saga/log.h"
#include "saga/text_writer.h"

/* Octets of one topic's line in a status: its name and four numbers. */
#define STATUS_ROW_BYTES_MAX 192

enum rc
broker_control_open(struct broker *broker)
{
    char path[CONFIG_STRING_BYTES + PRODUCER_NAME_BYTES + 16];

    snprintf(path, sizeof path, "%s/run/%s.ctl", broker->config->home,
             broker->config->name);
    return control_open(&broker->control, path);
}

/* As many partitions as fit in a reply; the count tells if some did not. */
static void
on_status(struct broker *broker, struct text_writer *reply)
{
    const struct topic_table *topics = broker->topics;

    json_put_text(reply, "process", broker->config->name);
    json_put_uint(reply, "bytesFree", broker->bytes_free);
    json_put_uint(reply, "count", topics->count);
    json_key(reply, "partitions");
    json_begin(reply, '[');
    for (uint32_t i = 0; i < topics->count; i++) {
        const struct topic_partition *partition = &topics->items[i];

        if (reply->used + STATUS_ROW_BYTES_MAX + 2 > reply->size)
            break;
        json_begin(reply, '{');
        json_put_text(reply, "topic", partition->topic);
        json_put_uint(reply, "partition", partition->partition);
        json_put_uint(reply, "start", topic_log_start(partition->log));
        json_put_uint(reply, "end", topic_log_end(partition->log));
        json_put_uint(reply, "bytes", topic_log_bytes(partition->log));
        json_end(reply, '}');
    }
    json_end(reply, ']');
}

/* 0 if it is no number of seconds that a hold may last. */
static int
hold_seconds(const char *argument)
{
    size_t digits = strspn(argument, "0123456789");
    unsigned long seconds;

    if (digits == 0 || digits > 3 || argument[digits] != '\0')
        return 0;
    seconds = strtoul(argument, NULL, 10);
    return seconds <= BROKER_HOLD_S_MAX ? (int)seconds : 0;
}

static void
on_hold(struct broker *broker, const struct control_request *request,
        struct text_writer *reply)
{
    int seconds = hold_seconds(request->argument);

    if (seconds == 0) {
        json_put_text(reply, "error", "how long? seconds, 1 to 600");
        return;
    }
    if (broker->held) {
        json_put_text(reply, "error", "it is held already");
        return;
    }
    broker->held = true;
    broker->hold_client = request->client;
    broker->hold_ends_us = clock_monotonic_us() + seconds * INT64_C(1000000);
    log_info("held", "seconds=%d words=\"no requests until stores are copied\"",
             seconds);
    json_key(reply, "held");
    text_put(reply, "true");
}

static void
on_release(struct broker *broker, const struct control_request *request,
           struct text_writer *reply)
{
    if (!broker->held || broker->hold_client != request->client) {
        json_put_text(reply, "error", "it is not held by you (any more)");
        return;
    }
    broker->held = false;
    log_info("released", "");
    json_key(reply, "released");
    text_put(reply, "true");
}

/* False if the reply is for later. */
static bool
serve(struct broker *broker, const struct control_request *request,
      struct text_writer *reply)
{
    const char *word = request->words[0] != NULL ? request->words[0] : "";

    if (strcmp(word, "backup") == 0)
        return !control_copy_begin(&broker->copy, broker->store, request,
                                   reply);
    if (strcmp(word, "status") == 0)
        on_status(broker, reply);
    else if (strcmp(word, "hold") == 0)
        on_hold(broker, request, reply);
    else if (strcmp(word, "release") == 0)
        on_release(broker, request, reply);
    else
        json_put_text(reply, "error", "status, backup, hold or release");
    return true;
}

static void
end_hold(struct broker *broker)
{
    if (!control_is_there(broker->control, broker->hold_client))
        log_info("released", "words=\"who held it is gone\"");
    else if (clock_monotonic_us() >= broker->hold_ends_us)
        log_warning("released", "words=\"its time is over\"");
    else
        return;
    broker->held = false;
}

void
broker_control_serve(struct broker *broker)
{
    static char buffer[CONTROL_REPLY_BYTES_MAX];
    struct control_request request;
    struct text_writer reply;
    bool now;

    control_copy_answer(&broker->copy, broker->store, broker->control);
    while (control_take(broker->control, &request)) {
        text_writer_init(&reply, buffer, sizeof buffer);
        json_begin(&reply, '{');
        now = serve(broker, &request, &reply);
        json_end(&reply, '}');
        invariant(!reply.failed);
        if (now)
            control_reply(broker->control, request.client, buffer, reply.used);
    }
    if (broker->held)
        end_hold(broker);
}

_Static_assert(BROKER_HOLD_S_MAX == 600, "on_hold() says so");
