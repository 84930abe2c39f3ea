/* What of an order's and a user's facts can't be true together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sagactl/verify_rules.h"

#define ASKED (FACT(FACT_PURCHASE) | FACT(FACT_PURCHASE_OWN))
#define READ (ASKED | FACT(FACT_PURCHASE_READ) | FACT(FACT_GATEWAY_ROW))
#define TOLD_A (FACT(FACT_APPROVED) | FACT(FACT_APPROVED_READ))
#define TOLD_D (FACT(FACT_DECLINED) | FACT(FACT_DECLINED_READ))
#define TOLD_R (FACT(FACT_REFUNDED) | FACT(FACT_REFUNDED_READ))
#define TOLD_S (FACT(FACT_SUCCESSFUL) | FACT(FACT_SUCCESSFUL_READ))
#define TOLD_U                                                                 \
    (FACT(FACT_UNSUCCESSFUL) | FACT(FACT_UNSUCCESSFUL_READ) |                  \
     FACT(FACT_REFUSAL_READ))
#define TOLD_V (FACT(FACT_REVERSED) | FACT(FACT_REVERSED_READ))
#define BOOKED FACT(FACT_ENTRY_PURCHASE)
#define UNDONE FACT(FACT_ENTRY_REVERSAL)
#define CANCEL                                                                 \
    (FACT(FACT_CANCEL_OWN) | FACT(FACT_CANCEL_READ) |                          \
     FACT(FACT_GATEWAY_CANCELS))
#define DONE (READ | TOLD_A | TOLD_S | BOOKED)
#define CANCELLED_ALL (DONE | CANCEL | TOLD_R | TOLD_V | UNDONE)
#define REFUSED_ALL (READ | TOLD_A | TOLD_U | TOLD_R)
#define DECLINED_ALL (READ | TOLD_D | TOLD_U)

struct order_case {
    const char *name;
    uint64_t facts;
    enum order_status gateway;
    enum payment_order_status payment;
    enum ledger_order_status ledger;
    uint64_t faults;
};

#define G(x) ORDER_##x
#define P(x) PAYMENT_ORDER_##x
#define L(x) LEDGER_ORDER_##x

static const struct order_case order_cases[] = {
    { "nothing", 0, G(UNSET), P(UNKNOWN), L(NONE), 0 },
    { "accepted", ASKED | FACT(FACT_GATEWAY_ROW), G(CREATED), P(UNKNOWN),
      L(NONE), 0 },
    { "decided", READ | FACT(FACT_APPROVED), G(CREATED), P(APPROVED), L(NONE),
      0 },
    { "booked, not heard of", READ | TOLD_A | FACT(FACT_SUCCESSFUL) | BOOKED,
      G(CREATED), P(APPROVED), L(BOOKED), 0 },
    { "completed", DONE, G(COMPLETED), P(APPROVED), L(BOOKED), 0 },
    { "declined", DECLINED_ALL, G(FAILED), P(DECLINED), L(UNBOOKED), 0 },
    { "refused, refund on its way", READ | TOLD_A | FACT(FACT_UNSUCCESSFUL),
      G(CREATED), P(APPROVED), L(REFUSED), 0 },
    { "refused, refunded", REFUSED_ALL, G(FAILED), P(REFUNDED), L(RETURNED),
      0 },
    { "cancelled", CANCELLED_ALL, G(CANCELLED), P(REFUNDED), L(REVERSED), 0 },
    { "completed, cancel on its way",
      DONE | FACT(FACT_CANCEL_OWN) | FACT(FACT_GATEWAY_CANCELS), G(COMPLETED),
      P(APPROVED), L(BOOKED), 0 },
    { "booked, held open by its cancel",
      DONE | FACT(FACT_CANCEL_OWN) | FACT(FACT_GATEWAY_CANCELS), G(CREATED),
      P(APPROVED), L(BOOKED), 0 },
    { "cancelled before it came",
      ASKED | CANCEL | FACT(FACT_GATEWAY_ROW), G(CREATED), P(CANCELLED),
      L(NONE), 0 },
    { "newer than the gateway's copy",
      FACT(FACT_PURCHASE) | FACT(FACT_PURCHASE_READ) | TOLD_A, G(UNSET),
      P(APPROVED), L(BOOKED),
      FACT(ORDER_FAULT_LEDGER_TOLD) | FACT(ORDER_FAULT_ENTRIES) },

    { "payment lost it", DONE, G(COMPLETED), P(UNKNOWN), L(BOOKED),
      FACT(ORDER_FAULT_UNANSWERED) | FACT(ORDER_FAULT_PAYMENT_TOLD) },
    { "parked at payment", READ | FACT(FACT_PARKED_PAYMENT), G(CREATED),
      P(UNKNOWN), L(NONE), 0 },
    { "unanswered", READ, G(CREATED), P(UNKNOWN), L(NONE),
      FACT(ORDER_FAULT_UNANSWERED) },
    { "unasked",
      (DONE & ~FACT(FACT_PURCHASE_READ)), G(COMPLETED), P(APPROVED), L(BOOKED),
      FACT(ORDER_FAULT_UNASKED) },
    { "cancelled, though nobody asked", ASKED | FACT(FACT_GATEWAY_ROW),
      G(CREATED), P(CANCELLED), L(NONE), FACT(ORDER_FAULT_UNCANCELLED) },
    { "cancel had no effect", DONE | CANCEL, G(COMPLETED), P(APPROVED),
      L(BOOKED), FACT(ORDER_FAULT_UNREFUNDED) },
    { "refunded for nothing", DONE | TOLD_R | TOLD_V | UNDONE, G(CANCELLED),
      P(REFUNDED), L(REVERSED), FACT(ORDER_FAULT_REFUND_UNASKED) },
    { "the ledger never answered", READ | TOLD_A, G(CREATED), P(APPROVED),
      L(NONE), FACT(ORDER_FAULT_UNBOOKED) },
    { "parked at the ledger", READ | TOLD_A | FACT(FACT_PARKED_LEDGER),
      G(CREATED), P(APPROVED), L(NONE), 0 },
    { "a decline was booked", READ | TOLD_D | TOLD_S | BOOKED, G(COMPLETED),
      P(DECLINED), L(BOOKED),
      FACT(ORDER_FAULT_UNBOOKED) | FACT(ORDER_FAULT_BOOKED_UNASKED) },
    { "a refund was not booked", CANCELLED_ALL & ~(UNDONE | TOLD_V),
      G(CREATED), P(REFUNDED), L(BOOKED), FACT(ORDER_FAULT_UNREVERSED) },
    { "booked twice over", DONE | UNDONE, G(COMPLETED), P(APPROVED),
      L(BOOKED), FACT(ORDER_FAULT_ENTRIES) },
    { "never booked", DONE & ~BOOKED, G(COMPLETED), P(APPROVED), L(BOOKED),
      FACT(ORDER_FAULT_ENTRIES) },
    { "the ledger told more", DONE | TOLD_V, G(CANCELLED), P(APPROVED),
      L(BOOKED), FACT(ORDER_FAULT_LEDGER_TOLD) },

    { "never published", FACT(FACT_GATEWAY_ROW), G(CREATED), P(UNKNOWN),
      L(NONE), FACT(ORDER_FAULT_UNPUBLISHED) },
    { "no row", ASKED, G(UNSET), P(UNKNOWN), L(NONE),
      FACT(ORDER_FAULT_NO_ROW) },
    { "a cancel that was never sent", DONE | FACT(FACT_GATEWAY_CANCELS),
      G(COMPLETED), P(APPROVED), L(BOOKED), FACT(ORDER_FAULT_CANCEL) },
    { "open for no reason", DONE, G(CREATED), P(APPROVED), L(BOOKED),
      FACT(ORDER_FAULT_STATUS) },
    { "open, but parked", DONE | FACT(FACT_PARKED_GATEWAY), G(CREATED),
      P(APPROVED), L(BOOKED), 0 },
    { "completed for no reason", ASKED | FACT(FACT_GATEWAY_ROW), G(COMPLETED),
      P(UNKNOWN), L(NONE), FACT(ORDER_FAULT_STATUS) },
    { "completed, though reversed", CANCELLED_ALL, G(COMPLETED), P(REFUNDED),
      L(REVERSED), FACT(ORDER_FAULT_STATUS) },
    { "completed, though refused", DECLINED_ALL, G(COMPLETED), P(DECLINED),
      L(UNBOOKED), FACT(ORDER_FAULT_STATUS) },
};

static void
test_verify_rules_orders_have_the_faults_of_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(order_cases); i++) {
        const struct order_case *c = &order_cases[i];
        const struct order_facts order = {
            .facts = c->facts,
            .gateway_status = (uint8_t)c->gateway,
            .payment_status = (uint8_t)c->payment,
            .ledger_status = (uint8_t)c->ledger,
        };

        if (order_faults(&order) != c->faults)
            fail_msg("%s: %#jx, not %#jx", c->name,
                     (uintmax_t)order_faults(&order), (uintmax_t)c->faults);
    }
}

static void
test_verify_rules_a_failed_order_has_the_reason_that_was_told(void **state)
{
    struct order_facts order = { .facts = DECLINED_ALL,
                                 .gateway_status = ORDER_FAILED,
                                 .payment_status = PAYMENT_ORDER_DECLINED,
                                 .ledger_status = LEDGER_ORDER_UNBOOKED,
                                 .gateway_reason = REFUSAL_CREDIT,
                                 .told_reason = REFUSAL_CREDIT };

    (void)state;
    assert_int_equal(order_faults(&order), 0);
    order.gateway_reason = REFUSAL_FROZEN;
    assert_int_equal(order_faults(&order), FACT(ORDER_FAULT_REASON));
}

/* ---- users ---- */

