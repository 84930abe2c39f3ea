#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "broker/broker_request.h"
#include "saga/report.h"

#define BATCH_BYTES_MAX 1000
#define FRAME_BYTES 4096

static const uint8_t events[2000];

struct frame {
    struct bytes_writer writer;
    uint8_t bytes[FRAME_BYTES];
};

static void
frame_init(struct frame *frame)
{
    bytes_writer_init(&frame->writer, frame->bytes, sizeof(frame->bytes));
}

static void
put_produce(struct frame *frame, const char *topic, const char *producer,
            uint32_t count, size_t bytes_count)
{
    struct protocol_produce produce = {
        .batch = { .epoch = 1,
                   .first_seq = 1,
                   .count = count,
                   .bytes = events,
                   .bytes_count = bytes_count },
    };

    strcpy(produce.topic, topic);
    strcpy(produce.batch.producer, producer);
    frame_init(frame);
    protocol_put_produce(&frame->writer, 7, &produce);
    assert_false(frame->writer.failed);
}

static void
put_fetch(struct frame *frame, const char *topic, const char *consumer)
{
    struct protocol_fetch fetch = { .max_bytes = 1, .max_wait_ms = 1 };

    strcpy(fetch.topic, topic);
    strcpy(fetch.consumer, consumer);
    frame_init(frame);
    protocol_put_fetch(&frame->writer, 7, &fetch);
}

static enum bus_error
judge(const struct frame *frame, size_t size, uint64_t *detail_out)
{
    struct broker_request request;
    struct broker_refusal refusal;

    assert_true(broker_request_read(&request, frame->bytes, size,
                                    BATCH_BYTES_MAX, &refusal));
    assert_non_null(refusal.words);
    if (refusal.code != BUS_ERROR_VERSION)
        assert_int_equal(request.header.request, 7);
    *detail_out = refusal.detail;
    return refusal.code;
}

static void
assert_judged(const struct frame *frame, enum bus_error code, uint64_t detail)
{
    uint64_t told;

    assert_int_equal(judge(frame, frame->writer.used, &told), code);
    if (code != BUS_ERROR_MALFORMED)
        assert_int_equal(told, detail);
}

static void
test_broker_request_produce_points_at_its_batch(void **state)
{
    struct frame frame;
    struct broker_request request;
    struct broker_refusal refusal;
    struct bytes_reader reader;
    struct protocol_batch batch;

    (void)state;
    put_produce(&frame, "orders", "gateway", 3, 100);
    assert_true(broker_request_read(&request, frame.bytes, frame.writer.used,
                                    BATCH_BYTES_MAX, &refusal));
    assert_int_equal(refusal.code, BUS_ERROR_NONE);
    bytes_reader_init(&reader, frame.bytes + request.batch_position,
                      request.batch_bytes);
    assert_int_equal(protocol_get_batch(&reader, &batch), RC_OK);
    assert_true(bytes_all_read(&reader));
    assert_string_equal(batch.producer, "gateway");
    assert_int_equal(batch.bytes_count, 100);
}

static void
test_broker_request_batch_limits_hold(void **state)
{
    static uint8_t big[PROTOCOL_BATCH_COUNT_MAX + 1000];
    static uint8_t bytes[sizeof(big) + 1000];
    struct protocol_produce produce = {
        .topic = "orders",
        .batch = { .producer = "gateway",
                   .epoch = 1,
                   .first_seq = 1,
                   .count = PROTOCOL_BATCH_COUNT_MAX + 1,
                   .bytes = big,
                   .bytes_count = sizeof(big) },
    };
    struct frame frame;
    struct bytes_writer writer;
    struct broker_request request;
    struct broker_refusal refusal;

    (void)state;
    put_produce(&frame, "orders", "gateway", 1, BATCH_BYTES_MAX);
    assert_judged(&frame, BUS_ERROR_NONE, 0);
    put_produce(&frame, "orders", "gateway", 1, BATCH_BYTES_MAX + 1);
    assert_judged(&frame, BUS_ERROR_TOO_LARGE, BATCH_BYTES_MAX);

    bytes_writer_init(&writer, bytes, sizeof(bytes));
    protocol_put_produce(&writer, 7, &produce);
    assert_true(broker_request_read(&request, bytes, writer.used, sizeof(big),
                                    &refusal));
    assert_int_equal(refusal.code, BUS_ERROR_TOO_LARGE);
    assert_int_equal(refusal.detail, PROTOCOL_BATCH_COUNT_MAX);
}

