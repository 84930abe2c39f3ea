/*
 * test_broker_turn.c - turns of the broker's loop, with a disk that fills in
 * the middle of one
 *
 * The broker runs in this process, turn by turn; its client is another socket
 * of the same context.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <db.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/store_rig.h"
#include "broker/broker_state.h"

#define BIG (900u << 10) /* two of them do not fit in the store's log buffer */
#define TURNS_MAX 100

struct rig {
    char home[64];
    struct config config;
    struct broker *broker;
    zsock_t *client;
    uint8_t frame[PROTOCOL_FRAME_BYTES_MAX];
};

/* What the disk says to each write(2) of the library's: 0, it works. */
static int write_error;

static ssize_t
write_or_fail(int fd, const void *data, size_t bytes)
{
    if (write_error == 0)
        return write(fd, data, bytes);
    errno = write_error;
    return -1;
}

static void
config_fill(struct rig *rig)
{
    char name[] = "broker", home[] = "--home";
    char *argv[] = { name, home, rig->home, NULL };
    char *environment[] = { NULL };
    char error[256];

    assert_int_equal(config_read(&rig->config, PROCESS_BROKER, 3, argv,
                                 environment, error, sizeof(error)),
                     RC_OK);
    snprintf(rig->config.bus, sizeof(rig->config.bus), "inproc://bus");
    snprintf(rig->config.tap, sizeof(rig->config.tap), "inproc://tap");
    rig->config.disk_floor = 0;
}

static int
setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    char run[80];

    assert_non_null(rig);
    strcpy(rig->home, "/tmp/broker.XXXXXX");
    assert_non_null(mkdtemp(rig->home));
    snprintf(run, sizeof(run), "%s/run", rig->home); /* daemon_lock()'s work */
    assert_int_equal(mkdir(run, 0700), 0);
    config_fill(rig);
    db_env_set_func_write(write_or_fail);
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

    write_error = 0;
    zsock_destroy(&rig->client);
    assert_int_equal(broker_close(&rig->broker), RC_OK);
    db_env_set_func_write(NULL);
    remove_tree(rig->home);
    free(rig);
    return 0;
}

/*** The client ***/

static void
send_frame(struct rig *rig, const struct bytes_writer *writer)
{
    assert_false(writer->failed);
    assert_int_equal(zmq_send(zsock_resolve(rig->client), writer->data,
                              writer->used, ZMQ_DONTWAIT),
                     writer->used);
}

static void
send_open(struct rig *rig, uint64_t request, const char *name)
{
    struct protocol_open open;
    struct bytes_writer writer;

    snprintf(open.producer, sizeof(open.producer), "%s", name);
    bytes_writer_init(&writer, rig->frame, sizeof(rig->frame));
    protocol_put_open(&writer, request, &open);
    send_frame(rig, &writer);
}

/* One event of the gateway's, with `bytes` octets. */
static void
send_produce(struct rig *rig, uint64_t request, uint32_t epoch, uint64_t seq,
             size_t bytes)
{
    static const uint8_t octets[BIG];
    struct protocol_produce produce = {
        .topic = "orders",
        .batch = { .producer = "gateway", .epoch = epoch, .first_seq = seq,
                   .count = 1, .bytes = octets, .bytes_count = bytes },
    };
    struct bytes_writer writer;

    bytes_writer_init(&writer, rig->frame, sizeof(rig->frame));
    protocol_put_produce(&writer, request, &produce);
    send_frame(rig, &writer);
}

static void
send_fetch(struct rig *rig, uint64_t request, uint64_t offset)
{
    struct protocol_fetch fetch = { .topic = "orders", .offset = offset,
                                    .max_bytes = 1000 };
    struct bytes_writer writer;

    bytes_writer_init(&writer, rig->frame, sizeof(rig->frame));
    protocol_put_fetch(&writer, request, &fetch);
    send_frame(rig, &writer);
}

static void
send_header(struct rig *rig, uint64_t request, enum verb verb)
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, rig->frame, sizeof(rig->frame));
    protocol_put_header(&writer, verb, request);
    send_frame(rig, &writer);
}

/* The next reply, with turns of the broker's until it is there. */
static struct protocol_header
receive(struct rig *rig, struct bytes_reader *reader)
{
    struct protocol_header header;

    for (int turn = 0; turn < TURNS_MAX; turn++) {
        int bytes = zmq_recv(zsock_resolve(rig->client), rig->frame,
                             sizeof(rig->frame), ZMQ_DONTWAIT);

        if (bytes >= 0) {
            bytes_reader_init(reader, rig->frame, (size_t)bytes);
            assert_int_equal(protocol_get_header(reader, &header), RC_OK);
            return header;
        }
        assert_int_equal(broker_turn(rig->broker), RC_OK);
    }
    fail_msg("no reply");
    abort();
}

static void
expect_error(struct rig *rig, uint64_t request, enum bus_error code)
{
    struct bytes_reader reader;
    struct protocol_error error;
    struct protocol_header header = receive(rig, &reader);

    assert_int_equal(header.request, request);
    assert_int_equal(header.verb, VERB_ERROR);
    assert_int_equal(protocol_get_error(&reader, &error), RC_OK);
    assert_string_equal(bus_error_name(error.code), bus_error_name(code));
}

