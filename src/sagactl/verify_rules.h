/*
 * verify_rules.h - what is known of one order and of one user, and what of it
 * can't be true together
 *
 * Facts come from the events of the log and the outboxes and from the rows of
 * all stores; which of them must go together does not depend on the rules by
 * which the processes decided.  The words of a fact:
 *
 *   own    it is in the history of the process that says it, as its store
 *          was read: an event of its outbox's stream below its next seq
 *   read   its offset is below the position of that consumer's store
 *
 * So stores that were copied one after the other can be compared: what came
 * later than a copy is not held against it.
 *
 * Core: functions of their arguments.
 */
#ifndef VERIFY_RULES_H
#define VERIFY_RULES_H

#include "gateway/order_status.h"
#include "ledger/ledger_post.h"
#include "payment/payment_decide.h"
#include "sagactl/verify_checks.h"

#define FACT(fact) (UINT64_C(1) << (fact))

enum order_fact {
    FACT_PURCHASE,      /* an OrderPurchase; the facts hold its content */
    FACT_PURCHASE_OWN,  /* of the gateway's */
    FACT_PURCHASE_READ, /* by payment */
    FACT_CONFLICT,      /* another one of the same id and other content */
    FACT_CANCEL_OWN,
    FACT_CANCEL_READ, /* by payment */
    FACT_APPROVED,    /* own, of payment's */
    FACT_DECLINED,
    FACT_REFUNDED,
    FACT_APPROVED_READ, /* by the ledger */
    FACT_DECLINED_READ,
    FACT_REFUNDED_READ,
    FACT_SUCCESSFUL, /* own, of the ledger's */
    FACT_UNSUCCESSFUL,
    FACT_REVERSED,
    FACT_SUCCESSFUL_READ, /* by the gateway */
    FACT_UNSUCCESSFUL_READ,
    FACT_REVERSED_READ,
    FACT_REFUSAL_READ, /* UNSUCCESSFUL, by payment */
    FACT_ENTRY_PURCHASE,
    FACT_ENTRY_REVERSAL,
    FACT_GATEWAY_ROW,
    FACT_GATEWAY_CANCELS, /* its row says that a cancel was sent */
    FACT_GATEWAY_INDEXED, /* its index by user has it */
    FACT_GATEWAY_TRANSACTION, /* it has a row of it */
    FACT_PARKED_PAYMENT,  /* an event of it is or was set aside there */
    FACT_PARKED_LEDGER,
    FACT_PARKED_GATEWAY,
};

struct order_facts {
    uint64_t id; /* first: the key of a fact table */
    uint64_t facts;
    uint64_t user;
    int64_t price;
    uint64_t transaction; /* as the ledger's row says */
    uint16_t quantity;
    uint8_t gateway_status; /* enum order_status */
    uint8_t gateway_reason; /* enum refusal */
    uint8_t payment_status; /* enum payment_order_status */
    uint8_t ledger_status;  /* enum ledger_order_status */
    uint8_t told_reason;    /* of the Transaction UNSUCCESSFUL, if READ */
};

#define ORDER_FAULT_LIST(F)                                                    \
    F(ORDER_FAULT_UNASKED, CHECK_PAYMENT_ORDERS, NEEDS_ORDERS,                 \
      "payment decided it, but read no OrderPurchase")                         \
    F(ORDER_FAULT_UNCANCELLED, CHECK_PAYMENT_ORDERS, NEEDS_ORDERS,             \
      "payment holds it cancelled, but read no OrderCancel")                   \
    F(ORDER_FAULT_PAYMENT_TOLD, CHECK_PAYMENT_ORDERS, NEEDS_PAYMENTS,          \
      "payment's row is not what its Payments say")                            \
    F(ORDER_FAULT_REFUND_UNASKED, CHECK_PAYMENT_ORDERS,                        \
      NEEDS_ORDERS | NEEDS_TRANSACTIONS,                                       \
      "payment gave it back, but neither cancel nor ledger asked")             \
    F(ORDER_FAULT_UNANSWERED, CHECK_PAYMENT_ANSWERS, NEEDS_ORDERS,             \
      "payment read its OrderPurchase and has no row of it")                   \
    F(ORDER_FAULT_UNREFUNDED, CHECK_PAYMENT_ANSWERS, NEEDS_ORDERS,             \
      "payment read its cancel or refusal and did not give it back")           \
    F(ORDER_FAULT_UNBOOKED, CHECK_LEDGER_ANSWERS, NEEDS_PAYMENTS,              \
      "the ledger read its Payment and did not answer it")                     \
    F(ORDER_FAULT_UNREVERSED, CHECK_LEDGER_ANSWERS, NEEDS_PAYMENTS,            \
      "the ledger read its refund and did not take it")                        \
    F(ORDER_FAULT_BOOKED_UNASKED, CHECK_LEDGER_ANSWERS, NEEDS_PAYMENTS,        \
      "the ledger answered what payment did not say")                          \
    F(ORDER_FAULT_LEDGER_TOLD, CHECK_LEDGER_ORDERS, NEEDS_TRANSACTIONS,        \
      "the ledger's row is not what its Transactions say")                     \
    F(ORDER_FAULT_ENTRIES, CHECK_LEDGER_ORDERS, NEEDS_NOTHING,                 \
      "the ledger's row is not what stands in its journal")                    \
    F(ORDER_FAULT_UNPUBLISHED, CHECK_GATEWAY_ORDERS, NEEDS_ORDERS,             \
      "the gateway has it, but it is neither in log nor outbox")               \
    F(ORDER_FAULT_NO_ROW, CHECK_GATEWAY_ORDERS, NEEDS_NOTHING,                 \
      "the gateway published it and has no row of it")                         \
    F(ORDER_FAULT_CANCEL, CHECK_GATEWAY_ORDERS, NEEDS_ORDERS,                  \
      "its row and its OrderCancel do not go together")                        \
    F(ORDER_FAULT_STATUS, CHECK_GATEWAY_STATUS, NEEDS_TRANSACTIONS,            \
      "its status is not what the gateway read of the ledger")                 \
    F(ORDER_FAULT_REASON, CHECK_GATEWAY_STATUS, NEEDS_TRANSACTIONS,            \
      "it failed for another reason than the ledger told")

