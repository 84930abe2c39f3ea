#include <string.h>

#include "saga/base64.h"
#include "saga/cloudevent_internal.h"

static enum cloudevent_refusal
read_number(const json_t *value, int64_t min, int64_t max, int64_t *out)
{
    int64_t number = json_integer_value(value);

    if (!json_is_integer(value))
        return CLOUDEVENT_FIELD_TYPE;
    if (number < min || number > max)
        return CLOUDEVENT_FIELD_RANGE;
    *out = number;
    return CLOUDEVENT_OK;
}

static enum cloudevent_refusal
read_name(const json_t *value, enum field_kind kind, unsigned *out)
{
    if (!json_is_string(value))
        return CLOUDEVENT_FIELD_TYPE;
    return event_value_find(kind, json_string_value(value),
                            json_string_length(value), out)
               ? CLOUDEVENT_OK : CLOUDEVENT_FIELD_RANGE;
}

static enum cloudevent_refusal
read_text(const json_t *value, char first, char last, size_t min, size_t size,
          char *out)
{
    const char *text = json_string_value(value);
    size_t bytes = json_string_length(value);

    if (text == NULL)
        return CLOUDEVENT_FIELD_TYPE;
    if (bytes < min || bytes >= size)
        return CLOUDEVENT_FIELD_RANGE;
    for (size_t i = 0; i < bytes; i++)
        if (text[i] < first || text[i] > last)
            return CLOUDEVENT_FIELD_RANGE;
    memcpy(out, text, bytes + 1);
    return CLOUDEVENT_OK;
}

static enum cloudevent_refusal
read_blob(const json_t *value, struct cloudevent *out)
{
    struct event_blob *blob = &out->event.blob;

    if (!json_is_string(value))
        return CLOUDEVENT_FIELD_TYPE;
    if (base64_read(json_string_value(value), json_string_length(value),
                    out->blob, sizeof(out->blob), &blob->bytes) != RC_OK)
        return CLOUDEVENT_FIELD_RANGE;
    blob->data = out->blob;
    return CLOUDEVENT_OK;
}

static enum cloudevent_refusal
read_field(const json_t *value, enum event_field field, struct cloudevent *out)
{
    void *member = (char *)&out->event + event_fields[field].member;

    switch (event_fields[field].kind) {
    case KIND_ID:
        return read_number(value, 1, ID_MAX, member);
    case KIND_NUMBER:
        return read_number(value, 0, ID_MAX, member);
    case KIND_COUNT:
        return read_number(value, 1, QUANTITY_MAX, member);
    case KIND_MONEY:
        return read_number(value, -MONEY_MINOR_MAX, MONEY_MINOR_MAX, member);
    case KIND_TIME:
        return read_number(value, 0, EVENT_TIME_US_MAX, member);
    case KIND_REFUSAL:
    case KIND_PAYMENT:
    case KIND_TRANSACTION:
    case KIND_CHANGE:
        return read_name(value, event_fields[field].kind, member);
    case KIND_CURRENCY:
        return read_text(value, 'A', 'Z', CURRENCY_BYTES - 1, CURRENCY_BYTES,
                         member);
    case KIND_TEXT:
        return read_text(value, ' ', '~', 1, EVENT_TEXT_BYTES, member);
    case KIND_BLOB:
        return read_blob(value, out);
    }
    invariant(!"a kind of field that is read");
    return CLOUDEVENT_FIELD_TYPE;
}

enum cloudevent_refusal
cloudevent_read_data(const json_t *data, struct cloudevent *out)
{
    const struct event_type_info *info = &event_types[out->event.type];
    uint32_t rest = info->required | info->optional;

    if (data != NULL && !json_is_object(data))
        return cloudevent_refuse(out, CLOUDEVENT_FIELD_TYPE, "data");
    for (; rest != 0; rest &= rest - 1) {
        enum event_field field = (enum event_field)__builtin_ctz(rest);
        const char *name = event_fields[field].name;
        const json_t *value = cloudevent_member(data, name);
        enum cloudevent_refusal refusal;

        if (value == NULL && (info->optional & EVENT_HAS(field)) != 0)
            continue;
        if (value == NULL)
            return cloudevent_refuse(out, CLOUDEVENT_FIELD_MISSING, name);
        refusal = read_field(value, field, out);
        if (refusal != CLOUDEVENT_OK)
            return cloudevent_refuse(out, refusal, name);
        out->event.present |= EVENT_HAS(field);
    }
    return CLOUDEVENT_OK;
}
