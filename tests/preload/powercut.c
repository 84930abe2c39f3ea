/*
 * powercut.c - a disk that forgets what was not synced, under one process
 *
 * libpowercut.so is loaded before the C library (LD_PRELOAD).  It passes the
 * process's calls on files below POWERCUT_DIR through and remembers how to
 * take them back.  A sync (fsync, fdatasync) makes durable what was written
 * to that file before it began, after a delay in which a cut may come.
 * SIGUSR2, or the POWERCUT_AFTER-th change to the disk, cuts the power: no
 * call goes on, what was not synced is taken back, whole or in part, and the
 * process is killed.  So no process can tell anyone of a sync that did not
 * end.
 *
 * What is modelled
 *   - Not synced is lost: all of it, or all after a moment, or a random part,
 *     in units of 512 bytes of a log (log.*) and 4096 bytes of all else
 *     (POWERCUT_PAGE changes the latter): torn and reordered writes.
 *   - A file that grew has its old size or its new one; units of it that were
 *     lost are zeros then.
 *   - Names: making, renaming and linking a file is durable once that file is
 *     synced, as on ext4, XFS and btrfs, or its directory is.  What is not yet
 *     durable, and truncations, the file system writes in their order: a cut
 *     keeps a random number of the oldest of them.
 *   - A sync takes time: what other threads write meanwhile is not part of it.
 *
 * What is not modelled
 *   - Directories: they are durable when made.  mmap, stdio, O_DIRECT, dup()
 *     and fallocate(): the processes use none of them on their data.
 *   - A unit torn in itself, bits that turn, a disk that lies about a sync
 *     (POWERCUT_SYNC_LIES=1 does that: a test of the tests).
 *   - A write that reached the disk and was then overwritten before a sync: a
 *     unit is as it was at its last sync, or as it was last written.
 *   - Owners, modes and times of files.
 *
 * Environment: POWERCUT_DIR; POWERCUT_GRAVES, a directory of ours on the same
 * file system; POWERCUT_SEED; POWERCUT_AFTER; POWERCUT_PAGE; POWERCUT_SYNC_US,
 * what a sync takes at most (a random time of up to it); POWERCUT_SYNC_LIES;
 * POWERCUT_PLAN, not by chance: 0 loses all, 4 loses data and keeps names.
 */
#include "powercut.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FDS_MAX 4096
#define PAGE_BYTES 4096
#define SYNC_US 1500

static pthread_mutex_t disk_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct cut_file *file_of_fd[FDS_MAX];
static char below[PATH_MAX - 2];
static uint64_t order, random_state, changes_left = UINT64_MAX;
static uint64_t page_bytes = PAGE_BYTES, sync_us_max = SYNC_US;
static bool sync_lies;

void
cut_impossible(const char *why)
{
    fprintf(stderr, "powercut: impossible: %s: %s\n", why, strerror(errno));
    abort();
}

uint64_t
cut_next_order(void)
{
    return ++order;
}

uint64_t
cut_last_order(void)
{
    return order;
}

/* xorshift64* */
uint64_t
cut_random(uint64_t below_this)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (random_state * 2685821657736338717u >> 16) % below_this;
}

/* ---- the environment --------------------------------------------------- */

static uint64_t
number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

/* ---- the cut ----------------------------------------------------------- */

static struct cut_plan
plan_make(void)
{
    struct cut_plan plan = { .kind = CUT_LOSES_ALL };
    uint64_t first = cut_files_order_min();

    switch (number_from("POWERCUT_PLAN", cut_random(4))) {
    case 0:
        break;
    case 1:
        plan.kind = CUT_KEEPS_PREFIX;
        plan.order_max = order;
        if (first <= order)
            plan.order_max = first - 1 + cut_random(order - first + 2);
        break;
    case 4:
        plan.kind = CUT_KEEPS_NAMES;
        break;
    default:
        plan.kind = CUT_KEEPS_SOME;
        plan.percent = (unsigned int)cut_random(101);
    }
    return plan;
}

