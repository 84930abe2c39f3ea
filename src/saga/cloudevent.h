/*
 * cloudevent.h - events at the edges: CloudEvents 1.0, one JSON object a line
 *
 *   ours     an event of event_list.h: type "sagapipe.NAME.vN", its fields in
 *            `data` (amounts in minor units, as on the wire)
 *   foreign  any other type: its attributes and data are kept as they were
 *            written, octet for octet, in an event of type EVENT_FOREIGN
 *   place    where the event stands: it is told in the id, and in the
 *            extensions topic, partition and offset
 *   whole    a CloudEvent with everything that the specification asks for
 *   draft    what a filter writes: only `type` must be there.  id, source and
 *            time are set by who emits it; what the draft says of them, and
 *            of its place, is not looked at
 *
 * docs/EVENTS.md has both forms, with every refusal.  Nothing here keeps
 * state; any thread may call it.
 */
#ifndef SAGA_CLOUDEVENT_H
#define SAGA_CLOUDEVENT_H

#include "saga/event.h"
#include "saga/text_writer.h"

#define CLOUDEVENT_LINE_BYTES_MAX 16384 /* without its line end */
#define CLOUDEVENT_WHERE_BYTES 32
#define CLOUDEVENT_TYPE_PREFIX "sagapipe."
#define CLOUDEVENT_SOURCE_PREFIX "/sagapipe/"

struct cloudevent_place {
    char topic[TOPIC_NAME_BYTES];
    uint32_t partition;
    uint64_t offset;
};

#define CLOUDEVENT_REFUSAL_LIST(X)                                             \
    X(CLOUDEVENT_TOO_LARGE, "too_large")     /* the line; what is kept of it */\
    X(CLOUDEVENT_SYNTAX, "syntax")           /* no JSON object, a key twice  */\
    X(CLOUDEVENT_SPECVERSION, "specversion") /* not "1.0"                    */\
    X(CLOUDEVENT_ATTRIBUTE_MISSING, "attribute_missing")                       \
    X(CLOUDEVENT_ATTRIBUTE, "attribute") /* a name or value it can't have    */\
    X(CLOUDEVENT_UNKNOWN_TYPE, "unknown_type")                                 \
    X(CLOUDEVENT_UNKNOWN_VERSION, "unknown_version")                           \
    X(CLOUDEVENT_FIELD_MISSING, "field_missing") /* in `data`: codec.h       */\
    X(CLOUDEVENT_FIELD_TYPE, "field_type")                                     \
    X(CLOUDEVENT_FIELD_RANGE, "field_range")

enum cloudevent_refusal {
    CLOUDEVENT_OK = 0,
#define X(id, name) id,
    CLOUDEVENT_REFUSAL_LIST(X)
#undef X
    CLOUDEVENT_REFUSAL_COUNT
};

enum cloudevent_form {
    CLOUDEVENT_WHOLE,
    CLOUDEVENT_DRAFT,
};

/* What a line was read into; the event's blob points into `blob` here, so it
 * must not be copied. */
struct cloudevent {
    struct event event; /* of a draft: id 0, source "" and time 0 */
    struct cloudevent_place place; /* as far as a whole one tells it */
    char where[CLOUDEVENT_WHERE_BYTES]; /* refused: the member, or "" */
    uint8_t blob[EVENT_BLOB_BYTES_MAX];
};

/* "too_large", ...; "ok". */
const char *cloudevent_refusal_name(enum cloudevent_refusal refusal);

/*
 * Appends the event as one object, without a line end.  RC_FULL if the writer
 * has no room (CLOUDEVENT_LINE_BYTES_MAX is always enough);
 * RC_MALFORMED, and nothing is written, if it is a foreign one whose blob is
 * not what cloudevent_read() made (anybody can write to a topic of the knob).
 */
MUST_USE enum rc cloudevent_write(struct text_writer *writer,
                                  const struct event *event,
                                  const struct cloudevent_place *place);

/* Reads one line, without its end.  If it is refused, *out is undefined but
 * for `where`. */
MUST_USE enum cloudevent_refusal cloudevent_read(const char *line, size_t bytes,
                                                 enum cloudevent_form form,
                                                 struct cloudevent *out);

#endif
