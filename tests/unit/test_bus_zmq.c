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

#define TIMEOUT_MS 200
#define LINGER_MS 200
#define WAITS_MAX 100 /* of TIMEOUT_MS / 2 each: a test's limit */

struct peer {
    char endpoint[80];
    char path[64];
    void *context;
    void *router;
    struct bus *bus;
    int writes; /* stream numbers */
    int reads;
    uint8_t id[64]; /* the client's routing id */
    size_t id_bytes;
    uint8_t frame[8192]; /* the last request */
    size_t frame_bytes;
    struct protocol_header header;
    struct bytes_reader body;
};

static void
router_open(struct peer *peer)
{
    int linger = 0;

    peer->router = zmq_socket(peer->context, ZMQ_ROUTER);
    zmq_setsockopt(peer->router, ZMQ_LINGER, &linger, sizeof linger);
    assert_int_equal(zmq_bind(peer->router, peer->endpoint), 0);
}

static int
setup(void **state)
{
    static const struct bus_life life = { 3, 0x1ee7 };
    struct peer *peer = calloc(1, sizeof *peer);
    struct bus_config config = { .name = "payment",
                                 .window = 4,
                                 .fetch_bytes = 65536,
                                 .timeout_ms = TIMEOUT_MS };

    assert_non_null(peer);
    snprintf(peer->path, sizeof peer->path, "/tmp/test_bus_zmq.%d", getpid());
    snprintf(peer->endpoint, sizeof peer->endpoint, "ipc://%s", peer->path);
    peer->context = zmq_ctx_new();
    router_open(peer);
    config.endpoint = peer->endpoint;
    assert_int_equal(bus_open(&peer->bus, &config), RC_OK);
    bus_begin(peer->bus, &life);
    peer->writes = bus_declare(peer->bus, "payments", 0);
    *state = peer;
    return 0;
}

static int
teardown(void **state)
{
    struct peer *peer = *state;

    bus_close(&peer->bus);
    if (peer->router != NULL)
        zmq_close(peer->router);
    zmq_ctx_term(peer->context);
    unlink(peer->path);
    free(peer);
    return 0;
}

/* ---- the broker's hand ------------------------------------------------ */

static bool
take_request(struct peer *peer)
{
    int bytes = zmq_recv(peer->router, peer->id, sizeof peer->id, ZMQ_DONTWAIT);

    if (bytes < 0)
        return false;
    peer->id_bytes = (size_t)bytes;
    bytes = zmq_recv(peer->router, peer->frame, sizeof peer->frame, 0);
    assert_true(bytes > 0);
    peer->frame_bytes = (size_t)bytes;
    bytes_reader_init(&peer->body, peer->frame, peer->frame_bytes);
    assert_int_equal(protocol_get_header(&peer->body, &peer->header), RC_OK);
    return true;
}

/* Lets the bus work until a request of this verb arrives. */
static void
expect_request(struct peer *peer, enum verb verb)
{
    zmq_pollitem_t item = { .socket = peer->router, .events = ZMQ_POLLIN };
    int waits;

    for (waits = 0; waits < WAITS_MAX; waits++) {
        while (take_request(peer))
            if (peer->header.verb == verb)
                return;
        /* The bus does not wait while it has news; we do. */
        assert_int_equal(bus_wait(peer->bus, NULL, 0, 0), RC_OK);
        zmq_poll(&item, 1, TIMEOUT_MS / 4);
    }
    fail_msg("no request of verb %d came", verb);
}

static void
reply(struct peer *peer, const struct bytes_writer *writer)
{
    assert_false(writer->failed);
    zmq_send(peer->router, peer->id, peer->id_bytes, ZMQ_SNDMORE);
    zmq_send(peer->router, writer->data, writer->used, 0);
}

static void
reply_open(struct peer *peer, uint32_t epoch, uint64_t last_seq)
{
    struct bytes_writer writer;
    uint8_t frame[256];

    bytes_writer_init(&writer, frame, sizeof frame);
    protocol_put_header(&writer, VERB_OPEN_OK, peer->header.request);
    bytes_put_u32(&writer, epoch);
    bytes_put_u16(&writer, last_seq > 0 ? 1 : 0);
    if (last_seq > 0) {
        bytes_put_text(&writer, "payments");
        bytes_put_u16(&writer, 0);
        bytes_put_u64(&writer, last_seq);
    }
    reply(peer, &writer);
}

