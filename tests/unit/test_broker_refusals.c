/*
 * test_broker_refusals.c - every ERROR that the broker itself gives, made to
 * happen by frames in its own process, turn by turn
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../support/store_rig.h"
#include "broker/broker_state.h"
#include "saga/daemon.h"

#define TURNS_MAX 1000
#define LIMIT 4
#define SMALL_BYTES 65536
#define BATCH_BYTES 60000
#define BATCHES 8 /* so many fill more than one segment */

struct rig {
    char home[64];
    struct config config;
    struct broker *broker;
    zsock_t *client;
    uint64_t request;
    uint8_t frame[PROTOCOL_FRAME_BYTES_MAX];
};

/* Small tables, so that they are soon full. */
static void
config_fill(struct rig *rig)
{
    struct config *config = &rig->config;
    char name[] = "broker", home[] = "--home";
    char *argv[] = { name, home, rig->home, NULL };
    char error[256] = "";

    if (config_read(config, PROCESS_BROKER, 3, argv, NULL, error,
                    sizeof error) != RC_OK)
        fail_msg("%s", error);
    snprintf(config->bus, sizeof config->bus, "inproc://bus");
    snprintf(config->tap, sizeof config->tap, "inproc://tap");
    snprintf(config->topics, sizeof config->topics, "extra");
    config->disk_floor = 0;
    config->producers = config->consumers = config->fetches = LIMIT;
    config->batch = config->segment = config->retention_bytes = SMALL_BYTES;
}

static int
setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    char run[80];

    assert_non_null(rig);
    strcpy(rig->home, "/tmp/broker.XXXXXX");
    assert_non_null(mkdtemp(rig->home));
    snprintf(run, sizeof run, "%s/run", rig->home);
    assert_int_equal(mkdir(run, 0700), 0);
    config_fill(rig);
    assert_int_equal(broker_open(&rig->broker, &rig->config, rig->home, -1),
                     RC_OK);
    rig->client = zsock_new(ZMQ_DEALER);
    assert_non_null(rig->client);
    assert_int_equal(zsock_connect(rig->client, "inproc://bus"), 0);
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    zsock_destroy(&rig->client);
    assert_int_equal(broker_close(&rig->broker), RC_OK);
    remove_tree(rig->home);
    free(rig);
    return 0;
}

_Static_assert(LIMIT == TOPIC_COUNT, "a fetch per topic fills the table");

/*** The client ***/

static void
send_octets(struct rig *rig, const void *octets, size_t bytes)
{
    assert_int_equal(zmq_send(zsock_resolve(rig->client), octets, bytes,
                              ZMQ_DONTWAIT), bytes);
}

static void
send_open(struct rig *rig, const char *name)
{
    struct protocol_open open;
    struct bytes_writer writer;

    snprintf(open.producer, sizeof open.producer, "%s", name);
    bytes_writer_init(&writer, rig->frame, sizeof rig->frame);
    protocol_put_open(&writer, ++rig->request, &open);
    send_octets(rig, writer.data, writer.used);
}

static void
send_open_store(struct rig *rig, uint64_t starts, uint64_t life)
{
    struct protocol_open_store open = { "gateway", starts, life };
    struct bytes_writer writer;

    bytes_writer_init(&writer, rig->frame, sizeof rig->frame);
    protocol_put_open_store(&writer, ++rig->request, &open);
    send_octets(rig, writer.data, writer.used);
}

/* What a PRODUCE says; what is left out is as it should be. */
struct batch_of {
    const char *topic;
    const char *producer;
    uint32_t partition;
    uint32_t epoch;
    uint64_t seq;
    uint32_t count;
    size_t bytes;
};

static void
send_produce(struct rig *rig, const struct batch_of *of)
{
    static const uint8_t octets[PROTOCOL_BATCH_BYTES_MAX];
    struct protocol_produce produce = {
        .partition = (uint16_t)of->partition,
        .batch = { .epoch = of->epoch != 0 ? of->epoch : 1,
                   .first_seq = of->seq != 0 ? of->seq : 1,
                   .count = of->count != 0 ? of->count : 1,
                   .bytes = octets,
                   .bytes_count = of->bytes != 0 ? of->bytes : 10 },
    };
    struct bytes_writer writer;

    snprintf(produce.topic, sizeof produce.topic, "%s",
             of->topic != NULL ? of->topic : "orders");
    snprintf(produce.batch.producer, sizeof produce.batch.producer, "%s",
             of->producer != NULL ? of->producer : "gateway");
    bytes_writer_init(&writer, rig->frame, sizeof rig->frame);
    protocol_put_produce(&writer, ++rig->request, &produce);
    assert_false(writer.failed);
    send_octets(rig, writer.data, writer.used);
}

