/*
 * test_store_fsync.c - a sync that failed ends it, whatever the error was
 *
 * This program's fdatasync() and fsync() stand in for the C library's, for the
 * store and for Berkeley DB: a chosen one fails, and as with the kernel's the
 * next one says that all is well.  So do its pwrite() and sync_file_range(),
 * which count.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <db.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/store_rig.h"
#include "saga/log.h"
#include "saga/store_db.h"
#include "saga/store_sync.h"
#include "saga/store_unsynced.h"

/* A store whose sync failed is let go of as it is: no leak of ours, and the
 * process would end. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
    return "leak:libdb-5.3.so\n";
}

static const int errors[] = { EIO, ENOSPC, EDQUOT, EINTR };

/* Octets that were written, and then synced, in this process. */
static uint64_t unsynced_bytes, synced_bytes;

/* The next sync of a file whose name begins so fails; then it is NULL. */
static const char *_Atomic fails;
static int fails_with;

static bool
name_begins(int fd, const char *start)
{
    char link[64], path[PATH_MAX];
    const char *name;
    ssize_t bytes;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    bytes = readlink(link, path, sizeof path - 1);
    path[bytes > 0 ? bytes : 0] = '\0';
    name = strrchr(path, '/');
    return name != NULL && strncmp(name + 1, start, strlen(start)) == 0;
}

static bool
sync_fails(int fd)
{
    const char *start = fails;

    if (start == NULL || !name_begins(fd, start))
        return false;
    fails = NULL;
    errno = fails_with;
    return true;
}

