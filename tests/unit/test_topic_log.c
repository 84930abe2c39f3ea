#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <db.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../support/store_rig.h"
#include "broker/topic_log.h"

#define SEGMENT_BYTES 4000
#define BATCH_BYTES 500 /* with its header: 8 to a segment */
#define BATCH_COUNT 3
#define MINUTE_US INT64_C(60000000)

struct rig {
    struct store_rig store;
    struct store_table *meta;
    struct topic_log *log;
    struct topic_log_config config;
    uint64_t seq;
    uint8_t buffer[PROTOCOL_FETCH_BYTES_MAX];
};

static void
rig_open(struct rig *rig)
{
    uint32_t partitions;

    store_rig_open(&rig->store);
    assert_int_equal(
        broker_meta_open(rig->store.store, 1, &rig->meta, &partitions), RC_OK);
    rig->config.store = rig->store.store;
    rig->config.meta = rig->meta;
    assert_int_equal(topic_log_open(&rig->log, &rig->config), RC_OK);
}

static void
rig_close(struct rig *rig)
{
    assert_int_equal(topic_log_close(&rig->log), RC_OK);
    store_rig_close(&rig->store);
}

static void
rig_reopen(struct rig *rig)
{
    rig_close(rig);
    rig_open(rig);
}

static int
setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    assert_non_null(rig);
    store_rig_init(&rig->store, NULL);
    rig->config.topic = "orders";
    rig->config.segment_bytes = SEGMENT_BYTES;
    rig_open(rig);
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    if (rig->log != NULL)
        assert_int_equal(topic_log_close(&rig->log), RC_OK);
    store_rig_fini(&rig->store);
    free(rig);
    return 0;
}

static void
begin(struct rig *rig)
{
    assert_int_equal(store_begin(rig->store.store), RC_OK);
}

static bool disk_full;

static ssize_t
write_or_full(int fd, const void *data, size_t bytes)
{
    errno = ENOSPC;
    return disk_full ? -1 : write(fd, data, bytes);
}

/* Appends one batch of BATCH_COUNT events; all its octets tell its seq. */
static enum rc
try_append(struct rig *rig, int64_t now_us, uint64_t *base_out)
{
    uint8_t bytes[BATCH_BYTES], events[BATCH_BYTES];
    struct bytes_writer writer;
    struct protocol_batch batch = {
        .producer = "gateway",
        .epoch = 1,
        .first_seq = rig->seq + 1,
        .count = BATCH_COUNT,
        .bytes = events,
        .bytes_count = BATCH_BYTES - PROTOCOL_BATCH_HEADER_BYTES_MAX +
                       PRODUCER_NAME_BYTES - 1 - 7,
    };
    enum rc rc;

    memset(events, (int)(rig->seq + BATCH_COUNT) & 0xff, sizeof(events));
    bytes_writer_init(&writer, bytes, sizeof(bytes));
    protocol_put_batch(&writer, &batch);
    assert_int_equal(writer.used, BATCH_BYTES);
    rc = topic_log_append(rig->log, bytes, writer.used, BATCH_COUNT, now_us,
                          base_out);
    if (rc == RC_OK)
        rig->seq += BATCH_COUNT;
    return rc;
}

static uint64_t
append_at(struct rig *rig, int64_t now_us)
{
    uint64_t base = UINT64_MAX;

    assert_int_equal(try_append(rig, now_us, &base), RC_OK);
    return base;
}

static void
commit(struct rig *rig)
{
    assert_int_equal(topic_log_write(rig->log), RC_OK);
    assert_int_equal(store_commit(rig->store.store), RC_OK);
    assert_int_equal(topic_log_committed(rig->log), RC_OK);
    assert_int_equal(store_flush(rig->store.store), RC_OK);
}

static void
append_batches(struct rig *rig, int batches)
{
    while (batches-- > 0) {
        begin(rig);
        append_at(rig, MINUTE_US);
        commit(rig);
    }
}