static void
test_broker_request_bad_names_are_told(void **state)
{
    struct frame frame;

    (void)state;
    put_produce(&frame, "Orders", "gateway", 1, 10);
    assert_judged(&frame, BUS_ERROR_BAD_NAME, 0);
    put_produce(&frame, "", "gateway", 1, 10);
    assert_judged(&frame, BUS_ERROR_BAD_NAME, 0);
    put_produce(&frame, "orders", "gate way", 1, 10);
    assert_judged(&frame, BUS_ERROR_BAD_NAME, 0);
    put_fetch(&frame, "or/ders", "");
    assert_judged(&frame, BUS_ERROR_BAD_NAME, 0);
    put_fetch(&frame, "orders", "-x");
    assert_judged(&frame, BUS_ERROR_BAD_NAME, 0);
    put_fetch(&frame, "orders", "");
    assert_judged(&frame, BUS_ERROR_NONE, 0);
    frame_init(&frame);
    protocol_put_open(&frame.writer, 7, &(struct protocol_open){ "A" });
    assert_judged(&frame, BUS_ERROR_BAD_NAME, 0);
    frame_init(&frame);
    protocol_put_open_store(&frame.writer, 7,
                            &(struct protocol_open_store){ "A", 1, 1 });
    assert_judged(&frame, BUS_ERROR_BAD_NAME, 0);
    frame_init(&frame);
    protocol_put_forget(&frame.writer, 7, &(struct protocol_forget){ "" });
    assert_judged(&frame, BUS_ERROR_BAD_NAME, 0);
}

static void
test_broker_request_open_of_no_life_malformed(void **state)
{
    static const struct protocol_open_store lives[] = {
        { "gateway", 0, 1 }, { "gateway", 1, 0 }, { "gateway", 1, 1 },
    };
    struct frame frame;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(lives); i++) {
        frame_init(&frame);
        protocol_put_open_store(&frame.writer, 7, &lives[i]);
        assert_judged(&frame, i < 2 ? BUS_ERROR_MALFORMED : BUS_ERROR_NONE,
                      0);
    }
}

static void
test_broker_request_too_large_ranks_before_bad_name(void **state)
{
    struct frame frame;

    (void)state;
    put_produce(&frame, "Orders", "gateway", 1, BATCH_BYTES_MAX + 1);
    assert_judged(&frame, BUS_ERROR_TOO_LARGE, BATCH_BYTES_MAX);
}

static void
put_report(struct frame *frame, const char *name, uint16_t bytes_count)
{
    struct protocol_report report = { .bytes_count = bytes_count,
                                      .bytes = events };

    strcpy(report.name, name);
    frame_init(frame);
    protocol_put_report(&frame->writer, 7, &report);
}

static void
test_broker_request_report_has_limits(void **state)
{
    static uint8_t bytes[FRAME_BYTES];
    struct protocol_report report = { "x", REPORT_BYTES_MAX + 1, bytes };
    struct frame frame;

    (void)state;
    put_report(&frame, "payment", 0);
    assert_judged(&frame, BUS_ERROR_NONE, 0);
    put_report(&frame, "Payment", 10);
    assert_judged(&frame, BUS_ERROR_BAD_NAME, 0);
    put_report(&frame, "payment", 10);
    frame.writer.used--;
    assert_judged(&frame, BUS_ERROR_MALFORMED, 0);
    report.bytes_count = REPORT_BYTES_MAX;
    frame_init(&frame);
    protocol_put_report(&frame.writer, 7, &report);
    assert_judged(&frame, BUS_ERROR_NONE, 0);
    report.bytes_count++;
    frame_init(&frame);
    protocol_put_report(&frame.writer, 7, &report);
    assert_judged(&frame, BUS_ERROR_TOO_LARGE, REPORT_BYTES_MAX);
}

static void
test_broker_request_name_too_long_malformed(void **state)
{
    struct frame frame;

    (void)state;
    frame_init(&frame);
    protocol_put_header(&frame.writer, VERB_OPEN, 7);
    bytes_put_text(&frame.writer, "a23456789-123456789-123456789-12");
    assert_judged(&frame, BUS_ERROR_MALFORMED, 0);
    frame_init(&frame);
    protocol_put_header(&frame.writer, VERB_OPEN, 7);
    bytes_put_text(&frame.writer, "a23456789-123456789-123456789-1");
    assert_judged(&frame, BUS_ERROR_NONE, 0);
}

static void
test_broker_request_other_version_told_whatever_it_says(void **state)
{
    struct frame frame;

    (void)state;
    frame_init(&frame);
    protocol_put_header(&frame.writer, VERB_STATUS, 7);
    bytes_put_text(&frame.writer, "from the future");
    frame.bytes[2] = PROTOCOL_VERSION + 1;
    assert_judged(&frame, BUS_ERROR_VERSION, PROTOCOL_VERSION);
}

