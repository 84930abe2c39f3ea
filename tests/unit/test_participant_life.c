/* Which life of its store a participant is: counted there, told to the broker,
 * and what it says when the broker let in a later one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/accounts_world.h"
#include "../support/said.h"
#include "../support/store_rig.h"
#include "../support/verify_world.h"
#include "saga/participant_state.h"

#define STARTS "starts", sizeof "starts" - 1

static int
setup(void **state)
{
    *state = accounts_world_new();
    return 0;
}

static int
teardown(void **state)
{
    struct accounts_world *world = *state;

    accounts_world_destroy(&world);
    return 0;
}

static struct bus_life
life_of_a_start(struct accounts_world *world)
{
    actor_start(world, PAYMENT);
    actor_stop(world, PAYMENT);
    return fake_broker_life(world->broker);
}

static void
test_participant_starts_are_counted(void **state)
{
    struct accounts_world *world = *state;
    uint64_t before = 0;

    for (uint64_t starts = 1; starts <= 3; starts++) {
        struct bus_life life = life_of_a_start(world);

        assert_int_equal(life.starts, starts);
        assert_int_not_equal(life.life, 0);
        assert_int_not_equal(life.life, before);
        before = life.life;
    }
}

/* Octets as they were first written; and a store from before that. */
static void
test_participant_starts_of_older_stores_are_read(void **state)
{
    static const uint8_t seven[] = { 1, 0, 0, 0, 0, 0, 0, 0, 7 };
    struct accounts_world *world = *state;
    const char *directory = world->directory[PAYMENT];
    uint8_t key[STORE_KEY_BYTES_MAX], row[16];
    size_t key_bytes, bytes;

    assert_int_equal(life_of_a_start(world).starts, 1);
    verify_world_put(directory, "participant", STARTS, seven, sizeof seven);
    assert_int_equal(life_of_a_start(world).starts, 8);
    bytes = verify_world_get(directory, "participant", STARTS, key, &key_bytes,
                             row, sizeof row);
    assert_int_equal(bytes, sizeof seven);
    assert_int_equal(row[8], 8);
    verify_world_put(directory, "participant", STARTS, NULL, 0);
    assert_int_equal(life_of_a_start(world).starts, 1);
}

/* ---- counted on disk before the broker hears of it ---- */

static struct bus_binder binder;
static void (*begin_really)(struct bus *bus, const struct bus_life *life);
static const char *begun_directory;
static uint8_t begun_row[16];

/* What a loss of power would leave just now: a copy, opened. */
static void
begin_and_copy(struct bus *bus, const struct bus_life *life)
{
    char command[3 * PATH_MAX], copy[PATH_MAX];
    uint8_t key[STORE_KEY_BYTES_MAX];
    size_t key_bytes, bytes;

    snprintf(copy, sizeof copy, "%s.copy", begun_directory);
    snprintf(command, sizeof command, "cp -r %s %s", begun_directory, copy);
    assert_int_equal(system(command), 0);
    bytes = verify_world_get(copy, "participant", STARTS, key, &key_bytes,
                             begun_row, sizeof begun_row);
    assert_int_equal(bytes, 9);
    remove_tree(copy);
    begin_really(bus, life);
}

static void
test_participant_start_is_on_disk_before_it_is_told(void **state)
{
    struct accounts_world *world = *state;
    struct bus *bus = fake_bus_new(world->broker, "payment");
    struct participant *participant;

    binder = *bus->binder;
    begin_really = binder.begin;
    binder.begin = begin_and_copy;
    bus->binder = &binder;
    life_of_a_start(world);
    begun_directory = world->directory[PAYMENT];
    assert_int_equal(payment_new(&world->payment, &world->config[PAYMENT]),
                     RC_OK);
    assert_int_equal(participant_open_over(&participant,
                                           &world->config[PAYMENT],
                                           world->directory[PAYMENT], &bus,
                                           &payment_handlers, world->payment,
                                           -1, -1),
                     RC_OK);
    assert_int_equal(begun_row[8], 2);
    assert_int_equal(participant_close(&participant), RC_OK);
    payment_destroy(&world->payment);
}

