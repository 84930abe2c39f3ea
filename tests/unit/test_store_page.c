/*
 * test_store_page.c - a page in another one's place, and one of zeros
 *
 * Regress 050: the library takes both as they are.  Rows were not found, an
 * idempotency key was free again, and a walk that met such a page went in a
 * circle for ever, in a start and in `sagactl verify`.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/store_rig.h"

#define PAGE_BYTES 4096
#define VALUE_BYTES 100
#define ROWS 1000
#define MANY_ROWS 20000
#define CIRCLE_S 60 /* nothing here takes longer */

static const uint8_t zeros[PAGE_BYTES];

/* In the place of the C library's, for the store and for this program. */
static unsigned int page_reads;

ssize_t
pread(int fd, void *bytes, size_t count, off_t at)
{
    if (count == PAGE_BYTES)
        page_reads++;
    return syscall(SYS_pread64, fd, bytes, count, at);
}

/* After a panic the library can't free what it has; that is no leak of ours,
 * and the process would end. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
    return "leak:libdb-5.3.so\n";
}

static void
rows_put(struct store_rig *rig, uint64_t from, uint64_t to)
{
    assert_int_equal(store_begin(rig->store), RC_OK);
    for (; from < to; from++)
        row_put_number(rig->table, from, VALUE_BYTES);
    assert_int_equal(store_commit(rig->store), RC_OK);
}

static void
fill(struct store_rig *rig)
{
    store_rig_open(rig);
    rows_put(rig, 0, ROWS);
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
        rows_put(rig, from, to);
        assert_int_equal(store_flush(rig->store), RC_OK);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static int
table_open_file(const struct store_rig *rig)
{
    char path[STORE_RIG_PATH_BYTES];
    int fd;

    store_rig_path(path, rig, "rows");
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    return fd;
}

static off_t
table_pages(const struct store_rig *rig)
{
    int fd = table_open_file(rig);
    struct stat status;

    assert_int_equal(fstat(fd, &status), 0);
    close(fd);
    return status.st_size / PAGE_BYTES;
}

static void
page_read(const struct store_rig *rig, off_t number, uint8_t *page)
{
    int fd = table_open_file(rig);

    assert_int_equal(pread(fd, page, PAGE_BYTES, number * PAGE_BYTES),
                     PAGE_BYTES);
    close(fd);
}

static void
page_write(const struct store_rig *rig, off_t number, const uint8_t *page)
{
    int fd = table_open_file(rig);

    assert_int_equal(pwrite(fd, page, PAGE_BYTES, number * PAGE_BYTES),
                     PAGE_BYTES);
    close(fd);
}

/* What a walk over all rows ends with, forwards or from behind. */
static enum rc
walk(struct store_rig *rig, bool from_behind)
{
    struct store_cursor *cursor;
    struct store_row row;
    uint64_t rows = 0;
    enum rc rc;

    assert_int_equal(store_cursor_open(rig->table, &cursor), RC_OK);
    rc = from_behind ? store_cursor_last(cursor, &row)
                     : store_cursor_first(cursor, &row);
    for (; rc == RC_OK; rows++)
        rc = from_behind ? store_cursor_prev(cursor, &row)
                         : store_cursor_next(cursor, &row);
    store_cursor_close(&cursor);
    assert_true(rc == RC_DAMAGED || rows == ROWS);
    return rc;
}

/* Behind a clean stop, by who walks the table, either way. */
static void
assert_walks_find_damage(struct store_rig *rig, const char *what, off_t page)
{
    bool from_behind = false;

    do {
        store_rig_open(rig);
        if (walk(rig, from_behind) != RC_DAMAGED)
            fail_msg("%s as page %ld", what, (long)page);
        assert_int_equal(store_close(&rig->store), RC_DAMAGED);
        from_behind = !from_behind;
    } while (from_behind);
}

static void
test_store_050_page_in_the_place_of_another_is_damaged(void **state)
{
    uint8_t whole[PAGE_BYTES], another[PAGE_BYTES];
    struct store_rig *rig = *state;
    off_t pages, page;

    alarm(CIRCLE_S);
    fill(rig);
    pages = table_pages(rig);
    assert_true(pages >= 8);
    for (page = 1; page < pages; page++) {
        page_read(rig, page, whole);
        page_read(rig, page == 1 ? 2 : page - 1, another);
        page_write(rig, page, another);
        assert_walks_find_damage(rig, "another one", page);
        page_write(rig, page, whole);
    }
    store_rig_open(rig);
    assert_int_equal(walk(rig, false), RC_NOT_FOUND);
    store_rig_close(rig);
}

static void
test_store_050_page_of_zeros_is_damaged(void **state)
{
    uint8_t whole[PAGE_BYTES];
    struct store_rig *rig = *state;
    off_t pages, page;

    alarm(CIRCLE_S);
    fill(rig);
    pages = table_pages(rig);
    for (page = 1; page < pages; page++) {
        page_read(rig, page, whole);
        page_write(rig, page, zeros);
        assert_walks_find_damage(rig, "zeros", page);
        page_write(rig, page, whole);
    }
}

/* Recovery has read the page, and it stays in the cache: told by the start. */
static void
test_store_050_page_of_zeros_that_recovery_read_is_damaged(void **state)
{
    struct store_rig *rig = *state;
    off_t last;

    fill(rig);
    last = table_pages(rig) - 1;
    put_and_die(rig, ROWS, ROWS + 1);
    page_write(rig, last, zeros);
    assert_int_equal(store_open(&rig->store, &rig->config, &rig->created),
                     RC_DAMAGED);
    assert_null(rig->store);
}

/* Pages that the table got since the last checkpoint are zeros where later ones
 * were written first.  Recovery makes them: the start read the whole table for
 * it, and took 6 s with a million orders. */
static void
test_store_054_table_that_grew_is_not_read_whole(void **state)
{
    struct store_rig *rig = *state;
    off_t pages;
    int fd;

    store_rig_open(rig);
    rows_put(rig, 0, MANY_ROWS);
    store_rig_close(rig);
    pages = table_pages(rig);
    put_and_die(rig, MANY_ROWS, MANY_ROWS + ROWS);
    fd = table_open_file(rig);
    assert_int_equal(ftruncate(fd, (pages + 20) * PAGE_BYTES), 0);
    close(fd);
    page_reads = 0;
    store_rig_open(rig);
    assert_in_range(page_reads, 20, pages / 2);
    assert_int_equal(row_count_numbers(rig->table, VALUE_BYTES),
                     MANY_ROWS + ROWS);
}

#define WITH_RIG(test)                                                         \
    cmocka_unit_test_setup_teardown(test, store_rig_new, store_rig_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_store_050_page_in_the_place_of_another_is_damaged),
        WITH_RIG(test_store_050_page_of_zeros_is_damaged),
        WITH_RIG(test_store_050_page_of_zeros_that_recovery_read_is_damaged),
        WITH_RIG(test_store_054_table_that_grew_is_not_read_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
