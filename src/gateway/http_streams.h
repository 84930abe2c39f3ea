/*
 * http_streams.h - all streams of the http thread (http_stream.h)
 *
 * Private to http_stream.c (one stream: what it tells) and http_streams.c
 * (all of them: who is woken, and when), and a member of gateway_http.
 */
#ifndef GATEWAY_HTTP_STREAMS_H
#define GATEWAY_HTTP_STREAMS_H

#include "gateway/http_deadline.h"
#include "gateway/http_ring.h"

#define STREAM_WAVE_US 50000
#define STREAM_WAVE_BYTES (2u << 20) /* told in one wave, by all together  */
#define STREAM_TURN_RESUMES 64       /* in one turn of the http thread     */
/* The library asks for more of a stream whose client can take it within so many
 * turns of the http thread. */
#define STREAM_TURNS_OURS 4
#define STREAM_BUCKETS 1024
#define STREAM_TEXT_BYTES 1024

_Static_assert(RING_TEXT_BYTES <= STREAM_TEXT_BYTES, "every event fits");

struct exchange;
struct gateway_http;

struct stream {
    struct stream *previous; /* in all */
    struct stream *next;
    struct stream *bucket_next;  /* of those with a user or an order */
    struct stream *pending_next;
    struct gateway_http *http;
    struct exchange *exchange;
    enum request_kind kind;
    struct request_query query;
    struct order_id order; /* ORDER_WATCH ...                  */
    struct order_row told; /* ... as it was told the last time */
    bool narrow;    /* it has a bucket                                  */
    bool pending;   /* it is in the list of those to be resumed         */
    bool suspended;
    bool catching;
    bool asking;    /* the store has the page                           */
    bool unread;    /* narrow: something may be at the cursor or behind */
    bool woken;     /* since `latest` was looked at                     */
    bool alive_due;
    bool late;      /* its client let the library wait, since it slept  */
    bool ends;
    uint64_t cursor; /* number of the next change to tell, or to pass   */
    uint64_t turn;   /* when the library asked last, or it was resumed  */
    struct request *page;
    uint32_t page_at;
    struct deadline beat;
    char text[STREAM_TEXT_BYTES]; /* goes before all else */
    size_t text_used;
    size_t text_at;
};

struct streams {
    struct stream *all;
    size_t count;
    size_t listeners; /* streams, and who else wants changes */
    size_t narrow;
    struct stream *buckets[STREAM_BUCKETS];
    struct stream *pending_first;
    struct stream *pending_last;
    struct deadline_list beats;
    struct ring ring;
    uint64_t turn;      /* of the http thread                 */
    int64_t wave_us;    /* when the last one began            */
    uint64_t wave_next; /* ring.next then                     */
    size_t wave_left;   /* bytes that it may still tell       */
};

/* True if the change belongs into the stream. */
bool stream_takes(const struct stream *stream, const struct change *change);
/* To be resumed with the next wave. */
void stream_pend(struct stream *stream);
/* Resumes it now. */
void stream_wake(struct stream *stream);
/* Into, and out of, the lists of all. */
void streams_add(struct stream *stream);
void streams_remove(struct stream *stream);

#endif
