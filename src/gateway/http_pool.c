#include <stdlib.h>
#include <string.h>

#include "gateway/http_server.h"

#define SLAB_REQUESTS 64

/* Requests are made by the slab and never freed singly, so that at the end
 * even those are found that the store thread never gave back. */
struct request_slab {
    struct request_slab *next;
    struct request requests[SLAB_REQUESTS];
};

struct exchange *
http_pool_exchange(struct http_pool *pool)
{
    struct exchange *exchange = pool->exchanges;

    if (exchange == NULL)
        return malloc(sizeof(*exchange));
    pool->exchanges = exchange->next_free;
    return exchange;
}

void
http_pool_give_exchange(struct http_pool *pool, struct exchange *exchange)
{
    exchange->next_free = pool->exchanges;
    pool->exchanges = exchange;
}

struct peer *
http_pool_peer(struct http_pool *pool)
{
    struct peer *peer = pool->peers;

    if (peer == NULL)
        return malloc(sizeof(*peer));
    pool->peers = peer->next_free;
    return peer;
}

void
http_pool_give_peer(struct http_pool *pool, struct peer *peer)
{
    peer->next_free = pool->peers;
    pool->peers = peer;
}

static void
make_requests(struct http_pool *pool)
{
    struct request_slab *slab;

    if (pool->requests_count >= pool->requests_max)
        return;
    slab = calloc(1, sizeof(*slab));
    if (slab == NULL)
        return;
    slab->next = pool->slabs;
    pool->slabs = slab;
    pool->requests_count += SLAB_REQUESTS;
    for (size_t i = 0; i < SLAB_REQUESTS; i++) {
        slab->requests[i].next = pool->requests;
        pool->requests = &slab->requests[i];
    }
}

struct request *
http_pool_request(struct http_pool *pool)
{
    struct request *request;

    if (pool->requests == NULL)
        make_requests(pool);
    request = pool->requests;
    if (request == NULL)
        return NULL;
    pool->requests = request->next;
    memset(request, 0, sizeof(*request));
    return request;
}

void
http_pool_give_request(struct http_pool *pool, struct request *request)
{
    request_fini(request);
    request->next = pool->requests;
    pool->requests = request;
}

void
http_pool_fini(struct http_pool *pool)
{
    while (pool->exchanges != NULL) {
        struct exchange *exchange = pool->exchanges;

        pool->exchanges = exchange->next_free;
        free(exchange);
    }
    while (pool->peers != NULL) {
        struct peer *peer = pool->peers;

        pool->peers = peer->next_free;
        free(peer);
    }
    while (pool->slabs != NULL) {
        struct request_slab *slab = pool->slabs;

        pool->slabs = slab->next;
        for (size_t i = 0; i < SLAB_REQUESTS; i++)
            request_fini(&slab->requests[i]);
        free(slab);
    }
    pool->requests = NULL;
}
