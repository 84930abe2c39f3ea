#include <msgpack.h>

#include "saga/codec_internal.h"

#define PACKED(name) { sizeof(name), 0xa0 | (sizeof(name) - 1), name }

const struct codec_packed_key codec_keys[KEY_COUNT] = {
    [KEY_ID] = PACKED("id"),
    [KEY_SOURCE] = PACKED("source"),
    [KEY_TYPE] = PACKED("type"),
    [KEY_VERSION] = PACKED("version"),
    [KEY_TIME] = PACKED("time"),
    [KEY_TRACEPARENT] = PACKED("traceparent"),
#define F(id, name, kind, member) [KEY_FIELDS + id] = PACKED(name),
    EVENT_FIELD_LIST(F)
#undef F
};

#define F(id, name, kind, member)                                              \
    _Static_assert(sizeof(name) <= CODEC_KEY_BYTES, name);
EVENT_FIELD_LIST(F)
#undef F

_Static_assert(offsetof(struct codec_packed_key, name)
                   == offsetof(struct codec_packed_key, head) + 1,
               "head and name are copied as one run");

/* Where msgpack-c writes to: the caller's buffer, and never past it. */
struct sink {
    uint8_t *data;
    size_t size;
    size_t used;
};

static inline int
sink_write(void *context, const char *bytes, size_t count)
{
    struct sink *sink = context;

    if (count > sink->size - sink->used)
        return -1;
    memcpy(sink->data + sink->used, bytes, count);
    sink->used += count;
    return 0;
}

/* Copies a fixed number of bytes where there is room: that is one or two
 * instructions, and what is too much is overwritten next. */
static inline int
put_key(struct sink *sink, enum codec_key key)
{
    const struct codec_packed_key *packed = &codec_keys[key];
    size_t left = sink->size - sink->used;

    if (packed->bytes > left)
        return -1;
    memcpy(sink->data + sink->used, &packed->head,
           left >= CODEC_KEY_BYTES ? CODEC_KEY_BYTES : packed->bytes);
    sink->used += packed->bytes;
    return 0;
}

static int
pack_text(msgpack_packer *packer, const char *text)
{
    return msgpack_pack_str_with_body(packer, text, strlen(text));
}

/* A name out of an enum; 0 is "unset", which never leaves us. */
static int
pack_name(msgpack_packer *packer, const char *name)
{
    invariant(name[0] != '\0');
    return pack_text(packer, name);
}

static int
pack_unsigned(msgpack_packer *packer, uint64_t value, uint64_t min,
              uint64_t max)
{
    invariant(value >= min && value <= max);
    return msgpack_pack_uint64(packer, value);
}

static int
pack_signed(msgpack_packer *packer, int64_t value, int64_t min, int64_t max)
{
    invariant(value >= min && value <= max);
    return msgpack_pack_int64(packer, value);
}

static int
pack_checked_text(msgpack_packer *packer, const char *text,
                  bool (*valid)(const char *text, size_t bytes))
{
    invariant(valid(text, strlen(text)));
    return pack_text(packer, text);
}

static int
pack_blob(msgpack_packer *packer, const struct event_blob *blob)
{
    invariant(blob->bytes <= EVENT_BLOB_BYTES_MAX);
    return msgpack_pack_bin_with_body(
        packer, blob->bytes > 0 ? blob->data : (const uint8_t *)"",
        blob->bytes);
}

static int
pack_field(msgpack_packer *packer, const struct event *event,
           enum event_field field)
{
    const void *member = (const char *)event + event_fields[field].member;

    switch (event_fields[field].kind) {
    case KIND_ID:
        return pack_unsigned(packer, *(const uint64_t *)member, 1, ID_MAX);
    case KIND_NUMBER:
        return pack_unsigned(packer, *(const uint64_t *)member, 0, ID_MAX);
    case KIND_COUNT:
        return pack_signed(packer, *(const int64_t *)member, 1, QUANTITY_MAX);
    case KIND_MONEY:
        return pack_signed(packer, *(const int64_t *)member, -MONEY_MINOR_MAX,
                           MONEY_MINOR_MAX);
    case KIND_TIME:
        return pack_signed(packer, *(const int64_t *)member, 0,
                           EVENT_TIME_US_MAX);
    case KIND_REFUSAL:
    case KIND_PAYMENT:
    case KIND_TRANSACTION:
    case KIND_CHANGE:
        return pack_name(packer, event_value_name(event_fields[field].kind,
                                                  *(const unsigned *)member));
    case KIND_CURRENCY:
        return pack_checked_text(packer, member, codec_currency_valid);
    case KIND_TEXT:
        return pack_checked_text(packer, member, codec_text_valid);
    case KIND_BLOB:
        return pack_blob(packer, member);
    }
    invariant(!"a kind of field that is packed");
    return -1;
}

/* id, source, type, version, time, and traceparent if there is one. */
static int
pack_attributes(msgpack_packer *packer, struct sink *sink,
                const struct event *event)
{
    const struct event_type_info *info = &event_types[event->type];
    int failed = 0;

    invariant(topic_name_valid(event->source));
    failed |= put_key(sink, KEY_ID);
    failed |= pack_unsigned(packer, event->id, 1, UINT64_MAX);
    failed |= put_key(sink, KEY_SOURCE);
    failed |= pack_text(packer, event->source);
    failed |= put_key(sink, KEY_TYPE);
    failed |= pack_text(packer, info->name);
    failed |= put_key(sink, KEY_VERSION);
    failed |= msgpack_pack_uint32(packer, info->version);
    failed |= put_key(sink, KEY_TIME);
    failed |= pack_signed(packer, event->time_us, 0, EVENT_TIME_US_MAX);
    if (event->traceparent[0] == '\0')
        return failed;
    failed |= put_key(sink, KEY_TRACEPARENT);
    return failed
           | pack_checked_text(packer, event->traceparent, traceparent_valid);
}

enum rc
event_encode(const struct event *event, uint8_t *buffer, size_t size,
             size_t *used_out)
{
    struct sink sink = { .data = buffer, .size = size };
    msgpack_packer packer;
    const struct event_type_info *info;
    uint32_t rest = event->present;
    int failed = 0;

    invariant(event->type > EVENT_NONE && event->type < EVENT_TYPE_COUNT);
    info = &event_types[event->type];
    invariant((rest & info->required) == info->required);
    invariant((rest & ~(info->required | info->optional)) == 0);
    if (sink.size > EVENT_BYTES_MAX)
        sink.size = EVENT_BYTES_MAX;
    msgpack_packer_init(&packer, &sink, sink_write);
    failed |= msgpack_pack_map(&packer, 5u + (event->traceparent[0] != '\0')
                                            + __builtin_popcount(rest));
    failed |= pack_attributes(&packer, &sink, event);
    for (; rest != 0; rest &= rest - 1) {
        enum event_field field = (enum event_field)__builtin_ctz(rest);

        failed |= put_key(&sink, KEY_FIELDS + field);
        failed |= pack_field(&packer, event, field);
    }
    if (failed)
        return RC_FULL;
    *used_out = sink.used;
    return RC_OK;
}
