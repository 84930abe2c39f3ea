/*
 * test_store_names.c - a directory that can't be read to its end
 *
 * This program's readdir() stands in for the C library's: a chosen call fails.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../support/said.h"
#include "../support/store_rig.h"
#include "saga/store_unsynced.h"

#define WAIT_MS_MAX 20000

typedef struct dirent *readdir_fn(DIR *directory);

/* What the library has of an environment that it could not open is not freed,
 * and the process would end. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
    return "leak:libdb-5.3.so\n";
}

static atomic_uint fails_at; /* the call from here on; 0: none */

struct dirent *
readdir(DIR *directory)
{
    readdir_fn *next = (readdir_fn *)dlsym(RTLD_NEXT, "readdir");

    /* One thread at a time lists names. */
    if (fails_at == 0 || --fails_at > 0)
        return next(directory);
    errno = EIO;
    return NULL;
}

static void
mark_unsynced(const struct store_rig *rig)
{
    char path[STORE_RIG_PATH_BYTES];
    FILE *file;

    store_rig_path(path, rig, STORE_UNSYNCED_NAME);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static bool
is_unsynced(const struct store_rig *rig)
{
    char path[STORE_RIG_PATH_BYTES];

    store_rig_path(path, rig, STORE_UNSYNCED_NAME);
    return access(path, F_OK) == 0;
}

/* Opens it with the nth call failing: false if there were not so many. */
static bool
open_failing_at(struct store_rig *rig, unsigned int nth)
{
    const char *said;
    bool failed;
    enum rc rc;

    said_begin();
    fails_at = nth;
    rc = store_open(&rig->store, &rig->config, &rig->created);
    failed = fails_at == 0;
    fails_at = 0;
    said = said_end();
    /* Remains that can't be found stay: that is told, and no more. */
    if (!failed || strstr(said, "event=store_shelf_failed") != NULL ||
        strstr(said, "event=store_recovery_said") != NULL)
        assert_int_equal(rc, RC_OK);
    else if (rc != RC_IO || strstr(said, "event=store_failed") == NULL)
        fail_msg("call %u: %s\n%s", nth, rc_name(rc), said);
    assert_int_equal(store_close(&rig->store), RC_OK);
    return failed;
}

/* Regress 078: it was taken for the end.  So log files were not synced, tables
 * not looked at, and a store was taken for one that is new. */
static void
test_store_078_names_that_cannot_be_read_are_io(void **state)
{
    struct store_rig *rig = *state;
    unsigned int nth = 1;

    store_rig_close(rig);
    while (open_failing_at(rig, nth))
        nth++;
    assert_true(nth > 10);
    assert_false(rig->created);
}

/* Then files that may not be on disk were taken for written again. */
static void
test_store_078_unsynced_files_are_not_forgotten(void **state)
{
    struct store_rig *rig = *state;

    store_rig_close(rig);
    mark_unsynced(rig);
    assert_true(open_failing_at(rig, 1));
    assert_true(is_unsynced(rig));
    assert_false(open_failing_at(rig, 100000));
    assert_false(is_unsynced(rig));
}

/* The library that makes it took a failure for the end, too. */
static void
test_store_078_copy_that_would_lack_files_is_io(void **state)
{
    struct store_rig *rig = *state;
    char copy[STORE_RIG_PATH_BYTES];
    enum rc rc = RC_AGAIN;

    store_rig_path(copy, rig, "copy");
    fails_at = 4;
    assert_int_equal(store_backup_start(rig->store, copy), RC_OK);
    for (int i = 0; rc == RC_AGAIN && i < WAIT_MS_MAX; i++) {
        (void)poll(NULL, 0, 1);
        rc = store_backup_poll(rig->store);
    }
    assert_int_equal(fails_at, 0);
    assert_int_equal(rc, RC_IO);
}

int
main(void)
{
#define T(name)                                                                \
    cmocka_unit_test_setup_teardown(name, store_rig_setup, store_rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_store_078_names_that_cannot_be_read_are_io),
        T(test_store_078_unsynced_files_are_not_forgotten),
        T(test_store_078_copy_that_would_lack_files_is_io),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