static void
reply_produced(struct peer *peer, uint64_t request)
{
    struct protocol_produce_ok ok = { .base_offset = 0 };
    struct bytes_writer writer;
    uint8_t frame[256];

    bytes_writer_init(&writer, frame, sizeof frame);
    protocol_put_produce_ok(&writer, request, &ok);
    reply(peer, &writer);
}

static void
reply_error(struct peer *peer, uint64_t request, enum bus_error code,
            uint64_t detail)
{
    struct protocol_error error = { .code = code,
                                    .detail = detail,
                                    .words = "played by the test" };
    struct bytes_writer writer;
    uint8_t frame[512];

    bytes_writer_init(&writer, frame, sizeof frame);
    protocol_put_error(&writer, request, &error);
    reply(peer, &writer);
}

/* `count` batches of one event each, from `offset` on. */
static void
reply_fetch(struct peer *peer, uint64_t request, uint64_t offset,
            uint32_t count)
{
    struct protocol_fetch_ok ok = { .end = offset + count, .count = count };
    struct protocol_batch batch = { .producer = "gateway",
                                    .epoch = 1,
                                    .count = 1,
                                    .bytes = (const uint8_t *)"x",
                                    .bytes_count = 1 };
    struct bytes_writer writer;
    uint8_t frame[4096];

    bytes_writer_init(&writer, frame, sizeof frame);
    protocol_put_fetch_ok(&writer, request, &ok);
    for (; count > 0; count--) {
        batch.base_offset = offset++;
        batch.first_seq = offset;
        protocol_put_batch(&writer, &batch);
    }
    reply(peer, &writer);
}

/* A SURVEY_OK with that many topics, one consumer, one producer and two
 * reports, of which one is no report; `short_by` octets are missing. */
static void
reply_survey(struct peer *peer, uint64_t request, uint16_t topics,
             size_t short_by)
{
    static uint8_t frame[32768];
    struct bytes_writer writer;

    bytes_writer_init(&writer, frame, sizeof frame);
    protocol_put_header(&writer, VERB_SURVEY_OK, request);
    bytes_put_u16(&writer, topics);
    for (uint16_t i = 0; i < topics; i++) {
        bytes_put_text(&writer, "orders");
        bytes_put_u16(&writer, i);
        bytes_put_u64(&writer, 1);
        bytes_put_u64(&writer, 9);
        bytes_put_u64(&writer, 100);
    }
    bytes_put_u16(&writer, 1);
    bytes_put_text(&writer, "payment");
    bytes_put_text(&writer, "orders");
    bytes_put_u16(&writer, 0);
    bytes_put_u64(&writer, 4);
    bytes_put_u16(&writer, 1);
    bytes_put_text(&writer, "gateway");
    bytes_put_u32(&writer, 1);
    bytes_put_u16(&writer, 2);
    bytes_put_text(&writer, "strange");
    bytes_put_u32(&writer, 0);
    bytes_put_u16(&writer, 1);
    bytes_put(&writer, "x", 1);
    bytes_put_text(&writer, "ledger");
    bytes_put_u32(&writer, 1500);
    bytes_put_u16(&writer, 9);
    bytes_put(&writer, "\x81\xa6outbox\x07", 9);
    writer.used -= short_by;
    reply(peer, &writer);
}

/* ---- the bus's side --------------------------------------------------- */

static void
expect_event(struct peer *peer, enum bus_event_type type,
             struct bus_event *event)
{
    int waits;

    for (waits = 0; waits < WAITS_MAX; waits++) {
        for (;;) {
            assert_int_equal(bus_next(peer->bus, event), RC_OK);
            if (event->type == type)
                return;
            if (event->type == BUS_NOTHING)
                break;
        }
        assert_int_equal(bus_wait(peer->bus, NULL, 0, TIMEOUT_MS / 2), RC_OK);
    }
    fail_msg("no event of type %d came", type);
}

static bool
is_opened(struct peer *peer)
{
    struct bus_event event;

    do {
        assert_int_equal(bus_next(peer->bus, &event), RC_OK);
        if (event.type == BUS_OPENED)
            return true;
    } while (event.type != BUS_NOTHING);
    return false;
}

/* Answers every OPEN: on a slow machine one is asked again before its reply
 * is read, and only the last one's reply counts. */
static void
open_bus(struct peer *peer)
{
    zmq_pollitem_t item = { .socket = peer->router, .events = ZMQ_POLLIN };
    int waits;

    for (waits = 0; waits < WAITS_MAX; waits++) {
        while (take_request(peer))
            if (peer->header.verb == VERB_OPEN_STORE)
                reply_open(peer, 7, 0);
        assert_int_equal(bus_wait(peer->bus, NULL, 0, TIMEOUT_MS / 4), RC_OK);
        if (is_opened(peer))
            return;
        zmq_poll(&item, 1, TIMEOUT_MS / 4);
    }
    fail_msg("the bus did not open");
}

