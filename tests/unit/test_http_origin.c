/* Whose pages may ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "gateway/http_origin.h"

static const struct {
    const char *name;
    const char *origin;
    const char *host;
    bool allowed;
    bool with_tokens;
} cases[] = {
    { "own_page", "http://127.0.0.1:9192", "127.0.0.1:9192", true, true },
    { "own_page_by_name", "http://localhost:9192", "localhost:9192", true,
      true },
    { "own_page_in_ipv6", "http://[::1]:9192", "[::1]:9192", true, true },
    { "own_page_at_port_80", "http://127.0.0.2", "127.0.0.2", true, true },
    { "letters_of_any_case", "HTTP://LocalHost:1", "localhost:1", true, true },
    { "behind_tls", "https://localhost", "localhost", true, true },
    { "another_site", "https://evil.example", "127.0.0.1:9192", false, false },
    { "another_port", "http://127.0.0.1:8000", "127.0.0.1:9192", false,
      false },
    { "no_origin_at_all", "null", "127.0.0.1:9192", false, false },
    { "a_file", "file://", "127.0.0.1:9192", false, false },
    { "empty", "", "127.0.0.1:9192", false, false },
    { "empty_both", "", "", false, false },
    { "no_host", "http://", "", false, true },
    { "rebound_name", "http://evil.example:9192", "evil.example:9192", false,
      true },
    { "rebound_name_that_begins_well", "http://127.0.0.1.evil.example",
      "127.0.0.1.evil.example", false, true },
    { "rebound_localhost_of_another", "http://localhost.evil.example",
      "localhost.evil.example", false, true },
    { "port_that_is_none", "http://localhost:", "localhost:", false, true },
    { "port_with_letters", "http://localhost:8x", "localhost:8x", false,
      true },
    { "prefix_of_the_host", "http://127.0.0.1:919", "127.0.0.1:9192", false,
      false },
};

static void
test_http_origin_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t origin = strlen(cases[i].origin), host = strlen(cases[i].host);

        if (http_origin_allowed(cases[i].origin, origin, cases[i].host, host,
                                false) != cases[i].allowed ||
            http_origin_allowed(cases[i].origin, origin, cases[i].host, host,
                                true) != cases[i].with_tokens)
            fail_msg("%s", cases[i].name);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_origin_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
