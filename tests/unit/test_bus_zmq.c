/* The ZeroMQ binder against a broker that the test plays by hand: it loses,
 * repeats, refuses and lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "saga/bus.h"
#include "saga/daemon.h"
#include "saga/log.h"
#include "saga/protocol.h"

#include "../support/bus_peer.h"

/* ---- tests ------------------------------------------------------------ */

static void
test_bus_open_tells_what_the_broker_holds(void **state)
{
    struct peer *peer = *state;
    struct bus_event event;

    peer_expect_request(peer, VERB_OPEN_STORE);
    peer_reply_open(peer, 7, 42);
    peer_expect_event(peer, BUS_UP, &event);
    peer_expect_event(peer, BUS_OPENED, &event);
    assert_int_equal(bus_last_seq(peer->bus, peer->writes), 42);
}

static void
test_bus_open_is_asked_again(void **state)
{
    struct peer *peer = *state;
    struct bus_event event;
    uint64_t first;

    peer_expect_request(peer, VERB_OPEN_STORE);
    first = peer->header.request;
    peer_expect_request(peer, VERB_OPEN_STORE);
    assert_int_equal(peer->header.request, first);
    peer_reply_open(peer, 7, 0);
    peer_expect_event(peer, BUS_OPENED, &event);
}

static void
test_bus_open_refused_is_a_wrong_setting(void **state)
{
    struct peer *peer = *state;

    peer_expect_request(peer, VERB_OPEN_STORE);
    peer_reply_error(peer, peer->header.request, BUS_ERROR_BAD_NAME, 0);
    peer_expect_failure(peer, RC_MALFORMED);
}

static void
test_bus_produce_before_open_waits(void **state)
{
    struct peer *peer = *state;

    assert_int_equal(peer_produce(peer, 1, 1), RC_AGAIN);
}

static void
test_bus_produce_window_is_a_limit(void **state)
{
    struct peer *peer = *state;
    uint64_t seq;

    peer_open_bus(peer);
    for (seq = 1; seq <= 4; seq++)
        assert_int_equal(peer_produce(peer, seq, 1), RC_OK);
    assert_int_equal(peer_produce(peer, 5, 1), RC_AGAIN);
    peer_reply_produced(peer, peer_expect_produce(peer, 1));
    peer_expect_ack(peer, 1);
    assert_int_equal(peer_produce(peer, 5, 1), RC_OK);
}

static void
test_bus_acks_come_in_order(void **state)
{
    struct peer *peer = *state;
    uint64_t first, second;
    struct bus_event event;

    peer_open_bus(peer);
    assert_int_equal(peer_produce(peer, 1, 3), RC_OK);
    assert_int_equal(peer_produce(peer, 4, 1), RC_OK);
    first = peer_expect_produce(peer, 1);
    second = peer_expect_produce(peer, 4);
    peer_reply_produced(peer, second);
    assert_int_equal(bus_wait(peer->bus, NULL, 0, TIMEOUT_MS / 2), RC_OK);
    assert_int_equal(bus_next(peer->bus, &event), RC_OK);
    assert_int_not_equal(event.type, BUS_ACK);
    peer_reply_produced(peer, first);
    peer_expect_ack(peer, 1);
    peer_expect_ack(peer, 4);
}

static void
test_bus_lost_produce_is_sent_again_in_order(void **state)
{
    struct peer *peer = *state;
    uint64_t first;

    peer_open_bus(peer);
    assert_int_equal(peer_produce(peer, 1, 1), RC_OK);
    assert_int_equal(peer_produce(peer, 2, 1), RC_OK);
    first = peer_expect_produce(peer, 1);
    peer_expect_produce(peer, 2);
    /* No reply: both come again, as they were. */
    assert_int_equal(peer_expect_produce(peer, 1), first);
    peer_reply_produced(peer, first);
    peer_reply_produced(peer, peer_expect_produce(peer, 2));
    peer_expect_ack(peer, 1);
    peer_expect_ack(peer, 2);
}

