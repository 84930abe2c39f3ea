#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "saga/protocol.h"

#define FRAME_BYTES 1024

/* The worked example of docs/PROTOCOL.md: two events {"n": 1}, {"n": 2}. */
static const uint8_t example_events[] = {
    0x81, 0xa1, 'n', 1, 0x81, 0xa1, 'n', 2
};

static struct protocol_batch
example_batch(uint64_t base_offset, int64_t time_us)
{
    struct protocol_batch batch = {
        .base_offset = base_offset,
        .time_us = time_us,
        .producer = "gateway",
        .epoch = 1,
        .first_seq = 1,
        .count = 2,
        .bytes = example_events,
        .bytes_count = sizeof(example_events),
    };

    return batch;
}

static void
put_example_open(struct bytes_writer *writer)
{
    protocol_put_open(writer, 1, &(struct protocol_open){ "gateway" });
}

static void
put_example_open_store(struct bytes_writer *writer)
{
    protocol_put_open_store(writer, 8, &(struct protocol_open_store){
        "payment", 3, 0x9e3779b97f4a7c15 });
}

static void
put_example_open_ok(struct bytes_writer *writer)
{
    struct protocol_open_ok ok = { .epoch = 1, .count = 0 };

    protocol_put_open_ok(writer, 1, &ok);
}

/* The answer to the next OPEN of the same name. */
static void
put_example_reopen_ok(struct bytes_writer *writer)
{
    struct protocol_open_ok ok = { .epoch = 2, .count = 1 };
    struct protocol_open_seq seq = { "orders", 0, 2 };

    protocol_put_open_ok(writer, 6, &ok);
    protocol_put_open_seq(writer, &seq);
}

static void
put_example_produce(struct bytes_writer *writer)
{
    struct protocol_produce produce = { .topic = "orders", .partition = 0 };

    produce.batch = example_batch(0, 0);
    protocol_put_produce(writer, 2, &produce);
}

static void
put_example_produce_ok(struct bytes_writer *writer)
{
    struct protocol_produce_ok ok = { .base_offset = 0, .duplicate = false };

    protocol_put_produce_ok(writer, 2, &ok);
}

static void
put_example_fetch(struct bytes_writer *writer)
{
    struct protocol_fetch fetch = {
        .topic = "orders",
        .partition = 0,
        .consumer = "payment",
        .position = 0,
        .offset = 1,
        .max_bytes = 65536,
        .max_wait_ms = 1000,
    };

    protocol_put_fetch(writer, 3, &fetch);
}

static void
put_example_fetch_ok(struct bytes_writer *writer)
{
    struct protocol_fetch_ok ok = { .start = 0, .end = 2, .count = 1 };
    struct protocol_batch batch = example_batch(0, 1767225600000000);

    protocol_put_fetch_ok(writer, 3, &ok);
    protocol_put_batch(writer, &batch);
}

static void
put_example_error(struct bytes_writer *writer)
{
    struct protocol_error error = { BUS_ERROR_SEQ_GAP, 3,
                                    "SEQ_GAP: seqs before it are missing" };

    protocol_put_error(writer, 4, &error);
}

static void
put_example_forget(struct bytes_writer *writer)
{
    protocol_put_forget(writer, 5, &(struct protocol_forget){ "payment" });
}

/* A process with 7 events in its outbox: {"outbox": 7}. */
static void
put_example_report(struct bytes_writer *writer)
{
    static const uint8_t bytes[] = { 0x81, 0xa6, 'o', 'u', 't', 'b', 'o',
                                     'x',  7 };
    struct protocol_report report = { "payment", sizeof(bytes), bytes };

    protocol_put_report(writer, 7, &report);
}

static const struct example {
    const char *name;
    void (*put)(struct bytes_writer *writer);
} examples[] = {
    { "OPEN", put_example_open },
    { "OPEN_OK", put_example_open_ok },
    { "PRODUCE", put_example_produce },
    { "PRODUCE_OK", put_example_produce_ok },
    { "FETCH", put_example_fetch },
    { "FETCH_OK", put_example_fetch_ok },
    { "ERROR", put_example_error },
    { "FORGET", put_example_forget },
    { "OPEN_OK-AGAIN", put_example_reopen_ok },
    { "REPORT", put_example_report },
    { "OPEN_STORE", put_example_open_store },
};

static size_t
example_frame(const struct example *example, uint8_t frame[FRAME_BYTES])
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, frame, FRAME_BYTES);
    example->put(&writer);
    assert_false(writer.failed);
    return writer.used;
}

