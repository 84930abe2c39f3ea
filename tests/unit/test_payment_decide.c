/* The rules of payment: the life of an order as a table, and thousands of
 * random events against a naive model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "payment/payment_decide.h"

static const struct user_id user = { 7 };
static const struct user_id stranger = { 8 };

static struct account
account_with(int64_t minor)
{
    struct account account;

    memset(&account, 0, sizeof account);
    assert_int_equal(
        account_open(&account, user, (struct money){ minor }, "USD"),
        REFUSAL_NONE);
    return account;
}

static struct payment_purchase
purchase_of(int64_t price)
{
    return (struct payment_purchase){ user, { price }, "USD" };
}

/* What an event can do to an order, by its name in the table. */
enum input {
    BUY,             /* the order's own purchase                 */
    BUY_DEARER,      /* the same id, another price               */
    BUY_AS_STRANGER, /* the same id, another user                */
    BUY_IN_EUR,      /* the same id, another currency            */
    CANCEL,
    CANCEL_TIMEOUT,
    CANCEL_AS_STRANGER,
    SUCCESSFUL,
    UNSUCCESSFUL,
    UNSUCCESSFUL_FOR_STRANGER,
    UNSUCCESSFUL_DEARER,
    REVERSED,
};

static enum payment_verdict
answer(struct account *account, struct payment_order *order,
       struct user_id whose, int64_t price, enum transaction_status status,
       enum refusal reason)
{
    const struct payment_transaction transaction = { status, reason, whose,
                                                     { price } };

    return payment_decide_transaction(account, order, &transaction);
}

static enum payment_verdict
apply(struct account *account, struct payment_order *order, enum input input)
{
    struct payment_purchase purchase = purchase_of(60);

    switch (input) {
    case BUY_DEARER:
        purchase.price.minor = 61;
        return payment_decide_purchase(account, order, &purchase);
    case BUY_AS_STRANGER:
        purchase.user = stranger;
        return payment_decide_purchase(account, order, &purchase);
    case BUY_IN_EUR:
        memcpy(purchase.currency, "EUR", 4);
        return payment_decide_purchase(account, order, &purchase);
    case CANCEL:
        return payment_decide_cancel(account, order, user, REFUSAL_CANCELLED);
    case CANCEL_TIMEOUT:
        return payment_decide_cancel(account, order, user, REFUSAL_TIMEOUT);
    case CANCEL_AS_STRANGER:
        return payment_decide_cancel(account, order, stranger,
                                     REFUSAL_CANCELLED);
    case SUCCESSFUL:
        return answer(account, order, user, 60, TRANSACTION_SUCCESSFUL,
                      REFUSAL_NONE);
    case UNSUCCESSFUL:
        return answer(account, order, user, 60, TRANSACTION_UNSUCCESSFUL,
                      REFUSAL_LIMIT);
    case UNSUCCESSFUL_FOR_STRANGER:
        return answer(account, order, stranger, 60, TRANSACTION_UNSUCCESSFUL,
                      REFUSAL_LIMIT);
    case UNSUCCESSFUL_DEARER:
        return answer(account, order, user, 61, TRANSACTION_UNSUCCESSFUL,
                      REFUSAL_LIMIT);
    case REVERSED:
        return answer(account, order, user, 60, TRANSACTION_REVERSED,
                      REFUSAL_CANCELLED);
    case BUY:
    default:
        return payment_decide_purchase(account, order, &purchase);
    }
}

/* Each row: up to four events in the order of arrival, and the verdict on the
 * last one.  The account begins with 100; the order's price is 60. */
