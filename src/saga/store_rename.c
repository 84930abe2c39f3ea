/*
 * store_rename.c - sync, rename, sync the directory
 */
#include "saga/store_rename.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "saga/store_db.h"
#include "saga/store_sync.h"

/* What the library renames to this is on its way out: nobody needs it. */
#define LIBRARY_NAME_PREFIX "__db."

const char *
store_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

void
store_path_of(int fd, char *path)
{
    char link[64];
    ssize_t bytes;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    bytes = readlink(link, path, PATH_MAX - 1);
    path[bytes > 0 ? bytes : 0] = '\0';
}

/* 0, or -1 and errno. */
static int
sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    int result, error;

    if (fd < 0)
        return -1;
    result = store_sync_all(fd);
    error = errno;
    close(fd);
    errno = error;
    return result;
}

int
store_rename_sync(const char *path)
{
    char directory[PATH_MAX];
    int bytes = (int)(store_base_name(path) - path);

    if (bytes >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    snprintf(directory, sizeof directory, "%.*s", bytes, path);
    return sync_path(bytes > 0 ? directory : ".", O_RDONLY | O_DIRECTORY);
}

/* In the library's place of rename(2): 0, or the error. */
static int
rename_durably(const char *from, const char *to)
{
    bool goes = strncmp(store_base_name(to), LIBRARY_NAME_PREFIX,
                        strlen(LIBRARY_NAME_PREFIX)) == 0;

    if ((!goes && sync_path(from, O_RDWR) != 0) || rename(from, to) != 0 ||
        store_rename_sync(to) != 0)
        return errno;
    return 0;
}

int
store_rename_install(void)
{
    return db_env_set_func_rename(rename_durably);
}