int
fdatasync(int fd)
{
    synced_bytes += unsynced_bytes;
    unsynced_bytes = 0;
    return sync_fails(fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
    return sync_fails(fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

/* Pages of the table that the kernel was not asked for yet. */
static _Atomic unsigned int pages_kept, pages_kept_most;
/* If not 0, it refuses those of the first time. */
static _Atomic int refuses_with;

/* As ext4 does with pages that it finds no place for: what was there before is
 * there again.  Of those that it was not asked for yet. */
#define KEPT_MAX (2 * STORE_SYNC_PAGES)
static struct {
    off_t at;
    uint8_t before[STORE_PAGE_BYTES];
} kept[KEPT_MAX];
static bool forgets;

static void
keep(int fd, off_t at)
{
    unsigned int i = pages_kept;

    if (!forgets || i >= KEPT_MAX)
        return;
    kept[i].at = at;
    memset(kept[i].before, 0, sizeof kept[i].before);
    (void)!pread(fd, kept[i].before, sizeof kept[i].before, at);
}

static void
forget(int fd)
{
    while (forgets && pages_kept-- > 0)
        (void)!syscall(SYS_pwrite64, fd, kept[pages_kept].before,
                       sizeof kept[pages_kept].before, kept[pages_kept].at);
}

int
sync_file_range(int fd, off_t at, off_t bytes, unsigned int flags)
{
    if (name_begins(fd, "rows")) {
        int error = atomic_exchange(&refuses_with, 0);

        if (error != 0)
            forget(fd);
        pages_kept = 0;
        errno = error;
        if (error != 0)
            return -1;
    }
    return (int)syscall(SYS_sync_file_range, fd, at, bytes, flags);
}

static void
commit(struct store_rig *rig, uint64_t first, uint64_t count)
{
    uint64_t number;

    assert_int_equal(store_begin(rig->store), RC_OK);
    for (number = first; number < first + count; number++)
        row_put_number(rig->table, number, 100);
    assert_int_equal(store_commit(rig->store), RC_OK);
}

/* In a process of its own, which the failure may end: its exit code. */
static int
exit_of(void (*life)(struct store_rig *rig), struct store_rig *rig)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        life(rig);
        _exit(EXIT_DONE);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* With each error, in a new directory. */
static void
each_error_ends(struct store_rig *rig, void (*life)(struct store_rig *rig))
{
    for (size_t i = 0; i < ARRAY_COUNT(errors); i++) {
        fails_with = errors[i];
        if (exit_of(life, rig) != EXIT_SYSTEM)
            fail_msg("it went on after %s", strerror(errors[i]));
        store_rig_fini(rig);
        store_rig_init(rig, NULL);
    }
}

/* And it stays so: a second sync says that all is well.  The library itself
 * asked again after EIO. */
static void
test_store_027_failed_flush_is_io_for_ever(void **state)
{
    struct store_rig *rig = *state;

    for (size_t i = 0; i < ARRAY_COUNT(errors); i++) {
        store_rig_open(rig);
        commit(rig, 0, 1);
        assert_int_equal(store_flush(rig->store), RC_OK);
        commit(rig, 1, 50);
        fails_with = errors[i];
        fails = "log.";
        if (store_flush(rig->store) != RC_IO || fails != NULL)
            fail_msg("%s of a flush's sync", strerror(errors[i]));
        assert_int_equal(store_flush(rig->store), RC_IO);
        assert_int_equal(store_close(&rig->store), RC_IO);
        store_rig_fini(rig);
        store_rig_init(rig, NULL);
    }
    store_rig_open(rig);
}

static void
checkpoint_without(struct store_rig *rig, const char *name)
{
    store_rig_open(rig);
    commit(rig, 0, 50);
    fails = name;
    store_checkpoint(rig->store);
    _exit(EXIT_DONE);
}

static void
checkpoint_without_log(struct store_rig *rig)
{
    checkpoint_without(rig, "log.");
}

static void
checkpoint_without_table(struct store_rig *rig)
{
    checkpoint_without(rig, "rows");
}

/* It was taken for a full disk, and tried again: the next flush said OK. */
static void
test_store_027_failed_sync_of_the_log_in_a_checkpoint_ends_it(void **state)
{
    each_error_ends(*state, checkpoint_without_log);
}

static void
test_store_027_failed_sync_of_a_table_in_a_checkpoint_ends_it(void **state)
{
    each_error_ends(*state, checkpoint_without_table);
}

/* A new table's file is synced before it gets its name, then its directory. */
static void
test_store_027_failed_sync_of_a_new_table_is_io(void **state)
{
    static const char *const names[] = { "__db.", "store." };
    struct store_rig *rig = *state;
    struct store_table *table;

    for (size_t i = 0; i < ARRAY_COUNT(names) * ARRAY_COUNT(errors); i++) {
        store_rig_open(rig);
        fails_with = errors[i / ARRAY_COUNT(names)];
        fails = names[i % ARRAY_COUNT(names)];
        assert_int_equal(store_table_open(rig->store, "later", &table), RC_IO);
        assert_null(fails);
        (void)!store_close(&rig->store);
        store_rig_fini(rig);
        store_rig_init(rig, NULL);
    }
    store_rig_open(rig);
}

static void
test_store_027_failed_sync_at_the_start_is_io(void **state)
{
    static const char *const names[] = { "log.", "store." };
    struct store_rig *rig = *state;

    store_rig_open(rig);
    commit(rig, 0, 1);
    store_rig_close(rig);
    for (size_t i = 0; i < ARRAY_COUNT(names) * ARRAY_COUNT(errors); i++) {
        fails_with = errors[i / ARRAY_COUNT(names)];
        fails = names[i % ARRAY_COUNT(names)];
        assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                         RC_IO);
        assert_null(fails);
    }
    store_rig_open(rig);
}

static bool
marked(const struct store_rig *rig)
{
    char path[STORE_RIG_PATH_BYTES];

    store_rig_path(path, rig, STORE_UNSYNCED_NAME);
    return access(path, F_OK) == 0;
}

/* Syncs a file as another thread of the store does, in vain. */
static void
sync_in_vain(const struct store_rig *rig, const char *name)
{
    char path[STORE_RIG_PATH_BYTES];
    int fd;

    store_rig_path(path, rig, name);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_true(fd >= 0);
    fails_with = ENOSPC;
    fails = strrchr(path, '/') + 1;
    assert_int_equal(store_sync_data(fd), -1);
    assert_int_equal(errno, EIO);
    close(fd);
}

/* Before that has ended the process: the flush's own sync is good, and proves
 * nothing. */
static void
test_store_027_flush_after_another_threads_failed_sync_is_io(void **state)
{
    struct store_rig *rig = *state;

    store_rig_open(rig);
    commit(rig, 0, 50);
    sync_in_vain(rig, "log.0000000001");
    assert_int_equal(store_flush(rig->store), RC_IO);
    assert_int_equal(store_close(&rig->store), RC_IO);
    store_rig_open(rig);
}

/* A backup's disk is not the store's. */
static void
test_store_flush_after_failed_sync_of_a_copy_goes_on(void **state)
{
    struct store_rig *rig = *state;
    char copy[STORE_RIG_PATH_BYTES];

    store_rig_path(copy, rig, "copy");
    assert_int_equal(mkdir(copy, 0700), 0);
    store_rig_open(rig);
    commit(rig, 0, 50);
    sync_in_vain(rig, "copy/log.0000000001");
    assert_int_equal(store_flush(rig->store), RC_OK);
}

/* ---- what is written is begun with ------------------------------------ */

#define MANY_ROWS 100000

/* The sync of a checkpoint brought out all pages at once, and whoever flushed
 * meanwhile waited behind them. */
static void
test_store_044_pages_go_to_the_disk_before_the_sync(void **state)
{
    struct store_rig *rig = *state;

    store_rig_open(rig);
    commit(rig, 0, MANY_ROWS);
    store_checkpoint(rig->store);
    assert_in_range(pages_kept_most, STORE_SYNC_PAGES / 2,
                    2 * STORE_SYNC_PAGES);
}

static void
write_without_disk(struct store_rig *rig)
{
    store_rig_open(rig);
    commit(rig, 0, MANY_ROWS);
    refuses_with = fails_with;
    store_checkpoint(rig->store);
    _exit(EXIT_DONE);
}

/* The error is told to who asks first: the checkpoint's own sync is good. */
static void
test_store_044_page_that_the_disk_refuses_is_a_failed_sync(void **state)
{
    struct store_rig *rig = *state;

    static const int lost[] = { EIO, ENOSPC, EDQUOT, EUCLEAN, EROFS };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(lost); i++) {
        fails_with = lost[i];
        if (exit_of(write_without_disk, rig) != EXIT_SYSTEM || !marked(rig))
            fail_msg("it went on after %s", strerror(lost[i]));
        store_rig_fini(rig);
        store_rig_init(rig, NULL);
    }
    store_rig_open(rig);
}

static void
write_and_be_forgotten(struct store_rig *rig)
{
    store_rig_open(rig);
    commit(rig, 0, MANY_ROWS);
    assert_int_equal(store_flush(rig->store), RC_OK);
    pages_kept = 0;
    forgets = true;
    refuses_with = EUCLEAN;
    store_checkpoint(rig->store);
    _exit(EXIT_DONE);
}

/* Regress 048: the library was not told, wrote that the checkpoint was made,
 * and recovery began behind what had been forgotten. */
static void
test_store_048_page_that_is_forgotten_is_no_part_of_a_checkpoint(void **state)
{
    struct store_rig *rig = *state;

    assert_int_equal(exit_of(write_and_be_forgotten, rig), EXIT_SYSTEM);
    assert_true(marked(rig));
    store_rig_open(rig);
    assert_int_equal(row_count_numbers(rig->table, 100), MANY_ROWS);
}

/* What the library writes elsewhere, as a backup's copy, is synced by others:
 * they have to hear of what was lost. */
static void
test_store_048_page_of_a_copy_is_not_asked_for(void **state)
{
    struct store_rig *rig = *state;
    char path[STORE_RIG_PATH_BYTES];
    uint64_t number;
    DBT key = { .data = &number, .size = sizeof number };
    DB *db;

    store_rig_open(rig);
    store_rig_path(path, rig, "copy");
    assert_int_equal(mkdir(path, 0700), 0);
    store_rig_path(path, rig, "copy/rows");
    assert_int_equal(db_create(&db, NULL, 0), 0);
    assert_int_equal(db->set_pagesize(db, STORE_PAGE_BYTES), 0);
    assert_int_equal(db->open(db, NULL, path, NULL, DB_BTREE, DB_CREATE, 0600),
                     0);
    for (number = 0; number < MANY_ROWS; number++)
        assert_int_equal(db->put(db, NULL, &key, &key, 0), 0);
    refuses_with = EIO;
    assert_int_equal(db->close(db, 0), 0);
    assert_int_equal(atomic_exchange(&refuses_with, 0), EIO);
}

static void
test_store_044_page_that_is_not_begun_with_is_no_failure(void **state)
{
    static const int later[] = { ENOSYS, EPERM, EINVAL, ENOMEM, EINTR };
    struct store_rig *rig = *state;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(later); i++) {
        fails_with = later[i];
        if (exit_of(write_without_disk, rig) != EXIT_DONE || marked(rig))
            fail_msg("it ended with %s", strerror(later[i]));
        store_rig_fini(rig);
        store_rig_init(rig, NULL);
    }
    store_rig_open(rig);
}

