/*
 * Regress 015: what is deleted from the outbox must not sync the log.  The
 * library did so before it gave a file's last page back, in the middle of a
 * transaction: a second flush in every fourth turn.
 *
 * This program's fdatasync() stands in for the C library's, for Berkeley DB.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../support/fake_bus.h"
#include "../support/sample_event.h"
#include "../support/store_rig.h"
#include "saga/log.h"
#include "saga/outbox.h"

#define TURNS 40
#define EVENTS_MAX 100 /* a few pages of the outbox */

static int syncs;

int
fdatasync(int fd)
{
    syncs++;
    return (int)syscall(SYS_fdatasync, fd);
}

/* A turn that emits so many events, and deletes what was acknowledged. */
static void
emit(struct store_rig *rig, struct outbox *outbox, int stream, uint32_t count)
{
    struct event event;

    assert_int_equal(store_begin(rig->store), RC_OK);
    for (; count > 0; count--) {
        sample_order(&event);
        assert_int_equal(outbox_append(outbox, stream, &event), RC_OK);
    }
    assert_int_equal(outbox_write(outbox), RC_OK);
    assert_int_equal(store_commit(rig->store), RC_OK);
    assert_int_equal(store_flush(rig->store), RC_OK);
}

static void
test_outbox_015_turn_syncs_once(void **state)
{
    struct store_rig *rig = *state;
    struct fake_broker *broker = fake_broker_new();
    struct bus *bus = fake_bus_new(broker, "gateway");
    struct outbox outbox;
    uint64_t first_seq = 1;
    uint32_t turn, count;
    int stream;

    assert_int_equal(outbox_open(&outbox, rig->store, rig->table, 1 << 20),
                     RC_OK);
    assert_int_equal(outbox_add(&outbox, bus, "orders", 0, &stream), RC_OK);
    syncs = 0;
    for (turn = 0; turn < TURNS; turn++) {
        count = 1 + turn * 37 % EVENTS_MAX;
        emit(rig, &outbox, stream, count);
        outbox_acked(&outbox, outbox.streams[stream].bus_stream, first_seq,
                     count);
        first_seq += count;
    }
    assert_int_equal(syncs, TURNS);
    outbox_fini(&outbox);
    bus_close(&bus);
    fake_broker_destroy(&broker);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_outbox_015_turn_syncs_once,
                                        store_rig_setup, store_rig_teardown),
    };

    log_open("test_outbox_sync");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
