/*
 * sagactl_restore.c - the stores of a backup become those of a home that has
 * none
 *
 * The backup stays as it is.  Its files are copied below HOME, opened once as
 * copies (which recovers them), closed, and only when all four are so, moved
 * to HOME/data/NAME.  All or none: stores of different backups do not go
 * together.
 */
#include "sagactl/sagactl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sagactl/sagactl_apart.h"
#include "sagactl/verify.h"

#define COPY_BYTES 65536
#define CACHE_BYTES (UINT64_C(16) << 20)
#define CHECKPOINT_BYTES (UINT64_C(64) << 20)
#define CHECKPOINT_MS 3600000

static int
failed(const char *path, int code)
{
    fprintf(stderr, "sagactl: %s: %s\n", path, strerror(errno));
    return code;
}

static int
path_put(char path[PATH_MAX], const char *above, const char *name)
{
    if (snprintf(path, PATH_MAX, "%s/%s", above, name) < PATH_MAX)
        return EXIT_DONE;
    errno = ENAMETOOLONG;
    return failed(above, EXIT_USAGE);
}

/* ---- copying ---- */

static int
copy_bytes(int from, int to)
{
    char *bytes = malloc(COPY_BYTES);
    ssize_t got = bytes == NULL ? -1 : 1, done;

    while (got > 0) {
        got = read(from, bytes, COPY_BYTES);
        for (ssize_t at = 0; at < got; at += done) {
            done = write(to, bytes + at, (size_t)(got - at));
            if (done < 0) {
                free(bytes);
                return -1;
            }
        }
    }
    free(bytes);
    return got < 0 || fsync(to) != 0 ? -1 : 0;
}

/* As the processes would make it: readable by the owner of HOME alone. */
static int
copy_file(const struct sagactl *ctl, const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct stat home;
    int code = EXIT_DONE;

    if (in < 0)
        code = failed(from, EXIT_SYSTEM);
    else if (out < 0 || copy_bytes(in, out) != 0 ||
             stat(ctl->home, &home) != 0 ||
             (geteuid() == 0 && fchown(out, home.st_uid, home.st_gid) != 0))
        code = failed(to, EXIT_SYSTEM);
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out) != 0 && code == EXIT_DONE)
        code = failed(to, EXIT_SYSTEM);
    return code;
}

static int
copy_store(const struct sagactl *ctl, const char *from, const char *to)
{
    char source[PATH_MAX], target[PATH_MAX];
    const struct dirent *entry;
    struct stat status, home;
    DIR *directory = opendir(from);
    int code = EXIT_DONE;

    if (directory == NULL)
        return failed(from, EXIT_USAGE);
    if (mkdir(to, 0700) != 0 || stat(ctl->home, &home) != 0 ||
        (geteuid() == 0 && chown(to, home.st_uid, home.st_gid) != 0))
        code = failed(to, EXIT_SYSTEM);
    while (code == EXIT_DONE && (entry = readdir(directory)) != NULL) {
        code = path_put(source, from, entry->d_name);
        if (code == EXIT_DONE)
            code = path_put(target, to, entry->d_name);
        if (code == EXIT_DONE && lstat(source, &status) == 0 &&
            S_ISREG(status.st_mode) && strcmp(entry->d_name, "lock") != 0)
            code = copy_file(ctl, source, target);
    }
    closedir(directory);
    return code;
}

/* The first opening of a copy recovers it; a closed store needs no more. */
static int
recover_store(const char *directory)
{
    const struct store_config config = { .directory = directory,
                                         .cache_bytes = CACHE_BYTES,
                                         .checkpoint_bytes = CHECKPOINT_BYTES,
                                         .checkpoint_ms = CHECKPOINT_MS,
                                         .copied = true };
    struct store *store;
    bool created = false;
    enum rc rc = store_open(&store, &config, &created);

    if (rc == RC_OK)
        rc = store_close(&store);
    if (rc == RC_OK && created) {
        fprintf(stderr, "sagactl: %s: there is no store in it\n", directory);
        return EXIT_USAGE;
    }
    if (rc != RC_OK)
        fprintf(stderr, "sagactl: %s: can't be recovered: %s\n", directory,
                rc_name(rc));
    return rc == RC_OK ? EXIT_DONE : rc_exit_code(rc);
}

