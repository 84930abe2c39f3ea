#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "gateway/gateway_fold.h"

#define NOW 900

static const struct order_row created = {
    .order = { 7 }, .user = { 3 }, .product = { 2 }, .quantity = 4,
    .price = { 300 }, .status = ORDER_CREATED, .created_us = 100,
    .updated_us = 100,
};

static struct event
transaction(enum transaction_status status, uint64_t id, enum refusal reason)
{
    struct event event;

    memset(&event, 0, sizeof event);
    event.type = EVENT_TRANSACTION;
    event.order = created.order;
    event.user = created.user;
    event.price = created.price;
    event.transaction_status = status;
    event.transaction.value = id;
    event.reason = reason;
    event.decided_us = 500;
    event.time_us = 600;
    return event;
}

static void
test_order_fold_success_completes(void **state)
{
    const struct event event = transaction(TRANSACTION_SUCCESSFUL, 11, 0);
    struct order_row row = created;

    (void)state;
    assert_int_equal(order_fold_transaction(&row, &event, NOW),
                     ORDER_FOLD_MOVED);
    assert_int_equal(row.status, ORDER_COMPLETED);
    assert_int_equal(row.transaction.value, 11);
    assert_int_equal(row.decided_us, 500);
    assert_int_equal(row.written_us, 600);
    assert_int_equal(row.updated_us, NOW);
    assert_int_equal(row.created_us, 100);
}

static void
test_order_fold_refusal_fails_with_its_reason(void **state)
{
    const struct event event =
        transaction(TRANSACTION_UNSUCCESSFUL, 0, REFUSAL_CREDIT);
    struct order_row row = created;

    (void)state;
    assert_int_equal(order_fold_transaction(&row, &event, NOW),
                     ORDER_FOLD_MOVED);
    assert_int_equal(row.status, ORDER_FAILED);
    assert_int_equal(row.reason, REFUSAL_CREDIT);
    assert_int_equal(row.transaction.value, 0);
}

static void
test_order_fold_reversal_cancels_and_keeps_the_transaction(void **state)
{
    const struct event success = transaction(TRANSACTION_SUCCESSFUL, 11, 0);
    const struct event reversal =
        transaction(TRANSACTION_REVERSED, 11, REFUSAL_CANCELLED);
    struct order_row row = created;

    (void)state;
    order_fold_transaction(&row, &success, NOW);
    row.decided_us = 3;
    row.written_us = 4;
    assert_int_equal(order_fold_transaction(&row, &reversal, NOW + 1),
                     ORDER_FOLD_MOVED);
    assert_int_equal(row.status, ORDER_CANCELLED);
    assert_int_equal(row.reason, REFUSAL_CANCELLED);
    assert_int_equal(row.transaction.value, 11);
    assert_true(row.decided_us == 3 && row.written_us == 4);
    assert_true(row.refunded_us == 500 && row.reversed_us == 600);
    assert_int_equal(order_fold_transaction(&row, &reversal, NOW + 2),
                     ORDER_FOLD_REPEATED);
    assert_int_equal(row.updated_us, NOW + 1);
}

/* Its cancel was emitted while it was open: REVERSED will follow, and until
 * then it has not ended. */
static void
test_order_fold_success_does_not_end_a_cancelled_order(void **state)
{
    const struct event success = transaction(TRANSACTION_SUCCESSFUL, 11, 0);
    const struct event other = transaction(TRANSACTION_SUCCESSFUL, 12, 0);
    const struct event failure =
        transaction(TRANSACTION_UNSUCCESSFUL, 0, REFUSAL_CREDIT);
    const struct event reversal =
        transaction(TRANSACTION_REVERSED, 11, REFUSAL_TIMEOUT);
    struct order_row row = created;

    (void)state;
    row.cancel_us = 200;
    assert_int_equal(order_fold_transaction(&row, &success, NOW),
                     ORDER_FOLD_MOVED);
    assert_int_equal(row.status, ORDER_CREATED);
    assert_int_equal(row.transaction.value, 11);
    assert_true(row.decided_us == 500 && row.written_us == 600);
    assert_int_equal(row.updated_us, 100);
    assert_int_equal(order_fold_transaction(&row, &success, NOW),
                     ORDER_FOLD_REPEATED);
    assert_int_equal(order_fold_transaction(&row, &other, NOW),
                     ORDER_FOLD_CONTRADICTED);
    assert_int_equal(order_fold_transaction(&row, &failure, NOW),
                     ORDER_FOLD_CONTRADICTED);
    assert_int_equal(order_fold_transaction(&row, &reversal, NOW),
                     ORDER_FOLD_MOVED);
    assert_int_equal(row.status, ORDER_CANCELLED);
    assert_int_equal(row.reason, REFUSAL_TIMEOUT);
    assert_int_equal(row.updated_us, NOW);
}

