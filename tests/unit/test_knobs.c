#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "saga/knobs.h"

struct value_case {
    const char *name;
    const char *knob;
    const char *value;
    const char *words; /* of the refusal; NULL: it is right ...          */
    const char *kept;  /* ... and reads as this when printed             */
};

static const struct value_case value_cases[] = {
    { "number", "window", "8", NULL, "8" },
    { "number_min", "window", "1", NULL, "1" },
    { "number_max", "window", "64", NULL, "64" },
    { "number_below", "window", "0", "\"0\" is not within 1 to 64", NULL },
    { "number_above", "window", "65", "\"65\" is not within 1 to 64", NULL },
    { "number_empty", "window", "", "\"\" is not a number", NULL },
    { "number_sign", "window", "+8", "\"+8\" is not a number", NULL },
    { "number_minus", "window", "-8", "\"-8\" is not a number", NULL },
    { "number_fraction", "window", "8.0", "\"8.0\" is not a number", NULL },
    { "number_hex", "window", "0x8", "\"0x8\" is not a number", NULL },
    { "number_suffix", "window", "8k", "\"8k\" is not a number", NULL },
    { "number_2_to_64", "window", "18446744073709551616",
      "\"18446744073709551616\" is not within 1 to 64", NULL },
    { "number_2_to_64_and_8", "window", "18446744073709551624",
      "\"18446744073709551624\" is not within 1 to 64", NULL },
    { "number_huge", "window", "99999999999999999999999999",
      "\"99999999999999999999999999\" is not within 1 to 64", NULL },
    { "number_blank", "window", " 8", "\" 8\" begins or ends with a blank",
      NULL },
    { "number_newline", "window", "8\n", "\"8\\n\" has a control character",
      NULL },

    { "bytes_plain", "fetch", "5000", NULL, "5000" },
    { "bytes_kilo", "fetch", "16k", NULL, "16k" },
    { "bytes_kilo_plain", "fetch", "16384", NULL, "16k" },
    { "bytes_mega", "fetch", "1m", NULL, "1m" },
    { "bytes_mega_over", "fetch", "2m", "\"2m\" is not within 4k to 1m", NULL },
    { "bytes_giga", "cache", "16g", NULL, "16g" },
    { "bytes_below", "fetch", "4095", "\"4095\" is not within 4k to 1m", NULL },
    { "bytes_capital", "fetch", "16K",
      "\"16K\" is not a size like 4096, 16k, 32m or 1g", NULL },
    { "bytes_unit_alone", "fetch", "k",
      "\"k\" is not a size like 4096, 16k, 32m or 1g", NULL },
    { "bytes_two_units", "fetch", "16kb",
      "\"16kb\" is not a size like 4096, 16k, 32m or 1g", NULL },
    /* 2^34 + 1 giga wraps to 1g in 64 bits */
    { "bytes_wrap", "cache", "17179869185g",
      "\"17179869185g\" is not within 1m to 16g", NULL },
    { "bytes_2_to_64", "disk_floor", "18446744073709551616",
      "\"18446744073709551616\" is not within 0 to 16384g", NULL },
    { "bytes_zero", "disk_floor", "0", NULL, "0" },
    { "bytes_zero_unit", "disk_floor", "0g", NULL, "0" },

    { "time_plain", "drain", "250", NULL, "250ms" },
    { "time_ms", "drain", "250ms", NULL, "250ms" },
    { "time_s", "drain", "5s", NULL, "5s" },
    { "time_m", "drain", "10m", NULL, "10m" },
    { "time_whole_minutes", "drain", "120s", NULL, "2m" },
    { "time_h", "http_timeout", "1h", NULL, "1h" },
    { "time_above", "drain", "600001", "\"600001\" is not within 0 to 10m",
      NULL },
    { "time_h_above", "drain", "1h", "\"1h\" is not within 0 to 10m", NULL },
    { "time_ten_years", "retention_time", "87600h", NULL, "87600h" },
    { "time_wrap", "retention_time", "5124095576031h",
      "\"5124095576031h\" is not within 0 to 87600h", NULL },
    { "time_days", "drain", "1d",
      "\"1d\" is not a time like 250ms, 5s, 2m or 1h", NULL },
    { "time_zero", "drain", "0s", NULL, "0" },

    { "home", "home", "/srv/a b", NULL, "/srv/a b" },
    { "home_utf8", "home", "/srv/\xc3\xa9", NULL, "/srv/\xc3\xa9" },
    { "home_hash_inside", "home", "/srv/a#1", NULL, "/srv/a#1" },
    { "home_hash_first", "home", "#a",
      "\"#a\" has a '#' where a comment would begin", NULL },
    { "home_hash_behind_blank", "home", "/srv/a #1",
      "\"/srv/a #1\" has a '#' where a comment would begin", NULL },
    { "home_blank_end", "home", "/srv ",
      "\"/srv \" begins or ends with a blank", NULL },
    { "home_delete", "home", "/srv\x7f",
      "\"/srv\\x7f\" has a control character", NULL },
    { "home_abstract", "home", "@a", "\"@a\" begins with '@' or '*'", NULL },
    { "home_star", "home", "*", "\"*\" begins with '@' or '*'", NULL },
    { "home_empty", "home", "",
      "\"\" has 0 bytes, not 1 to 80: the paths of its ipc sockets must fit "
      "107 bytes", NULL },

    { "header_small", "http_header", "4095",
      "\"4095\" is not within 4k to 1m", NULL },
    { "request_time_short", "http_request_time", "99ms",
      "\"99ms\" is not within 100ms to 1h", NULL },
    { "per_ip_over", "http_connections_per_ip", "60001",
      "\"60001\" is not within 0 to 60000", NULL },
    { "rate_over", "http_rate", "1000001",
      "\"1000001\" is not within 0 to 1000000", NULL },
    { "rate", "http_rate", "100", NULL, "100" },
    { "tokens", "tokens", "/etc/sagapipe/tokens", NULL,
      "/etc/sagapipe/tokens" },
    { "bus_ipc", "bus", "ipc:///run/x", NULL, "ipc:///run/x" },
    { "bus_ipc_abstract", "bus", "ipc://@x", NULL, "ipc://@x" },
    { "bus_ipc_empty", "bus", "ipc://", "\"ipc://\" names no socket file",
      NULL },
    { "bus_ipc_star", "bus", "ipc://*", "\"ipc://*\" names no socket file",
      NULL },
    { "bus_tcp", "bus", "tcp://127.0.0.1:5", NULL, "tcp://127.0.0.1:5" },
    { "bus_tcp_v6", "bus", "tcp://[::1]:5", NULL, "tcp://[::1]:5" },
    { "bus_tcp_port_0", "bus", "tcp://127.0.0.1:0",
      "\"tcp://127.0.0.1:0\" has port 0, which nobody could find", NULL },
    { "bus_tcp_star_port", "bus", "tcp://127.0.0.1:*",
      "\"tcp://127.0.0.1:*\" is not address:port or [v6]:port", NULL },
    { "bus_tcp_name", "bus", "tcp://localhost:5",
      "\"tcp://localhost:5\" has a name where an address must be", NULL },
    { "bus_tcp_all", "bus", "tcp://*:5",
      "\"tcp://*:5\" is not on loopback (127.0.0.0/8, [::1]): others could "
      "send orders", NULL },
    { "bus_tcp_lan", "bus", "tcp://10.0.0.1:5",
      "\"tcp://10.0.0.1:5\" is not on loopback (127.0.0.0/8, [::1]): others "
      "could send orders", NULL },
    { "bus_tcp_v6_any", "bus", "tcp://[::]:5",
      "\"tcp://[::]:5\" is not on loopback (127.0.0.0/8, [::1]): others could "
      "send orders", NULL },
    { "tap_tcp_any", "tap", "tcp://0.0.0.0:5",
      "\"tcp://0.0.0.0:5\" is not on loopback (127.0.0.0/8, [::1]): others "
      "could send orders", NULL },
    { "bus_other", "bus", "inproc://x",
      "\"inproc://x\" does not begin with ipc:// or tcp://", NULL },
    { "tap_other", "tap", "/run/x",
      "\"/run/x\" does not begin with ipc:// or tcp://", NULL },
    { "tap_tcp", "tap", "tcp://127.0.0.1:65535", NULL,
      "tcp://127.0.0.1:65535" },

    { "http", "http", "127.0.0.1:80", NULL, "127.0.0.1:80" },
    { "http_port_0", "http", "127.0.0.1:0", NULL, "127.0.0.1:0" },
    { "http_port_max", "http", "127.255.255.255:65535", NULL,
      "127.255.255.255:65535" },
    { "http_v6", "http", "[::1]:80", NULL, "[::1]:80" },
    { "http_localhost", "http", "localhost:80", NULL, "localhost:80" },
#define NO_ADDRESS(value)                                                      \
    "\"" value "\" is not address:port or [v6]:port"
    { "http_word", "http", "x", NO_ADDRESS("x"), NULL },
    { "http_no_port", "http", "127.0.0.1:", NO_ADDRESS("127.0.0.1:"), NULL },
    { "http_no_host", "http", ":80", NO_ADDRESS(":80"), NULL },
    { "http_port_over", "http", "127.0.0.1:65536",
      NO_ADDRESS("127.0.0.1:65536"), NULL },
    { "http_port_long", "http", "127.0.0.1:99999999999",
      NO_ADDRESS("127.0.0.1:99999999999"), NULL },
    { "http_port_zero_in_front", "http", "127.0.0.1:080",
      NO_ADDRESS("127.0.0.1:080"), NULL },
    { "http_port_trailing", "http", "127.0.0.1:80/",
      NO_ADDRESS("127.0.0.1:80/"), NULL },
    { "http_v6_bare", "http", "::1:80", NO_ADDRESS("::1:80"), NULL },
    { "http_v6_open", "http", "[::1:80", NO_ADDRESS("[::1:80"), NULL },
    { "http_v6_no_colon", "http", "[::1]80", NO_ADDRESS("[::1]80"), NULL },
    { "http_any", "http", "0.0.0.0:80", NULL, "0.0.0.0:80" },
    { "http_v6_any", "http", "[::]:80", NULL, "[::]:80" },
    { "http_lan", "http", "10.0.0.1:80", NULL, "10.0.0.1:80" },
    { "http_short", "http", "127.1:80", NO_ADDRESS("127.1:80"), NULL },
    { "http_octet_over", "http", "127.0.0.256:80",
      NO_ADDRESS("127.0.0.256:80"), NULL },
    { "http_octet_octal", "http", "127.0.0.01:80",
      NO_ADDRESS("127.0.0.01:80"), NULL },
    { "http_five_octets", "http", "127.0.0.1.1:80",
      NO_ADDRESS("127.0.0.1.1:80"), NULL },
    { "http_name", "http", "127.0.0.1.evil:80",
      NO_ADDRESS("127.0.0.1.evil:80"), NULL },
    { "http_v4_in_brackets", "http", "[127.0.0.1]:80",
      NO_ADDRESS("[127.0.0.1]:80"), NULL },

    { "instance", "instance", "b2", NULL, "b2" },
    { "instance_none", "instance", "", NULL, "" },
    { "instance_capital", "instance", "B",
      "\"B\" is not made of a-z and 0-9", NULL },
    { "instance_path", "instance", "../x",
      "\"../x\" is not made of a-z and 0-9", NULL },
    { "instance_long", "instance", "123456789",
      "\"123456789\" has 9 bytes, not 0 to 8", NULL },
    { "currency", "currency", "EUR", NULL, "EUR" },
    { "currency_small", "currency", "eur",
      "\"eur\" is not three capital letters", NULL },
    { "currency_short", "currency", "EU", "\"EU\" has 2 bytes, not 3 to 3",
      NULL },

    { "topics_none", "topics", "", NULL, "" },
    { "topics_one", "topics", "audit", NULL, "audit" },
    { "topics_several", "topics", "a,b.c,d-e", NULL, "a,b.c,d-e" },
    { "topics_prefix_is_other", "topics", "ab,a", NULL, "ab,a" },
    { "topics_longest", "topics", "a234567890123456789012345678901", NULL,
      "a234567890123456789012345678901" },
    { "topics_too_long", "topics", "a2345678901234567890123456789012",
      "\"a2345678901234567890123456789012\" names a topic of over 31 "
      "characters", NULL },
#define NO_TOPICS(value)                                                       \
    "\"" value "\" is not a list of topic names like a,b.c,d-e"
    { "topics_empty_name", "topics", "a,,b", NO_TOPICS("a,,b"), NULL },
    { "topics_comma_end", "topics", "a,", NO_TOPICS("a,"), NULL },
    { "topics_blank", "topics", "a, b", NO_TOPICS("a, b"), NULL },
    { "topics_capital", "topics", "A", NO_TOPICS("A"), NULL },
    { "topics_built_in", "topics", "a,orders",
      "\"a,orders\" names a topic that is there anyway", NULL },
    { "topics_dead_letters", "topics", "dead-letters",
      "\"dead-letters\" names a topic that is there anyway", NULL },
    { "topics_twice", "topics", "a,b,a", "\"a,b,a\" names a topic twice",
      NULL },
};