/* Reads all from offset on, and sees that it joins; returns the batches. */
static uint32_t
read_from(struct rig *rig, uint64_t offset, size_t max_bytes)
{
    struct topic_log_read read;
    struct bytes_reader reader;
    struct protocol_batch batch;
    uint64_t next = offset - offset % BATCH_COUNT;

    assert_int_equal(
        topic_log_read(rig->log, offset, max_bytes, rig->buffer, &read), RC_OK);
    bytes_reader_init(&reader, read.batches, read.bytes);
    for (uint32_t i = 0; i < read.count; i++) {
        assert_int_equal(protocol_get_batch(&reader, &batch), RC_OK);
        assert_int_equal(batch.base_offset, next);
        assert_int_equal(batch.first_seq, next + 1);
        assert_int_equal(batch.bytes[0], (next + BATCH_COUNT) & 0xff);
        next += batch.count;
    }
    assert_true(bytes_all_read(&reader));
    return read.count;
}

static void
test_topic_log_new_log_is_empty(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(topic_log_start(rig->log), 0);
    assert_int_equal(topic_log_end(rig->log), 0);
    assert_int_equal(topic_log_bytes(rig->log), 0);
    rig_reopen(rig);
    assert_int_equal(topic_log_end(rig->log), 0);
}

static void
test_topic_log_batches_of_one_turn_follow_each_other(void **state)
{
    struct rig *rig = *state;

    begin(rig);
    assert_int_equal(append_at(rig, 1), 0);
    assert_int_equal(append_at(rig, 1), BATCH_COUNT);
    commit(rig);
    assert_int_equal(topic_log_end(rig->log), 2 * BATCH_COUNT);
    assert_int_equal(topic_log_bytes(rig->log), 2 * BATCH_BYTES);
    assert_int_equal(read_from(rig, 0, 100000), 2);
}

static void
test_topic_log_read_starts_with_the_batch_that_holds_offset(void **state)
{
    struct rig *rig = *state;

    append_batches(rig, 5);
    for (uint64_t offset = 0; offset < 5 * BATCH_COUNT; offset++)
        assert_int_equal(read_from(rig, offset, 100000),
                         5 - offset / BATCH_COUNT);
}

static void
test_topic_log_read_gives_whole_batches_up_to_max_bytes(void **state)
{
    static const struct {
        size_t max_bytes;
        uint32_t count;
    } cases[] = {
        { 0, 1 },
        { 1, 1 },
        { BATCH_BYTES, 1 },
        { 2 * BATCH_BYTES - 1, 1 },
        { 2 * BATCH_BYTES, 2 },
        { 4 * BATCH_BYTES, 4 },
        { 100000, 5 },
    };
    struct rig *rig = *state;

    append_batches(rig, 5);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_int_equal(read_from(rig, 0, cases[i].max_bytes), cases[i].count);
}

static void
test_topic_log_read_goes_over_segments(void **state)
{
    struct rig *rig = *state;

    append_batches(rig, 50); /* 7 segments: more than stay open */
    assert_int_equal(read_from(rig, 0, 100000), 50);
    assert_int_equal(read_from(rig, 40, 100000), 50 - 40 / BATCH_COUNT);
    rig_reopen(rig);
    assert_int_equal(topic_log_end(rig->log), 50 * BATCH_COUNT);
    assert_int_equal(topic_log_bytes(rig->log), 50 * BATCH_BYTES);
    assert_int_equal(read_from(rig, 0, 100000), 50);
    append_batches(rig, 1);
    assert_int_equal(read_from(rig, 0, 100000), 51);
}

static int
open_tables(const struct rig *rig)
{
    char path[64], target[PATH_MAX];
    int count = 0;

    for (int fd = 0; fd < 1024; fd++) {
        ssize_t bytes;

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        bytes = readlink(path, target, sizeof(target) - 1);
        if (bytes <= 0)
            continue;
        target[bytes] = '\0';
        count += strstr(target, "/topic.") != NULL &&
                 strncmp(target, rig->store.directory,
                         strlen(rig->store.directory)) == 0;
    }
    return count;
}

