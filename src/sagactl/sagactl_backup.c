#include "sagactl/sagactl_apart.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_MS 600000
#define ANSWER_MS 10000 /* a flush may take seconds */
#define UNFINISHED "unfinished" /* a file in a backup that is none yet */

/*
 * The broker comes last: so its log holds every event that a consumer's copy
 * has handled, and every one that a producer's copy knows to be acknowledged.
 */
static const char *const order[] = { "gateway", "payment", "ledger",
                                     "broker" };

/* One that hangs is told at once: a copy may take its time. */
static json_t *
copy(const struct sagactl *ctl, const char *name, const char *path,
     bool *running)
{
    json_t *reply = sagactl_try(ctl, name, ANSWER_MS, running, "status");

    if (reply == NULL)
        return NULL;
    json_decref(reply);
    return sagactl_try(ctl, name, COPY_MS, running, "backup %s/%s", path,
                       name);
}

int
sagactl_copy_all(const struct sagactl *ctl, const char *directory)
{
    char path[PATH_MAX];
    bool running;
    json_t *reply;
    size_t i;
    int code = sagactl_check_home(ctl);

    if (code != EXIT_DONE)
        return code;
    if (realpath(directory, path) == NULL)
        return sagactl_failed(directory, EXIT_USAGE);
    for (i = 0; i < ARRAY_COUNT(order); i++) {
        reply = copy(ctl, order[i], path, &running);
        if (!running)
            fprintf(stderr, "sagactl: %s does not run at %s: all four are "
                            "needed\n", order[i], ctl->home);
        if (reply == NULL)
            return EXIT_SYSTEM;
        json_decref(reply);
    }
    return EXIT_DONE;
}

/*
 * syncfs(): the library syncs no file of a copy, and we may not even be
 * allowed to open them.  Errors of writing that nobody was told yet count.
 */
int
sagactl_sync(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool failed = fd < 0 || syncfs(fd) != 0;

    if (failed)
        fprintf(stderr, "sagactl: %s: can't be written to disk: %s\n",
                directory, strerror(errno));
    if (fd >= 0)
        close(fd);
    return failed ? EXIT_SYSTEM : EXIT_DONE;
}

void
sagactl_tell(const struct sagactl *ctl, const char *what, const char *path)
{
    json_t *told;

    if (!ctl->json) {
        printf("%s=%s/{gateway,payment,ledger,broker}\n", what, path);
        return;
    }
    told = json_pack("{s:s%}", what, path, strlen(path));
    json_dumpf(told, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(told);
}

/* ---- backup ---- */

static bool
mark_put(char path[PATH_MAX], const char *directory)
{
    return snprintf(path, PATH_MAX, "%s/" UNFINISHED, directory) < PATH_MAX;
}

int
sagactl_backup_check(const char *directory)
{
    char mark[PATH_MAX];

    if (!mark_put(mark, directory) || access(mark, F_OK) != 0)
        return EXIT_DONE;
    fprintf(stderr, "sagactl: %s: this backup was not finished (%s): make "
            "another\n", directory, mark);
    return EXIT_USAGE;
}

/* One that hangs would keep the broker held until it is cut off. */
static int
all_answer(const struct sagactl *ctl)
{
    json_t *reply;
    int code = EXIT_DONE;

    for (size_t i = 0; i < ARRAY_COUNT(order) && code == EXIT_DONE; i++) {
        code = sagactl_ask(ctl, order[i], ANSWER_MS, &reply, "status");
        if (code == EXIT_DONE)
            json_decref(reply);
    }
    return code;
}

static int
not_made(const char *directory)
{
    fprintf(stderr, "sagactl: %s: %s%s\n", directory, strerror(errno),
            errno == EEXIST   ? ": nothing is replaced, choose a new one"
            : errno == ENOENT ? ": make what is above it first"
                              : "");
    return EXIT_USAGE;
}

/* A directory that was not there, marked as unfinished. */
static int
make_directory(const struct sagactl *ctl, const char *directory)
{
    char mark[PATH_MAX];
    int fd, code;

    if (!mark_put(mark, directory)) {
        errno = ENAMETOOLONG;
        return sagactl_failed(directory, EXIT_USAGE);
    }
    if (mkdir(directory, 0700) != 0)
        return not_made(directory);
    code = sagactl_share(ctl, directory);
    if (code != EXIT_DONE)
        return code;
    fd = open(mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || close(fd) != 0)
        return sagactl_failed(mark, EXIT_USAGE);
    return EXIT_DONE;
}

/*
 * Copies that are to be restored must go together: what a participant's copy
 * does not know yet must not be in the log.  So the broker is held while they
 * are made: orders are accepted meanwhile, and end afterwards.
 */
static int
copy_held(const struct sagactl *ctl, const char *directory)
{
    int hold, released, code = sagactl_hold(ctl, &hold);

    if (code != EXIT_DONE)
        return code == EXIT_DIFFERS ? EXIT_SYSTEM : code;
    code = sagactl_copy_all(ctl, directory);
    released = sagactl_release(hold);
    return code == EXIT_DONE ? released : code;
}

/* The mark goes when all else is on disk. */
static int
finish(const char *directory)
{
    char mark[PATH_MAX];
    int code = sagactl_sync(directory);

    if (code != EXIT_DONE)
        return code;
    if (!mark_put(mark, directory) || unlink(mark) != 0)
        return sagactl_failed(directory, EXIT_USAGE);
    return sagactl_sync(directory);
}

int
sagactl_backup(const struct sagactl *ctl, const struct sagactl_args *args)
{
    const char *directory = args->words[0];
    int code = all_answer(ctl);

    if (code == EXIT_DONE)
        code = make_directory(ctl, directory);
    if (code != EXIT_DONE)
        return code;
    code = copy_held(ctl, directory);
    if (code == EXIT_DONE)
        code = finish(directory);
    if (code == EXIT_DONE)
        sagactl_tell(ctl, "copied", directory);
    else
        sagactl_remove(directory);
    return code;
}
