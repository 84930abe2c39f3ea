/*
 * test_store_damage.c - what does not verify is refused, a full disk is not
 * taken for damage
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <db.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/store_rig.h"

#define ROW_BYTES 3000
#define PAGE_BYTES 4096
#define DISK_BYTES (32u << 20)
#define NOBODY 65534

/* After a panic the library can't free what it has; that is no leak of ours,
 * and the process would end. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
    return "leak:libdb-5.3.so\n";
}

/* ---- what does not verify ---------------------------------------------- */

static void
file_write(const struct store_rig *rig, const char *name, off_t position,
           const void *bytes, size_t count)
{
    char path[STORE_RIG_PATH_BYTES];
    int fd;

    store_rig_path(path, rig, name);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, count, position), count);
    close(fd);
}

static void
file_flip_byte(const struct store_rig *rig, const char *name, off_t position)
{
    char path[STORE_RIG_PATH_BYTES];
    uint8_t byte;
    int fd;

    store_rig_path(path, rig, name);
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, position), 1);
    close(fd);
    byte ^= 1;
    file_write(rig, name, position, &byte, 1);
}

static void
test_store_with_foreign_config_is_damaged(void **state)
{
    struct store_rig *rig = *state;

    file_write(rig, "DB_CONFIG", 0, "set_lg_dir /tmp\n", 16);
    assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                     RC_DAMAGED);
    assert_null(rig->store);
}

static void
test_store_in_no_directory_is_io(void **state)
{
    struct store_rig *rig = *state;

    remove_tree(rig->directory);
    assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                     RC_IO);
}

/* Rows 0, 1, ... of 100 bytes, and the store closed again. */
static void
fill(struct store_rig *rig, uint64_t rows)
{
    uint64_t i;

    store_rig_open(rig);
    assert_int_equal(store_begin(rig->store), RC_OK);
    for (i = 0; i < rows; i++)
        row_put_number(rig->table, i, 100);
    assert_int_equal(store_commit(rig->store), RC_OK);
    store_rig_close(rig);
}

static void
test_store_flipped_byte_in_page_is_damaged(void **state)
{
    struct store_rig *rig = *state;
    uint8_t value[100];
    size_t bytes;
    enum rc rc = RC_OK;
    uint64_t i;

    fill(rig, 2000);
    file_flip_byte(rig, "rows", 5 * PAGE_BYTES + 3000);
    store_rig_open(rig);
    for (i = 0; i < 2000 && rc == RC_OK; i++) {
        uint8_t key[8] = { [6] = (uint8_t)(i >> 8), [7] = (uint8_t)i };

        rc = store_get(rig->table, key, 8, value, sizeof value, &bytes);
    }
    assert_int_equal(rc, RC_DAMAGED);
    assert_int_equal(store_close(&rig->store), RC_DAMAGED);
    assert_null(rig->store);
}

static void
test_store_flipped_byte_in_first_page_is_damaged(void **state)
{
    struct store_rig *rig = *state;

    fill(rig, 10);
    file_flip_byte(rig, "rows", 14); /* in the magic number */
    assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                     RC_OK);
    assert_int_equal(store_table_open(rig->store, "rows", &rig->table),
                     RC_DAMAGED);
    (void)!store_close(&rig->store);
}

static void
test_store_table_that_is_none_is_damaged(void **state)
{
    static uint8_t noise[3 * PAGE_BYTES];
    struct store_rig *rig = *state;
    struct store_table *table;

    memset(noise, 'n', sizeof noise);
    file_write(rig, "noise", 0, noise, sizeof noise);
    store_rig_open(rig);
    assert_int_equal(store_table_open(rig->store, "noise", &table),
                     RC_DAMAGED);
    (void)!store_close(&rig->store);
}

/* Regress 008: recovery passed over the missing pages, and the rows in them
 * were gone, without a word (store_length.h). */
static void
test_store_008_table_that_was_cut_is_damaged(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];
    struct stat status;
    off_t cuts[6];
    size_t i;

    fill(rig, 100);
    store_rig_path(path, rig, "rows");
    assert_int_equal(stat(path, &status), 0);
    assert_true(status.st_size >= 4 * PAGE_BYTES);
    cuts[0] = status.st_size - 1;
    cuts[1] = status.st_size - PAGE_BYTES;
    cuts[2] = PAGE_BYTES + 1000;
    cuts[3] = PAGE_BYTES;
    cuts[4] = 100;
    cuts[5] = 0;
    for (i = 0; i < ARRAY_COUNT(cuts); i++) {
        assert_int_equal(truncate(path, cuts[i]), 0);
        if (store_open(&rig->store, &rig->config, &rig->created) !=
            RC_DAMAGED)
            fail_msg("cut to %ld octets", (long)cuts[i]);
    }
}