static void
test_topic_log_few_old_tables_stay_open(void **state)
{
    struct rig *rig = *state;

    append_batches(rig, 100); /* 13 segments */
    assert_in_range(open_tables(rig), 1, TOPIC_LOG_OLD_TABLES_MAX + 1);
    assert_int_equal(read_from(rig, 0, 100000), 100);
    assert_in_range(open_tables(rig), 1, TOPIC_LOG_OLD_TABLES_MAX + 1);
    for (uint64_t batch = 0; batch < 100; batch += 8)
        assert_int_equal(read_from(rig, batch * BATCH_COUNT, 0), 1);
    assert_in_range(open_tables(rig), 1, TOPIC_LOG_OLD_TABLES_MAX + 1);
}

static void
test_topic_log_rolls_several_times_in_one_turn(void **state)
{
    struct rig *rig = *state;

    begin(rig);
    for (int i = 0; i < 30; i++)
        append_at(rig, 1);
    commit(rig);
    rig_reopen(rig);
    assert_int_equal(read_from(rig, 0, 100000), 30);
}

static void
test_topic_log_time_never_goes_back(void **state)
{
    struct rig *rig = *state;
    struct topic_log_read read;
    struct bytes_reader reader;
    struct protocol_batch batch;

    begin(rig);
    append_at(rig, 1000);
    append_at(rig, 900);
    commit(rig);
    assert_int_equal(
        topic_log_read(rig->log, BATCH_COUNT, 1, rig->buffer, &read), RC_OK);
    bytes_reader_init(&reader, read.batches, read.bytes);
    assert_int_equal(protocol_get_batch(&reader, &batch), RC_OK);
    assert_int_equal(batch.time_us, 1000);
}

static void
test_topic_log_undo_takes_everything_back(void **state)
{
    struct rig *rig = *state;

    for (int committed = 0; committed <= 10; committed += 5) {
        uint64_t end = topic_log_end(rig->log), seq = rig->seq;

        begin(rig);
        for (int i = 0; i < 20; i++)
            append_at(rig, 1); /* rolls twice */
        store_abort(rig->store.store);
        assert_int_equal(topic_log_undo(rig->log), RC_OK);
        rig->seq = seq;
        assert_int_equal(topic_log_end(rig->log), end);
        append_batches(rig, 5);
        assert_int_equal(topic_log_end(rig->log), end + 5 * BATCH_COUNT);
        assert_int_equal(read_from(rig, 0, 100000), committed + 5);
    }
    rig_reopen(rig);
    assert_int_equal(read_from(rig, 0, 100000), 15);
}

static bool
table_file_exists(const struct rig *rig, uint64_t base)
{
    char path[PATH_MAX + 64];

    snprintf(path, sizeof(path), "%s/topic.orders.0.%020llu",
             rig->store.directory, (unsigned long long)base);
    return access(path, F_OK) == 0;
}

/* A disk that is full while a segment's file is made: no segment stays that
 * nothing is in, which would be rolled again, under the same base. */
static void
test_topic_log_failed_roll_leaves_no_empty_segment(void **state)
{
    struct rig *rig = *state;
    uint64_t base;

    rig->config.segment_age_us = MINUTE_US;
    rig_close(rig);
    db_env_set_func_write(write_or_full);
    rig_open(rig);
    for (int minute = 1; minute <= 3; minute++) {
        begin(rig);
        append_at(rig, minute * MINUTE_US);
        commit(rig);
        begin(rig);
        disk_full = true;
        assert_int_equal(
            try_append(rig, (minute + 1) * MINUTE_US, &base), RC_NO_SPACE);
        store_abort(rig->store.store);
        disk_full = false;
        assert_int_equal(topic_log_undo(rig->log), RC_OK);
        assert_false(table_file_exists(rig, minute * BATCH_COUNT));
    }
    append_batches(rig, 1);
    rig_reopen(rig);
    db_env_set_func_write(NULL);
    assert_int_equal(read_from(rig, 0, 100000), 4);
}

static int
retain_all(struct rig *rig, const struct topic_log_retention *retention,
           int64_t now_us)
{
    bool stepped = true;
    int steps = -1;

    for (; stepped; steps++)
        assert_int_equal(
            topic_log_retain(rig->log, retention, now_us, &stepped), RC_OK);
    return steps;
}

