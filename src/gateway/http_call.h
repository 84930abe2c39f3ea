/*
 * http_call.h - one request over HTTP, as the handlers see it
 *
 * A call is what stands between a route's two functions and the connection:
 * prepare() reads it, reply() writes its answer, and neither knows of
 * libmicrohttpd.
 *
 * An answer that fits lies in call->small; a larger one (a list, the metrics)
 * in memory of its own, asked for with http_call_room() and given away with
 * the answer.
 */
#ifndef GATEWAY_HTTP_CALL_H
#define GATEWAY_HTTP_CALL_H

#include "gateway/http_headers.h"
#include "gateway/http_route.h"

#define HTTP_TARGET_BYTES 1024 /* path and query of a request, with NUL */
#define HTTP_SMALL_BYTES 4096
#define HTTP_STATUS_COUNT 600
#define HTTP_RETRY_S 1 /* Retry-After with every 503 that knows no better */
#define HTTP_LOCATION_BYTES 48
#define HTTP_LINK_BYTES 256

/* What a handler may know of the world. */
struct http_facts {
    const char *currency;
    const char *url;     /* where we listen, "http://127.0.0.1:9192" */
    int64_t started_us;  /* since 1970                               */
    bool bus_up;
    bool draining;
    uint64_t replies[HTTP_STATUS_COUNT]; /* sent, by status          */
};

struct http_asset;

struct http_call {
    const struct http_facts *facts;
    const struct http_route *route; /* NULL until found, or none     */
    struct request *request;        /* NULL where the store isn't asked */
    struct http_headers headers;

    char path[HTTP_TARGET_BYTES];  /* decoded */
    char query[HTTP_TARGET_BYTES]; /* as it came, without '?' */
    uint64_t id;                   /* of the path, 0 if it has none */
    const char *body;
    size_t body_bytes;

    struct problem problem; /* once it is set, it is the answer */

    unsigned status;
    const char *media_type;
    struct text_writer text;
    char *large; /* malloc'ed: what text writes into, else NULL */
    char location[HTTP_LOCATION_BYTES]; /* "": none */
    char link[HTTP_LINK_BYTES];         /* "": none */
    char allow[ROUTE_ALLOW_BYTES];      /* "": none */
    uint32_t retry_s; /* Retry-After, with 503 and 429  */
    uint32_t wait_s;  /* Preference-Applied: wait=N; 0: not  */
    bool replayed;    /* Idempotency-Replayed: true     */
    const struct http_asset *asset; /* the answer, in place of text; NULL */
    char small[HTTP_SMALL_BYTES];
};

_Static_assert(PROBLEM_TEXT_BYTES_MAX <= HTTP_SMALL_BYTES,
               "every problem must fit into a small answer");

/* The one table of what there is. */
extern const struct http_route http_routes[];
extern const size_t http_routes_count;

/* Makes the call new; *facts must outlive it. */
void http_call_init(struct http_call *call, const struct http_facts *facts);

/* Splits and decodes the request's target ("/orders?limit=3", also with
 * "http://authority" before it) into path and query, or sets the problem. */
void http_call_target(struct http_call *call, const char *target,
                      size_t bytes);

/* Finds the route of the path, or sets the problem. */
void http_call_route(struct http_call *call, const char *method);

/* Says what is wrong in place of what was found before: who may not ask is
 * told nothing else. */
void http_call_refuse(struct http_call *call, enum problem_type type,
                      const char *field, const char *detail);

/* With the body complete: checks it and fills call->request, which is zeroed
 * and NULL only if the route's kind is REQUEST_NONE. */
void http_call_prepare(struct http_call *call);

/* A refusal of the store's or the door's, call->request->outcome, as a
 * problem. */
void http_call_outcome(struct http_call *call);

/* Writes the answer: the route's, by call->request's outcome, or the problem.
 * Afterwards status, media_type, text and the headers are set. */
void http_call_reply(struct http_call *call);

/* Makes room for an answer of up to `bytes`; false, with PROBLEM_MEMORY set,
 * if there is none. */
MUST_USE bool http_call_room(struct http_call *call, size_t bytes);

/* Frees what the call owns: the large answer, if it was not given away. */
void http_call_fini(struct http_call *call);

#endif
