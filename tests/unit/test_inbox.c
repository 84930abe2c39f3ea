/*
 * What we have read.
 *
 * Regress 018: the 33rd name that wrote to a topic ended every reader of it
 * for good, as damage.  Now as many are told apart as a row has room for, and
 * one more is told by its own name.
 * Regress 019: a stream that was added twice was read twice.
 * Regress 076: a new filter ended at once as damaged where retention had
 * removed the beginning.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../support/dies.h"
#include "../support/fake_bus.h"
#include "../support/store_rig.h"
#include "saga/inbox.h"
#include "saga/log.h"
#include "saga/participant.h"

#define BROKER_PRODUCERS 256 /* the knob's default */

struct world {
    struct store_rig rig;
    struct fake_broker *broker;
    struct bus *bus;
    struct inbox inbox;
    struct inbox_stream *stream;
};

static enum rc
world_add(struct world *world)
{
    enum rc rc;

    world->bus = fake_bus_new(world->broker, "reader");
    inbox_init(&world->inbox, world->rig.table);
    rc = inbox_add(&world->inbox, world->bus, "notes", 0);
    world->stream = &world->inbox.streams[0];
    return rc;
}

static void
world_leave(struct world *world)
{
    inbox_fini(&world->inbox);
    bus_close(&world->bus);
}

static void
world_write(struct world *world)
{
    assert_int_equal(store_begin(world->rig.store), RC_OK);
    assert_int_equal(inbox_write(&world->inbox), RC_OK);
    assert_int_equal(store_commit(world->rig.store), RC_OK);
}

/* Written, and read again. */
static void
world_again(struct world *world)
{
    world_write(world);
    world_leave(world);
    assert_int_equal(world_add(world), RC_OK);
}

static int
setup(void **state)
{
    static struct world world;

    memset(&world, 0, sizeof world);
    store_rig_init(&world.rig, NULL);
    store_rig_open(&world.rig);
    world.broker = fake_broker_new();
    assert_int_equal(world_add(&world), RC_OK);
    *state = &world;
    return 0;
}

static int
teardown(void **state)
{
    struct world *world = *state;

    world_leave(world);
    fake_broker_destroy(&world->broker);
    store_rig_fini(&world->rig);
    return 0;
}

/* Names that come in no order, each once, for a count that 7 doesn't divide. */
static const char *
name_of(uint32_t i, uint32_t count)
{
    static char name[PRODUCER_NAME_BYTES];

    snprintf(name, sizeof name, "tool-%u", i * 7 % count);
    return name;
}

static void
test_inbox_018_as_many_producers_as_the_broker_takes(void **state)
{
    struct world *world = *state;
    uint64_t offset = 0;
    uint32_t i, round;

    for (round = 1; round <= 2; round++) {
        for (i = 0; i < BROKER_PRODUCERS; i++)
            assert_int_equal(inbox_judge(world->stream, offset++,
                                         name_of(i, BROKER_PRODUCERS), round),
                             INBOX_NEW);
        world_again(world);
        assert_int_equal(world->stream->offset, offset);
        assert_int_equal(world->stream->seen_count, BROKER_PRODUCERS);
    }
    assert_int_equal(inbox_judge(world->stream, offset++, "tool-5", 2),
                     INBOX_DUPLICATE);
    assert_int_equal(inbox_judge(world->stream, offset, "tool-6", 4),
                     INBOX_GAP);
}

/* In the order of their names they are cheap to put. */
static void
fill(struct inbox_stream *stream)
{
    char name[PRODUCER_NAME_BYTES];
    uint32_t i;

    for (i = 0; i < INBOX_PRODUCERS_MAX; i++) {
        snprintf(name, sizeof name, "a-name-of-31-octets-%011u", i);
        assert_int_equal(inbox_judge(stream, i, name, 1), INBOX_NEW);
    }
}

