/*
 * drain_rate.h - how fast the outbox empties, and how long a client should wait
 *
 * One sample per second of how many events the broker has acknowledged; the
 * rate is that of the last DRAIN_SAMPLES - 1 seconds or so.
 *
 * Core.
 */
#ifndef GATEWAY_DRAIN_RATE_H
#define GATEWAY_DRAIN_RATE_H

#include "saga/base.h"

#define DRAIN_SAMPLES 8
#define DRAIN_SAMPLE_US INT64_C(1000000)
#define DRAIN_WAIT_S_MIN 1u
#define DRAIN_WAIT_S_MAX 60u

struct drain_sample {
    int64_t at_us;
    int64_t acked; /* from any start; only differences count */
};

struct drain_rate {
    struct drain_sample samples[DRAIN_SAMPLES]; /* a ring              */
    uint32_t count;                             /* in it               */
    uint32_t next;                              /* slot to write next  */
};

/* Notes a sample if the last one is DRAIN_SAMPLE_US old, and tells if it did.
 * at_us: a clock that never goes back. */
bool drain_rate_note(struct drain_rate *rate, int64_t at_us, int64_t acked);

/*
 * Whole seconds until a backlog of `backlog` events has shrunk to half of
 * `limit` at the rate seen, from DRAIN_WAIT_S_MIN to DRAIN_WAIT_S_MAX: the
 * latter if nothing is drained, the former if no rate is known yet.
 */
uint32_t drain_rate_wait_s(const struct drain_rate *rate, uint64_t backlog,
                           uint64_t limit);

#endif