static void
send_fetch(struct rig *rig, const char *consumer, const char *topic,
           uint64_t offset, uint32_t wait_ms)
{
    struct protocol_fetch fetch = { .offset = offset, .max_bytes = 1000,
                                    .max_wait_ms = wait_ms };
    struct bytes_writer writer;

    snprintf(fetch.topic, sizeof fetch.topic, "%s", topic);
    snprintf(fetch.consumer, sizeof fetch.consumer, "%s", consumer);
    bytes_writer_init(&writer, rig->frame, sizeof rig->frame);
    protocol_put_fetch(&writer, ++rig->request, &fetch);
    send_octets(rig, writer.data, writer.used);
}

static void
send_report(struct rig *rig, const char *name)
{
    static const uint8_t octets[] = "told";
    struct protocol_report report = { .bytes = octets,
                                      .bytes_count = sizeof octets };
    struct bytes_writer writer;

    snprintf(report.name, sizeof report.name, "%s", name);
    bytes_writer_init(&writer, rig->frame, sizeof rig->frame);
    protocol_put_report(&writer, ++rig->request, &report);
    send_octets(rig, writer.data, writer.used);
}

/* The next reply; it must be to the last request. */
static enum verb
receive(struct rig *rig, struct bytes_reader *reader)
{
    struct protocol_header header;

    for (int turn = 0; turn < TURNS_MAX; turn++) {
        int bytes = zmq_recv(zsock_resolve(rig->client), rig->frame,
                             sizeof rig->frame, ZMQ_DONTWAIT);

        if (bytes >= 0) {
            bytes_reader_init(reader, rig->frame, (size_t)bytes);
            assert_int_equal(protocol_get_header(reader, &header), RC_OK);
            assert_int_equal(header.request, rig->request);
            return header.verb;
        }
        assert_int_equal(broker_turn(rig->broker), RC_OK);
    }
    fail_msg("no reply");
    abort();
}

static void
expect(struct rig *rig, enum verb verb)
{
    struct bytes_reader reader;

    assert_int_equal(receive(rig, &reader), verb);
}

static void
expect_error(struct rig *rig, enum bus_error code, uint64_t detail)
{
    struct bytes_reader reader;
    struct protocol_error error;

    assert_int_equal(receive(rig, &reader), VERB_ERROR);
    assert_int_equal(protocol_get_error(&reader, &error), RC_OK);
    assert_string_equal(bus_error_name(error.code), bus_error_name(code));
    assert_int_equal(error.detail, detail);
    assert_true(error.words[0] != '\0');
}

/*** The tests ***/

/* The gateway's producer has epoch 2 and has stored seqs 1 to 3. */
static const struct {
    const char *name;
    struct batch_of batch;
    enum bus_error code;
    uint64_t detail;
} produces[] = {
    { "no_such_topic", { .topic = "nothing" }, BUS_ERROR_UNKNOWN_TOPIC, 0 },
    { "no_such_partition", { .partition = 1 }, BUS_ERROR_UNKNOWN_PARTITION,
      1 },
    { "name_of_no_form", { .topic = "Orders" }, BUS_ERROR_BAD_NAME, 0 },
    { "topic_of_another", { .topic = "payments" }, BUS_ERROR_NOT_PERMITTED,
      0 },
    { "never_opened", { .topic = "extra", .producer = "nobody" },
      BUS_ERROR_NOT_OPEN, 0 },
    { "older_epoch", { .epoch = 1, .seq = 4 }, BUS_ERROR_FENCED, 2 },
    { "seqs_left_out", { .epoch = 2, .seq = 5 }, BUS_ERROR_SEQ_GAP, 4 },
    { "seqs_half_stored", { .epoch = 2, .seq = 3, .count = 2 },
      BUS_ERROR_SEQ_OVERLAP, 3 },
    { "batch_too_large", { .epoch = 2, .seq = 4, .bytes = SMALL_BYTES + 1 },
      BUS_ERROR_TOO_LARGE, SMALL_BYTES },
};