static enum rc
produce(struct peer *peer, uint64_t first_seq, uint32_t count)
{
    struct bus_batch batch = { .stream = peer->writes,
                               .first_seq = first_seq,
                               .count = count,
                               .bytes = (const uint8_t *)"events",
                               .bytes_count = 6 };

    return bus_produce(peer->bus, &batch);
}

static uint64_t
expect_produce(struct peer *peer, uint64_t first_seq)
{
    struct protocol_produce produced;

    expect_request(peer, VERB_PRODUCE);
    assert_int_equal(protocol_get_produce(&peer->body, &produced), RC_OK);
    assert_string_equal(produced.topic, "payments");
    assert_int_equal(produced.batch.first_seq, first_seq);
    assert_int_equal(produced.batch.epoch, 7);
    return peer->header.request;
}

static void
expect_ack(struct peer *peer, uint64_t first_seq)
{
    struct bus_event event;

    expect_event(peer, BUS_ACK, &event);
    assert_int_equal(event.stream, peer->writes);
    assert_int_equal(event.first_seq, first_seq);
}

static void
expect_failure(struct peer *peer, enum rc rc)
{
    struct bus_event event;

    expect_event(peer, BUS_FAILED, &event);
    assert_int_equal(event.rc, rc);
    assert_true(strlen(event.words) > 0);
}

static uint64_t
expect_fetch(struct peer *peer, uint64_t offset)
{
    struct protocol_fetch fetch;

    expect_request(peer, VERB_FETCH);
    assert_int_equal(protocol_get_fetch(&peer->body, &fetch), RC_OK);
    assert_int_equal(fetch.offset, offset);
    return peer->header.request;
}

static void
expect_batch(struct peer *peer, uint64_t offset)
{
    struct bus_event event;

    expect_event(peer, BUS_BATCH, &event);
    assert_int_equal(event.batch.stream, peer->reads);
    assert_int_equal(event.batch.base_offset, offset);
    assert_memory_equal(event.batch.bytes, "x", 1);
}

/* ---- tests ------------------------------------------------------------ */

static void
test_bus_open_tells_what_the_broker_holds(void **state)
{
    struct peer *peer = *state;
    struct bus_event event;

    expect_request(peer, VERB_OPEN_STORE);
    reply_open(peer, 7, 42);
    expect_event(peer, BUS_UP, &event);
    expect_event(peer, BUS_OPENED, &event);
    assert_int_equal(bus_last_seq(peer->bus, peer->writes), 42);
}

static void
test_bus_open_is_asked_again(void **state)
{
    struct peer *peer = *state;
    struct bus_event event;
    uint64_t first;

    expect_request(peer, VERB_OPEN_STORE);
    first = peer->header.request;
    expect_request(peer, VERB_OPEN_STORE);
    assert_true(peer->header.request > first);
    reply_open(peer, 7, 0);
    expect_event(peer, BUS_OPENED, &event);
}

static void
test_bus_open_refused_is_a_wrong_setting(void **state)
{
    struct peer *peer = *state;

    expect_request(peer, VERB_OPEN_STORE);
    reply_error(peer, peer->header.request, BUS_ERROR_BAD_NAME, 0);
    expect_failure(peer, RC_MALFORMED);
}

static void
test_bus_produce_before_open_waits(void **state)
{
    struct peer *peer = *state;

    assert_int_equal(produce(peer, 1, 1), RC_AGAIN);
}

static void
test_bus_produce_window_is_a_limit(void **state)
{
    struct peer *peer = *state;
    uint64_t seq;

    open_bus(peer);
    for (seq = 1; seq <= 4; seq++)
        assert_int_equal(produce(peer, seq, 1), RC_OK);
    assert_int_equal(produce(peer, 5, 1), RC_AGAIN);
    reply_produced(peer, expect_produce(peer, 1));
    expect_ack(peer, 1);
    assert_int_equal(produce(peer, 5, 1), RC_OK);
}

