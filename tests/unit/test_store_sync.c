/*
 * Regression 1: recovery syncs the tables and not the log.  A process killed
 * between the write and the sync of the log left commits in the page cache;
 * the next start took them for true, synced tables that hold them, and a loss
 * of power then left tables ahead of their log: a store that can't be opened.
 * So the log must be synced before anything else is.
 *
 * This program's fdatasync() and fsync() stand in for the C library's, for the
 * store and for Berkeley DB, and keep what was synced in which order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/store_rig.h"
#include "saga/log.h"

#define SYNCS_MAX 256

static char synced[SYNCS_MAX][64];
static int synced_count;

static void
note(int fd)
{
    char link[64], path[PATH_MAX];
    ssize_t bytes;
    const char *name;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    bytes = readlink(link, path, sizeof path - 1);
    if (bytes <= 0 || synced_count == SYNCS_MAX)
        return;
    path[bytes] = '\0';
    name = strrchr(path, '/');
    snprintf(synced[synced_count++], sizeof synced[0], "%.60s", name + 1);
}

int
fdatasync(int fd)
{
    note(fd);
    return (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
    note(fd);
    return (int)syscall(SYS_fsync, fd);
}

static bool
is_log(const char *name)
{
    return strncmp(name, "log.", 4) == 0;
}

/* A child commits without a flush and is killed. */
static void
leave_unsynced_commits(struct store_rig *rig)
{
    uint64_t number;
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        store_rig_open(rig);
        if (store_begin(rig->store) != RC_OK)
            _exit(1);
        for (number = 0; number < 20000; number++) /* over the log's buffer */
            row_put_number(rig->table, number, 100);
        if (store_commit(rig->store) != RC_OK)
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static void
regress_1_log_is_synced_before_recovery_syncs_tables(void **state)
{
    struct store_rig *rig = *state;
    int i, logs = 0;

    leave_unsynced_commits(rig);
    synced_count = 0;
    store_rig_open(rig);
    assert_true(synced_count > 0);
    for (i = 0; i < synced_count && is_log(synced[i]); i++)
        logs++;
    if (logs == 0)
        fail_msg("%s was synced before the log", synced[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            regress_1_log_is_synced_before_recovery_syncs_tables,
            store_rig_new, store_rig_teardown),
    };

    log_open("test_store_sync");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
