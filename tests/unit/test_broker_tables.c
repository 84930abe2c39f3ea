/*
 * test_broker_tables.c - what the broker knows: topics, producers, consumers,
 * fetches that wait
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/store_rig.h"
#include "broker/consumer_table.h"
#include "broker/event_limiter.h"
#include "broker/fetch_table.h"
#include "broker/producer_table.h"

#define PARTITIONS 2

static bool no_memory;

/* In the C library's place, for all in this program. */
char *
strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = no_memory ? NULL : malloc(bytes);

    return copy != NULL ? memcpy(copy, text, bytes) : NULL;
}

struct rig {
    struct store_rig store;
    struct store_table *meta;
    struct topic_table *topics;
    struct producer_table producers;
    struct consumer_table consumers;
};

static struct topic_table *
topics_new(const char *names)
{
    struct topic_table *topics = NULL;
    char words[200];

    assert_int_equal(
        topic_table_new(&topics, names, PARTITIONS, words, sizeof(words)),
        RC_OK);
    return topics;
}

static void
rig_open(struct rig *rig, const char *topics, size_t names_max)
{
    uint32_t partitions;

    store_rig_open(&rig->store);
    assert_int_equal(
        broker_meta_open(rig->store.store, PARTITIONS, &rig->meta, &partitions),
        RC_OK);
    rig->topics = topics_new(topics);
    producer_table_init(&rig->producers, names_max);
    consumer_table_init(&rig->consumers, names_max);
    assert_int_equal(
        producer_table_load(&rig->producers, rig->meta, rig->topics), RC_OK);
    assert_int_equal(
        consumer_table_load(&rig->consumers, rig->meta, rig->topics), RC_OK);
}

static void
rig_close(struct rig *rig)
{
    producer_table_fini(&rig->producers);
    consumer_table_fini(&rig->consumers);
    assert_int_equal(topic_table_destroy(&rig->topics), RC_OK);
    store_rig_close(&rig->store);
}

static void
rig_reopen(struct rig *rig, const char *topics, size_t names_max)
{
    rig_close(rig);
    rig_open(rig, topics, names_max);
}

static int
setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    assert_non_null(rig);
    store_rig_init(&rig->store, NULL);
    rig_open(rig, "extra", 3);
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    rig_close(rig);
    store_rig_fini(&rig->store);
    free(rig);
    return 0;
}

static void
commit(struct rig *rig)
{
    assert_int_equal(store_begin(rig->store.store), RC_OK);
    assert_int_equal(
        producer_table_write(&rig->producers, rig->meta, rig->topics), RC_OK);
    assert_int_equal(
        consumer_table_write(&rig->consumers, rig->meta, rig->topics), RC_OK);
    assert_int_equal(store_commit(rig->store.store), RC_OK);
    producer_table_committed(&rig->producers);
    consumer_table_committed(&rig->consumers);
}

/*** Names, topics ***/

static void
test_name_index_finds_what_was_added(void **state)
{
    static char names[26][2];
    struct name_index index;

    (void)state;
    name_index_init(&index, 26);
    for (int i = 0; i < 26; i++) { /* a, p, e, t, ...: in no order */
        names[i][0] = (char)('a' + i * 15 % 26);
        assert_null(name_index_find(&index, names[i]));
        assert_int_equal(name_index_add(&index, names[i]), RC_OK);
    }
    assert_int_equal(name_index_add(&index, names[3]), RC_EXISTS);
    for (int i = 0; i < 26; i++)
        assert_ptr_equal(name_index_find(&index, names[i]), names[i]);
    assert_int_equal(name_index_add(&index, (char[]){ "zz" }), RC_FULL);
    name_index_remove(&index, names[5]);
    assert_null(name_index_find(&index, names[5]));
    assert_ptr_equal(name_index_find(&index, names[6]), names[6]);
    name_index_fini(&index);
}

