#include "saga/codec.h"

#include <msgpack.h>
#include <stdlib.h>

#include "saga/codec_internal.h"

/* Pairs and arrays of one event; what needs more takes it from malloc until
 * the next event. */
#define ZONE_CHUNK_BYTES 8192

struct codec {
    msgpack_zone zone;
};

static const char *const refusal_names[CODEC_REFUSAL_COUNT] = {
    [CODEC_OK] = "ok",
    [CODEC_TRUNCATED] = "truncated",
    [CODEC_NOT_A_MAP] = "not_a_map",
    [CODEC_TOO_LARGE] = "too_large",
    [CODEC_SYNTAX] = "syntax",
    [CODEC_KEY_NOT_STRING] = "key_not_string",
    [CODEC_KEY_REPEATED] = "key_repeated",
    [CODEC_UNKNOWN_TYPE] = "unknown_type",
    [CODEC_UNKNOWN_VERSION] = "unknown_version",
    [CODEC_FIELD_MISSING] = "field_missing",
    [CODEC_FIELD_TYPE] = "field_type",
    [CODEC_FIELD_RANGE] = "field_range",
};

const char *
codec_refusal_name(enum codec_refusal refusal)
{
    invariant(refusal < CODEC_REFUSAL_COUNT);
    return refusal_names[refusal];
}

enum rc
codec_new(struct codec **codec_out)
{
    struct codec *codec = calloc(1, sizeof(*codec));

    if (codec == NULL)
        return RC_NO_MEMORY;
    if (!msgpack_zone_init(&codec->zone, ZONE_CHUNK_BYTES)) {
        free(codec);
        return RC_NO_MEMORY;
    }
    *codec_out = codec;
    return RC_OK;
}

void
codec_destroy(struct codec **codec_p)
{
    struct codec *codec = *codec_p;

    *codec_p = NULL;
    if (codec == NULL)
        return;
    msgpack_zone_destroy(&codec->zone);
    free(codec);
}

