/*
 * slowdisk.c - a disk that is slow: each sync comes SLOWDISK_US later
 *
 * libslowdisk.so is loaded before the C library (LD_PRELOAD).  fsync and
 * fdatasync do what they do, and then wait.  Writes are as fast as ever: what
 * is modelled is a disk whose flush takes long, not one with little throughput.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int
delayed(long number, int fd)
{
    const char *text = getenv("SLOWDISK_US");
    long us = text == NULL ? 0 : strtol(text, NULL, 10);
    struct timespec left = { .tv_sec = us / 1000000,
                             .tv_nsec = us % 1000000 * 1000 };
    int result = (int)syscall(number, fd);

    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) != 0)
        continue;
    return result;
}

int
fsync(int fd)
{
    return delayed(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
    return delayed(SYS_fdatasync, fd);
}
