#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/http_deadline.h"

static struct deadline_list list;
static struct deadline a, b, c;

static int
begin(void **state)
{
    (void)state;
    list = (struct deadline_list){ NULL, NULL };
    a = b = c = (struct deadline){ .runs = false };
    deadline_begin(&list, &a, 10);
    deadline_begin(&list, &b, 20);
    deadline_begin(&list, &c, 30);
    return 0;
}

static void
test_http_deadline_due_gives_the_oldest(void **state)
{
    (void)state;
    assert_null(deadline_due(&list, 9));
    assert_ptr_equal(deadline_due(&list, 10), &a);
    deadline_end(&list, &a);
    assert_null(deadline_due(&list, 19));
    assert_ptr_equal(deadline_due(&list, 30), &b);
}

static void
test_http_deadline_begun_anew_goes_last(void **state)
{
    (void)state;
    deadline_begin(&list, &a, 40);
    assert_ptr_equal(list.first, &b);
    assert_ptr_equal(list.last, &a);
    assert_int_equal(a.since_us, 40);
}

static void
test_http_deadline_ended_leaves_from_anywhere(void **state)
{
    (void)state;
    deadline_end(&list, &b);
    assert_ptr_equal(a.next, &c);
    assert_ptr_equal(c.previous, &a);
    deadline_end(&list, &c);
    assert_ptr_equal(list.last, &a);
    deadline_end(&list, &a);
    assert_null(list.first);
    assert_null(list.last);
}

static void
test_http_deadline_ended_twice_does_nothing(void **state)
{
    (void)state;
    deadline_end(&list, &a);
    deadline_end(&list, &a);
    assert_ptr_equal(list.first, &b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_http_deadline_due_gives_the_oldest, begin),
        cmocka_unit_test_setup(test_http_deadline_begun_anew_goes_last, begin),
        cmocka_unit_test_setup(test_http_deadline_ended_leaves_from_anywhere,
                               begin),
        cmocka_unit_test_setup(test_http_deadline_ended_twice_does_nothing,
                               begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
