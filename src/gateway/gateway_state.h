/*
 * gateway_state.h - what the store thread of the gateway holds
 *
 * Private to gateway_store.c (the life and the turns), gateway_commands.c
 * (what HTTP asks), gateway_orders.c and gateway_users.c (what is done with
 * them), gateway_events.c and gateway_parked.c (what the topics tell).
 */
#ifndef GATEWAY_STATE_H
#define GATEWAY_STATE_H

#include "gateway/drain_rate.h"
#include "gateway/gateway_changes.h"
#include "gateway/gateway_query.h"
#include "gateway/gateway_rows.h"
#include "gateway/gateway_seed.h"
#include "gateway/gateway_store.h"
#include "gateway/open_ages.h"
#include "saga/row_cache.h"

/* Credit ids from here on are the gateways' to give; see gateway_users.c. */
#define CREDIT_ID_OURS (UINT64_C(1) << 52)

/* Seconds to wait when the disk is full: somebody must make room. */
#define DISK_RETRY_S 30

/* Users kept in memory; those that changed are written once per turn. */
#define USERS_CACHED_MAX 4096

struct gateway_store {
    const struct config *config;
    struct mailbox *requests;
    struct mailbox *answers;
    struct gateway_shared *shared;
    const struct participant *participant; /* NULL until attached */
    struct gateway_seed seed;
    char seed_error[1024]; /* why there is none, "" if there is */

    struct gateway_tables tables;
    const struct order_index_shape *index_shape;
    struct row_cache *users;
    struct gateway_catalogue catalogue;
    struct gateway_changes changes;
    struct gateway_counters counters;
    bool counters_changed;
    uint64_t order_next;

    int64_t timeout_due_us; /* when the next open order may time out         */
    uint64_t timeout_from;  /* the first order not yet looked at for that    */

    uint64_t backlog;        /* outbox, and what these commands add          */
    struct drain_rate drain; /* of the outbox                                */
    struct open_ages ages;     /* of the open orders                         */
    struct histogram saga_us;  /* from placed to ended                       */
    struct bus_status *status; /* what the broker told last of all; NULL: it
                                  never did                                  */
    int64_t status_us;         /* and when, monotonic                        */
    bool disk_low;           /* below the floor, as of the last second       */
    struct request *waiting; /* taken from the mailbox, not yet served       */
    struct request *answered_first; /* served, told after the flush          */
    struct request *answered_last;
};

/* Emits an event; it counts to the backlog of this turn. */
MUST_USE enum rc gateway_emit(struct gateway_store *store, struct turn *turn,
                              struct event *event);
/* REQUEST_DONE if there is room for one more event; else REQUEST_DISK or
 * REQUEST_BACKLOG, with request->retry_s set. */
enum request_outcome gateway_pressure(const struct gateway_store *store,
                                      struct request *request);

/* Puts the row of an order that there is. */
MUST_USE enum rc gateway_order_put(struct gateway_store *store,
                                   const struct order_row *row);
/* True if gateway_timeout_take() has work. */
bool gateway_timeout_due(const struct gateway_store *store, int64_t now_us);
/* Cancels orders that are open for too long, a bounded number; *taken_out is
 * increased by how many. */
MUST_USE enum rc gateway_timeout_take(struct gateway_store *store,
                                      struct turn *turn, uint32_t *taken_out);

/*
 * The ages of open orders (gateway_open.c).  _start: with the counters read;
 * _walk: goes on with the walk of the table while _walking(), within a
 * transaction; _move_mark: no order below the counters' order_mark is open.
 * _oldest_us: when the oldest one was placed, 0 if none is known.
 */
MUST_USE enum rc gateway_open_start(struct gateway_store *store);
bool gateway_open_walking(const struct gateway_store *store);
MUST_USE enum rc gateway_open_walk(struct gateway_store *store);
int64_t gateway_open_oldest_us(struct gateway_store *store);
void gateway_open_move_mark(struct gateway_store *store);

/* Keeps the traceparent ("": nothing) of a new order; and finds it, "" if it
 * has none. */
MUST_USE enum rc gateway_trace_put(struct gateway_store *store,
                                   struct order_id order,
                                   const char *traceparent);
MUST_USE enum rc gateway_trace_get(const struct gateway_store *store,
                                   struct order_id order,
                                   char traceparent[TRACEPARENT_BYTES]);

/* Folds a DeadLetter. */
MUST_USE enum rc gateway_parked_fold(struct gateway_store *store,
                                     const struct event *event);
/* One event of the order that is parked.  RC_NOT_FOUND, and order 0 in
 * *row_out, if none is. */
MUST_USE enum rc gateway_parked_find(const struct gateway_tables *tables,
                                     struct order_id order,
                                     struct parked_row *row_out);

extern const struct row_format gateway_user_format;
/* The user's row; its state is USER_ABSENT if there is none. */
MUST_USE enum rc gateway_user_get(struct gateway_store *store,
                                  struct user_id user,
                                  struct user_row *row_out);
/* Puts the row and counts users; `was` is its state before. */
MUST_USE enum rc gateway_user_put(struct gateway_store *store,
                                  const struct user_row *row,
                                  enum user_state was);
/* Puts a row for a user who is asked for and emits AccountOpened. */
MUST_USE enum rc gateway_user_open(struct gateway_store *store,
                                   struct turn *turn, struct user_id user,
                                   struct money amount,
                                   const char *traceparent,
                                   struct user_row *row_out);

/* What HTTP asks, where it is more than a look (request.h); as
 * gateway_commands_serve(). */
MUST_USE enum rc gateway_order_place(struct gateway_store *store,
                                     struct turn *turn,
                                     struct request *request);
MUST_USE enum rc gateway_order_batch(struct gateway_store *store,
                                     struct turn *turn,
                                     struct request *request);
MUST_USE enum rc gateway_order_cancel(struct gateway_store *store,
                                      struct turn *turn,
                                      struct request *request);
MUST_USE enum rc gateway_command_user_open(struct gateway_store *store,
                                           struct turn *turn,
                                           struct request *request);
MUST_USE enum rc gateway_command_user_credit(struct gateway_store *store,
                                             struct turn *turn,
                                             struct request *request);
MUST_USE enum rc gateway_command_user_freeze(struct gateway_store *store,
                                             struct turn *turn,
                                             struct request *request);
MUST_USE enum rc gateway_command_user_thaw(struct gateway_store *store,
                                           struct turn *turn,
                                           struct request *request);

/* Serves one request: its outcome and answer are set if this is RC_OK. */
MUST_USE enum rc gateway_commands_serve(struct gateway_store *store,
                                        struct turn *turn,
                                        struct request *request);

/* Folds one event into the read models. */
MUST_USE enum rc gateway_events_fold(struct gateway_store *store,
                                     struct turn *turn,
                                     const struct event *event);

#endif