static void
test_bus_acks_come_in_order(void **state)
{
    struct peer *peer = *state;
    uint64_t first, second;
    struct bus_event event;

    open_bus(peer);
    assert_int_equal(produce(peer, 1, 3), RC_OK);
    assert_int_equal(produce(peer, 4, 1), RC_OK);
    first = expect_produce(peer, 1);
    second = expect_produce(peer, 4);
    reply_produced(peer, second);
    assert_int_equal(bus_wait(peer->bus, NULL, 0, TIMEOUT_MS / 2), RC_OK);
    assert_int_equal(bus_next(peer->bus, &event), RC_OK);
    assert_int_not_equal(event.type, BUS_ACK);
    reply_produced(peer, first);
    expect_ack(peer, 1);
    expect_ack(peer, 4);
}

static void
test_bus_lost_produce_is_sent_again_in_order(void **state)
{
    struct peer *peer = *state;
    uint64_t first;

    open_bus(peer);
    assert_int_equal(produce(peer, 1, 1), RC_OK);
    assert_int_equal(produce(peer, 2, 1), RC_OK);
    first = expect_produce(peer, 1);
    expect_produce(peer, 2);
    /* No reply: both come again, as they were. */
    assert_int_equal(expect_produce(peer, 1), first);
    reply_produced(peer, first);
    reply_produced(peer, expect_produce(peer, 2));
    expect_ack(peer, 1);
    expect_ack(peer, 2);
}

static void
test_bus_seq_gap_goes_back(void **state)
{
    struct peer *peer = *state;
    uint64_t second;

    open_bus(peer);
    assert_int_equal(produce(peer, 1, 1), RC_OK);
    assert_int_equal(produce(peer, 2, 1), RC_OK);
    expect_produce(peer, 1); /* lost */
    second = expect_produce(peer, 2);
    reply_error(peer, second, BUS_ERROR_SEQ_GAP, 1);
    reply_produced(peer, expect_produce(peer, 1));
    expect_ack(peer, 1);
    reply_produced(peer, expect_produce(peer, 2));
    expect_ack(peer, 2);
}

static void
test_041_bus_full_disk_is_tried_again_and_nobody_is_down(void **state)
{
    struct peer *peer = *state;
    struct bus_event event;

    open_bus(peer);
    assert_int_equal(produce(peer, 1, 1), RC_OK);
    for (int i = 0; i < 2; i++) {
        reply_error(peer, expect_produce(peer, 1), BUS_ERROR_DISK_FLOOR, 0);
        while (bus_next(peer->bus, &event) == RC_OK &&
               event.type != BUS_NOTHING)
            assert_true(event.type != BUS_DOWN);
    }
    reply_produced(peer, expect_produce(peer, 1));
    expect_ack(peer, 1);
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
        open_bus(peer);
        assert_int_equal(produce(peer, 5, 1), RC_OK);
        reply_error(peer, expect_produce(peer, 5), produce_refusals[i].code,
                    produce_refusals[i].detail);
        expect_failure(peer, produce_refusals[i].rc);
        teardown(&again);
        setup(&again);
        *state = peer = again;
    }
}

static void
test_bus_fetch_hands_out_batches_and_asks_ahead(void **state)
{
    struct peer *peer = *state;

    peer->reads = bus_assign(peer->bus, "orders", 0, 10);
    reply_fetch(peer, expect_fetch(peer, 10), 10, 3);
    expect_batch(peer, 10);
    reply_fetch(peer, expect_fetch(peer, 13), 13, 1); /* asked ahead */
    expect_batch(peer, 11);
    expect_batch(peer, 12);
    expect_batch(peer, 13);
    reply_fetch(peer, expect_fetch(peer, 14), 14, 1);
    expect_batch(peer, 14);
}

static void
test_bus_lingering_stream_is_asked_for_later(void **state)
{
    struct peer *peer = *state;
    int64_t answered_us;

    peer->reads = bus_assign(peer->bus, "orders", 0, 10);
    bus_linger(peer->bus, peer->reads, LINGER_MS);
    answered_us = clock_monotonic_us();
    reply_fetch(peer, expect_fetch(peer, 10), 10, 1);
    expect_batch(peer, 10);
    reply_fetch(peer, expect_fetch(peer, 11), 11, 1);
    assert_true(clock_monotonic_us() - answered_us >= LINGER_MS * 1000);
    expect_batch(peer, 11);
}

static void
test_bus_lost_fetch_is_asked_again_and_its_reply_ignored(void **state)
{
    struct peer *peer = *state;
    uint64_t lost;

    peer->reads = bus_assign(peer->bus, "orders", 0, 0);
    lost = expect_fetch(peer, 0);
    reply_fetch(peer, expect_fetch(peer, 0), 0, 1); /* after the time-out */
    reply_fetch(peer, lost, 0, 1);                  /* late */
    expect_batch(peer, 0);
    reply_fetch(peer, expect_fetch(peer, 1), 1, 1);
    expect_batch(peer, 1);
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
        reply_error(peer, expect_fetch(peer, 0), fetch_refusals[i].code, 0);
        expect_failure(peer, fetch_refusals[i].rc);
        teardown(&again);
        setup(&again);
        *state = peer = again;
    }
}

