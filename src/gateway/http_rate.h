/*
 * http_rate.h - how many requests one address may send: token buckets
 *
 * Each address has a bucket that holds one second's requests and fills
 * evenly; a request takes one out, and without one it is refused.  So a client
 * that was silent may send a second's worth at once.
 *
 * The table is fixed: RATE_BUCKETS addresses, in sets; a new address takes the
 * bucket of its set that was asked for least recently, and whose address then
 * begins with a full one again.  Whoever has thousands of addresses is limited
 * by http_connections, not by this.  An IPv6 client is its /64 network.
 *
 * Core.
 */
#ifndef GATEWAY_HTTP_RATE_H
#define GATEWAY_HTTP_RATE_H

#include "saga/base.h"

#define RATE_SETS 1024
#define RATE_WAYS 4
#define RATE_BUCKETS (RATE_SETS * RATE_WAYS)
#define RATE_MAX 1000000 /* requests per second */

struct rate_address {
    uint8_t octets[16];
};

struct rate_bucket {
    struct rate_address address;
    int64_t asked_us; /* 0: free */
    uint64_t millionths; /* of a request */
};

/* All zeros: nobody has asked. */
struct rate_table {
    struct rate_bucket buckets[RATE_SETS][RATE_WAYS];
};

/* From the address's octets in network order. */
struct rate_address rate_address_v4(const uint8_t octets[4]);
struct rate_address rate_address_v6(const uint8_t octets[16]);

/*
 * One request of that address, where per_s (1 to RATE_MAX) are allowed: 0, or
 * the seconds (1 or more) after which there will be one.  now_us (above 0) is
 * of a clock that does not go back; if it does, the bucket does not fill.
 */
uint32_t rate_take(struct rate_table *table,
                   const struct rate_address *address, uint64_t per_s,
                   int64_t now_us);

#endif