/* With the lock, which is never given back. */
static void
cut(void)
{
    static const char *const kinds[] = { "loses_all", "keeps_prefix",
                                         "keeps_some", "keeps_names" };
    struct cut_counts counts = { 0 };
    struct cut_plan plan = plan_make();

    cut_names_undo(&plan, &counts);
    cut_files_undo(&plan, &counts);
    fprintf(stderr, "powercut: %s units_lost=%llu units_kept=%llu "
            "ops_lost=%llu ops_kept=%llu\n", kinds[plan.kind],
            (unsigned long long)counts.units_lost,
            (unsigned long long)counts.units_kept,
            (unsigned long long)counts.ops_lost,
            (unsigned long long)counts.ops_kept);
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static void *
wait_for_cut(void *signals)
{
    int number;

    while (sigwait(signals, &number) != 0)
        continue;
    pthread_mutex_lock(&disk_mutex);
    cut();
    return NULL;
}

/* Before main, while there is one thread: all inherit the blocked signal. */
__attribute__((constructor)) static void
powercut_start(void)
{
    static sigset_t signals;
    const char *directory = getenv("POWERCUT_DIR");
    const char *graves = getenv("POWERCUT_GRAVES");
    pthread_t thread;

    if (directory == NULL || graves == NULL)
        return;
    snprintf(below, sizeof below, "%s/", directory);
    cut_names_init(graves);
    random_state = number_from("POWERCUT_SEED", 1) * 2654435761u | 1;
    changes_left = number_from("POWERCUT_AFTER", UINT64_MAX);
    page_bytes = number_from("POWERCUT_PAGE", PAGE_BYTES);
    sync_us_max = number_from("POWERCUT_SYNC_US", SYNC_US);
    sync_lies = number_from("POWERCUT_SYNC_LIES", 0) != 0;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR2);
    if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0 ||
        pthread_create(&thread, NULL, wait_for_cut, &signals) != 0)
        cut_impossible("no thread");
}

/* ---- what every call does ---------------------------------------------- */

/* The lock, for a call that changes the disk; the power may go just before. */
static void
change_begin(void)
{
    pthread_mutex_lock(&disk_mutex);
    if (changes_left != UINT64_MAX && changes_left-- == 0)
        cut();
}

static long
change_end(long result)
{
    int error = errno;

    pthread_mutex_unlock(&disk_mutex);
    errno = error;
    return result;
}

/* Files that are only read are watched too: a sync through them counts. */
static bool
is_watched(const char *path)
{
    return below[0] != '\0' && strncmp(path, below, strlen(below)) == 0;
}

/* The whole path of one that is relative to a directory's descriptor. */
static const char *
path_at(int directory, const char *path, char whole[PATH_MAX])
{
    char self[64];
    ssize_t bytes;

    if (path[0] == '/' || directory == AT_FDCWD)
        return path;
    snprintf(self, sizeof self, "/proc/self/fd/%d", directory);
    bytes = readlink(self, whole, PATH_MAX - 1);
    if (bytes < 0 || (size_t)bytes + strlen(path) + 2 > PATH_MAX)
        return path;
    whole[bytes] = '/';
    strcpy(whole + bytes + 1, path);
    return whole;
}

static struct cut_file *
file_of(int fd)
{
    return fd >= 0 && fd < FDS_MAX ? file_of_fd[fd] : NULL;
}

static void
truncate_watched(struct cut_file *file, off_t size)
{
    off_t old_size = cut_file_size(file);

    if (size < old_size) {
        cut_file_before_truncate(file, size);
        cut_names_truncated(file, old_size);
    }
}

/* ---- open, close ------------------------------------------------------- */

static int
open_watched(const char *path, int flags, mode_t mode)
{
    struct cut_file *file;
    bool is_new;
    long fd;

    change_begin();
    is_new = faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
    fd = syscall(SYS_openat, AT_FDCWD, path, flags & ~O_TRUNC, mode);
    if (fd < 0)
        return (int)change_end(fd);
    file = cut_file_of(path, page_bytes);
    if (fd >= FDS_MAX)
        cut_impossible("a descriptor's number is too high");
    file_of_fd[fd] = file;
    if (file != NULL && is_new)
        cut_names_created(path, file);
    if (file != NULL && (flags & O_TRUNC) != 0) {
        truncate_watched(file, 0);
        if (syscall(SYS_ftruncate, fd, 0L) != 0)
            cut_impossible("ftruncate");
    }
    return (int)change_end(fd);
}

