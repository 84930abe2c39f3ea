/*
 * store_shelf.c - a step, a rest, the next step
 */
#include "saga/store_shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "saga/directory.h"
#include "saga/file_owner.h"
#include "saga/log.h"
#include "saga/store_db.h"
#include "saga/store_file.h"
#include "saga/store_rename.h"

#define SHELF "old"
#define LOG_PREFIX "log."
#define BLANK_PREFIX "blank."
#define SHRINK_BYTES (1 << 20)
#define FILL_BYTES (128 << 10)
#define FILES_MAX 8 /* in one round, then checkpoints are looked at */
#define NAMES_MAX 1000 /* tries for a free name */
#define PATH_BYTES (PATH_MAX + 2 * STORE_NAME_BYTES)

static enum rc
shelf_failed(const char *operation, const char *path)
{
    int error = errno;

    log_error("store_shelf_failed", "operation=%s path=%s error=%s", operation,
              log_quote(path), log_quote(strerror(error)));
    return error == ENOSPC || error == EDQUOT ? RC_NO_SPACE : RC_IO;
}

static bool
begins_with(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* ---- tables ------------------------------------------------------------ */

static int
shelf_make(const char *path)
{
    int fd, kept = -1;

    if (mkdir(path, 0700) != 0)
        return errno == EEXIST ? 0 : -1;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        kept = file_owner_keep(fd, path);
        close(fd);
    }
    return kept;
}

enum rc
store_shelf_open(const char *directory)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof path, "%s/" SHELF, directory);
    if (shelf_make(path) != 0)
        return shelf_failed("mkdir", path);
    store_shelf_unlink_tables(directory);
    return RC_OK;
}

void
store_shelf_link_table(const char *directory, const char *name)
{
    char path[PATH_BYTES], shelf_path[PATH_BYTES];
    unsigned int number;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    for (number = 0; number < NAMES_MAX; number++) {
        snprintf(shelf_path, sizeof shelf_path, "%s/" SHELF "/%s.%u",
                 directory, name, number);
        if (link(path, shelf_path) == 0 || errno != EEXIST)
            return;
    }
}

void
store_shelf_unlink_tables(const char *directory)
{
    char path[PATH_BYTES];
    const struct dirent *entry;
    struct stat status;
    DIR *shelf;

    snprintf(path, sizeof path, "%s/" SHELF, directory);
    shelf = opendir(path);
    if (shelf == NULL) {
        (void)shelf_failed("opendir", path);
        return;
    }
    while ((entry = directory_next(shelf)) != NULL)
        if (fstatat(dirfd(shelf), entry->d_name, &status, 0) == 0 &&
            S_ISREG(status.st_mode) && status.st_nlink > 1 &&
            unlinkat(dirfd(shelf), entry->d_name, 0) != 0)
            (void)shelf_failed("unlink", entry->d_name);
    if (errno != 0)
        (void)shelf_failed("readdir", path);
    closedir(shelf);
}

/* ---- blanks ------------------------------------------------------------ */

/* 1: a blank is the log file `path` now; 0: there is none; -1 and errno. */
static int
take_blank(const char *path, const char *name)
{
    char blank[PATH_BYTES];
    unsigned int number;

    for (number = 0; number < STORE_BLANKS_MAX; number++) {
        snprintf(blank, sizeof blank, "%.*s" SHELF "/" BLANK_PREFIX "%u",
                 (int)(name - path), path, number);
        if (rename(blank, path) == 0)
            return store_rename_sync(path) == 0 ? 1 : -1;
    }
    return 0;
}

