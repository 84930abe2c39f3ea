/*
 * test_store_missing.c - a table that is not there, and was; or is no file
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/said.h"
#include "../support/store_rig.h"
#include "saga/log.h"

#define PAGE_BYTES 4096
#define WAIT_MS_MAX 60000

static bool
stays(const char *table)
{
    return strcmp(table, "rows") == 0;
}

static void
put(struct store_rig *rig, uint64_t from, uint64_t to)
{
    assert_int_equal(store_begin(rig->store), RC_OK);
    for (; from < to; from++)
        row_put_number(rig->table, from, 100);
    assert_int_equal(store_commit(rig->store), RC_OK);
    assert_int_equal(store_flush(rig->store), RC_OK);
}

/* Rows, and a second table; "rows" stays. */
static void
fill_two(struct store_rig *rig, uint64_t rows)
{
    struct store_table *other;

    rig->config.table_stays = stays;
    store_rig_open(rig);
    assert_int_equal(store_table_open(rig->store, "other", &other), RC_OK);
    put(rig, 0, rows);
    store_rig_close(rig);
}

/* In a process of its own, which ends without a checkpoint. */
static void
put_and_die(struct store_rig *rig, uint64_t from, uint64_t to)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        store_rig_open(rig);
        put(rig, from, to);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Regress 029: an empty one was made in its place, without a word. */
static void
test_store_029_missing_table_that_stays_is_damaged(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];
    int start;

    fill_two(rig, 100);
    store_rig_path(path, rig, "rows");
    assert_int_equal(unlink(path), 0);
    for (start = 0; start < 3; start++)
        assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                         RC_DAMAGED);
}

/* Killed, with rows behind the last checkpoint: nor does recovery make it. */
static void
test_store_029_missing_table_after_a_kill_is_damaged(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];

    fill_two(rig, 20);
    put_and_die(rig, 20, 1000);
    store_rig_path(path, rig, "rows");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                     RC_DAMAGED);
}

/* One that was cut, and told, and is then taken away. */
static void
test_store_029_cut_table_that_is_removed_is_damaged(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];

    fill_two(rig, 100);
    store_rig_path(path, rig, "rows");
    assert_int_equal(truncate(path, PAGE_BYTES), 0);
    assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                     RC_DAMAGED);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                     RC_DAMAGED);
}

/* Somebody had the store open and this table not (sagactl verify): his
 * checkpoints know of it still, and how long it is. */
static void
test_store_029_table_that_was_not_opened_is_known_still(void **state)
{
    static const off_t cuts[] = { PAGE_BYTES, -1 };
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];
    size_t i;

    for (i = 0; i < ARRAY_COUNT(cuts); i++) {
        fill_two(rig, 100);
        assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                         RC_OK);
        assert_int_equal(store_close(&rig->store), RC_OK);
        store_rig_path(path, rig, "rows");
        if (cuts[i] < 0)
            assert_int_equal(unlink(path), 0);
        else
            assert_int_equal(truncate(path, cuts[i]), 0);
        assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                         RC_DAMAGED);
        store_rig_fini(rig);
        store_rig_init(rig, NULL);
    }
}

static void
copy(struct store_rig *rig, const char *directory)
{
    enum rc rc = RC_AGAIN;
    int i;

    assert_int_equal(store_backup_start(rig->store, directory), RC_OK);
    for (i = 0; i < WAIT_MS_MAX && rc == RC_AGAIN; i++) {
        poll(NULL, 0, 1);
        rc = store_backup_poll(rig->store);
    }
    assert_int_equal(rc, RC_OK);
}

/* Lost while its owner runs and has it open: the copy has no file of it, but
 * the line that tells of it, and recovery makes it anew from a log that reaches
 * back to its making, and from no other. */
