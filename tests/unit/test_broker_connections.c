#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

#include "../support/store_rig.h"
#include "broker/broker_connections.h"

#define LIMIT_MS 10000

struct world {
    char directory[64];
    char endpoint[128]; /* long: libzmq keeps short texts in its messages */
    char tap[128];
    void *context;
    void *sockets[CONNECTIONS_SOCKETS];
    void *subscriber;
};

static struct broker_connections connections; /* it is large */

static int
world_setup(void **state)
{
    static struct world world;
    int limit_ms = LIMIT_MS;

    snprintf(world.directory, sizeof world.directory,
             "/tmp/test_broker_connections.XXXXXX");
    assert_non_null(mkdtemp(world.directory));
    snprintf(world.endpoint, sizeof world.endpoint, "ipc://%s/bus.ipc",
             world.directory);
    snprintf(world.tap, sizeof world.tap, "ipc://%s/tap.ipc", world.directory);
    world.context = zmq_ctx_new();
    world.sockets[0] = zmq_socket(world.context, ZMQ_ROUTER);
    world.sockets[1] = zmq_socket(world.context, ZMQ_XPUB);
    for (size_t i = 0; i < CONNECTIONS_SOCKETS; i++)
        assert_int_equal(zmq_setsockopt(world.sockets[i], ZMQ_RCVTIMEO,
                                        &limit_ms, sizeof limit_ms), 0);
    connections = (struct broker_connections){ .limit = 0 };
    assert_int_equal(broker_connections_open(&connections, 10, world.context,
                                             world.sockets), RC_OK);
    assert_int_equal(zmq_bind(world.sockets[0], world.endpoint), 0);
    assert_int_equal(zmq_bind(world.sockets[1], world.tap), 0);
    world.subscriber = zmq_socket(world.context, ZMQ_SUB);
    *state = &world;
    return 0;
}

static int
world_teardown(void **state)
{
    struct world *world = *state;

    broker_connections_close(&connections);
    for (size_t i = 0; i < CONNECTIONS_SOCKETS; i++)
        zmq_close(world->sockets[i]);
    zmq_close(world->subscriber);
    zmq_ctx_term(world->context);
    remove_tree(world->directory);
    return 0;
}

/* One who comes, says a word, is heard and goes. */
static void
client_is_heard(struct world *world, const char *word)
{
    void *client = zmq_socket(world->context, ZMQ_DEALER);
    char frame[16];
    int linger_ms = 0;

    assert_int_equal(zmq_setsockopt(client, ZMQ_LINGER, &linger_ms,
                                    sizeof linger_ms), 0);
    assert_int_equal(zmq_connect(client, world->endpoint), 0);
    assert_true(zmq_send(client, word, 1, 0) == 1);
    assert_true(zmq_recv(world->sockets[0], frame, sizeof frame, 0) > 0);
    assert_int_equal(zmq_recv(world->sockets[0], frame, sizeof frame, 0), 1);
    assert_int_equal(frame[0], word[0]);
    assert_int_equal(zmq_close(client), 0);
}

static void
test_broker_connections_are_counted(void **state)
{
    client_is_heard(*state, "1");
    broker_connections_look(&connections);
    assert_true(connections.count <= 1); /* it may be gone by now */
}

/* Regress 014: nobody read the monitors any more, and libzmq's thread, which
 * all connections have in common, waited for ever to tell of the next one:
 * last answers stayed unsent, and the message that told of it was lost. */
static void
test_broker_connections_014_closed_monitors_hold_nobody_up(void **state)
{
    client_is_heard(*state, "1");
    broker_connections_close(&connections);
    for (int i = 0; i < 100; i++)
        client_is_heard(*state, "2");
}

/* Regress 097: the word of one whose coming was not read yet was counted, and
 * its count then begun anew: so it might subscribe to twice as much. */
static void
test_broker_connections_097_prefixes_heard_before_the_coming(void **state)
{
    struct world *world = *state;
    zmq_msg_t message;
    int fd;

    assert_int_equal(zmq_setsockopt(world->subscriber, ZMQ_SUBSCRIBE,
                                    "orders/0", 8), 0);
    assert_int_equal(zmq_connect(world->subscriber, world->tap), 0);
    zmq_msg_init(&message);
    assert_int_equal(zmq_msg_recv(&message, world->sockets[1], 0), 9);
    fd = zmq_msg_get(&message, ZMQ_SRCFD);
    assert_true(fd >= 0);
    zmq_msg_close(&message);
    broker_connections_note_prefix(&connections, fd);
    broker_connections_look(&connections);
    assert_int_equal(connections.prefixes[fd], 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_broker_connections_are_counted,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(
            test_broker_connections_014_closed_monitors_hold_nobody_up,
            world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(
            test_broker_connections_097_prefixes_heard_before_the_coming,
            world_setup, world_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