static void
test_bus_fetch_limit_is_tried_again(void **state)
{
    struct peer *peer = *state;

    peer->reads = bus_assign(peer->bus, "orders", 0, 0);
    reply_error(peer, expect_fetch(peer, 0), BUS_ERROR_LIMIT, 0);
    reply_fetch(peer, expect_fetch(peer, 0), 0, 1);
    expect_batch(peer, 0);
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
    protocol_put_fetch_ok(&writer, expect_fetch(peer, 0), &ok);
    bytes_put_u64(&writer, 0); /* and then nothing */
    reply(peer, &writer);
    expect_failure(peer, RC_DAMAGED);
}

static void
test_bus_other_version_is_refused(void **state)
{
    struct peer *peer = *state;
    struct bytes_writer writer;
    uint8_t frame[64];

    expect_request(peer, VERB_OPEN_STORE);
    bytes_writer_init(&writer, frame, sizeof frame);
    protocol_put_header(&writer, VERB_OPEN_OK, peer->header.request);
    frame[2] = PROTOCOL_VERSION + 1;
    reply(peer, &writer);
    expect_failure(peer, RC_MALFORMED);
}

static uint64_t
expect_survey(struct peer *peer)
{
    bus_ask_status(peer->bus);
    expect_request(peer, VERB_SURVEY);
    return peer->header.request;
}

static void
test_bus_status_is_told_as_asked(void **state)
{
    struct peer *peer = *state;
    const struct bus_status *status;
    struct bus_event event;

    open_bus(peer);
    reply_survey(peer, expect_survey(peer), 2, 0);
    expect_event(peer, BUS_STATUS, &event);
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
    reply_survey(peer, expect_survey(peer), BUS_STATUS_TOPICS_MAX + 1, 0);
    expect_event(peer, BUS_STATUS, &event);
    assert_int_equal(event.status->topics_count, BUS_STATUS_TOPICS_MAX);
    assert_int_equal(event.status->consumers_count, 1);
    assert_true(event.status->cut);
}

/* What is cut, late or repeated tells nothing, and ends nothing. */
static void
test_bus_status_that_is_not_right_is_passed_over(void **state)
{
    struct peer *peer = *state;
    struct bus_event event;
    uint64_t late;

    open_bus(peer);
    reply_survey(peer, expect_survey(peer), 1, 3);
    late = expect_survey(peer);
    reply_survey(peer, expect_survey(peer), 2, 1);
    reply_survey(peer, late, 3, 0);
    reply_survey(peer, expect_survey(peer), 4, 0);
    expect_event(peer, BUS_STATUS, &event);
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

    open_bus(peer);
    for (round = 0; round < 300; round++) {
        bytes = (size_t)rand_r(&seed) % sizeof frame;
        for (i = 0; i < bytes; i++)
            frame[i] = (uint8_t)rand_r(&seed);
        bytes_writer_init(&writer, frame, sizeof frame);
        if (round % 2 == 0) /* a right head, then noise */
            protocol_put_header(&writer, (enum verb)(round % VERB_COUNT),
                                peer->header.request);
        writer.used = bytes;
        reply(peer, &writer);
        assert_int_equal(bus_wait(peer->bus, NULL, 0, 1), RC_OK);
        assert_int_equal(bus_next(peer->bus, &event), RC_OK);
    }
}

static void
test_bus_broker_goes_and_comes_back(void **state)
{
    struct peer *peer = *state;
    struct bus_event event;

    open_bus(peer);
    assert_int_equal(produce(peer, 1, 1), RC_OK);
    expect_produce(peer, 1);
    zmq_close(peer->router);
    expect_event(peer, BUS_DOWN, &event);
    assert_int_equal(produce(peer, 2, 1), RC_OK);
    router_open(peer);
    reply_produced(peer, expect_produce(peer, 1));
    reply_produced(peer, expect_produce(peer, 2));
    expect_event(peer, BUS_UP, &event);
    expect_ack(peer, 1);
    expect_ack(peer, 2);
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

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_bus_open_tells_what_the_broker_holds),
        T(test_bus_open_is_asked_again),
        T(test_bus_open_refused_is_a_wrong_setting),
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