static void
test_store_029_copy_of_a_store_that_lost_a_table_is_damaged(void **state)
{
    static const bool has_first_log[] = { true, false };
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES], directory[STORE_RIG_PATH_BYTES];
    struct store_config config;
    struct store_table *table;
    struct store *copied;
    bool created;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(has_first_log); i++) {
        rig->config.checkpoint_bytes = 1 << 20; /* log files of 4 MiB */
        rig->config.table_stays = stays;
        store_rig_open(rig);
        put(rig, 0, has_first_log[i] ? 100 : 60000);
        store_checkpoint(rig->store);
        store_rig_path(path, rig, "log.0000000001");
        if ((access(path, F_OK) == 0) != has_first_log[i])
            fail_msg("the first log file");
        store_rig_path(path, rig, "rows");
        assert_int_equal(unlink(path), 0);
        store_rig_path(directory, rig, "copy");
        copy(rig, directory);
        config = rig->config;
        config.directory = directory;
        config.copied = true;
        assert_int_equal(store_open(&copied, &config, &created),
                         has_first_log[i] ? RC_OK : RC_DAMAGED);
        if (has_first_log[i]) {
            assert_int_equal(store_table_open(copied, "rows", &table), RC_OK);
            assert_int_equal(row_count_numbers(table, 100), 100);
            assert_int_equal(store_close(&copied), RC_OK);
        }
        (void)!store_close(&rig->store);
        store_rig_fini(rig);
        store_rig_init(rig, NULL);
    }
}

/* Regress 051: it was taken for the table whose name it had, as rows that
 * nobody had written.  Then the file of a table of another store. */
static void
test_store_051_another_table_in_its_place_is_damaged(void **state)
{
    char rows[STORE_RIG_PATH_BYTES], other[STORE_RIG_PATH_BYTES];
    struct store_rig *rig = *state, another;

    fill_two(rig, 100);
    store_rig_path(rows, rig, "rows");
    store_rig_path(other, rig, "other");
    assert_int_equal(rename(other, rows), 0);
    assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                     RC_DAMAGED);
    store_rig_init(&another, NULL);
    fill_two(&another, 100);
    store_rig_path(other, &another, "rows");
    assert_int_equal(rename(other, rows), 0);
    assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                     RC_DAMAGED);
    store_rig_fini(&another);
}

/* ---- something else in a file's place ---- */

static const char *const not_files[] = { "a directory", "a symbolic link",
                                         "a fifo" };

/* A link is one to what stood there: it would be read and written all right,
 * and no look at the directory's files would see it. */
static void
put_in_place(struct store_rig *rig, const char *name, size_t which)
{
    char path[STORE_RIG_PATH_BYTES], aside[STORE_RIG_PATH_BYTES];

    store_rig_path(path, rig, name);
    store_rig_path(aside, rig, "aside+");
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(which == 0   ? mkdir(path, 0700)
                     : which == 1 ? symlink(aside, path)
                                  : mkfifo(path, 0600), 0);
}

/* Opening ends, though it be a fifo, and is damage, at each start. */
static void
expect_told(struct store_rig *rig, size_t which, const char *words)
{
    const char *said;
    enum rc rc;
    int start;

    for (start = 0; start < 2; start++) {
        alarm(WAIT_MS_MAX / 1000);
        said_begin();
        rc = store_open(&rig->store, &rig->config, &rig->created);
        said = said_end();
        alarm(0);
        if (rc != RC_DAMAGED ||
            strstr(said, not_files[which]) == NULL ||
            strstr(said, words) == NULL)
            fail_msg("%s: %s, %s", not_files[which], rc_name(rc),
                     said);
    }
}

/* Regress 058: of a directory it was an I/O error (111), with which its owner
 * is started again and again; a fifo was waited for. */
static void
test_store_058_what_is_no_file_is_damaged(void **state)
{
    static const char *const names[] = { "rows", "other", "log.0000000001",
                                         "table_pages", "log_mark" };
    struct store_rig *rig = *state;
    char words[200];
    size_t i;

    for (i = 0; i < ARRAY_COUNT(names) * ARRAY_COUNT(not_files); i++) {
        const char *name = names[i / ARRAY_COUNT(not_files)];

        fill_two(rig, 100);
        put_in_place(rig, name, i % ARRAY_COUNT(not_files));
        snprintf(words, sizeof words, "is in its place: put the file back, or "
                 "restore the store\" file=%s", name);
        expect_told(rig, i % ARRAY_COUNT(not_files), words);
        store_rig_fini(rig);
        store_rig_init(rig, NULL);
    }
}