static void
test_bus_seq_gap_goes_back(void **state)
{
    struct peer *peer = *state;
    uint64_t second;

    peer_open_bus(peer);
    assert_int_equal(peer_produce(peer, 1, 1), RC_OK);
    assert_int_equal(peer_produce(peer, 2, 1), RC_OK);
    peer_expect_produce(peer, 1); /* lost */
    second = peer_expect_produce(peer, 2);
    peer_reply_error(peer, second, BUS_ERROR_SEQ_GAP, 1);
    peer_reply_produced(peer, peer_expect_produce(peer, 1));
    peer_expect_ack(peer, 1);
    peer_reply_produced(peer, peer_expect_produce(peer, 2));
    peer_expect_ack(peer, 2);
}

static void
test_041_bus_full_disk_is_tried_again_and_nobody_is_down(void **state)
{
    struct peer *peer = *state;
    struct bus_event event;

    peer_open_bus(peer);
    assert_int_equal(peer_produce(peer, 1, 1), RC_OK);
    for (int i = 0; i < 2; i++) {
        peer_reply_error(peer, peer_expect_produce(peer, 1),
                         BUS_ERROR_DISK_FLOOR, 0);
        while (bus_next(peer->bus, &event) == RC_OK &&
               event.type != BUS_NOTHING)
            assert_true(event.type != BUS_DOWN);
    }
    peer_reply_produced(peer, peer_expect_produce(peer, 1));
    peer_expect_ack(peer, 1);
}

static const struct {
    enum bus_error code;
    uint64_t detail;
    enum rc rc;
} produce_refusals[] = {
    { BUS_ERROR_FENCED, 8, RC_FENCED },
    { BUS_ERROR_SEQ_GAP, 4, RC_DAMAGED }, /* it lost what it had acked */
    { BUS_ERROR_SEQ_OVERLAP, 6, RC_DAMAGED },
    { BUS_ERROR_NOT_OPEN, 0, RC_DAMAGED },
    { BUS_ERROR_MALFORMED, 0, RC_MALFORMED },
    { BUS_ERROR_VERSION, 0, RC_MALFORMED },
    { BUS_ERROR_TOO_LARGE, 0, RC_MALFORMED },
    { BUS_ERROR_BAD_NAME, 0, RC_MALFORMED },
    { BUS_ERROR_UNKNOWN_TOPIC, 0, RC_MALFORMED },
    { BUS_ERROR_UNKNOWN_PARTITION, 0, RC_MALFORMED },
    { BUS_ERROR_NOT_PERMITTED, 0, RC_MALFORMED },
};

static void
test_bus_produce_refusals_end_it(void **state)
{
    struct peer *peer = *state;
    void *again = peer;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(produce_refusals); i++) {
        peer_open_bus(peer);
        assert_int_equal(peer_produce(peer, 5, 1), RC_OK);
        peer_reply_error(peer, peer_expect_produce(peer, 5),
                         produce_refusals[i].code, produce_refusals[i].detail);
        peer_expect_failure(peer, produce_refusals[i].rc);
        peer_teardown(&again);
        peer_setup(&again);
        *state = peer = again;
    }
}

static void
test_bus_fetch_hands_out_batches_and_asks_ahead(void **state)
{
    struct peer *peer = *state;

    peer->reads = bus_assign(peer->bus, "orders", 0, 10);
    peer_reply_fetch(peer, peer_expect_fetch(peer, 10), 10, 3);
    peer_expect_batch(peer, 10);
    peer_reply_fetch(peer, peer_expect_fetch(peer, 13), 13,
                     1); /* asked ahead */
    peer_expect_batch(peer, 11);
    peer_expect_batch(peer, 12);
    peer_expect_batch(peer, 13);
    peer_reply_fetch(peer, peer_expect_fetch(peer, 14), 14, 1);
    peer_expect_batch(peer, 14);
}

static void
test_bus_lingering_stream_is_asked_for_later(void **state)
{
    struct peer *peer = *state;
    int64_t answered_us;

    peer->reads = bus_assign(peer->bus, "orders", 0, 10);
    bus_linger(peer->bus, peer->reads, LINGER_MS);
    answered_us = clock_monotonic_us();
    peer_reply_fetch(peer, peer_expect_fetch(peer, 10), 10, 1);
    peer_expect_batch(peer, 10);
    peer_reply_fetch(peer, peer_expect_fetch(peer, 11), 11, 1);
    assert_true(clock_monotonic_us() - answered_us >= LINGER_MS * 1000);
    peer_expect_batch(peer, 11);
}