#define KNOWN                                                                  \
    (FACT(USER_FACT_ACCOUNT) | FACT(USER_FACT_OPENED) |                        \
     FACT(USER_FACT_OPEN_READ) | FACT(USER_FACT_LEDGER_TOLD) |                 \
     FACT(USER_FACT_GATEWAY_TOLD) | FACT(USER_FACT_GATEWAY_ROW))

/* Opened with 100, credited 20, paid 70, refunded 30; the ledger is one
 * purchase of 10 behind, and awaits a refund of 5. */
static struct user_facts
good_user(void)
{
    return (struct user_facts){
        .id = 7,
        .facts = KNOWN,
        .row = { 100, 20, 70, 30 },
        .told = { 100, 20, 70, 30 },
        .balance = 80,
        .credits = 20,
        .ledger_told = 90,
        .gateway_told = 80,
        .gateway_balance = 80,
        .ledger_awaiting = 5,
        .orders_awaiting = 5,
        .debits = 55,
        .credits_side = 150,
        .journal_debits = 55,
        .journal_credits = 150,
    };
}

static void
expect(const struct user_facts *user, uint64_t faults)
{
    assert_int_equal(user_faults(user), faults);
}

static void
test_verify_rules_users_money_adds_up(void **state)
{
    struct user_facts user = good_user();

    (void)state;
    expect(&user, 0);
    user.balance = 81;
    expect(&user, FACT(USER_FAULT_LAW));
    user = good_user();
    user.row.opened = user.told.opened = 0;
    user.balance = -20;
    expect(&user, FACT(USER_FAULT_LAW));
    user = good_user();
    user.row.refunded = user.told.refunded = 71;
    user.balance = 121;
    expect(&user, FACT(USER_FAULT_LAW)); /* more than it paid */
    user = good_user();
    user.told.paid = 69;
    expect(&user, FACT(USER_FAULT_SUMS));
    user = good_user();
    user.facts &= ~FACT(USER_FACT_OPENED);
    expect(&user, FACT(USER_FAULT_SUMS));
    user = good_user();
    user.facts |= FACT(USER_FACT_FROZEN);
    expect(&user, FACT(USER_FAULT_FROZEN));
    user = good_user();
    user.credits = 0;
    expect(&user, FACT(USER_FAULT_CREDITS));
}

