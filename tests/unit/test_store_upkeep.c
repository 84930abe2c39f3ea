/*
 * test_store_upkeep.c - checkpoints in time, log files and tables given back
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/store_rig.h"
#include "saga/store_shelf.h"
#include "saga/store_upkeep.h"

#define WAIT_TURNS_MAX 20000 /* of a millisecond at least */
#define NEVER_MS 3600000
#define BATCH_BYTES 60000

/* ---- with a real store ------------------------------------------------- */

static bool
has_checkpoint(struct store_rig *rig)
{
    struct store_stats stats;

    store_stats(rig->store, &stats);
    return stats.checkpoints > 0;
}

static bool
has_removed_logs(struct store_rig *rig)
{
    struct store_stats stats;

    store_stats(rig->store, &stats);
    return stats.logs_removed >= 3;
}

static bool
shelf_is_empty(struct store_rig *rig)
{
    char path[STORE_RIG_PATH_BYTES];
    const struct dirent *entry;
    bool empty = true;
    DIR *shelf;

    store_rig_path(path, rig, "old");
    shelf = opendir(path);
    assert_non_null(shelf);
    while ((entry = readdir(shelf)) != NULL)
        if (entry->d_name[0] != '.' &&
            strncmp(entry->d_name, "blank.", 6) != 0)
            empty = false;
    closedir(shelf);
    return empty;
}

static void
wait_until(bool (*holds)(struct store_rig *), struct store_rig *rig)
{
    int turns;

    for (turns = 0; turns < WAIT_TURNS_MAX && !holds(rig); turns++)
        poll(NULL, 0, 1);
    assert_true(holds(rig));
}

/* Rows 0..9, written over again until `bytes` went to the log. */
static void
write_log(struct store_rig *rig, size_t bytes)
{
    uint64_t i;

    for (i = 0; i < bytes / BATCH_BYTES; i++) {
        assert_int_equal(store_begin(rig->store), RC_OK);
        row_put_number(rig->table, i % 10, BATCH_BYTES);
        assert_int_equal(store_commit(rig->store), RC_OK);
        assert_int_equal(store_flush(rig->store), RC_OK);
    }
}

static void
test_upkeep_enough_bytes_bring_checkpoint_and_old_logs_go(void **state)
{
    struct store_rig *rig = *state;
    uint64_t i;

    rig->config.checkpoint_bytes = 1 << 20;
    store_rig_open(rig);
    write_log(rig, 24 << 20); /* six log files */
    wait_until(has_checkpoint, rig);
    wait_until(has_removed_logs, rig);
    wait_until(shelf_is_empty, rig);
    store_rig_close(rig);
    store_rig_open(rig);
    for (i = 0; i < 10; i++)
        assert_true(row_has_number(rig->table, i, BATCH_BYTES));
}

/* The file of that name, as the file system knows it; 0 if there is none. */
static ino_t
inode_of(const struct store_rig *rig, const char *name)
{
    char path[STORE_RIG_PATH_BYTES];
    struct stat status;

    store_rig_path(path, rig, name);
    return stat(path, &status) == 0 ? status.st_ino : 0;
}

/* A log file that is there under any name of those to come. */
static bool
log_has_inode(struct store_rig *rig, ino_t inode)
{
    char name[STORE_NAME_BYTES];
    int number;

    for (number = 1; number < 100; number++) {
        snprintf(name, sizeof name, "log.%010d", number);
        if (inode_of(rig, name) == inode)
            return true;
    }
    return false;
}

static bool
has_blank(struct store_rig *rig)
{
    return inode_of(rig, "old/blank.0") != 0;
}

static bool
file_is_blank(const struct store_rig *rig, const char *name)
{
    static uint8_t octets[8 << 20];
    char path[STORE_RIG_PATH_BYTES];
    ssize_t bytes, i;
    int fd;

    store_rig_path(path, rig, name);
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    bytes = read(fd, octets, sizeof octets);
    close(fd);
    for (i = 0; i < bytes && octets[i] == 0; i++)
        continue;
    return bytes > 1 << 20 && i == bytes;
}