/* Integers alone: a float is never one, however round. */
static enum codec_refusal
read_unsigned(const msgpack_object *value, uint64_t min, uint64_t max,
              uint64_t *out)
{
    if (value->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return CODEC_FIELD_RANGE;
    if (value->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return CODEC_FIELD_TYPE;
    if (value->via.u64 < min || value->via.u64 > max)
        return CODEC_FIELD_RANGE;
    *out = value->via.u64;
    return CODEC_OK;
}

static enum codec_refusal
read_signed(const msgpack_object *value, int64_t min, int64_t max, int64_t *out)
{
    int64_t number;

    if (value->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        number = value->via.i64;
    else if (value->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return CODEC_FIELD_TYPE;
    else if (value->via.u64 > INT64_MAX)
        return CODEC_FIELD_RANGE;
    else
        number = (int64_t)value->via.u64;
    if (number < min || number > max)
        return CODEC_FIELD_RANGE;
    *out = number;
    return CODEC_OK;
}

/* Copies a text into text[size] with a NUL; valid() sees it without. */
static enum codec_refusal
read_text(const msgpack_object *value,
          bool (*valid)(const char *text, size_t bytes), char *text,
          size_t size)
{
    const msgpack_object_str *str = &value->via.str;

    if (value->type != MSGPACK_OBJECT_STR)
        return CODEC_FIELD_TYPE;
    if (str->size >= size || !valid(str->ptr, str->size))
        return CODEC_FIELD_RANGE;
    memcpy(text, str->ptr, str->size);
    text[str->size] = '\0';
    return CODEC_OK;
}

static bool
source_valid(const char *text, size_t bytes)
{
    char source[PRODUCER_NAME_BYTES] = { 0 };

    if (bytes >= sizeof(source) || memchr(text, '\0', bytes) != NULL)
        return false;
    memcpy(source, text, bytes);
    return topic_name_valid(source);
}

static enum codec_refusal
read_name(const msgpack_object *value, enum field_kind kind,
          unsigned *found_out)
{
    if (value->type != MSGPACK_OBJECT_STR)
        return CODEC_FIELD_TYPE;
    return event_value_find(kind, value->via.str.ptr, value->via.str.size,
                            found_out)
               ? CODEC_OK : CODEC_FIELD_RANGE;
}

static enum codec_refusal
read_blob(const msgpack_object *value, struct event_blob *blob)
{
    if (value->type != MSGPACK_OBJECT_BIN)
        return CODEC_FIELD_TYPE;
    if (value->via.bin.size > EVENT_BLOB_BYTES_MAX)
        return CODEC_FIELD_RANGE;
    blob->data = (const uint8_t *)value->via.bin.ptr;
    blob->bytes = value->via.bin.size;
    return CODEC_OK;
}

static enum codec_refusal
read_field(const msgpack_object *value, struct event *event,
           enum event_field field)
{
    void *member = (char *)event + event_fields[field].member;

    switch (event_fields[field].kind) {
    case KIND_ID:
        return read_unsigned(value, 1, ID_MAX, member);
    case KIND_NUMBER:
        return read_unsigned(value, 0, ID_MAX, member);
    case KIND_COUNT:
        return read_signed(value, 1, QUANTITY_MAX, member);
    case KIND_MONEY:
        return read_signed(value, -MONEY_MINOR_MAX, MONEY_MINOR_MAX, member);
    case KIND_TIME:
        return read_signed(value, 0, EVENT_TIME_US_MAX, member);
    case KIND_REFUSAL:
    case KIND_PAYMENT:
    case KIND_TRANSACTION:
    case KIND_CHANGE:
        return read_name(value, event_fields[field].kind, member);
    case KIND_CURRENCY:
        return read_text(value, codec_currency_valid, member, CURRENCY_BYTES);
    case KIND_TEXT:
        return read_text(value, codec_text_valid, member, EVENT_TEXT_BYTES);
    case KIND_BLOB:
        return read_blob(value, member);
    }
    invariant(!"a kind of field that is read");
    return CODEC_FIELD_TYPE;
}

/* Type and version were read before. */
static enum codec_refusal
read_value(const msgpack_object *value, struct event *event, unsigned key)
{
    switch (key) {
    case KEY_ID:
        return read_unsigned(value, 1, UINT64_MAX, &event->id);
    case KEY_SOURCE:
        return read_text(value, source_valid, event->source,
                         sizeof(event->source));
    case KEY_TYPE:
    case KEY_VERSION:
        return CODEC_OK;
    case KEY_TIME:
        return read_signed(value, 0, EVENT_TIME_US_MAX, &event->time_us);
    case KEY_TRACEPARENT:
        return read_text(value, traceparent_valid, event->traceparent,
                         sizeof(event->traceparent));
    default:
        return read_field(value, event, (enum event_field)(key - KEY_FIELDS));
    }
}

static bool
is_key(const msgpack_object_str *str, unsigned key)
{
    return str->size == codec_keys[key].bytes - 1u
           && memcmp(str->ptr, codec_keys[key].name, str->size) == 0;
}

/*
 * The key of that name in the set, or KEY_COUNT.  Writers keep the order of
 * the list, so the search begins behind the last one found.
 */
static unsigned
find_key(const msgpack_object_str *str, uint64_t allowed, unsigned from)
{
    uint64_t behind = allowed & ~(KEY_BIT(from) - 1);

    for (uint64_t rest = behind; rest != 0; rest &= rest - 1)
        if (is_key(str, (unsigned)__builtin_ctzll(rest)))
            return (unsigned)__builtin_ctzll(rest);
    for (uint64_t rest = allowed & ~behind; rest != 0; rest &= rest - 1)
        if (is_key(str, (unsigned)__builtin_ctzll(rest)))
            return (unsigned)__builtin_ctzll(rest);
    return KEY_COUNT;
}

/* Type and version come first in rank, wherever they stand: a version that
 * we don't know may have other fields. */
static enum codec_refusal
read_type(const msgpack_object_map *map, enum event_type *type_out)
{
    const msgpack_object *type = NULL;
    const msgpack_object *version = NULL;
    uint64_t number;
    enum codec_refusal refusal;

    for (uint32_t i = 0; i < map->size; i++) {
        const msgpack_object *key = &map->ptr[i].key;

        if (key->type != MSGPACK_OBJECT_STR)
            return CODEC_KEY_NOT_STRING;
        if (type == NULL && is_key(&key->via.str, KEY_TYPE))
            type = &map->ptr[i].val;
        else if (version == NULL && is_key(&key->via.str, KEY_VERSION))
            version = &map->ptr[i].val;
    }
    if (type == NULL || version == NULL)
        return CODEC_FIELD_MISSING;
    if (type->type != MSGPACK_OBJECT_STR)
        return CODEC_FIELD_TYPE;
    *type_out = event_type_find(type->via.str.ptr, type->via.str.size);
    if (*type_out == EVENT_TYPE_COUNT)
        return CODEC_UNKNOWN_TYPE;
    refusal = read_unsigned(version, 1, event_types[*type_out].version,
                            &number);
    return refusal == CODEC_FIELD_RANGE ? CODEC_UNKNOWN_VERSION : refusal;
}

static enum codec_refusal
read_event(const msgpack_object_map *map, struct event *event)
{
    enum event_type type;
    enum codec_refusal refusal = read_type(map, &type);
    uint64_t required, allowed, seen = 0;
    unsigned from = 0;

    if (refusal != CODEC_OK)
        return refusal;
    event_init(event, type);
    required = KEYS_REQUIRED
               | (uint64_t)event_types[type].required << KEY_FIELDS;
    allowed = required | KEY_BIT(KEY_TRACEPARENT)
              | (uint64_t)event_types[type].optional << KEY_FIELDS;
    for (uint32_t i = 0; i < map->size; i++) {
        unsigned key = find_key(&map->ptr[i].key.via.str, allowed, from);

        if (key == KEY_COUNT)
            continue;
        from = key + 1;
        if (seen & KEY_BIT(key))
            return CODEC_KEY_REPEATED;
        seen |= KEY_BIT(key);
        refusal = read_value(&map->ptr[i].val, event, key);
        if (refusal != CODEC_OK)
            return refusal;
    }
    event->present = (uint32_t)(seen >> KEY_FIELDS);
    return (seen & required) == required ? CODEC_OK : CODEC_FIELD_MISSING;
}

enum codec_refusal
event_decode(struct codec *codec, const uint8_t *data, size_t size,
             struct event *event_out, size_t *used_out)
{
    enum codec_refusal refusal = codec_scan(data, size, used_out);
    msgpack_object object;
    msgpack_unpack_return result;

    if (refusal != CODEC_OK)
        return refusal;
    msgpack_zone_clear(&codec->zone);
    result = msgpack_unpack((const char *)data, *used_out, NULL, &codec->zone,
                            &object);
    /* Depth and counts are within limits: only memory can be short, and a
     * good event must not be taken for a bad one. */
    invariant(result != MSGPACK_UNPACK_NOMEM_ERROR);
    if (result != MSGPACK_UNPACK_SUCCESS)
        return CODEC_SYNTAX;
    if (object.type != MSGPACK_OBJECT_MAP)
        return CODEC_NOT_A_MAP;
    return read_event(&object.via.map, event_out);
}
