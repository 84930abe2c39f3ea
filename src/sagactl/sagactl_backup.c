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

/*
 * The broker comes last: so its log holds every event that a consumer's copy
 * has handled, and every one that a producer's copy knows to be acknowledged.
 */
static const char *const order[] = { "gateway", "payment", "ledger",
                                     "broker" };

static int
make_directory(const struct sagactl *ctl, const char *path)
{
    if (mkdir(path, 0700) == 0)
        return sagactl_share(ctl, path);
    if (errno == EEXIST)
        return EXIT_DONE;
    fprintf(stderr, "sagactl: %s: can't be made: %s\n", path,
            strerror(errno));
    return EXIT_USAGE;
}

int
sagactl_copy_all(const struct sagactl *ctl, const char *directory)
{
    char path[PATH_MAX];
    bool running;
    json_t *reply;
    size_t i;
    int code;

    code = make_directory(ctl, directory);
    if (code != EXIT_DONE)
        return code;
    if (realpath(directory, path) == NULL) {
        fprintf(stderr, "sagactl: %s: %s\n", directory, strerror(errno));
        return EXIT_USAGE;
    }
    for (i = 0; i < ARRAY_COUNT(order); i++) {
        reply = sagactl_try(ctl, order[i], COPY_MS, &running, "backup %s/%s",
                            path, order[i]);
        if (!running)
            fprintf(stderr, "sagactl: %s does not run at %s: all four are "
                            "needed\n", order[i], ctl->home);
        if (reply == NULL)
            return running ? EXIT_SYSTEM : EXIT_USAGE;
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

/*
 * Copies that are to be restored must go together: what a participant's copy
 * does not know yet must not be in the log.  So the broker is held while they
 * are made: orders are accepted meanwhile, and end afterwards.
 */
int
sagactl_backup(const struct sagactl *ctl, const struct sagactl_args *args)
{
    const char *directory = args->words[0];
    int code, hold = sagactl_hold(ctl);

    if (hold < 0)
        return EXIT_USAGE;
    code = sagactl_copy_all(ctl, directory);
    close(hold);
    if (code == EXIT_DONE)
        code = sagactl_sync(directory);
    if (code == EXIT_DONE)
        sagactl_tell(ctl, "copied", directory);
    return code;
}
