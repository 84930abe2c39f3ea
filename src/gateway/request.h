/*
 * request.h - what the http thread asks of the store thread, and its answer
 *
 * The threads share nothing but mailboxes of requests.  A request is made
 * and freed by the http thread; between mailbox_post() and the answer it
 * belongs to the store thread, which fills `outcome` and the answer's fields
 * and never blocks for it.  A request's answer comes only when everything it
 * promises is on disk.  Those of kind REQUEST_PARKED_* go to the door's thread
 * (gateway_door.h) in the same manner.
 *
 * `rows` of lists are malloc'ed by the store thread and freed by the http
 * thread with request_fini().
 */
#ifndef GATEWAY_REQUEST_H
#define GATEWAY_REQUEST_H

#include "gateway/gateway_rows.h"
#include "gateway/order_line.h"
#include "saga/participant.h"

#define LIST_ROWS_DEFAULT 100
#define LIST_ROWS_MAX 1000
/* Rows that one filtered list may look at.  A page may so be short (or even
 * empty) while `more` is set: the client follows its Link. */
#define LIST_SCAN_MAX 5000
/* The same through an index, where each row is looked up: an order that is
 * placed meanwhile waits for the page. */
#define LIST_LOOKUP_MAX 1000

/* Of an Idempotency-Key: so many visible characters, at least one. */
#define IDEMPOTENCY_KEY_BYTES_MAX 255

enum request_kind {
    REQUEST_NONE = 0,
    REQUEST_ORDER_PLACE,      /* user, product, quantity, key -> order,
                                 change_next                                  */
    REQUEST_ORDER_BATCH,      /* lines, each as ORDER_PLACE -> lines          */
    REQUEST_ORDER_GET,        /* order_id -> order, parked                    */
    REQUEST_ORDER_CANCEL,     /* order_id -> order                            */
    REQUEST_ORDER_LIST,       /* query -> orders[]                            */
    REQUEST_ORDER_STREAM,     /* query, change_after -> struct change[]       */
    REQUEST_ORDER_WATCH,      /* order_id -> order, change_next               */
    REQUEST_TRANSACTION_STREAM, /* as ORDER_STREAM                            */
    REQUEST_CHANGED,          /* from the store, unasked: rows as above       */
    REQUEST_PRODUCT_LIST,     /* query -> products[]                          */
    REQUEST_PRODUCT_GET,      /* product -> amount                            */
    REQUEST_PRODUCT_PUT,      /* product, amount -> created                   */
    REQUEST_USER_OPEN,        /* user, amount -> user_row                     */
    REQUEST_USER_CREDIT,      /* user, amount, credit -> credit               */
    REQUEST_USER_FREEZE,      /* user -> user_row                             */
    REQUEST_USER_THAW,        /* user -> user_row                             */
    REQUEST_USER_GET,         /* user -> user_row                             */
    REQUEST_USER_LIST,        /* query -> users[]                             */
    REQUEST_TRANSACTION_GET,  /* transaction_id -> transaction                */
    REQUEST_TRANSACTION_LIST, /* query -> transactions[]                      */
    REQUEST_METRICS,          /* -> metrics                                   */
    REQUEST_STATUS,           /* -> metrics                                   */
    REQUEST_PARKED_LIST,      /* -> text; the door's, see gateway_door.h      */
    REQUEST_PARKED_REDRIVE,   /* participant, number -> redriven, ...         */
    REQUEST_PARKED_DROP,      /* the same                                     */
    REQUEST_KIND_COUNT
};

enum request_outcome {
    REQUEST_PENDING = 0,
    REQUEST_DONE,
    REQUEST_CATALOGUE_FULL, /* PRODUCT_PUT: 409                               */
    REQUEST_NO_PRODUCT,   /* ORDER_PLACE: 404                                 */
    REQUEST_NO_ROW,       /* *_GET: 404                                       */
    REQUEST_CONFLICT,     /* USER_OPEN of a user that there is: 409           */
    REQUEST_TOO_LARGE,    /* price x quantity leaves the range of money: 422  */
    REQUEST_NO_USER,      /* USER_CREDIT, _FREEZE, _THAW: 404                 */
    REQUEST_NO_CREDIT,    /* USER_CREDIT: an id of ours that we never gave    */
    REQUEST_KEY_CONFLICT, /* ORDER_PLACE: the key is another order's, see
                             field: 422                                       */
    REQUEST_ENDED,        /* ORDER_CANCEL: the order can't be cancelled any
                             more, see order.status: 409                      */
    REQUEST_BACKLOG,      /* too many events wait for the broker: 503         */
    REQUEST_DISK,         /* too little space is left for our store: 503      */
    REQUEST_SILENT,       /* PARKED_*: a participant does not answer, see
                             participant; "": nobody knows who there is: 503  */
    REQUEST_REFUSED,      /* PARKED_REDRIVE: refused again, still parked: 409 */
    REQUEST_FAILED        /* the store failed; the process is about to end    */
};

