#include "saga/store_length.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "saga/log.h"
#include "saga/store_db.h"

/* What the first page of a B-tree begins with; in this machine's order. */
struct first_page {
    uint32_t lsn[2];
    uint32_t page;
    uint32_t magic;
    uint32_t version;
    uint32_t page_bytes;
    uint8_t kinds[4];
    uint32_t free;
    uint32_t last_page;
};

#define BTREE_MAGIC 0x053162u
#define MAGIC_END_BYTES (offsetof(struct first_page, magic) + sizeof(uint32_t))

/* Whether the file holds all its pages.  One of another kind does. */
static bool
file_is_whole(int fd, const char *name, const char *directory)
{
    struct first_page first = { .magic = 0 };
    struct stat status;
    uint64_t pages;
    ssize_t bytes;

    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return true;
    bytes = pread(fd, &first, sizeof first, 0);
    if (bytes >= (ssize_t)MAGIC_END_BYTES && first.magic != BTREE_MAGIC)
        return true; /* the library will say what it is */
    pages = (uint64_t)status.st_size / STORE_PAGE_BYTES;
    if (pages > first.last_page)
        return true;
    log_error("store_failed", "rc=damaged operation=open words=\"a table was "
              "cut\" table=%s pages=%u pages_found=%llu directory=%s",
              log_quote(name), first.last_page + 1, (unsigned long long)pages,
              log_quote(directory));
    return false;
}

enum rc
store_lengths_check(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    bool whole = true;
    int fd;

    if (directory == NULL) {
        log_error("store_failed", "rc=io operation=open directory=%s error=%s",
                  log_quote(path), log_quote(strerror(errno)));
        return RC_IO;
    }
    while ((entry = readdir(directory)) != NULL) {
        if (!store_name_is_table(entry->d_name))
            continue;
        fd = openat(dirfd(directory), entry->d_name, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (!file_is_whole(fd, entry->d_name, path))
            whole = false;
        close(fd);
    }
    closedir(directory);
    return whole ? RC_OK : RC_DAMAGED;
}
