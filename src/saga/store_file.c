#include "saga/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "saga/directory.h"
#include "saga/log.h"
#include "saga/store_db.h"
#include "saga/store_mark.h"
#include "saga/store_sync.h"

#define LOG_HEAD_BYTES 28u

const char *
store_file_not(const char *path)
{
    struct stat status;

    if (lstat(path, &status) != 0 || S_ISREG(status.st_mode))
        return NULL;
    if (S_ISDIR(status.st_mode))
        return "a directory";
    if (S_ISLNK(status.st_mode))
        return "a symbolic link";
    return S_ISFIFO(status.st_mode) ? "a fifo" : "a socket or a device";
}

enum rc
store_file_check(const char *directory, const char *name)
{
    char path[PATH_MAX + STORE_NAME_BYTES];
    const char *what;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    what = store_file_not(path);
    if (what == NULL)
        return RC_OK;
    log_error("store_failed", "rc=damaged operation=open words=\"%s is in its "
              "place: put the file back, or restore the store\" file=%s "
              "directory=%s", what, log_quote(name), log_quote(directory));
    return RC_DAMAGED;
}

/* ---- before the library opens anything --------------------------------- */

/*
 * The head of a log file is its first record, and the library takes the
 * checksum of as much memory as that says it has: a length that is wrong ends
 * the process by a signal.  A file of zeros is one that holds no record yet.
 */
struct log_head {
    uint32_t previous;
    uint32_t bytes;
    uint32_t rest[LOG_HEAD_BYTES / sizeof(uint32_t) - 2];
};

static enum rc
log_head_check(const struct store *store, int fd, const char *name)
{
    static const struct log_head blank;
    struct log_head head;

    if (pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head ||
        head.bytes == LOG_HEAD_BYTES ||
        memcmp(&head, &blank, sizeof head) == 0)
        return RC_OK;
    log_error("store_failed", "rc=damaged operation=open words=\"the head of a "
              "log file\" file=%s directory=%s", name,
              log_quote(store->directory));
    return RC_DAMAGED;
}

/*
 * Recovery syncs the tables and never the log: what it found there is in the
 * page cache, maybe, and not on disk (a process that was killed between the
 * write and the sync).  A loss of power would then leave tables ahead of their
 * log, which can't be opened; and what was published from it would be lost.
 */
static enum rc
log_file_sync(struct store *store, int directory_fd, const char *name)
{
    int fd = openat(directory_fd, name,
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    enum rc rc = RC_OK;

    if (fd < 0 || store_sync_data(fd) != 0)
        rc = store_failed(store, errno, "log_sync", name);
    else
        rc = log_head_check(store, fd, name);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Of those that need not be there, or whose number the library looks for. */
static bool
name_is_of_a_file(const char *name)
{
    return strncmp(name, "log.", 4) == 0 ||
           strcmp(name, STORE_MARK_NAME) == 0 ||
           strcmp(name, STORE_PAGES_NAME) == 0;
}

enum rc
store_directory_look(struct store *store, bool *created_out)
{
    DIR *directory = opendir(store->directory);
    const struct dirent *entry;
    bool foreign = false;
    enum rc rc = RC_OK;

    if (directory == NULL)
        return store_failed(store, errno, "opendir", "-");
    *created_out = true;
    while (rc == RC_OK && (entry = directory_next(directory)) != NULL) {
        if (name_is_of_a_file(entry->d_name))
            rc = store_file_check(store->directory, entry->d_name);
        if (rc == RC_OK && strncmp(entry->d_name, "log.", 4) == 0) {
            *created_out = false;
            rc = log_file_sync(store, dirfd(directory), entry->d_name);
        }
        if (strcmp(entry->d_name, "DB_CONFIG") == 0)
            foreign = true;
    }
    if (rc == RC_OK && errno != 0)
        rc = store_failed(store, errno, "readdir", "-");
    if (rc == RC_OK && store_sync_all(dirfd(directory)) != 0)
        rc = store_failed(store, errno, "directory_sync", "-");
    closedir(directory);
    if (rc != RC_OK || !foreign)
        return rc;
    log_error("store_failed", "rc=damaged operation=open words=\"a DB_CONFIG "
              "file is in the way\" directory=%s",
              log_quote(store->directory));
    return RC_DAMAGED;
}