static void
row_delete_number(struct store_table *table, uint64_t number)
{
    uint8_t key[8];
    int i;

    for (i = 7; i >= 0; i--, number >>= 8)
        key[i] = (uint8_t)number;
    assert_int_equal(store_delete(table, key, sizeof key), RC_OK);
}

/* In a process of its own, which ends without a checkpoint: what it did is on
 * disk in the log alone. */
static void
change_and_die(struct store_rig *rig, uint64_t from, uint64_t to, bool delete)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        store_rig_open(rig);
        if (rig->created)
            store_checkpoint(rig->store);
        assert_int_equal(store_begin(rig->store), RC_OK);
        for (; from < to; from++)
            if (delete)
                row_delete_number(rig->table, from);
            else
                row_put_number(rig->table, from, 100);
        assert_int_equal(store_commit(rig->store), RC_OK);
        assert_int_equal(store_flush(rig->store), RC_OK);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* At the first start and at those after it; then the rig is a new one. */
static void
cut_and_expect_damage(struct store_rig *rig, const char *table, off_t cut)
{
    char path[STORE_RIG_PATH_BYTES];
    int start;

    store_rig_path(path, rig, table);
    assert_int_equal(truncate(path, cut), 0);
    for (start = 0; start < 3; start++)
        if (store_open(&rig->store, &rig->config, &rig->created) !=
            RC_DAMAGED)
            fail_msg("cut to %ld octets, start %d", (long)cut, start);
    store_rig_fini(rig);
    store_rig_init(rig, NULL);
}

/* Regress 012: the log's later pages made the file long again, with a root
 * that recovery had made anew and that knew but few of them.  Nor does the
 * next start open what this one made long. */
static void
test_store_012_table_that_was_cut_and_grows_again_is_damaged(void **state)
{
    static const off_t cuts[] = { 2 * PAGE_BYTES - 1, PAGE_BYTES + 2372,
                                  PAGE_BYTES, 100, 0 };
    struct store_rig *rig = *state;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(cuts); i++) {
        fill(rig, 20);
        change_and_die(rig, 20, 1000, false);
        cut_and_expect_damage(rig, "rows", cuts[i]);
    }
}

/* Rows at the end are deleted behind a checkpoint: their pages are freed, and
 * the file may be shorter than that has told. */
static void
test_store_killed_table_that_shrank_opens(void **state)
{
    struct store_rig *rig = *state;
    uint64_t rows;

    fill(rig, 1000);
    for (rows = 1000; rows > 0; rows -= 100) {
        change_and_die(rig, rows - 100, rows, true);
        store_rig_open(rig);
        assert_int_equal(row_count_numbers(rig->table, 100), rows - 100);
        assert_int_equal(store_table_close(&rig->table), RC_OK);
        assert_int_equal(store_close(&rig->store), RC_OK);
    }
}

/* The same in the store's first life: its owner has asked for a checkpoint
 * when it had made its tables. */
static void
test_store_012_new_table_that_was_cut_is_damaged(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];

    change_and_die(rig, 0, 1000, false);
    store_rig_path(path, rig, "rows");
    assert_int_equal(truncate(path, PAGE_BYTES + 2372), 0);
    assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                     RC_DAMAGED);
}

/* In a process of its own: a table that no checkpoint has seen. */
static void
make_later_table_and_die(struct store_rig *rig, uint64_t rows)
{
    struct store_table *later;
    uint64_t row;
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        store_rig_open(rig);
        assert_int_equal(store_table_open(rig->store, "later", &later), RC_OK);
        assert_int_equal(store_begin(rig->store), RC_OK);
        for (row = 0; row < rows; row++)
            row_put_number(later, row, 100);
        assert_int_equal(store_commit(rig->store), RC_OK);
        assert_int_equal(store_flush(rig->store), RC_OK);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Regress 013: of a table that was made since the last checkpoint nothing told
 * how long it must be; recovery made its root anew, and it was empty. */
static void
test_store_013_later_table_that_was_cut_is_damaged(void **state)
{
    static const off_t cuts[] = { 2 * PAGE_BYTES - 1, PAGE_BYTES, 100, 60, 0 };
    struct store_rig *rig = *state;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(cuts); i++) {
        fill(rig, 20);
        make_later_table_and_die(rig, 1000);
        cut_and_expect_damage(rig, "later", cuts[i]);
    }
}