static void
test_payment_decide_orders_of_arrival(void **state)
{
    static const struct {
        const char *name;
        enum input inputs[4];
        int count;
        enum payment_verdict last;
        enum payment_order_status status;
        enum refusal reason;
        int64_t balance;
    } rows[] = {
        { "purchase", { BUY }, 1, PAYMENT_VERDICT_APPROVED,
          PAYMENT_ORDER_APPROVED, 0, 40 },
        { "purchase_twice", { BUY, BUY }, 2, PAYMENT_VERDICT_NOTHING,
          PAYMENT_ORDER_APPROVED, 0, 40 },
        { "same_id_other_price", { BUY, BUY_DEARER }, 2,
          PAYMENT_VERDICT_CONFLICT, PAYMENT_ORDER_APPROVED, 0, 40 },
        { "same_id_other_user", { BUY, BUY_AS_STRANGER }, 2,
          PAYMENT_VERDICT_CONFLICT, PAYMENT_ORDER_APPROVED, 0, 40 },
        { "same_id_other_currency", { BUY, BUY_IN_EUR }, 2,
          PAYMENT_VERDICT_CONFLICT, PAYMENT_ORDER_APPROVED, 0, 40 },
        { "declined", { BUY_IN_EUR }, 1, PAYMENT_VERDICT_DECLINED,
          PAYMENT_ORDER_DECLINED, REFUSAL_CURRENCY, 100 },
        { "declined_twice", { BUY_IN_EUR, BUY_IN_EUR }, 2,
          PAYMENT_VERDICT_NOTHING, PAYMENT_ORDER_DECLINED, REFUSAL_CURRENCY,
          100 },
        { "declined_stays_declined", { BUY_IN_EUR, BUY }, 2,
          PAYMENT_VERDICT_CONFLICT, PAYMENT_ORDER_DECLINED, REFUSAL_CURRENCY,
          100 },
        { "cancel", { BUY, CANCEL }, 2, PAYMENT_VERDICT_REFUNDED,
          PAYMENT_ORDER_REFUNDED, REFUSAL_CANCELLED, 100 },
        { "timeout", { BUY, CANCEL_TIMEOUT }, 2, PAYMENT_VERDICT_REFUNDED,
          PAYMENT_ORDER_REFUNDED, REFUSAL_TIMEOUT, 100 },
        { "cancel_twice", { BUY, CANCEL, CANCEL }, 3, PAYMENT_VERDICT_NOTHING,
          PAYMENT_ORDER_REFUNDED, REFUSAL_CANCELLED, 100 },
        { "cancel_by_stranger", { BUY, CANCEL_AS_STRANGER }, 2,
          PAYMENT_VERDICT_NOTHING, PAYMENT_ORDER_APPROVED, 0, 40 },
        { "cancel_of_declined", { BUY_IN_EUR, CANCEL }, 2,
          PAYMENT_VERDICT_NOTHING, PAYMENT_ORDER_DECLINED, REFUSAL_CURRENCY,
          100 },
        { "cancel_first", { CANCEL }, 1, PAYMENT_VERDICT_REMEMBERED,
          PAYMENT_ORDER_CANCELLED, REFUSAL_CANCELLED, 100 },
        { "cancel_first_twice", { CANCEL, CANCEL_TIMEOUT }, 2,
          PAYMENT_VERDICT_NOTHING, PAYMENT_ORDER_CANCELLED,
          REFUSAL_CANCELLED, 100 },
        { "cancel_first_by_stranger", { CANCEL_AS_STRANGER }, 1,
          PAYMENT_VERDICT_REMEMBERED, PAYMENT_ORDER_CANCELLED,
          REFUSAL_CANCELLED, 100 },
        { "cancel_by_stranger_then_purchase", { CANCEL_AS_STRANGER, BUY }, 2,
          PAYMENT_VERDICT_DECLINED, PAYMENT_ORDER_DECLINED, REFUSAL_CANCELLED,
          100 },
        { "cancel_then_purchase", { CANCEL, BUY }, 2, PAYMENT_VERDICT_DECLINED,
          PAYMENT_ORDER_DECLINED, REFUSAL_CANCELLED, 100 },
        { "timeout_then_purchase", { CANCEL_TIMEOUT, BUY }, 2,
          PAYMENT_VERDICT_DECLINED, PAYMENT_ORDER_DECLINED, REFUSAL_TIMEOUT,
          100 },
        { "cancel_then_purchase_twice", { CANCEL, BUY, BUY }, 3,
          PAYMENT_VERDICT_NOTHING, PAYMENT_ORDER_DECLINED, REFUSAL_CANCELLED,
          100 },
        { "cancel_then_purchase_then_answer", { CANCEL, BUY, UNSUCCESSFUL }, 3,
          PAYMENT_VERDICT_NOTHING, PAYMENT_ORDER_DECLINED, REFUSAL_CANCELLED,
          100 },
        { "booked", { BUY, SUCCESSFUL }, 2, PAYMENT_VERDICT_NOTHING,
          PAYMENT_ORDER_APPROVED, 0, 40 },
        { "booked_then_cancel", { BUY, SUCCESSFUL, CANCEL }, 3,
          PAYMENT_VERDICT_REFUNDED, PAYMENT_ORDER_REFUNDED,
          REFUSAL_CANCELLED, 100 },
        { "cancel_then_booked", { BUY, CANCEL, SUCCESSFUL }, 3,
          PAYMENT_VERDICT_NOTHING, PAYMENT_ORDER_REFUNDED, REFUSAL_CANCELLED,
          100 },
        { "cancel_then_reversed", { BUY, CANCEL, SUCCESSFUL, REVERSED }, 4,
          PAYMENT_VERDICT_NOTHING, PAYMENT_ORDER_REFUNDED, REFUSAL_CANCELLED,
          100 },
        { "ledger_refuses", { BUY, UNSUCCESSFUL }, 2,
          PAYMENT_VERDICT_REFUNDED, PAYMENT_ORDER_REFUNDED, REFUSAL_LIMIT,
          100 },
        { "ledger_refuses_twice", { BUY, UNSUCCESSFUL, UNSUCCESSFUL }, 3,
          PAYMENT_VERDICT_NOTHING, PAYMENT_ORDER_REFUNDED, REFUSAL_LIMIT,
          100 },
        { "ledger_refuses_for_stranger", { BUY, UNSUCCESSFUL_FOR_STRANGER }, 2,
          PAYMENT_VERDICT_CONTRADICTED, PAYMENT_ORDER_APPROVED, 0, 40 },
        { "ledger_refuses_another_price", { BUY, UNSUCCESSFUL_DEARER }, 2,
          PAYMENT_VERDICT_CONTRADICTED, PAYMENT_ORDER_APPROVED, 0, 40 },
        { "declined_at_another_price", { BUY_IN_EUR, UNSUCCESSFUL_DEARER }, 2,
          PAYMENT_VERDICT_CONTRADICTED, PAYMENT_ORDER_DECLINED,
          REFUSAL_CURRENCY, 100 },
        { "cancelled_by_timeout_after_refusal",
          { BUY, UNSUCCESSFUL, CANCEL_TIMEOUT }, 3, PAYMENT_VERDICT_NOTHING,
          PAYMENT_ORDER_REFUNDED, REFUSAL_LIMIT, 100 },
        { "ledger_refuses_then_cancel", { BUY, UNSUCCESSFUL, CANCEL }, 3,
          PAYMENT_VERDICT_NOTHING, PAYMENT_ORDER_REFUNDED, REFUSAL_LIMIT,
          100 },
        { "cancel_then_ledger_refuses", { BUY, CANCEL, UNSUCCESSFUL }, 3,
          PAYMENT_VERDICT_NOTHING, PAYMENT_ORDER_REFUNDED, REFUSAL_CANCELLED,
          100 },
        { "refunded_then_purchase", { BUY, CANCEL, BUY }, 3,
          PAYMENT_VERDICT_NOTHING, PAYMENT_ORDER_REFUNDED, REFUSAL_CANCELLED,
          100 },
        { "refunded_then_other_purchase", { BUY, CANCEL, BUY_DEARER }, 3,
          PAYMENT_VERDICT_CONFLICT, PAYMENT_ORDER_REFUNDED,
          REFUSAL_CANCELLED, 100 },
        { "declined_then_answer", { BUY_IN_EUR, UNSUCCESSFUL }, 2,
          PAYMENT_VERDICT_NOTHING, PAYMENT_ORDER_DECLINED, REFUSAL_CURRENCY,
          100 },
        { "answer_to_nothing", { UNSUCCESSFUL }, 1,
          PAYMENT_VERDICT_CONTRADICTED, PAYMENT_ORDER_UNKNOWN, 0, 100 },
        { "answer_to_a_cancel", { CANCEL, UNSUCCESSFUL }, 2,
          PAYMENT_VERDICT_CONTRADICTED, PAYMENT_ORDER_CANCELLED,
          REFUSAL_CANCELLED, 100 },
        { "success_of_nothing", { SUCCESSFUL }, 1, PAYMENT_VERDICT_NOTHING,
          PAYMENT_ORDER_UNKNOWN, 0, 100 },
    };
    size_t i;
    int k;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        struct account account = account_with(100);
        struct payment_order order;
        enum payment_verdict last = PAYMENT_VERDICT_COUNT;

        memset(&order, 0, sizeof order);
        for (k = 0; k < rows[i].count; k++)
            last = apply(&account, &order, rows[i].inputs[k]);
        if (last != rows[i].last || order.status != rows[i].status ||
            order.reason != rows[i].reason ||
            account.balance.minor != rows[i].balance)
            fail_msg("%s: verdict %d status %d reason %s balance %lld",
                     rows[i].name, (int)last, (int)order.status,
                     refusal_name(order.reason),
                     (long long)account.balance.minor);
    }
}

