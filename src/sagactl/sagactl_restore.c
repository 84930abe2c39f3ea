/*
 * sagactl_restore.c - the stores of a backup become those of a home that has
 * none
 *
 * The backup stays as it is.  Its files are copied below HOME, opened once as
 * copies (which recovers them), closed, and only when all four are so, and on
 * disk, moved to HOME/data/NAME.  All or none: stores of different backups do
 * not go together.
 *
 * Crash states: before the first is moved, none is there.  In between the
 * broker's, which comes last, is missing, so a start refuses: the others
 * remember more than a new one (exit 120).  All four are told when their
 * names are on disk, too.
 *
 * Each store has the owner, group and mode of the directory whose place it
 * takes: under systemd each process is a user of its own.  What root finds
 * missing belongs to whom the directory above belongs to, if nobody else may
 * make it there; else nobody could tell whose it is to be, and nothing is
 * done.
 */
#include "sagactl/sagactl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/broker_meta.h"
#include "saga/directory.h"
#include "saga/file_owner.h"
#include "sagactl/sagactl_apart.h"
#include "sagactl/verify.h"

#define COPY_BYTES 65536
#define CACHE_BYTES (UINT64_C(16) << 20)
#define CHECKPOINT_BYTES (UINT64_C(64) << 20)
#define CHECKPOINT_MS 3600000

struct owner {
    uid_t uid;
    gid_t gid;
    mode_t mode;
};

struct restoring {
    const char *backup;
    struct owner owners[VERIFY_STORES];
};

static int
path_put(char path[PATH_MAX], const char *above, const char *name)
{
    if (snprintf(path, PATH_MAX, "%s/%s", above, name) < PATH_MAX)
        return EXIT_DONE;
    errno = ENAMETOOLONG;
    return sagactl_failed(above, EXIT_USAGE);
}

/* ---- owners ---- */

/* Of above/name, as it is or is to be.  EXIT_USAGE, and a line, if nobody
 * could tell. */
static int
find_owner(const char *above, const char *name, struct owner *owner_out)
{
    char path[PATH_MAX];
    struct stat status;

    if (path_put(path, above, name) != EXIT_DONE)
        return EXIT_USAGE;
    if (stat(path, &status) == 0) {
        *owner_out = (struct owner) { status.st_uid, status.st_gid,
                                      status.st_mode & ~(mode_t)S_IFMT };
        return EXIT_DONE;
    }
    if (errno != ENOENT || stat(above, &status) != 0)
        return sagactl_failed(path, EXIT_USAGE);
    *owner_out = (struct owner) { geteuid(), getegid(), 0700 };
    if (geteuid() != 0)
        return EXIT_DONE;
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        fprintf(stderr, "sagactl: %s is missing, and whose it is to be can't "
                "be known: make it with its owner (under systemd: "
                "systemd-tmpfiles --create sagapipe.conf)\n", path);
        return EXIT_USAGE;
    }
    owner_out->uid = status.st_uid;
    owner_out->gid = status.st_gid;
    return EXIT_DONE;
}

/* 0; or -1 and errno. */
static int
make_directory(const char *path, const struct owner *owner)
{
    if (mkdir(path, 0700) != 0)
        return -1;
    if ((owner->uid != geteuid() || geteuid() == 0) &&
        chown(path, owner->uid, owner->gid) != 0)
        return -1;
    return chmod(path, owner->mode);
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
    return got < 0 ? -1 : 0;
}

/* As the processes would make it: for the owner of the store alone. */
static int
copy_file(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int code = EXIT_DONE;

    if (in < 0)
        code = sagactl_failed(from, EXIT_SYSTEM);
    else if (out < 0 || file_owner_keep(out, to) != 0 ||
             copy_bytes(in, out) != 0)
        code = sagactl_failed(to, EXIT_SYSTEM);
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out) != 0 && code == EXIT_DONE)
        code = sagactl_failed(to, EXIT_SYSTEM);
    return code;
}

/* EXIT_USAGE, and a line, if a process has this store open: what is copied
 * while it is written is torn.  Its lock is ours until this program ends. */