static void
test_topic_log_retention_by_bytes_removes_oldest(void **state)
{
    struct topic_log_retention retention = { 2 * SEGMENT_BYTES, 0, UINT64_MAX };
    struct rig *rig = *state;

    append_batches(rig, 40); /* 5 full segments of 8 batches */
    assert_true(table_file_exists(rig, 0));
    assert_int_equal(retain_all(rig, &retention, MINUTE_US), 6);
    assert_int_equal(topic_log_start(rig->log), 24 * BATCH_COUNT);
    assert_true(topic_log_bytes(rig->log) >= retention.bytes);
    assert_false(table_file_exists(rig, 0));
    assert_int_equal(read_from(rig, 24 * BATCH_COUNT, 100000), 16);
    rig_reopen(rig);
    assert_int_equal(topic_log_start(rig->log), 24 * BATCH_COUNT);
    assert_int_equal(topic_log_end(rig->log), 40 * BATCH_COUNT);
}

static void
test_topic_log_retention_by_age_spares_the_active(void **state)
{
    struct topic_log_retention retention = { 0, MINUTE_US, UINT64_MAX };
    struct rig *rig = *state;

    append_batches(rig, 20);
    assert_int_equal(retain_all(rig, &retention, MINUTE_US + 1), 0);
    assert_int_equal(retain_all(rig, &retention, 2 * MINUTE_US), 4);
    assert_int_equal(topic_log_start(rig->log), 16 * BATCH_COUNT);
    assert_int_equal(read_from(rig, 16 * BATCH_COUNT, 100000), 4);
}

static void
test_topic_log_retention_stops_at_the_floor(void **state)
{
    struct topic_log_retention retention = { 1, 0, 0 };
    struct rig *rig = *state;

    append_batches(rig, 40);
    retention.floor_offset = 16 * BATCH_COUNT - 1;
    assert_int_equal(retain_all(rig, &retention, 0), 2);
    assert_int_equal(topic_log_start(rig->log), 8 * BATCH_COUNT);
    retention.floor_offset = 16 * BATCH_COUNT;
    assert_int_equal(retain_all(rig, &retention, 0), 2);
    assert_int_equal(topic_log_start(rig->log), 16 * BATCH_COUNT);
}

static void
test_topic_log_old_segment_is_not_appended_to(void **state)
{
    struct rig *rig = *state;

    rig->config.segment_age_us = MINUTE_US;
    rig_reopen(rig);
    for (int minute = 0; minute < 3; minute++) {
        begin(rig);
        append_at(rig, minute * MINUTE_US);
        commit(rig);
    }
    assert_true(table_file_exists(rig, BATCH_COUNT));
    assert_true(table_file_exists(rig, 2 * BATCH_COUNT));
    assert_int_equal(read_from(rig, 0, 100000), 3);
}

/* As many segments as there may be: the last one grows. */
static void
test_topic_log_segments_have_a_limit(void **state)
{
    struct rig *rig = *state;

    rig->config.segments_max = 2;
    rig_reopen(rig);
    append_batches(rig, 30);
    assert_true(table_file_exists(rig, 8 * BATCH_COUNT));
    assert_false(table_file_exists(rig, 16 * BATCH_COUNT));
    assert_int_equal(read_from(rig, 0, 100000), 30);
    rig->config.segments_max = 3;
    rig_reopen(rig);
    append_batches(rig, 1);
    assert_true(table_file_exists(rig, 30 * BATCH_COUNT));
}

/* A crash between the two steps: the note remains, and the table goes. */
static void
test_topic_log_left_over_table_goes_at_the_next_opening(void **state)
{
    struct topic_log_retention retention = { 1, 0, UINT64_MAX };
    struct rig *rig = *state;
    bool stepped;

    append_batches(rig, 20);
    assert_int_equal(topic_log_retain(rig->log, &retention, 0, &stepped),
                     RC_OK);
    assert_true(stepped);
    assert_true(table_file_exists(rig, 0));
    rig_reopen(rig);
    assert_int_equal(topic_log_remove_left_over(rig->store.store, rig->meta),
                     RC_OK);
    assert_false(table_file_exists(rig, 0));
    assert_int_equal(topic_log_start(rig->log), 8 * BATCH_COUNT);
}

