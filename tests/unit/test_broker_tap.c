#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

#include "broker/broker_tap.h"

#define ENDPOINT "inproc://tap"
#define WAIT_MS 10000
#define ORDERS 0 /* slots: a topic has one partition here */
#define PAYMENTS 1

static struct broker_connections connections; /* nobody has a descriptor */

struct rig {
    void *context;
    void *publisher;
    void *listener; /* XSUB: says what a SUB says, and whatever we like */
    struct topic_table *topics;
    struct broker_tap tap;
};

static int
setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    char words[100];

    assert_non_null(rig);
    rig->context = zmq_ctx_new();
    rig->publisher = zmq_socket(rig->context, ZMQ_XPUB);
    rig->listener = zmq_socket(rig->context, ZMQ_XSUB);
    assert_int_equal(zmq_bind(rig->publisher, ENDPOINT), 0);
    assert_int_equal(zmq_connect(rig->listener, ENDPOINT), 0);
    assert_int_equal(
        topic_table_new(&rig->topics, "", 1, words, sizeof(words)), RC_OK);
    broker_tap_init(&rig->tap, rig->publisher, rig->topics, &connections);
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;
    int linger = 0;

    zmq_setsockopt(rig->publisher, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_setsockopt(rig->listener, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_close(rig->publisher);
    zmq_close(rig->listener);
    zmq_ctx_term(rig->context);
    assert_int_equal(topic_table_destroy(&rig->topics), RC_OK);
    free(rig);
    return 0;
}

static void
say(struct rig *rig, const void *octets, size_t size)
{
    zmq_pollitem_t item = { .socket = rig->publisher, .events = ZMQ_POLLIN };

    assert_int_equal(zmq_send(rig->listener, octets, size, 0), size);
    assert_int_equal(zmq_poll(&item, 1, WAIT_MS), 1);
    broker_tap_listen(&rig->tap);
}

static void
say_text(struct rig *rig, char what, const char *prefix)
{
    char octets[BROKER_TAP_SUBJECT_BYTES * 2];

    octets[0] = what;
    memcpy(octets + 1, prefix, strlen(prefix));
    say(rig, octets, 1 + strlen(prefix));
}

static void
assert_wanted(const struct rig *rig, bool orders, bool payments)
{
    assert_int_equal(broker_tap_wanted(&rig->tap, ORDERS), orders);
    assert_int_equal(broker_tap_wanted(&rig->tap, PAYMENTS), payments);
}

static void
test_broker_tap_wants_what_somebody_subscribed_to(void **state)
{
    struct rig *rig = *state;

    assert_wanted(rig, false, false);
    say_text(rig, 1, "orders/0");
    assert_wanted(rig, true, false);
    say_text(rig, 1, "");
    assert_wanted(rig, true, true);
    say_text(rig, 0, "");
    assert_wanted(rig, true, false);
    say_text(rig, 0, "orders/0");
    assert_wanted(rig, false, false);
}

static void
test_broker_tap_prefixes_that_match_nothing_want_nothing(void **state)
{
    static const char long_prefix[BROKER_TAP_SUBJECT_BYTES + 20] =
        "\1orders/0orders/0orders/0orders/0orders/0orders/0";
    struct rig *rig = *state;

    say_text(rig, 1, "orders/1");
    say_text(rig, 1, "order ");
    say(rig, long_prefix, sizeof(long_prefix));
    say(rig, "\1or\0", 4);
    say_text(rig, 2, "orders");
    assert_wanted(rig, false, false);
}

/* Raw clients may take back what they never asked for. */
static void
test_broker_tap_unsubscribing_unheard_of_changes_nothing(void **state)
{
    struct rig *rig = *state;

    say_text(rig, 1, "orders");
    broker_tap_listen(&rig->tap);
    assert_int_equal(zmq_send(rig->listener, "\0pay", 4, 0), 4);
    say_text(rig, 1, "transactions");
    assert_wanted(rig, true, false);
}

static void
test_broker_tap_too_many_prefixes_publish_everything(void **state)
{
    struct rig *rig = *state;
    char prefix[20];

    for (int i = 0; i <= BROKER_TAP_PREFIXES_MAX; i++) {
        assert_wanted(rig, false, false);
        snprintf(prefix, sizeof(prefix), "none-%d", i);
        say_text(rig, 1, prefix);
    }
    assert_wanted(rig, true, true);
}

static void
test_broker_tap_publishes_subject_and_batch(void **state)
{
    struct rig *rig = *state;
    zmq_pollitem_t item = { .socket = rig->listener, .events = ZMQ_POLLIN };
    char octets[20];

    say_text(rig, 1, "payments");
    broker_tap_publish(&rig->tap, ORDERS, "no", 2);
    broker_tap_publish(&rig->tap, PAYMENTS, "batch", 5);
    assert_int_equal(zmq_poll(&item, 1, WAIT_MS), 1);
    assert_int_equal(zmq_recv(rig->listener, octets, sizeof(octets), 0), 10);
    assert_memory_equal(octets, "payments/0", 10);
    assert_int_equal(zmq_recv(rig->listener, octets, sizeof(octets), 0), 5);
    assert_memory_equal(octets, "batch", 5);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_broker_tap_wants_what_somebody_subscribed_to),
        WITH_RIG(test_broker_tap_prefixes_that_match_nothing_want_nothing),
        WITH_RIG(test_broker_tap_unsubscribing_unheard_of_changes_nothing),
        WITH_RIG(test_broker_tap_too_many_prefixes_publish_everything),
        WITH_RIG(test_broker_tap_publishes_subject_and_batch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
