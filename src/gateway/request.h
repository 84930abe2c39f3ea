/*
 * request.h - what the http thread asks of the store thread, and its answer
 *
 * The two threads share nothing but mailboxes of requests.  A request is made
 * and freed by the http thread; between mailbox_post() and the answer it
 * belongs to the store thread, which fills `outcome` and the answer's fields
 * and never blocks for it.  A request's answer comes only when everything it
 * promises is on disk.
 *
 * `rows` of lists are malloc'ed by the store thread and freed by the http
 * thread with request_fini().
 */
#ifndef GATEWAY_REQUEST_H
#define GATEWAY_REQUEST_H

#include "gateway/gateway_rows.h"
#include "saga/participant.h"

#define LIST_ROWS_DEFAULT 100
#define LIST_ROWS_MAX 1000
/* Rows that one filtered list may look at.  A page may so be short (or even
 * empty) while `more` is set: the client follows its Link. */
#define LIST_SCAN_MAX 5000

enum request_kind {
    REQUEST_NONE = 0,
    REQUEST_ORDER_PLACE,      /* user, product, quantity -> order             */
    REQUEST_ORDER_GET,        /* order_id -> order                            */
    REQUEST_ORDER_LIST,       /* query -> orders[]                            */
    REQUEST_PRODUCT_LIST,     /* query -> products[]                          */
    REQUEST_USER_OPEN,        /* user, amount -> user_row                     */
    REQUEST_USER_GET,         /* user -> user_row                             */
    REQUEST_USER_LIST,        /* query -> users[]                             */
    REQUEST_TRANSACTION_GET,  /* transaction_id -> transaction                */
    REQUEST_TRANSACTION_LIST, /* query -> transactions[]                      */
    REQUEST_METRICS,          /* -> metrics                                   */
    REQUEST_KIND_COUNT
};

enum request_outcome {
    REQUEST_PENDING = 0,
    REQUEST_DONE,
    REQUEST_NO_PRODUCT,   /* ORDER_PLACE: 404                                 */
    REQUEST_NO_ROW,       /* *_GET: 404                                       */
    REQUEST_CONFLICT,     /* USER_OPEN of a user that there is: 409           */
    REQUEST_TOO_LARGE,    /* price x quantity leaves the range of money: 422  */
    REQUEST_BACKLOG,      /* too many events wait for the broker: 503         */
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
};

struct gateway_metrics {
    uint64_t orders[ORDER_STATUS_COUNT];  /* reached, since the store began */
    uint64_t refusals[REFUSAL_COUNT];     /* failed orders, by reason       */
    uint64_t users;
    uint64_t transactions;
    struct participant_stats participant;
    struct store_stats store;
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
    struct request_query query;
    char traceparent[TRACEPARENT_BYTES]; /* "" or valid */

    /* answered */
    struct order_row order;
    struct user_row user_row;
    struct transaction_row transaction;
    struct gateway_metrics *metrics; /* malloc'ed, as the lists   */
    void *rows;                      /* of the kind's row struct  */
    uint32_t rows_count;
    bool more;           /* there is a next page ...              */
    uint64_t more_after; /* ... which starts behind this id       */

    void *owner; /* the http thread's: its connection */
};

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
