#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "saga/order_log.h"

#define NOW INT64_C(1795352707123456) /* 2026-11-22T13:05:07.123456Z */
#define SECOND 1000000
#define HEAD "time=2026-11-22T13:05:07.123Z level=info process=payment event="

static struct order_log order_log;

static bool
say(uint64_t order, enum order_log_kind kind, int64_t now_us)
{
    if (!order_log_begin(&order_log, kind, "x", (struct order_id){ order },
                         now_us))
        return false;
    order_log_end(&order_log);
    return true;
}

static const char *
take(int64_t now_us)
{
    static char text[ORDER_LOG_BYTES + 1];
    size_t bytes = order_log_take(&order_log, now_us);

    memcpy(text, order_log.buffer, bytes);
    text[bytes] = '\0';
    return text;
}

static void
test_order_log_line_says_who_what_and_how_long(void **state)
{
    (void)state;
    order_log_init(&order_log, "payment", 10);
    assert_true(order_log_begin(&order_log, ORDER_LOG_USUAL, "decided",
                                (struct order_id){ 81 }, NOW));
    order_log_number(&order_log, "user", 7);
    order_log_number(&order_log, "transaction", 0);
    order_log_text(&order_log, "status", "APPROVED");
    order_log_text(&order_log, "reason", "");
    order_log_money(&order_log, "balance", (struct money){ 0 });
    order_log_ms(&order_log, NOW - 12999, NOW);
    order_log_trace(&order_log, "00-4bf92f3577b34da6a3ce929d0e0e4736-"
                                "00f067aa0ba902b7-01");
    order_log_end(&order_log);
    assert_true(say(82, ORDER_LOG_UNUSUAL, NOW));
    assert_string_equal(take(NOW),
        HEAD "decided order=81 user=7 status=APPROVED balance=0.00 ms=12 "
        "trace=4bf92f3577b34da6a3ce929d0e0e4736\n" HEAD "x order=82\n");
    assert_string_equal(take(NOW), "");
}

static void
test_order_log_what_is_not_known_is_left_out(void **state)
{
    (void)state;
    order_log_init(&order_log, "payment", 10);
    assert_true(order_log_begin(&order_log, ORDER_LOG_USUAL, "x",
                                (struct order_id){ 1 }, NOW));
    order_log_trace(&order_log, "");
    order_log_trace(&order_log, "00-4bf9");
    order_log_ms(&order_log, NOW + SECOND, NOW); /* the clock was set back */
    order_log_end(&order_log);
    assert_string_equal(take(NOW), HEAD "x order=1 ms=0\n");
}

static void
test_order_log_is_bounded_and_tells_what_is_unsaid(void **state)
{
    unsigned said = 0;

    (void)state;
    order_log_init(&order_log, "payment", 10);
    (void)take(NOW);
    for (uint64_t order = 1; order <= 80; order++)
        said += say(order, ORDER_LOG_USUAL, NOW);
    assert_int_equal(said, 10);
    assert_null(strstr(take(NOW), "unsaid"));
    assert_non_null(strstr(take(NOW + SECOND),
                           "event=orders_unsaid lines=70 next_every=8\n"));
    assert_null(strstr(take(NOW + SECOND), "unsaid"));
    assert_string_equal(take(NOW + 2 * SECOND), "");
}

/* It is told also while new seconds begin with new lines, never with none. */
static void
test_order_log_busy_one_tells_what_is_unsaid(void **state)
{
    (void)state;
    order_log_init(&order_log, "payment", 1);
    (void)take(NOW);
    say(1, ORDER_LOG_USUAL, NOW);
    say(2, ORDER_LOG_USUAL, NOW);
    assert_null(strstr(take(NOW), "unsaid"));
    say(3, ORDER_LOG_USUAL, NOW + SECOND);
    assert_non_null(strstr(take(NOW + SECOND), "orders_unsaid"));
}

static void
test_order_log_unusual_lines_have_their_own_room(void **state)
{
    (void)state;
    order_log_init(&order_log, "payment", 2);
    for (uint64_t order = 1; order <= 50; order++)
        say(order, ORDER_LOG_USUAL, NOW);
    assert_true(say(51, ORDER_LOG_UNUSUAL, NOW));
    assert_true(say(52, ORDER_LOG_UNUSUAL, NOW));
    assert_false(say(53, ORDER_LOG_UNUSUAL, NOW));
}

/* Who is asked for twice as many lines says no order that another does not. */
static void
test_order_log_processes_choose_the_same_orders(void **state)
{
    static bool of_slow[4000];
    unsigned both = 0;

    (void)state;
    for (int lines = 1; lines <= 2; lines++) {
        order_log_init(&order_log, "x", 200);
        for (uint64_t order = 1; order < 4000; order++)
            for (int i = 0; i < lines; i++)
                say(order, ORDER_LOG_USUAL, NOW);
        for (uint64_t order = 1; order < 4000; order += 2) {
            bool said = say(order, ORDER_LOG_USUAL, NOW + SECOND);

            if (lines == 1)
                of_slow[order] = said;
            else if (said) {
                assert_true(of_slow[order]);
                both++;
            }
        }
    }
    assert_true(both > 20); /* though their numbers are all odd */
}

static void
test_order_log_full_memory_or_long_line_does_no_harm(void **state)
{
    static char text[ORDER_LOG_LINE_BYTES_MAX];
    unsigned said = 0;

    (void)state;
    order_log_init(&order_log, "payment", 1000000);
    (void)take(NOW);
    memset(text, 'a', sizeof text - 1);
    assert_true(order_log_begin(&order_log, ORDER_LOG_USUAL, "x",
                                (struct order_id){ 1 }, NOW));
    order_log_text(&order_log, "long", text);
    order_log_end(&order_log);
    assert_string_equal(take(NOW), "");
    for (uint64_t order = 1; order <= 100000; order++)
        said += say(order, ORDER_LOG_USUAL, NOW);
    assert_true(said > 500 && said < 100000);
    assert_true(strlen(take(NOW)) > ORDER_LOG_BYTES / 2);
    assert_true(say(1, ORDER_LOG_USUAL, NOW));
}

static void
test_order_log_of_no_lines_is_silent(void **state)
{
    (void)state;
    order_log_init(&order_log, "payment", 0);
    assert_false(say(1, ORDER_LOG_UNUSUAL, NOW));
    assert_string_equal(take(NOW + SECOND), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_log_line_says_who_what_and_how_long),
        cmocka_unit_test(test_order_log_what_is_not_known_is_left_out),
        cmocka_unit_test(test_order_log_is_bounded_and_tells_what_is_unsaid),
        cmocka_unit_test(test_order_log_busy_one_tells_what_is_unsaid),
        cmocka_unit_test(test_order_log_unusual_lines_have_their_own_room),
        cmocka_unit_test(test_order_log_processes_choose_the_same_orders),
        cmocka_unit_test(test_order_log_full_memory_or_long_line_does_no_harm),
        cmocka_unit_test(test_order_log_of_no_lines_is_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