static void
damage_segment_row(struct rig *rig, uint64_t base, uint64_t end)
{
    struct broker_meta_bytes key, value;

    broker_meta_key(&key, BROKER_META_SEGMENT);
    bytes_put_text(&key.writer, "orders");
    bytes_put_u16(&key.writer, 0);
    bytes_put_u64(&key.writer, base);
    broker_meta_value(&value);
    bytes_put_u64(&value.writer, end);
    for (int i = 0; i < 3; i++)
        bytes_put_u64(&value.writer, 1);
    begin(rig);
    assert_int_equal(broker_meta_put(rig->meta, &key, &value), RC_OK);
    assert_int_equal(store_commit(rig->store.store), RC_OK);
}

static void
test_topic_log_contradicting_rows_damaged(void **state)
{
    struct rig *rig = *state;
    struct topic_log *log;

    append_batches(rig, 10);
    assert_int_equal(topic_log_close(&rig->log), RC_OK);
    damage_segment_row(rig, 8 * BATCH_COUNT, 99); /* not the last batch's */
    assert_int_equal(topic_log_open(&log, &rig->config), RC_DAMAGED);
    damage_segment_row(rig, 8 * BATCH_COUNT, 10 * BATCH_COUNT);
    assert_int_equal(topic_log_open(&rig->log, &rig->config), RC_OK);
    assert_int_equal(topic_log_close(&rig->log), RC_OK);
    damage_segment_row(rig, 0, 7 * BATCH_COUNT); /* a hole behind it */
    assert_int_equal(topic_log_open(&log, &rig->config), RC_DAMAGED);
}

static struct store_table *
open_first_segment(struct rig *rig)
{
    struct store_table *table;

    assert_int_equal(store_table_open(rig->store.store,
                                      "topic.orders.0.00000000000000000000",
                                      &table),
                     RC_OK);
    return table;
}

static void
test_topic_log_missing_batch_damaged(void **state)
{
    static const uint8_t key[8] = { [7] = BATCH_COUNT };
    struct rig *rig = *state;
    struct topic_log_read read;
    struct store_table *table;

    append_batches(rig, 3);
    table = open_first_segment(rig);
    begin(rig);
    assert_int_equal(store_delete(table, key, sizeof(key)), RC_OK);
    assert_int_equal(store_commit(rig->store.store), RC_OK);
    assert_int_equal(topic_log_read(rig->log, 0, 100000, rig->buffer, &read),
                     RC_DAMAGED);
    assert_int_equal(
        topic_log_read(rig->log, BATCH_COUNT, 1, rig->buffer, &read),
        RC_DAMAGED);
    assert_int_equal(store_table_close(&table), RC_OK);
}

/*** With a cache ***/

#define CACHE_BYTES (4 * BATCH_BYTES)

static void
delete_row(struct rig *rig, uint8_t offset)
{
    const uint8_t key[8] = { [7] = offset };
    struct store_table *table;

    table = open_first_segment(rig);
    begin(rig);
    assert_int_equal(store_delete(table, key, sizeof(key)), RC_OK);
    assert_int_equal(store_commit(rig->store.store), RC_OK);
    assert_int_equal(store_table_close(&table), RC_OK);
}

static void
test_topic_log_cached_batches_are_the_stored_ones(void **state)
{
    struct rig *rig = *state;

    append_batches(rig, 30);
    for (int round = 0; round < 2; round++)
        for (uint64_t from = 0; from < 30; from++)
            for (size_t batches = 0; batches < 8; batches++) {
                uint64_t offset = from * BATCH_COUNT + batches % BATCH_COUNT;
                uint64_t wanted = batches < 1 ? 1 : batches;

                assert_int_equal(
                    read_from(rig, offset, batches * BATCH_BYTES + 1),
                    wanted < 30 - from ? wanted : 30 - from);
            }
}

/* The row is gone, and nobody misses it: it was not read again. */
static void
test_topic_log_second_reader_needs_no_store(void **state)
{
    struct rig *rig = *state;

    append_batches(rig, 4);
    assert_int_equal(read_from(rig, 0, 100000), 4);
    delete_row(rig, BATCH_COUNT);
    assert_int_equal(read_from(rig, 0, 100000), 4);
}