static void
test_upkeep_old_log_is_filled_and_used_again(void **state)
{
    struct store_rig *rig = *state;
    int turns = 0;
    ino_t blank;
    uint64_t i;

    rig->config.checkpoint_bytes = 1 << 20;
    store_rig_open(rig);
    write_log(rig, 12 << 20);
    wait_until(has_blank, rig);
    wait_until(shelf_is_empty, rig);
    assert_true(file_is_blank(rig, "old/blank.0"));
    blank = inode_of(rig, "old/blank.0");
    while (!log_has_inode(rig, blank) && turns++ < 100)
        write_log(rig, BATCH_BYTES);
    assert_true(log_has_inode(rig, blank));
    write_log(rig, 12 << 20);
    store_rig_close(rig);
    assert_false(has_blank(rig)); /* nobody writes for a while */
    store_rig_open(rig);
    for (i = 0; i < 10; i++)
        assert_true(row_has_number(rig->table, i, BATCH_BYTES));
}

/* Killed when the library had been given a blank and not written to it. */
static void
test_upkeep_log_that_is_blank_is_no_damage(void **state)
{
    static const char *const names[] = { "log.0000000002", "log.0000000003" };
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];
    int fd;

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        store_rig_open(rig);
        write_log(rig, BATCH_BYTES);
        store_rig_close(rig);
        store_rig_path(path, rig, names[i]);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, 4 << 20), 0);
        close(fd);
        store_rig_open(rig);
        assert_true(row_has_number(rig->table, 0, BATCH_BYTES));
        write_log(rig, 6 << 20);
        store_rig_close(rig);
        store_rig_open(rig);
        assert_true(row_has_number(rig->table, 9, BATCH_BYTES));
        store_rig_close(rig);
    }
}

static void
test_upkeep_time_brings_checkpoint(void **state)
{
    struct store_rig *rig = *state;

    rig->config.checkpoint_ms = 20;
    store_rig_open(rig);
    write_log(rig, BATCH_BYTES);
    wait_until(has_checkpoint, rig);
}

static void
test_upkeep_too_early_makes_no_checkpoint(void **state)
{
    struct store_rig *rig = *state;
    struct store_stats stats;

    rig->config.checkpoint_bytes = 64 << 20;
    store_rig_open(rig);
    write_log(rig, 20 << 20); /* the thread was woken twice */
    store_stats(rig->store, &stats);
    assert_int_equal(stats.checkpoints, 0);
    store_rig_close(rig);
}

static void
test_upkeep_removed_table_leaves_the_shelf(void **state)
{
    struct store_rig *rig = *state;
    struct store_table *big;
    uint64_t i;

    store_rig_open(rig);
    assert_int_equal(store_begin(rig->store), RC_OK);
    assert_int_equal(store_table_open(rig->store, "big", &big), RC_OK);
    for (i = 0; i < 100; i++)
        row_put_number(big, i, BATCH_BYTES);
    assert_int_equal(store_commit(rig->store), RC_OK);
    assert_int_equal(store_table_close(&big), RC_OK);
    assert_int_equal(store_begin(rig->store), RC_OK);
    assert_int_equal(store_table_remove(rig->store, "big"), RC_OK);
    assert_false(shelf_is_empty(rig));
    assert_int_equal(store_commit(rig->store), RC_OK);
    wait_until(shelf_is_empty, rig);
}

/* What a crash leaves on the shelf: a log file half shrunk, a removed table,
 * and a table whose removal was not committed. */
static void
test_upkeep_leftovers_of_a_crash_go_at_the_next_start(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES], table_path[STORE_RIG_PATH_BYTES];
    int fd;

    store_rig_open(rig);
    assert_int_equal(store_begin(rig->store), RC_OK);
    row_put_number(rig->table, 1, 100);
    assert_int_equal(store_commit(rig->store), RC_OK);
    store_rig_close(rig);
    store_rig_path(path, rig, "old/log.0000000000");
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(ftruncate(fd, 3 << 20), 0);
    close(fd);
    store_rig_path(path, rig, "old/rows.0");
    store_rig_path(table_path, rig, "rows");
    assert_int_equal(link(table_path, path), 0);
    store_rig_open(rig);
    assert_int_equal(access(path, F_OK), -1);
    wait_until(shelf_is_empty, rig);
    assert_true(row_has_number(rig->table, 1, 100));
}

/* ---- with an environment that only counts ------------------------------ */

struct fake {
    _Atomic int checkpoints;   /* asked for */
    _Atomic uint64_t position;
    enum rc answer;            /* to the first */
    enum rc later;             /* to all others */
};

static enum rc
fake_position(void *environment, uint64_t *position_out)
{
    struct fake *fake = environment;

    *position_out = atomic_load(&fake->position);
    return RC_OK;
}

static enum rc
fake_checkpoint(void *environment)
{
    struct fake *fake = environment;

    return atomic_fetch_add(&fake->checkpoints, 1) == 0 ? fake->answer
                                                         : fake->later;
}

