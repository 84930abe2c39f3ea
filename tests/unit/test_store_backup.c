/* A copy made while rows are written holds every flushed one, and opens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../support/store_rig.h"
#include "saga/log.h"

#define ROW_BYTES 300
#define ROWS_PER_TURN 50
#define TURNS_BESIDE 200 /* written while the copy is made */
#define WAIT_MS_MAX 60000

static void
write_turn(struct store_rig *rig, uint64_t *number)
{
    int i;

    assert_int_equal(store_begin(rig->store), RC_OK);
    for (i = 0; i < ROWS_PER_TURN; i++)
        row_put_number(rig->table, (*number)++, ROW_BYTES);
    assert_int_equal(store_commit(rig->store), RC_OK);
    assert_int_equal(store_flush(rig->store), RC_OK);
}

/* Writes on while the copy is made; then waits for it, a millisecond at a
 * time. */
static enum rc
finish_backup(struct store_rig *rig, uint64_t *number)
{
    enum rc rc = RC_AGAIN;
    int i;

    for (i = 0; rc == RC_AGAIN && i < TURNS_BESIDE + WAIT_MS_MAX; i++) {
        if (i < TURNS_BESIDE)
            write_turn(rig, number);
        else
            poll(NULL, 0, 1);
        rc = store_backup_poll(rig->store);
    }
    return rc;
}

static void
test_store_backup_holds_what_was_flushed(void **state)
{
    struct store_rig *rig = *state, copy = { .store = NULL };
    uint64_t number = 0, before, copied;
    int i;

    for (i = 0; i < 40; i++)
        write_turn(rig, &number);
    before = number;
    copy.config = rig->config;
    snprintf(copy.directory, sizeof copy.directory, "%.1000s.copy",
             rig->directory);
    copy.config.directory = copy.directory;
    copy.config.copied = true;
    assert_int_equal(store_backup_start(rig->store, copy.directory), RC_OK);
    assert_int_equal(store_backup_start(rig->store, copy.directory), RC_BUSY);
    assert_int_equal(finish_backup(rig, &number), RC_OK);
    assert_int_equal(store_backup_poll(rig->store), RC_NOT_FOUND);
    store_rig_open(&copy);
    copied = row_count_numbers(copy.table, ROW_BYTES);
    assert_in_range(copied, before, number);
    assert_int_equal(copied % ROWS_PER_TURN, 0); /* whole turns only */
    store_rig_close(&copy);
    remove_tree(copy.directory);
}

/* Also its own: nothing in it may be touched. */
static void
test_031_store_backup_refuses_a_directory_that_is_there(void **state)
{
    struct store_rig *rig = *state;
    uint64_t number = 0;

    write_turn(rig, &number);
    assert_int_equal(store_backup_start(rig->store, rig->directory), RC_OK);
    assert_int_equal(finish_backup(rig, &number), RC_EXISTS);
    write_turn(rig, &number);
    store_rig_close(rig);
    store_rig_open(rig);
    assert_int_equal(row_count_numbers(rig->table, ROW_BYTES), number);
}

static void
test_store_backup_that_cannot_be_is_told(void **state)
{
    struct store_rig *rig = *state;
    char name[PATH_MAX + 10];
    uint64_t number = 0;

    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(store_backup_start(rig->store, name), RC_MALFORMED);
    assert_int_equal(store_backup_poll(rig->store), RC_NOT_FOUND);
    assert_int_equal(store_backup_start(rig->store, "/proc/none/here"), RC_OK);
    assert_int_equal(finish_backup(rig, &number), RC_REFUSED);
    assert_int_equal(store_backup_start(rig->store, "/proc/version/here"),
                     RC_OK);
    assert_int_equal(finish_backup(rig, &number), RC_IO);
    write_turn(rig, &number); /* and the store goes on */
}

#define T(name)                                                                \
    cmocka_unit_test_setup_teardown(name, store_rig_setup, store_rig_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_store_backup_holds_what_was_flushed),
        T(test_031_store_backup_refuses_a_directory_that_is_there),
        T(test_store_backup_that_cannot_be_is_told),
    };

    log_open("test_store_backup");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