/* Reads a whole frame by its verb; what a client or the broker would do. */
static enum rc
read_batches(struct bytes_reader *reader)
{
    struct protocol_fetch_ok ok;
    struct protocol_batch batch;
    enum rc rc = protocol_get_fetch_ok(reader, &ok);

    for (uint32_t i = 0; rc == RC_OK && i < ok.count; i++)
        rc = protocol_get_batch(reader, &batch);
    return rc == RC_OK && !bytes_all_read(reader) ? RC_MALFORMED : rc;
}

static enum rc
read_open_ok(struct bytes_reader *reader)
{
    struct protocol_open_ok ok;
    struct protocol_open_seq seq;
    enum rc rc = protocol_get_open_ok(reader, &ok);

    for (uint32_t i = 0; rc == RC_OK && i < ok.count; i++)
        rc = protocol_get_open_seq(reader, &seq);
    return rc == RC_OK && !bytes_all_read(reader) ? RC_MALFORMED : rc;
}

static enum rc
read_body(struct bytes_reader *reader, enum verb verb)
{
    union {
        struct protocol_open open;
        struct protocol_open_store open_store;
        struct protocol_produce produce;
        struct protocol_produce_ok produce_ok;
        struct protocol_fetch fetch;
        struct protocol_forget forget;
        struct protocol_report report;
        struct protocol_error error;
    } body;

    switch (verb) {
    case VERB_OPEN: return protocol_get_open(reader, &body.open);
    case VERB_OPEN_STORE:
        return protocol_get_open_store(reader, &body.open_store);
    case VERB_OPEN_OK: return read_open_ok(reader);
    case VERB_PRODUCE: return protocol_get_produce(reader, &body.produce);
    case VERB_PRODUCE_OK:
        return protocol_get_produce_ok(reader, &body.produce_ok);
    case VERB_FETCH: return protocol_get_fetch(reader, &body.fetch);
    case VERB_FETCH_OK: return read_batches(reader);
    case VERB_FORGET: return protocol_get_forget(reader, &body.forget);
    case VERB_ERROR: return protocol_get_error(reader, &body.error);
    case VERB_REPORT: return protocol_get_report(reader, &body.report);
    case VERB_STATUS:
    case VERB_STATUS_OK:
    case VERB_FORGET_OK:
    case VERB_REPORT_OK:
    case VERB_SURVEY:
    case VERB_SURVEY_OK:
    case VERB_NONE:
    case VERB_COUNT: break;
    }
    return RC_NOT_FOUND;
}

static enum rc
read_frame(const uint8_t *frame, size_t size)
{
    struct bytes_reader reader;
    struct protocol_header header;

    bytes_reader_init(&reader, frame, size);
    if (protocol_get_header(&reader, &header) != RC_OK)
        return RC_MALFORMED;
    return read_body(&reader, header.verb);
}

static void
test_protocol_every_frame_is_read_back(void **state)
{
    uint8_t frame[FRAME_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(examples); i++) {
        size_t size = example_frame(&examples[i], frame);

        assert_int_equal(read_frame(frame, size), RC_OK);
    }
}

static void
test_protocol_every_truncation_is_malformed(void **state)
{
    uint8_t frame[FRAME_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(examples); i++) {
        size_t size = example_frame(&examples[i], frame);

        for (size_t cut = 0; cut < size; cut++) {
            /* A copy of its own size, so that asan sees a step too far. */
            uint8_t *copy = malloc(cut + 1);

            assert_non_null(copy);
            memcpy(copy, frame, cut);
            assert_int_equal(read_frame(copy, cut), RC_MALFORMED);
            free(copy);
        }
    }
}

static void
test_protocol_octets_behind_the_end_are_malformed(void **state)
{
    uint8_t frame[FRAME_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(examples); i++) {
        size_t size = example_frame(&examples[i], frame);

        frame[size] = 0;
        assert_int_equal(read_frame(frame, size + 1), RC_MALFORMED);
    }
}

