/* The rules of the ledger: each verdict, and what contradicts the books. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger/ledger_post.h"

#define NOTHING LEDGER_VERDICT_NOTHING
#define BOOKED LEDGER_VERDICT_BOOKED
#define UNBOOKED LEDGER_VERDICT_UNBOOKED
#define REVERSED LEDGER_VERDICT_REVERSED
#define REFUSED LEDGER_VERDICT_REFUSED
#define RETURNED LEDGER_VERDICT_RETURNED
#define DENIED LEDGER_VERDICT_CONTRADICTED

/* The order, where there is one, is of user 7 and costs 60. */
static void
test_ledger_post_payment_table(void **state)
{
    static const struct {
        const char *name;
        enum ledger_order_status order;
        enum payment_status status;
        enum refusal reason;
        uint64_t user;
        int64_t price, balance, told;
        enum ledger_verdict verdict;
    } rows[] = {
        { "approved", 0, PAYMENT_APPROVED, 0, 7, 60, 100, 40, BOOKED },
        { "approved_to_zero", 0, PAYMENT_APPROVED, 0, 7, 60, 60, 0, BOOKED },
        { "approved_told_one_more", 0, PAYMENT_APPROVED, 0, 7, 60, 100, 41,
          DENIED },
        { "approved_told_one_less", 0, PAYMENT_APPROVED, 0, 7, 60, 100, 39,
          DENIED },
        { "approved_below_zero", 0, PAYMENT_APPROVED, 0, 7, 60, 59, -1,
          DENIED },
        { "approved_for_nothing", 0, PAYMENT_APPROVED, 0, 7, 0, 100, 100,
          DENIED },
        { "approved_negative", 0, PAYMENT_APPROVED, 0, 7, -60, 100, 160,
          DENIED },
        { "declined", 0, PAYMENT_DECLINED, REFUSAL_CREDIT, 7, 60, 40, 40,
          UNBOOKED },
        { "declined_unknown_user", 0, PAYMENT_DECLINED, REFUSAL_UNKNOWN_USER,
          7, 60, 0, 0, UNBOOKED },
        { "declined_told_other", 0, PAYMENT_DECLINED, REFUSAL_CREDIT, 7, 60,
          40, 41, DENIED },
        { "declined_conflict", 0, PAYMENT_DECLINED, REFUSAL_DUPLICATE, 7, 60,
          40, 40, NOTHING },
        { "conflict_told_other", 0, PAYMENT_DECLINED, REFUSAL_DUPLICATE, 7,
          60, 40, 41, DENIED },
        { "refund_of_nothing", 0, PAYMENT_REFUNDED, REFUSAL_CANCELLED, 7, 60,
          40, 100, DENIED },
        { "declined_for_no_reason", 0, PAYMENT_DECLINED, 0, 7, 60, 40, 40,
          DENIED },
        { "no_status", 0, PAYMENT_UNSET, 0, 7, 60, 100, 100, DENIED },

        { "approved_again", LEDGER_ORDER_BOOKED, PAYMENT_APPROVED, 0, 7, 60,
          30, 40, NOTHING },
        { "declined_again", LEDGER_ORDER_UNBOOKED, PAYMENT_DECLINED,
          REFUSAL_CREDIT, 7, 60, 30, 40, NOTHING },
        { "approved_after_unbooked", LEDGER_ORDER_UNBOOKED, PAYMENT_APPROVED,
          0, 7, 60, 100, 40, NOTHING },
        { "conflict_with_booked", LEDGER_ORDER_BOOKED, PAYMENT_DECLINED,
          REFUSAL_DUPLICATE, 8, 60, 100, 100, NOTHING },

        { "refund", LEDGER_ORDER_BOOKED, PAYMENT_REFUNDED, REFUSAL_CANCELLED,
          7, 60, 40, 100, REVERSED },
        { "refund_told_other", LEDGER_ORDER_BOOKED, PAYMENT_REFUNDED,
          REFUSAL_CANCELLED, 7, 60, 40, 99, DENIED },
        { "refund_of_other_price", LEDGER_ORDER_BOOKED, PAYMENT_REFUNDED,
          REFUSAL_CANCELLED, 7, 61, 40, 101, DENIED },
        { "refund_to_other_user", LEDGER_ORDER_BOOKED, PAYMENT_REFUNDED,
          REFUSAL_CANCELLED, 8, 60, 40, 100, DENIED },
        { "refund_again", LEDGER_ORDER_REVERSED, PAYMENT_REFUNDED,
          REFUSAL_CANCELLED, 7, 60, 10, 100, NOTHING },
        { "refund_of_declined_as_it_stood", LEDGER_ORDER_UNBOOKED,
          PAYMENT_REFUNDED, REFUSAL_LIMIT, 7, 60, 100, 100, DENIED },
        { "refund_of_declined", LEDGER_ORDER_UNBOOKED, PAYMENT_REFUNDED,
          REFUSAL_CANCELLED, 7, 60, 40, 100, DENIED },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct ledger_order order = { rows[i].order, { 7 }, { 60 },
                                            { 1 }, 1 };
        const struct ledger_payment payment = {
            rows[i].status,    rows[i].reason,    { rows[i].user },
            { rows[i].price }, { rows[i].told },
        };
        const struct ledger_standing standing = { { rows[i].balance }, { 0 } };
        enum ledger_verdict verdict = ledger_post_payment(
            &order, &standing, &payment, (struct money){ 0 });

        if (verdict != rows[i].verdict)
            fail_msg("%s: %d", rows[i].name, (int)verdict);
    }
}