static int
open_new(const char *path, int flags, int mode)
{
    int fd = open(path, flags | O_EXCL, mode);

    if (fd >= 0 && file_owner_keep(fd, path) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The words are told with the failure that the library makes of it: the error
 * is that of what is damaged. */
static bool
path_is_refused(const char *path)
{
    const char *what = store_file_not(path);
    char words[STORE_NAME_BYTES + 40];

    if (what == NULL)
        return false;
    snprintf(words, sizeof words, "%.*s is %s", STORE_NAME_BYTES,
             store_base_name(path), what);
    store_words_add(words);
    errno = EINVAL;
    return true;
}

/* In the library's place of open(2). */
static int
open_blank_or_new(const char *path, int flags, ...)
{
    const char *name = store_base_name(path);
    va_list more;
    int mode, taken;

    va_start(more, flags);
    mode = va_arg(more, int);
    va_end(more);
    if (path_is_refused(path))
        return -1;
    if ((flags & O_CREAT) == 0 || access(path, F_OK) == 0)
        return open(path, flags, mode);
    taken = begins_with(name, LOG_PREFIX) ? take_blank(path, name) : 0;
    if (taken == 0)
        return open_new(path, flags, mode);
    return taken > 0 ? open(path, flags, mode) : -1;
}

int
store_shelf_install(void)
{
    return db_env_set_func_open(open_blank_or_new);
}

/* Writes zeros over the file; false if it is to be tried again, or never. */
static bool
fill(const struct store_shelf_work *work, int fd, off_t bytes)
{
    static const uint8_t zeros[FILL_BYTES];
    off_t at;
    size_t count;

    for (at = 0; at < bytes; at += (off_t)count) {
        count = bytes - at < FILL_BYTES ? (size_t)(bytes - at) : FILL_BYTES;
        if (pwrite(fd, zeros, count, at) != (ssize_t)count ||
            sync_file_range(fd, at, (off_t)count,
                            SYNC_FILE_RANGE_WAIT_BEFORE |
                                SYNC_FILE_RANGE_WRITE |
                                SYNC_FILE_RANGE_WAIT_AFTER) != 0 ||
            work->rest(work->context))
            return false;
    }
    return fsync(fd) == 0;
}

/* Makes a blank of a log file; false if it is to be shrunk instead. */
static bool
make_blank(const struct store_shelf_work *work, int shelf_fd,
           const char *name, int fd, const struct stat *status)
{
    char blank[STORE_NAME_BYTES];
    unsigned int number;

    if (!begins_with(name, LOG_PREFIX) ||
        (uint64_t)status->st_size > work->log_bytes ||
        (uint64_t)status->st_size + STORE_PAGE_BYTES < work->log_bytes)
        return false;
    for (number = 0; number < STORE_BLANKS_MAX; number++) {
        snprintf(blank, sizeof blank, BLANK_PREFIX "%u", number);
        if (faccessat(shelf_fd, blank, F_OK, 0) != 0)
            return fill(work, fd, status->st_size) &&
                   renameat(shelf_fd, name, shelf_fd, blank) == 0;
    }
    return false;
}

static void
drop_blanks_in(int shelf_fd)
{
    char blank[STORE_NAME_BYTES];
    unsigned int number;

    for (number = 0; number < STORE_BLANKS_MAX; number++) {
        snprintf(blank, sizeof blank, BLANK_PREFIX "%u", number);
        if (unlinkat(shelf_fd, blank, 0) != 0 && errno != ENOENT)
            (void)shelf_failed("unlink", blank);
    }
}

void
store_shelf_drop_blanks(const char *directory)
{
    char path[PATH_BYTES];
    int fd;

    snprintf(path, sizeof path, "%s/" SHELF, directory);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    drop_blanks_in(fd);
    close(fd);
}

/* ---- the shelf's work -------------------------------------------------- */

void
store_shelf_take_log(const char *directory, const char *path)
{
    char shelf_path[PATH_BYTES];

    snprintf(shelf_path, sizeof shelf_path, "%s/" SHELF "/%s", directory,
             store_base_name(path));
    if (rename(path, shelf_path) != 0)
        (void)shelf_failed("rename", path);
}

/* Makes a blank of one file, or shrinks and unlinks it; false if it is left
 * for later. */
static bool
clear_file(const struct store_shelf_work *work, int shelf_fd,
           const char *name)
{
    struct stat status;
    int fd = openat(shelf_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    bool gone = false;

    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_nlink > 1)
        goto out;
    gone = make_blank(work, shelf_fd, name, fd, &status);
    if (gone)
        goto out;
    while (status.st_size > SHRINK_BYTES) {
        status.st_size -= SHRINK_BYTES;
        if (ftruncate(fd, status.st_size) != 0 || work->rest(work->context))
            goto out;
    }
    gone = unlinkat(shelf_fd, name, 0) == 0;
out:
    if (fd >= 0)
        close(fd);
    return gone;
}

bool
store_shelf_clear(const struct store_shelf_work *work, unsigned int *logs_out)
{
    char path[PATH_BYTES];
    const struct dirent *entry;
    unsigned int gone = 0;
    DIR *shelf;

    snprintf(path, sizeof path, "%s/" SHELF, work->directory);
    shelf = opendir(path);
    if (shelf == NULL) {
        (void)shelf_failed("opendir", path);
        return false;
    }
    while (gone < FILES_MAX && (entry = directory_next(shelf)) != NULL) {
        if (entry->d_name[0] == '.' ||
            begins_with(entry->d_name, BLANK_PREFIX) ||
            !clear_file(work, dirfd(shelf), entry->d_name))
            continue;
        gone++;
        if (begins_with(entry->d_name, LOG_PREFIX))
            (*logs_out)++;
    }
    if (gone < FILES_MAX && errno != 0)
        (void)shelf_failed("readdir", path);
    closedir(shelf);
    return gone == FILES_MAX;
}