/* ---- HOME/data/NAME ---- */

/* True if it is not there or holds nothing but a lock that nobody has. */
static bool
is_free(const char *directory)
{
    DIR *stream = opendir(directory);
    const struct dirent *entry;
    bool is_empty = true;

    if (stream == NULL)
        return errno == ENOENT;
    while (is_empty && (entry = readdir(stream)) != NULL)
        is_empty = strcmp(entry->d_name, ".") == 0 ||
                   strcmp(entry->d_name, "..") == 0 ||
                   strcmp(entry->d_name, "lock") == 0;
    closedir(stream);
    return is_empty;
}

static int
check_home(const struct sagactl *ctl)
{
    char path[PATH_MAX];
    int code = EXIT_DONE;

    for (int i = 0; i < VERIFY_STORES && code == EXIT_DONE; i++) {
        if (snprintf(path, sizeof path, "%s/data/%s", ctl->home,
                     verify_names[i]) >= (int)sizeof path)
            return EXIT_USAGE;
        if (is_free(path))
            continue;
        fprintf(stderr, "sagactl: %s: there is a store; stop the pipeline "
                        "and move it away first\n", path);
        code = EXIT_USAGE;
    }
    return code;
}

static int
make_directory(const struct sagactl *ctl, const char *path)
{
    struct stat home;

    if (mkdir(path, 0700) != 0)
        return errno == EEXIST ? EXIT_DONE : failed(path, EXIT_USAGE);
    if (geteuid() == 0 && stat(ctl->home, &home) == 0 &&
        chown(path, home.st_uid, home.st_gid) != 0)
        return failed(path, EXIT_SYSTEM);
    return EXIT_DONE;
}

static int
put_in_place(const struct sagactl *ctl, const char *from, const char *name)
{
    char store[PATH_MAX], lock[PATH_MAX];

    if (snprintf(store, sizeof store, "%s/data/%s", ctl->home, name) >=
            (int)sizeof store ||
        path_put(lock, store, "lock") != EXIT_DONE)
        return EXIT_USAGE;
    (void)unlink(lock); /* rename() wants nothing there, or nothing in it */
    return rename(from, store) == 0 ? EXIT_DONE : failed(store, EXIT_SYSTEM);
}

/* ---- the command ---- */

static int
restore(const struct sagactl *ctl, const char *directory, const void *context)
{
    char from[PATH_MAX], to[PATH_MAX];
    int code = EXIT_DONE, i;

    for (i = 0; i < VERIFY_STORES && code == EXIT_DONE; i++) {
        code = path_put(from, context, verify_names[i]);
        if (code == EXIT_DONE)
            code = path_put(to, directory, verify_names[i]);
        if (code == EXIT_DONE)
            code = copy_store(ctl, from, to);
        if (code == EXIT_DONE)
            code = recover_store(to);
    }
    for (i = 0; i < VERIFY_STORES && code == EXIT_DONE; i++) {
        code = path_put(from, directory, verify_names[i]);
        if (code == EXIT_DONE)
            code = put_in_place(ctl, from, verify_names[i]);
    }
    if (code == EXIT_DONE && path_put(to, ctl->home, "data") == EXIT_DONE)
        sagactl_tell(ctl, "restored", to);
    return code;
}

int
sagactl_restore(const struct sagactl *ctl, const struct sagactl_args *args)
{
    char path[PATH_MAX];
    int code = make_directory(ctl, ctl->home);

    if (code == EXIT_DONE)
        code = path_put(path, ctl->home, "data");
    if (code == EXIT_DONE)
        code = make_directory(ctl, path);
    if (code == EXIT_DONE)
        code = check_home(ctl);
    if (code == EXIT_DONE)
        code = sagactl_apart(ctl, restore, args->words[0]);
    return code;
}
