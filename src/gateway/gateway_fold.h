/*
 * gateway_fold.h - what an event does to a row of the gateway's read models
 *
 * Core: functions of their arguments.
 */
#ifndef GATEWAY_FOLD_H
#define GATEWAY_FOLD_H

#include "gateway/gateway_rows.h"

enum order_fold {
    ORDER_FOLD_MOVED = 1,    /* the row changed: write it                    */
    ORDER_FOLD_REPEATED,     /* it says what the row says already            */
    ORDER_FOLD_CONTRADICTED, /* it can't be true of this order               */
};

/*
 * Moves the order as a Transaction event tells.  An event about another user
 * or another price than the order's contradicts it, as does a transition that
 * order_status_next() does not hold, unless it led to where the order is.
 *
 * SUCCESSFUL does not end an order whose cancel was emitted while it was open:
 * REVERSED follows (docs/ACCOUNTS.md), and so it has one end only.
 */
enum order_fold order_fold_transaction(struct order_row *row,
                                       const struct event *event,
                                       int64_t now_us);

/* Notes that payment gave the order's price back.  True if it changed. */
bool order_fold_refund(struct order_row *row, const struct event *event);

/*
 * Folds a Payment or AccountChanged event into the user's row; row->state is
 * USER_ABSENT, before and after, where there is none.  True if it changed.
 */
bool user_fold_payment(struct user_row *row, const struct event *event,
                       int64_t now_us);
bool user_fold_change(struct user_row *row, const struct event *event,
                      int64_t now_us);

#endif