/* A page of a list.  after: the id behind which it starts, 0 for none (in
 * descending order: below which). */
struct request_query {
    uint32_t limit; /* 1..LIST_ROWS_MAX */
    uint64_t after;
    bool descending;
    struct user_id user;      /* 0: all   */
    enum order_status status; /* 0: all   */
    uint32_t latest;          /* of a stream: told at once; 0: all */
};

#define PIPELINE_PROCESSES_MAX (BUS_STATUS_REPORTS_MAX + 4)

/* How the whole pipeline stands, as far as the gateway knows. */
struct gateway_metrics {
    int64_t now_us;
    uint64_t orders[ORDER_STATUS_COUNT];  /* reached, since the store began */
    uint64_t refusals[REFUSAL_COUNT];     /* failed orders, by reason       */
    uint64_t open;                        /* orders that have not ended     */
    int64_t oldest_open_us; /* when the oldest of them was placed; 0: there
                               is none, or it was not found yet             */
    struct histogram saga_us; /* from placed to ended, since the start      */
    uint64_t users;
    uint64_t transactions;
    uint64_t parked_orders;
    char name[PRODUCER_NAME_BYTES]; /* ours                                 */
    struct report report;           /* of ourselves, as of now              */
    int64_t status_age_us; /* of what the broker told last; -1: it never did */
    struct bus_status status;
    bool lives[PIPELINE_PROCESSES_MAX]; /* at our home, by pipeline_view's
                                           row; asked of those not up       */
};

struct request {
    struct request *next; /* the mailbox's */
    enum request_kind kind;
    enum request_outcome outcome;

    /* asked */
    struct order_id order_id;
    struct user_id user;
    struct product_id product;
    struct transaction_id transaction_id;
    int64_t quantity;
    struct money amount;
    struct credit_id credit; /* 0: none was given */
    struct request_query query;
    uint64_t change_after;    /* CHANGES_NOW, or the last that is known */
    struct order_line *lines; /* the http thread's */
    uint32_t lines_count;
    char traceparent[TRACEPARENT_BYTES];    /* "" or valid                  */
    char key[IDEMPOTENCY_KEY_BYTES_MAX + 1]; /* "": none                     */
    char participant[PRODUCER_NAME_BYTES];   /* PARKED_*: whose              */
    uint64_t number;                         /* PARKED_*: which              */

    /* answered */
    struct order_row order;
    char trace[TRACEPARENT_BYTES]; /* ORDER_GET: what it came with, or "" */
    bool created;             /* PRODUCT_PUT: it is new                    */
    bool replayed;            /* the key's order, placed before            */
    const char *field;        /* REQUEST_KEY_CONFLICT: what differs first  */
    uint32_t retry_s;         /* with a 503: worth a try after; 0: unknown */
    struct parked_row parked; /* order 0: none is          */
    struct user_row user_row;
    struct transaction_row transaction;
    struct gateway_metrics *metrics; /* malloc'ed, as the lists   */
    char *text;                      /* malloc'ed JSON            */
    uint64_t redriven;               /* events that were handled now   */
    uint64_t parked_count;           /* that the participant still has */
    void *rows;                      /* of the kind's row struct  */
    uint32_t rows_count;
    bool more;           /* there is a next page ...              */
    uint64_t more_after; /* ... which starts behind this id       */
    uint64_t change_first; /* number with which the rows begin   */
    uint64_t change_next; /* number behind what the answer covers */
    bool change_gap;      /* what follows change_after is kept no more: the
                             rows begin later                     */

    bool look;    /* the http thread's: asked by http_waiters.c, no owner  */
    void *stream; /* the http thread's: who asked for a page; NULL: owner  */
    void *owner; /* the http thread's: its connection */
};

/* True if the order belongs into the list, or stream, that is asked for. */
bool request_takes_order(const struct request_query *query,
                         const struct order_row *order);

/* Frees what the store thread allocated for the answer; not the request. */
void request_fini(struct request *request);

/*
 * A mailbox: many requests are posted at once, all waiting are taken at once,
 * and the taker's descriptor is written only when it was empty.  One poster,
 * one taker.
 */
struct mailbox;

/* RC_IO if there is no descriptor left. */
MUST_USE enum rc mailbox_new(struct mailbox **mailbox_out);
void mailbox_destroy(struct mailbox **mailbox_p);
/* Readable (eventfd) while requests wait. */
int mailbox_fd(const struct mailbox *mailbox);
/* Posts the chain first..last (linked by next, in order). */
void mailbox_post(struct mailbox *mailbox, struct request *first,
                  struct request *last);
/* Takes the whole chain that waits, in order; NULL if there is none.  Clears
 * the descriptor. */
struct request *mailbox_take(struct mailbox *mailbox);

#endif
