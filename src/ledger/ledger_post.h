/*
 * ledger_post.h - the rules of the ledger: what is booked, what is answered
 *
 * The ledger answers each order once, and once more if what it booked is
 * taken back:
 *
 *   NONE    -approved->           BOOKED     Transaction SUCCESSFUL
 *   NONE    -declined->           UNBOOKED   Transaction UNSUCCESSFUL
 *   NONE    -approved, too dear-> REFUSED    Transaction UNSUCCESSFUL
 *   BOOKED  -refunded->           REVERSED   Transaction REVERSED
 *   REFUSED -refunded->           RETURNED   nothing
 *
 * It trusts nobody's arithmetic.  Payment tells the user's balance with every
 * event; all events of one user come in the order in which payment decided
 * them; so after each it is what the ledger holds of that user, less what
 * payment has yet to give back.  Where it is not, or where payment tells what
 * can't be, the event is CONTRADICTED and changes nothing.
 *
 * Core: functions of their arguments.
 */
#ifndef LEDGER_POST_H
#define LEDGER_POST_H

#include "ledger/ledger_entry.h"
#include "saga/event.h"

/* The values stand in the store: they never change. */
enum ledger_order_status {
    LEDGER_ORDER_NONE = 0,
    LEDGER_ORDER_BOOKED = 1,
    LEDGER_ORDER_UNBOOKED = 2, /* payment had declined it              */
    LEDGER_ORDER_REVERSED = 3,
    LEDGER_ORDER_REFUSED = 4,  /* by the ledger; its refund is awaited */
    LEDGER_ORDER_RETURNED = 5, /* the same, and the refund came        */
    LEDGER_ORDER_STATUS_COUNT
};

/* What the ledger answered to an order. */
struct ledger_order {
    enum ledger_order_status status;
    struct user_id user;
    struct money price;
    struct transaction_id transaction; /* 0 if it was never booked */
    uint64_t entry;                    /* of the purchase, 0 as above */
};

enum ledger_verdict {
    LEDGER_VERDICT_NOTHING = 0, /* nothing to write, nothing to say         */
    LEDGER_VERDICT_BOOKED,      /* write the entry; say SUCCESSFUL          */
    LEDGER_VERDICT_UNBOOKED,    /* write no entry; say UNSUCCESSFUL         */
    LEDGER_VERDICT_REFUSED,     /* the same, LIMIT; its price is awaited    */
    LEDGER_VERDICT_REVERSED,    /* write the reversal; say REVERSED         */
    LEDGER_VERDICT_RETURNED,    /* its price is awaited no more; say nothing */
    LEDGER_VERDICT_CONTRADICTED, /* it can't be: do nothing at all          */
    LEDGER_VERDICT_COUNT
};

/* What payment says of an order. */
struct ledger_payment {
    enum payment_status status;
    enum refusal reason; /* of DECLINED */
    struct user_id user;
    struct money price;
    struct money balance; /* payment's, after it */
};

/*
 * order: what was answered, status NONE if nothing was.
 * standing: what the ledger holds of payment->user, before.
 * limit: the dearest price that is booked; 0: there is none.
 */
enum ledger_verdict
ledger_post_payment(const struct ledger_order *order,
                    const struct ledger_standing *standing,
                    const struct ledger_payment *payment, struct money limit);

/*
 * What payment says of an account: BOOKED if there is an entry of `amount` to
 * write (and nothing to say), NOTHING or CONTRADICTED.  standing: before;
 * told: payment's balance, after.
 */
enum ledger_verdict
ledger_post_change(enum account_change change, struct money amount,
                   const struct ledger_standing *standing, struct money told);

#endif
