/* The rules of one account: every refusal by rank, every edge of arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../support/dies.h"
#include "payment/payment_account.h"

static const struct user_id user = { 7 };

static struct account
opened_with(int64_t minor)
{
    struct account account;

    memset(&account, 0, sizeof account);
    assert_int_equal(
        account_open(&account, user, (struct money){ minor }, "USD"),
        REFUSAL_NONE);
    return account;
}

static void
test_account_open_table(void **state)
{
    static const struct {
        const char *name;
        int64_t amount;
        bool exists;
        enum refusal refusal;
    } rows[] = {
        { "with_money", 10000, false, REFUSAL_NONE },
        { "with_nothing", 0, false, REFUSAL_NONE },
        { "with_all_there_is", MONEY_MINOR_MAX, false, REFUSAL_NONE },
        { "twice", 10000, true, REFUSAL_DUPLICATE },
        { "twice_and_negative", -1, true, REFUSAL_DUPLICATE },
        { "negative", -1, false, REFUSAL_LIMIT },
        { "over_the_range", MONEY_MINOR_MAX + 1, false, REFUSAL_LIMIT },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        struct account account, before;

        memset(&account, 0, sizeof account);
        if (rows[i].exists)
            account = opened_with(500);
        before = account;
        if (account_open(&account, user, (struct money){ rows[i].amount },
                         "USD") != rows[i].refusal)
            fail_msg("%s", rows[i].name);
        assert_true(account_lawful(&account));
        if (rows[i].refusal != REFUSAL_NONE) {
            assert_memory_equal(&account, &before, sizeof account);
            continue;
        }
        assert_true(account.exists && !account.frozen);
        assert_int_equal(account.user.value, user.value);
        assert_int_equal(account.balance.minor, rows[i].amount);
        assert_int_equal(account.opened.minor, rows[i].amount);
        assert_string_equal(account.currency, "USD");
    }
}

static void
test_account_credit_table(void **state)
{
    static const struct {
        const char *name;
        int64_t opened;
        int64_t paid;
        int64_t amount;
        bool frozen;
        enum refusal refusal;
    } rows[] = {
        { "one_minor_unit", 100, 0, 1, false, REFUSAL_NONE },
        { "to_a_frozen_account", 100, 0, 50, true, REFUSAL_NONE },
        { "exactly_to_the_range", 100, 0, MONEY_MINOR_MAX - 100, false,
          REFUSAL_NONE },
        { "one_over_the_range", 100, 0, MONEY_MINOR_MAX - 99, false,
          REFUSAL_LIMIT },
        /* The price may come back, so its room is not free. */
        { "over_the_range_with_a_refund", 100, 100, MONEY_MINOR_MAX - 99,
          false, REFUSAL_LIMIT },
        { "nothing", 100, 0, 0, false, REFUSAL_LIMIT },
        { "negative", 100, 0, -1, false, REFUSAL_LIMIT },
        { "out_of_range", 0, 0, MONEY_MINOR_MAX + 1, false, REFUSAL_LIMIT },
        { "int64_max", 100, 0, INT64_MAX, false, REFUSAL_LIMIT },
        { "int64_min", 100, 0, INT64_MIN, false, REFUSAL_LIMIT },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        struct account account = opened_with(rows[i].opened), before;

        if (rows[i].paid > 0)
            assert_int_equal(account_pay(&account,
                                         (struct money){ rows[i].paid }, "USD",
                                         REFUSAL_NONE),
                             REFUSAL_NONE);
        account.frozen = rows[i].frozen;
        before = account;
        if (account_credit(&account, (struct money){ rows[i].amount }) !=
            rows[i].refusal)
            fail_msg("%s", rows[i].name);
        assert_true(account_lawful(&account));
        if (rows[i].refusal != REFUSAL_NONE)
            assert_memory_equal(&account, &before, sizeof account);
        else
            assert_int_equal(account.balance.minor,
                             before.balance.minor + rows[i].amount);
    }
}

/* Every refusal, and for each pair of neighbours the one of higher rank. */
static void
test_account_pay_table(void **state)
{
    static const struct {
        const char *name;
        int64_t balance; /* -1: no account */
        bool frozen;
        const char *currency;
        enum refusal standing;
        int64_t price;
        enum refusal refusal;
    } rows[] = {
        { "spends_a_part", 100, false, "USD", 0, 40, REFUSAL_NONE },
        { "spends_exactly_to_zero", 100, false, "USD", 0, 100, REFUSAL_NONE },
        { "one_minor_unit_over", 100, false, "USD", 0, 101, REFUSAL_CREDIT },
        { "from_zero", 0, false, "USD", 0, 1, REFUSAL_CREDIT },
        { "all_there_is", MONEY_MINOR_MAX, false, "USD", 0, MONEY_MINOR_MAX,
          REFUSAL_NONE },
        { "price_of_nothing", 100, false, "USD", 0, 0, REFUSAL_LIMIT },
        { "negative_price", 100, false, "USD", 0, -1, REFUSAL_LIMIT },
        { "price_int64_min", 100, false, "USD", 0, INT64_MIN, REFUSAL_LIMIT },
        { "price_int64_max", MONEY_MINOR_MAX, false, "USD", 0, INT64_MAX,
          REFUSAL_CREDIT },
        { "unknown_user", -1, false, "USD", 0, 1, REFUSAL_UNKNOWN_USER },
        { "frozen", 100, true, "USD", 0, 1, REFUSAL_FROZEN },
        { "other_currency", 100, false, "EUR", 0, 1, REFUSAL_CURRENCY },
        { "cancelled", 100, false, "USD", REFUSAL_CANCELLED, 1,
          REFUSAL_CANCELLED },
        { "timed_out", 100, false, "USD", REFUSAL_TIMEOUT, 1,
          REFUSAL_TIMEOUT },
        { "unknown_user_before_all", -1, true, "EUR", REFUSAL_CANCELLED, 101,
          REFUSAL_UNKNOWN_USER },
        { "frozen_before_currency", 100, true, "EUR", REFUSAL_CANCELLED, 101,
          REFUSAL_FROZEN },
        { "currency_before_cancelled", 100, false, "EUR", REFUSAL_CANCELLED,
          101, REFUSAL_CURRENCY },
        { "cancelled_before_credit", 100, false, "USD", REFUSAL_CANCELLED,
          101, REFUSAL_CANCELLED },
        { "timeout_before_limit", 100, false, "USD", REFUSAL_TIMEOUT, -1,
          REFUSAL_TIMEOUT },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        struct account account, before;

        memset(&account, 0, sizeof account);
        if (rows[i].balance >= 0)
            account = opened_with(rows[i].balance);
        account.frozen = rows[i].frozen;
        before = account;
        if (account_pay(&account, (struct money){ rows[i].price },
                        rows[i].currency, rows[i].standing) !=
            rows[i].refusal)
            fail_msg("%s", rows[i].name);
        assert_true(account_lawful(&account));
        if (rows[i].refusal != REFUSAL_NONE) {
            assert_memory_equal(&account, &before, sizeof account);
            continue;
        }
        assert_int_equal(account.paid.minor, rows[i].price);
        assert_int_equal(account.balance.minor,
                         rows[i].balance - rows[i].price);
    }
}