static void
test_bus_lost_fetch_is_asked_again_and_its_reply_ignored(void **state)
{
    struct peer *peer = *state;
    uint64_t lost;

    peer->reads = bus_assign(peer->bus, "orders", 0, 0);
    lost = peer_expect_fetch(peer, 0);
    peer_reply_fetch(peer, peer_expect_fetch(peer, 0), 0,
                     1); /* after the time-out */
    peer_reply_fetch(peer, lost, 0, 1);                  /* late */
    peer_expect_batch(peer, 0);
    peer_reply_fetch(peer, peer_expect_fetch(peer, 1), 1, 1);
    peer_expect_batch(peer, 1);
}

static const struct {
    enum bus_error code;
    enum rc rc;
} fetch_refusals[] = {
    { BUS_ERROR_OFFSET_TRIMMED, RC_DAMAGED },
    { BUS_ERROR_OFFSET_AHEAD, RC_DAMAGED },
    { BUS_ERROR_UNKNOWN_TOPIC, RC_MALFORMED },
    { BUS_ERROR_NOT_PERMITTED, RC_MALFORMED },
};

static void
test_bus_fetch_refusals_end_it(void **state)
{
    struct peer *peer = *state;
    void *again = peer;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(fetch_refusals); i++) {
        peer->reads = bus_assign(peer->bus, "orders", 0, 0);
        peer_reply_error(peer, peer_expect_fetch(peer, 0),
                         fetch_refusals[i].code, 0);
        peer_expect_failure(peer, fetch_refusals[i].rc);
        peer_teardown(&again);
        peer_setup(&again);
        *state = peer = again;
    }
}

static void
test_bus_fetch_limit_is_tried_again(void **state)
{
    struct peer *peer = *state;

    peer->reads = bus_assign(peer->bus, "orders", 0, 0);
    peer_reply_error(peer, peer_expect_fetch(peer, 0), BUS_ERROR_LIMIT, 0);
    peer_reply_fetch(peer, peer_expect_fetch(peer, 0), 0, 1);
    peer_expect_batch(peer, 0);
}

/* Nothing of what the bus tells now says that the broker is gone. */
static void
expect_up(struct peer *peer)
{
    struct bus_event event;

    do {
        assert_int_equal(bus_next(peer->bus, &event), RC_OK);
        assert_true(event.type != BUS_DOWN && event.type != BUS_FAILED);
    } while (event.type != BUS_NOTHING);
}

/* LIMIT, and a code that only a newer broker has: the same. */
static const enum bus_error passing[] = { BUS_ERROR_LIMIT, BUS_ERROR_COUNT };

static void
test_073_bus_refused_open_and_batch_are_tried_again(void **state)
{
    struct peer *peer = *state;

    for (size_t i = 0; i < ARRAY_COUNT(passing); i++) {
        peer_expect_request(peer, VERB_OPEN_STORE);
        peer_reply_error(peer, peer->header.request, passing[i], 0);
        expect_up(peer);
    }
    peer_open_bus(peer);
    assert_int_equal(peer_produce(peer, 1, 1), RC_OK);
    for (size_t i = 0; i < ARRAY_COUNT(passing); i++) {
        peer_reply_error(peer, peer_expect_produce(peer, 1), passing[i], 0);
        expect_up(peer);
    }
    peer_reply_produced(peer, peer_expect_produce(peer, 1));
    peer_expect_ack(peer, 1);
}

static void
test_073_bus_refused_fetch_is_no_broker_down(void **state)
{
    struct peer *peer = *state;

    peer->reads = bus_assign(peer->bus, "orders", 0, 0);
    peer_open_bus(peer);
    peer_reply_fetch(peer, peer_expect_fetch(peer, 0), 0, 1);
    peer_expect_batch(peer, 0);
    for (size_t i = 0; i < ARRAY_COUNT(passing); i++) {
        peer_reply_error(peer, peer_expect_fetch(peer, 1), passing[i], 0);
        expect_up(peer);
    }
    peer_reply_fetch(peer, peer_expect_fetch(peer, 1), 1, 1);
    expect_up(peer);
    peer_expect_batch(peer, 1);
}

static void
expect_later(struct peer *peer, uint64_t offset)
{
    struct bus_event event;

    peer_expect_event(peer, BUS_LATER, &event);
    assert_int_equal(event.stream, peer->reads);
    assert_int_equal(event.offset, offset);
}