static void
test_broker_produce_is_refused_by_name(void **state)
{
    struct rig *rig = *state;

    send_open(rig, "gateway");
    expect(rig, VERB_OPEN_OK);
    send_open(rig, "gateway");
    expect(rig, VERB_OPEN_OK);
    send_produce(rig, &(struct batch_of){ .epoch = 2, .count = 3 });
    expect(rig, VERB_PRODUCE_OK);
    for (size_t i = 0; i < ARRAY_COUNT(produces); i++) {
        send_produce(rig, &produces[i].batch);
        expect_error(rig, produces[i].code, produces[i].detail);
    }
    send_produce(rig, &(struct batch_of){ .epoch = 2, .seq = 4 });
    expect(rig, VERB_PRODUCE_OK);
}

static void
expect_epoch(struct rig *rig, uint32_t epoch)
{
    struct bytes_reader reader;
    struct protocol_open_ok ok;

    assert_int_equal(receive(rig, &reader), VERB_OPEN_OK);
    assert_int_equal(protocol_get_open_ok(&reader, &ok), RC_OK);
    assert_int_equal(ok.epoch, epoch);
}

/* Who comes late, from a copy, or again does not fence the one that is in. */
static void
test_broker_open_of_an_older_life_is_refused(void **state)
{
    struct rig *rig = *state;

    send_open_store(rig, 3, 7);
    expect_epoch(rig, 1);
    send_open_store(rig, 2, 6);
    expect_error(rig, BUS_ERROR_FENCED, 1);
    send_open_store(rig, 3, 8);
    expect_error(rig, BUS_ERROR_FENCED, 1);
    send_open_store(rig, 3, 7);
    expect_epoch(rig, 1);
    send_produce(rig, &(struct batch_of){ .epoch = 1 });
    expect(rig, VERB_PRODUCE_OK);
    send_open_store(rig, 4, 9);
    expect_epoch(rig, 2);
    send_produce(rig, &(struct batch_of){ .epoch = 1, .seq = 2 });
    expect_error(rig, BUS_ERROR_FENCED, 2);
    send_open_store(rig, 0, 7);
    expect_error(rig, BUS_ERROR_MALFORMED, 36);
    send_open_store(rig, 5, 0);
    expect_error(rig, BUS_ERROR_MALFORMED, 36);
}

/* As ever: each OPEN without starts fences whoever came before. */
static void
test_broker_open_without_a_store_fences(void **state)
{
    struct rig *rig = *state;

    send_open_store(rig, 3, 7);
    expect_epoch(rig, 1);
    send_open(rig, "gateway");
    expect_epoch(rig, 2);
    send_open(rig, "gateway");
    expect_epoch(rig, 3);
    send_open_store(rig, 3, 7);
    expect_error(rig, BUS_ERROR_FENCED, 3);
    send_open_store(rig, 4, 8);
    expect_epoch(rig, 4);
}

static void
test_broker_fetch_is_refused_by_name(void **state)
{
    struct rig *rig = *state;

    send_fetch(rig, "", "nothing", 0, 0);
    expect_error(rig, BUS_ERROR_UNKNOWN_TOPIC, 0);
    send_fetch(rig, "ledger", "orders", 0, 0);
    expect_error(rig, BUS_ERROR_NOT_PERMITTED, 0);
    send_fetch(rig, "Ledger", "orders", 0, 0);
    expect_error(rig, BUS_ERROR_BAD_NAME, 0);
    send_fetch(rig, "", "orders", 1, 0);
    expect_error(rig, BUS_ERROR_OFFSET_AHEAD, 0);
}

static void
test_broker_frames_of_no_form_are_refused(void **state)
{
    static const uint8_t other_version[] = "SP\x02\x07\0\0\0\0\0\0\0\x07";
    static const uint8_t trailing[] = "SP\x01\x07\0\0\0\0\0\0\0\x07x";
    struct rig *rig = *state;

    rig->request = 7;
    send_octets(rig, other_version, sizeof other_version - 1);
    expect_error(rig, BUS_ERROR_VERSION, PROTOCOL_VERSION);
    send_octets(rig, trailing, sizeof trailing - 1);
    expect_error(rig, BUS_ERROR_MALFORMED, 12);
}

static void
test_broker_tables_have_a_limit(void **state)
{
    struct rig *rig = *state;
    char name[PRODUCER_NAME_BYTES];

    for (int i = 0; i < LIMIT; i++) {
        snprintf(name, sizeof name, "stranger-%d", i);
        send_open(rig, name);
        expect(rig, VERB_OPEN_OK);
        send_fetch(rig, name, "orders", 0, 0);
        expect(rig, VERB_FETCH_OK);
    }
    send_open(rig, "stranger-x");
    expect_error(rig, BUS_ERROR_LIMIT, LIMIT);
    send_fetch(rig, "stranger-x", "orders", 0, 0);
    expect_error(rig, BUS_ERROR_LIMIT, LIMIT);
    /* A client has one fetch per partition; these wait, and say nothing. */
    for (enum topic topic = 0; topic < TOPIC_COUNT; topic++)
        send_fetch(rig, "", topic_routes[topic].name, 0, 30000);
    send_fetch(rig, "", "extra", 0, 30000);
    expect_error(rig, BUS_ERROR_LIMIT, LIMIT);
}

