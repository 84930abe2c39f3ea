#include "broker/batch_cache.h"

#include <stdlib.h>
#include <string.h>

#define CHAINS BATCH_CACHE_ITEMS
#define ITEM_NONE UINT32_MAX

_Static_assert((BATCH_CACHE_ITEMS & (BATCH_CACHE_ITEMS - 1)) == 0,
               "places are found by masking");

struct item {
    uint64_t base_offset;
    uint32_t owner;
    uint32_t count;
    size_t position; /* in bytes[] */
    size_t bytes_count;
    uint32_t next; /* in its chain */
};

/* Items and octets are rings: both are taken and given back in one order. */
struct batch_cache {
    uint8_t *bytes;
    size_t bytes_max;
    size_t position;   /* where the next batch goes, if it fits there */
    uint32_t oldest;   /* place of the first item                     */
    uint32_t count;
    uint32_t owner_last;
    struct item items[BATCH_CACHE_ITEMS];
    uint32_t chains[CHAINS];
};

enum rc
batch_cache_new(struct batch_cache **cache_out, size_t bytes_max)
{
    struct batch_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL)
        return RC_NO_MEMORY;
    cache->bytes_max = bytes_max;
    cache->bytes = malloc(bytes_max); /* resident as far as it is used */
    memset(cache->chains, 0xff, sizeof(cache->chains));
    if (cache->bytes == NULL) {
        batch_cache_destroy(&cache);
        return RC_NO_MEMORY;
    }
    *cache_out = cache;
    return RC_OK;
}

void
batch_cache_destroy(struct batch_cache **cache_p)
{
    if (*cache_p != NULL)
        free((*cache_p)->bytes);
    free(*cache_p);
    *cache_p = NULL;
}

uint32_t
batch_cache_owner(struct batch_cache *cache)
{
    return ++cache->owner_last;
}

static uint32_t
chain_of(uint32_t owner, uint64_t base_offset)
{
    uint64_t mixed = (base_offset + owner * UINT64_C(0xbf58476d1ce4e5b9)) *
                     UINT64_C(0x9e3779b97f4a7c15);

    return (uint32_t)(mixed >> 32) & (CHAINS - 1);
}

static uint32_t
find(const struct batch_cache *cache, uint32_t owner, uint64_t base_offset)
{
    uint32_t i = cache->chains[chain_of(owner, base_offset)];

    while (i != ITEM_NONE && (cache->items[i].base_offset != base_offset ||
                              cache->items[i].owner != owner))
        i = cache->items[i].next;
    return i;
}

bool
batch_cache_find(const struct batch_cache *cache, uint32_t owner,
                 uint64_t base_offset, struct batch_cached *cached_out)
{
    uint32_t i = find(cache, owner, base_offset);

    if (i == ITEM_NONE)
        return false;
    *cached_out = (struct batch_cached){
        cache->bytes + cache->items[i].position,
        cache->items[i].bytes_count,
        cache->items[i].count,
    };
    return true;
}

static void
drop_oldest(struct batch_cache *cache)
{
    const struct item *item = &cache->items[cache->oldest];
    uint32_t *link = &cache->chains[chain_of(item->owner, item->base_offset)];

    while (*link != cache->oldest)
        link = &cache->items[*link].next;
    *link = item->next;
    cache->oldest = (cache->oldest + 1) & (BATCH_CACHE_ITEMS - 1);
    cache->count--;
}

/* Gives up the batches from there on that are in the way of so many octets:
 * those in front of the writing position are the oldest ones. */
static void
make_room(struct batch_cache *cache, size_t from, size_t bytes)
{
    while (cache->count > 0 && cache->items[cache->oldest].position >= from &&
           cache->items[cache->oldest].position < from + bytes)
        drop_oldest(cache);
}

static size_t
take_bytes(struct batch_cache *cache, size_t bytes)
{
    size_t position;

    if (cache->bytes_max - cache->position < bytes) {
        make_room(cache, cache->position, cache->bytes_max - cache->position);
        cache->position = 0;
    }
    position = cache->position;
    make_room(cache, position, bytes);
    cache->position += bytes;
    return position;
}

void
batch_cache_put(struct batch_cache *cache, uint32_t owner,
                uint64_t base_offset, const struct batch_cached *batch)
{
    uint32_t i, *chain = &cache->chains[chain_of(owner, base_offset)];
    size_t position;

    if (batch->bytes_count > cache->bytes_max / BATCH_CACHE_PART ||
        find(cache, owner, base_offset) != ITEM_NONE)
        return;
    position = take_bytes(cache, batch->bytes_count);
    if (cache->count == BATCH_CACHE_ITEMS)
        drop_oldest(cache);
    i = (cache->oldest + cache->count++) & (BATCH_CACHE_ITEMS - 1);
    memcpy(cache->bytes + position, batch->bytes, batch->bytes_count);
    cache->items[i] = (struct item){
        base_offset, owner, batch->count, position, batch->bytes_count, *chain,
    };
    *chain = i;
}
