#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/producer_seqs.h"
#include "saga/protocol.h"

static void
append(struct producer_seqs *seqs, uint32_t count, uint64_t base_offset)
{
    struct producer_seqs_batch batch = { seqs->last_seq + 1, count,
                                         base_offset };
    uint64_t detail;

    assert_int_equal(
        producer_seqs_decide(seqs, batch.first_seq, count, &detail),
        PRODUCER_APPEND);
    producer_seqs_fold(seqs, &batch);
}

/* Seqs 1..10 at offset 100, 11..12 at 110, 13..20 at 200 (others between). */
static struct producer_seqs
three_batches(void)
{
    struct producer_seqs seqs = { 0 };

    append(&seqs, 10, 100);
    append(&seqs, 2, 110);
    append(&seqs, 8, 200);
    return seqs;
}

static void
test_producer_seqs_every_case_decided(void **state)
{
    static const struct {
        const char *name;
        uint64_t first_seq;
        uint32_t count;
        enum producer_verdict verdict;
        uint64_t detail;
    } cases[] = {
        { "the_next", 21, 5, PRODUCER_APPEND, 21 },
        { "one_missing", 22, 5, PRODUCER_GAP, 21 },
        { "far_ahead", UINT64_MAX - 5, 5, PRODUCER_GAP, 21 },
        { "the_last_again", 13, 8, PRODUCER_DUPLICATE, 200 },
        { "one_before_again", 11, 2, PRODUCER_DUPLICATE, 110 },
        { "the_first_again", 1, 10, PRODUCER_DUPLICATE, 100 },
        { "cut_otherwise_but_all_known", 5, 10, PRODUCER_DUPLICATE, 104 },
        { "last_event_alone", 20, 1, PRODUCER_DUPLICATE, 207 },
        { "one_known_one_new", 20, 2, PRODUCER_OVERLAP, 20 },
        { "all_known_and_one_new", 1, 21, PRODUCER_OVERLAP, 20 },
    };
    struct producer_seqs seqs = three_batches();

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint64_t detail = 0;
        enum producer_verdict verdict = producer_seqs_decide(
            &seqs, cases[i].first_seq, cases[i].count, &detail);

        if (verdict != cases[i].verdict || detail != cases[i].detail)
            fail_msg("%s: verdict %d, detail %llu", cases[i].name, verdict,
                     (unsigned long long)detail);
    }
}

static void
test_producer_seqs_first_batch_starts_at_one(void **state)
{
    struct producer_seqs seqs = { 0 };
    uint64_t detail;

    (void)state;
    assert_int_equal(producer_seqs_decide(&seqs, 2, 1, &detail), PRODUCER_GAP);
    assert_int_equal(detail, 1);
    assert_int_equal(producer_seqs_decide(&seqs, 1, 1, &detail),
                     PRODUCER_APPEND);
}

static void
test_producer_seqs_older_than_kept_offset_unknown(void **state)
{
    struct producer_seqs seqs = { 0 };
    uint64_t detail;

    (void)state;
    for (uint64_t i = 0; i <= PRODUCER_SEQS_BATCHES; i++)
        append(&seqs, 1, 10 * i);
    assert_int_equal(producer_seqs_decide(&seqs, 1, 1, &detail),
                     PRODUCER_DUPLICATE);
    assert_true(detail == PROTOCOL_OFFSET_UNKNOWN);
    assert_int_equal(producer_seqs_decide(&seqs, 2, 1, &detail),
                     PRODUCER_DUPLICATE);
    assert_int_equal(detail, 10);
}

static void
test_producer_seqs_row_is_read_back(void **state)
{
    struct producer_seqs seqs = three_batches(), read;
    uint8_t row[PRODUCER_SEQS_ROW_BYTES], again[PRODUCER_SEQS_ROW_BYTES];
    struct bytes_writer writer;
    struct bytes_reader reader;

    (void)state;
    bytes_writer_init(&writer, row, sizeof(row));
    producer_seqs_put(&writer, &seqs);
    assert_false(writer.failed);
    bytes_reader_init(&reader, row, writer.used);
    assert_int_equal(producer_seqs_get(&reader, &read), RC_OK);
    assert_true(bytes_all_read(&reader));
    assert_int_equal(read.last_seq, 20);
    assert_int_equal(read.batches[0].base_offset, 200);
    bytes_writer_init(&writer, again, sizeof(again));
    producer_seqs_put(&writer, &read);
    assert_memory_equal(row, again, reader.size);
}

static void
test_producer_seqs_damaged_row_malformed(void **state)
{
    struct producer_seqs seqs = three_batches(), read;
    uint8_t row[PRODUCER_SEQS_ROW_BYTES];
    struct bytes_writer writer;
    struct bytes_reader reader;

    (void)state;
    bytes_writer_init(&writer, row, sizeof(row));
    producer_seqs_put(&writer, &seqs);
    for (size_t cut = 0; cut < writer.used; cut++) {
        bytes_reader_init(&reader, row, cut);
        assert_int_equal(producer_seqs_get(&reader, &read), RC_MALFORMED);
    }
    row[8] = PRODUCER_SEQS_BATCHES + 1;
    bytes_reader_init(&reader, row, sizeof(row));
    assert_int_equal(producer_seqs_get(&reader, &read), RC_MALFORMED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_producer_seqs_every_case_decided),
        cmocka_unit_test(test_producer_seqs_first_batch_starts_at_one),
        cmocka_unit_test(test_producer_seqs_older_than_kept_offset_unknown),
        cmocka_unit_test(test_producer_seqs_row_is_read_back),
        cmocka_unit_test(test_producer_seqs_damaged_row_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
