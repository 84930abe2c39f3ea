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

static const struct {
    const char *name;
    const char *host; /* NULL: there is none */
    bool allowed;     /* without origin, and without tokens */
} hosts[] = {
    { "none", NULL, true },
    { "name", "localhost:9192", true },
    { "name_of_any_case", "LOCALHOST", true },
    { "address", "127.0.0.1:9192", true },
    { "another_address", "127.1.2.3", true },
    { "ipv6", "[::1]:9192", true },
    { "empty", "", false },
    { "rebound_name", "evil.example:9192", false },
    { "rebound_name_that_begins_well", "localhost.evil.example", false },
    { "rebound_name_that_begins_as_address", "127.0.0.1.evil.example", false },
    { "machine_s_own_name", "gateway.example", false },
    { "address_of_another", "10.0.0.1:9192", false },
    { "ipv6_of_another", "[::2]:9192", false },
    { "name_in_front", "evil@localhost", false },
};

/* A browser sends no Origin with what it takes for reads of the same site. */
static void
test_http_origin_033_host_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        const char *host = hosts[i].host;
        size_t bytes = host != NULL ? strlen(host) : 0;

        if (http_origin_allowed(NULL, 0, host, bytes, false) !=
                hosts[i].allowed ||
            !http_origin_allowed(NULL, 0, host, bytes, true))
            fail_msg("%s", hosts[i].name);
    }
}

static void
test_http_origin_033_origin_without_host_is_refused(void **state)
{
    static const char origin[] = "http://localhost";

    (void)state;
    assert_false(http_origin_allowed(origin, sizeof origin - 1, NULL, 0,
                                     false));
    assert_false(http_origin_allowed(origin, sizeof origin - 1, NULL, 0, true));
}

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
        cmocka_unit_test(test_http_origin_033_host_alone),
        cmocka_unit_test(test_http_origin_033_origin_without_host_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