static void
test_inbox_018_one_too_many_is_no_gap(void **state)
{
    struct world *world = *state;

    fill(world->stream);
    assert_int_equal(inbox_judge(world->stream, INBOX_PRODUCERS_MAX, "b", 1),
                     INBOX_FULL);
    world_again(world);
    assert_int_equal(world->stream->offset, INBOX_PRODUCERS_MAX);
    assert_int_equal(inbox_judge(world->stream, INBOX_PRODUCERS_MAX, "b", 1),
                     INBOX_FULL);
    /* Those that are known go on. */
    assert_int_equal(inbox_judge(world->stream, INBOX_PRODUCERS_MAX,
                                 "a-name-of-31-octets-00000032767", 2),
                     INBOX_NEW);
}

/* ---- rows ------------------------------------------------------------- */

/* offset 9; zoe at seq 5, adam at seq 4: as they came, not as they sort. */
#define ROW_OF_BEFORE                                                          \
    "\x01" "\0\0\0\0\0\0\0\x09" "\0\x02"                                       \
    "\x03" "zoe" "\0\0\0\0\0\0\0\x05" "\x04" "adam" "\0\0\0\0\0\0\0\x04"

static void
put_row(struct world *world, const void *row, size_t bytes)
{
    static const char key[] = "\x02in\x05notes\0"; /* and a NUL: partition 0 */

    world_leave(world);
    assert_int_equal(store_begin(world->rig.store), RC_OK);
    assert_int_equal(store_put(world->rig.table, key, sizeof key, row, bytes),
                     RC_OK);
    assert_int_equal(store_commit(world->rig.store), RC_OK);
}

static void
test_inbox_018_row_of_before_is_read(void **state)
{
    struct world *world = *state;

    put_row(world, ROW_OF_BEFORE, sizeof ROW_OF_BEFORE - 1);
    assert_int_equal(world_add(world), RC_OK);
    assert_int_equal(inbox_judge(world->stream, 9, "adam", 5), INBOX_NEW);
    assert_int_equal(inbox_judge(world->stream, 10, "zoe", 5),
                     INBOX_DUPLICATE);
    assert_int_equal(inbox_judge(world->stream, 11, "zoe", 6), INBOX_NEW);
}

static void
test_inbox_damaged_row_is_told(void **state)
{
    static const struct {
        const char *name, *row;
        size_t bytes;
    } rows[] = {
        { "empty", "", 0 },
        { "other_format", "\x02" "\0\0\0\0\0\0\0\x09" "\0\0", 11 },
        { "cut", ROW_OF_BEFORE, sizeof ROW_OF_BEFORE - 2 },
        { "longer", ROW_OF_BEFORE "x", sizeof ROW_OF_BEFORE },
        { "more_promised", "\x01" "\0\0\0\0\0\0\0\x09" "\xff\xff", 11 },
        { "one_twice",
          "\x01" "\0\0\0\0\0\0\0\x09" "\0\x02"
          "\x01" "a" "\0\0\0\0\0\0\0\x05" "\x01" "a" "\0\0\0\0\0\0\0\x04",
          31 },
    };
    struct world *world = *state;

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        put_row(world, rows[i].row, rows[i].bytes);
        if (world_add(world) != RC_DAMAGED)
            fail_msg("%s was taken", rows[i].name);
    }
}

static void
add_again(const void *argument)
{
    struct world *world = (struct world *)(uintptr_t)argument;

    (void)!inbox_add(&world->inbox, world->bus, "notes", 0);
}

static void
test_inbox_019_stream_is_not_read_twice(void **state)
{
    struct world *world = *state;

    assert_true(dies(add_again, world));
    assert_int_equal(inbox_add(&world->inbox, world->bus, "notes", 1), RC_OK);
    assert_int_equal(inbox_add(&world->inbox, world->bus, "note", 0), RC_OK);
}

/* ---- a beginning that is gone ------------------------------------------ */