static void
test_protocol_fields_come_back_as_they_were(void **state)
{
    uint8_t frame[FRAME_BYTES];
    struct bytes_reader reader;
    struct protocol_header header;
    struct protocol_produce produce;
    struct protocol_fetch fetch;

    (void)state;
    bytes_reader_init(&reader, frame, example_frame(&examples[2], frame));
    assert_int_equal(protocol_get_header(&reader, &header), RC_OK);
    assert_int_equal(header.version, PROTOCOL_VERSION);
    assert_int_equal(header.verb, VERB_PRODUCE);
    assert_int_equal(header.request, 2);
    assert_int_equal(protocol_get_produce(&reader, &produce), RC_OK);
    assert_string_equal(produce.topic, "orders");
    assert_string_equal(produce.batch.producer, "gateway");
    assert_int_equal(produce.batch.epoch, 1);
    assert_int_equal(produce.batch.first_seq, 1);
    assert_int_equal(produce.batch.count, 2);
    assert_int_equal(produce.batch.bytes_count, sizeof(example_events));
    assert_memory_equal(produce.batch.bytes, example_events,
                        sizeof(example_events));

    bytes_reader_init(&reader, frame, example_frame(&examples[4], frame));
    assert_int_equal(protocol_get_header(&reader, &header), RC_OK);
    assert_int_equal(protocol_get_fetch(&reader, &fetch), RC_OK);
    assert_string_equal(fetch.consumer, "payment");
    assert_int_equal(fetch.offset, 1);
    assert_int_equal(fetch.max_bytes, 65536);
    assert_int_equal(fetch.max_wait_ms, 1000);
}

static void
test_protocol_header_of_others_is_malformed(void **state)
{
    struct bytes_reader reader;
    struct protocol_header header;

    (void)state;
    bytes_reader_init(&reader, "SQ\1\1\0\0\0\0\0\0\0\1", 12);
    assert_int_equal(protocol_get_header(&reader, &header), RC_MALFORMED);
}

static void
test_protocol_header_other_version_and_verb_are_told(void **state)
{
    struct bytes_reader reader;
    struct protocol_header header;

    (void)state;
    bytes_reader_init(&reader, "SP\7\377\0\0\0\0\0\0\0\1", 12);
    assert_int_equal(protocol_get_header(&reader, &header), RC_OK);
    assert_int_equal(header.version, 7);
    assert_int_equal(header.verb, VERB_NONE);
    assert_int_equal(header.request, 1);
}

static void
test_protocol_impossible_batches_are_malformed(void **state)
{
    static const struct {
        const char *name;
        uint64_t first_seq;
        uint32_t count;
        size_t bytes_count;
        enum rc rc;
    } cases[] = {
        { "possible", 1, 2, 8, RC_OK },
        { "no_event", 1, 0, 8, RC_MALFORMED },
        { "seq_zero", 0, 2, 8, RC_MALFORMED },
        { "last_seq_that_can_be", UINT64_MAX - 2, 2, 8, RC_OK },
        { "seq_overflows", UINT64_MAX - 1, 2, 8, RC_MALFORMED },
        { "more_events_than_octets", 1, 9, 8, RC_MALFORMED },
        { "one_octet_each", 1, 8, 8, RC_OK },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t frame[FRAME_BYTES];
        struct bytes_writer writer;
        struct bytes_reader reader;
        struct protocol_batch batch = example_batch(0, 0);

        batch.first_seq = cases[i].first_seq;
        batch.count = cases[i].count;
        batch.bytes_count = cases[i].bytes_count;
        bytes_writer_init(&writer, frame, sizeof(frame));
        protocol_put_batch(&writer, &batch);
        bytes_reader_init(&reader, frame, writer.used);
        if (protocol_get_batch(&reader, &batch) != cases[i].rc)
            fail_msg("%s", cases[i].name);
    }
}

static void
test_protocol_length_beyond_the_frame_is_malformed(void **state)
{
    uint8_t frame[FRAME_BYTES];
    size_t size = example_frame(&examples[2], frame);
    size_t length_position = size - sizeof(example_events) - 4;

    (void)state;
    memset(frame + length_position, 0xff, 4);
    assert_int_equal(read_frame(frame, size), RC_MALFORMED);
}

static void
test_protocol_duplicate_is_a_truth_value(void **state)
{
    uint8_t frame[FRAME_BYTES];
    size_t size = example_frame(&examples[3], frame);

    (void)state;
    frame[size - 1] = 1;
    assert_int_equal(read_frame(frame, size), RC_OK);
    frame[size - 1] = 2;
    assert_int_equal(read_frame(frame, size), RC_MALFORMED);
}