static void
test_076_bus_begins_later_until_the_first_batch(void **state)
{
    struct peer *peer = *state;

    peer->reads = bus_assign(peer->bus, "orders", 0, 0);
    bus_may_begin_later(peer->bus, peer->reads);
    peer_reply_error(peer, peer_expect_fetch(peer, 0),
                     BUS_ERROR_OFFSET_TRIMMED, 6);
    expect_later(peer, 6);
    peer_reply_error(peer, peer_expect_fetch(peer, 6),
                     BUS_ERROR_OFFSET_TRIMMED, 8);
    expect_later(peer, 8);
    peer_reply_fetch(peer, peer_expect_fetch(peer, 8), 8, 1);
    peer_expect_batch(peer, 8);
    peer_reply_error(peer, peer_expect_fetch(peer, 9),
                     BUS_ERROR_OFFSET_TRIMMED, 12);
    peer_expect_failure(peer, RC_DAMAGED);
}

static void
test_076_bus_never_begins_before_where_it_is(void **state)
{
    struct peer *peer = *state;

    peer->reads = bus_assign(peer->bus, "orders", 0, 5);
    bus_may_begin_later(peer->bus, peer->reads);
    peer_reply_error(peer, peer_expect_fetch(peer, 5),
                     BUS_ERROR_OFFSET_TRIMMED, 5);
    peer_expect_failure(peer, RC_DAMAGED);
}

static void
test_bus_malformed_batches_are_damage(void **state)
{
    struct peer *peer = *state;
    struct bytes_writer writer;
    struct protocol_fetch_ok ok = { .end = 1, .count = 1 };
    uint8_t frame[64];

    peer->reads = bus_assign(peer->bus, "orders", 0, 0);
    bytes_writer_init(&writer, frame, sizeof frame);
    protocol_put_fetch_ok(&writer, peer_expect_fetch(peer, 0), &ok);
    bytes_put_u64(&writer, 0); /* and then nothing */
    peer_reply(peer, &writer);
    peer_expect_failure(peer, RC_DAMAGED);
}

static void
test_bus_other_version_is_refused(void **state)
{
    struct peer *peer = *state;
    struct bytes_writer writer;
    uint8_t frame[64];

    peer_expect_request(peer, VERB_OPEN_STORE);
    bytes_writer_init(&writer, frame, sizeof frame);
    protocol_put_header(&writer, VERB_OPEN_OK, peer->header.request);
    frame[2] = PROTOCOL_VERSION + 1;
    peer_reply(peer, &writer);
    peer_expect_failure(peer, RC_MALFORMED);
}

static void
test_bus_status_is_told_as_asked(void **state)
{
    struct peer *peer = *state;
    const struct bus_status *status;
    struct bus_event event;

    peer_open_bus(peer);
    peer_reply_survey(peer, peer_expect_survey(peer), 2, 0);
    peer_expect_event(peer, BUS_STATUS, &event);
    status = event.status;
    assert_int_equal(status->topics_count, 2);
    assert_string_equal(status->topics[1].topic, "orders");
    assert_int_equal(status->topics[1].partition, 1);
    assert_int_equal(status->topics[1].end, 9);
    assert_int_equal(bus_status_lag(status, &status->consumers[0]), 5);
    assert_int_equal(status->reports_count, 1); /* "x" is none */
    assert_int_equal(bus_status_report(status, "ledger")->age_ms, 1500);
    assert_int_equal(bus_status_report(status, "ledger")->report.outbox, 7);
    assert_null(bus_status_report(status, "strange"));
    assert_false(status->cut);
    peer_reply_survey(peer, peer_expect_survey(peer), BUS_STATUS_TOPICS_MAX + 1,
                      0);
    peer_expect_event(peer, BUS_STATUS, &event);
    assert_int_equal(event.status->topics_count, BUS_STATUS_TOPICS_MAX);
    assert_int_equal(event.status->consumers_count, 1);
    assert_true(event.status->cut);
}

/* What is cut tells nothing, and ends nothing. */
static void
test_bus_status_that_is_not_right_is_passed_over(void **state)
{
    struct peer *peer = *state;
    struct bus_event event;

    peer_open_bus(peer);
    peer_reply_survey(peer, peer_expect_survey(peer), 1, 3);
    peer_reply_survey(peer, peer_expect_survey(peer), 2, 1);
    peer_reply_survey(peer, peer_expect_survey(peer), 4, 0);
    peer_expect_event(peer, BUS_STATUS, &event);
    assert_int_equal(event.status->topics_count, 4);
}