static void
test_verify_rules_users_without_account_are_refused_or_parked(void **state)
{
    struct user_facts user = { .facts = FACT(USER_FACT_OPEN_READ) };

    (void)state;
    expect(&user, FACT(USER_FAULT_UNOPENED));
    user.facts |= FACT(USER_FACT_PARKED_PAYMENT);
    expect(&user, 0);
    user.facts = FACT(USER_FACT_OPEN_READ) | FACT(USER_FACT_REFUSED);
    expect(&user, 0);
}

static void
test_verify_rules_books_agree_with_payment(void **state)
{
    struct user_facts user = good_user();

    (void)state;
    user.ledger_told = 91;
    expect(&user, FACT(USER_FAULT_AGREES));
    user.facts |= FACT(USER_FACT_PARKED_LEDGER);
    expect(&user, 0);
    user = good_user();
    user.facts &= ~FACT(USER_FACT_LEDGER_TOLD);
    expect(&user, FACT(USER_FAULT_AGREES)); /* booked, and nobody asked */
    user = good_user();
    user.journal_debits = 54;
    expect(&user, FACT(USER_FAULT_BALANCE));
    user = good_user();
    user.orders_awaiting = 0;
    expect(&user, FACT(USER_FAULT_AWAITING));
}

static void
test_verify_rules_gateway_shows_what_was_told(void **state)
{
    struct user_facts user = good_user();

    (void)state;
    user.gateway_balance = 79;
    expect(&user, FACT(USER_FAULT_GATEWAY));
    user.facts |= FACT(USER_FACT_PARKED_GATEWAY);
    expect(&user, 0);
    user = good_user();
    user.facts &= ~FACT(USER_FACT_GATEWAY_ROW);
    expect(&user, FACT(USER_FAULT_GATEWAY));
    user.facts &= ~FACT(USER_FACT_GATEWAY_TOLD);
    expect(&user, 0); /* it has not heard of him yet */
}