#define MAX MONEY_MINOR_MAX

/* The limit is 50; the order, where there is one, is of user 7 and costs 60.
 * Of what the ledger holds some is awaited. */
static void
test_ledger_post_limit_table(void **state)
{
    static const struct {
        const char *name;
        enum ledger_order_status order;
        enum payment_status status;
        uint64_t user;
        int64_t price, balance, awaiting, told;
        enum ledger_verdict verdict;
    } rows[] = {
        { "at_the_limit", 0, PAYMENT_APPROVED, 7, 50, 100, 0, 50, BOOKED },
        { "one_above", 0, PAYMENT_APPROVED, 7, 51, 100, 0, 49, REFUSED },
        { "above_told_other", 0, PAYMENT_APPROVED, 7, 51, 100, 0, 50, DENIED },
        { "above_all_there_is", 0, PAYMENT_APPROVED, 7, 60, 60, 0, 0,
          REFUSED },
        { "above_more_than_there_is", 0, PAYMENT_APPROVED, 7, 60, 59, 0, -1,
          DENIED },
        { "above_while_another_is_awaited", 0, PAYMENT_APPROVED, 7, 60, 130,
          70, 0, REFUSED },
        { "above_more_than_is_left", 0, PAYMENT_APPROVED, 7, 60, 130, 71, -1,
          DENIED },
        { "booked_while_another_is_awaited", 0, PAYMENT_APPROVED, 7, 30, 100,
          60, 10, BOOKED },
        { "booked_from_what_is_awaited", 0, PAYMENT_APPROVED, 7, 50, 100, 60,
          -10, DENIED },
        { "booked_as_if_none_were_awaited", 0, PAYMENT_APPROVED, 7, 30, 100,
          60, 70, DENIED },
        { "declined_while_another_is_awaited", 0, PAYMENT_DECLINED, 7, 60,
          100, 60, 40, UNBOOKED },
        { "returned", LEDGER_ORDER_REFUSED, PAYMENT_REFUNDED, 7, 60, 100, 60,
          100, RETURNED },
        { "returned_one_of_two", LEDGER_ORDER_REFUSED, PAYMENT_REFUNDED, 7,
          60, 150, 130, 80, RETURNED },
        { "returned_of_all_money", LEDGER_ORDER_REFUSED, PAYMENT_REFUNDED, 7,
          60, MAX, 60, MAX, RETURNED },
        { "returned_told_other", LEDGER_ORDER_REFUSED, PAYMENT_REFUNDED, 7,
          60, 100, 60, 99, DENIED },
        { "returned_other_price", LEDGER_ORDER_REFUSED, PAYMENT_REFUNDED, 7,
          61, 101, 61, 101, DENIED },
        { "returned_to_other_user", LEDGER_ORDER_REFUSED, PAYMENT_REFUNDED,
          8, 60, 100, 60, 100, DENIED },
        { "returned_but_none_awaited", LEDGER_ORDER_REFUSED,
          PAYMENT_REFUNDED, 7, 60, 100, 0, 160, DENIED },
        { "returned_again", LEDGER_ORDER_RETURNED, PAYMENT_REFUNDED, 7, 60,
          100, 0, 40, NOTHING },
        { "approved_again", LEDGER_ORDER_REFUSED, PAYMENT_APPROVED, 7, 60,
          100, 60, 40, NOTHING },
        { "reversed_while_another_is_awaited", LEDGER_ORDER_BOOKED,
          PAYMENT_REFUNDED, 7, 60, 100, 70, 90, REVERSED },
        { "reversed_beyond_the_range", LEDGER_ORDER_BOOKED, PAYMENT_REFUNDED,
          7, 60, MAX, 60, MAX, DENIED },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct ledger_order order = { rows[i].order, { 7 }, { 60 },
                                            { 0 }, 0 };
        const struct ledger_payment payment = {
            rows[i].status,    REFUSAL_CREDIT,    { rows[i].user },
            { rows[i].price }, { rows[i].told },
        };
        const struct ledger_standing standing = { { rows[i].balance },
                                                  { rows[i].awaiting } };
        enum ledger_verdict verdict = ledger_post_payment(
            &order, &standing, &payment, (struct money){ 50 });

        if (verdict != rows[i].verdict)
            fail_msg("%s: %d", rows[i].name, (int)verdict);
    }
}

