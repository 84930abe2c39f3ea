/*
 * histogram.h - how often a value was how large, in fixed buckets
 *
 * Bucket i counts the values up to bounds[i] that are above bounds[i - 1]; the
 * last counts those above all bounds.  Which bounds belong to a histogram its
 * owner knows.
 *
 * Core.
 */
#ifndef SAGA_HISTOGRAM_H
#define SAGA_HISTOGRAM_H

#include "saga/base.h"

#define HISTOGRAM_BOUNDS 20
#define HISTOGRAM_BUCKETS (HISTOGRAM_BOUNDS + 1)

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t sum; /* of all values; wraps */
};

/* Of durations, in microseconds: 50 us to 5 min; of things counted. */
extern const uint64_t histogram_us_bounds[HISTOGRAM_BOUNDS];
extern const uint64_t histogram_count_bounds[HISTOGRAM_BOUNDS];

void histogram_note(struct histogram *histogram,
                    const uint64_t bounds[HISTOGRAM_BOUNDS], uint64_t value);

/* How many values were noted. */
uint64_t histogram_count(const struct histogram *histogram);

#endif
