/* Double entry: what can't be built, and sums that don't overflow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ledger/ledger_entry.h"

#define FUNDING { LEDGER_FUNDING, 1 }
#define MERCHANT { LEDGER_MERCHANT, 1 }
#define USER(id) { LEDGER_USER, (id) }
#define DEBIT LEDGER_DEBIT
#define CREDIT LEDGER_CREDIT

static void
test_ledger_entry_build_table(void **state)
{
    static const struct {
        const char *name;
        uint32_t count;
        struct ledger_posting postings[LEDGER_POSTINGS_MAX];
        enum ledger_fault fault;
    } rows[] = {
        { "one_debit_one_credit", 2,
          { { USER(1), DEBIT, { 50 } }, { MERCHANT, CREDIT, { 50 } } },
          LEDGER_FAULT_NONE },
        { "one_debit_two_credits", 3,
          { { FUNDING, DEBIT, { 50 } }, { USER(1), CREDIT, { 20 } },
            { USER(2), CREDIT, { 30 } } },
          LEDGER_FAULT_NONE },
        { "as_large_as_can_be", 2,
          { { FUNDING, DEBIT, { MONEY_MINOR_MAX } },
            { USER(ID_MAX), CREDIT, { MONEY_MINOR_MAX } } },
          LEDGER_FAULT_NONE },
        { "one_minor_unit_apart", 2,
          { { USER(1), DEBIT, { 50 } }, { MERCHANT, CREDIT, { 51 } } },
          LEDGER_FAULT_UNBALANCED },
        { "two_debits", 2,
          { { USER(1), DEBIT, { 50 } }, { MERCHANT, DEBIT, { 50 } } },
          LEDGER_FAULT_UNBALANCED },
        { "none_at_all", 0, { { USER(1), DEBIT, { 50 } } },
          LEDGER_FAULT_COUNT },
        { "one_posting", 1, { { USER(1), DEBIT, { 50 } } },
          LEDGER_FAULT_COUNT },
        { "too_many", LEDGER_POSTINGS_MAX + 1, { { USER(1), DEBIT, { 1 } } },
          LEDGER_FAULT_COUNT },
        { "nobody", 2,
          { { USER(0), DEBIT, { 50 } }, { MERCHANT, CREDIT, { 50 } } },
          LEDGER_FAULT_ACCOUNT },
        { "user_out_of_range", 2,
          { { USER(ID_MAX + 1), DEBIT, { 50 } }, { MERCHANT, CREDIT, { 50 } } },
          LEDGER_FAULT_ACCOUNT },
        { "a_second_merchant", 2,
          { { USER(1), DEBIT, { 50 } }, { { LEDGER_MERCHANT, 2 }, CREDIT,
                                          { 50 } } },
          LEDGER_FAULT_ACCOUNT },
        { "no_such_kind", 2,
          { { USER(1), DEBIT, { 50 } },
            { { (enum ledger_account_kind)9, 1 }, CREDIT, { 50 } } },
          LEDGER_FAULT_ACCOUNT },
        { "no_side", 2,
          { { USER(1), DEBIT, { 50 } },
            { MERCHANT, (enum ledger_side)0, { 50 } } },
          LEDGER_FAULT_SIDE },
        { "of_nothing", 2,
          { { USER(1), DEBIT, { 0 } }, { MERCHANT, CREDIT, { 0 } } },
          LEDGER_FAULT_AMOUNT },
        { "negative", 2,
          { { USER(1), DEBIT, { -50 } }, { MERCHANT, CREDIT, { -50 } } },
          LEDGER_FAULT_AMOUNT },
        { "amount_out_of_range", 2,
          { { USER(1), DEBIT, { MONEY_MINOR_MAX + 1 } },
            { MERCHANT, CREDIT, { MONEY_MINOR_MAX + 1 } } },
          LEDGER_FAULT_AMOUNT },
        { "account_before_amount", 2,
          { { USER(1), DEBIT, { 0 } }, { USER(0), CREDIT, { 50 } } },
          LEDGER_FAULT_ACCOUNT },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        struct ledger_entry entry, untouched;
        enum ledger_fault fault;

        memset(&entry, 0xa5, sizeof entry);
        untouched = entry;
        fault = ledger_entry_build(&entry, LEDGER_ENTRY_PURCHASE,
                                   rows[i].postings, rows[i].count);
        if (fault != rows[i].fault)
            fail_msg("%s: %d", rows[i].name, (int)fault);
        if (fault != LEDGER_FAULT_NONE) {
            assert_memory_equal(&entry, &untouched, sizeof entry);
            continue;
        }
        assert_int_equal(entry.count, rows[i].count);
        assert_int_equal(entry.kind, LEDGER_ENTRY_PURCHASE);
        assert_int_equal(ledger_entry_check(&entry), LEDGER_FAULT_NONE);
        entry.postings[0].amount.minor--;
        assert_int_not_equal(ledger_entry_check(&entry), LEDGER_FAULT_NONE);
    }
}

static void
test_ledger_account_key_keeps_kind_and_id(void **state)
{
    const struct ledger_account accounts[] = {
        ledger_account_funding(), ledger_account_merchant(),
        ledger_account_user((struct user_id){ 1 }),
        ledger_account_user((struct user_id){ ID_MAX }),
    };
    struct ledger_account back;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(accounts); i++) {
        back = ledger_account_of_key(ledger_account_key(accounts[i]));
        assert_int_equal(back.kind, accounts[i].kind);
        assert_int_equal(back.id, accounts[i].id);
        if (i > 0)
            assert_true(ledger_account_key(accounts[i]) >
                        ledger_account_key(accounts[i - 1]));
    }
}

static void
test_ledger_total_carries(void **state)
{
    struct ledger_total total = { 0, UINT64_MAX };
    const struct ledger_total one = { 0, 1 }, expected = { 3, 1 };
    const struct ledger_total more = { 2, 1 };

    (void)state;
    ledger_total_add(&total, &one);
    assert_int_equal(total.high, 1);
    assert_int_equal(total.low, 0);
    ledger_total_add(&total, &more);
    assert_true(ledger_total_equal(&total, &expected));
    assert_false(ledger_total_equal(&total, &more));
    assert_false(ledger_total_equal(&total,
                                    &(struct ledger_total){ 3, 2 }));
}

static void
test_ledger_balance_standing_table(void **state)
{
    static const struct {
        const char *name;
        struct ledger_balance balance;
        bool valid;
        int64_t minor;
    } rows[] = {
        { "nothing_posted", { { 0, 0 }, { 0, 0 }, { 0 } }, true, 0 },
        { "some_left", { { 0, 60 }, { 0, 100 }, { 0 } }, true, 40 },
        { "nothing_left", { { 0, 100 }, { 0, 100 }, { 0 } }, true, 0 },
        { "one_too_many_spent", { { 0, 101 }, { 0, 100 }, { 0 } }, false, 0 },
        { "across_the_carry", { { 0, UINT64_MAX }, { 1, 9 }, { 0 } }, true,
          10 },
        { "all_there_is", { { 0, 0 }, { 0, MONEY_MINOR_MAX }, { 0 } }, true,
          MONEY_MINOR_MAX },
        { "out_of_range", { { 0, 0 }, { 0, MONEY_MINOR_MAX + 1 }, { 0 } },
          false, 0 },
        { "far_out_of_range", { { 0, 0 }, { 1, 0 }, { 0 } }, false, 0 },
        { "far_below", { { 1, 0 }, { 0, 0 }, { 0 } }, false, 0 },
        { "some_awaited", { { 0, 60 }, { 0, 100 }, { 30 } }, true, 40 },
        { "all_awaited", { { 0, 60 }, { 0, 100 }, { 40 } }, true, 40 },
        { "too_much_awaited", { { 0, 60 }, { 0, 100 }, { 41 } }, false, 0 },
        { "awaited_below_zero", { { 0, 60 }, { 0, 100 }, { -1 } }, false, 0 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(rows); i++) {
        struct ledger_standing standing = { .balance = { 0 } };
        bool valid = ledger_balance_standing(&rows[i].balance, &standing);

        if (valid != rows[i].valid)
            fail_msg("%s", rows[i].name);
        if (valid && (standing.balance.minor != rows[i].minor ||
                      standing.awaiting.minor !=
                          rows[i].balance.awaiting.minor))
            fail_msg("%s", rows[i].name);
    }
}

static void
test_ledger_balance_post_adds_to_one_side(void **state)
{
    struct ledger_balance balance = { { 0, 0 }, { 0, 0 }, { 0 } };
    int i;

    (void)state;
    /* More than an int64 of the largest amounts: no overflow. */
    for (i = 0; i < 4096; i++)
        ledger_balance_post(&balance, LEDGER_CREDIT,
                            (struct money){ MONEY_MINOR_MAX });
    ledger_balance_post(&balance, LEDGER_DEBIT, (struct money){ 5 });
    assert_int_equal(balance.debits.low, 5);
    assert_int_equal(balance.credits.high, 1);
    assert_int_equal(balance.credits.low,
                     (uint64_t)MONEY_MINOR_MAX * UINT64_C(4096));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ledger_entry_build_table),
        cmocka_unit_test(test_ledger_account_key_keeps_kind_and_id),
        cmocka_unit_test(test_ledger_total_carries),
        cmocka_unit_test(test_ledger_balance_standing_table),
        cmocka_unit_test(test_ledger_balance_post_adds_to_one_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
