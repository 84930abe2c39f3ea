#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "gateway/order_status.h"

/* The whole table: every state and every input. */
static void
test_order_status_next_follows_the_table(void **state)
{
    static const enum order_status
        expected[ORDER_STATUS_COUNT][TRANSACTION_STATUS_COUNT] = {
            /* from          unset  SUCCESSFUL  UNSUCCESSFUL  REVERSED */
            [ORDER_UNSET] = { 0, 0, 0, 0 },
            [ORDER_CREATED] = { 0, ORDER_COMPLETED, ORDER_FAILED,
                                ORDER_CANCELLED },
            [ORDER_COMPLETED] = { 0, 0, 0, ORDER_CANCELLED },
            [ORDER_FAILED] = { 0, 0, 0, 0 },
            [ORDER_CANCELLED] = { 0, 0, 0, 0 },
        };
    enum order_status from;
    enum transaction_status input;

    (void)state;
    for (from = ORDER_UNSET; from < ORDER_STATUS_COUNT; from++) {
        for (input = 0; input < TRANSACTION_STATUS_COUNT; input++) {
            if (order_status_next(from, input) != expected[from][input])
                fail_msg("from %d by %d", from, input);
        }
    }
}

static void
test_order_status_next_out_of_range_is_unset(void **state)
{
    (void)state;
    assert_int_equal(order_status_next(ORDER_STATUS_COUNT,
                                       TRANSACTION_SUCCESSFUL), ORDER_UNSET);
    assert_int_equal(order_status_next(ORDER_CREATED,
                                       TRANSACTION_STATUS_COUNT), ORDER_UNSET);
}

static void
test_order_status_terminal_is_all_but_created(void **state)
{
    (void)state;
    assert_false(order_status_terminal(ORDER_UNSET));
    assert_false(order_status_terminal(ORDER_CREATED));
    assert_true(order_status_terminal(ORDER_COMPLETED));
    assert_true(order_status_terminal(ORDER_FAILED));
    assert_true(order_status_terminal(ORDER_CANCELLED));
}

static void
test_order_status_names_are_found_again(void **state)
{
    enum order_status status;
    const char *name;

    (void)state;
    for (status = ORDER_CREATED; status < ORDER_STATUS_COUNT; status++) {
        name = order_status_name(status);
        assert_memory_equal(name, "ORDER_", 6);
        assert_int_equal(order_status_find(name, strlen(name)), status);
        assert_int_equal(order_status_find(name, strlen(name) - 1),
                         ORDER_STATUS_COUNT);
    }
    assert_string_equal(order_status_name(ORDER_UNSET), "");
    assert_string_equal(order_status_name(ORDER_STATUS_COUNT), "");
    assert_int_equal(order_status_find("", 0), ORDER_STATUS_COUNT);
    assert_int_equal(order_status_find("order_created", 13),
                     ORDER_STATUS_COUNT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_status_next_follows_the_table),
        cmocka_unit_test(test_order_status_next_out_of_range_is_unset),
        cmocka_unit_test(test_order_status_terminal_is_all_but_created),
        cmocka_unit_test(test_order_status_names_are_found_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
