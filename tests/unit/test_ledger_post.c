/* The rules of the ledger: each verdict, and what is damage. */
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
#define DAMAGED LEDGER_VERDICT_DAMAGED

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
          DAMAGED },
        { "approved_told_one_less", 0, PAYMENT_APPROVED, 0, 7, 60, 100, 39,
          DAMAGED },
        { "approved_below_zero", 0, PAYMENT_APPROVED, 0, 7, 60, 59, -1,
          DAMAGED },
        { "approved_for_nothing", 0, PAYMENT_APPROVED, 0, 7, 0, 100, 100,
          DAMAGED },
        { "approved_negative", 0, PAYMENT_APPROVED, 0, 7, -60, 100, 160,
          DAMAGED },
        { "declined", 0, PAYMENT_DECLINED, REFUSAL_CREDIT, 7, 60, 40, 40,
          UNBOOKED },
        { "declined_unknown_user", 0, PAYMENT_DECLINED, REFUSAL_UNKNOWN_USER,
          7, 60, 0, 0, UNBOOKED },
        { "declined_told_other", 0, PAYMENT_DECLINED, REFUSAL_CREDIT, 7, 60,
          40, 41, DAMAGED },
        { "declined_conflict", 0, PAYMENT_DECLINED, REFUSAL_DUPLICATE, 7, 60,
          40, 40, NOTHING },
        { "conflict_told_other", 0, PAYMENT_DECLINED, REFUSAL_DUPLICATE, 7,
          60, 40, 41, DAMAGED },
        { "refund_of_nothing", 0, PAYMENT_REFUNDED, REFUSAL_CANCELLED, 7, 60,
          40, 100, DAMAGED },
        { "no_status", 0, PAYMENT_UNSET, 0, 7, 60, 100, 100, DAMAGED },

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
          REFUSAL_CANCELLED, 7, 60, 40, 99, DAMAGED },
        { "refund_of_other_price", LEDGER_ORDER_BOOKED, PAYMENT_REFUNDED,
          REFUSAL_CANCELLED, 7, 61, 40, 101, DAMAGED },
        { "refund_to_other_user", LEDGER_ORDER_BOOKED, PAYMENT_REFUNDED,
          REFUSAL_CANCELLED, 8, 60, 40, 100, DAMAGED },
        { "refund_again", LEDGER_ORDER_REVERSED, PAYMENT_REFUNDED,
          REFUSAL_CANCELLED, 7, 60, 10, 100, NOTHING },
        { "refund_of_unbooked", LEDGER_ORDER_UNBOOKED, PAYMENT_REFUNDED,
          REFUSAL_LIMIT, 7, 60, 100, 100, NOTHING },
        { "refund_of_declined", LEDGER_ORDER_UNBOOKED, PAYMENT_REFUNDED,
          REFUSAL_CANCELLED, 7, 60, 40, 100, DAMAGED },
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
        enum ledger_verdict verdict = ledger_post_payment(
            &order, (struct money){ rows[i].balance }, &payment);

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
        { "opened_empty_told_other", ACCOUNT_CHANGE_OPENED, 0, 0, 1, DAMAGED },
        { "opened_twice", ACCOUNT_CHANGE_OPENED, 100, 100, 100, DAMAGED },
        { "opened_negative", ACCOUNT_CHANGE_OPENED, -1, 1, 0, DAMAGED },
        { "credited", ACCOUNT_CHANGE_CREDITED, 50, 100, 150, BOOKED },
        { "credited_told_other", ACCOUNT_CHANGE_CREDITED, 50, 100, 151,
          DAMAGED },
        { "credited_nothing", ACCOUNT_CHANGE_CREDITED, 0, 100, 100, DAMAGED },
        { "frozen", ACCOUNT_CHANGE_FROZEN, 0, 100, 100, NOTHING },
        { "frozen_told_other", ACCOUNT_CHANGE_FROZEN, 0, 100, 99, DAMAGED },
        { "thawed", ACCOUNT_CHANGE_THAWED, 0, 100, 100, NOTHING },
        { "refused", ACCOUNT_CHANGE_REFUSED, 50, 100, 100, NOTHING },
        { "refused_unknown_user", ACCOUNT_CHANGE_REFUSED, 50, 0, 0, NOTHING },
        { "refused_told_other", ACCOUNT_CHANGE_REFUSED, 50, 100, 150,
          DAMAGED },
        { "unset", ACCOUNT_CHANGE_UNSET, 0, 100, 100, DAMAGED },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        enum ledger_verdict verdict = ledger_post_change(
            rows[i].change, (struct money){ rows[i].amount },
            (struct money){ rows[i].balance }, (struct money){ rows[i].told });

        if (verdict != rows[i].verdict)
            fail_msg("%s: %d", rows[i].name, (int)verdict);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ledger_post_payment_table),
        cmocka_unit_test(test_ledger_post_change_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
