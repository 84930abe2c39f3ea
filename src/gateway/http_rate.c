#include "gateway/http_rate.h"

#include <string.h>

#define REQUEST UINT64_C(1000000) /* in millionths */
#define SECOND_US INT64_C(1000000)

struct rate_address
rate_address_v4(const uint8_t octets[4])
{
    struct rate_address address = { .octets = { [10] = 0xff, [11] = 0xff } };

    memcpy(address.octets + 12, octets, 4);
    return address;
}

struct rate_address
rate_address_v6(const uint8_t octets[16])
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    struct rate_address address = { .octets = { 0 } };

    if (memcmp(octets, mapped, sizeof(mapped)) == 0)
        return rate_address_v4(octets + 12);
    memcpy(address.octets, octets, 8);
    return address;
}

/* FNV-1a, folded: who provokes collisions only frees his own set. */
static size_t
set_of(const struct rate_address *address)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < sizeof(address->octets); i++)
        hash = (hash ^ address->octets[i]) * UINT64_C(0x100000001b3);
    return (size_t)((hash ^ hash >> 32) % RATE_SETS);
}

/* The address's bucket, or the one it takes: then full. */
static struct rate_bucket *
bucket_of(struct rate_table *table, const struct rate_address *address,
          uint64_t full)
{
    struct rate_bucket *set = table->buckets[set_of(address)];
    struct rate_bucket *oldest = set;

    for (size_t i = 0; i < RATE_WAYS; i++) {
        if (set[i].asked_us != 0 &&
            memcmp(&set[i].address, address, sizeof(*address)) == 0)
            return &set[i];
        if (set[i].asked_us < oldest->asked_us)
            oldest = &set[i];
    }
    *oldest = (struct rate_bucket){ .address = *address, .millionths = full };
    return oldest;
}

static void
fill(struct rate_bucket *bucket, uint64_t per_s, int64_t now_us)
{
    int64_t passed_us = now_us - bucket->asked_us;

    if (passed_us <= 0)
        return;
    if (passed_us > SECOND_US)
        passed_us = SECOND_US;
    bucket->millionths += (uint64_t)passed_us * per_s;
    if (bucket->millionths > per_s * REQUEST)
        bucket->millionths = per_s * REQUEST;
    bucket->asked_us = now_us;
}

uint32_t
rate_take(struct rate_table *table, const struct rate_address *address,
          uint64_t per_s, int64_t now_us)
{
    struct rate_bucket *bucket;
    uint64_t wait_us;

    invariant(per_s >= 1 && per_s <= RATE_MAX && now_us > 0);
    bucket = bucket_of(table, address, per_s * REQUEST);
    fill(bucket, per_s, now_us);
    if (bucket->millionths >= REQUEST) {
        bucket->millionths -= REQUEST;
        return 0;
    }
    wait_us = (REQUEST - bucket->millionths + per_s - 1) / per_s;
    return (uint32_t)((wait_us + SECOND_US - 1) / SECOND_US);
}