/* As it is after a kill: the root was split, and that is in the log alone. */
static void
test_store_later_table_that_is_whole_opens(void **state)
{
    struct store_rig *rig = *state;
    struct store_table *later;

    fill(rig, 20);
    make_later_table_and_die(rig, 1000);
    store_rig_open(rig);
    assert_int_equal(store_table_open(rig->store, "later", &later), RC_OK);
    assert_int_equal(row_count_numbers(later, 100), 1000);
}

static void
test_store_killed_table_that_is_whole_opens(void **state)
{
    struct store_rig *rig = *state;

    fill(rig, 20);
    change_and_die(rig, 20, 1000, false);
    store_rig_open(rig);
    assert_int_equal(row_count_numbers(rig->table, 100), 1000);
}

/* Another table of that name is not held against what the first one had. */
static void
test_store_table_made_anew_may_be_shorter(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES], kept[STORE_RIG_PATH_BYTES];

    fill(rig, 1000);
    store_rig_path(path, rig, "table_pages");
    store_rig_path(kept, rig, "kept");
    assert_int_equal(rename(path, kept), 0);
    store_rig_open(rig);
    assert_int_equal(store_table_close(&rig->table), RC_OK);
    assert_int_equal(store_begin(rig->store), RC_OK);
    assert_int_equal(store_table_remove(rig->store, "rows"), RC_OK);
    assert_int_equal(store_commit(rig->store), RC_OK);
    assert_int_equal(store_table_open(rig->store, "rows", &rig->table), RC_OK);
    store_rig_close(rig);
    assert_int_equal(rename(kept, path), 0);
    store_rig_open(rig);
    assert_int_equal(row_count_numbers(rig->table, 100), 0);
}

static void
test_store_with_damaged_table_pages_is_damaged(void **state)
{
    static const char *const texts[] = { "", "end", "rows\nend\n",
                                         "rows 00 x\nend\n",
                                         "../rows 00 1\nend\n" };
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];
    size_t i;

    fill(rig, 20);
    store_rig_path(path, rig, "table_pages");
    for (i = 0; i < ARRAY_COUNT(texts); i++) {
        assert_int_equal(unlink(path), 0);
        file_write(rig, "table_pages", 0, texts[i], strlen(texts[i]));
        if (store_open(&rig->store, &rig->config, &rig->created) !=
            RC_DAMAGED)
            fail_msg("table_pages of \"%s\"", texts[i]);
    }
    assert_int_equal(unlink(path), 0);
    store_rig_open(rig); /* nothing is known then */
}

/* Recovery would take the rest of the log for the end of a torn write. */
static void
test_store_flipped_byte_in_log_is_damaged(void **state)
{
    struct store_rig *rig = *state;

    fill(rig, 1000);
    file_flip_byte(rig, "log.0000000001", 30);
    assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                     RC_DAMAGED);
    assert_null(rig->store);
}

/* Regress 052: the library took the checksum of as many octets as the first
 * record says that it has, and the process ended by SIGSEGV. */
static void
test_store_052_flipped_bit_in_the_head_of_the_log_is_damaged(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];
    unsigned int bit;
    uint8_t byte;
    int fd;

    fill(rig, 1000);
    store_rig_path(path, rig, "log.0000000001");
    for (bit = 32; bit < 64; bit++) { /* the record's length */
        fd = open(path, O_RDWR);
        assert_true(fd >= 0);
        assert_int_equal(pread(fd, &byte, 1, bit / 8), 1);
        byte ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(pwrite(fd, &byte, 1, bit / 8), 1);
        if (store_open(&rig->store, &rig->config, &rig->created) !=
            RC_DAMAGED)
            fail_msg("bit %u", bit);
        byte ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(pwrite(fd, &byte, 1, bit / 8), 1);
        close(fd);
    }
    store_rig_open(rig);
    assert_true(row_has_number(rig->table, 999, 100));
}

static void
test_store_without_its_log_is_damaged(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];

    fill(rig, 1000);
    store_rig_path(path, rig, "log.0000000001");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                     RC_DAMAGED);
}