static void
test_topic_table_wrong_names_told(void **state)
{
    static const char *const cases[][2] = {
        { "Extra", "topics: \"Extra\" is no name of a topic" },
        { "a,b,a", "topics: \"a\" is there already" },
        { "orders", "topics: \"orders\" is there already" },
    };
    char many[400] = "", words[200];
    struct topic_table *topics;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_int_equal(
            topic_table_new(&topics, cases[i][0], 1, words, sizeof(words)),
            RC_MALFORMED);
        assert_string_equal(words, cases[i][1]);
    }
    for (int i = 0; i < TOPIC_TABLE_TOPICS_MAX - TOPIC_COUNT + 1; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many), "t%d,", i);
    assert_int_equal(topic_table_new(&topics, many, 1, words, sizeof(words)),
                     RC_MALFORMED);
    assert_string_equal(words, "topics: \"t60\" is one topic too many");
}

/* It was an I/O error, and told by the broker as a knob that is wrong (100). */
static void
test_topic_table_without_memory_is_told_as_such(void **state)
{
    struct topic_table *topics;
    char words[200];
    enum rc rc;

    (void)state;
    no_memory = true;
    rc = topic_table_new(&topics, "a", 1, words, sizeof(words));
    no_memory = false;
    assert_int_equal(rc, RC_NO_MEMORY);
    assert_string_equal(words, "no memory");
    assert_int_equal(rc_exit_code(rc), EXIT_SYSTEM);
}

static void
test_topic_table_finds_partitions(void **state)
{
    struct topic_table *topics = topics_new(" extra,  more.0 ");
    uint32_t slot, other;

    (void)state;
    assert_int_equal(topics->count, (TOPIC_COUNT + 2) * PARTITIONS);
    assert_int_equal(topic_table_find(topics, "more.0", 1, &slot),
                     BUS_ERROR_NONE);
    assert_string_equal(topics->items[slot].topic, "more.0");
    assert_int_equal(topics->items[slot].partition, 1);
    assert_int_equal(topic_table_find(topics, "orders", 1, &other),
                     BUS_ERROR_NONE);
    assert_int_not_equal(slot, other);
    assert_int_equal(topic_table_find(topics, "orders", PARTITIONS, &slot),
                     BUS_ERROR_UNKNOWN_PARTITION);
    assert_int_equal(topic_table_find(topics, "none", PARTITIONS, &slot),
                     BUS_ERROR_UNKNOWN_TOPIC);
    assert_int_equal(topic_table_destroy(&topics), RC_OK);
}

/*** Producers ***/

static struct producer *
open_life(struct rig *rig, const char *name, uint64_t starts, uint64_t life,
          enum producer_opening opening)
{
    const struct producer_life next = { starts, life };
    struct producer *producer = NULL;
    enum producer_opening opened;

    assert_int_equal(producer_table_open(&rig->producers, name, &next,
                                         &producer, &opened), RC_OK);
    assert_int_equal(opened, opening);
    return producer;
}

static struct producer *
open_producer(struct rig *rig, const char *name)
{
    return open_life(rig, name, 0, 0, PRODUCER_OPENS);
}

static void
open_finds_no_room(struct rig *rig, const char *name)
{
    static const struct producer_life unknown;
    struct producer *producer;
    enum producer_opening opening;

    assert_int_equal(producer_table_open(&rig->producers, name, &unknown,
                                         &producer, &opening), RC_FULL);
}

static struct producer_stream *
append(struct rig *rig, struct producer *producer, uint32_t slot,
       uint32_t count)
{
    struct producer_stream *stream;
    struct producer_seqs_batch batch = { 0, count, 1000 };

    assert_int_equal(
        producer_table_stream(&rig->producers, producer, slot, &stream), RC_OK);
    batch.first_seq = stream->seqs.last_seq + 1;
    producer_table_append(&rig->producers, stream, &batch);
    return stream;
}

static void
test_producer_table_epochs_and_seqs_survive(void **state)
{
    struct rig *rig = *state;
    struct producer *producer;
    struct producer_stream *stream;

    assert_null(producer_table_find(&rig->producers, "gateway"));
    producer = open_producer(rig, "gateway");
    assert_int_equal(producer->epoch, 1);
    append(rig, producer, 0, 10);
    append(rig, producer, 0, 5);
    append(rig, producer, 8, 7); /* of the topic `extra` */
    commit(rig);
    assert_int_equal(open_producer(rig, "gateway")->epoch, 2);
    commit(rig);

    rig_reopen(rig, "extra", 3);
    producer = producer_table_find(&rig->producers, "gateway");
    assert_non_null(producer);
    assert_int_equal(producer->epoch, 2);
    assert_int_equal(producer->stream_count, 2);
    assert_int_equal(
        producer_table_stream(&rig->producers, producer, 0, &stream), RC_OK);
    assert_int_equal(stream->seqs.last_seq, 15);
    assert_int_equal(stream->seqs.batch_count, 2);

    rig_reopen(rig, "", 3); /* a topic that is not served is left alone */
    producer = producer_table_find(&rig->producers, "gateway");
    assert_int_equal(producer->stream_count, 1);
    rig_reopen(rig, "extra", 3);
    producer = producer_table_find(&rig->producers, "gateway");
    assert_int_equal(producer->stream_count, 2);
}