static int
lock_source(const char *store)
{
    char path[PATH_MAX];
    int fd;

    if (path_put(path, store, "lock") != EXIT_DONE)
        return EXIT_USAGE;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? EXIT_DONE : sagactl_failed(path, EXIT_USAGE);
    if (flock(fd, LOCK_SH | LOCK_NB) == 0)
        return EXIT_DONE;
    fprintf(stderr, "sagactl: %s: is in use, and so no backup: make one with "
            "`sagactl backup`\n", store);
    close(fd);
    return EXIT_USAGE;
}

/* The entry of that name, if it is a file. */
static int
copy_entry(const char *from, const char *to, const char *name)
{
    char source[PATH_MAX], target[PATH_MAX];
    struct stat status;
    int code = path_put(source, from, name);

    if (code == EXIT_DONE)
        code = path_put(target, to, name);
    if (code == EXIT_DONE && lstat(source, &status) != 0)
        code = sagactl_failed(source, EXIT_SYSTEM);
    if (code != EXIT_DONE || !S_ISREG(status.st_mode) ||
        strcmp(name, "lock") == 0)
        return code;
    return copy_file(source, target);
}

static int
copy_store(const char *from, const char *to, const struct owner *owner)
{
    const struct dirent *entry;
    DIR *directory = opendir(from);
    int code = EXIT_DONE;

    if (directory == NULL)
        return sagactl_failed(from, EXIT_USAGE);
    code = lock_source(from);
    if (code != EXIT_DONE) {
        closedir(directory);
        return code;
    }
    if (make_directory(to, owner) != 0)
        code = sagactl_failed(to, EXIT_SYSTEM);
    while (code == EXIT_DONE && (entry = directory_next(directory)) != NULL)
        code = copy_entry(from, to, entry->d_name);
    if (code == EXIT_DONE && errno != 0)
        code = sagactl_failed(from, EXIT_SYSTEM);
    closedir(directory);
    return code;
}

/* The first opening of a copy recovers it; a closed store needs no more. */
static int
recover_store(const char *directory, enum verify_store which)
{
    const struct store_config config = { .directory = directory,
                                         .cache_bytes = CACHE_BYTES,
                                         .checkpoint_bytes = CHECKPOINT_BYTES,
                                         .checkpoint_ms = CHECKPOINT_MS,
                                         .copied = true,
                                         .table_stays =
                                             which == VERIFY_BROKER
                                                 ? broker_meta_stays
                                                 : store_table_stays };
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

/* The lock of a process that is to be there, if there is one; *fd_out is -1 if
 * not.  EXIT_USAGE, and a line, if a process has it: it is about to make its
 * store. */
static int
take_lock(const char *path, int *fd_out)
{
    *fd_out = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd_out < 0)
        return errno == ENOENT ? EXIT_DONE : sagactl_failed(path, EXIT_USAGE);
    if (flock(*fd_out, LOCK_EX | LOCK_NB) == 0)
        return EXIT_DONE;
    fprintf(stderr, "sagactl: %s: a process has it; stop the pipeline first\n",
            path);
    close(*fd_out);
    return EXIT_USAGE;
}

static int
check_lock(const char *directory)
{
    char path[PATH_MAX];
    int fd = -1, code = path_put(path, directory, "lock");

    if (code == EXIT_DONE)
        code = take_lock(path, &fd);
    if (code == EXIT_DONE && fd >= 0)
        close(fd);
    return code;
}

static bool
may_be_in_a_free_one(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
           strcmp(name, "lock") == 0;
}

/* It is not there or holds nothing but a lock that nobody has; else a line. */
static int
check_free(const char *directory)
{
    DIR *stream = opendir(directory);
    const struct dirent *entry;
    int code = EXIT_DONE;

    if (stream == NULL)
        return errno == ENOENT ? EXIT_DONE
                               : sagactl_failed(directory, EXIT_USAGE);
    while ((entry = directory_next(stream)) != NULL &&
           may_be_in_a_free_one(entry->d_name))
        continue;
    if (entry != NULL) {
        fprintf(stderr, "sagactl: %s: there is a store; stop the pipeline "
                        "and move it away first\n", directory);
        code = EXIT_USAGE;
    } else if (errno != 0)
        code = sagactl_failed(directory, EXIT_SYSTEM);
    closedir(stream);
    return code == EXIT_DONE ? check_lock(directory) : code;
}

