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

#include "bus_peer.h"

void
peer_router_open(struct peer *peer)
{
    int linger = 0;

    peer->router = zmq_socket(peer->context, ZMQ_ROUTER);
    zmq_setsockopt(peer->router, ZMQ_LINGER, &linger, sizeof linger);
    assert_int_equal(zmq_bind(peer->router, peer->endpoint), 0);
}

static int
peer_setup_with(void **state, uint32_t timeout_ms)
{
    static const struct bus_life life = { 3, 0x1ee7 };
    struct peer *peer = calloc(1, sizeof *peer);
    struct bus_config config = { .name = "payment",
                                 .window = 4,
                                 .fetch_bytes = 65536,
                                 .timeout_ms = timeout_ms };

    assert_non_null(peer);
    snprintf(peer->path, sizeof peer->path, "/tmp/test_bus_zmq.%d", getpid());
    snprintf(peer->endpoint, sizeof peer->endpoint, "ipc://%s", peer->path);
    peer->context = zmq_ctx_new();
    peer_router_open(peer);
    config.endpoint = peer->endpoint;
    assert_int_equal(bus_open(&peer->bus, &config), RC_OK);
    bus_begin(peer->bus, &life);
    peer->writes = bus_declare(peer->bus, "payments", 0);
    *state = peer;
    return 0;
}

int
peer_setup(void **state)
{
    return peer_setup_with(state, TIMEOUT_MS);
}

/* For what must not be asked for a second time. */
int
peer_setup_patient(void **state)
{
    return peer_setup_with(state, 3 * TIMEOUT_MS);
}

int
peer_teardown(void **state)
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
peer_take_request(struct peer *peer)
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
void
peer_expect_request(struct peer *peer, enum verb verb)
{
    zmq_pollitem_t item = { .socket = peer->router, .events = ZMQ_POLLIN };
    int waits;

    for (waits = 0; waits < WAITS_MAX; waits++) {
        while (peer_take_request(peer))
            if (peer->header.verb == verb)
                return;
        /* The bus does not wait while it has news; we do. */
        assert_int_equal(bus_wait(peer->bus, NULL, 0, 0), RC_OK);
        zmq_poll(&item, 1, TIMEOUT_MS / 4);
    }
    fail_msg("no request of verb %d came", verb);
}

void
peer_reply(struct peer *peer, const struct bytes_writer *writer)
{
    assert_false(writer->failed);
    zmq_send(peer->router, peer->id, peer->id_bytes, ZMQ_SNDMORE);
    zmq_send(peer->router, writer->data, writer->used, 0);
}

void
peer_reply_open(struct peer *peer, uint32_t epoch, uint64_t last_seq)
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
    peer_reply(peer, &writer);
}

void
peer_reply_produced(struct peer *peer, uint64_t request)
{
    struct protocol_produce_ok ok = { .base_offset = 0 };
    struct bytes_writer writer;
    uint8_t frame[256];

    bytes_writer_init(&writer, frame, sizeof frame);
    protocol_put_produce_ok(&writer, request, &ok);
    peer_reply(peer, &writer);
}

void
peer_reply_error(struct peer *peer, uint64_t request, enum bus_error code,
                 uint64_t detail)
{
    struct protocol_error error = { .code = code,
                                    .detail = detail,
                                    .words = "played by the test" };
    struct bytes_writer writer;
    uint8_t frame[512];

    bytes_writer_init(&writer, frame, sizeof frame);
    protocol_put_error(&writer, request, &error);
    peer_reply(peer, &writer);
}

/* `count` batches of one event each, from `offset` on. */
void
peer_reply_fetch(struct peer *peer, uint64_t request, uint64_t offset,
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
    peer_reply(peer, &writer);
}

/* A SURVEY_OK with that many topics, one consumer, one producer and two
 * reports, of which one is no report; `short_by` octets are missing. */
void
peer_reply_survey(struct peer *peer, uint64_t request, uint16_t topics,
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
    peer_reply(peer, &writer);
}

/* ---- the bus's side --------------------------------------------------- */

void
peer_expect_event(struct peer *peer, enum bus_event_type type,
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
peer_is_opened(struct peer *peer)
{
    struct bus_event event;

    do {
        assert_int_equal(bus_next(peer->bus, &event), RC_OK);
        assert_true(event.type != BUS_FAILED);
        if (event.type == BUS_OPENED)
            return true;
    } while (event.type != BUS_NOTHING);
    return false;
}

/* Answers every OPEN: on a slow machine one is asked again before its reply
 * is read. */
void
peer_open_bus(struct peer *peer)
{
    zmq_pollitem_t item = { .socket = peer->router, .events = ZMQ_POLLIN };
    int waits;

    for (waits = 0; waits < WAITS_MAX; waits++) {
        while (peer_take_request(peer))
            if (peer->header.verb == VERB_OPEN_STORE)
                peer_reply_open(peer, 7, 0);
        assert_int_equal(bus_wait(peer->bus, NULL, 0, TIMEOUT_MS / 4), RC_OK);
        if (peer_is_opened(peer))
            return;
        zmq_poll(&item, 1, TIMEOUT_MS / 4);
    }
    fail_msg("the bus did not open");
}

enum rc
peer_produce(struct peer *peer, uint64_t first_seq, uint32_t count)
{
    struct bus_batch batch = { .stream = peer->writes,
                               .first_seq = first_seq,
                               .count = count,
                               .bytes = (const uint8_t *)"events",
                               .bytes_count = 6 };

    return bus_produce(peer->bus, &batch);
}

uint64_t
peer_expect_produce(struct peer *peer, uint64_t first_seq)
{
    struct protocol_produce produced;

    peer_expect_request(peer, VERB_PRODUCE);
    assert_int_equal(protocol_get_produce(&peer->body, &produced), RC_OK);
    assert_string_equal(produced.topic, "payments");
    assert_int_equal(produced.batch.first_seq, first_seq);
    assert_int_equal(produced.batch.epoch, 7);
    return peer->header.request;
}

void
peer_expect_ack(struct peer *peer, uint64_t first_seq)
{
    struct bus_event event;

    peer_expect_event(peer, BUS_ACK, &event);
    assert_int_equal(event.stream, peer->writes);
    assert_int_equal(event.first_seq, first_seq);
}

void
peer_expect_failure(struct peer *peer, enum rc rc)
{
    struct bus_event event;

    peer_expect_event(peer, BUS_FAILED, &event);
    assert_int_equal(event.rc, rc);
    assert_true(strlen(event.words) > 0);
}

uint64_t
peer_expect_fetch(struct peer *peer, uint64_t offset)
{
    struct protocol_fetch fetch;

    peer_expect_request(peer, VERB_FETCH);
    assert_int_equal(protocol_get_fetch(&peer->body, &fetch), RC_OK);
    assert_int_equal(fetch.offset, offset);
    return peer->header.request;
}

void
peer_expect_batch(struct peer *peer, uint64_t offset)
{
    struct bus_event event;

    peer_expect_event(peer, BUS_BATCH, &event);
    assert_int_equal(event.batch.stream, peer->reads);
    assert_int_equal(event.batch.base_offset, offset);
    assert_memory_equal(event.batch.bytes, "x", 1);
}

uint64_t
peer_expect_survey(struct peer *peer)
{
    bus_ask_status(peer->bus);
    peer_expect_request(peer, VERB_SURVEY);
    return peer->header.request;
}