/* ---- and then all is written again -------------------------------------- */

ssize_t
pwrite(int fd, const void *bytes, size_t count, off_t at)
{
    unsynced_bytes += count;
    if (count == STORE_PAGE_BYTES && name_begins(fd, "rows"))
        keep(fd, at);
    if (name_begins(fd, "rows") && ++pages_kept > pages_kept_most)
        pages_kept_most = pages_kept;
    return syscall(SYS_pwrite64, fd, bytes, count, at);
}

static uint64_t
bytes_of_files(const struct store_rig *rig)
{
    DIR *directory = opendir(rig->directory);
    const struct dirent *entry;
    struct stat status;
    uint64_t bytes = 0;

    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL) {
        assert_int_equal(fstatat(dirfd(directory), entry->d_name, &status, 0),
                         0);
        bytes += S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
    }
    closedir(directory);
    return bytes;
}

static void
test_store_043_start_after_a_failed_sync_writes_all_again(void **state)
{
    struct store_rig *rig = *state;

    store_rig_open(rig);
    commit(rig, 0, 50);
    assert_false(marked(rig));
    sync_in_vain(rig, "log.0000000001");
    assert_true(marked(rig));
    assert_int_equal(store_close(&rig->store), RC_IO);
    unsynced_bytes = synced_bytes = 0;
    assert_int_equal(store_unsynced_mend(rig->directory), RC_OK);
    assert_int_equal(synced_bytes, bytes_of_files(rig));
    assert_true(synced_bytes > 10000);
    assert_false(marked(rig));
    synced_bytes = 0;
    assert_int_equal(store_unsynced_mend(rig->directory), RC_OK);
    assert_int_equal(synced_bytes, 0);
    store_rig_open(rig);
    assert_int_equal(row_count_numbers(rig->table, 100), 50);
}

