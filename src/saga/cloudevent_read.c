#include <stdio.h>
#include <string.h>

#include "saga/cloudevent_internal.h"
#include "saga/rfc3339.h"

json_t *
cloudevent_parse(const char *text, size_t bytes)
{
    json_t *object;

    if (bytes == 0 || memchr(text, '\0', bytes) != NULL)
        return NULL; /* jansson takes a NUL between tokens for a blank */
    object = json_loadb(text, bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
                        NULL);
    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

json_t *
cloudevent_member(const json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);

    return json_is_null(value) ? NULL : value;
}

enum cloudevent_refusal
cloudevent_refuse(struct cloudevent *out, enum cloudevent_refusal refusal,
                  const char *where)
{
    snprintf(out->where, sizeof(out->where), "%s", where);
    return refusal;
}

/* A text without a NUL in it; NULL if the member is none. */
static const char *
text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    const char *text = json_string_value(value);

    if (text == NULL || strlen(text) != json_string_length(value))
        return NULL;
    return text;
}

/* Digits alone, no zero in front; false if it is more than `max`. */
static bool
read_digits(const char *text, size_t bytes, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (bytes == 0 || (bytes > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < bytes; i++) {
        uint64_t digit = (uint64_t)(uint8_t)text[i] - '0';

        if (digit > 9 || digit > max || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

/* ---- id, source, time, place: of a whole one ---- */

/* TOPIC-PARTITION-SEQ; a topic's name may have '-' in it. */
static bool
read_id(const char *text, struct cloudevent *out)
{
    const char *seq = strrchr(text, '-');
    const char *partition =
        seq != NULL ? memrchr(text, '-', (size_t)(seq - text)) : NULL;
    size_t name_bytes;
    uint64_t number;

    if (partition == NULL)
        return false;
    name_bytes = (size_t)(partition - text);
    if (name_bytes >= sizeof(out->place.topic))
        return false;
    memcpy(out->place.topic, text, name_bytes);
    if (!topic_name_valid(out->place.topic)
        || !read_digits(seq + 1, strlen(seq + 1), UINT64_MAX, &out->event.id)
        || out->event.id == 0
        || !read_digits(partition + 1, (size_t)(seq - partition - 1),
                        PARTITIONS_MAX - 1, &number))
        return false;
    out->place.partition = (uint32_t)number;
    return true;
}

static bool
read_source(const char *text, struct cloudevent *out)
{
    const size_t prefix = strlen(CLOUDEVENT_SOURCE_PREFIX);
    size_t bytes = strlen(text);

    if (strncmp(text, CLOUDEVENT_SOURCE_PREFIX, prefix) != 0
        || bytes - prefix >= sizeof(out->event.source))
        return false;
    memcpy(out->event.source, text + prefix, bytes - prefix + 1);
    return topic_name_valid(out->event.source);
}

static bool
read_time(const char *text, struct cloudevent *out)
{
    return rfc3339_read(text, strlen(text), &out->event.time_us) == RC_OK
           && out->event.time_us <= EVENT_TIME_US_MAX;
}

static bool
read_offset(const char *text, struct cloudevent *out)
{
    return read_digits(text, strlen(text), UINT64_MAX, &out->place.offset);
}

static const struct {
    const char *name;
    bool required;
    bool (*read)(const char *text, struct cloudevent *out);
} own_attributes[] = {
    { "id", true, read_id },
    { "source", true, read_source },
    { "time", false, read_time },
    { "offset", false, read_offset },
};

static enum cloudevent_refusal
read_own(const json_t *object, struct cloudevent *out)
{
    for (size_t i = 0; i < ARRAY_COUNT(own_attributes); i++) {
        const char *name = own_attributes[i].name;
        const char *text = text_of(object, name);

        if (cloudevent_member(object, name) == NULL) {
            if (own_attributes[i].required)
                return cloudevent_refuse(out, CLOUDEVENT_ATTRIBUTE_MISSING,
                                         name);
        } else if (text == NULL || !own_attributes[i].read(text, out))
            return cloudevent_refuse(out, CLOUDEVENT_ATTRIBUTE, name);
    }
    return CLOUDEVENT_OK;
}

/* ---- type and trace: of both forms ---- */

/* "sagapipe.Payment.v1", behind the prefix. */
static enum cloudevent_refusal
read_our_type(const char *name, struct cloudevent *out)
{
    const char *version = strrchr(name, '.');
    enum event_type type;
    uint64_t number;

    if (version == NULL || version[1] != 'v')
        return cloudevent_refuse(out, CLOUDEVENT_UNKNOWN_TYPE, "type");
    type = event_type_find(name, (size_t)(version - name));
    if (type == EVENT_TYPE_COUNT || type == EVENT_FOREIGN)
        return cloudevent_refuse(out, CLOUDEVENT_UNKNOWN_TYPE, "type");
    if (!read_digits(version + 2, strlen(version + 2),
                     event_types[type].version, &number)
        || number == 0)
        return cloudevent_refuse(out, CLOUDEVENT_UNKNOWN_VERSION, "type");
    event_init(&out->event, type);
    return CLOUDEVENT_OK;
}

static enum cloudevent_refusal
read_content(json_t *object, const char *line, size_t bytes,
             struct cloudevent *out)
{
    const size_t prefix = strlen(CLOUDEVENT_TYPE_PREFIX);
    const char *type = text_of(object, "type");
    enum cloudevent_refusal refusal;

    if (cloudevent_member(object, "type") == NULL)
        return cloudevent_refuse(out, CLOUDEVENT_ATTRIBUTE_MISSING, "type");
    if (type == NULL || *type == '\0'
        || strlen(type) > CLOUDEVENT_TYPE_BYTES_MAX)
        return cloudevent_refuse(out, CLOUDEVENT_ATTRIBUTE, "type");
    if (strncmp(type, CLOUDEVENT_TYPE_PREFIX, prefix) != 0)
        return cloudevent_keep_foreign(object, line, bytes, out);
    refusal = read_our_type(type + prefix, out);
    if (refusal == CLOUDEVENT_OK)
        refusal = cloudevent_read_data(cloudevent_member(object, "data"), out);
    return refusal;
}

static enum cloudevent_refusal
read_trace(const json_t *object, struct cloudevent *out)
{
    const char *text = text_of(object, "traceparent");

    if (cloudevent_member(object, "traceparent") == NULL)
        return CLOUDEVENT_OK;
    if (text == NULL || !traceparent_valid(text, strlen(text)))
        return cloudevent_refuse(out, CLOUDEVENT_ATTRIBUTE, "traceparent");
    memcpy(out->event.traceparent, text, sizeof(out->event.traceparent));
    return CLOUDEVENT_OK;
}

static enum cloudevent_refusal
read_version(const json_t *object, enum cloudevent_form form,
             struct cloudevent *out)
{
    const char *version = text_of(object, "specversion");

    if (version == NULL && form == CLOUDEVENT_DRAFT
        && cloudevent_member(object, "specversion") == NULL)
        return CLOUDEVENT_OK;
    if (version == NULL || strcmp(version, "1.0") != 0)
        return cloudevent_refuse(out, CLOUDEVENT_SPECVERSION, "specversion");
    return CLOUDEVENT_OK;
}

enum cloudevent_refusal
cloudevent_read(const char *line, size_t bytes, enum cloudevent_form form,
                struct cloudevent *out)
{
    enum cloudevent_refusal refusal;
    json_t *object;

    memset(out, 0, offsetof(struct cloudevent, blob));
    if (bytes > CLOUDEVENT_LINE_BYTES_MAX)
        return cloudevent_refuse(out, CLOUDEVENT_TOO_LARGE, "");
    object = cloudevent_parse(line, bytes);
    if (object == NULL)
        return cloudevent_refuse(out, CLOUDEVENT_SYNTAX, "");
    refusal = read_version(object, form, out);
    if (refusal == CLOUDEVENT_OK) /* it clears the event: it comes first */
        refusal = read_content(object, line, bytes, out);
    if (refusal == CLOUDEVENT_OK)
        refusal = read_trace(object, out);
    if (refusal == CLOUDEVENT_OK && form == CLOUDEVENT_WHOLE)
        refusal = read_own(object, out);
    json_decref(object);
    return refusal;
}
