#include "saga/row_cache.h"

#include <stdlib.h>
#include <sys/random.h>

enum { ROW_PRESENT = 1, ROW_CHANGED = 2 };

struct row_cache {
    struct store_table *table;
    const struct row_format *format;
    uint64_t seed;
    uint32_t rows_max;
    uint32_t mask; /* slots - 1; slots are at least twice rows_max */
    uint32_t used_count;
    uint32_t changed_count;
    uint64_t *keys;    /* [slots], 0: free */
    uint8_t *flags;    /* [slots] */
    uint8_t *rows;     /* [slots] of format->row_bytes */
    uint32_t *changed; /* [rows_max] slots, in the order of change */
};

static uint32_t
slots_for(uint32_t rows_max)
{
    uint32_t slots = 8;

    while (slots < 2 * rows_max)
        slots *= 2;
    return slots;
}

enum rc
row_cache_open(struct row_cache **cache_out, struct store_table *table,
               const struct row_format *format, uint32_t rows_max)
{
    uint32_t slots = slots_for(rows_max);
    struct row_cache *cache = calloc(1, sizeof *cache);

    invariant(rows_max > 0 && rows_max <= ROW_CACHE_ROWS_MAX);
    if (cache == NULL)
        return RC_NO_MEMORY;
    cache->table = table;
    cache->format = format;
    cache->rows_max = rows_max;
    cache->mask = slots - 1;
    cache->keys = calloc(slots, sizeof *cache->keys);
    cache->flags = calloc(slots, sizeof *cache->flags);
    cache->rows = calloc(slots, format->row_bytes);
    cache->changed = calloc(rows_max, sizeof *cache->changed);
    /* 8 bytes of getrandom() never block or fail once the machine is up. */
    if (getrandom(&cache->seed, sizeof cache->seed, 0) < 0)
        cache->seed = 0;
    if (cache->keys == NULL || cache->flags == NULL || cache->rows == NULL ||
        cache->changed == NULL) {
        row_cache_close(&cache);
        return RC_NO_MEMORY;
    }
    *cache_out = cache;
    return RC_OK;
}

void
row_cache_close(struct row_cache **cache_p)
{
    struct row_cache *cache = *cache_p;

    *cache_p = NULL;
    if (cache == NULL)
        return;
    free(cache->changed);
    free(cache->rows);
    free(cache->flags);
    free(cache->keys);
    free(cache);
}

static void *
row_at(struct row_cache *cache, uint32_t slot)
{
    return cache->rows + (size_t)slot * cache->format->row_bytes;
}

/* The slot that holds the key, or the free one where it would go. */
static uint32_t
slot_of(const struct row_cache *cache, uint64_t key)
{
    uint64_t mixed = (key ^ cache->seed) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t slot;

    mixed = (mixed ^ (mixed >> 32)) * UINT64_C(0xbf58476d1ce4e5b9);
    slot = (uint32_t)(mixed >> 32) & cache->mask;
    while (cache->keys[slot] != 0 && cache->keys[slot] != key)
        slot = (slot + 1) & cache->mask;
    return slot;
}

static void
forget_all(struct row_cache *cache)
{
    invariant(cache->changed_count == 0);
    memset(cache->keys, 0, ((size_t)cache->mask + 1) * sizeof *cache->keys);
    cache->used_count = 0;
}

/* A new slot for a key that is not there; makes room if there is none. */
static enum rc
slot_take(struct row_cache *cache, uint64_t key, uint32_t *slot_out)
{
    enum rc rc;

    if (cache->used_count == cache->rows_max) {
        rc = row_cache_write(cache);
        if (rc != RC_OK)
            return rc;
        forget_all(cache);
    }
    *slot_out = slot_of(cache, key);
    cache->keys[*slot_out] = key;
    cache->flags[*slot_out] = 0;
    cache->used_count++;
    return RC_OK;
}

enum rc
row_cache_get(struct row_cache *cache, uint64_t key, void *row_out)
{
    uint32_t slot = slot_of(cache, key);
    enum rc rc;

    invariant(key != 0);
    if (cache->keys[slot] == 0) {
        rc = row_get(cache->table, cache->format, key, row_out);
        if (rc != RC_OK && rc != RC_NOT_FOUND)
            return rc;
        bool found = rc == RC_OK;
        rc = slot_take(cache, key, &slot);
        if (rc != RC_OK)
            return rc;
        cache->flags[slot] = found ? ROW_PRESENT : 0;
        memcpy(row_at(cache, slot), row_out, cache->format->row_bytes);
    }
    memcpy(row_out, row_at(cache, slot), cache->format->row_bytes);
    return (cache->flags[slot] & ROW_PRESENT) != 0 ? RC_OK : RC_NOT_FOUND;
}

enum rc
row_cache_put(struct row_cache *cache, uint64_t key, const void *row)
{
    uint32_t slot = slot_of(cache, key);
    enum rc rc;

    invariant(key != 0);
    if (cache->keys[slot] == 0) {
        rc = slot_take(cache, key, &slot);
        if (rc != RC_OK)
            return rc;
    }
    memcpy(row_at(cache, slot), row, cache->format->row_bytes);
    if ((cache->flags[slot] & ROW_CHANGED) == 0)
        cache->changed[cache->changed_count++] = slot;
    cache->flags[slot] = ROW_PRESENT | ROW_CHANGED;
    return RC_OK;
}

enum rc
row_cache_write(struct row_cache *cache)
{
    uint32_t i, slot;
    enum rc rc;

    for (i = 0; i < cache->changed_count; i++) {
        slot = cache->changed[i];
        rc = row_put(cache->table, cache->format, cache->keys[slot],
                     row_at(cache, slot));
        if (rc != RC_OK)
            return rc;
        cache->flags[slot] = ROW_PRESENT;
    }
    cache->changed_count = 0;
    return RC_OK;
}
