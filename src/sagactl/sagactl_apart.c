#include "sagactl/sagactl_apart.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sagactl/sagactl_out.h"

#define FILES_OPEN_MAX 16
#define REMOVE_TRIES_MAX 50
#define REMOVE_WAIT_MS 100

static int
remove_one(const char *path, const struct stat *status, int type,
           struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

/* A process that was asked for a copy may be writing it still: it gives up
 * when its directory is gone, so a few times are enough. */
void
sagactl_remove(const char *directory)
{
    int left = REMOVE_TRIES_MAX;

    while (nftw(directory, remove_one, FILES_OPEN_MAX,
                FTW_DEPTH | FTW_PHYS) != 0 &&
           errno != ENOENT && --left > 0)
        (void)poll(NULL, 0, REMOVE_WAIT_MS);
    if (left == 0)
        fprintf(stderr, "sagactl: %s: can't be removed: %s\n", directory,
                strerror(errno));
}

int
sagactl_failed(const char *path, int code)
{
    fprintf(stderr, "sagactl: %s: %s\n", path, strerror(errno));
    return code;
}

int
sagactl_share(const struct sagactl *ctl, const char *path)
{
    struct stat home;

    if (stat(ctl->home, &home) != 0) {
        fprintf(stderr, "sagactl: %s is no pipeline's home: %s; --home names "
                "it\n", ctl->home, strerror(errno));
        return EXIT_USAGE;
    }
    if ((geteuid() == 0 && chown(path, home.st_uid, home.st_gid) != 0) ||
        chmod(path, S_IRWXU | (home.st_mode & (S_ISVTX | S_IRWXG))) != 0)
        return sagactl_failed(path, EXIT_SYSTEM);
    return EXIT_DONE;
}

static int
make_directory(const struct sagactl *ctl, char path[PATH_MAX])
{
    int code = sagactl_check_home(ctl);

    if (code != EXIT_DONE)
        return code;
    if (snprintf(path, PATH_MAX, "%s/verify.XXXXXX", ctl->home) >= PATH_MAX ||
        mkdtemp(path) == NULL) {
        fprintf(stderr, "sagactl: %s: no place for copies: %s\n", ctl->home,
                strerror(errno));
        return EXIT_USAGE;
    }
    code = sagactl_share(ctl, path);
    if (code != EXIT_DONE)
        sagactl_remove(path);
    return code;
}

/* Waits for the child, and ends it when we are asked to end. */
static int
await(pid_t child, const sigset_t *signals)
{
    int status, number;

    while (waitpid(child, &status, WNOHANG) == 0) {
        number = sigwaitinfo(signals, NULL);
        if (number > 0 && number != SIGCHLD)
            kill(child, SIGKILL);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SYSTEM;
}

int
sagactl_apart(const struct sagactl *ctl, sagactl_apart_fn *work,
              const void *context)
{
    char path[PATH_MAX];
    sigset_t signals, before;
    pid_t child;
    int code = make_directory(ctl, path);

    if (code != EXIT_DONE)
        return code;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, &before);
    fflush(NULL);
    child = fork();
    if (child == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        exit(out_finish(work(ctl, path, context)));
    }
    if (child < 0) {
        fprintf(stderr, "sagactl: fork: %s\n", strerror(errno));
        code = EXIT_SYSTEM;
    } else
        code = await(child, &signals);
    sigprocmask(SIG_SETMASK, &before, NULL);
    sagactl_remove(path);
    return code;
}
