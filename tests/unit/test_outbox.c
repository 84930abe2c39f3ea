/*
 * What waits for the broker.
 *
 * Regress 021: with a smaller knob `batch` a process could not read the rows
 * that it had written with a larger one, and stopped at every start, unlogged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../support/dies.h"
#include "../support/fake_bus.h"
#include "../support/sample_event.h"
#include "../support/store_rig.h"
#include "saga/log.h"
#include "saga/outbox.h"
#include "saga/protocol.h"

#define BATCH_LEAST 8192 /* the knob's */
#define EVENTS 400       /* a few times that */

struct world {
    struct store_rig rig;
    struct fake_broker *broker;
    struct bus *bus;
    struct outbox outbox;
    int stream;
};

static void
world_open(struct world *world, size_t batch_bytes_max)
{
    struct bus_event event;

    world->bus = fake_bus_new(world->broker, "gateway");
    assert_int_equal(outbox_open(&world->outbox, world->rig.store,
                                 world->rig.table, batch_bytes_max),
                     RC_OK);
    assert_int_equal(outbox_add(&world->outbox, world->bus, "orders", 0,
                                &world->stream),
                     RC_OK);
    do
        assert_int_equal(bus_next(world->bus, &event), RC_OK);
    while (event.type != BUS_NOTHING);
}

static void
world_close(struct world *world)
{
    outbox_fini(&world->outbox);
    bus_close(&world->bus);
}

/* It begins again, with another setting. */
static void
world_again(struct world *world, size_t batch_bytes_max)
{
    world_close(world);
    store_rig_close(&world->rig);
    store_rig_open(&world->rig);
    world_open(world, batch_bytes_max);
}

static int
setup(void **state)
{
    static struct world world;

    memset(&world, 0, sizeof world);
    store_rig_init(&world.rig, NULL);
    store_rig_open(&world.rig);
    world.broker = fake_broker_new();
    world_open(&world, PROTOCOL_BATCH_BYTES_MAX);
    *state = &world;
    return 0;
}

static int
teardown(void **state)
{
    struct world *world = *state;

    world_close(world);
    fake_broker_destroy(&world->broker);
    store_rig_fini(&world->rig);
    return 0;
}

/* One turn. */
static void
emit(struct world *world, uint32_t count)
{
    struct event event;

    assert_int_equal(store_begin(world->rig.store), RC_OK);
    for (; count > 0; count--) {
        sample_order(&event);
        assert_int_equal(outbox_append(&world->outbox, world->stream, &event),
                         RC_OK);
    }
    assert_int_equal(outbox_write(&world->outbox), RC_OK);
    assert_int_equal(store_commit(world->rig.store), RC_OK);
}

static void
test_outbox_021_larger_batch_of_before_is_published(void **state)
{
    struct world *world = *state;
    struct bus_batch batch;

    emit(world, EVENTS);
    world_again(world, BATCH_LEAST);
    emit(world, EVENTS);
    assert_int_equal(outbox_publish(&world->outbox, world->bus), RC_OK);
    assert_int_equal(fake_broker_end(world->broker, "orders", 0), 2 * EVENTS);
    /* As it was written; those that are built now obey. */
    assert_true(fake_broker_batch(world->broker, "orders", 0, 0, &batch));
    assert_int_equal(batch.count, EVENTS);
    assert_true(batch.bytes_count > BATCH_LEAST);
    for (size_t i = 1;
         fake_broker_batch(world->broker, "orders", 0, i, &batch); i++)
        assert_true(batch.bytes_count <= BATCH_LEAST);
}

/* Instead of the row at seq 1. */
static void
put_row(struct world *world, size_t bytes)
{
    static const char key[] = "\x06orders\0\0\0\0\0\0\0\0\0\x01";
    uint8_t *row = calloc(1, bytes + 1);

    assert_non_null(row);
    assert_int_equal(store_begin(world->rig.store), RC_OK);
    if (bytes == 0)
        assert_int_equal(store_delete(world->outbox.rows, key, sizeof key - 1),
                         RC_OK);
    else
        assert_int_equal(store_put(world->outbox.rows, key, sizeof key - 1,
                                   row, bytes),
                         RC_OK);
    assert_int_equal(store_commit(world->rig.store), RC_OK);
    free(row);
}

static void
test_outbox_row_that_is_none_is_damage(void **state)
{
    static const size_t sizes[] = {
        3,                                /* no count                */
        4,                                /* a count of 0            */
        4 + PROTOCOL_BATCH_BYTES_MAX + 1, /* more than any batch has */
        0,                                /* not there               */
    };
    struct world *world = *state;

    emit(world, 1);
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        put_row(world, sizes[i]);
        assert_int_equal(outbox_publish(&world->outbox, world->bus),
                         RC_DAMAGED);
    }
    assert_int_equal(fake_broker_end(world->broker, "orders", 0), 0);
}

static void
open_too_large(const void *argument)
{
    const struct world *world = argument;
    struct outbox outbox;

    (void)!outbox_open(&outbox, world->rig.store, world->rig.table,
                       PROTOCOL_BATCH_BYTES_MAX + 1);
}

static void
test_outbox_batches_are_no_larger_than_the_protocol_has(void **state)
{
    assert_true(dies(open_too_large, *state));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_outbox_021_larger_batch_of_before_is_published),
        T(test_outbox_row_that_is_none_is_damage),
        T(test_outbox_batches_are_no_larger_than_the_protocol_has),
    };

    log_open("test_outbox");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