static void
test_producer_table_undo_takes_everything_back(void **state)
{
    struct rig *rig = *state;
    struct producer *producer = open_producer(rig, "gateway");
    struct producer_stream *stream = append(rig, producer, 0, 10);

    commit(rig);
    open_producer(rig, "gateway");
    open_producer(rig, "gateway");
    append(rig, producer, 0, 1);
    append(rig, producer, 0, 1);
    open_producer(rig, "payment");
    producer_table_undo(&rig->producers);
    assert_int_equal(producer->epoch, 1);
    assert_int_equal(stream->seqs.last_seq, 10);
    assert_int_equal(stream->seqs.batch_count, 1);
    assert_null(producer_table_find(&rig->producers, "payment"));
    append(rig, producer, 0, 1);
    commit(rig);
    assert_int_equal(stream->seqs.last_seq, 11);
}

static void
test_producer_table_lives_survive(void **state)
{
    struct rig *rig = *state;

    open_life(rig, "gateway", 3, 7, PRODUCER_OPENS);
    commit(rig);
    rig_reopen(rig, "extra", 3);
    assert_int_equal(
        open_life(rig, "gateway", 3, 7, PRODUCER_OPENS_AGAIN)->epoch, 1);
    assert_int_equal(
        open_life(rig, "gateway", 3, 8, PRODUCER_TWIN)->epoch, 1);
    assert_int_equal(
        open_life(rig, "gateway", 2, 8, PRODUCER_OLDER)->epoch, 1);
    assert_null(rig->producers.dirty); /* nothing to write */
    assert_int_equal(open_life(rig, "gateway", 4, 8, PRODUCER_OPENS)->epoch, 2);
    open_producer(rig, "gateway");
    commit(rig);
    rig_reopen(rig, "extra", 3);
    assert_int_equal(
        open_life(rig, "gateway", 4, 8, PRODUCER_TWIN)->epoch, 3);
}

static void
test_producer_table_undo_takes_lives_back(void **state)
{
    struct rig *rig = *state;

    open_life(rig, "gateway", 3, 7, PRODUCER_OPENS);
    commit(rig);
    open_life(rig, "gateway", 4, 8, PRODUCER_OPENS);
    open_life(rig, "gateway", 5, 9, PRODUCER_OPENS);
    producer_table_undo(&rig->producers);
    assert_int_equal(
        open_life(rig, "gateway", 3, 7, PRODUCER_OPENS_AGAIN)->epoch, 1);
    assert_int_equal(open_life(rig, "gateway", 4, 8, PRODUCER_OPENS)->epoch, 2);
}

/* A row as brokers before 2026-12 wrote it: no starts, no life. */
static void
test_producer_table_old_row_is_read(void **state)
{
    static const uint8_t key[] = "E\7gateway", value[] = { 0, 0, 0, 5 };
    struct rig *rig = *state;
    struct producer *producer;

    assert_int_equal(store_begin(rig->store.store), RC_OK);
    assert_int_equal(store_put(rig->meta, key, sizeof key - 1, value,
                               sizeof value), RC_OK);
    assert_int_equal(store_commit(rig->store.store), RC_OK);
    rig_reopen(rig, "extra", 3);
    producer = producer_table_find(&rig->producers, "gateway");
    assert_non_null(producer);
    assert_int_equal(producer->epoch, 5);
    assert_int_equal(producer->life.starts, 0);
    assert_int_equal(producer->life.life, 0);
    assert_int_equal(open_life(rig, "gateway", 1, 7, PRODUCER_OPENS)->epoch, 6);
    commit(rig);
    rig_reopen(rig, "extra", 3);
    assert_int_equal(
        open_life(rig, "gateway", 1, 7, PRODUCER_OPENS_AGAIN)->epoch, 6);
}

