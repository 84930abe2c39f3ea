/*
 * test_store_kill.c - what was flushed survives kill -9, and a prefix the rest
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/store_rig.h"

#define ROUNDS 5
#define REPORTS_PER_ROUND 300 /* then the writer is killed */
#define SEGMENTS_PER_ROUND 40
#define ROW_BYTES 3000        /* so that log files change and are removed */

/* What a child does for number 0, 1, ... until it is killed; each number is
 * told to the parent once it is done. */
typedef enum rc work_fn(struct store_rig *rig, uint64_t number);

static void
work_until_killed(struct store_rig *rig, uint64_t number, work_fn *work,
                  int report_fd)
{
    if (store_open(&rig->store, &rig->config, &rig->created) != RC_OK ||
        store_table_open(rig->store, "rows", &rig->table) != RC_OK)
        _exit(1);
    for (;; number++)
        if (work(rig, number) != RC_OK ||
            write(report_fd, &number, sizeof number) != sizeof number)
            _exit(1);
}

/* Runs such a child until it told `reports` numbers, kills it, and says which
 * number would have been told next when it died. */
static uint64_t
work_and_kill(struct store_rig *rig, uint64_t number, work_fn *work,
              unsigned int reports)
{
    uint64_t next = number;
    int pipe_fds[2], status;
    pid_t child;

    assert_int_equal(pipe(pipe_fds), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        work_until_killed(rig, number, work, pipe_fds[1]);
    close(pipe_fds[1]);
    while (read(pipe_fds[0], &number, sizeof number) == sizeof number) {
        next = number + 1;
        if (--reports == 0)
            kill(child, SIGKILL);
    }
    close(pipe_fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return next;
}

static enum rc
commit_row(struct store_rig *rig, uint64_t number)
{
    enum rc rc = store_begin(rig->store);

    if (rc == RC_OK)
        rc = row_try_put_number(rig->table, number, ROW_BYTES);
    return rc == RC_OK ? store_commit(rig->store) : rc;
}

static enum rc
commit_and_flush_row(struct store_rig *rig, uint64_t number)
{
    enum rc rc = commit_row(rig, number);

    return rc == RC_OK ? store_flush(rig->store) : rc;
}

static void
test_store_killed_keeps_every_flushed_row(void **state)
{
    struct store_rig *rig = *state;
    uint64_t told, rows = 0;
    unsigned int round;

    rig->config.checkpoint_bytes = 1 << 20; /* kills meet checkpoints, too */
    for (round = 0; round < ROUNDS; round++) {
        told = work_and_kill(rig, rows, commit_and_flush_row,
                             REPORTS_PER_ROUND + 77 * round);
        store_rig_open(rig);
        assert_int_equal(rig->created, false);
        rows = row_count_numbers(rig->table, ROW_BYTES);
        assert_true(rows >= told);
        assert_true(rows <= told + 1); /* the one that was not told in time */
        store_rig_close(rig);
    }
}

static void
test_store_killed_unflushed_keeps_a_prefix(void **state)
{
    struct store_rig *rig = *state;
    uint64_t told, rows = 0;
    unsigned int round;

    for (round = 0; round < ROUNDS; round++) {
        told = work_and_kill(rig, rows, commit_row, REPORTS_PER_ROUND);
        store_rig_open(rig);
        rows = row_count_numbers(rig->table, ROW_BYTES);
        assert_true(rows <= told + 1);
        store_rig_close(rig);
    }
}

static const char *
segment_name(uint64_t number)
{
    static char name[STORE_NAME_BYTES];

    snprintf(name, sizeof name, "segment.%llu", (unsigned long long)number);
    return name;
}

/* Row `number` says that segments number and number - 1 are there: one is
 * made, one goes, in the same transaction. */
static enum rc
change_segment(struct store_rig *rig, uint64_t number)
{
    struct store_table *segment = NULL;
    enum rc rc = store_begin(rig->store);

    if (rc == RC_OK)
        rc = store_table_open(rig->store, segment_name(number), &segment);
    if (rc == RC_OK)
        rc = row_try_put_number(segment, number, ROW_BYTES);
    if (rc == RC_OK && number >= 2)
        rc = store_table_remove(rig->store, segment_name(number - 2));
    if (rc == RC_OK)
        rc = row_try_put_number(rig->table, number, ROW_BYTES);
    if (rc == RC_OK)
        rc = store_commit(rig->store);
    if (rc == RC_OK)
        rc = store_flush(rig->store);
    return rc == RC_OK ? store_table_close(&segment) : rc;
}

static bool
segment_exists(const struct store_rig *rig, uint64_t number)
{
    char path[STORE_RIG_PATH_BYTES];

    store_rig_path(path, rig, segment_name(number));
    return access(path, F_OK) == 0;
}

static bool
segment_is_whole(struct store_rig *rig, uint64_t number)
{
    struct store_table *segment;
    bool whole;

    assert_int_equal(
        store_table_open(rig->store, segment_name(number), &segment), RC_OK);
    whole = row_has_number(segment, number, ROW_BYTES);
    assert_int_equal(store_table_close(&segment), RC_OK);
    return whole;
}

static void
test_store_killed_keeps_tables_as_committed(void **state)
{
    struct store_rig *rig = *state;
    uint64_t told, rows = 0;
    unsigned int round;

    rig->config.checkpoint_bytes = 1 << 20;
    for (round = 0; round < ROUNDS; round++) {
        told = work_and_kill(rig, rows, change_segment,
                             SEGMENTS_PER_ROUND + 7 * round);
        store_rig_open(rig);
        rows = row_count_numbers(rig->table, ROW_BYTES);
        assert_true(rows >= told && rows <= told + 1);
        assert_false(segment_exists(rig, rows - 3));
        assert_false(segment_exists(rig, rows));
        assert_true(segment_exists(rig, rows - 2));
        assert_true(segment_exists(rig, rows - 1));
        assert_true(segment_is_whole(rig, rows - 2));
        assert_true(segment_is_whole(rig, rows - 1));
        store_rig_close(rig);
    }
}

/* Dies between the removal and its commit. */
static enum rc
remove_and_die(struct store_rig *rig, uint64_t number)
{
    enum rc rc = RC_OK;

    if (number < 2)
        return change_segment(rig, number);
    rc = store_begin(rig->store);
    if (rc == RC_OK)
        rc = store_table_remove(rig->store, segment_name(0));
    if (rc == RC_OK)
        raise(SIGKILL);
    return rc;
}

/* Regress 006: recovery unlinked what it was to restore (store_spare.h). */
static void
test_store_006_killed_within_a_removal_keeps_the_table(void **state)
{
    struct store_rig *rig = *state;

    assert_int_equal(work_and_kill(rig, 0, remove_and_die, 3), 2);
    store_rig_open(rig);
    assert_true(segment_exists(rig, 0));
    assert_true(segment_is_whole(rig, 0));
    assert_true(segment_is_whole(rig, 1));
    store_rig_close(rig);
}

#define WITH_RIG(test)                                                         \
    cmocka_unit_test_setup_teardown(test, store_rig_new, store_rig_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_store_killed_keeps_every_flushed_row),
        WITH_RIG(test_store_killed_unflushed_keeps_a_prefix),
        WITH_RIG(test_store_killed_keeps_tables_as_committed),
        WITH_RIG(test_store_006_killed_within_a_removal_keeps_the_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
