/*
 * http_headers.h - what we read of a request's head, and what we refuse
 *
 * libmicrohttpd lets through what a proxy may read differently (request
 * smuggling): any Transfer-Encoding, a repeated Content-Length, a missing
 * Host.  Whoever sends that gets 400 and a closed connection.
 *
 * The values that are kept as they came (key, authorization) point into the
 * caller's memory, which must live as long.
 *
 * Pure: functions of their arguments.
 */
#ifndef GATEWAY_HTTP_HEADERS_H
#define GATEWAY_HTTP_HEADERS_H

#include "gateway/http_problem.h"
#include "gateway/request.h"
#include "saga/event.h"

struct http_headers {
    uint64_t body_bytes;     /* Content-Length */
    unsigned hosts;
    const char *host;        /* as key */
    size_t host_bytes;
    const char *origin;      /* as key */
    size_t origin_bytes;
    unsigned lengths;
    unsigned types;
    unsigned keys;           /* Idempotency-Key                   */
    const char *key;         /* the last one ...                  */
    size_t key_bytes;        /* ... NULL or not NUL-terminated    */
    unsigned authorizations;
    const char *authorization; /* as key */
    size_t authorization_bytes;
    const char *known_tags;  /* If-None-Match, as key */
    size_t known_tags_bytes;
    bool gzip;               /* Accept-Encoding has it            */
    unsigned lasts;          /* Last-Event-ID                     */
    uint64_t last;           /* the last one                      */
    bool last_malformed;
    bool encoded;            /* there is a Transfer-Encoding      */
    bool line_end_bare;      /* a line ended with LF alone, or has a CR
                                or a NUL */
    bool name_malformed;     /* "Content-Length : 3", as some read it */
    bool length_malformed;
    bool json;               /* Content-Type is application/json  */
    bool ndjson;             /* ... application/x-ndjson          */
    bool compressed;         /* Content-Encoding is not identity  */
    uint32_t wait_s;         /* Prefer: wait=N, 0: not            */
    unsigned traces;         /* traceparent                       */
    char traceparent[TRACEPARENT_BYTES]; /* "" or valid */
};

void http_headers_init(struct http_headers *headers);

/* One header of the request. */
void http_headers_note(struct http_headers *headers, const char *name,
                       size_t name_bytes, const char *value,
                       size_t value_bytes);

/*
 * Copies the Idempotency-Key into key_out, "" if none was sent; PROBLEM_KEY if
 * it is repeated, or not of 1 to IDEMPOTENCY_KEY_BYTES_MAX characters from '!'
 * to '~'.
 */
void http_headers_key(const struct http_headers *headers,
                      char key_out[IDEMPOTENCY_KEY_BYTES_MAX + 1],
                      struct problem *problem);

/*
 * Sets PROBLEM_FRAMING or PROBLEM_BODY_SIZE if the connection can't go on
 * behind this request.  version: as in the request line, "HTTP/1.1".
 */
void http_headers_check(const struct http_headers *headers,
                        const char *version, uint64_t body_max,
                        struct problem *problem);

#endif