static void
test_store_with_damaged_mark_is_damaged(void **state)
{
    static const char *const marks[] = { "", "log_end=", "log_end=x end\n",
                                         "log_end=1", "log_end=1 end\nx" };
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];
    size_t i;

    fill(rig, 1000);
    store_rig_path(path, rig, "log_mark");
    for (i = 0; i < ARRAY_COUNT(marks); i++) {
        assert_int_equal(truncate(path, 0), 0);
        file_write(rig, "log_mark", 0, marks[i], strlen(marks[i]));
        assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                         RC_DAMAGED);
    }
}

/* As who may read all of the store but its mark; root may read that, too. */
static enum rc
open_without_right(struct store_rig *rig, const char *path)
{
    char command[STORE_RIG_PATH_BYTES + 40];

    snprintf(command, sizeof command, "chown -R %d %s", NOBODY,
             rig->directory);
    if (geteuid() == 0 && (system(command) != 0 || chown(path, 0, 0) != 0 ||
                           setresuid(NOBODY, NOBODY, NOBODY) != 0))
        return RC_COUNT;
    return store_open(&rig->store, &rig->config, &rig->created);
}

/* Somebody else's: that is no damage. */
static void
test_store_with_mark_that_cannot_be_opened_is_io(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];
    int status;
    pid_t pid;

    fill(rig, 10);
    store_rig_path(path, rig, "log_mark");
    assert_int_equal(chmod(path, 0), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit((int)open_without_right(rig, path));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), RC_IO);
}

/* Regress 053: recovery found that a log file was not there, and "no such file"
 * was taken for a failure of the system: started again and again. */
static void
test_store_053_log_without_its_first_file_is_damaged(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];

    rig->config.checkpoint_bytes = 16 << 20; /* log files of 4 MiB */
    fill(rig, 100);
    change_and_die(rig, 100, 40000, false);
    store_rig_path(path, rig, "log.0000000002");
    assert_int_equal(access(path, F_OK), 0);
    store_rig_path(path, rig, "log.0000000001");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                     RC_DAMAGED);
    assert_null(rig->store);
}

/* A backup holds tables and log, and no mark. */
static void
test_store_without_mark_opens(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];

    fill(rig, 10);
    store_rig_path(path, rig, "log_mark");
    assert_int_equal(unlink(path), 0);
    store_rig_open(rig);
    assert_true(row_has_number(rig->table, 9, 100));
}

/* ---- a disk that is full, for a while ----------------------------------- */

static bool log_is_full;