/* Of a table that no checkpoint knows: recovery meets it, or who opens it. */
static void
test_store_058_what_is_no_new_table_is_damaged(void **state)
{
    struct store_rig *rig = *state;
    size_t which;

    for (which = 0; which < ARRAY_COUNT(not_files); which++) {
        put_and_die(rig, 0, 100);
        put_in_place(rig, "rows", which);
        expect_told(rig, which, "rc=damaged");
        store_rig_fini(rig);
        store_rig_init(rig, NULL);
    }
}

/* (In the place of a link to nowhere the library makes the table.) */
static void
test_store_058_what_is_no_table_yet_is_damaged(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];
    struct store_table *table;
    const char *said;
    size_t which;
    enum rc rc;

    for (which = 0; which < ARRAY_COUNT(not_files); which++) {
        store_rig_path(path, rig, "rows");
        assert_int_equal(which == 0   ? mkdir(path, 0700)
                         : which == 1 ? symlink("log.0000000001", path)
                                      : mkfifo(path, 0600), 0);
        alarm(WAIT_MS_MAX / 1000);
        assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                         RC_OK);
        said_begin();
        rc = store_table_open(rig->store, "rows", &table);
        said = said_end();
        alarm(0);
        assert_int_equal(rc, RC_DAMAGED);
        assert_non_null(strstr(said, not_files[which]));
        assert_int_equal(store_close(&rig->store), RC_OK);
        assert_int_equal(remove(path), 0);
    }
}

/* What the store has no use for may be anything. */
static void
test_store_058_what_is_not_its_own_is_let_be(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];

    fill_two(rig, 100);
    store_rig_path(path, rig, "backups");
    assert_int_equal(mkdir(path, 0700), 0);
    store_rig_path(path, rig, "pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(WAIT_MS_MAX / 1000);
    store_rig_open(rig);
    alarm(0);
    assert_int_equal(row_count_numbers(rig->table, 100), 100);
}

/* "other" does not stay: its owner may have removed it. */
static void
test_store_missing_table_that_does_not_stay_opens(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];

    fill_two(rig, 100);
    store_rig_path(path, rig, "other");
    assert_int_equal(unlink(path), 0);
    store_rig_open(rig);
    assert_int_equal(row_count_numbers(rig->table, 100), 100);
}

/* Killed before its first checkpoint: its tables were never told of. */
static void
test_store_killed_before_its_first_checkpoint_opens(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];

    rig->config.table_stays = stays;
    put_and_die(rig, 0, 100);
    store_rig_path(path, rig, "table_pages");
    assert_int_not_equal(access(path, F_OK), 0);
    store_rig_open(rig);
    assert_int_equal(row_count_numbers(rig->table, 100), 100);
}

/* A table that a start found short, and no checkpoint had known: recovery may
 * have undone that it was made. */
static void
test_store_missing_table_of_no_checkpoint_opens(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];
    FILE *pages;

    rig->config.table_stays = stays;
    assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                     RC_OK);
    assert_int_equal(store_close(&rig->store), RC_OK);
    store_rig_path(path, rig, "table_pages");
    pages = fopen(path, "w");
    assert_non_null(pages);
    fprintf(pages, "rows %040d 4294967294\nend\n", 0);
    fclose(pages);
    store_rig_open(rig);
}

#define WITH_RIG(test)                                                         \
    cmocka_unit_test_setup_teardown(test, store_rig_new, store_rig_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_store_029_missing_table_that_stays_is_damaged),
        WITH_RIG(test_store_029_missing_table_after_a_kill_is_damaged),
        WITH_RIG(test_store_029_cut_table_that_is_removed_is_damaged),
        WITH_RIG(test_store_029_table_that_was_not_opened_is_known_still),
        WITH_RIG(test_store_029_copy_of_a_store_that_lost_a_table_is_damaged),
        WITH_RIG(test_store_051_another_table_in_its_place_is_damaged),
        WITH_RIG(test_store_058_what_is_no_file_is_damaged),
        WITH_RIG(test_store_058_what_is_no_new_table_is_damaged),
        WITH_RIG(test_store_058_what_is_no_table_yet_is_damaged),
        WITH_RIG(test_store_058_what_is_not_its_own_is_let_be),
        WITH_RIG(test_store_missing_table_that_does_not_stay_opens),
        WITH_RIG(test_store_killed_before_its_first_checkpoint_opens),
        WITH_RIG(test_store_missing_table_of_no_checkpoint_opens),
    };

    log_open("test_store_missing");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
