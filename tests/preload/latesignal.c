/*
 * latesignal.c - a signal that comes just before a process begins to wait
 *
 * liblatesignal.so is loaded before the C library (LD_PRELOAD).  The file that
 * LATE_SIGNAL names holds "PID NUMBER": the next time that this process is
 * about to wait in pselect() or select(), and will, because nothing can be
 * read yet, it gets that signal, once, and waits nevertheless.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <unistd.h>

typedef int pselect_fn(int count, fd_set *read, fd_set *write, fd_set *except,
                       const struct timespec *timeout, const sigset_t *mask);
typedef int select_fn(int count, fd_set *read, fd_set *write, fd_set *except,
                      struct timeval *timeout);

static bool
will_wait(int count, const fd_set *read)
{
    select_fn *now = (select_fn *)dlsym(RTLD_NEXT, "select");
    struct timeval none = { 0, 0 };
    fd_set ready;

    if (read == NULL)
        return false;
    ready = *read;
    return now(count, &ready, NULL, NULL, &none) == 0;
}

static void
raise_if_asked(int count, const fd_set *read)
{
    const char *path = getenv("LATE_SIGNAL");
    FILE *file;
    int pid = 0, number = 0;

    if (path == NULL || access(path, F_OK) != 0 || !will_wait(count, read))
        return;
    file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fscanf(file, "%d %d", &pid, &number) == 2 && pid == getpid() &&
        unlink(path) == 0)
        raise(number);
    fclose(file);
}

int
pselect(int count, fd_set *read, fd_set *write, fd_set *except,
        const struct timespec *timeout, const sigset_t *mask)
{
    pselect_fn *next = (pselect_fn *)dlsym(RTLD_NEXT, "pselect");

    raise_if_asked(count, read);
    return next(count, read, write, except, timeout, mask);
}

int
select(int count, fd_set *read, fd_set *write, fd_set *except,
       struct timeval *timeout)
{
    select_fn *next = (select_fn *)dlsym(RTLD_NEXT, "select");

    raise_if_asked(count, read);
    return next(count, read, write, except, timeout);
}
