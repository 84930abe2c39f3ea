/*
 * payment_decide.h - the rules of payment: what an event does to an order
 *
 * What payment knows of one order is its struct payment_order; the life of it:
 *
 *   UNKNOWN   -purchase->            APPROVED | DECLINED
 *   UNKNOWN   -cancel->              CANCELLED   (and nothing is said)
 *   CANCELLED -purchase->            DECLINED    (CANCELLED, TIMEOUT)
 *   APPROVED  -cancel->              REFUNDED
 *   APPROVED  -unsuccessful->        REFUNDED
 *
 * Everything else changes nothing, so what comes twice, late or in another
 * order does no harm, and money goes back at most once.  But the ledger can
 * only answer what payment said: an answer to anything else is CONTRADICTED,
 * and changes nothing either.  An order's first
 * purchase is its content for ever; another purchase with the same id and
 * other content is told so, and the order stands as it is.
 *
 * Core: functions of their arguments.
 */
#ifndef PAYMENT_DECIDE_H
#define PAYMENT_DECIDE_H

#include "payment/payment_account.h"

/* The values stand in the store: they never change. */
enum payment_order_status {
    PAYMENT_ORDER_UNKNOWN = 0,
    PAYMENT_ORDER_APPROVED = 1,
    PAYMENT_ORDER_DECLINED = 2,
    PAYMENT_ORDER_REFUNDED = 3,
    PAYMENT_ORDER_CANCELLED = 4, /* before its purchase came */
    PAYMENT_ORDER_STATUS_COUNT
};

struct payment_order {
    enum payment_order_status status;
    enum refusal reason; /* of DECLINED, REFUNDED, CANCELLED */
    struct user_id user;
    struct money price;
    char currency[CURRENCY_BYTES];
};

/* A credit command, by its creditId: the first one's content and outcome. */
struct payment_credit {
    bool exists;
    enum refusal reason; /* REFUSAL_NONE: it was given */
    struct user_id user;
    struct money amount;
};

/* What a purchase asks. */
struct payment_purchase {
    struct user_id user;
    struct money price;
    char currency[CURRENCY_BYTES];
};

enum payment_verdict {
    PAYMENT_VERDICT_NOTHING = 0, /* known already, or none of our business  */
    PAYMENT_VERDICT_APPROVED,    /* say so; account and order changed       */
    PAYMENT_VERDICT_DECLINED,    /* say so, order->reason; order changed    */
    PAYMENT_VERDICT_CONFLICT,    /* say DECLINED, DUPLICATE; nothing changed */
    PAYMENT_VERDICT_REFUNDED,    /* say so; account and order changed       */
    PAYMENT_VERDICT_REMEMBERED,  /* say nothing; order changed              */
    PAYMENT_VERDICT_CONTRADICTED, /* it can't be: do nothing at all         */
    PAYMENT_VERDICT_COUNT
};

/*
 * account: of purchase->user, `exists` false if there is none.
 * order: what is known of it, status UNKNOWN if nothing is.
 */
enum payment_verdict
payment_decide_purchase(struct account *account, struct payment_order *order,
                        const struct payment_purchase *purchase);

/* account: of `user`, who must be the one of the order's purchase, else nothing
 * happens; a cancel that comes first is believed whoever it names.
 * reason: TIMEOUT stays TIMEOUT, all else is CANCELLED. */
enum payment_verdict
payment_decide_cancel(struct account *account, struct payment_order *order,
                      struct user_id user, enum refusal reason);

/* What the ledger says of an order. */
struct payment_transaction {
    enum transaction_status status;
    enum refusal reason; /* of UNSUCCESSFUL */
    struct user_id user;
    struct money price;
};

/* account: of transaction->user.  CONTRADICTED if it is UNSUCCESSFUL, but
 * payment answered no such purchase. */
enum payment_verdict
payment_decide_transaction(struct account *account,
                           struct payment_order *order,
                           const struct payment_transaction *transaction);

/*
 * One credit.  True if it is the first with its id: *credit now holds it and
 * its outcome, and the account is changed unless credit->reason says why not.
 * False if it was seen before: *reason_out is DUPLICATE if that one had other
 * content, else REFUSAL_NONE and there is nothing to say.
 */
bool payment_decide_credit(struct account *account,
                           struct payment_credit *credit, struct user_id user,
                           struct money amount, enum refusal *reason_out);

#endif
