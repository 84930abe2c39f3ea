#include "sagactl/sagactl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "saga/file_owner.h"
#include "sagactl/sagactl_apart.h"
#include "sagactl/verify.h"

#define PID_BYTES 24
/* A home's is shorter; the store has a limit of its own. */
#define DIRECTORY_BYTES_MAX 200

/* ---- where the stores are ---- */

/* ROOT/gateway and so on; EXIT_USAGE, and a line, if one is missing. */
static int
find_stores(struct verify_input *input, const char *root, const char *below)
{
    for (int i = 0; i < VERIFY_STORES; i++) {
        char *path = input->directories[i];
        int bytes = snprintf(path, sizeof input->directories[i], "%s%s/%s",
                             root, below, verify_names[i]);

        if (bytes > DIRECTORY_BYTES_MAX) {
            fprintf(stderr, "sagactl: %s: this path is too long\n", root);
            return EXIT_USAGE;
        }
        if (access(path, R_OK | W_OK | X_OK) != 0) {
            fprintf(stderr, "sagactl: %s: no store of ours: %s\n", path,
                    strerror(errno));
            return EXIT_USAGE;
        }
    }
    return EXIT_DONE;
}

static void
print_holder(const char *store, int fd)
{
    char holder[PID_BYTES] = "";
    ssize_t bytes = pread(fd, holder, sizeof holder - 1, 0);

    holder[bytes > 0 ? bytes : 0] = '\0';
    holder[strspn(holder, "0123456789")] = '\0';
    fprintf(stderr, "sagactl: store %s is held by process %s: stop the "
                    "pipeline first, or verify without --offline and --copy\n",
            store, *holder != '\0' ? holder : "?");
}

static int
open_lock(const char *path)
{
    const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
    int fd = open(path, flags | O_CREAT | O_EXCL, 0600);

    if (fd < 0)
        return errno == EEXIST ? open(path, flags) : -1;
    if (file_owner_keep(fd, path) == 0)
        return fd;
    close(fd);
    return -1;
}

/* The lock that the process itself takes (daemon.h); it is kept until the
 * end of this program. */
static int
lock_store(const char *store)
{
    char path[DIRECTORY_BYTES_MAX + 8];
    int fd;

    snprintf(path, sizeof path, "%s/lock", store);
    fd = open_lock(path);
    if (fd < 0)
        return sagactl_failed(path, EXIT_USAGE);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return EXIT_DONE;
    print_holder(store, fd);
    close(fd);
    return EXIT_USAGE;
}

/* Takes the locks of all stores of this home, until the program ends.
 * EXIT_USAGE, and one line that names the holder, if a process has one. */
static int
lock_all(const struct sagactl *ctl)
{
    char path[DIRECTORY_BYTES_MAX];
    int code = EXIT_DONE;

    for (int i = 0; i < VERIFY_STORES && code == EXIT_DONE; i++) {
        if (snprintf(path, sizeof path, "%s/data/%s", ctl->home,
                     verify_names[i]) >= (int)sizeof path)
            return EXIT_USAGE;
        code = lock_store(path);
    }
    return code;
}

/* ---- the three ways ---- */

static int
verify_stores(const struct sagactl *ctl, const struct verify_input *input)
{
    struct verify_report report;
    enum rc rc;
    int code;

    verify_report_init(&report);
    rc = verify_run(input, &report);
    if (rc != RC_OK && rc != RC_DAMAGED) {
        fprintf(stderr, "sagactl: verify could not go on: %s\n", rc_name(rc));
        return rc_exit_code(rc);
    }
    if (ctl->json)
        verify_report_print_json(&report, stdout);
    else
        verify_report_print(&report, stdout);
    code = rc == RC_OK && verify_report_good(&report) ? EXIT_DONE
                                                      : EXIT_DIFFERS;
    verify_report_fini(&report);
    return code;
}

static int
verify_offline(const struct sagactl *ctl, struct verify_input *input)
{
    int code = find_stores(input, ctl->home, "/data");

    if (code == EXIT_DONE)
        code = lock_all(ctl);
    return code == EXIT_DONE ? verify_stores(ctl, input) : code;
}

static int
verify_copy(const struct sagactl *ctl, struct verify_input *input,
            const char *directory)
{
    int code = sagactl_backup_check(directory);

    if (code == EXIT_DONE)
        code = find_stores(input, directory, "");
    /* It may be a home's data: opened as a copy, that would be its end. */
    for (int i = 0; i < VERIFY_STORES && code == EXIT_DONE; i++)
        code = lock_store(input->directories[i]);
    input->copied = true;
    return code == EXIT_DONE ? verify_stores(ctl, input) : code;
}

/* Runs as a process of its own: whatever becomes of it, its copies go. */
static int
verify_running(const struct sagactl *ctl, const char *directory,
               const void *context)
{
    struct verify_input input = *(const struct verify_input *)context;
    int code = sagactl_copy_all(ctl, directory);

    input.moving = true; /* nothing is held for this */
    return code == EXIT_DONE ? verify_copy(ctl, &input, directory) : code;
}

static bool
shows_progress(const struct sagactl *ctl)
{
    return !ctl->json && isatty(STDERR_FILENO) == 1;
}

int
sagactl_verify_running(const struct sagactl *ctl)
{
    struct verify_input input = { .progress = shows_progress(ctl) };

    return sagactl_apart(ctl, verify_running, &input);
}

int
sagactl_verify(const struct sagactl *ctl, const struct sagactl_args *args)
{
    struct verify_input input = { .progress = shows_progress(ctl) };
    const char *copy = args_value(args, "copy");
    bool offline = args_value(args, "offline") != NULL;

    if (offline && copy != NULL)
        return args_wrong(args, "either --offline or --copy");
    if (offline)
        return verify_offline(ctl, &input);
    if (copy != NULL)
        return verify_copy(ctl, &input, copy);
    return sagactl_verify_running(ctl);
}