static int
open_any(int directory, const char *path, int flags, mode_t mode)
{
    char whole[PATH_MAX];
    const char *full = path_at(directory, path, whole);

    if (is_watched(full))
        return open_watched(full, flags, mode);
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

int
creat(const char *path, mode_t mode)
{
    return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int
close(int fd)
{
    if (file_of(fd) != NULL) {
        pthread_mutex_lock(&disk_mutex);
        file_of_fd[fd] = NULL;
        change_end(0);
    }
    return (int)syscall(SYS_close, fd);
}

/* ---- writes ------------------------------------------------------------ */

/* position -1: where the descriptor stands. */
static ssize_t
write_any(int fd, const void *data, size_t bytes, off_t position)
{
    struct cut_file *file = file_of(fd);
    bool stands = position == -1;

    if (file == NULL)
        return stands ? syscall(SYS_write, fd, data, bytes)
                      : syscall(SYS_pwrite64, fd, data, bytes, position);
    change_begin();
    if (stands)
        position = lseek(fd, 0, SEEK_CUR);
    cut_file_before_write(file, data, bytes, position);
    return change_end(stands ? syscall(SYS_write, fd, data, bytes)
                             : syscall(SYS_pwrite64, fd, data, bytes,
                                       position));
}

ssize_t
write(int fd, const void *data, size_t bytes)
{
    return write_any(fd, data, bytes, -1);
}

ssize_t
pwrite(int fd, const void *data, size_t bytes, off_t position)
{
    return write_any(fd, data, bytes, position);
}

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
    ssize_t total = 0, wrote;
    int i;

    if (file_of(fd) == NULL)
        return syscall(SYS_writev, fd, parts, count);
    for (i = 0; i < count; i++) {
        wrote = write_any(fd, parts[i].iov_base, parts[i].iov_len, -1);
        if (wrote < 0)
            return total > 0 ? total : wrote;
        total += wrote;
        if ((size_t)wrote < parts[i].iov_len)
            break;
    }
    return total;
}

int
ftruncate(int fd, off_t size)
{
    struct cut_file *file = file_of(fd);

    if (file == NULL)
        return (int)syscall(SYS_ftruncate, fd, size);
    change_begin();
    truncate_watched(file, size);
    return (int)change_end(syscall(SYS_ftruncate, fd, size));
}

/* ---- names ------------------------------------------------------------- */

int
rename(const char *from, const char *to)
{
    struct cut_file *file;
    int result;

    if (!is_watched(from) || !is_watched(to))
        return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    change_begin();
    file = cut_file_of(from, page_bytes);
    if (file == NULL)
        result = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    else
        result = cut_names_rename(from, to, file, cut_file_of(to, page_bytes));
    return (int)change_end(result);
}

int
link(const char *path, const char *other)
{
    struct cut_file *file;
    long result;

    if (!is_watched(path) || !is_watched(other))
        return (int)syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, other, 0);
    change_begin();
    file = cut_file_of(path, page_bytes);
    result = syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, other, 0);
    if (result == 0 && file != NULL)
        cut_names_linked(other, file);
    return (int)change_end(result);
}

int
unlinkat(int directory, const char *path, int flags)
{
    char whole[PATH_MAX];
    const char *full = path_at(directory, path, whole);
    struct cut_file *file;
    int result;

    if (flags != 0 || !is_watched(full))
        return (int)syscall(SYS_unlinkat, directory, path, flags);
    change_begin();
    file = cut_file_of(full, page_bytes);
    if (file == NULL)
        result = (int)syscall(SYS_unlinkat, directory, path, flags);
    else
        result = cut_names_unlink(full, file);
    return (int)change_end(result);
}

int
unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

/* ---- syncs ------------------------------------------------------------- */

static void
sync_takes(uint64_t us)
{
    struct timespec time = { .tv_nsec = (long)(us * 1000) };

    ppoll(NULL, 0, &time, NULL);
}

/* If it is one of ours: nothing else that we do not watch is taken back. */
static void
sync_directory(int fd)
{
    char whole[PATH_MAX];
    const char *path = path_at(fd, "", whole);

    if (path != whole || !is_watched(path) || sync_lies)
        return;
    change_begin();
    cut_names_directory_synced(path);
    change_end(0);
}

/* What was written before the call is durable after it; in between the lock
 * is free, for other threads and for the cut. */
static int
sync_any(int fd)
{
    struct cut_file *file = file_of(fd);
    uint64_t order_max, us;

    if (file == NULL) {
        sync_directory(fd);
        return 0;
    }
    change_begin();
    if (!cut_file_dirty(file) && !cut_names_dirty(file))
        return (int)change_end(0);
    us = sync_us_max > 0 ? cut_random(sync_us_max) : 0;
    order_max = cut_last_order();
    cut_file_sync_begin(file);
    pthread_mutex_unlock(&disk_mutex);
    sync_takes(us);
    pthread_mutex_lock(&disk_mutex);
    if (!sync_lies) {
        cut_file_sync_end(file, order_max);
        cut_names_synced(file, order_max);
    }
    return (int)change_end(0);
}

int
fsync(int fd)
{
    return sync_any(fd);
}

int
fdatasync(int fd)
{
    return sync_any(fd);
}

/* The same calls by the names that programs of 64-bit offsets may use. */
int open64(const char *path, int flags, ...)
    __attribute__((alias("open")));
int openat64(int directory, const char *path, int flags, ...)
    __attribute__((alias("openat")));
ssize_t pwrite64(int fd, const void *data, size_t bytes, off_t position)
    __attribute__((alias("pwrite")));
int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));