static void
test_knob_parse_value_is_kept_or_refused(void **state)
{
    (void)state;
    for (size_t index = 0; index < ARRAY_COUNT(value_cases); index++) {
        const struct value_case *c = &value_cases[index];
        const enum knob_id id = knob_find(c->knob, strlen(c->knob));
        struct config config = { 0 };
        char words[KNOB_WORDS_BYTES] = "";
        char kept[CONFIG_STRING_BYTES] = "";
        const enum rc rc = knob_parse(id, c->value, &config, words);

        if (rc == RC_OK)
            knob_format(id, &config, kept);
        if (c->words != NULL ? rc != RC_MALFORMED || strcmp(words, c->words)
                             : rc != RC_OK || strcmp(kept, c->kept))
            fail_msg("%s: %s: [%s] [%s]", c->name, rc_name(rc), words, kept);
    }
}

static void
test_knob_parse_long_text_is_refused_shortened(void **state)
{
    struct config config;
    char words[KNOB_WORDS_BYTES];
    char home[300];

    (void)state;
    memset(home, 'h', sizeof home);
    home[80] = '\0';
    assert_int_equal(knob_parse(KNOB_home, home, &config, words), RC_OK);
    home[80] = 'h';
    home[81] = '\0';
    assert_int_equal(knob_parse(KNOB_home, home, &config, words),
                     RC_MALFORMED);
    assert_non_null(strstr(words, "\" has 81 bytes, not 1 to 80: the paths of "
                                  "its ipc sockets must fit 107 bytes"));
    home[81] = 'h';
    home[299] = '\0';
    assert_int_equal(knob_parse(KNOB_home, home, &config, words),
                     RC_MALFORMED);
    assert_non_null(strstr(words, "hh...\" has 299 bytes, not 1 to 80"));
}