/* The cancel came too late, or for an order that was declined. */
static void
test_order_fold_failure_ends_a_cancelled_order(void **state)
{
    const struct event failure =
        transaction(TRANSACTION_UNSUCCESSFUL, 0, REFUSAL_CREDIT);
    struct order_row row = created;

    (void)state;
    row.cancel_us = 200;
    assert_int_equal(order_fold_transaction(&row, &failure, NOW),
                     ORDER_FOLD_MOVED);
    assert_int_equal(row.status, ORDER_FAILED);
    assert_int_equal(row.reason, REFUSAL_CREDIT);
}

static void
test_order_fold_refund_is_noted_once(void **state)
{
    struct event event = transaction(0, 0, REFUSAL_LIMIT);
    struct order_row row = created;

    (void)state;
    event.user.value++;
    assert_false(order_fold_refund(&row, &event));
    event.user = row.user;
    assert_true(order_fold_refund(&row, &event));
    assert_int_equal(row.refunded_us, 600);
    assert_int_equal(row.status, ORDER_CREATED);
    event.time_us = 700;
    assert_false(order_fold_refund(&row, &event));
    assert_int_equal(row.refunded_us, 600);
}

/* What follows on an order that has ended, and changes nothing. */
static void
test_order_fold_after_the_end_repeats_or_contradicts(void **state)
{
    static const struct {
        const char *name;
        enum transaction_status first, then;
        uint64_t first_id, then_id;
        enum refusal first_reason, then_reason;
        enum order_fold expected;
    } cases[] = {
        { "same_success", 1, 1, 11, 11, 0, 0, ORDER_FOLD_REPEATED },
        { "other_transaction", 1, 1, 11, 12, 0, 0, ORDER_FOLD_CONTRADICTED },
        { "failure_after_success", 1, 2, 11, 0, 0, REFUSAL_CREDIT,
          ORDER_FOLD_CONTRADICTED },
        { "same_failure", 2, 2, 0, 0, REFUSAL_CREDIT, REFUSAL_CREDIT,
          ORDER_FOLD_REPEATED },
        { "other_reason", 2, 2, 0, 0, REFUSAL_CREDIT, REFUSAL_FROZEN,
          ORDER_FOLD_CONTRADICTED },
        { "success_after_failure", 2, 1, 0, 11, REFUSAL_CREDIT, 0,
          ORDER_FOLD_CONTRADICTED },
        { "reversal_after_failure", 2, 3, 0, 0, REFUSAL_CREDIT, 0,
          ORDER_FOLD_CONTRADICTED },
        { "reversal_of_another_transaction", 1, 3, 11, 12, 0,
          REFUSAL_CANCELLED, ORDER_FOLD_CONTRADICTED },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct event first = transaction(
            cases[i].first, cases[i].first_id, cases[i].first_reason);
        const struct event then = transaction(
            cases[i].then, cases[i].then_id, cases[i].then_reason);
        struct order_row row = created, before;

        assert_int_equal(order_fold_transaction(&row, &first, NOW),
                         ORDER_FOLD_MOVED);
        before = row;
        if (order_fold_transaction(&row, &then, NOW) != cases[i].expected)
            fail_msg("%s", cases[i].name);
        assert_memory_equal(&row, &before, sizeof row);
    }
}

static void
test_order_fold_of_another_user_or_price_contradicts(void **state)
{
    struct event event = transaction(TRANSACTION_SUCCESSFUL, 11, 0);
    struct order_row row = created;

    (void)state;
    event.user.value++;
    assert_int_equal(order_fold_transaction(&row, &event, NOW),
                     ORDER_FOLD_CONTRADICTED);
    event = transaction(TRANSACTION_SUCCESSFUL, 11, 0);
    event.price.minor--;
    assert_int_equal(order_fold_transaction(&row, &event, NOW),
                     ORDER_FOLD_CONTRADICTED);
    assert_memory_equal(&row, &created, sizeof row);
}

