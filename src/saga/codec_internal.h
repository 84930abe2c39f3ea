/*
 * codec_internal.h - what the codec's files share; nobody else includes it
 *
 * codec_scan.c walks the bytes, codec_encode.c writes events, codec.c reads
 * them.  The keys of the map are numbered: the attributes of every event
 * first, then the fields in the order of event_list.h.
 */
#ifndef SAGA_CODEC_INTERNAL_H
#define SAGA_CODEC_INTERNAL_H

#include "saga/codec.h"

#define CODEC_DEPTH_MAX 8  /* containers in containers, the event's map too,
                              and none that is empty                       */
#define CODEC_PAIRS_MAX 64 /* in the event's own map                        */
#define CODEC_KEY_BYTES 15 /* of one packed key, its head included          */

enum codec_key {
    KEY_ID = 0,
    KEY_SOURCE,
    KEY_TYPE,
    KEY_VERSION,
    KEY_TIME,
    KEY_TRACEPARENT,
    KEY_FIELDS, /* the first field; field f is KEY_FIELDS + f */
    KEY_COUNT = KEY_FIELDS + EVENT_FIELD_COUNT
};

#define KEY_BIT(key) (UINT64_C(1) << (key))
#define KEYS_REQUIRED                                                          \
    (KEY_BIT(KEY_ID) | KEY_BIT(KEY_SOURCE) | KEY_BIT(KEY_TYPE)                 \
     | KEY_BIT(KEY_VERSION) | KEY_BIT(KEY_TIME))

_Static_assert(KEY_COUNT <= 64, "a set of keys is 64 bits");

/* A key as it stands on the wire: msgpack's fixstr head, then the name. */
struct codec_packed_key {
    uint8_t bytes; /* of packed[] that count */
    uint8_t head;
    char name[CODEC_KEY_BYTES - 1];
};

extern const struct codec_packed_key codec_keys[KEY_COUNT];

/*
 * Looks at one map at data[0..size) without believing it: CODEC_OK if it is
 * msgpack within the limits above and EVENT_BYTES_MAX.  *length_out is the
 * map's length if that could be told, else 0.
 */
MUST_USE enum codec_refusal codec_scan(const uint8_t *data, size_t size,
                                       size_t *length_out);

/* The laws of values, the same for writing and reading. */
static inline bool
codec_text_valid(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    return bytes >= 1 && bytes < EVENT_TEXT_BYTES;
}

static inline bool
codec_currency_valid(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (text[i] < 'A' || text[i] > 'Z')
            return false;
    return bytes == CURRENCY_BYTES - 1;
}

#endif