/* Every default is right, and every law's text is for the knob it names. */
static void
test_knobs_defaults_are_values(void **state)
{
    struct config config;

    (void)state;
    for (enum knob_id id = 0; id < KNOB_COUNT; id++) {
        char words[KNOB_WORDS_BYTES] = "";

        if (knob_parse(id, knobs[id].fallback, &config, words) != RC_OK)
            fail_msg("%s: %s", knobs[id].name, words);
        assert_true(knobs[id].min <= knobs[id].max);
        assert_true(strlen(knobs[id].text) <= 74);
    }
}

static const struct {
    const char *http;
    bool loopback;
} reaches[] = {
    { "127.0.0.1:80", true },  { "127.9.8.7:0", true },
    { "localhost:80", true },  { "[::1]:80", true },
    { "0.0.0.0:80", false },   { "128.0.0.1:80", false },
    { "[::]:80", false },      { "[::2]:80", false },
    { "[7f00::1]:80", false }, { "[::ffff:127.0.0.1]:80", false },
};

static void
test_knob_http_reach_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(reaches); i++) {
        if (knob_http_is_loopback(reaches[i].http) != reaches[i].loopback)
            fail_msg("%s", reaches[i].http);
    }
}

static void
test_knob_names_in_flag_and_environment(void **state)
{
    char flag[KNOB_VARIABLE_BYTES];
    char variable[KNOB_VARIABLE_BYTES];

    (void)state;
    knob_flag(KNOB_order_id_stride, flag);
    knob_variable(KNOB_order_id_stride, variable);
    assert_string_equal(flag, "--order-id-stride");
    assert_string_equal(variable, "SAGAPIPE_ORDER_ID_STRIDE");
    assert_int_equal(knob_find("home", 4), KNOB_home);
    assert_int_equal(knob_find("homes", 5), KNOB_COUNT);
    assert_int_equal(knob_find("hom", 3), KNOB_COUNT);
    assert_int_equal(knob_find("", 0), KNOB_COUNT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_knob_parse_value_is_kept_or_refused),
        cmocka_unit_test(test_knob_parse_long_text_is_refused_shortened),
        cmocka_unit_test(test_knobs_defaults_are_values),
        cmocka_unit_test(test_knob_http_reach_is_known),
        cmocka_unit_test(test_knob_names_in_flag_and_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