/* Buying and giving back can go on until the sum of all prices is full. */
static void
test_account_pay_sum_of_prices_is_limited(void **state)
{
    struct account account = opened_with(MONEY_MINOR_MAX);
    const struct money all = { MONEY_MINOR_MAX }, one = { 1 };

    (void)state;
    assert_int_equal(account_pay(&account, all, "USD", REFUSAL_NONE),
                     REFUSAL_NONE);
    account_refund(&account, all);
    assert_int_equal(account.balance.minor, MONEY_MINOR_MAX);
    assert_int_equal(account_pay(&account, one, "USD", REFUSAL_NONE),
                     REFUSAL_LIMIT);
}

static void
test_account_freeze_and_thaw(void **state)
{
    struct account account = opened_with(100), none;

    (void)state;
    memset(&none, 0, sizeof none);
    assert_int_equal(account_freeze(&none), REFUSAL_UNKNOWN_USER);
    assert_int_equal(account_thaw(&none), REFUSAL_UNKNOWN_USER);
    assert_int_equal(account_freeze(&account), REFUSAL_NONE);
    assert_int_equal(account_freeze(&account), REFUSAL_NONE);
    assert_true(account.frozen);
    assert_int_equal(account_thaw(&account), REFUSAL_NONE);
    assert_int_equal(account_thaw(&account), REFUSAL_NONE);
    assert_false(account.frozen);
    assert_int_equal(account_credit(&none, (struct money){ 1 }),
                     REFUSAL_UNKNOWN_USER);
    assert_false(none.exists);
}

static void
test_account_refund_reaches_a_frozen_account(void **state)
{
    struct account account = opened_with(100);

    (void)state;
    assert_int_equal(account_pay(&account, (struct money){ 100 }, "USD",
                                 REFUSAL_NONE),
                     REFUSAL_NONE);
    account.frozen = true;
    account_refund(&account, (struct money){ 100 });
    assert_int_equal(account.balance.minor, 100);
    assert_int_equal(account.refunded.minor, 100);
    assert_true(account_lawful(&account));
}

static void
refund_of_what_was_not_paid(const void *argument)
{
    struct account account = *(const struct account *)argument;

    account_refund(&account, (struct money){ 1 });
}

static void
test_account_refund_over_what_was_paid_is_a_bug(void **state)
{
    struct account account = opened_with(100);

    (void)state;
    assert_true(dies(refund_of_what_was_not_paid, &account));
}

static void
test_account_lawful_table(void **state)
{
    static const struct {
        const char *name;
        int64_t opened, credited, paid, refunded, balance;
        bool lawful;
    } rows[] = {
        { "all_in_use", 100, 20, 70, 30, 80, true },
        { "balance_differs", 100, 20, 70, 30, 81, false },
        { "balance_negative", 100, 0, 101, 0, -1, false },
        { "more_refunded_than_paid", 100, 0, 10, 11, 101, false },
        { "credited_negative", 100, -1, 0, 0, 99, false },
        { "opened_negative", -1, 1, 0, 0, 0, false },
        { "refunded_negative", 100, 0, 10, -1, 89, false },
        { "put_in_out_of_range", MONEY_MINOR_MAX, 1, 1, 0, MONEY_MINOR_MAX,
          false },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        struct account account = opened_with(0);

        account.opened.minor = rows[i].opened;
        account.credited.minor = rows[i].credited;
        account.paid.minor = rows[i].paid;
        account.refunded.minor = rows[i].refunded;
        account.balance.minor = rows[i].balance;
        if (account_lawful(&account) != rows[i].lawful)
            fail_msg("%s", rows[i].name);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_account_open_table),
        cmocka_unit_test(test_account_credit_table),
        cmocka_unit_test(test_account_pay_table),
        cmocka_unit_test(test_account_pay_sum_of_prices_is_limited),
        cmocka_unit_test(test_account_freeze_and_thaw),
        cmocka_unit_test(test_account_refund_reaches_a_frozen_account),
        cmocka_unit_test(test_account_refund_over_what_was_paid_is_a_bug),
        cmocka_unit_test(test_account_lawful_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