enum order_fault {
#define F(id, check, needs, words) id,
    ORDER_FAULT_LIST(F)
#undef F
    ORDER_FAULT_COUNT
};

enum user_fact {
    USER_FACT_ACCOUNT,   /* payment's row */
    USER_FACT_OPENED,    /* own, of payment's */
    USER_FACT_REFUSED,   /* own, of payment's: some command was refused */
    USER_FACT_OPEN_READ, /* AccountOpened, by payment */
    USER_FACT_FROZEN,    /* its row says so */
    USER_FACT_FROZEN_TOLD,
    USER_FACT_LEDGER_TOLD,  /* a balance was read by the ledger */
    USER_FACT_GATEWAY_TOLD, /* by the gateway */
    USER_FACT_GATEWAY_ROW,
    USER_FACT_PARKED_PAYMENT,
    USER_FACT_PARKED_LEDGER,
    USER_FACT_PARKED_GATEWAY,
};

struct user_sums {
    int64_t opened;
    int64_t credited;
    int64_t paid;
    int64_t refunded;
};

struct user_facts {
    uint64_t id; /* first: the key of a fact table */
    uint64_t facts;
    struct user_sums row;  /* payment's account */
    struct user_sums told; /* by payment's own events */
    int64_t balance;       /* of the row */
    int64_t credits;       /* sum of payment's credits that were given */
    int64_t ledger_told;   /* the last balance that the ledger read */
    int64_t gateway_told;
    int64_t gateway_balance;
    int64_t ledger_awaiting; /* of its balances */
    int64_t orders_awaiting; /* the ledger's orders that wait for a refund */
    uint64_t debits, credits_side;       /* the ledger's balances */
    uint64_t journal_debits, journal_credits;
};

#define USER_FAULT_LIST(F)                                                     \
    F(USER_FAULT_LAW, CHECK_PAYMENT_LAW, NEEDS_NOTHING,                        \
      "opened + credited - paid + refunded is not its balance")                \
    F(USER_FAULT_SUMS, CHECK_PAYMENT_SUMS, NEEDS_PAYMENTS,                     \
      "its account is not the sum of what payment told")                       \
    F(USER_FAULT_FROZEN, CHECK_PAYMENT_SUMS, NEEDS_PAYMENTS,                   \
      "it is frozen or not, and payment told the contrary")                    \
    F(USER_FAULT_CREDITS, CHECK_PAYMENT_CREDITS, NEEDS_NOTHING,                \
      "its credits do not add up to what its account says")                    \
    F(USER_FAULT_UNOPENED, CHECK_PAYMENT_ANSWERS, NEEDS_ORDERS,                \
      "payment read its AccountOpened and has no account")                     \
    F(USER_FAULT_BALANCE, CHECK_LEDGER_BALANCES, NEEDS_NOTHING,                \
      "its balance row is not the sum of the journal")                         \
    F(USER_FAULT_AWAITING, CHECK_LEDGER_BALANCES, NEEDS_NOTHING,               \
      "what it awaits is not the sum of its refused orders")                   \
    F(USER_FAULT_AGREES, CHECK_LEDGER_AGREES, NEEDS_PAYMENTS,                  \
      "the ledger holds another balance than payment told it")                 \
    F(USER_FAULT_GATEWAY, CHECK_GATEWAY_USERS, NEEDS_PAYMENTS,                 \
      "the gateway shows another balance than payment told it")

enum user_fault {
#define F(id, check, needs, words) id,
    USER_FAULT_LIST(F)
#undef F
    USER_FAULT_COUNT
};

struct fault_info {
    enum verify_check check;
    unsigned needs; /* topics that must be whole */
    const char *words;
};
extern const struct fault_info order_fault_infos[ORDER_FAULT_COUNT];
extern const struct fault_info user_fault_infos[USER_FAULT_COUNT];

/* Sets of FACT(fault).  Those that a trimmed topic makes untrue are in it,
 * too: the caller drops what needs more than it has. */
uint64_t order_faults(const struct order_facts *order);
uint64_t user_faults(const struct user_facts *user);

/* What opened + credited - paid + refunded comes to. */
int64_t user_sums_balance(const struct user_sums *sums);

/* Adds; stays at the limit rather than overflow, which no lawful sum does. */
void user_sum_add(int64_t *sum, int64_t amount);

#endif
