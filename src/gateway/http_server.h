/*
 * http_server.h - the http thread's own state, shared by its files
 *
 *   gateway_http.c   the thread: its loop, its answers, its deadlines
 *   http_exchange.c  one request's life between libmicrohttpd and a call
 *   http_reply.c     the reply's headers, and its end
 *   http_admit.c     who is let in, from the head alone
 *   http_batch.c     one request with many orders
 *   http_stream.c    one stream of changes; http_streams.c: all of them
 *   http_waiters.c   Prefer: wait=N
 *   http_pool.c      exchanges, requests and peers, reused
 *
 *   exchange  one HTTP request, from its first line to the end of its reply
 *   request   what the store is asked for it (request.h)
 *   peer      one connection
 *
 * An exchange's life:
 *
 *   HEAD -> BODY -> WAITING -> RESUMED -> REPLIED -> (free)
 *     |       |                               ^
 *     +-------+------ refused, or no store ---+
 *
 * Only in WAITING is the connection suspended, and only there is it resumed,
 * once; a reply that is told bit by bit (http_batch.h) is also suspended and
 * resumed within REPLIED.  A request whose exchange gave up (deadline) has
 * owner NULL: it still belongs to the store thread and goes back to the pool
 * when its answer comes.
 *
 * Only the http thread touches any of this.
 */
#ifndef GATEWAY_HTTP_SERVER_H
#define GATEWAY_HTTP_SERVER_H

#include <microhttpd.h>
#include <pthread.h>

#include "gateway/gateway_door.h"
#include "gateway/gateway_http.h"
#include "gateway/http_auth.h"
#include "gateway/http_deadline.h"
#include "gateway/http_listener.h"
#include "gateway/http_rate.h"
#include "gateway/http_streams.h"
#include "gateway/http_waiters.h"

#define HTTP_BODY_SMALL_BYTES 1024 /* larger bodies have memory of their own  */
/* The library's memory of one connection, which the heads of a request and of
 * its reply share: config->http_header and so much more, of which the reply's
 * head and a piece of its body need ... */
#define HTTP_MEMORY_BEYOND_BYTES 8192
#define HTTP_REPLY_ROOM_BYTES 2048
#define HTTP_PART_BYTES 64         /* a header, cookie or parameter takes     */
#define HTTP_READ_AHEAD_BYTES 2048 /* behind a head, at most, or half of all  */
#define HTTP_GRACE_US 10000000    /* for a request's first line, beyond
                                     config->http_timeout                     */
#define HTTP_SLOW_US 1000000      /* an answer that took longer is logged     */
#define HTTP_LOG_LINES_MAX 10     /* per second, of one kind                  */
#define HTTP_STOP_US 2000000      /* to send the last replies                 */
#define HTTP_ENDS_MAX 64          /* peers' ends seen in one turn             */
/* Requests under way per connection; more than one only where exchanges gave
 * up on a store that does not answer. */
#define HTTP_REQUESTS_PER_CONNECTION 4

enum exchange_state {
    EXCHANGE_HEAD = 1,
    EXCHANGE_BODY,
    EXCHANGE_WAITING,
    EXCHANGE_RESUMED,
    EXCHANGE_REPLIED
};

struct peer {
    struct peer *next_free;
    struct deadline idle;  /* until a request's first line is complete */
    struct deadline phase; /* the rest of it; its reply: each must end */
    struct deadline end;   /* it sends no more: the library is to be told */
    struct stream *stream; /* NULL: it is told none */
    int fd;
};

/* Of the library's memory. */
struct head_size {
    size_t bytes;       /* of the head, as it came                     */
    size_t parts_bytes; /* of its headers, cookies and parameters, too */
};

struct exchange {
    struct exchange *next_free;
    enum exchange_state state;
    bool answered; /* by the store: it was resumed */
    bool headless; /* HEAD: its reply has no body  */
    struct gateway_http *http;
    struct MHD_Connection *connection;
    struct peer *peer; /* NULL if there was no memory for it */
    struct deadline wait; /* for the store */
    int64_t begun_us;
    const char *target;     /* in the library's head; NULL: there is none */
    const char *target_end; /* as it came: the query is cut off later     */
    bool listens;          /* streams_listen() was called for it */
    struct exchange *waiter_next; /* in its bucket (http_waiters.h) */
    struct request *placed; /* its answer, while call.request asks how the
                               order stands; NULL: it does not */
    struct stream *stream; /* NULL: it is none */
    struct batch *batch; /* NULL: it is none */
    size_t batch_charged; /* in gateway_http's batch_bytes, until the batch
                             has it */
    char *body; /* body_small, or malloc'ed */
    size_t body_size;
    size_t body_used;
    struct http_call call;
    char body_small[HTTP_BODY_SMALL_BYTES];
};

/* Lines logged in this second. */
struct http_log {
    int64_t second;
    unsigned lines;
};

struct request_slab;

