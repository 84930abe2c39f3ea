/*
 * random.h - numbers for tests that compare with a model
 *
 * A run is replayed by TEST_SEED=what random_begin() returned.
 */
#ifndef SUPPORT_RANDOM_H
#define SUPPORT_RANDOM_H

#include <stdint.h>

/* A seed from TEST_SEED, else from the clock; tell it with a failure. */
uint64_t random_begin(void);
/* From 0 to limit - 1. */
uint64_t random_below(uint64_t limit);

#endif
