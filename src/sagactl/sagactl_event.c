#include "sagactl/sagactl_event.h"

#include <stdio.h>
#include <string.h>

#include "saga/base64.h"
#include "saga/json_view.h"
#include "saga/log.h"
#include "sagactl/sagactl_out.h"

/* An unreadable one has 8192 octets, or what is left of a batch. */
static char line[CLOUDEVENT_LINE_BYTES_MAX];

static void
put_line(struct text_writer *writer)
{
    fwrite(writer->data, 1, writer->used, stdout);
    putchar('\n');
}

/* ---- what can't be read ---- */

static void
print_base64(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size; at += 3000) {
        struct text_writer writer;

        text_writer_init(&writer, line, sizeof line);
        base64_put(&writer, data + at, size - at < 3000 ? size - at : 3000);
        fwrite(writer.data, 1, writer.used, stdout);
    }
}

static void
print_unreadable(const struct sagactl *ctl,
                 const struct cloudevent_place *place, const char *producer,
                 uint64_t seq, const char *cause, const uint8_t *data,
                 size_t size)
{
    if (ctl->json) {
        printf("{\"specversion\":\"1.0\",\"id\":\"%s-%u-%llu\",\"source\":\""
               CLOUDEVENT_SOURCE_PREFIX "%s\",\"type\":\"sagapipe.Unreadable\","
               "\"topic\":\"%s\",\"partition\":%u,\"offset\":\"%llu\","
               "\"cause\":\"%s\",\"data_base64\":\"",
               place->topic, place->partition, (unsigned long long)seq,
               producer, place->topic, place->partition,
               (unsigned long long)place->offset, cause);
        print_base64(data, size);
        printf("\"}\n");
        return;
    }
    printf("topic=%s partition=%u offset=%llu type=%sUnreadable%s cause=%s "
           "source=%s seq=%llu bytes=%zu\n",
           place->topic, place->partition, (unsigned long long)place->offset,
           out_colour(ctl, OUT_BAD), out_colour(ctl, OUT_PLAIN), cause,
           producer, (unsigned long long)seq, size);
}

/* ---- text ---- */

static void
put_text(struct text_writer *writer, const char *name, const char *text)
{
    size_t bytes = strlen(name);

    if (bytes > 2 && strcmp(name + bytes - 2, "Id") == 0)
        bytes -= 2;
    text_put(writer, " ");
    text_put_bytes(writer, name, bytes);
    text_put(writer, "=");
    text_put(writer, text);
}

static void
put_field(struct text_writer *writer, const struct event *event,
          enum event_field field)
{
    const void *member = (const char *)event + event_fields[field].member;
    const char *name = event_fields[field].name;

    switch (event_fields[field].kind) {
    case KIND_ID:
    case KIND_NUMBER:
        put_text(writer, name, "");
        text_put_uint(writer, *(const uint64_t *)member);
        break;
    case KIND_COUNT:
        put_text(writer, name, "");
        text_put_int(writer, *(const int64_t *)member);
        break;
    case KIND_MONEY:
        put_text(writer, name, "");
        text_put_money(writer, *(const struct money *)member);
        break;
    case KIND_TIME:
        put_text(writer, name, "");
        text_put_time(writer, *(const int64_t *)member);
        break;
    case KIND_REFUSAL:
    case KIND_PAYMENT:
    case KIND_TRANSACTION:
    case KIND_CHANGE:
        put_text(writer, name, event_value_name(event_fields[field].kind,
                                                *(const unsigned *)member));
        break;
    case KIND_CURRENCY:
    case KIND_TEXT:
        put_text(writer, name, log_quote(member));
        break;
    case KIND_BLOB:
        put_text(writer, "bytes", "");
        text_put_uint(writer, event->blob.bytes);
        break;
    }
}

/* A foreign one's own type and data, out of its JSON. */
static void
put_foreign(struct text_writer *writer, const char *json)
{
    struct json_span span;

    if (json_view_find(json, "type", &span)) {
        put_text(writer, "type", "");
        text_put_bytes(writer, span.text + 1, span.bytes - 2);
    }
    if (json_view_find(json, "subject", &span)) {
        put_text(writer, "subject", "");
        text_put_bytes(writer, span.text, span.bytes);
    }
    if (json_view_find(json, "data", &span)) {
        put_text(writer, "data", "");
        text_put_bytes(writer, span.text, span.bytes);
    }
}

static void
print_text(const struct event *event, const struct cloudevent_place *place,
           const char *json)
{
    static char text[2 * CLOUDEVENT_LINE_BYTES_MAX];
    struct text_writer writer;

    text_writer_init(&writer, text, sizeof text);
    text_put(&writer, "topic=");
    text_put(&writer, place->topic);
    put_text(&writer, "partition", "");
    text_put_uint(&writer, place->partition);
    put_text(&writer, "offset", "");
    text_put_uint(&writer, place->offset);
    put_text(&writer, "time", "");
    text_put_time(&writer, event->time_us);
    if (event->type == EVENT_FOREIGN)
        put_foreign(&writer, json);
    else {
        put_text(&writer, "type", event_types[event->type].name);
        for (uint32_t rest = event->present; rest != 0; rest &= rest - 1)
            put_field(&writer, event,
                      (enum event_field)__builtin_ctz(rest));
    }
    put_text(&writer, "source", event->source);
    put_text(&writer, "seq", "");
    text_put_uint(&writer, event->id);
    if (event->traceparent[0] != '\0')
        put_text(&writer, "trace", event->traceparent);
    put_line(&writer);
}

size_t
event_print(const struct sagactl *ctl, struct codec *codec,
            const struct cloudevent_place *place, const char *producer,
            uint64_t seq, const uint8_t *data, size_t size)
{
    struct text_writer writer;
    struct event event;
    size_t used = 0;
    enum codec_refusal refusal = event_decode(codec, data, size, &event, &used);

    text_writer_init(&writer, line, sizeof line - 1);
    if (used == 0)
        used = size;
    if (refusal != CODEC_OK)
        print_unreadable(ctl, place, producer, seq,
                         codec_refusal_name(refusal), data, used);
    else if (cloudevent_write(&writer, &event, place) != RC_OK)
        print_unreadable(ctl, place, producer, seq, "foreign", data, used);
    else if (ctl->json)
        put_line(&writer);
    else {
        text_end(&writer);
        print_text(&event, place, line);
    }
    return used;
}
