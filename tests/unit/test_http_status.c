#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "gateway/http_status.h"
#include "gateway/pipeline_view.h"

#define NOW INT64_C(1795352707123456)
#define SECOND 1000000

static struct gateway_metrics metrics;
static struct http_facts facts;
static char buffer[STATUS_TEXT_BYTES_MAX];

static json_t *
status(void)
{
    struct text_writer writer;
    json_t *object;

    text_writer_init(&writer, buffer, sizeof(buffer));
    status_write(&writer, &metrics, &facts);
    assert_false(writer.failed);
    object = json_loadb(buffer, writer.used, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    return object;
}

/* A pipeline that has run for 100 s; the broker answered a second ago. */
static int
setup(void **state)
{
    struct bus_report_status payment = { "payment", 500,
                                         { .started_us = NOW - 100 * SECOND,
                                           .outbox = 3, .parked = 2 } };

    (void)state;
    memset(&metrics, 0, sizeof(metrics));
    facts = (struct http_facts){ .bus_up = true };
    metrics.now_us = NOW;
    strcpy(metrics.name, "gateway");
    metrics.report.started_us = NOW - 90 * SECOND;
    metrics.report.outbox = 1;
    metrics.status_age_us = SECOND;
    metrics.status.reports[0] = payment;
    metrics.status.reports_count = 1;
    return 0;
}

static json_t *
process(json_t *object, const char *name)
{
    json_t *rows = json_object_get(object, "processes"), *row;
    size_t i;

    json_array_foreach(rows, i, row)
        if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0)
            return row;
    fail_msg("no process %s", name);
    return NULL;
}

static int64_t
number(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);

    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void
test_http_status_tells_who_is_up(void **state)
{
    json_t *object = status();

    (void)state;
    assert_true(json_is_true(json_object_get(process(object, "gateway"),
                                             "up")));
    assert_true(json_is_true(json_object_get(process(object, "payment"),
                                             "up")));
    assert_int_equal(number(process(object, "payment"), "uptimeSeconds"), 98);
    assert_int_equal(number(process(object, "gateway"), "uptimeSeconds"), 90);
    /* never heard of: no numbers are made up for it */
    assert_true(json_is_false(json_object_get(process(object, "ledger"),
                                              "up")));
    assert_null(json_object_get(process(object, "ledger"), "pid"));
    assert_true(json_is_null(json_object_get(process(object, "ledger"),
                                             "ageSeconds")));
    assert_int_equal(number(json_object_get(object, "outbox"), "payment"), 3);
    assert_int_equal(number(object, "parked"), 2);
    json_decref(object);
}

static void
test_http_status_of_a_silent_broker_is_old_and_down(void **state)
{
    json_t *object;

    (void)state;
    facts.bus_up = false;
    metrics.status_age_us = PIPELINE_STALE_US;
    object = status();
    assert_true(json_is_false(json_object_get(process(object, "payment"),
                                              "up")));
    assert_true(json_is_false(json_object_get(
        json_object_get(object, "broker"), "up")));
    assert_true(json_is_true(json_object_get(process(object, "gateway"),
                                             "up")));
    json_decref(object);
    metrics.status_age_us = -1; /* it never answered */
    object = status();
    assert_null(json_object_get(process(object, "payment"), "pid"));
    json_decref(object);
}

static void
test_http_status_who_lives_and_tells_nothing_is_silent(void **state)
{
    json_t *object;

    (void)state;
    metrics.status_age_us = PIPELINE_STALE_US;
    metrics.lives[1] = true; /* payment; a gateway that is up is no matter */
    metrics.lives[3] = true;
    object = status();
    assert_true(json_is_true(json_object_get(process(object, "payment"),
                                             "silent")));
    assert_true(json_is_false(json_object_get(process(object, "ledger"),
                                              "silent")));
    assert_true(json_is_false(json_object_get(process(object, "gateway"),
                                              "silent")));
    json_decref(object);
}

