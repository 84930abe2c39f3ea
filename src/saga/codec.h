/*
 * codec.h - events on the wire: msgpack maps, strictly read
 *
 * An event is one msgpack map with string keys: id, source, type, version,
 * time, traceparent (optional), and the fields of its type (event_list.h).
 * Readers ignore keys that they do not know; a missing, repeated, mistyped or
 * out-of-range one is a refusal with a name.  Nothing is allocated for input
 * that can't be right: container counts are checked against the bytes that
 * are there before msgpack-c sees them.  A batch is events one behind another.
 *
 * Not thread-safe per codec; one codec per thread.
 */
#ifndef SAGA_CODEC_H
#define SAGA_CODEC_H

#include "saga/event.h"

enum codec_refusal {
    CODEC_OK = 0,
    CODEC_TRUNCATED,       /* the bytes end inside the map                  */
    CODEC_NOT_A_MAP,
    CODEC_TOO_LARGE,       /* over EVENT_BYTES_MAX, or too deep or wide     */
    CODEC_SYNTAX,          /* not msgpack                                   */
    CODEC_KEY_NOT_STRING,
    CODEC_KEY_REPEATED,
    CODEC_UNKNOWN_TYPE,
    CODEC_UNKNOWN_VERSION,
    CODEC_FIELD_MISSING,
    CODEC_FIELD_TYPE,      /* another msgpack type than the field has       */
    CODEC_FIELD_RANGE,     /* out of range, too long, unknown name          */
    CODEC_REFUSAL_COUNT
};

/* "field_missing" ... for log lines. */
const char *codec_refusal_name(enum codec_refusal refusal);

struct codec; /* reused memory for decoding */

/* RC_OK or RC_NO_MEMORY. */
MUST_USE enum rc codec_new(struct codec **codec_out);
void codec_destroy(struct codec **codec_p);

/*
 * Appends the event's map at buffer[0..size).  RC_FULL if it does not fit or
 * is larger than EVENT_BYTES_MAX (the buffer's content is then undefined);
 * an event that breaks its own type's ranges is a bug (invariant).
 */
MUST_USE enum rc event_encode(const struct event *event, uint8_t *buffer,
                              size_t size, size_t *used_out);

/*
 * Reads the first map of data[0..size) into *event_out and its length into
 * *used_out.  Blobs and nothing else point into data.  On refusal *event_out
 * is undefined and *used_out is the map's length if that could be told,
 * else 0.
 */
MUST_USE enum codec_refusal event_decode(struct codec *codec,
                                         const uint8_t *data, size_t size,
                                         struct event *event_out,
                                         size_t *used_out);

#endif
