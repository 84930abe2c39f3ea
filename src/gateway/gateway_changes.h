/*
 * gateway_changes.h - what changed, in one durable and numbered order
 *
 *   change   an order or a transaction was written; its number rises by one
 *            with each, over restarts, too
 *   history  the table `changes`: the ids of the last config->changes ones
 *
 * One row per turn (several, if it holds many) tells the ids that the turn
 * changed, in the same transaction: a put per turn, not per order.  What they
 * changed to is not kept: who reads the history gets each row as it stands
 * now.
 *
 * While the http thread listens, each turn's changes are also posted to it,
 * whole, after the flush.  At most CHANGES_WAITING_MAX turns wait there; then
 * one is left out, which shows as a gap in the numbers, or, if no later turn
 * changes anything, in shared->changes_next; whoever needs it reads the
 * history.
 *
 * Thread rule: the store thread's.
 */
#ifndef GATEWAY_CHANGES_H
#define GATEWAY_CHANGES_H

#include "gateway/gateway_rows.h"
#include "saga/store.h"

#define CHANGES_WAITING_MAX 64
/* Changes that one look into the history passes. */
#define CHANGES_SCAN_MAX 256
/* In place of a number: only what comes from now on. */
#define CHANGES_NOW UINT64_MAX

struct gateway_store;
struct request;

struct change {
    uint64_t number;
    enum change_kind kind;
    union {
        struct order_row order;
        struct transaction_row transaction;
    };
};

struct gateway_changes {
    struct store_table *table;
    uint64_t first; /* of the history; next, if it is empty    */
    uint64_t next;  /* number                                  */
    uint64_t *ids;  /* of this turn, as in change_row          */
    size_t count;
    size_t room;
    bool posts;     /* this turn is posted, too                */
    struct request *post; /* what is posted: rows are struct change */
    size_t post_room;
};

MUST_USE enum rc gateway_changes_open(struct gateway_store *store);
void gateway_changes_fini(struct gateway_store *store);

/* The row was put in this turn. */
void gateway_changes_order(struct gateway_store *store,
                           const struct order_row *row);
void gateway_changes_transaction(struct gateway_store *store,
                                 const struct transaction_row *row);

/* Before the commit: writes the turn's rows and removes the oldest. */
MUST_USE enum rc gateway_changes_write(struct gateway_store *store);
/* After the flush: posts them, and tells the number behind them. */
void gateway_changes_post(struct gateway_store *store);

/* Serves REQUEST_ORDER_STREAM, _ORDER_WATCH, _TRANSACTION_STREAM. */
MUST_USE enum rc gateway_changes_serve(struct gateway_store *store,
                                       struct request *request);

#endif
