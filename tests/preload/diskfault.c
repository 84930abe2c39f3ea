/*
 * diskfault.c - a disk that fails when it is told to, under one process
 *
 * libdiskfault.so is loaded before the C library (LD_PRELOAD).  While the file
 * DISKFAULT_DIR/PROGRAM exists, and holds "CALL ERRNO NTH WHILE", the NTH call
 * of that kind on a file below DISKFAULT_BELOW fails with that error and does
 * nothing; so do all later ones if WHILE is "on", until the file is removed;
 * if it is "once", the library removes it then.
 *
 *   open    open, openat for writing or making
 *   write   write, pwrite, writev, ftruncate
 *   fsync   fsync, fdatasync
 *   syncfs  syncfs
 *   rename  rename
 *   readdir readdir
 *   lstat   lstat
 *
 * What it does not model: short writes, errors that come late (at close), a
 * file that can't be read.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define TEXT_BYTES 64

static atomic_uint calls; /* of the kind, since the fault was set */

/* The text of the fault's file; false if there is none. */
static bool
fault_read(char path[PATH_MAX], char text[TEXT_BYTES])
{
    const char *directory = getenv("DISKFAULT_DIR");
    ssize_t bytes;
    long fd;

    if (directory == NULL)
        return false;
    snprintf(path, PATH_MAX, "%s/%s", directory,
             program_invocation_short_name);
    fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        atomic_store(&calls, 0);
        return false;
    }
    bytes = read((int)fd, text, TEXT_BYTES - 1);
    syscall(SYS_close, fd);
    text[bytes > 0 ? bytes : 0] = '\0';
    return bytes > 0;
}

/* True if this call fails now; errno is set. */
static bool
fails(const char *call)
{
    char path[PATH_MAX], text[TEXT_BYTES], kind[16], how[16];
    unsigned int nth;
    int error;

    if (!fault_read(path, text) ||
        sscanf(text, "%15s %d %u %15s", kind, &error, &nth, how) != 4 ||
        strcmp(kind, call) != 0 || atomic_fetch_add(&calls, 1) + 1 < nth)
        return false;
    if (strcmp(how, "once") == 0)
        syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    fprintf(stderr, "diskfault: %s fails with %d\n", call, error);
    errno = error;
    return true;
}

static bool
is_below(const char *path)
{
    const char *below = getenv("DISKFAULT_BELOW");

    return below != NULL && strncmp(path, below, strlen(below)) == 0;
}

static bool
fd_is_below(int fd)
{
    char self[64], path[PATH_MAX];
    ssize_t bytes;

    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    bytes = readlink(self, path, sizeof path - 1);
    path[bytes > 0 ? bytes : 0] = '\0';
    return is_below(path);
}

static int
open_any(int directory, const char *path, int flags, mode_t mode)
{
    bool writes = (flags & (O_CREAT | O_WRONLY | O_RDWR)) != 0;

    if (writes && is_below(path) && fails("open"))
        return -1;
    return (int)syscall(SYS_openat, directory, path, flags, mode);
}

#define OPEN_MODE(flags, last)                                                 \
    mode_t mode = 0;                                                           \
    va_list values;                                                            \
    va_start(values, last);                                                    \
    if (((flags) & (O_CREAT | O_TMPFILE)) != 0)                                \
        mode = va_arg(values, mode_t);                                         \
    va_end(values)

int
open(const char *path, int flags, ...)
{
    OPEN_MODE(flags, flags);
    return open_any(AT_FDCWD, path, flags, mode);
}

int
openat(int directory, const char *path, int flags, ...)
{
    OPEN_MODE(flags, flags);
    return open_any(directory, path, flags, mode);
}

ssize_t
write(int fd, const void *data, size_t bytes)
{
    if (fd > STDERR_FILENO && fd_is_below(fd) && fails("write"))
        return -1;
    return syscall(SYS_write, fd, data, bytes);
}

ssize_t
pwrite(int fd, const void *data, size_t bytes, off_t position)
{
    if (fd_is_below(fd) && fails("write"))
        return -1;
    return syscall(SYS_pwrite64, fd, data, bytes, position);
}

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
    if (fd > STDERR_FILENO && fd_is_below(fd) && fails("write"))
        return -1;
    return syscall(SYS_writev, fd, parts, count);
}

int
ftruncate(int fd, off_t size)
{
    if (fd_is_below(fd) && fails("write"))
        return -1;
    return (int)syscall(SYS_ftruncate, fd, size);
}

int
fsync(int fd)
{
    if (fd_is_below(fd) && fails("fsync"))
        return -1;
    return (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
    if (fd_is_below(fd) && fails("fsync"))
        return -1;
    return (int)syscall(SYS_fdatasync, fd);
}

int
syncfs(int fd)
{
    if (fd_is_below(fd) && fails("syncfs"))
        return -1;
    return (int)syscall(SYS_syncfs, fd);
}

int
rename(const char *from, const char *to)
{
    if (is_below(from) && fails("rename"))
        return -1;
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

typedef struct dirent *readdir_fn(DIR *directory);

struct dirent *
readdir(DIR *directory)
{
    readdir_fn *next = (readdir_fn *)dlsym(RTLD_NEXT, "readdir");
    int error = errno;

    if (fd_is_below(dirfd(directory)) && fails("readdir"))
        return NULL;
    errno = error; /* at the end it stays as it is */
    return next(directory);
}

int
lstat(const char *path, struct stat *status)
{
    if (is_below(path) && fails("lstat"))
        return -1;
    return fstatat(AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW);
}
