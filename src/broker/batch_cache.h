/*
 * batch_cache.h - batches that were read a moment ago, in memory
 *
 * Several consumers read the same batches, most of them soon after each other.
 * The first finds a batch in the store and puts it here; the others get it
 * without a cursor, a page and its checksum.
 *
 * A batch that is on disk never changes and its offset is never given again,
 * so nothing here can become untrue: what is put must have been flushed, and
 * be a batch.  There is no taking out.
 *
 *   owner   whose batches: a number that is given once in a cache's life
 *
 * Bounded: BATCH_CACHE_BYTES of batches (less in tests) and BATCH_CACHE_ITEMS
 * of them; who came first goes first.  No allocation after batch_cache_new().
 */
#ifndef BATCH_CACHE_H
#define BATCH_CACHE_H

#include "saga/base.h"

#define BATCH_CACHE_BYTES (4u << 20)
#define BATCH_CACHE_ITEMS 4096u
/* A larger batch than this part of the bytes is not kept. */
#define BATCH_CACHE_PART 3u

struct batch_cache;

struct batch_cached {
    const uint8_t *bytes; /* valid until the next batch_cache_put() */
    size_t bytes_count;
    uint32_t count; /* of its events */
};

/* RC_NO_MEMORY. */
MUST_USE enum rc batch_cache_new(struct batch_cache **cache_out,
                                 size_t bytes_max);
void batch_cache_destroy(struct batch_cache **cache_p);

uint32_t batch_cache_owner(struct batch_cache *cache);

/* The batch with that base offset; false if it is not here. */
bool batch_cache_find(const struct batch_cache *cache, uint32_t owner,
                      uint64_t base_offset, struct batch_cached *cached_out);
/* Copies a batch; nothing if it is here already. */
void batch_cache_put(struct batch_cache *cache, uint32_t owner,
                     uint64_t base_offset, const struct batch_cached *batch);

#endif