static void
test_producer_table_limits_hold_for_new_names_only(void **state)
{
    struct rig *rig = *state;
    struct producer *producer;

    open_producer(rig, "a");
    open_producer(rig, "b");
    open_producer(rig, "c");
    open_finds_no_room(rig, "d");
    assert_int_equal(open_producer(rig, "a")->epoch, 2);
    commit(rig);
    rig_reopen(rig, "extra", 1); /* lowered: those that are there stay */
    assert_int_equal(open_producer(rig, "c")->epoch, 2);
    open_finds_no_room(rig, "d");
    producer = producer_table_find(&rig->producers, "a");
    producer->epoch = UINT32_MAX;
    open_finds_no_room(rig, "a");
}

/* The streams that all producers may have together. */
static void
test_producer_table_streams_limit_holds(void **state)
{
    struct rig *rig = *state;
    struct producer *producer = open_producer(rig, "gateway");
    struct producer_stream *stream;

    rig->producers.stream_count = PRODUCER_TABLE_STREAMS_MAX - 1;
    assert_int_equal(
        producer_table_stream(&rig->producers, producer, 0, &stream), RC_OK);
    assert_int_equal(
        producer_table_stream(&rig->producers, producer, 1, &stream), RC_FULL);
    assert_int_equal(
        producer_table_stream(&rig->producers, producer, 0, &stream), RC_OK);
}

/*** Consumers ***/

static bool
report(struct rig *rig, const char *name, uint32_t slot, uint64_t position)
{
    bool registered;

    assert_int_equal(consumer_table_report(&rig->consumers, name, slot,
                                           position, &registered),
                     RC_OK);
    return registered;
}

static void
test_consumer_table_floor_is_the_slowest(void **state)
{
    struct rig *rig = *state;

    assert_true(consumer_table_floor(&rig->consumers, 0) == UINT64_MAX);
    assert_true(report(rig, "payment", 0, 0));
    assert_false(report(rig, "payment", 0, 50));
    assert_true(report(rig, "audit", 0, 30));
    assert_true(report(rig, "audit", 1, 7));
    assert_int_equal(consumer_table_floor(&rig->consumers, 0), 30);
    assert_int_equal(consumer_table_floor(&rig->consumers, 1), 7);
    assert_true(consumer_table_floor(&rig->consumers, 2) == UINT64_MAX);
}

static void
test_consumer_table_positions_survive_and_forgotten_ones_do_not(void **state)
{
    struct rig *rig = *state;

    report(rig, "payment", 0, 10);
    report(rig, "audit", 0, 5);
    report(rig, "audit", 1, 6);
    commit(rig);
    report(rig, "payment", 0, 20);
    report(rig, "audit", 0, 9);
    commit(rig);
    rig_reopen(rig, "extra", 3);
    assert_int_equal(consumer_table_floor(&rig->consumers, 0), 9);

    report(rig, "audit", 0, 12); /* to be written when it is forgotten */
    assert_int_equal(store_begin(rig->store.store), RC_OK);
    assert_int_equal(consumer_table_delete("audit", rig->meta), RC_OK);
    assert_int_equal(consumer_table_delete("nobody", rig->meta), RC_OK);
    assert_int_equal(store_commit(rig->store.store), RC_OK);
    consumer_table_forget(&rig->consumers, "audit");
    consumer_table_forget(&rig->consumers, "nobody");
    assert_int_equal(consumer_table_floor(&rig->consumers, 0), 20);
    assert_int_equal(rig->consumers.position_count, 1);
    commit(rig);
    rig_reopen(rig, "extra", 3);
    assert_int_equal(consumer_table_floor(&rig->consumers, 0), 20);
    assert_true(consumer_table_floor(&rig->consumers, 1) == UINT64_MAX);
}

/* Regress 068: what a forgotten consumer had read of a topic that the operator
 * had taken out stayed, and held up retention when the topic came back. */