static void
test_protocol_error_of_a_newer_broker_is_readable(void **state)
{
    uint8_t frame[FRAME_BYTES];
    struct bytes_reader reader;
    struct protocol_header header;
    struct protocol_error error;
    size_t size = example_frame(&examples[6], frame);

    (void)state;
    frame[PROTOCOL_HEADER_BYTES] = 0x7f;
    bytes_reader_init(&reader, frame, size);
    assert_int_equal(protocol_get_header(&reader, &header), RC_OK);
    assert_int_equal(protocol_get_error(&reader, &error), RC_OK);
    assert_int_equal(error.code, BUS_ERROR_COUNT);
    assert_string_equal(error.words, "SEQ_GAP: seqs before it are missing");
    assert_string_equal(bus_error_name(error.code), "UNKNOWN");
}

static void
test_protocol_errors_have_names(void **state)
{
    (void)state;
    assert_string_equal(bus_error_name(BUS_ERROR_MALFORMED), "MALFORMED");
    assert_string_equal(bus_error_name(BUS_ERROR_DISK_FLOOR), "DISK_FLOOR");
    for (int error = BUS_ERROR_NONE; error < BUS_ERROR_COUNT; error++)
        assert_non_null(bus_error_name((enum bus_error)error));
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

static void
test_protocol_mangled_frames_do_no_harm(void **state)
{
    uint64_t seed = 0x5a6a;

    (void)state;
    for (int turn = 0; turn < 200000; turn++) {
        uint8_t frame[FRAME_BYTES];
        size_t size = example_frame(
            &examples[next_random(&seed) % ARRAY_COUNT(examples)], frame);
        enum rc rc;

        for (uint64_t n = next_random(&seed) % 4 + 1; n > 0; n--)
            frame[next_random(&seed) % size] = (uint8_t)next_random(&seed);
        rc = read_frame(frame, size);
        assert_true(rc == RC_OK || rc == RC_MALFORMED || rc == RC_NOT_FOUND);
    }
}

/*
 * docs/PROTOCOL.md shows each frame of the example in a block that begins with
 * "```hex NAME"; in its lines hexadecimal octets stand before a ';'.
 */
static size_t
documented_frame(FILE *page, const char *name, uint8_t frame[FRAME_BYTES])
{
    char line[256], fence[64];
    bool inside = false;
    size_t used = 0;

    snprintf(fence, sizeof(fence), "```hex %s\n", name);
    rewind(page);
    while (fgets(line, sizeof(line), page) != NULL) {
        char *end = strchr(line, ';'), *text = line, *next;

        if (!inside) {
            inside = strcmp(line, fence) == 0;
            continue;
        }
        if (strncmp(line, "```", 3) == 0)
            return used;
        if (end != NULL)
            *end = '\0';
        for (;; text = next) {
            unsigned long octet = strtoul(text, &next, 16);

            if (next == text)
                break;
            assert_true(used < FRAME_BYTES && octet <= 0xff);
            frame[used++] = (uint8_t)octet;
        }
    }
    return used;
}

static void
test_protocol_page_shows_what_the_code_does(void **state)
{
    FILE *page = fopen("docs/PROTOCOL.md", "r");

    (void)state;
    if (page == NULL)
        fail_msg("docs/PROTOCOL.md: run this test in the tree's top folder");
    for (size_t i = 0; i < ARRAY_COUNT(examples); i++) {
        uint8_t shown[FRAME_BYTES], frame[FRAME_BYTES];
        size_t size = example_frame(&examples[i], frame);

        if (documented_frame(page, examples[i].name, shown) != size ||
            memcmp(shown, frame, size) != 0)
            fail_msg("docs/PROTOCOL.md shows another %s", examples[i].name);
    }
    fclose(page);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protocol_every_frame_is_read_back),
        cmocka_unit_test(test_protocol_every_truncation_is_malformed),
        cmocka_unit_test(test_protocol_octets_behind_the_end_are_malformed),
        cmocka_unit_test(test_protocol_fields_come_back_as_they_were),
        cmocka_unit_test(test_protocol_header_of_others_is_malformed),
        cmocka_unit_test(test_protocol_header_other_version_and_verb_are_told),
        cmocka_unit_test(test_protocol_impossible_batches_are_malformed),
        cmocka_unit_test(test_protocol_length_beyond_the_frame_is_malformed),
        cmocka_unit_test(test_protocol_duplicate_is_a_truth_value),
        cmocka_unit_test(test_protocol_error_of_a_newer_broker_is_readable),
        cmocka_unit_test(test_protocol_errors_have_names),
        cmocka_unit_test(test_protocol_mangled_frames_do_no_harm),
        cmocka_unit_test(test_protocol_page_shows_what_the_code_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
