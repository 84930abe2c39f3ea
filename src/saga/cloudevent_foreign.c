#include <string.h>

#include "saga/cloudevent_internal.h"
#include "saga/json_view.h"

#define ATTRIBUTE_NAME_BYTES_MAX 64

static const char *const set_by_us[] = {
    "specversion", "id", "source", "time", "traceparent", "topic",
    "partition", "offset",
};

/* True for the members that follow from the event's own attributes and its
 * place: they are written by us and never kept. */
static bool
is_set_by_us(const char *name, size_t bytes)
{
    for (size_t i = 0; i < ARRAY_COUNT(set_by_us); i++)
        if (strlen(set_by_us[i]) == bytes
            && memcmp(set_by_us[i], name, bytes) == 0)
            return true;
    return false;
}

/* ---- what an attribute may be ---- */

static bool
name_valid(const char *name)
{
    size_t bytes = strlen(name);

    for (size_t i = 0; i < bytes; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z')
              || (name[i] >= '0' && name[i] <= '9')))
            return false;
    return bytes >= 1 && bytes <= ATTRIBUTE_NAME_BYTES_MAX;
}

/* No control characters, as CloudEvents says of its strings. */
static bool
text_valid(const json_t *value)
{
    const char *text = json_string_value(value);
    size_t bytes = json_string_length(value);

    for (size_t i = 0; i < bytes; i++)
        if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return bytes >= 1;
}

static bool
value_valid(const char *name, const json_t *value)
{
    json_int_t number = json_integer_value(value);

    if (json_is_string(value))
        return text_valid(value);
    if (strcmp(name, "type") == 0 || strcmp(name, "subject") == 0
        || strcmp(name, "datacontenttype") == 0
        || strcmp(name, "dataschema") == 0)
        return json_is_null(value);
    return json_is_boolean(value) || json_is_null(value)
           || (json_is_integer(value) && number >= INT32_MIN
               && number <= INT32_MAX);
}

static enum cloudevent_refusal
check_attributes(json_t *object, struct cloudevent *out)
{
    json_t *value;
    const char *name;

    json_object_foreach(object, name, value) {
        if (strcmp(name, "data") == 0
            || is_set_by_us(name, strlen(name)))
            continue;
        if (strcmp(name, "data_base64") == 0) {
            if (!json_is_null(value)
                && (!json_is_string(value)
                    || cloudevent_member(object, "data") != NULL))
                return cloudevent_refuse(out, CLOUDEVENT_ATTRIBUTE, name);
        } else if (!name_valid(name) || !value_valid(name, value))
            return cloudevent_refuse(out, CLOUDEVENT_ATTRIBUTE, name);
    }
    return CLOUDEVENT_OK;
}

/* ---- members as they stand ---- */

/* A line end between two tokens would end our line. */
static void
put_one_line(struct text_writer *writer, const char *text, size_t bytes)
{
    size_t from = writer->used;

    text_put_bytes(writer, text, bytes);
    for (size_t i = from; !writer->failed && i < writer->used; i++)
        if (writer->data[i] == '\n' || writer->data[i] == '\r')
            writer->data[i] = ' ';
}

static void
put_member(struct text_writer *writer, const struct json_span *member)
{
    if (writer->comma)
        text_put(writer, ",");
    put_one_line(writer, member->text, member->bytes);
    writer->comma = true;
}

/* ---- keeping, and writing what was kept ---- */

/* The user decides the partition, and order and user what waits behind a
 * parked event. */
static void
lift_ids(const json_t *object, struct event *event)
{
    const json_t *data = json_object_get(object, "data");
    const char *subject = json_string_value(json_object_get(object, "subject"));
    json_int_t order = json_integer_value(json_object_get(data, "orderId"));
    json_int_t user = json_integer_value(json_object_get(data, "userId"));
    size_t digits = subject != NULL ? strspn(subject, "0123456789") : 0;

    if (digits > 0 && digits <= 16 && subject[digits] == '\0')
        for (user = 0; *subject != '\0'; subject++)
            user = user * 10 + (*subject - '0');
    if (order > 0 && id_valid((uint64_t)order)) {
        event->order.value = (uint64_t)order;
        event->present |= EVENT_HAS(FIELD_ORDER_ID);
    }
    if (user > 0 && id_valid((uint64_t)user)) {
        event->user.value = (uint64_t)user;
        event->present |= EVENT_HAS(FIELD_USER_ID);
    }
}

enum cloudevent_refusal
cloudevent_keep_foreign(json_t *object, const char *line, size_t bytes,
                        struct cloudevent *out)
{
    enum cloudevent_refusal refusal = check_attributes(object, out);
    char text[CLOUDEVENT_LINE_BYTES_MAX + 1];
    struct text_writer writer;
    struct json_item item;
    const char *at;

    if (refusal != CLOUDEVENT_OK)
        return refusal;
    memcpy(text, line, bytes);
    text[bytes] = '\0';
    text_writer_init(&writer, out->blob, sizeof(out->blob));
    text_put(&writer, "{");
    at = json_view_begin(text);
    while (json_view_next(&at, &item))
        if (memchr(item.name.text, '\\', item.name.bytes) != NULL)
            return cloudevent_refuse(out, CLOUDEVENT_ATTRIBUTE, "\\u...");
        else if (!is_set_by_us(item.name.text, item.name.bytes))
            put_member(&writer, &item.whole);
    text_put(&writer, "}");
    if (writer.failed)
        return cloudevent_refuse(out, CLOUDEVENT_TOO_LARGE, "");
    event_init(&out->event, EVENT_FOREIGN);
    lift_ids(object, &out->event);
    out->event.blob.data = out->blob;
    out->event.blob.bytes = writer.used;
    return CLOUDEVENT_OK;
}

static bool
was_kept_by_us(json_t *object)
{
    struct cloudevent unused;
    const char *type = json_string_value(json_object_get(object, "type"));

    for (size_t i = 0; i < ARRAY_COUNT(set_by_us); i++)
        if (json_object_get(object, set_by_us[i]) != NULL)
            return false;
    return type != NULL && strlen(type) <= CLOUDEVENT_TYPE_BYTES_MAX
           && strncmp(type, CLOUDEVENT_TYPE_PREFIX,
                      strlen(CLOUDEVENT_TYPE_PREFIX)) != 0
           && check_attributes(object, &unused) == CLOUDEVENT_OK;
}

enum rc
cloudevent_put_foreign(struct text_writer *writer,
                       const struct event_blob *blob)
{
    char text[EVENT_BLOB_BYTES_MAX + 1];
    json_t *object = cloudevent_parse((const char *)blob->data, blob->bytes);
    bool ours = object != NULL && was_kept_by_us(object);
    struct json_item item;
    const char *at;

    json_decref(object);
    if (!ours)
        return RC_MALFORMED;
    memcpy(text, blob->data, blob->bytes);
    text[blob->bytes] = '\0';
    at = json_view_begin(text);
    while (json_view_next(&at, &item)) {
        if (memchr(item.name.text, '\\', item.name.bytes) != NULL)
            return RC_MALFORMED;
        put_member(writer, &item.whole);
    }
    return RC_OK;
}