/* A producer has a stream per partition that it writes. */
static void
test_broker_streams_have_a_limit(void **state)
{
    struct rig *rig = *state;
    struct producer_table *producers = &rig->broker->producers;
    uint32_t count;

    send_open(rig, "gateway");
    expect(rig, VERB_OPEN_OK);
    count = producers->stream_count;
    producers->stream_count = PRODUCER_TABLE_STREAMS_MAX;
    send_produce(rig, &(struct batch_of){ .count = 1 });
    expect_error(rig, BUS_ERROR_LIMIT, PRODUCER_TABLE_STREAMS_MAX);
    producers->stream_count = count;
    send_produce(rig, &(struct batch_of){ .count = 1 });
    expect(rig, VERB_PRODUCE_OK);
}

static void
test_broker_reports_have_a_limit(void **state)
{
    struct rig *rig = *state;
    char name[PRODUCER_NAME_BYTES];

    for (uint32_t i = rig->broker->reports.count; i < REPORT_TABLE_MAX; i++) {
        snprintf(name, sizeof name, "stranger-%u", i);
        send_report(rig, name);
        expect(rig, VERB_REPORT_OK);
    }
    send_report(rig, "one-too-many");
    expect_error(rig, BUS_ERROR_LIMIT, REPORT_TABLE_MAX);
    send_report(rig, name);
    expect(rig, VERB_REPORT_OK);
}

/* Retention removes a segment; what stood in it is asked for. */
static void
test_broker_fetch_of_what_retention_removed_is_refused(void **state)
{
    struct rig *rig = *state;
    struct topic_log *log;
    int64_t next_us;
    uint32_t slot;

    send_open(rig, "gateway");
    expect(rig, VERB_OPEN_OK);
    for (unsigned i = 0; i < BATCHES; i++) {
        send_produce(rig, &(struct batch_of){ .seq = i + 1,
                                              .bytes = BATCH_BYTES });
        expect(rig, VERB_PRODUCE_OK);
    }
    assert_int_equal(topic_table_find(rig->broker->topics, "orders", 0, &slot),
                     BUS_ERROR_NONE);
    log = rig->broker->topics->items[slot].log;
    for (int turn = 0; turn < TURNS_MAX && topic_log_start(log) == 0; turn++) {
        rig->broker->retain_us = 0;
        assert_int_equal(broker_upkeep(rig->broker, clock_monotonic_us(),
                                       &next_us), RC_OK);
        assert_int_equal(broker_turn(rig->broker), RC_OK);
    }
    assert_true(topic_log_start(log) > 0);
    send_fetch(rig, "", "orders", 0, 0);
    expect_error(rig, BUS_ERROR_OFFSET_TRIMMED, topic_log_start(log));
}

/* A disk of which more must be free than there is. */
static void
test_broker_below_its_disk_floor_stores_nothing(void **state)
{
    struct rig *rig = *state;

    send_open(rig, "gateway");
    expect(rig, VERB_OPEN_OK);
    rig->config.disk_floor = UINT64_MAX / 8;
    broker_look_at_disk(rig->broker);
    send_produce(rig, &(struct batch_of){ .count = 1 });
    expect_error(rig, BUS_ERROR_DISK_FLOOR, rig->broker->bytes_free);
    rig->config.disk_floor = 0;
    broker_look_at_disk(rig->broker);
    send_produce(rig, &(struct batch_of){ .count = 1 });
    expect(rig, VERB_PRODUCE_OK);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_broker_produce_is_refused_by_name),
        T(test_broker_open_of_an_older_life_is_refused),
        T(test_broker_open_without_a_store_fences),
        T(test_broker_fetch_is_refused_by_name),
        T(test_broker_frames_of_no_form_are_refused),
        T(test_broker_tables_have_a_limit),
        T(test_broker_streams_have_a_limit),
        T(test_broker_reports_have_a_limit),
        T(test_broker_fetch_of_what_retention_removed_is_refused),
        T(test_broker_below_its_disk_floor_stores_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