/* No start can come after it. */
static void
test_participant_most_starts_there_can_be_is_damage(void **state)
{
    static const uint8_t most[] = { 1, 255, 255, 255, 255, 255, 255, 255, 255 };
    struct accounts_world *world = *state;
    struct bus *bus = fake_bus_new(world->broker, "payment");
    struct participant *participant;
    const char *said;
    enum rc rc;

    life_of_a_start(world);
    verify_world_put(world->directory[PAYMENT], "participant", STARTS, most,
                     sizeof most);
    assert_int_equal(payment_new(&world->payment, &world->config[PAYMENT]),
                     RC_OK);
    said_begin();
    rc = participant_open_over(&participant, &world->config[PAYMENT],
                               world->directory[PAYMENT], &bus,
                               &payment_handlers, world->payment, -1, -1);
    said = said_end();
    assert_int_equal(rc, RC_DAMAGED);
    assert_non_null(strstr(said, "event=row_damaged table=participant "
                                 "key=starts"));
    assert_int_equal(participant_close(&participant), RC_OK);
    payment_destroy(&world->payment);
}

/* ---- what it tells of itself ---- */

static unsigned int reports;

static void
count_report(struct bus *bus, const struct report *report)
{
    (void)bus;
    assert_int_equal(report->pid, getpid());
    reports++;
}

/* And not when the second is over for which it told nobody. */
static void
test_participant_tells_of_itself_when_the_broker_is_up(void **state)
{
    struct accounts_world *world = *state;
    struct participant *participant;

    actor_start(world, PAYMENT);
    participant = world->participants[PAYMENT];
    binder = *participant->bus->binder;
    binder.report = count_report;
    participant->bus->binder = &binder;
    settle(world);
    for (int times = 0; times < 3; times++) {
        fake_broker_set_down(world->broker, true);
        assert_int_equal(participant_turn(participant, 0), RC_OK);
        assert_false(participant->stats.bus_up);
        reports = 0;
        fake_broker_set_down(world->broker, false);
        settle(world);
        assert_true(participant->stats.bus_up);
        assert_true(reports > 0);
    }
}

/* ---- a broker that fences ---- */

static enum rc
next_is_fenced(struct bus *bus, struct bus_event *event_out)
{
    (void)bus;
    *event_out = (struct bus_event){ .type = BUS_FAILED, .rc = RC_FENCED };
    snprintf(event_out->words, sizeof event_out->words, "open: FENCED");
    return RC_OK;
}

/* What its next turn says. */
static const char *
fence(struct accounts_world *world)
{
    struct participant *participant = world->participants[PAYMENT];
    enum rc rc;
    const char *said;

    binder = *participant->bus->binder;
    binder.next = next_is_fenced;
    participant->bus->binder = &binder;
    said_begin();
    rc = participant_turn(participant, 0);
    said = said_end();
    assert_int_equal(rc, RC_FENCED);
    return said;
}

static void
test_participant_refused_life_is_out_of_step(void **state)
{
    struct accounts_world *world = *state;

    actor_start(world, PAYMENT);
    assert_non_null(strstr(fence(world), "event=out_of_step rc=fenced "
                                         "words=\"open: FENCED\""));
}

static void
test_participant_fenced_later_is_refused(void **state)
{
    struct accounts_world *world = *state;

    actor_start(world, PAYMENT);
    settle(world);
    assert_non_null(strstr(fence(world), "event=broker_refused rc=fenced"));
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_participant_starts_are_counted),
        T(test_participant_starts_of_older_stores_are_read),
        T(test_participant_start_is_on_disk_before_it_is_told),
        T(test_participant_most_starts_there_can_be_is_damage),
        T(test_participant_tells_of_itself_when_the_broker_is_up),
        T(test_participant_refused_life_is_out_of_step),
        T(test_participant_fenced_later_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
