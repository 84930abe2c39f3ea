#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "gateway/http_prefer.h"

static void
test_http_prefer_wait(void **state)
{
    static const struct {
        const char *value;
        uint32_t seconds;
    } cases[] = {
        { "wait=5", 5 }, { "WAIT=5", 5 }, { " wait = 5 ", 5 },
        { "respond-async, wait=7", 7 }, { "wait=7;x=y", 7 },
        { "wait=\"9\"", 9 }, { "wait=3, wait=4", 3 }, { "wait=x, wait=4", 4 },
        { "wait=60", 60 }, { "wait=61", 60 },
        { "wait=99999999999999999999", 60 }, { "wait=0", 0 }, { "wait", 0 },
        { "wait=", 0 }, { "wait=-1", 0 }, { "wait=1.5", 0 },
        { "wait=\"5", 0 }, { "waits=5", 0 }, { "await=5", 0 }, { "", 0 },
        { ",", 0 }, { "w", 0 }, { "wait=5x", 0 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint32_t seconds = prefer_wait_s(cases[i].value,
                                         strlen(cases[i].value));

        if (seconds != cases[i].seconds)
            fail_msg("%s: %u", cases[i].value, seconds);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_prefer_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