static void
expect_produce_ok(struct rig *rig, uint64_t request, uint64_t base_offset)
{
    struct bytes_reader reader;
    struct protocol_produce_ok ok;
    struct protocol_header header = receive(rig, &reader);

    assert_int_equal(header.request, request);
    assert_int_equal(header.verb, VERB_PRODUCE_OK);
    assert_int_equal(protocol_get_produce_ok(&reader, &ok), RC_OK);
    assert_int_equal(ok.base_offset, base_offset);
    assert_false(ok.duplicate);
}

static void
expect_open_ok(struct rig *rig, uint64_t request, uint32_t epoch)
{
    struct bytes_reader reader;
    struct protocol_open_ok ok;
    struct protocol_header header = receive(rig, &reader);

    assert_int_equal(header.request, request);
    assert_int_equal(header.verb, VERB_OPEN_OK);
    assert_int_equal(protocol_get_open_ok(&reader, &ok), RC_OK);
    assert_int_equal(ok.epoch, epoch);
}

/*** The tests ***/

static void
test_broker_turn_answers_in_order(void **state)
{
    struct rig *rig = *state;

    send_open(rig, 1, "gateway");
    expect_open_ok(rig, 1, 1);
    send_produce(rig, 2, 1, 1, 10);
    send_produce(rig, 3, 1, 3, 10);
    send_produce(rig, 4, 1, 2, 10);
    expect_produce_ok(rig, 2, 0);
    expect_error(rig, 3, BUS_ERROR_SEQ_GAP);
    expect_produce_ok(rig, 4, 1);
}

/* The second big batch finds the disk full: the first, the OPEN between them
 * and all their traces in memory go with it. */
static void
test_broker_turn_full_disk_undoes_all_of_it(void **state)
{
    struct rig *rig = *state;

    send_open(rig, 1, "gateway");
    send_produce(rig, 2, 1, 1, 10);
    expect_open_ok(rig, 1, 1);
    expect_produce_ok(rig, 2, 0);

    write_error = ENOSPC;
    send_produce(rig, 3, 1, 2, BIG);
    send_fetch(rig, 4, 2); /* of what is not yet, and will not be */
    send_open(rig, 5, "gateway");
    send_open(rig, 6, "payment");
    send_produce(rig, 7, 1, 3, 10); /* fenced by that OPEN: or is it? */
    send_produce(rig, 8, 1, 1, 10);
    send_header(rig, 9, VERB_NONE);
    send_open(rig, 10, "ledger");
    send_produce(rig, 11, 2, 3, BIG);
    assert_int_equal(broker_turn(rig->broker), RC_OK);
    write_error = 0;
    expect_error(rig, 3, BUS_ERROR_DISK_FLOOR);
    expect_error(rig, 5, BUS_ERROR_DISK_FLOOR);
    expect_error(rig, 6, BUS_ERROR_DISK_FLOOR);
    expect_error(rig, 7, BUS_ERROR_DISK_FLOOR);
    expect_error(rig, 8, BUS_ERROR_DISK_FLOOR);
    expect_error(rig, 9, BUS_ERROR_MALFORMED);
    expect_error(rig, 10, BUS_ERROR_DISK_FLOOR);
    expect_error(rig, 11, BUS_ERROR_DISK_FLOOR);
    expect_error(rig, 4, BUS_ERROR_OFFSET_AHEAD);

    send_produce(rig, 12, 1, 2, 10); /* the floor holds until the next look */
    expect_error(rig, 12, BUS_ERROR_DISK_FLOOR);
    broker_look_at_disk(rig->broker);
    send_produce(rig, 13, 1, 2, 10);
    expect_produce_ok(rig, 13, 1);
    send_open(rig, 14, "payment");
    expect_open_ok(rig, 14, 1);
    send_open(rig, 15, "gateway");
    expect_open_ok(rig, 15, 2);
}

static void
test_broker_turn_takes_a_bounded_number(void **state)
{
    struct rig *rig = *state;
    struct bytes_reader reader;
    uint64_t requests = BROKER_TURN_REQUESTS_MAX + 10;

    for (uint64_t i = 0; i < requests; i++) {
        send_header(rig, i, VERB_STATUS);
        assert_true(rig->broker->turn.count <= BROKER_TURN_REQUESTS_MAX);
    }
    for (uint64_t i = 0; i < requests; i++)
        assert_int_equal(receive(rig, &reader).request, i);
}

static void
test_broker_turn_takes_a_bounded_number_of_octets(void **state)
{
    struct rig *rig = *state;

    send_open(rig, 1, "gateway");
    expect_open_ok(rig, 1, 1);
    for (uint64_t seq = 1; seq <= 12; seq++)
        send_produce(rig, seq, 1, seq, BIG);
    assert_int_equal(broker_turn(rig->broker), RC_OK);
    assert_int_equal(rig->broker->turn.count, BROKER_TURN_BYTES_MAX / BIG + 1);
    for (uint64_t seq = 1; seq <= 12; seq++)
        expect_produce_ok(rig, seq, seq - 1);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_broker_turn_answers_in_order),
        WITH_RIG(test_broker_turn_full_disk_undoes_all_of_it),
        WITH_RIG(test_broker_turn_takes_a_bounded_number),
        WITH_RIG(test_broker_turn_takes_a_bounded_number_of_octets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