static void
test_store_043_start_that_fails_to_write_all_again_is_io(void **state)
{
    static const char *const names[] = { "log.", "rows", "store." };
    struct store_rig *rig = *state;

    store_rig_open(rig);
    commit(rig, 0, 50);
    sync_in_vain(rig, "log.0000000001");
    assert_int_equal(store_close(&rig->store), RC_IO);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        fails = names[i];
        assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                         RC_IO);
        assert_null(fails);
        assert_true(marked(rig));
    }
    store_rig_open(rig);
    assert_false(marked(rig));
    assert_int_equal(row_count_numbers(rig->table, 100), 50);
}

/* ---- a write that fails is another thing ------------------------------- */

static bool disk_is_full;

static ssize_t
write_or_full(int fd, const void *bytes, size_t count)
{
    if (!disk_is_full || !name_begins(fd, "log."))
        return write(fd, bytes, count);
    errno = ENOSPC;
    return -1;
}

static void
checkpoint_twice(struct store_rig *rig)
{
    struct store_stats stats;

    db_env_set_func_write(write_or_full);
    store_rig_open(rig);
    commit(rig, 0, 50);
    disk_is_full = true;
    store_checkpoint(rig->store);
    disk_is_full = false;
    assert_int_equal(store_flush(rig->store), RC_OK);
    store_checkpoint(rig->store);
    store_stats(rig->store, &stats);
    assert_int_equal(stats.checkpoints, 1);
    store_rig_close(rig);
}

static void
test_store_checkpoint_without_space_is_tried_again(void **state)
{
    assert_int_equal(exit_of(checkpoint_twice, *state), EXIT_DONE);
}

#define WITH_RIG(test)                                                         \
    cmocka_unit_test_setup_teardown(test, store_rig_new, store_rig_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_store_027_failed_flush_is_io_for_ever),
        WITH_RIG(test_store_027_failed_sync_of_the_log_in_a_checkpoint_ends_it),
        WITH_RIG(test_store_027_failed_sync_of_a_table_in_a_checkpoint_ends_it),
        WITH_RIG(test_store_027_failed_sync_of_a_new_table_is_io),
        WITH_RIG(test_store_027_failed_sync_at_the_start_is_io),
        WITH_RIG(test_store_027_flush_after_another_threads_failed_sync_is_io),
        WITH_RIG(test_store_flush_after_failed_sync_of_a_copy_goes_on),
        WITH_RIG(test_store_044_pages_go_to_the_disk_before_the_sync),
        WITH_RIG(test_store_044_page_that_the_disk_refuses_is_a_failed_sync),
        WITH_RIG(
            test_store_048_page_that_is_forgotten_is_no_part_of_a_checkpoint),
        WITH_RIG(test_store_048_page_of_a_copy_is_not_asked_for),
        WITH_RIG(test_store_044_page_that_is_not_begun_with_is_no_failure),
        WITH_RIG(test_store_043_start_after_a_failed_sync_writes_all_again),
        WITH_RIG(test_store_043_start_that_fails_to_write_all_again_is_io),
        WITH_RIG(test_store_checkpoint_without_space_is_tried_again),
    };

    log_open("test_store_fsync");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
