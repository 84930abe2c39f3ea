/* G6: what could not be read when it came can't be read when an operator asks
 * for it again.  It stays where it is, and the refusal has its cause.
 *
 * And what an operator asks for by its number is that, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../support/accounts_world.h"
#include "../support/sample_event.h"
#include "../support/verify_world.h"
#include "saga/participant_park.h"

struct unread {
    const char *parked_as;
    const char *refused_as;
    const char *producer; /* of the batch; the event in it says "gateway" */
    uint32_t count;       /* that the batch says it has                   */
    bool event;           /* it has one event                             */
    const char *rest;     /* and behind it this                           */
};

static const struct unread unread[] = {
    { "truncated", "truncated", "gateway", 3, true, "" },
    /* Several that are one row: no word of the first is one of all. */
    { "not_a_map", "truncated", "gateway", 3, true, "\xc1" },
    { "identity", "identity", "gateway-2", 1, true, "" },
    { "not_a_map", "not_a_map", "gateway", 1, false, "\x93\x01\x02\x03" },
};

static size_t
an_event(uint8_t *bytes, size_t size)
{
    struct event event;
    size_t used;

    sample_event(&event, EVENT_ACCOUNT_FROZEN);
    event.id = 1;
    memcpy(event.source, "gateway", sizeof "gateway");
    assert_int_equal(event_encode(&event, bytes, size, &used), RC_OK);
    return used;
}

static void
send_unread(struct accounts_world *world, const struct unread *sent)
{
    uint8_t bytes[EVENT_BYTES_MAX];
    size_t rest = strlen(sent->rest);
    size_t used = sent->event ? an_event(bytes, sizeof bytes - rest) : 0;

    memcpy(bytes + used, sent->rest, rest);
    fake_broker_append_raw(world->broker, "orders", 0, sent->producer, 1,
                           sent->count, bytes, used + rest);
    settle(world);
}

static enum rc
redrive_one(struct accounts_world *world, uint64_t number)
{
    struct turn *turn = &world->participants[PAYMENT]->turn;
    uint32_t redriven = 7;
    enum rc rc;

    turn->taken = 1;
    assert_int_equal(participant_begin(turn), RC_OK);
    rc = participant_redrive(turn, number, &redriven);
    assert_int_equal(redriven, 0);
    assert_int_equal(participant_commit(turn), RC_OK);
    settle(world);
    return rc;
}

static void
expect_letters(const struct accounts_world *world, uint64_t count,
               const char *cause)
{
    struct event letter;

    assert_int_equal(sent_count(world, "dead-letters"), count);
    letter = sent_event(world, "dead-letters", count - 1);
    assert_string_equal(letter.cause, cause);
}

static void
g6_redrive_of_what_cannot_be_read_is_refused(void **state)
{
    struct accounts_world *world;
    struct parked parked;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(unread); i++) {
        world = accounts_world_new();
        actor_start(world, PAYMENT);
        settle(world);
        send_unread(world, &unread[i]);
        assert_int_equal(parked_count(world, PAYMENT), 1);
        expect_letters(world, 1, unread[i].parked_as);
        assert_int_equal(redrive_one(world, 1), RC_REFUSED);
        expect_letters(world, 2, unread[i].refused_as);
        assert_int_equal(parked_count(world, PAYMENT), 1);
        assert_int_equal(
            parking_get(world->participants[PAYMENT]->parking, 1, &parked),
            RC_OK);
        assert_string_equal(parked.cause, unread[i].refused_as);
        assert_int_equal(parked.attempts, 1);
        accounts_world_destroy(&world);
    }
}

static void
park_one(struct accounts_world *world, uint64_t seq)
{
    uint64_t count = parked_count(world, PAYMENT);

    fake_broker_append_raw(world->broker, "orders", 0, "gateway", seq, 1,
                           "\x93\x01\x02\x03", 4);
    settle(world);
    assert_int_equal(parked_count(world, PAYMENT), count + 1);
}

static enum rc
drop_one(struct accounts_world *world, uint64_t number)
{
    struct turn *turn = &world->participants[PAYMENT]->turn;
    uint32_t redriven;
    enum rc rc;

    turn->taken = 1;
    assert_int_equal(participant_begin(turn), RC_OK);
    rc = participant_drop(turn, number, &redriven);
    assert_int_equal(participant_commit(turn), RC_OK);
    settle(world);
    return rc;
}

static void
restart(struct accounts_world *world)
{
    actor_stop(world, PAYMENT);
    actor_start(world, PAYMENT);
    settle(world);
}

/* Regress 077: the number came from the rows that were left, so after a start
 * a drop that was sent twice hit another event. */
static void
test_participant_077_number_never_comes_twice(void **state)
{
    struct accounts_world *world = accounts_world_new();

    (void)state;
    actor_start(world, PAYMENT);
    settle(world);
    park_one(world, 1);
    park_one(world, 2);
    assert_int_equal(drop_one(world, 2), RC_OK);
    restart(world);
    park_one(world, 3);
    assert_int_equal(drop_one(world, 2), RC_NOT_FOUND);
    assert_int_equal(drop_one(world, 3), RC_OK);
    assert_int_equal(drop_one(world, 1), RC_OK);
    restart(world);
    park_one(world, 4);
    assert_int_equal(drop_one(world, 1), RC_NOT_FOUND);
    assert_int_equal(drop_one(world, 4), RC_OK);
    accounts_world_destroy(&world);
}

/* A store from before 2026-12 has no such row; and one that such a program had
 * for a while has parked events beyond what the row says. */
static void
test_participant_077_last_row_counts_where_it_is_higher(void **state)
{
    static const uint8_t said_one[] = { 1, 0, 0, 0, 0, 0, 0, 0, 1 };
    const uint8_t *const rows[] = { NULL, said_one };
    struct accounts_world *world;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        world = accounts_world_new();
        actor_start(world, PAYMENT);
        settle(world);
        park_one(world, 1);
        park_one(world, 2);
        actor_stop(world, PAYMENT);
        verify_world_put(world->directory[PAYMENT], "participant",
                         "parked", 6, rows[i], sizeof said_one);
        actor_start(world, PAYMENT);
        settle(world);
        park_one(world, 3);
        assert_int_equal(drop_one(world, 3), RC_OK);
        assert_int_equal(parked_count(world, PAYMENT), 2);
        accounts_world_destroy(&world);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(g6_redrive_of_what_cannot_be_read_is_refused),
        cmocka_unit_test(test_participant_077_number_never_comes_twice),
        cmocka_unit_test(
            test_participant_077_last_row_counts_where_it_is_higher),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