static void
test_068_forgotten_in_topics_that_are_not_served(void **state)
{
    struct rig *rig = *state;
    uint32_t extra;

    assert_int_equal(topic_table_find(rig->topics, "extra", 0, &extra),
                     BUS_ERROR_NONE);
    report(rig, "audit", 0, 5);
    report(rig, "audit", extra, 6);
    report(rig, "audit-2", extra, 7);
    commit(rig);
    rig_reopen(rig, "", 3);
    assert_int_equal(store_begin(rig->store.store), RC_OK);
    assert_int_equal(consumer_table_delete("audit", rig->meta), RC_OK);
    assert_int_equal(store_commit(rig->store.store), RC_OK);
    consumer_table_forget(&rig->consumers, "audit");
    rig_reopen(rig, "extra", 3);
    assert_true(consumer_table_floor(&rig->consumers, 0) == UINT64_MAX);
    assert_int_equal(consumer_table_floor(&rig->consumers, extra), 7);
}

static void
test_consumer_table_limits_hold(void **state)
{
    struct rig *rig = *state;
    bool registered;

    report(rig, "a", 0, 0);
    report(rig, "b", 0, 0);
    report(rig, "c", 0, 0);
    assert_int_equal(
        consumer_table_report(&rig->consumers, "d", 0, 0, &registered),
        RC_FULL);
    assert_false(report(rig, "a", 0, 1));
    rig->consumers.position_count = CONSUMER_TABLE_POSITIONS_MAX;
    assert_int_equal(
        consumer_table_report(&rig->consumers, "a", 1, 0, &registered),
        RC_FULL);
}

/*** Fetches ***/

static void
add_fetch(struct fetch_table *table, const char *client, uint32_t slot,
          uint64_t request, int64_t deadline_us)
{
    struct fetch fetch = { .slot = slot,
                           .request = request,
                           .deadline_us = deadline_us };

    assert_int_equal(zmq_msg_init_size(&fetch.client, strlen(client)), 0);
    memcpy(zmq_msg_data(&fetch.client), client, strlen(client));
    fetch_table_add(table, &fetch);
    zmq_msg_close(&fetch.client);
}

/* What broker_serve() does when there is nothing to read. */
static uint32_t
keep_due(struct fetch_table *table)
{
    uint32_t slot, refused = 0;

    while (fetch_table_take_due(table, &slot)) {
        struct fetch *fetch = fetch_table_first(table, slot), *next;

        for (; fetch != NULL; fetch = next) {
            next = fetch_table_next(table, fetch);
            if (fetch_table_keep(table, fetch) == RC_OK)
                continue;
            fetch_table_drop(table, fetch);
            refused++;
        }
    }
    return refused;
}

static void
test_fetch_table_newer_takes_the_place_of_older(void **state)
{
    struct fetch_table *table;

    (void)state;
    assert_int_equal(fetch_table_new(&table, 4), RC_OK);
    add_fetch(table, "one", 3, 1, 100);
    assert_int_equal(keep_due(table), 0);
    add_fetch(table, "one", 3, 2, 100);
    assert_int_equal(fetch_table_first(table, 3)->request, 2);
    assert_null(fetch_table_next(table, fetch_table_first(table, 3)));
    add_fetch(table, "two", 3, 3, 100);
    add_fetch(table, "one", 4, 4, 100);
    assert_int_equal(keep_due(table), 0);
    assert_int_equal(table->waiting_count, 3);
    fetch_table_destroy(&table);
}

static void
test_fetch_table_too_many_waiting_refused(void **state)
{
    struct fetch_table *table;
    char client[3] = "a0";

    (void)state;
    assert_int_equal(fetch_table_new(&table, 4), RC_OK);
    for (; client[1] < '6'; client[1]++)
        add_fetch(table, client, 3, 1, 100);
    assert_int_equal(keep_due(table), 2);
    assert_int_equal(table->waiting_count, 4);
    assert_int_equal(table->fresh_count, 0);
    add_fetch(table, "b", 3, 1, 100);
    assert_int_equal(keep_due(table), 1);
    fetch_table_drop(table, fetch_table_first(table, 3));
    add_fetch(table, "b", 3, 1, 100);
    assert_int_equal(keep_due(table), 0);
    fetch_table_destroy(&table);
}