struct http_pool {
    struct exchange *exchanges;
    struct peer *peers;
    struct request *requests;
    struct request_slab *slabs;
    size_t requests_count; /* made */
    size_t requests_max;
};

struct gateway_http {
    const struct config *config;
    struct mailbox *requests;
    struct mailbox *answers;
    struct gateway_shared *shared;
    struct gateway_door *door; /* answers REQUEST_PARKED_* */
    bool door_answered;        /* something is there to be taken */
    struct MHD_Daemon *daemon;
    int listen_fd; /* -1 once it was quiesced */
    int epoll_fd;  /* libmicrohttpd's */
    int ends_fd;   /* epoll of ours: peers that send no more */
    pthread_t thread;
    bool started;
    bool stopping; /* no request goes to the store any more */
    char url[HTTP_URL_BYTES];

    struct http_facts facts;
    struct auth auth;
    struct rate_table rates;
    struct http_pool pool;
    int64_t now_us; /* monotonic, of this turn */
    int64_t grace_us; /* HTTP_GRACE_US; tests take less */
    struct request *first; /* gathered in this turn */
    struct request *last;
    struct deadline_list waits;
    struct deadline_list idles;  /* each http_timeout and grace_us */
    struct deadline_list phases; /* each http_request_time         */
    struct deadline_list ends;
    struct streams streams;
    struct waiters waiters;
    struct batch *batches; /* all of them, also those without an exchange */
    size_t batch_bytes;    /* of their large bodies, and of those that come */
    bool batches_yield;    /* some go on in the next turn, whatever comes  */
    size_t replies_open; /* queued, not yet sent */
    bool closed_some;    /* connections, in this run of the library */

    struct http_log request_log; /* what we say about requests    */
    struct http_log library_log; /* what libmicrohttpd says       */
};

/* NULL if there is no memory; a request also if requests_max are under way. */
struct exchange *http_pool_exchange(struct http_pool *pool);
void http_pool_give_exchange(struct http_pool *pool,
                             struct exchange *exchange);
struct peer *http_pool_peer(struct http_pool *pool);
void http_pool_give_peer(struct http_pool *pool, struct peer *peer);
/* Zeroed. */
struct request *http_pool_request(struct http_pool *pool);
/* Frees what the store attached. */
void http_pool_give_request(struct http_pool *pool, struct request *request);
/* Frees all, also requests that never came back. */
void http_pool_fini(struct http_pool *pool);

/* libmicrohttpd's four callbacks (see its manual); cls is the gateway_http. */
void *exchange_on_target(void *cls, const char *target,
                         struct MHD_Connection *connection);
enum MHD_Result exchange_on_access(void *cls, struct MHD_Connection *connection,
                                   const char *url, const char *method,
                                   const char *version, const char *body,
                                   size_t *body_bytes, void **context);
void exchange_on_completed(void *cls, struct MHD_Connection *connection,
                           void **context,
                           enum MHD_RequestTerminationCode how);
void exchange_on_connection(void *cls, struct MHD_Connection *connection,
                            void **context,
                            enum MHD_ConnectionNotificationCode what);

/* Notes every header of the complete head in call.headers, and how its lines
 * ended.  Method and version as the library has them: in place. */
struct head_size exchange_note_head(struct exchange *exchange,
                                    const char *method, const char *version);
/* Sets PROBLEM_HEAD_SIZE if the head is larger than config->http_header, or,
 * with its parts, leaves the library no memory for a reply. */
void exchange_check_head(const struct exchange *exchange,
                         struct head_size size, struct problem *problem);
/* Finds the route.  False, with the problem set, if the client sends too much
 * or may not ask this. */
bool exchange_admit(struct exchange *exchange, const char *method);

/* Posts a request to the store with the others of this turn. */
void http_ask_store(struct gateway_http *http, struct request *request);

/* For a reply that is told bit by bit, from its reader: there is nothing to
 * tell yet, and what comes is waited for, at most config->reply_timeout. */
void exchange_wait(struct exchange *exchange);
/* ... the same without a limit. */
void exchange_sleep(struct exchange *exchange);
/* ... there is: its reader is called in the next MHD_run(). */
void exchange_go_on(struct exchange *exchange);
/* A request or a reply begins, or goes on: its time runs from now. */
void exchange_went_on(struct exchange *exchange);

/* Answers: what http_call_reply() writes; the results of a batch. */
enum MHD_Result exchange_reply(struct exchange *exchange);
enum MHD_Result exchange_reply_batch(struct exchange *exchange);

/* The store has answered: the connection goes on in the next MHD_run(). */
void exchange_answered(struct exchange *exchange);
/* It has not and will be waited for no more: the request is left to the store
 * thread.  503, or the order as it was placed. */
void exchange_give_up(struct exchange *exchange, enum problem_type why);

/* config->http_timeout as the library wants it. */
unsigned http_timeout_s(const struct config *config);

/* True if one more line of this kind may be logged in this second. */
bool http_may_log(const struct gateway_http *http, struct http_log *log);

#endif
