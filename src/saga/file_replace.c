#include "saga/file_replace.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "saga/file_owner.h"

/* 0, or the error. */
static int
write_synced(int fd, const char *text, size_t bytes)
{
    ssize_t written = write(fd, text, bytes);

    if (written < 0)
        return errno;
    if ((size_t)written < bytes)
        return ENOSPC;
    return fdatasync(fd) == 0 ? 0 : errno;
}

int
file_replace(const char *path, const char *text, size_t bytes)
{
    char new_path[PATH_MAX];
    int fd, error;

    if (snprintf(new_path, sizeof new_path, "%s.new", path) >=
        (int)sizeof new_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = file_owner_create(new_path);
    if (fd < 0)
        return -1;
    error = write_synced(fd, text, bytes);
    if (close(fd) != 0 && error == 0)
        error = errno;
    errno = error;
    return error == 0 ? rename(new_path, path) : -1;
}
