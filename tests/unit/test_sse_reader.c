#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "sagactl/sse_reader.h"

static struct sse_reader reader;
static char told[4096];
static int wanted;

static int
begin(void **state)
{
    (void)state;
    sse_reader_init(&reader);
    told[0] = '\0';
    wanted = 1000;
    return 0;
}

static bool
on_event(void *context, const struct sse_event *event)
{
    size_t used = strlen(told);

    (void)context;
    assert_int_equal(strlen(event->data), event->bytes);
    snprintf(told + used, sizeof told - used, "%s/%s/%.100s|", event->name,
             event->id, event->data);
    return --wanted > 0;
}

static bool
feed(const char *text, size_t bytes)
{
    return sse_reader_feed(&reader, text, bytes, on_event, NULL);
}

static const struct {
    const char *name, *stream, *told;
} streams[] = {
    { "one", "id: 7\nevent: order\ndata: {}\n\n", "order/7/{}|" },
    { "no_blank_behind_colon", "data:x\n\n", "message//x|" },
    { "one_blank_is_taken_away", "data:  x\n\n", "message// x|" },
    { "crlf", "id: 7\r\ndata: x\r\n\r\n", "message/7/x|" },
    { "cr", "id: 7\rdata: x\r\r", "message/7/x|" },
    { "lines", "data: a\ndata: b\n\n", "message//a\nb|" },
    { "empty_data", "data\n\n", "message//|" },
    { "comments_and_retry", ": alive\n\nretry: 1000\n\ndata: x\n\n",
      "message//x|" },
    { "id_stays_name_does_not", "id: 1\nevent: e\ndata: a\n\ndata: b\n\n",
      "e/1/a|message/1/b|" },
    { "no_data_no_event", "event: e\nid: 2\n\ndata: x\n\n", "message/2/x|" },
    { "not_ended", "data: x\n", "" },
    { "unknown_field", "dat: x\ndatax: y\n\n", "" },
};

/* In one piece, and octet by octet. */
static void
test_sse_reader_streams(void **state)
{
    for (size_t i = 0; i < ARRAY_COUNT(streams); i++) {
        size_t bytes = strlen(streams[i].stream);

        begin(state);
        assert_true(feed(streams[i].stream, bytes));
        if (strcmp(told, streams[i].told) != 0)
            fail_msg("%s: %s", streams[i].name, told);
        begin(state);
        for (size_t at = 0; at < bytes; at++)
            assert_true(feed(streams[i].stream + at, 1));
        if (strcmp(told, streams[i].told) != 0)
            fail_msg("%s, octets: %s", streams[i].name, told);
    }
}

static void
test_sse_reader_stops_when_told(void **state)
{
    (void)state;
    wanted = 1;
    assert_false(feed("data: a\n\ndata: b\n\n", 18));
    assert_string_equal(told, "message//a|");
}

static void
feed_data(size_t bytes)
{
    feed("data:", 5);
    for (size_t i = 0; i < bytes; i++)
        feed("x", 1);
    feed("\n", 1);
}

static void
test_sse_reader_too_large_is_passed_over(void **state)
{
    (void)state;
    feed_data(SSE_DATA_BYTES_MAX);
    feed("\n", 1);
    assert_int_equal(reader.too_large, 0);
    feed_data(SSE_DATA_BYTES_MAX + 1);
    feed("\ndata: small\n\n", 14);
    assert_int_equal(reader.too_large, 1);
    feed_data(SSE_DATA_BYTES_MAX / 2);
    feed_data(SSE_DATA_BYTES_MAX / 2); /* and the line end between */
    feed("\n", 1);
    feed_data(10 * SSE_DATA_BYTES_MAX);
    feed("\n", 1);
    assert_int_equal(reader.too_large, 3);
    assert_non_null(strstr(told, "|message//small|"));
}

static void
test_sse_reader_long_names_are_cut(void **state)
{
    char stream[200];
    int bytes = snprintf(stream, sizeof stream, "id: %060d\ndata: x\n\n", 7);

    (void)state;
    feed(stream, (size_t)bytes);
    assert_int_equal(strlen(reader.id), SSE_NAME_BYTES - 1);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sse_reader_streams, begin),
        cmocka_unit_test_setup(test_sse_reader_stops_when_told, begin),
        cmocka_unit_test_setup(test_sse_reader_too_large_is_passed_over,
                               begin),
        cmocka_unit_test_setup(test_sse_reader_long_names_are_cut, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