static void
test_broker_request_verbs_that_are_no_requests_malformed(void **state)
{
    (void)state;
    for (unsigned verb = 0; verb < 256; verb++) {
        struct frame frame;
        uint64_t detail;

        frame_init(&frame);
        protocol_put_header(&frame.writer, (enum verb)verb, 7);
        assert_int_equal(judge(&frame, frame.writer.used, &detail),
                         verb == VERB_STATUS || verb == VERB_SURVEY
                             ? BUS_ERROR_NONE : BUS_ERROR_MALFORMED);
    }
}

static void
test_broker_request_octets_behind_it_malformed(void **state)
{
    struct frame frame;

    (void)state;
    frame_init(&frame);
    protocol_put_header(&frame.writer, VERB_STATUS, 7);
    bytes_put_u8(&frame.writer, 0);
    assert_judged(&frame, BUS_ERROR_MALFORMED, 0);
    put_produce(&frame, "orders", "gateway", 1, 10);
    bytes_put_u8(&frame.writer, 0);
    assert_judged(&frame, BUS_ERROR_MALFORMED, 0);
}

static void
test_broker_request_foreign_frames_get_silence(void **state)
{
    struct broker_request request;
    struct broker_refusal refusal;

    (void)state;
    assert_false(broker_request_read(&request, "", 0, 1, &refusal));
    assert_false(broker_request_read(&request, "SP\1\1", 4, 1, &refusal));
    assert_false(
        broker_request_read(&request, "GET / HTTP/1.1\r\n", 16, 1, &refusal));
}

static void
test_broker_request_permissions_follow_the_routes(void **state)
{
    static const struct {
        const char *name, *topic;
        bool write, read;
    } cases[] = {
        { "gateway", "orders", true, false },
        { "gateway-2", "orders", true, false },
        { "payment", "orders", false, true },
        { "ledger", "orders", false, false },
        { "gatewayx", "orders", false, true },
        { "auditor", "orders", false, true },
        { "", "orders", false, true },
        { "auditor", "extra", true, true },
        { "payment", "extra", true, true },
        { "ledger", "dead-letters", true, false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        if (broker_may_write(cases[i].name, cases[i].topic) != cases[i].write ||
            broker_may_read(cases[i].name, cases[i].topic) != cases[i].read)
            fail_msg("%s and %s", cases[i].name, cases[i].topic);
}

/* xorshift64: the same frames in every run. */
static uint64_t
next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Memory of the frame's own size, so that asan sees a step too far. */
static void
read_exactly(const uint8_t *bytes, size_t size)
{
    struct broker_request request;
    struct broker_refusal refusal;
    uint8_t *copy = malloc(size + (size == 0));

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    if (broker_request_read(&request, copy, size, BATCH_BYTES_MAX, &refusal) &&
        refusal.code == BUS_ERROR_NONE && request.header.verb == VERB_PRODUCE)
        assert_true(request.batch_position + request.batch_bytes == size);
    free(copy);
}

static void
test_broker_request_random_octets_do_no_harm(void **state)
{
    uint64_t seed = 0xb40e;

    (void)state;
    for (int turn = 0; turn < 200000; turn++) {
        struct frame frame;
        size_t size;

        if (turn % 2 == 0)
            put_produce(&frame, "orders", "gateway", 2, 50);
        else
            put_fetch(&frame, "payments", "ledger");
        size = frame.writer.used;
        if (turn % 4 < 2) { /* our header, then noise */
            size = next_random(&seed) % 200;
            for (size_t i = 4; i < size; i++)
                frame.bytes[i] = (uint8_t)next_random(&seed);
            frame.bytes[3] = (uint8_t)(next_random(&seed) % 12);
        } else {
            frame.bytes[next_random(&seed) % size] =
                (uint8_t)next_random(&seed);
            size -= next_random(&seed) % 3;
        }
        read_exactly(frame.bytes, size);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broker_request_produce_points_at_its_batch),
        cmocka_unit_test(test_broker_request_batch_limits_hold),
        cmocka_unit_test(test_broker_request_bad_names_are_told),
        cmocka_unit_test(test_broker_request_open_of_no_life_malformed),
        cmocka_unit_test(test_broker_request_too_large_ranks_before_bad_name),
        cmocka_unit_test(test_broker_request_report_has_limits),
        cmocka_unit_test(test_broker_request_name_too_long_malformed),
        cmocka_unit_test(
            test_broker_request_other_version_told_whatever_it_says),
        cmocka_unit_test(
            test_broker_request_verbs_that_are_no_requests_malformed),
        cmocka_unit_test(test_broker_request_octets_behind_it_malformed),
        cmocka_unit_test(test_broker_request_foreign_frames_get_silence),
        cmocka_unit_test(test_broker_request_permissions_follow_the_routes),
        cmocka_unit_test(test_broker_request_random_octets_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
