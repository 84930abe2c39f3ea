/* How the ZeroMQ binder opens: with the life that it was given, each time that
 * it asks; and what it makes of a broker that let in a later one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>
#include <zmq.h>

#include "saga/bus.h"
#include "saga/protocol.h"

#define TIMEOUT_MS 100
#define WAITS_MAX 200

/* A broker's end of a connection, and the last request over it. */
struct peer {
    char path[64];
    void *context;
    void *router;
    struct bus *bus;
    uint8_t id[64];
    size_t id_bytes;
    struct protocol_header header;
    struct protocol_open_store open;
};

static void
peer_init(struct peer *peer)
{
    static const struct bus_life life = { 3, 0x1ee7 };
    struct bus_config config = { .name = "payment", .window = 1,
                                 .fetch_bytes = 65536,
                                 .timeout_ms = TIMEOUT_MS };
    char endpoint[80];

    snprintf(peer->path, sizeof peer->path, "/tmp/test_bus_life.%d", getpid());
    snprintf(endpoint, sizeof endpoint, "ipc://%s", peer->path);
    peer->context = zmq_ctx_new();
    peer->router = zmq_socket(peer->context, ZMQ_ROUTER);
    assert_int_equal(zmq_bind(peer->router, endpoint), 0);
    config.endpoint = endpoint;
    assert_int_equal(bus_open(&peer->bus, &config), RC_OK);
    bus_begin(peer->bus, &life);
}

static void
peer_fini(struct peer *peer)
{
    bus_close(&peer->bus);
    zmq_close(peer->router);
    zmq_ctx_term(peer->context);
    unlink(peer->path);
}

/* The next request; it must be an OPEN_STORE. */
static void
expect_open(struct peer *peer)
{
    zmq_pollitem_t item = { .socket = peer->router, .events = ZMQ_POLLIN };
    struct bytes_reader reader;
    uint8_t frame[256];
    int bytes = -1;

    for (int i = 0; i < WAITS_MAX && bytes < 0; i++) {
        assert_int_equal(bus_wait(peer->bus, NULL, 0, 0), RC_OK);
        if (zmq_poll(&item, 1, TIMEOUT_MS / 4) == 1)
            bytes = zmq_recv(peer->router, peer->id, sizeof peer->id, 0);
    }
    assert_true(bytes > 0);
    peer->id_bytes = (size_t)bytes;
    bytes = zmq_recv(peer->router, frame, sizeof frame, 0);
    assert_true(bytes > 0);
    bytes_reader_init(&reader, frame, (size_t)bytes);
    assert_int_equal(protocol_get_header(&reader, &peer->header), RC_OK);
    assert_int_equal(peer->header.verb, VERB_OPEN_STORE);
    assert_int_equal(protocol_get_open_store(&reader, &peer->open), RC_OK);
}

static void
test_bus_open_tells_its_life_each_time(void **state)
{
    struct peer peer;

    (void)state;
    peer_init(&peer);
    for (int i = 0; i < 2; i++) {
        expect_open(&peer);
        assert_string_equal(peer.open.producer, "payment");
        assert_int_equal(peer.open.starts, 3);
        assert_int_equal(peer.open.life, 0x1ee7);
    }
    peer_fini(&peer);
}

static void
test_bus_open_refused_as_older_is_fenced(void **state)
{
    const struct protocol_error error = { BUS_ERROR_FENCED, 8, "FENCED: so" };
    struct bus_event event = { .type = BUS_NOTHING };
    struct bytes_writer writer;
    struct peer peer;
    uint8_t frame[256];

    (void)state;
    peer_init(&peer);
    expect_open(&peer);
    bytes_writer_init(&writer, frame, sizeof frame);
    protocol_put_error(&writer, peer.header.request, &error);
    zmq_send(peer.router, peer.id, peer.id_bytes, ZMQ_SNDMORE);
    zmq_send(peer.router, frame, writer.used, 0);
    for (int i = 0; i < WAITS_MAX && event.type != BUS_FAILED; i++) {
        assert_int_equal(bus_wait(peer.bus, NULL, 0, TIMEOUT_MS / 4), RC_OK);
        assert_int_equal(bus_next(peer.bus, &event), RC_OK);
    }
    assert_int_equal(event.type, BUS_FAILED);
    assert_int_equal(event.rc, RC_FENCED);
    assert_string_equal(event.words, "open: FENCED: so");
    peer_fini(&peer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bus_open_tells_its_life_each_time),
        cmocka_unit_test(test_bus_open_refused_as_older_is_fenced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