/* A cancel that gives any other reason is a cancel. */
static void
test_payment_decide_cancel_reason_is_cancelled_or_timeout(void **state)
{
    struct payment_order order;
    struct account account = account_with(100);

    (void)state;
    memset(&order, 0, sizeof order);
    assert_int_equal(payment_decide_cancel(&account, &order, user,
                                           REFUSAL_CREDIT),
                     PAYMENT_VERDICT_REMEMBERED);
    assert_int_equal(order.reason, REFUSAL_CANCELLED);
}

static void
test_payment_decide_credit_table(void **state)
{
    struct account account = account_with(100), none;
    struct payment_credit credit, refused;
    enum refusal reason;

    (void)state;
    memset(&none, 0, sizeof none);
    memset(&credit, 0, sizeof credit);
    memset(&refused, 0, sizeof refused);
    assert_true(payment_decide_credit(&account, &credit, user,
                                      (struct money){ 50 }, &reason));
    assert_int_equal(reason, REFUSAL_NONE);
    assert_int_equal(account.balance.minor, 150);
    /* The same again, and the same id for something else. */
    assert_false(payment_decide_credit(&account, &credit, user,
                                       (struct money){ 50 }, &reason));
    assert_int_equal(reason, REFUSAL_NONE);
    assert_false(payment_decide_credit(&account, &credit, user,
                                       (struct money){ 51 }, &reason));
    assert_int_equal(reason, REFUSAL_DUPLICATE);
    assert_false(payment_decide_credit(&account, &credit, stranger,
                                       (struct money){ 50 }, &reason));
    assert_int_equal(reason, REFUSAL_DUPLICATE);
    assert_int_equal(account.balance.minor, 150);
    /* What was refused stays refused, also when the user has come. */
    assert_true(payment_decide_credit(&none, &refused, user,
                                      (struct money){ 50 }, &reason));
    assert_int_equal(reason, REFUSAL_UNKNOWN_USER);
    assert_false(payment_decide_credit(&account, &refused, user,
                                       (struct money){ 50 }, &reason));
    assert_int_equal(reason, REFUSAL_NONE);
    assert_int_equal(account.balance.minor, 150);
    assert_true(payment_decide_credit(&account, &(struct payment_credit){ 0 },
                                      user, (struct money){ 0 }, &reason));
    assert_int_equal(reason, REFUSAL_LIMIT);
}