static void
test_http_status_oldest_open_order_has_an_age(void **state)
{
    json_t *object;

    (void)state;
    metrics.oldest_open_us = NOW - 1500000;
    object = status();
    assert_true(json_is_null(json_object_get(
        json_object_get(object, "orders"), "oldestOpenSeconds")));
    json_decref(object);
    metrics.open = 1;
    object = status();
    assert_non_null(strstr(buffer, "\"oldestOpenSeconds\":1.500}"));
    json_decref(object);
}

/* As many as took no longer, and what took longer than all bounds only in the
 * sum: so who looks twice knows how long those between took. */
static void
test_http_status_tells_within_what_time_sagas_ended(void **state)
{
    static const uint64_t took_us[] = { 50, 51, 1800, 300000000, 300000001 };
    json_t *object, *sagas, *within;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(took_us); i++)
        histogram_note(&metrics.saga_us, histogram_us_bounds, took_us[i]);
    object = status();
    sagas = json_object_get(object, "sagas");
    within = json_object_get(sagas, "within");
    assert_int_equal(number(sagas, "ended"), 5);
    assert_int_equal(json_array_size(within), HISTOGRAM_BOUNDS);
    assert_int_equal(number(json_array_get(within, 0), "ended"), 1);
    assert_int_equal(number(json_array_get(within, 1), "ended"), 2);
    assert_int_equal(number(json_array_get(within, 4), "ended"), 2);
    assert_int_equal(number(json_array_get(within, 5), "ended"), 3);
    assert_int_equal(number(json_array_get(within, 19), "ended"), 4);
    assert_non_null(strstr(buffer, "[{\"ms\":0.050,\"ended\":1}"));
    assert_non_null(strstr(buffer, "{\"ms\":300000.000,\"ended\":4}]"));
    json_decref(object);
}

/* Everything full, and everything as long as it can be. */
static void
test_http_status_longest_one_fits(void **state)
{
    uint64_t *numbers = (uint64_t *)(void *)&metrics.report;
    struct bus_status *bus = &metrics.status;

    (void)state;
    for (size_t i = 0; i < sizeof(metrics.report) / sizeof(*numbers); i++)
        numbers[i] = INT64_MAX;
    metrics.report.parked = 0; /* what is added up */
    metrics.saga_us.counts[0] = INT64_MAX;
    metrics.saga_us.sum = INT64_MAX;
    bus->reports_count = BUS_STATUS_REPORTS_MAX;
    for (unsigned i = 0; i < BUS_STATUS_REPORTS_MAX; i++) {
        bus->reports[i].report = metrics.report;
        memset(bus->reports[i].name, 'a' + (int)i % 26, 31);
        bus->reports[i].name[30] = (char)('a' + i / 26);
    }
    bus->topics_count = BUS_STATUS_TOPICS_MAX;
    for (unsigned i = 0; i < BUS_STATUS_TOPICS_MAX; i++) {
        memset(bus->topics[i].topic, 't', 31);
        bus->topics[i].begin = bus->topics[i].end = INT64_MAX;
        bus->topics[i].bytes = INT64_MAX;
    }
    bus->consumers_count = BUS_STATUS_CONSUMERS_MAX;
    for (unsigned i = 0; i < BUS_STATUS_CONSUMERS_MAX; i++) {
        memset(bus->consumers[i].consumer, 'c', 31);
        memset(bus->consumers[i].topic, 't', 31);
        bus->consumers[i].position = i;
    }
    json_decref(status());
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_http_status_tells_who_is_up, setup),
        cmocka_unit_test_setup(
            test_http_status_of_a_silent_broker_is_old_and_down, setup),
        cmocka_unit_test_setup(
            test_http_status_who_lives_and_tells_nothing_is_silent, setup),
        cmocka_unit_test_setup(test_http_status_oldest_open_order_has_an_age,
                               setup),
        cmocka_unit_test_setup(
            test_http_status_tells_within_what_time_sagas_ended, setup),
        cmocka_unit_test_setup(test_http_status_longest_one_fits, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