/* What is read behind it takes the place of the batch that is lent. */
static void
test_topic_log_lent_batch_outlives_the_look_ahead(void **state)
{
    struct rig *rig = *state;

    append_batches(rig, 30);
    read_from(rig, 0, BATCH_BYTES + 1);                /* 0, 1         */
    read_from(rig, 9 * BATCH_COUNT, BATCH_BYTES + 1);  /* 0, 1, 9, 10  */
    read_from(rig, 29 * BATCH_COUNT, BATCH_BYTES + 1); /* 1, 9, 10, 29 */
    assert_int_equal(read_from(rig, BATCH_COUNT, BATCH_BYTES + 1), 1);
}

static void
test_topic_log_reads_ahead_two_batches(void **state)
{
    struct rig *rig = *state;
    struct topic_log_read read;

    append_batches(rig, 10); /* a segment of 8, and 2 */
    assert_int_equal(topic_log_read(rig->log, 0, 1, rig->buffer, &read), RC_OK);
    assert_int_equal(read.next, BATCH_COUNT);
    assert_int_equal(topic_log_read_ahead(rig->log, BATCH_COUNT), RC_OK);
    delete_row(rig, BATCH_COUNT);
    delete_row(rig, 2 * BATCH_COUNT);
    assert_int_equal(read_from(rig, BATCH_COUNT, 2 * BATCH_BYTES), 2);
    assert_int_equal(topic_log_read_ahead(rig->log, 7 * BATCH_COUNT), RC_OK);
    delete_row(rig, 7 * BATCH_COUNT);
    assert_int_equal(read_from(rig, 7 * BATCH_COUNT, 2 * BATCH_BYTES), 2);
    assert_int_equal(topic_log_read_ahead(rig->log, 9 * BATCH_COUNT), RC_OK);
    assert_int_equal(topic_log_read_ahead(rig->log, 10 * BATCH_COUNT), RC_OK);
}

static void
test_topic_log_damage_ahead_is_told(void **state)
{
    struct rig *rig = *state;

    append_batches(rig, 4);
    delete_row(rig, BATCH_COUNT);
    assert_int_equal(topic_log_read_ahead(rig->log, 0), RC_DAMAGED);
    assert_int_equal(topic_log_read_ahead(rig->log, BATCH_COUNT), RC_DAMAGED);
    assert_int_equal(topic_log_read_ahead(rig->log, 2 * BATCH_COUNT), RC_OK);
}

static void
test_topic_log_undone_batch_is_not_cached(void **state)
{
    struct rig *rig = *state;
    uint64_t seq;

    append_batches(rig, 1);
    assert_int_equal(read_from(rig, 0, 100000), 1);
    seq = rig->seq;
    begin(rig);
    rig->seq += 100; /* other octets under the offset that comes next */
    append_at(rig, 1);
    store_abort(rig->store.store);
    assert_int_equal(topic_log_undo(rig->log), RC_OK);
    rig->seq = seq;
    append_batches(rig, 1);
    assert_int_equal(read_from(rig, 0, 100000), 2);
    assert_int_equal(read_from(rig, BATCH_COUNT, 100000), 1);
}

static void
test_topic_log_damaged_batch_is_not_cached(void **state)
{
    static const uint8_t key[8] = { [7] = BATCH_COUNT };
    struct rig *rig = *state;
    struct topic_log_read read;
    struct store_table *table;

    append_batches(rig, 3);
    table = open_first_segment(rig);
    begin(rig);
    assert_int_equal(store_put(table, key, sizeof(key), "damage", 6), RC_OK);
    assert_int_equal(store_commit(rig->store.store), RC_OK);
    assert_int_equal(store_table_close(&table), RC_OK);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(
            topic_log_read(rig->log, 0, 100000, rig->buffer, &read),
            RC_DAMAGED);
        assert_int_equal(
            topic_log_read(rig->log, BATCH_COUNT, 1, rig->buffer, &read),
            RC_DAMAGED);
    }
}