static void
test_user_fold_follows_the_table(void **state)
{
    static const struct {
        const char *name;
        enum user_state before;
        enum account_change change; /* or the payment's status */
        enum payment_status payment;
        enum refusal reason;
        enum user_state after;
        bool changed;
        uint32_t present;
    } cases[] = {
        { "opened", USER_OPENING, ACCOUNT_CHANGE_OPENED, 0, 0, USER_ACTIVE,
          true, 0 },
        { "opened_by_another_gateway", USER_ABSENT, ACCOUNT_CHANGE_OPENED, 0,
          0, USER_ACTIVE, true, 0 },
        { "credited", USER_ACTIVE, ACCOUNT_CHANGE_CREDITED, 0, 0, USER_ACTIVE,
          true, 0 },
        { "credited_unheard_of", USER_ABSENT, ACCOUNT_CHANGE_CREDITED, 0, 0,
          USER_ACTIVE, true, 0 },
        { "credited_while_frozen", USER_FROZEN, ACCOUNT_CHANGE_CREDITED, 0, 0,
          USER_FROZEN, true, 0 },
        { "frozen", USER_ACTIVE, ACCOUNT_CHANGE_FROZEN, 0, 0, USER_FROZEN,
          true, 0 },
        { "thawed", USER_FROZEN, ACCOUNT_CHANGE_THAWED, 0, 0, USER_ACTIVE,
          true, 0 },
        { "opening_refused", USER_OPENING, ACCOUNT_CHANGE_REFUSED, 0,
          REFUSAL_LIMIT, USER_ABSENT, true, 0 },
        { "credit_refused_before_opening", USER_OPENING,
          ACCOUNT_CHANGE_REFUSED, 0, REFUSAL_UNKNOWN_USER, USER_OPENING,
          false, 0 },
        { "credit_conflicts_before_opening", USER_OPENING,
          ACCOUNT_CHANGE_REFUSED, 0, REFUSAL_DUPLICATE, USER_OPENING, false,
          EVENT_HAS(FIELD_CREDIT_ID) },
        { "second_opening_refused", USER_ACTIVE, ACCOUNT_CHANGE_REFUSED, 0,
          REFUSAL_DUPLICATE, USER_ACTIVE, false, 0 },
        { "unset", USER_ACTIVE, ACCOUNT_CHANGE_UNSET, 0, 0, USER_ACTIVE,
          false, 0 },
        { "paid", USER_ACTIVE, 0, PAYMENT_APPROVED, 0, USER_ACTIVE, true, 0 },
        { "paid_unheard_of", USER_ABSENT, 0, PAYMENT_APPROVED, 0, USER_ACTIVE,
          true, 0 },
        { "refunded_while_frozen", USER_FROZEN, 0, PAYMENT_REFUNDED, 0,
          USER_FROZEN, true, 0 },
        { "declined", USER_ACTIVE, 0, PAYMENT_DECLINED, REFUSAL_CREDIT,
          USER_ACTIVE, false, 0 },
        { "declined_unknown", USER_ABSENT, 0, PAYMENT_DECLINED,
          REFUSAL_UNKNOWN_USER, USER_ABSENT, false, 0 },
    };
    struct event event;
    struct user_row row;
    bool changed;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        memset(&event, 0, sizeof event);
        event.balance.minor = 77;
        event.present = cases[i].present;
        event.change = cases[i].change;
        event.payment_status = cases[i].payment;
        event.reason = cases[i].reason;
        row = (struct user_row){ { 3 }, { 5 }, cases[i].before, 1 };
        changed = cases[i].payment != 0
                      ? user_fold_payment(&row, &event, NOW)
                      : user_fold_change(&row, &event, NOW);
        if (changed != cases[i].changed || row.state != cases[i].after)
            fail_msg("%s: changed %d, state %d", cases[i].name, changed,
                     row.state);
        if (changed && row.state != USER_ABSENT)
            assert_true(row.balance.minor == 77 && row.updated_us == NOW);
        if (!changed)
            assert_true(row.balance.minor == 5 && row.updated_us == 1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_fold_success_completes),
        cmocka_unit_test(test_order_fold_refusal_fails_with_its_reason),
        cmocka_unit_test(
            test_order_fold_reversal_cancels_and_keeps_the_transaction),
        cmocka_unit_test(
            test_order_fold_success_does_not_end_a_cancelled_order),
        cmocka_unit_test(test_order_fold_failure_ends_a_cancelled_order),
        cmocka_unit_test(test_order_fold_refund_is_noted_once),
        cmocka_unit_test(test_order_fold_after_the_end_repeats_or_contradicts),
        cmocka_unit_test(test_order_fold_of_another_user_or_price_contradicts),
        cmocka_unit_test(test_user_fold_follows_the_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