/* Every store can go to its place, and it is known whose it is. */
static int
check_stores(const char *data, struct owner owners[VERIFY_STORES])
{
    char path[PATH_MAX];
    int code = EXIT_DONE;

    for (int i = 0; i < VERIFY_STORES && code == EXIT_DONE; i++) {
        code = path_put(path, data, verify_names[i]);
        if (code == EXIT_DONE)
            code = check_free(path);
        if (code == EXIT_DONE)
            code = find_owner(data, verify_names[i], &owners[i]);
    }
    return code;
}

/* HOME, if it is missing, is the caller's; data_out is HOME/data. */
static int
prepare_home(const struct sagactl *ctl, char data_out[PATH_MAX])
{
    struct owner owner;
    int code = path_put(data_out, ctl->home, "data");

    if (code == EXIT_DONE && mkdir(ctl->home, 0700) != 0 && errno != EEXIST)
        code = sagactl_failed(ctl->home, EXIT_USAGE);
    if (code == EXIT_DONE)
        code = find_owner(ctl->home, "data", &owner);
    if (code == EXIT_DONE && make_directory(data_out, &owner) != 0 &&
        errno != EEXIST)
        code = sagactl_failed(data_out, EXIT_USAGE);
    return code;
}

/* rename() wants nothing there, or nothing in it.  The lock goes along: who is
 * about to take it must not have one that is nowhere.  It is ours until this
 * program ends. */
static int
put_in_place(const struct sagactl *ctl, const char *from, const char *name)
{
    char store[PATH_MAX], lock[PATH_MAX], moved[PATH_MAX];
    int fd, code;

    if (snprintf(store, sizeof store, "%s/data/%s", ctl->home, name) >=
            (int)sizeof store ||
        path_put(lock, store, "lock") != EXIT_DONE ||
        path_put(moved, from, "lock") != EXIT_DONE)
        return EXIT_USAGE;
    code = take_lock(lock, &fd);
    if (code != EXIT_DONE)
        return code;
    if ((fd >= 0 && rename(lock, moved) != 0) || rename(from, store) != 0)
        return sagactl_failed(store, EXIT_SYSTEM);
    return EXIT_DONE;
}

/* ---- the command ---- */

static int
restore(const struct sagactl *ctl, const char *directory, const void *context)
{
    const struct restoring *restoring = context;
    char from[PATH_MAX], to[PATH_MAX];
    int code = EXIT_DONE, i;

    for (i = 0; i < VERIFY_STORES && code == EXIT_DONE; i++) {
        code = path_put(from, restoring->backup, verify_names[i]);
        if (code == EXIT_DONE)
            code = path_put(to, directory, verify_names[i]);
        if (code == EXIT_DONE)
            code = copy_store(from, to, &restoring->owners[i]);
        if (code == EXIT_DONE)
            code = recover_store(to, (enum verify_store)i);
    }
    if (code == EXIT_DONE)
        code = sagactl_sync(directory);
    for (i = 0; i < VERIFY_STORES && code == EXIT_DONE; i++) {
        code = path_put(from, directory, verify_names[i]);
        if (code == EXIT_DONE)
            code = put_in_place(ctl, from, verify_names[i]);
    }
    if (code == EXIT_DONE)
        code = sagactl_sync(ctl->home);
    if (code == EXIT_DONE && path_put(to, ctl->home, "data") == EXIT_DONE)
        sagactl_tell(ctl, "restored", to);
    return code;
}

int
sagactl_restore(const struct sagactl *ctl, const struct sagactl_args *args)
{
    struct restoring restoring = { .backup = args->words[0] };
    char data[PATH_MAX];
    int code = sagactl_backup_check(restoring.backup);

    if (code == EXIT_DONE)
        code = prepare_home(ctl, data);
    if (code == EXIT_DONE)
        code = check_stores(data, restoring.owners);
    if (code == EXIT_DONE)
        code = sagactl_apart(ctl, restore, &restoring);
    return code;
}