static ssize_t
write_or_full(int fd, const void *bytes, size_t count)
{
    char self[64], path[PATH_MAX];
    ssize_t length;

    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    length = readlink(self, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    if (log_is_full && strstr(path, "/log.") != NULL) {
        errno = ENOSPC;
        return -1;
    }
    return write(fd, bytes, count);
}

static enum rc
commit_row(struct store_rig *rig, uint64_t number)
{
    assert_int_equal(store_begin(rig->store), RC_OK);
    row_put_number(rig->table, number, 100);
    assert_int_equal(store_commit(rig->store), RC_OK);
    return store_flush(rig->store);
}

/* Found with a full disk: closing wrote pages, and they were ahead of a log
 * whose end could not be written.  No later start got through. */
static void
test_store_closed_after_failed_flush_writes_no_page(void **state)
{
    struct store_rig *rig = *state;

    db_env_set_func_write(write_or_full);
    store_rig_open(rig);
    assert_int_equal(commit_row(rig, 0), RC_OK);
    log_is_full = true;
    assert_int_equal(commit_row(rig, 1), RC_NO_SPACE);
    assert_int_equal(store_close(&rig->store), RC_IO);
    log_is_full = false;
    db_env_set_func_write(NULL);
    store_rig_open(rig);
    assert_int_equal(row_count_numbers(rig->table, 100), 1);
    assert_int_equal(commit_row(rig, 1), RC_OK);
}

/* ---- a full disk ------------------------------------------------------- */

/* Rows, one transaction each, until the disk is full: how many are flushed. */
static uint64_t
write_until_full(struct store_rig *rig)
{
    uint64_t number = 0;
    enum rc rc = RC_OK;

    while (rc == RC_OK) {
        assert_int_equal(store_begin(rig->store), RC_OK);
        rc = row_try_put_number(rig->table, number, ROW_BYTES);
        if (rc == RC_OK)
            rc = store_commit(rig->store);
        if (rc == RC_OK)
            rc = store_flush(rig->store);
        number += rc == RC_OK;
    }
    assert_int_equal(rc, RC_NO_SPACE);
    store_abort(rig->store);
    return number;
}

/* Takes what is left of the disk. */
static void
disk_fill(const char *path)
{
    static const uint8_t zeros[65536];
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    size_t bytes;

    assert_true(fd >= 0);
    for (bytes = sizeof zeros; bytes > 0; bytes /= 2)
        while (write(fd, zeros, bytes) == (ssize_t)bytes)
            continue;
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

static void
full_disk_cycle(struct store_rig *rig, const char *ballast)
{
    uint64_t flushed, rows;

    store_rig_open(rig);
    flushed = write_until_full(rig);
    assert_true(flushed > 0);
    (void)!store_close(&rig->store);
    disk_fill(ballast);
    assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                     RC_NO_SPACE);
    assert_null(rig->store);
    unlink(ballast);
    store_rig_open(rig);
    rows = row_count_numbers(rig->table, ROW_BYTES);
    assert_true(rows >= flushed);
    assert_int_equal(store_begin(rig->store), RC_OK);
    row_put_number(rig->table, rows, ROW_BYTES);
    assert_int_equal(store_commit(rig->store), RC_OK);
    assert_int_equal(store_flush(rig->store), RC_OK);
    store_rig_close(rig);
}

static void
test_store_on_full_disk_has_no_space_and_recovers(void **state)
{
    struct store_rig *rig = *state, small;
    char disk[STORE_RIG_PATH_BYTES], ballast[STORE_RIG_PATH_BYTES + 100];
    char options[40];

    store_rig_path(disk, rig, "disk");
    snprintf(ballast, sizeof ballast, "%s/ballast", disk);
    snprintf(options, sizeof options, "size=%u", DISK_BYTES);
    assert_int_equal(mkdir(disk, 0700), 0);
    if (mount("none", disk, "tmpfs", 0, options) != 0) {
        print_message("cannot mount a small disk: %s\n", strerror(errno));
        skip();
    }
    disk_fill(ballast);
    assert_int_equal(truncate(ballast, DISK_BYTES / 2), 0);
    store_rig_init(&small, disk);
    small.config.checkpoint_bytes = DISK_BYTES; /* small log files */
    full_disk_cycle(&small, ballast);
    store_rig_fini(&small);
}

static int
unmount_and_teardown(void **state)
{
    struct store_rig *rig = *state;
    char disk[STORE_RIG_PATH_BYTES];

    store_rig_path(disk, rig, "disk");
    (void)!umount2(disk, MNT_DETACH);
    return store_rig_teardown(state);
}

#define WITH_RIG(test)                                                         \
    cmocka_unit_test_setup_teardown(test, store_rig_new, store_rig_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_store_with_foreign_config_is_damaged),
        WITH_RIG(test_store_in_no_directory_is_io),
        WITH_RIG(test_store_flipped_byte_in_page_is_damaged),
        WITH_RIG(test_store_flipped_byte_in_first_page_is_damaged),
        WITH_RIG(test_store_table_that_is_none_is_damaged),
        WITH_RIG(test_store_flipped_byte_in_log_is_damaged),
        WITH_RIG(test_store_008_table_that_was_cut_is_damaged),
        WITH_RIG(test_store_012_table_that_was_cut_and_grows_again_is_damaged),
        WITH_RIG(test_store_012_new_table_that_was_cut_is_damaged),
        WITH_RIG(test_store_013_later_table_that_was_cut_is_damaged),
        WITH_RIG(test_store_later_table_that_is_whole_opens),
        WITH_RIG(test_store_killed_table_that_is_whole_opens),
        WITH_RIG(test_store_killed_table_that_shrank_opens),
        WITH_RIG(test_store_table_made_anew_may_be_shorter),
        WITH_RIG(test_store_with_damaged_table_pages_is_damaged),
        WITH_RIG(test_store_052_flipped_bit_in_the_head_of_the_log_is_damaged),
        WITH_RIG(test_store_without_its_log_is_damaged),
        WITH_RIG(test_store_with_damaged_mark_is_damaged),
        WITH_RIG(test_store_with_mark_that_cannot_be_opened_is_io),
        WITH_RIG(test_store_053_log_without_its_first_file_is_damaged),
        WITH_RIG(test_store_without_mark_opens),
        WITH_RIG(test_store_closed_after_failed_flush_writes_no_page),
        cmocka_unit_test_setup_teardown(
            test_store_on_full_disk_has_no_space_and_recovers, store_rig_new,
            unmount_and_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
