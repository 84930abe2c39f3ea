/*
 * sim_model.h - a naive reading of the broker's log, to compare with
 *
 * It hears every event of the log in order, once, and folds it with rules
 * written down a second time, plainly.  It knows nothing of turns, offsets,
 * outboxes or stores.  What it hears must be what the rules allow:
 *
 *   orders        causes: they wait, per user, in their order (G5)
 *   payments      the effect of the user's next cause, exactly (G2, G4)
 *   transactions  the effect of that, exactly once per order
 *
 * and seqs of a producer are 1, 2, 3, ..., its epochs never fall.
 */
#ifndef TESTS_SIM_MODEL_H
#define TESTS_SIM_MODEL_H

#include "gateway/order_status.h"
#include "saga/event.h"

#define MODEL_USERS 64 /* ids from 1 */

struct model_user {
    bool exists;
    bool frozen;
    int64_t balance;
    int64_t opened, credited, paid, refunded;
};

struct model_order {
    struct user_id user;
    int64_t price;
    char currency[CURRENCY_BYTES];
    bool purchased; /* its OrderPurchase was handled by payment */
    bool cancelled; /* before that */
    bool asked;     /* its OrderPurchase is in the log */
    enum payment_status decided; /* APPROVED, DECLINED, or 0 */
    bool refunded;
    enum refusal reason;
    enum transaction_status written; /* 0, SUCCESSFUL, UNSUCCESSFUL */
    bool reversed;
    uint64_t transaction;
};

void model_reset(void);
void model_fini(void);
/* The ledger refuses what is dearer; 0: nothing. */
void model_limit(int64_t price_minor);

/* One batch as it is stored; the events of a partition from offset 0 on. */
struct model_batch {
    enum topic topic;
    uint32_t partition;
    const char *producer;
    uint32_t epoch;
    uint64_t base_offset;
    uint64_t first_seq;
    uint32_t count;
    const uint8_t *bytes;
    size_t bytes_count;
};
void model_hear(const struct model_batch *batch);

/* Nothing moves any more: every cause must have had its effect. */
void model_require_quiet(void);

const struct model_user *model_user(uint64_t id);
/* NULL if nobody ever spoke of it. */
const struct model_order *model_order(uint64_t id);
uint64_t model_orders_end(void);
uint64_t model_events(void);
uint64_t model_purchases_booked(void);

/* What the gateway must show at the end. */
enum order_status model_order_status(const struct model_order *order);

#endif