static void
test_076_inbox_begins_later(void **state)
{
    struct world *world = *state;

    assert_true(inbox_is_new(world->stream));
    inbox_begin_later(world->stream, 8);
    inbox_begin_later(world->stream, 10); /* retention went on */
    assert_true(inbox_is_new(world->stream));
    assert_int_equal(inbox_judge(world->stream, 9, "zoe", 6),
                     INBOX_DUPLICATE);
    assert_int_equal(inbox_judge(world->stream, 11, "zoe", 8), INBOX_GAP);
    assert_int_equal(inbox_judge(world->stream, 10, "zoe", 7), INBOX_NEW);
    assert_false(inbox_is_new(world->stream));
    assert_int_equal(inbox_judge(world->stream, 11, "zoe", 9), INBOX_GAP);
    world_again(world);
    assert_false(inbox_is_new(world->stream));
    assert_int_equal(world->stream->offset, 11);
    assert_int_equal(inbox_judge(world->stream, 11, "zoe", 9), INBOX_GAP);
    assert_int_equal(inbox_judge(world->stream, 11, "adam", 40), INBOX_NEW);
    assert_int_equal(inbox_judge(world->stream, 12, "adam", 42), INBOX_GAP);
    assert_int_equal(inbox_judge(world->stream, 12, "adam", 40),
                     INBOX_DUPLICATE);
    assert_int_equal(inbox_judge(world->stream, 13, "zoe", 8), INBOX_NEW);
}

static void
test_076_inbox_begins_later_before_anything_came(void **state)
{
    struct world *world = *state;

    inbox_begin_later(world->stream, 8);
    world_again(world);
    assert_int_equal(world->stream->offset, 8);
    assert_true(inbox_is_new(world->stream));
    inbox_begin_later(world->stream, 12);
    assert_int_equal(inbox_judge(world->stream, 12, "zoe", 7), INBOX_NEW);
}

static void
begin_later_again(const void *argument)
{
    struct world *world = (struct world *)(uintptr_t)argument;

    inbox_begin_later(world->stream, 12);
}

static void
test_076_inbox_from_the_beginning_is_as_strict_as_before(void **state)
{
    struct world *world = *state;

    assert_int_equal(inbox_judge(world->stream, 0, "zoe", 2), INBOX_GAP);
    assert_int_equal(inbox_judge(world->stream, 0, "zoe", 1), INBOX_NEW);
    assert_true(dies(begin_later_again, world));
    assert_int_equal(inbox_judge(world->stream, 1, "adam", 2), INBOX_GAP);
    /* Nobody may say that the beginning is gone. */
    assert_int_equal(inbox_judge(world->stream, 1, "", 1), INBOX_GAP);
}

/* offset 9, begun at 7, adam at seq 4: a row of format 1. */
#define ROW_BEGUN_LATER                                                        \
    "\x01" "\0\0\0\0\0\0\0\x09" "\0\x02"                                       \
    "\x00" "\0\0\0\0\0\0\0\x07" "\x04" "adam" "\0\0\0\0\0\0\0\x04"

static void
test_076_inbox_row_begun_later_is_read(void **state)
{
    struct world *world = *state;

    put_row(world, ROW_BEGUN_LATER, sizeof ROW_BEGUN_LATER - 1);
    assert_int_equal(world_add(world), RC_OK);
    assert_int_equal(inbox_judge(world->stream, 9, "zoe", 5), INBOX_NEW);
    assert_int_equal(inbox_judge(world->stream, 10, "adam", 6), INBOX_GAP);
    assert_int_equal(inbox_judge(world->stream, 10, "adam", 5), INBOX_NEW);
}

/* ---- the loop --------------------------------------------------------- */

static enum rc
on_event(void *context, struct turn *turn, const struct event *event)
{
    (void)turn;
    (void)event;
    ++*(uint32_t *)context;
    return RC_OK;
}

static void
send_from_too_many(struct fake_broker *broker)
{
    char name[PRODUCER_NAME_BYTES];
    struct event event;
    uint32_t i;

    event_init(&event, EVENT_PAYMENT);
    event.order.value = event.user.value = 1;
    event.payment_status = PAYMENT_DECLINED;
    for (i = 0; i <= INBOX_PRODUCERS_MAX; i++) {
        snprintf(name, sizeof name, "payment-%05u", i);
        fake_broker_append(broker, "payments", 0, name, 1, &event, 1);
    }
}