/* Two logs with the same offsets. */
static void
test_topic_log_cache_does_not_mix_logs(void **state)
{
    struct rig *rig = *state;
    struct topic_log *orders = rig->log;
    uint64_t seq;

    append_batches(rig, 2);
    seq = rig->seq;
    rig->config.topic = "payments";
    assert_int_equal(topic_log_open(&rig->log, &rig->config), RC_OK);
    rig->seq = 0;
    append_batches(rig, 3);
    assert_int_equal(read_from(rig, 0, 100000), 3);
    assert_int_equal(topic_log_close(&rig->log), RC_OK);
    rig->log = orders;
    rig->seq = seq;
    assert_int_equal(read_from(rig, 0, 100000), 2);
    delete_row(rig, 0);
    assert_int_equal(read_from(rig, 0, 100000), 2);
}

static void
test_topic_log_cached_log_is_trimmed(void **state)
{
    struct topic_log_retention retention = { SEGMENT_BYTES, 0, UINT64_MAX };
    struct rig *rig = *state;

    append_batches(rig, 20);
    assert_int_equal(read_from(rig, 0, BATCH_BYTES + 1), 1);
    assert_true(retain_all(rig, &retention, MINUTE_US) > 0);
    assert_int_equal(topic_log_start(rig->log), 8 * BATCH_COUNT);
    for (int round = 0; round < 2; round++)
        assert_int_equal(read_from(rig, 8 * BATCH_COUNT, 100000), 12);
}

static int
setup_cached(void **state)
{
    struct batch_cache *cache;
    struct rig *rig;

    setup(state);
    rig = *state;
    assert_int_equal(batch_cache_new(&cache, CACHE_BYTES), RC_OK);
    rig->config.cache = cache;
    rig_reopen(rig);
    return 0;
}

static int
teardown_cached(void **state)
{
    struct batch_cache *cache = ((struct rig *)*state)->config.cache;

    teardown(state);
    batch_cache_destroy(&cache);
    return 0;
}

#define CACHED(test)                                                           \
    cmocka_unit_test_setup_teardown(test, setup_cached, teardown_cached)
#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_topic_log_new_log_is_empty),
        WITH_RIG(test_topic_log_batches_of_one_turn_follow_each_other),
        WITH_RIG(test_topic_log_read_starts_with_the_batch_that_holds_offset),
        WITH_RIG(test_topic_log_read_gives_whole_batches_up_to_max_bytes),
        WITH_RIG(test_topic_log_read_goes_over_segments),
        WITH_RIG(test_topic_log_few_old_tables_stay_open),
        WITH_RIG(test_topic_log_rolls_several_times_in_one_turn),
        WITH_RIG(test_topic_log_time_never_goes_back),
        WITH_RIG(test_topic_log_undo_takes_everything_back),
        WITH_RIG(test_topic_log_failed_roll_leaves_no_empty_segment),
        WITH_RIG(test_topic_log_retention_by_bytes_removes_oldest),
        WITH_RIG(test_topic_log_retention_by_age_spares_the_active),
        WITH_RIG(test_topic_log_retention_stops_at_the_floor),
        WITH_RIG(test_topic_log_old_segment_is_not_appended_to),
        WITH_RIG(test_topic_log_segments_have_a_limit),
        WITH_RIG(test_topic_log_left_over_table_goes_at_the_next_opening),
        WITH_RIG(test_topic_log_contradicting_rows_damaged),
        WITH_RIG(test_topic_log_missing_batch_damaged),
        CACHED(test_topic_log_cached_batches_are_the_stored_ones),
        CACHED(test_topic_log_second_reader_needs_no_store),
        CACHED(test_topic_log_lent_batch_outlives_the_look_ahead),
        CACHED(test_topic_log_reads_ahead_two_batches),
        CACHED(test_topic_log_damage_ahead_is_told),
        CACHED(test_topic_log_undone_batch_is_not_cached),
        CACHED(test_topic_log_damaged_batch_is_not_cached),
        CACHED(test_topic_log_cache_does_not_mix_logs),
        CACHED(test_topic_log_cached_log_is_trimmed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
