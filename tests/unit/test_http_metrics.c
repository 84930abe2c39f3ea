#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "gateway/http_metrics.h"

static char buffer[METRICS_TEXT_BYTES_MAX + 1];

static void
write_all(const struct gateway_metrics *metrics,
          const struct http_facts *facts)
{
    struct text_writer writer;

    text_writer_init(&writer, buffer, METRICS_TEXT_BYTES_MAX);
    metrics_write(&writer, metrics, facts);
    text_end(&writer);
    assert_false(writer.failed);
}

static void
test_http_metrics_tell_what_they_were_given(void **state)
{
    static const char *const lines[] = {
        "\nsagapipe_orders_total{status=\"ORDER_CREATED\"} 3\n",
        "\nsagapipe_orders_total{status=\"ORDER_COMPLETED\"} 2\n",
        "\nsagapipe_orders_total{status=\"ORDER_FAILED\"} 1\n",
        "\nsagapipe_orders_refused_total{reason=\"INSUFFICIENT_CREDIT\"} 1\n",
        "\nsagapipe_parked_orders 2\n", "\nsagapipe_users 5\n",
        "\nsagapipe_transactions_total 4\n",
        "\nsagapipe_outbox_backlog 6\n", "\nsagapipe_broker_up 1\n",
        "\nsagapipe_events_in_total 7\n", "\nsagapipe_events_out_total 8\n",
        "\nsagapipe_store_commits_total 9\n",
        "\nsagapipe_store_flushes_total 10\n",
        "\nsagapipe_store_flush_seconds_total 1.500000\n",
        "\nsagapipe_http_requests_total{code=\"201\"} 11\n",
        "\nprocess_start_time_seconds 1795352707.123456\n",
        "\nprocess_resident_memory_bytes 4096\n",
    };
    struct gateway_metrics metrics = {
        .orders = { [ORDER_CREATED] = 3, [ORDER_COMPLETED] = 2,
                    [ORDER_FAILED] = 1 },
        .refusals = { [REFUSAL_CREDIT] = 1 }, .users = 5, .transactions = 4,
        .parked_orders = 2,
        .report = { .outbox = 6, .events_in = 7, .events_out = 8,
                    .commits = 9, .flushes = 10, .resident_bytes = 4096,
                    .flush_us = { .sum = 1500000 } },
    };
    struct http_facts facts = {
        .bus_up = true, .started_us = 1795352707123456,
        .replies = { [201] = 11 },
    };

    (void)state;
    write_all(&metrics, &facts);
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        if (strstr(buffer, lines[i]) == NULL)
            fail_msg("no line %s", lines[i] + 1);
    }
    assert_null(strstr(buffer, "code=\"200\""));
    assert_null(strstr(buffer, "status=\"\""));
}

/* Every sample stands behind the HELP and TYPE of its family, told once. */
static void
test_http_metrics_have_the_text_format(void **state)
{
    static const struct http_facts facts = { .replies = { [200] = 1 } };
    static const struct gateway_metrics metrics = { .users = 1 };
    char family[128] = "";

    (void)state;
    write_all(&metrics, &facts);
    for (char *line = strtok(buffer, "\n"); line != NULL;
         line = strtok(NULL, "\n")) {
        char name[128], rest[256];

        if (sscanf(line, "# HELP %127s %255[^\n]", name, rest) == 2) {
            assert_string_not_equal(name, family);
            memcpy(family, name, sizeof(family));
        } else if (sscanf(line, "# TYPE %127s %255s", name, rest) == 2) {
            assert_string_equal(name, family);
            assert_true(strcmp(rest, "counter") == 0 ||
                        strcmp(rest, "gauge") == 0);
        } else {
            assert_int_equal(strncmp(line, family, strlen(family)), 0);
            assert_non_null(strchr("{ ", line[strlen(family)]));
            assert_int_equal(strspn(strrchr(line, ' ') + 1, "0123456789."),
                             strlen(strrchr(line, ' ') + 1));
        }
    }
}

static void
test_http_metrics_largest_fit(void **state)
{
    struct gateway_metrics metrics;
    struct http_facts facts;

    (void)state;
    memset(&metrics, 0xff, sizeof(metrics));
    memset(&facts, 0, sizeof(facts));
    for (size_t i = 100; i < HTTP_STATUS_COUNT; i++)
        facts.replies[i] = UINT64_MAX;
    write_all(&metrics, &facts);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_metrics_tell_what_they_were_given),
        cmocka_unit_test(test_http_metrics_have_the_text_format),
        cmocka_unit_test(test_http_metrics_largest_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
