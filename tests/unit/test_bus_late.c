/* The ZeroMQ binder and a broker whose replies all come later than its
 * time-out: each is here only after the same was asked once more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "saga/bus.h"
#include "saga/log.h"
#include "saga/protocol.h"

#include "../support/bus_peer.h"

/* Of those before it one more may have come, on a slow machine. */
static uint64_t
expect_fetch(struct peer *peer, uint64_t offset)
{
    struct protocol_fetch fetch;

    do {
        peer_expect_request(peer, VERB_FETCH);
        assert_int_equal(protocol_get_fetch(&peer->body, &fetch), RC_OK);
    } while (fetch.offset < offset);
    assert_int_equal(fetch.offset, offset);
    return peer->header.request;
}

/* Regress 098: the reply was taken for one to a question that was given up,
 * and so was the next one, and nobody ever read anything. */
static void
test_bus_098_fetch_always_answered_late_is_taken(void **state)
{
    struct peer *peer = *state;
    uint64_t asked, again;

    peer->reads = bus_assign(peer->bus, "orders", 0, 0);
    for (uint64_t offset = 0; offset < 3; offset++) {
        asked = expect_fetch(peer, offset);
        again = expect_fetch(peer, offset);
        peer_reply_fetch(peer, asked, offset, 1);
        peer_expect_batch(peer, offset);
        peer_reply_fetch(peer, again, offset, 1); /* passed over */
    }
}

/* Regress 099: the same of OPEN_STORE: it was never let in. */
static void
test_bus_099_open_answered_late_is_taken(void **state)
{
    struct peer *peer = *state;
    struct protocol_header asked;
    struct bus_event event;

    peer_expect_request(peer, VERB_OPEN_STORE);
    asked = peer->header;
    peer_expect_request(peer, VERB_OPEN_STORE);
    peer->header = asked;
    peer_reply_open(peer, 7, 42);
    peer_expect_event(peer, BUS_OPENED, &event);
    assert_int_equal(bus_last_seq(peer->bus, peer->writes), 42);
}

/* Regress 100: the same of SURVEY: who asked each second saw nothing new. */
static void
test_bus_100_status_told_after_the_next_was_asked_is_news(void **state)
{
    struct peer *peer = *state;
    struct bus_event event;
    uint64_t asked;

    peer_open_bus(peer);
    asked = peer_expect_survey(peer);
    peer_expect_survey(peer);
    peer_reply_survey(peer, asked, 3, 0);
    peer_expect_event(peer, BUS_STATUS, &event);
    assert_int_equal(event.status->topics_count, 3);
}

#define T(name) cmocka_unit_test_setup_teardown(name, peer_setup, peer_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_bus_098_fetch_always_answered_late_is_taken),
        T(test_bus_099_open_answered_late_is_taken),
        T(test_bus_100_status_told_after_the_next_was_asked_is_news),
    };

    log_open("test_bus_late");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
