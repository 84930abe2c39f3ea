/*
 * sample_event.h - events for tests, with every field that their type has
 *
 * Both set the optional fields and the traceparent; take a field away by
 * clearing its bit in `present` (and its member).  A DeadLetter's blob points
 * to static bytes.
 */
#ifndef SUPPORT_SAMPLE_EVENT_H
#define SUPPORT_SAMPLE_EVENT_H

#include "saga/codec.h"

/* Always the same one: small round values. */
void sample_event(struct event *event, enum event_type type);

/* An order as the gateway writes it: the least that it has. */
void sample_order(struct event *event);

/* Its form on the wire; returns its length. */
size_t sample_bytes(enum event_type type, uint8_t *bytes, size_t size);

/* event_decode() of a copy of its own size, so that the sanitizer finds a
 * look past the end.  What points into the copy is NULL afterwards. */
MUST_USE enum codec_refusal decode_copy(struct codec *codec, const void *data,
                                        size_t size, struct event *event_out,
                                        size_t *used_out);

/* Values from all over their ranges, the ends often; optional fields come
 * and go.  *seed moves on: the same seed gives the same events. */
void random_event(struct event *event, enum event_type type, uint64_t *seed);

/* The next number of that seed (SplitMix64). */
uint64_t random_next(uint64_t *seed);

/* True if both say the same: blobs by their bytes, all else bit by bit. */
bool same_event(const struct event *a, const struct event *b);

#endif
