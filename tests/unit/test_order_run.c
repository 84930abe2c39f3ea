#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/order_run.h"
#include "saga/ids.h"

static void
test_order_run_comes_back(void **state)
{
    static const uint8_t three[] = {
        1, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 1, 2,
    };
    const uint64_t ids[] = { 5, 6, 258 };
    uint64_t many[ORDER_RUN_ROW_MAX];
    uint8_t value[ORDER_RUN_BYTES_MAX + 8];
    uint32_t count, i;

    (void)state;
    assert_int_equal(order_run_encode(ids, 1, value), 0);
    assert_int_equal(order_run_count(5, value, 0, &count), RC_OK);
    assert_int_equal(count, 1);
    assert_int_equal(order_run_at(5, value, 0), 5);
    assert_int_equal(order_run_encode(ids, 3, value), sizeof three);
    assert_memory_equal(value, three, sizeof three);
    assert_int_equal(order_run_count(5, value, sizeof three, &count), RC_OK);
    assert_int_equal(count, 3);
    for (i = 0; i < count; i++)
        assert_int_equal(order_run_at(5, value, i), ids[i]);
    for (i = 0; i < ORDER_RUN_ROW_MAX; i++)
        many[i] = ID_MAX - ORDER_RUN_ROW_MAX + 1 + i;
    assert_int_equal(order_run_encode(many, i, value), ORDER_RUN_BYTES_MAX);
    assert_int_equal(order_run_count(many[0], value, ORDER_RUN_BYTES_MAX,
                                     &count), RC_OK);
    assert_int_equal(count, ORDER_RUN_ROW_MAX);
    assert_int_equal(order_run_at(many[0], value, count - 1), ID_MAX);
}

static void
test_order_run_that_none_wrote_is_refused(void **state)
{
    const uint64_t ids[] = { 5, 6, 258 };
    uint8_t value[ORDER_RUN_BYTES_MAX + 8] = { 0 };
    size_t bytes = order_run_encode(ids, 3, value), cut;
    uint32_t count;

    (void)state;
    for (cut = 1; cut < bytes; cut++)
        if (cut != 9)
            assert_int_equal(order_run_count(5, value, cut, &count),
                             RC_DAMAGED);
    assert_int_equal(order_run_count(0, value, bytes, &count), RC_DAMAGED);
    assert_int_equal(order_run_count(6, value, bytes, &count), RC_DAMAGED);
    assert_int_equal(order_run_count(7, value, bytes, &count), RC_DAMAGED);
    value[8] = 0; /* the second id is none */
    assert_int_equal(order_run_count(5, value, bytes, &count), RC_DAMAGED);
    value[8] = 6;
    value[0] = 2;
    assert_int_equal(order_run_count(5, value, bytes, &count), RC_DAMAGED);
    assert_int_equal(order_run_count(5, value, sizeof value, &count),
                     RC_DAMAGED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_run_comes_back),
        cmocka_unit_test(test_order_run_that_none_wrote_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
