#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/producer_life.h"
#include "saga/base.h"

static const struct {
    const char *name;
    struct producer_life last, next;
    enum producer_opening opening;
} cases[] = {
    { "first_of_a_name", { 0, 0 }, { 1, 7 }, PRODUCER_OPENS },
    { "store_of_before_its_record", { 0, 0 }, { 9, 7 }, PRODUCER_OPENS },
    { "next_start", { 3, 7 }, { 4, 8 }, PRODUCER_OPENS },
    { "starts_that_never_opened", { 3, 7 }, { 9, 8 }, PRODUCER_OPENS },
    { "next_start_by_the_same_chance", { 3, 7 }, { 4, 7 }, PRODUCER_OPENS },
    { "asks_again", { 3, 7 }, { 3, 7 }, PRODUCER_OPENS_AGAIN },
    { "dead_one_is_read_late", { 3, 7 }, { 2, 6 }, PRODUCER_OLDER },
    { "fewer_starts_by_the_same_chance", { 3, 7 }, { 2, 7 }, PRODUCER_OLDER },
    { "new_store", { 3, 7 }, { 1, 9 }, PRODUCER_OLDER },
    { "copy_of_its_store", { 3, 7 }, { 3, 8 }, PRODUCER_TWIN },
    { "first_without_a_store", { 0, 0 }, { 0, 0 }, PRODUCER_OPENS },
    { "without_a_store_again", { 3, 0 }, { 0, 0 }, PRODUCER_OPENS },
    { "without_a_store_after_one", { 3, 7 }, { 0, 0 }, PRODUCER_OPENS },
    { "next_start_after_one_without", { 3, 0 }, { 4, 8 }, PRODUCER_OPENS },
    { "fenced_by_one_without", { 3, 0 }, { 3, 7 }, PRODUCER_TWIN },
    { "dead_one_behind_one_without", { 3, 0 }, { 2, 6 }, PRODUCER_OLDER },
    { "last_number", { UINT64_MAX - 1, 7 }, { UINT64_MAX, 7 },
      PRODUCER_OPENS },
};

static void
test_producer_life_is_judged(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        if (producer_life_decide(&cases[i].last, &cases[i].next) !=
            cases[i].opening)
            fail_msg("%s", cases[i].name);
}

static void
test_producer_life_keeps_the_last_and_the_most_starts(void **state)
{
    struct producer_life last = { 0 };

    (void)state;
    producer_life_fold(&last, &(struct producer_life){ 4, 7 });
    assert_int_equal(last.starts, 4);
    assert_int_equal(last.life, 7);
    producer_life_fold(&last, &(struct producer_life){ 0, 0 });
    assert_int_equal(last.starts, 4);
    assert_int_equal(last.life, 0);
    producer_life_fold(&last, &(struct producer_life){ 5, 8 });
    assert_int_equal(last.starts, 5);
    assert_int_equal(last.life, 8);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_producer_life_is_judged),
        cmocka_unit_test(test_producer_life_keeps_the_last_and_the_most_starts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