/* An account's changes while 60 of its money are awaited. */
static void
test_ledger_post_change_while_awaiting_table(void **state)
{
    static const struct {
        const char *name;
        enum account_change change;
        int64_t amount, balance, told;
        enum ledger_verdict verdict;
    } rows[] = {
        { "credited", ACCOUNT_CHANGE_CREDITED, 50, 100, 90, BOOKED },
        { "credited_told_all", ACCOUNT_CHANGE_CREDITED, 50, 100, 150, DENIED },
        { "credited_beyond_the_range", ACCOUNT_CHANGE_CREDITED, 60, MAX, MAX,
          DENIED },
        { "frozen", ACCOUNT_CHANGE_FROZEN, 0, 100, 40, NOTHING },
        { "frozen_told_all", ACCOUNT_CHANGE_FROZEN, 0, 100, 100, DENIED },
    };
    const struct money awaiting = { 60 };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct ledger_standing standing = { { rows[i].balance },
                                                  awaiting };
        enum ledger_verdict verdict = ledger_post_change(
            rows[i].change, (struct money){ rows[i].amount }, &standing,
            (struct money){ rows[i].told });

        if (verdict != rows[i].verdict)
            fail_msg("%s: %d", rows[i].name, (int)verdict);
    }
}

static void
test_ledger_post_change_table(void **state)
{
    static const struct {
        const char *name;
        enum account_change change;
        int64_t amount, balance, told;
        enum ledger_verdict verdict;
    } rows[] = {
        { "opened", ACCOUNT_CHANGE_OPENED, 100, 0, 100, BOOKED },
        { "opened_empty", ACCOUNT_CHANGE_OPENED, 0, 0, 0, NOTHING },
        { "opened_empty_told_other", ACCOUNT_CHANGE_OPENED, 0, 0, 1, DENIED },
        { "opened_twice", ACCOUNT_CHANGE_OPENED, 100, 100, 100, DENIED },
        { "opened_negative", ACCOUNT_CHANGE_OPENED, -1, 1, 0, DENIED },
        { "credited", ACCOUNT_CHANGE_CREDITED, 50, 100, 150, BOOKED },
        { "credited_told_other", ACCOUNT_CHANGE_CREDITED, 50, 100, 151,
          DENIED },
        { "credited_nothing", ACCOUNT_CHANGE_CREDITED, 0, 100, 100, DENIED },
        { "frozen", ACCOUNT_CHANGE_FROZEN, 0, 100, 100, NOTHING },
        { "frozen_told_other", ACCOUNT_CHANGE_FROZEN, 0, 100, 99, DENIED },
        { "thawed", ACCOUNT_CHANGE_THAWED, 0, 100, 100, NOTHING },
        { "refused", ACCOUNT_CHANGE_REFUSED, 50, 100, 100, NOTHING },
        { "refused_unknown_user", ACCOUNT_CHANGE_REFUSED, 50, 0, 0, NOTHING },
        { "refused_told_other", ACCOUNT_CHANGE_REFUSED, 50, 100, 150,
          DENIED },
        { "unset", ACCOUNT_CHANGE_UNSET, 0, 100, 100, DENIED },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct ledger_standing standing = { { rows[i].balance }, { 0 } };
        enum ledger_verdict verdict = ledger_post_change(
            rows[i].change, (struct money){ rows[i].amount }, &standing,
            (struct money){ rows[i].told });

        if (verdict != rows[i].verdict)
            fail_msg("%s: %d", rows[i].name, (int)verdict);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ledger_post_payment_table),
        cmocka_unit_test(test_ledger_post_limit_table),
        cmocka_unit_test(test_ledger_post_change_table),
        cmocka_unit_test(test_ledger_post_change_while_awaiting_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
