#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "gateway/http_ring.h"

static struct ring ring;

static void
put(uint64_t number, uint64_t order)
{
    const struct change change = {
        .number = number,
        .kind = CHANGE_ORDER,
        .order = { .order = { order }, .user = { 1 }, .product = { 1 },
                   .quantity = 1, .status = ORDER_CREATED },
    };

    assert_true(ring_put(&ring, &change));
}

static int
setup(void **state)
{
    (void)state;
    ring_init(&ring, 4);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    ring_fini(&ring);
    return 0;
}

static void
test_http_ring_keeps_the_newest(void **state)
{
    (void)state;
    for (uint64_t number = 10; number <= 16; number++)
        put(number, number);
    assert_int_equal(ring.first, 13);
    assert_int_equal(ring.next, 17);
    for (uint64_t number = 13; number < 17; number++)
        assert_int_equal(ring_at(&ring, number)->order.order.value, number);
}

/* Numbers a whole table of texts apart share a place. */
static void
test_http_ring_text_is_of_its_change(void **state)
{
    size_t bytes;
    const char *text;

    (void)state;
    for (int round = 0; round < 2; round++) {
        ring_begin(&ring, 0);
        for (uint64_t i = 0; i < 2; i++) {
            uint64_t number = 7 + i * RING_TEXTS;

            ring_begin(&ring, number);
            put(number, 100 * (uint64_t)round + i + 1);
            text = ring_text(&ring, number, "USD", &bytes);
            assert_ptr_equal(text, ring_text(&ring, number, "USD", &bytes));
            assert_memory_equal(text, "id: ", 4);
            assert_memory_equal(text + bytes - 3, "}\n\n", 3);
            assert_non_null(strstr(text, "\nevent: order\ndata: {\"id\":"));
            assert_int_equal(strtoull(strstr(text, "\"id\":") + 5, NULL, 10),
                             100 * (uint64_t)round + i + 1);
        }
    }
}

static void
test_http_ring_begins_anew(void **state)
{
    (void)state;
    put(1, 1);
    ring_begin(&ring, 50);
    assert_int_equal(ring.first, 50);
    assert_int_equal(ring.next, 50);
    put(50, 2);
    assert_int_equal(ring_at(&ring, 50)->order.order.value, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_http_ring_keeps_the_newest,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_http_ring_text_is_of_its_change,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_http_ring_begins_anew, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