static void
test_fetch_table_full_of_fresh_ones_says_so(void **state)
{
    struct fetch_table *table;
    char client[12];

    (void)state;
    assert_int_equal(fetch_table_new(&table, 4), RC_OK);
    for (int i = 0; i < FETCH_TABLE_FRESH_MAX; i++) {
        assert_false(fetch_table_full(table));
        snprintf(client, sizeof(client), "%d", i);
        add_fetch(table, client, 0, 1, 100);
    }
    assert_true(fetch_table_full(table));
    assert_int_equal(keep_due(table), FETCH_TABLE_FRESH_MAX - 4);
    assert_false(fetch_table_full(table));
    fetch_table_destroy(&table);
}

static void
test_fetch_table_deadlines_make_slots_due(void **state)
{
    struct fetch_table *table;
    uint32_t slot;

    (void)state;
    assert_int_equal(fetch_table_new(&table, 4), RC_OK);
    assert_true(table->deadline_us == INT64_MAX);
    add_fetch(table, "one", 3, 1, 300);
    add_fetch(table, "two", 5, 2, 100);
    add_fetch(table, "one", 7, 3, 200);
    assert_int_equal(keep_due(table), 0);
    assert_int_equal(table->deadline_us, 100);
    fetch_table_expire(table, 99);
    assert_false(fetch_table_take_due(table, &slot));
    fetch_table_expire(table, 100);
    assert_true(fetch_table_take_due(table, &slot));
    assert_int_equal(slot, 5);
    fetch_table_drop(table, fetch_table_first(table, 5));
    assert_int_equal(table->deadline_us, 200);
    fetch_table_expire(table, 1000);
    assert_int_equal(table->due_count, 2);
    assert_true(table->deadline_us == INT64_MAX);
    fetch_table_destroy(&table);
}

static void
test_fetch_table_due_only_where_somebody_waits(void **state)
{
    struct fetch_table *table;
    uint32_t slot;

    (void)state;
    assert_int_equal(fetch_table_new(&table, 4), RC_OK);
    fetch_table_set_due(table, 1);
    assert_false(fetch_table_take_due(table, &slot));
    add_fetch(table, "one", 1, 1, 100);
    fetch_table_set_due(table, 1);
    assert_int_equal(table->due_count, 1);
    fetch_table_destroy(&table);
}

static void
test_event_limiter_tells_how_many_it_held_back(void **state)
{
    struct event_limiter limiter = { 0 };
    uint64_t held_back = 99;

    (void)state;
    assert_true(event_limiter_pass(&limiter, 5000000, &held_back));
    assert_int_equal(held_back, 0);
    assert_false(event_limiter_pass(&limiter, 5000001, &held_back));
    assert_false(event_limiter_pass(&limiter, 5999999, &held_back));
    assert_true(event_limiter_pass(&limiter, 6000000, &held_back));
    assert_int_equal(held_back, 2);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name_index_finds_what_was_added),
        cmocka_unit_test(test_topic_table_wrong_names_told),
        cmocka_unit_test(test_topic_table_without_memory_is_told_as_such),
        cmocka_unit_test(test_topic_table_finds_partitions),
        WITH_RIG(test_producer_table_epochs_and_seqs_survive),
        WITH_RIG(test_producer_table_undo_takes_everything_back),
        WITH_RIG(test_producer_table_lives_survive),
        WITH_RIG(test_producer_table_undo_takes_lives_back),
        WITH_RIG(test_producer_table_old_row_is_read),
        WITH_RIG(test_producer_table_limits_hold_for_new_names_only),
        WITH_RIG(test_producer_table_streams_limit_holds),
        WITH_RIG(test_consumer_table_floor_is_the_slowest),
        WITH_RIG(
            test_consumer_table_positions_survive_and_forgotten_ones_do_not),
        WITH_RIG(test_068_forgotten_in_topics_that_are_not_served),
        WITH_RIG(test_consumer_table_limits_hold),
        cmocka_unit_test(test_fetch_table_newer_takes_the_place_of_older),
        cmocka_unit_test(test_fetch_table_too_many_waiting_refused),
        cmocka_unit_test(test_fetch_table_full_of_fresh_ones_says_so),
        cmocka_unit_test(test_fetch_table_deadlines_make_slots_due),
        cmocka_unit_test(test_fetch_table_due_only_where_somebody_waits),
        cmocka_unit_test(test_event_limiter_tells_how_many_it_held_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