/* Turns until one fails; what was told meanwhile is in `told`. */
static enum rc
turns_told(struct participant *participant, char *told, size_t size)
{
    FILE *file = tmpfile();
    int kept = dup(STDERR_FILENO);
    enum rc rc = RC_OK;
    size_t bytes;
    int i;

    assert_true(file != NULL && kept >= 0);
    assert_int_equal(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
    for (i = 0; i < 100 && rc == RC_OK; i++)
        rc = participant_turn(participant, 0);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    bytes = fread(told, 1, size - 1, file);
    told[bytes] = '\0';
    fclose(file);
    return rc;
}

static void
test_participant_018_too_many_producers_is_no_damage(void **state)
{
    struct participant_handlers handlers = { .on_event = on_event };
    struct world *world = *state;
    char ledger[] = "ledger", *argv[] = { ledger, NULL };
    char *environment[] = { NULL };
    struct participant *participant;
    struct config config;
    char told[4096];
    uint32_t handled = 0;
    struct bus *bus = fake_bus_new(world->broker, "ledger");
    struct store_rig place; /* its directory is what we want */

    store_rig_init(&place, NULL);
    assert_int_equal(config_read(&config, PROCESS_LEDGER, 1, argv,
                                 environment, told, sizeof told),
                     RC_OK);
    send_from_too_many(world->broker);
    assert_int_equal(participant_open_over(&participant, &config,
                                           place.directory, &bus, &handlers,
                                           &handled, -1, -1),
                     RC_OK);
    assert_int_equal(turns_told(participant, told, sizeof told), RC_MALFORMED);
    assert_non_null(strstr(told, "event=producers_too_many topic=payments "
                                 "partition=0 offset=32768 limit=32768 "
                                 "producer=payment-32768 words="));
    assert_null(strstr(told, "events_missing"));
    assert_int_equal(handled, INBOX_PRODUCERS_MAX);
    assert_int_equal(rc_exit_code(RC_MALFORMED), EXIT_USAGE);
    assert_int_equal(participant_close(&participant), RC_OK);
    store_rig_fini(&place);
}

/* A reader of `payments`, with a store of its own: a filter or the ledger. */
struct reader {
    struct store_rig place; /* its directory is what we want */
    struct participant_topics topics;
    struct participant_handlers handlers;
    struct config config;
    struct participant *participant;
    uint32_t handled;
    char told[4096];
};

static void
reader_init(struct reader *reader, bool filters)
{
    char ledger[] = "ledger", *argv[] = { ledger, NULL };
    char *environment[] = { NULL };

    memset(reader, 0, sizeof *reader);
    store_rig_init(&reader->place, NULL);
    assert_int_equal(config_read(&reader->config, PROCESS_LEDGER, 1, argv,
                                 environment, reader->told,
                                 sizeof reader->told),
                     RC_OK);
    reader->topics = (struct participant_topics){
        .read = { "payments" }, .read_count = 1, .commit_ms = 200
    };
    reader->handlers.on_event = on_event;
    reader->handlers.topics = filters ? &reader->topics : NULL;
}

static void
reader_start(struct reader *reader, struct fake_broker *broker)
{
    struct bus *bus = fake_bus_new(broker, "ledger");

    reader->handled = 0;
    assert_int_equal(participant_open_over(&reader->participant,
                                           &reader->config,
                                           reader->place.directory, &bus,
                                           &reader->handlers,
                                           &reader->handled, -1, -1),
                     RC_OK);
}

/* Starts it, turns, stops it: why it ended, or RC_OK. */
static enum rc
reader_runs(struct reader *reader, struct fake_broker *broker)
{
    enum rc rc;

    reader_start(reader, broker);
    rc = turns_told(reader->participant, reader->told, sizeof reader->told);
    assert_int_equal(participant_close(&reader->participant), RC_OK);
    return rc;
}

static void
append(struct fake_broker *broker, const char *producer, uint64_t first_seq,
       uint32_t count)
{
    struct event events[8];
    uint32_t i;

    assert_true(count <= ARRAY_COUNT(events));
    for (i = 0; i < count; i++) {
        event_init(&events[i], EVENT_PAYMENT);
        events[i].order.value = events[i].user.value = first_seq + i;
        events[i].payment_status = PAYMENT_DECLINED;
    }
    fake_broker_append(broker, "payments", 0, producer, first_seq, events,
                       count);
}

/* 0..3 of one producer, 4..5 of another, and 3 is the first that is kept. */
static void
send_and_trim(struct fake_broker *broker)
{
    append(broker, "payment", 1, 4);
    append(broker, "tool", 1, 2);
    append(broker, "tool", 3, 2);
    fake_broker_trim(broker, "payments", 0, 3);
}

static void
test_076_filter_begins_in_the_middle_of_a_batch(void **state)
{
    struct world *world = *state;
    struct reader reader;

    reader_init(&reader, true);
    send_and_trim(world->broker);
    assert_int_equal(reader_runs(&reader, world->broker), RC_OK);
    assert_non_null(strstr(reader.told, "event=begins_later topic=payments "
                                        "partition=0 offset=3"));
    assert_int_equal(reader.handled, 5);
    /* It goes on, also with one that wrote before it began. */
    append(world->broker, "payment", 5, 1);
    append(world->broker, "silent", 17, 1);
    assert_int_equal(reader_runs(&reader, world->broker), RC_OK);
    assert_int_equal(reader.handled, 2);
    assert_null(strstr(reader.told, "begins_later"));
    append(world->broker, "silent", 19, 1);
    assert_int_equal(reader_runs(&reader, world->broker), RC_DAMAGED);
    assert_non_null(strstr(reader.told, "event=events_missing"));
    store_rig_fini(&reader.place);
}

static void
test_076_filter_that_has_handled_something_ends_as_before(void **state)
{
    struct world *world = *state;
    struct reader reader;

    reader_init(&reader, true);
    append(world->broker, "payment", 1, 1);
    assert_int_equal(reader_runs(&reader, world->broker), RC_OK);
    append(world->broker, "payment", 2, 3);
    fake_broker_trim(world->broker, "payments", 0, 2);
    assert_int_equal(reader_runs(&reader, world->broker), RC_DAMAGED);
    assert_int_equal(reader.handled, 0);
    store_rig_fini(&reader.place);
}

static void
test_076_process_of_ours_ends_as_before(void **state)
{
    struct world *world = *state;
    struct reader reader;

    reader_init(&reader, false);
    send_and_trim(world->broker);
    assert_int_equal(reader_runs(&reader, world->broker), RC_DAMAGED);
    assert_int_equal(reader.handled, 0);
    store_rig_fini(&reader.place);
}

/* All that is there was removed: it begins at the end, and that was committed
 * before anything came, and then goes on further behind. */
static void
test_076_filter_begins_later_twice(void **state)
{
    struct world *world = *state;
    struct reader reader;

    reader_init(&reader, true);
    append(world->broker, "payment", 1, 4);
    fake_broker_trim(world->broker, "payments", 0, 4);
    assert_int_equal(reader_runs(&reader, world->broker), RC_OK);
    assert_int_equal(reader.handled, 0);
    append(world->broker, "payment", 5, 4);
    fake_broker_trim(world->broker, "payments", 0, 6);
    assert_int_equal(reader_runs(&reader, world->broker), RC_OK);
    assert_non_null(strstr(reader.told, "offset=6"));
    assert_int_equal(reader.handled, 2);
    store_rig_fini(&reader.place);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_inbox_018_as_many_producers_as_the_broker_takes),
        T(test_inbox_018_one_too_many_is_no_gap),
        T(test_inbox_018_row_of_before_is_read),
        T(test_inbox_damaged_row_is_told),
        T(test_inbox_019_stream_is_not_read_twice),
        T(test_076_inbox_begins_later),
        T(test_076_inbox_begins_later_before_anything_came),
        T(test_076_inbox_from_the_beginning_is_as_strict_as_before),
        T(test_076_inbox_row_begun_later_is_read),
        T(test_076_filter_begins_in_the_middle_of_a_batch),
        T(test_076_filter_that_has_handled_something_ends_as_before),
        T(test_076_process_of_ours_ends_as_before),
        T(test_076_filter_begins_later_twice),
        T(test_participant_018_too_many_producers_is_no_damage),
    };

    log_open("test_inbox");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
