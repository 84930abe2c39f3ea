#include "saga/file_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
file_owner_keep(int fd, const char *path)
{
    const char *slash = strrchr(path, '/');
    char above[PATH_MAX];
    struct stat file, directory;

    if (geteuid() != 0)
        return 0;
    if (slash != NULL && slash - path >= (ptrdiff_t)sizeof above) {
        errno = ENAMETOOLONG;
        return -1;
    }
    snprintf(above, sizeof above, "%.*s",
             slash != NULL ? (int)(slash - path) + 1 : 1,
             slash != NULL ? path : ".");
    if (stat(above, &directory) != 0 || fstat(fd, &file) != 0)
        return -1;
    if (file.st_uid == directory.st_uid && file.st_gid == directory.st_gid)
        return 0;
    return fchown(fd, directory.st_uid, directory.st_gid);
}

int
file_owner_create(const char *path)
{
    int fd, error;

    if (unlink(path) != 0 && errno != ENOENT)
        return -1;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || file_owner_keep(fd, path) == 0)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}
