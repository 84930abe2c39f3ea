#include "broker/broker_control.h"

#include <stdio.h>

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

static void
put_uint(struct text_writer *reply, const char *name, uint64_t value)
{
    json_key(reply, name);
    json_uint(reply, value);
}

static void
put_text(struct text_writer *reply, const char *name, const char *value)
{
    json_key(reply, name);
    json_text(reply, value);
}

/* As many partitions as fit in a reply; the count tells if some did not. */
static void
on_status(struct broker *broker, struct text_writer *reply)
{
    const struct topic_table *topics = broker->topics;

    put_text(reply, "process", broker->config->name);
    put_uint(reply, "bytesFree", broker->bytes_free);
    put_uint(reply, "count", topics->count);
    json_key(reply, "partitions");
    json_begin(reply, '[');
    for (uint32_t i = 0; i < topics->count; i++) {
        const struct topic_partition *partition = &topics->items[i];

        if (reply->used + STATUS_ROW_BYTES_MAX + 2 > reply->size)
            break;
        json_begin(reply, '{');
        put_text(reply, "topic", partition->topic);
        put_uint(reply, "partition", partition->partition);
        put_uint(reply, "start", topic_log_start(partition->log));
        put_uint(reply, "end", topic_log_end(partition->log));
        put_uint(reply, "bytes", topic_log_bytes(partition->log));
        json_end(reply, '}');
    }
    json_end(reply, ']');
}

/* True if a copy is being made, and the reply is for later. */
static bool
on_backup(struct broker *broker, const struct control_request *request,
          struct text_writer *reply)
{
    const char *directory = request->words[1];
    enum rc rc;

    if (directory == NULL || directory[0] != '/' ||
        request->words[2] != NULL) {
        put_text(reply, "error", "where to? the directory's whole path");
        return false;
    }
    rc = store_backup_start(broker->store, directory);
    if (rc == RC_OK) {
        broker->copying = true;
        broker->copy_client = request->client;
        return true;
    }
    put_text(reply, "error", rc == RC_BUSY ? "another copy is being made"
                                           : "this path is too long");
    return false;
}

static void
on_hold(struct broker *broker, const struct control_request *request,
        struct text_writer *reply)
{
    if (broker->held) {
        put_text(reply, "error", "it is held already");
        return;
    }
    broker->held = true;
    broker->hold_client = request->client;
    log_info("held", "words=\"no requests until stores are copied\"");
    json_key(reply, "held");
    text_put(reply, "true");
}

static void
answer_copy(struct broker *broker)
{
    char text[128];
    enum rc rc = store_backup_poll(broker->store);
    int bytes;

    if (rc == RC_AGAIN)
        return;
    broker->copying = false;
    bytes = rc == RC_OK
                ? snprintf(text, sizeof text, "{\"copied\":true}")
                : snprintf(text, sizeof text,
                           "{\"error\":\"no copy: %s, see the log\"}",
                           rc_name(rc));
    control_reply(broker->control, broker->copy_client, text, (size_t)bytes);
}

void
broker_control_serve(struct broker *broker)
{
    static char buffer[CONTROL_REPLY_BYTES_MAX];
    struct control_request request;
    struct text_writer reply;
    bool later;

    if (broker->copying)
        answer_copy(broker);
    while (control_take(broker->control, &request)) {
        const char *word = request.words[0] != NULL ? request.words[0] : "";

        later = false;
        text_writer_init(&reply, buffer, sizeof buffer);
        json_begin(&reply, '{');
        if (strcmp(word, "status") == 0)
            on_status(broker, &reply);
        else if (strcmp(word, "backup") == 0)
            later = on_backup(broker, &request, &reply);
        else if (strcmp(word, "hold") == 0)
            on_hold(broker, &request, &reply);
        else
            put_text(&reply, "error", "status, backup or hold");
        json_end(&reply, '}');
        invariant(!reply.failed);
        if (!later)
            control_reply(broker->control, request.client, buffer, reply.used);
    }
    if (broker->held &&
        !control_is_there(broker->control, broker->hold_client)) {
        broker->held = false;
        log_info("released", "");
    }
}
