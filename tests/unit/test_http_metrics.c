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
        "\nsagapipe_orders_open 3\n",
        "\nsagapipe_oldest_open_order_seconds 2.000000\n",
        "\nsagapipe_saga_duration_seconds_bucket{le=\"0.00005\"} 1\n",
        "\nsagapipe_saga_duration_seconds_bucket{le=\"0.0001\"} 1\n",
        "\nsagapipe_saga_duration_seconds_bucket{le=\"10\"} 3\n",
        "\nsagapipe_saga_duration_seconds_bucket{le=\"+Inf\"} 3\n",
        "\nsagapipe_saga_duration_seconds_sum 9.500000\n",
        "\nsagapipe_saga_duration_seconds_count 3\n",
        "\nsagapipe_outbox_backlog{process=\"gateway\"} 6\n",
        "\nsagapipe_parked_events{process=\"payment\"} 8\n",
        "\nsagapipe_broker_up 1\n",
        "\nsagapipe_up{process=\"payment\"} 1\n",
        "\nsagapipe_up{process=\"ledger\"} 0\n",
        "\nsagapipe_process_report_age_seconds{process=\"payment\"} 1.500000\n",
        "\nsagapipe_process_restarts_total{process=\"payment\"} 4\n",
        "\nsagapipe_events_in_total{process=\"gateway\"} 7\n",
        "\nsagapipe_events_out_total{process=\"gateway\"} 8\n",
        "\nsagapipe_store_commits_total{process=\"gateway\"} 9\n",
        "\nsagapipe_store_flushes_total{process=\"gateway\"} 10\n",
        "\nsagapipe_fsync_seconds_sum{process=\"gateway\"} 1.500000\n",
        "\nsagapipe_batch_events_bucket{process=\"gateway\",le=\"1\"} 2\n",
        "\nsagapipe_batch_events_bucket{process=\"gateway\",le=\"+Inf\"} 2\n",
        "\nsagapipe_topic_end_offset{topic=\"orders\",partition=\"0\"} 12\n",
        "\nsagapipe_consumer_lag{consumer=\"payment\",topic=\"orders\","
        "partition=\"0\"} 5\n",
        "\nsagapipe_http_requests_total{code=\"201\"} 11\n",
        "\nprocess_start_time_seconds 1795352707.123456\n",
        "\nprocess_resident_memory_bytes 4096\n",
    };
    static struct gateway_metrics metrics = {
        .now_us = 1795352800000000, .name = "gateway", .open = 3,
        .oldest_open_us = 1795352798000000,
        .saga_us = { { [0] = 1, [16] = 2 }, 9500000 },
        .status_age_us = 1000000,
        .status = { .topics_count = 1, .consumers_count = 1,
                    .reports_count = 1,
                    .topics = { { "orders", 0, 0, 12, 100 } },
                    .consumers = { { "payment", "orders", 0, 7 } },
                    .reports = { { "payment", 500,
                                   { .parked = 8, .restarts = 4 } } } },
        .orders = { [ORDER_CREATED] = 3, [ORDER_COMPLETED] = 2,
                    [ORDER_FAILED] = 1 },
        .refusals = { [REFUSAL_CREDIT] = 1 }, .users = 5, .transactions = 4,
        .parked_orders = 2,
        .report = { .outbox = 6, .events_in = 7, .events_out = 8,
                    .commits = 9, .flushes = 10, .resident_bytes = 4096,
                    .turn_events = { .counts = { 2 }, .sum = 2 },
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
    char family[128] = "", type[256] = "";

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
                        strcmp(rest, "gauge") == 0 ||
                        strcmp(rest, "histogram") == 0);
            memcpy(type, rest, sizeof(type));
        } else {
            assert_int_equal(strncmp(line, family, strlen(family)), 0);
            assert_non_null(strchr(strcmp(type, "histogram") == 0 ? "_" : "{ ",
                                   line[strlen(family)]));
            assert_int_equal(strspn(strrchr(line, ' ') + 1, "0123456789."),
                             strlen(strrchr(line, ' ') + 1));
        }
    }
}

static void
test_http_metrics_largest_fit(void **state)
{
    static struct gateway_metrics metrics;
    struct bus_status *status = &metrics.status;
    struct http_facts facts;

    (void)state;
    memset(&metrics, 0xff, sizeof(metrics));
    memset(&facts, 0, sizeof(facts));
    for (size_t i = 100; i < HTTP_STATUS_COUNT; i++)
        facts.replies[i] = UINT64_MAX;
    memset(metrics.name, 'g', PRODUCER_NAME_BYTES - 1);
    metrics.name[PRODUCER_NAME_BYTES - 1] = '\0';
    memset(metrics.lives, 1, sizeof metrics.lives);
    metrics.now_us = INT64_MAX;
    metrics.oldest_open_us = 1;
    metrics.status_age_us = INT64_MAX / 2;
    status->topics_count = BUS_STATUS_TOPICS_MAX;
    status->consumers_count = BUS_STATUS_CONSUMERS_MAX;
    status->reports_count = BUS_STATUS_REPORTS_MAX;
    for (unsigned i = 0; i < BUS_STATUS_TOPICS_MAX; i++)
        status->topics[i].topic[TOPIC_NAME_BYTES - 1] = '\0';
    for (unsigned i = 0; i < BUS_STATUS_CONSUMERS_MAX; i++) {
        status->consumers[i].consumer[PRODUCER_NAME_BYTES - 1] = '\0';
        status->consumers[i].topic[TOPIC_NAME_BYTES - 1] = '\0';
    }
    for (unsigned i = 0; i < BUS_STATUS_REPORTS_MAX; i++) {
        memset(status->reports[i].name, 'a' + (int)(i % 26),
               PRODUCER_NAME_BYTES - 1);
        status->reports[i].name[0] = (char)('a' + i / 26);
        status->reports[i].name[PRODUCER_NAME_BYTES - 1] = '\0';
    }
    write_all(&metrics, &facts);
    for (char *line = buffer, *end; (end = strchr(line, '\n')) != NULL;
         line = end + 1)
        assert_true(end - line < METRICS_LINE_BYTES_MAX);
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
