#include "gateway/gateway_fold.h"

/* True if the order stands where this event, heard before, has put it. */
static bool
order_heard(const struct order_row *row, const struct event *event)
{
    if (order_status_next(ORDER_CREATED, event->transaction_status) !=
        row->status)
        return false;
    return row->reason == event->reason;
}

/* What the event tells of its own step. */
static void
note_step(struct order_row *row, const struct event *event)
{
    if (event->transaction_status == TRANSACTION_REVERSED) {
        row->refunded_us = event->decided_us;
        row->reversed_us = event->time_us;
        return;
    }
    row->transaction = event->transaction;
    row->decided_us = event->decided_us;
    row->written_us = event->time_us;
}

/* False if the event is about another user, price or transaction. */
static bool
order_is_meant(const struct order_row *row, const struct event *event)
{
    return event->user.value == row->user.value &&
           event->price.minor == row->price.minor &&
           (row->transaction.value == 0 ||
            row->transaction.value == event->transaction.value);
}

enum order_fold
order_fold_transaction(struct order_row *row, const struct event *event,
                       int64_t now_us)
{
    enum order_status next;

    if (!order_is_meant(row, event))
        return ORDER_FOLD_CONTRADICTED;
    if (event->transaction_status == TRANSACTION_SUCCESSFUL &&
        row->status == ORDER_CREATED && row->cancel_us != 0) {
        if (row->transaction.value != 0)
            return ORDER_FOLD_REPEATED;
        note_step(row, event);
        return ORDER_FOLD_MOVED;
    }
    next = order_status_next(row->status, event->transaction_status);
    if (next == ORDER_UNSET)
        return order_heard(row, event) ? ORDER_FOLD_REPEATED
                                       : ORDER_FOLD_CONTRADICTED;
    row->status = next;
    row->reason = event->reason;
    row->updated_us = now_us;
    note_step(row, event);
    return ORDER_FOLD_MOVED;
}

bool
order_fold_refund(struct order_row *row, const struct event *event)
{
    if (row->refunded_us != 0 || row->user.value != event->user.value)
        return false;
    row->refunded_us = event->time_us;
    return true;
}

/* A declined payment leaves the balance as it was.  The account of an
 * approved one exists, even if the topic no longer tells of its opening. */
bool
user_fold_payment(struct user_row *row, const struct event *event,
                  int64_t now_us)
{
    if (event->payment_status != PAYMENT_APPROVED &&
        event->payment_status != PAYMENT_REFUNDED)
        return false;
    if (row->state != USER_FROZEN)
        row->state = USER_ACTIVE;
    row->balance = event->balance;
    row->updated_us = now_us;
    return true;
}

/*
 * A refused opening leaves nothing behind.  UNKNOWN_USER, or a creditId, tells
 * of some other command that came before the opening, which is still to be
 * answered.
 */
static bool
user_fold_refused(struct user_row *row, const struct event *event)
{
    if (row->state != USER_OPENING || event->reason == REFUSAL_UNKNOWN_USER ||
        (event->present & EVENT_HAS(FIELD_CREDIT_ID)) != 0)
        return false;
    row->state = USER_ABSENT;
    return true;
}

bool
user_fold_change(struct user_row *row, const struct event *event,
                 int64_t now_us)
{
    switch (event->change) {
    case ACCOUNT_CHANGE_OPENED:
        row->state = USER_ACTIVE;
        break;
    case ACCOUNT_CHANGE_CREDITED:
        if (row->state != USER_FROZEN)
            row->state = USER_ACTIVE;
        break;
    case ACCOUNT_CHANGE_FROZEN:
        row->state = USER_FROZEN;
        break;
    case ACCOUNT_CHANGE_THAWED:
        row->state = USER_ACTIVE;
        break;
    case ACCOUNT_CHANGE_REFUSED:
        return user_fold_refused(row, event);
    case ACCOUNT_CHANGE_UNSET:
    case ACCOUNT_CHANGE_COUNT:
        return false;
    }
    row->balance = event->balance;
    row->updated_us = now_us;
    return true;
}