static enum rc
fake_obsolete(void *environment, char ***paths_out)
{
    (void)environment;
    *paths_out = NULL;
    return RC_OK;
}

static const struct store_upkeep_asks fake_asks = {
    .log_position = fake_position,
    .checkpoint = fake_checkpoint,
    .logs_obsolete = fake_obsolete,
};

static void
wait_until_checkpoints(struct fake *fake, int count)
{
    int turns;

    for (turns = 0; turns < WAIT_TURNS_MAX; turns++) {
        if (atomic_load(&fake->checkpoints) >= count)
            return;
        poll(NULL, 0, 1);
    }
}

/* A life of the thread in which two checkpoints are wanted; its exit code,
 * 0 if both were tried. */
static int
exit_code_after(struct store_rig *rig, enum rc answer)
{
    struct fake fake = { .answer = answer };
    struct store_upkeep *upkeep;
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        rig->config.checkpoint_ms = 1;
        rig->config.checkpoint_bytes = 100;
        if (store_shelf_open(rig->directory) != RC_OK ||
            store_upkeep_start(&upkeep, &rig->config, 0, &fake_asks, &fake) !=
                RC_OK)
            _exit(1);
        atomic_store(&fake.position, 100);
        wait_until_checkpoints(&fake, 1);
        atomic_store(&fake.position, 200);
        wait_until_checkpoints(&fake, 2);
        store_upkeep_stop(&upkeep);
        _exit(atomic_load(&fake.checkpoints) >= 2 && upkeep == NULL ? 0 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
test_upkeep_failed_checkpoint_ends_the_process(void **state)
{
    assert_int_equal(exit_code_after(*state, RC_IO), EXIT_SYSTEM);
    assert_int_equal(exit_code_after(*state, RC_DAMAGED), EXIT_DAMAGED);
}

static void
test_upkeep_full_disk_is_tried_again(void **state)
{
    assert_int_equal(exit_code_after(*state, RC_OK), 0);
    assert_int_equal(exit_code_after(*state, RC_NO_SPACE), 0);
}

/* What was kept for the next log files is given back. */
static void
test_upkeep_full_disk_takes_the_blanks(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];
    int fd;

    assert_int_equal(store_shelf_open(rig->directory), RC_OK);
    store_rig_path(path, rig, "old/blank.0");
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(exit_code_after(rig, RC_OK), 0);
    assert_true(has_blank(rig));
    assert_int_equal(exit_code_after(rig, RC_NO_SPACE), 0);
    assert_false(has_blank(rig));
}

/* The environment is asked, and has nothing to do. */
static void
test_upkeep_quiet_log_counts_no_checkpoint(void **state)
{
    struct store_rig *rig = *state;
    struct fake fake = { .answer = RC_OK, .later = RC_NOT_FOUND };
    struct store_upkeep *upkeep;

    rig->config.checkpoint_ms = 1;
    assert_int_equal(store_shelf_open(rig->directory), RC_OK);
    assert_int_equal(
        store_upkeep_start(&upkeep, &rig->config, 0, &fake_asks, &fake), RC_OK);
    wait_until_checkpoints(&fake, 3);
    assert_int_equal(store_upkeep_checkpoints(upkeep), 1);
    store_upkeep_wake(upkeep);
    store_upkeep_stop(&upkeep);
    assert_null(upkeep);
    assert_true(atomic_load(&fake.checkpoints) >= 3);
}

#define WITH_RIG(test)                                                         \
    cmocka_unit_test_setup_teardown(test, store_rig_new, store_rig_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_upkeep_enough_bytes_bring_checkpoint_and_old_logs_go),
        WITH_RIG(test_upkeep_old_log_is_filled_and_used_again),
        WITH_RIG(test_upkeep_log_that_is_blank_is_no_damage),
        WITH_RIG(test_upkeep_time_brings_checkpoint),
        WITH_RIG(test_upkeep_too_early_makes_no_checkpoint),
        WITH_RIG(test_upkeep_removed_table_leaves_the_shelf),
        WITH_RIG(test_upkeep_leftovers_of_a_crash_go_at_the_next_start),
        WITH_RIG(test_upkeep_failed_checkpoint_ends_the_process),
        WITH_RIG(test_upkeep_full_disk_is_tried_again),
        WITH_RIG(test_upkeep_full_disk_takes_the_blanks),
        WITH_RIG(test_upkeep_quiet_log_counts_no_checkpoint),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
