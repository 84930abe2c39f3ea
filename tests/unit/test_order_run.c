#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/order_run.h"
#include "saga/ids.h"

#define USER 3

/* Reads a row of the user's whose key has that first id. */
static enum rc
decode(uint64_t first, const uint8_t *value, size_t bytes,
       struct order_run *run)
{
    uint8_t key[16] = { [7] = USER };

    for (int i = 0; i < 8; i++)
        key[8 + i] = (uint8_t)(first >> (56 - 8 * i));
    return order_run_decode(key, sizeof key, value, bytes, run);
}

static void
check_comes_back(const uint64_t *ids, uint32_t count, size_t bytes)
{
    uint8_t value[ORDER_RUN_BYTES_MAX];
    struct order_run run;

    assert_int_equal(order_run_encode(ids, count, value), bytes);
    assert_int_equal(decode(ids[0], value, bytes, &run), RC_OK);
    assert_int_equal(run.user, USER);
    assert_int_equal(run.count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_true(order_run_at(&run, i) == ids[i]);
}

static void
test_order_run_comes_back(void **state)
{
    static const uint8_t three[] = {
        1, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 1, 2,
    };
    const uint64_t ids[] = { 5, 6, 258 };
    uint64_t many[ORDER_RUN_ROW_MAX];
    uint8_t value[ORDER_RUN_BYTES_MAX];
    uint32_t i;

    (void)state;
    check_comes_back(ids, 1, 0);
    check_comes_back(ids, 3, sizeof three);
    order_run_encode(ids, 3, value);
    assert_memory_equal(value, three, sizeof three);
    for (i = 0; i < ORDER_RUN_ROW_MAX; i++)
        many[i] = ID_MAX - ORDER_RUN_ROW_MAX + 1 + i;
    check_comes_back(many, ORDER_RUN_ROW_MAX, ORDER_RUN_BYTES_MAX);
}

static void
test_order_run_that_none_wrote_is_refused(void **state)
{
    static const uint8_t key[17] = { [7] = USER, [15] = 5 };
    const uint64_t ids[] = { 5, 6, 258 };
    uint8_t value[ORDER_RUN_BYTES_MAX + 8] = { 0 };
    size_t bytes = order_run_encode(ids, 3, value), cut;
    struct order_run run;

    (void)state;
    for (cut = 1; cut < bytes; cut++)
        if (cut != 9)
            assert_int_equal(decode(5, value, cut, &run), RC_DAMAGED);
    for (cut = 0; cut <= sizeof key; cut++)
        assert_int_equal(order_run_decode(key, cut, value, bytes, &run),
                         cut == 16 ? RC_OK : RC_DAMAGED);
    assert_int_equal(decode(0, value, bytes, &run), RC_DAMAGED);
    assert_int_equal(decode(6, value, bytes, &run), RC_DAMAGED);
    assert_int_equal(decode(7, value, bytes, &run), RC_DAMAGED);
    value[8] = 0; /* the second id is none */
    assert_int_equal(decode(5, value, bytes, &run), RC_DAMAGED);
    value[8] = 6;
    value[0] = 2;
    assert_int_equal(decode(5, value, bytes, &run), RC_DAMAGED);
    value[0] = 1;
    assert_int_equal(decode(5, value, sizeof value, &run), RC_DAMAGED);
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
