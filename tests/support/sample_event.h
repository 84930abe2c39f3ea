/*
 * sample_event.h - events for tests, with every field that their type has
 *
 * Both set the optional fields and the traceparent; take a field away by
 * clearing its bit in `present` (and its member).  A DeadLetter's blob points
 * to static bytes.
 */
#ifndef SUPPORT_SAMPLE_EVENT_H
#define SUPPORT_SAMPLE_EVENT_H

#include "saga/event.h"

/* Always the same one: small round values. */
void sample_event(struct event *event, enum event_type type);

/* Values from all over their ranges, the ends often; optional fields come
 * and go.  *seed moves on: the same seed gives the same events. */
void random_event(struct event *event, enum event_type type, uint64_t *seed);

/* The next number of that seed (SplitMix64). */
uint64_t random_next(uint64_t *seed);

/* True if both say the same: blobs by their bytes, all else bit by bit. */
bool same_event(const struct event *a, const struct event *b);

#endif