/* ---- a naive model: what may each user spend? --------------------------- */

#define MODEL_USERS 5
#define MODEL_ORDERS 400
#define MODEL_STEPS 2000
#define MODEL_ROUNDS 100

struct model_order {
    bool known, taken, cancelled;
    int user;
    int64_t price;
};

struct model {
    int64_t spendable[MODEL_USERS]; /* -1: there is no such user */
    bool frozen[MODEL_USERS];
    struct model_order orders[MODEL_ORDERS];
};

struct run {
    struct account accounts[MODEL_USERS];
    struct payment_order orders[MODEL_ORDERS];
    struct model model;
};

static bool
model_buys(const struct model *model, int u, int64_t price)
{
    return model->spendable[u] >= 0 && !model->frozen[u] && price > 0 &&
           price <= model->spendable[u];
}

static void
step_purchase(struct run *run, int o, int u, int64_t price)
{
    struct model_order *expected = &run->model.orders[o];
    const struct payment_purchase purchase = { { (uint64_t)u + 1 },
                                               { price }, "USD" };
    enum payment_verdict verdict;

    verdict = payment_decide_purchase(&run->accounts[u], &run->orders[o],
                                      &purchase);
    if (expected->known) {
        assert_int_equal(verdict,
                         expected->user == u && expected->price == price
                             ? PAYMENT_VERDICT_NOTHING
                             : PAYMENT_VERDICT_CONFLICT);
        return;
    }
    expected->known = true;
    expected->user = u;
    expected->price = price;
    expected->taken =
        !expected->cancelled && model_buys(&run->model, u, price);
    if (expected->taken)
        run->model.spendable[u] -= price;
    assert_int_equal(verdict, expected->taken ? PAYMENT_VERDICT_APPROVED
                                              : PAYMENT_VERDICT_DECLINED);
}

