/*
 * stall.c - a disk that takes its time, under one process
 *
 * libstall.so is loaded before the C library (LD_PRELOAD).  Each fdatasync
 * waits while somebody else holds the lock (flock, LOCK_EX) on the file
 * STALL_DIR/PROGRAM; without that file nothing waits.
 *
 * What it does not model: a disk that also fails in the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

int
fdatasync(int fd)
{
    const char *directory = getenv("STALL_DIR");
    char path[PATH_MAX];
    int lock;

    if (directory != NULL) {
        snprintf(path, sizeof(path), "%s/%s", directory,
                 program_invocation_short_name);
        lock = open(path, O_RDONLY | O_CLOEXEC);
        if (lock >= 0) {
            while (flock(lock, LOCK_SH) != 0 && errno == EINTR)
                continue;
            close(lock);
        }
    }
    return (int)syscall(SYS_fdatasync, fd);
}
