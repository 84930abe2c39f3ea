#include "saga/cloudevent.h"

#include "saga/base64.h"
#include "saga/cloudevent_internal.h"

static const char *const refusal_names[CLOUDEVENT_REFUSAL_COUNT] = {
    [CLOUDEVENT_OK] = "ok",
#define X(id, name) [id] = name,
    CLOUDEVENT_REFUSAL_LIST(X)
#undef X
};

const char *
cloudevent_refusal_name(enum cloudevent_refusal refusal)
{
    invariant(refusal < CLOUDEVENT_REFUSAL_COUNT);
    return refusal_names[refusal];
}

/* Our own names and numbers need no escapes. */
static void
open_text(struct text_writer *writer, const char *key)
{
    json_key(writer, key);
    text_put(writer, "\"");
}

static void
close_text(struct text_writer *writer)
{
    text_put(writer, "\"");
    writer->comma = true;
}

static void
put_identity(struct text_writer *writer, const struct event *event,
             const struct cloudevent_place *place)
{
    json_put_text(writer, "specversion", "1.0");
    open_text(writer, "id");
    text_put(writer, place->topic);
    text_put(writer, "-");
    text_put_uint(writer, place->partition);
    text_put(writer, "-");
    text_put_uint(writer, event->id);
    close_text(writer);
    open_text(writer, "source");
    text_put(writer, CLOUDEVENT_SOURCE_PREFIX);
    text_put(writer, event->source);
    close_text(writer);
    open_text(writer, "time");
    text_put_time_us(writer, event->time_us);
    close_text(writer);
    if (event->traceparent[0] != '\0') {
        json_put_text(writer, "traceparent", event->traceparent);
    }
    json_put_text(writer, "topic", place->topic);
    json_put_uint(writer, "partition", place->partition);
    open_text(writer, "offset");
    text_put_uint(writer, place->offset);
    close_text(writer);
}

static void
put_field(struct text_writer *writer, const struct event *event,
          enum event_field field)
{
    const void *member = (const char *)event + event_fields[field].member;

    if (event_fields[field].kind == KIND_BLOB) {
        open_text(writer, event_fields[field].name);
        base64_put(writer, event->blob.data, event->blob.bytes);
        close_text(writer);
        return;
    }
    json_key(writer, event_fields[field].name);
    switch (event_fields[field].kind) {
    case KIND_ID:
    case KIND_NUMBER:
        json_uint(writer, *(const uint64_t *)member);
        break;
    case KIND_COUNT:
    case KIND_MONEY:
    case KIND_TIME:
        json_int(writer, *(const int64_t *)member);
        break;
    case KIND_REFUSAL:
    case KIND_PAYMENT:
    case KIND_TRANSACTION:
    case KIND_CHANGE:
        json_text(writer, event_value_name(event_fields[field].kind,
                                           *(const unsigned *)member));
        break;
    case KIND_CURRENCY:
    case KIND_TEXT:
        json_text(writer, member);
        break;
    case KIND_BLOB:
        break;
    }
}

static void
put_ours(struct text_writer *writer, const struct event *event)
{
    open_text(writer, "type");
    text_put(writer, CLOUDEVENT_TYPE_PREFIX);
    text_put(writer, event_types[event->type].name);
    text_put(writer, ".v");
    text_put_uint(writer, event_types[event->type].version);
    close_text(writer);
    if (event->user.value != 0) {
        open_text(writer, "subject");
        text_put_uint(writer, event->user.value);
        close_text(writer);
    }
    json_put_text(writer, "datacontenttype", "application/json");
    json_key(writer, "data");
    json_begin(writer, '{');
    for (uint32_t rest = event->present; rest != 0; rest &= rest - 1)
        put_field(writer, event, (enum event_field)__builtin_ctz(rest));
    json_end(writer, '}');
}

enum rc
cloudevent_write(struct text_writer *writer, const struct event *event,
                 const struct cloudevent_place *place)
{
    struct text_writer before = *writer;
    enum rc rc = RC_OK;

    json_begin(writer, '{');
    put_identity(writer, event, place);
    if (event->type == EVENT_FOREIGN)
        rc = cloudevent_put_foreign(writer, &event->blob);
    else
        put_ours(writer, event);
    json_end(writer, '}');
    if (rc != RC_OK)
        *writer = before;
    return rc == RC_OK && writer->failed ? RC_FULL : rc;
}