static void
step_take_back(struct run *run, int o, int u, bool cancel)
{
    struct model_order *expected = &run->model.orders[o];
    struct account *account = &run->accounts[u];
    const struct user_id id = { (uint64_t)u + 1 };
    bool back = expected->taken && expected->user == u;
    enum payment_verdict verdict;

    verdict = cancel ? payment_decide_cancel(account, &run->orders[o], id,
                                             REFUSAL_CANCELLED)
                     : answer(account, &run->orders[o], id, expected->price,
                              TRANSACTION_UNSUCCESSFUL, REFUSAL_LIMIT);
    if (back) {
        run->model.spendable[u] += expected->price;
        expected->taken = false;
    }
    assert_int_equal(verdict == PAYMENT_VERDICT_REFUNDED, back);
    assert_int_equal(verdict == PAYMENT_VERDICT_CONTRADICTED,
                     !cancel && (!expected->known || expected->user != u));
    if (cancel && !expected->known)
        expected->cancelled = true;
}

static void
step_account(struct run *run, int u, int64_t amount, int what)
{
    struct account *account = &run->accounts[u];
    int64_t *spendable = &run->model.spendable[u];
    const struct user_id id = { (uint64_t)u + 1 };
    bool known = *spendable >= 0;

    if (what == 0) {
        assert_int_equal(account_open(account, id, (struct money){ amount },
                                      "USD"),
                         known ? REFUSAL_DUPLICATE : REFUSAL_NONE);
        if (!known)
            *spendable = amount;
    } else if (what == 1) {
        assert_int_equal(account_credit(account, (struct money){ amount }),
                         !known        ? REFUSAL_UNKNOWN_USER
                         : amount == 0 ? REFUSAL_LIMIT
                                       : REFUSAL_NONE);
        if (known)
            *spendable += amount;
    } else {
        assert_int_equal(what == 2 ? account_freeze(account)
                                   : account_thaw(account),
                         known ? REFUSAL_NONE : REFUSAL_UNKNOWN_USER);
        run->model.frozen[u] = known && what == 2;
    }
}

static void
step(struct run *run, unsigned *seed)
{
    int u = rand_r(seed) % MODEL_USERS;
    int o = rand_r(seed) % MODEL_ORDERS;
    int64_t amount = rand_r(seed) % 100;

    switch (rand_r(seed) % 16) {
    case 0: case 1:
        step_take_back(run, o, u, true);
        break;
    case 2: case 3:
        step_take_back(run, o, u, false);
        break;
    case 4:
        step_account(run, u, amount, rand_r(seed) % 4);
        break;
    case 5:
        if (run->model.orders[o].known) /* as it was, by its own user */
            step_purchase(run, o, run->model.orders[o].user,
                          run->model.orders[o].price);
        break;
    default:
        step_purchase(run, o, u, amount - 2);
        break;
    }
}

static void
g4_random_events_agree_with_a_naive_model(void **state)
{
    const char *given = getenv("SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : 4711;
    struct run *run = calloc(1, sizeof *run);
    int round, i, u;

    (void)state;
    assert_non_null(run);
    for (round = 0; round < MODEL_ROUNDS; round++) {
        printf("seed %u\n", seed);
        memset(run, 0, sizeof *run);
        for (u = 0; u < MODEL_USERS; u++)
            run->model.spendable[u] = -1;
        for (i = 0; i < MODEL_STEPS; i++) {
            step(run, &seed);
            for (u = 0; u < MODEL_USERS; u++) {
                int64_t spendable = run->model.spendable[u];
                assert_true(account_lawful(&run->accounts[u]));
                assert_int_equal(run->accounts[u].balance.minor,
                                 spendable < 0 ? 0 : spendable);
            }
        }
    }
    free(run);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_payment_decide_orders_of_arrival),
        cmocka_unit_test(
            test_payment_decide_cancel_reason_is_cancelled_or_timeout),
        cmocka_unit_test(test_payment_decide_credit_table),
        cmocka_unit_test(g4_random_events_agree_with_a_naive_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