static void
test_bus_random_replies_never_crash(void **state)
{
    struct peer *peer = *state;
    struct bytes_writer writer;
    struct bus_event event;
    uint8_t frame[128];
    unsigned seed = 20261122;
    size_t i, bytes;
    int round;

    peer_open_bus(peer);
    for (round = 0; round < 300; round++) {
        bytes = (size_t)rand_r(&seed) % sizeof frame;
        for (i = 0; i < bytes; i++)
            frame[i] = (uint8_t)rand_r(&seed);
        bytes_writer_init(&writer, frame, sizeof frame);
        if (round % 2 == 0) /* a right head, then noise */
            protocol_put_header(&writer, (enum verb)(round % VERB_COUNT),
                                peer->header.request);
        writer.used = bytes;
        peer_reply(peer, &writer);
        assert_int_equal(bus_wait(peer->bus, NULL, 0, 1), RC_OK);
        assert_int_equal(bus_next(peer->bus, &event), RC_OK);
    }
}

static void
test_bus_broker_goes_and_comes_back(void **state)
{
    struct peer *peer = *state;
    struct bus_event event;

    peer_open_bus(peer);
    assert_int_equal(peer_produce(peer, 1, 1), RC_OK);
    peer_expect_produce(peer, 1);
    zmq_close(peer->router);
    peer_expect_event(peer, BUS_DOWN, &event);
    assert_int_equal(peer_produce(peer, 2, 1), RC_OK);
    peer_router_open(peer);
    peer_reply_produced(peer, peer_expect_produce(peer, 1));
    peer_reply_produced(peer, peer_expect_produce(peer, 2));
    peer_expect_event(peer, BUS_UP, &event);
    peer_expect_ack(peer, 1);
    peer_expect_ack(peer, 2);
}

static void
test_bus_endpoint_that_cannot_be_is_refused(void **state)
{
    struct bus_config config = { .endpoint = "nothing://here",
                                 .name = "payment",
                                 .window = 1 };
    struct bus *bus = NULL;

    (void)state;
    assert_int_equal(bus_open(&bus, &config), RC_MALFORMED);
    assert_null(bus);
}

#define T(name) cmocka_unit_test_setup_teardown(name, peer_setup, peer_teardown)
#define PATIENT(name)                                                          \
    cmocka_unit_test_setup_teardown(name, peer_setup_patient, peer_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PATIENT(test_bus_open_tells_what_the_broker_holds),
        T(test_bus_open_is_asked_again),
        PATIENT(test_bus_open_refused_is_a_wrong_setting),
        T(test_bus_produce_before_open_waits),
        T(test_bus_produce_window_is_a_limit),
        T(test_bus_acks_come_in_order),
        T(test_bus_lost_produce_is_sent_again_in_order),
        T(test_bus_seq_gap_goes_back),
        T(test_041_bus_full_disk_is_tried_again_and_nobody_is_down),
        T(test_bus_produce_refusals_end_it),
        T(test_bus_fetch_hands_out_batches_and_asks_ahead),
        T(test_bus_lingering_stream_is_asked_for_later),
        T(test_bus_lost_fetch_is_asked_again_and_its_reply_ignored),
        T(test_bus_fetch_refusals_end_it),
        T(test_bus_fetch_limit_is_tried_again),
        PATIENT(test_073_bus_refused_open_and_batch_are_tried_again),
        PATIENT(test_073_bus_refused_fetch_is_no_broker_down),
        T(test_076_bus_begins_later_until_the_first_batch),
        T(test_076_bus_never_begins_before_where_it_is),
        T(test_bus_malformed_batches_are_damage),
        T(test_bus_other_version_is_refused),
        T(test_bus_status_is_told_as_asked),
        T(test_bus_status_that_is_not_right_is_passed_over),
        T(test_bus_random_replies_never_crash),
        T(test_bus_broker_goes_and_comes_back),
        cmocka_unit_test(test_bus_endpoint_that_cannot_be_is_refused),
    };

    log_open("test_bus_zmq");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