static void
test_verify_rules_sums_stay_at_their_limit(void **state)
{
    const struct user_sums sums = { INT64_MAX, 5, INT64_MIN, 0 };
    int64_t sum = INT64_MAX - 1;

    (void)state;
    user_sum_add(&sum, 1);
    assert_int_equal(sum, INT64_MAX);
    user_sum_add(&sum, 1);
    assert_int_equal(sum, INT64_MAX);
    sum = INT64_MIN + 1;
    user_sum_add(&sum, -5);
    assert_int_equal(sum, INT64_MIN);
    assert_int_equal(user_sums_balance(&sums), INT64_MAX);
}

static void
test_verify_rules_every_fault_has_words_and_a_check(void **state)
{
    (void)state;
    for (int i = 0; i < ORDER_FAULT_COUNT; i++) {
        assert_true(order_fault_infos[i].check < VERIFY_CHECK_COUNT);
        assert_true(order_fault_infos[i].words[0] != '\0');
    }
    for (int i = 0; i < USER_FAULT_COUNT; i++) {
        assert_true(user_fault_infos[i].check < VERIFY_CHECK_COUNT);
        assert_true(user_fault_infos[i].words[0] != '\0');
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verify_rules_orders_have_the_faults_of_the_table),
        cmocka_unit_test(
            test_verify_rules_a_failed_order_has_the_reason_that_was_told),
        cmocka_unit_test(test_verify_rules_users_money_adds_up),
        cmocka_unit_test(
            test_verify_rules_users_without_account_are_refused_or_parked),
        cmocka_unit_test(test_verify_rules_books_agree_with_payment),
        cmocka_unit_test(test_verify_rules_gateway_shows_what_was_told),
        cmocka_unit_test(test_verify_rules_sums_stay_at_their_limit),
        cmocka_unit_test(test_verify_rules_every_fault_has_words_and_a_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
