/*
 * powercut_names.c - names that the disk may forget, and files it must not
 *
 * The ops that are not durable stand in the order they happened.  A cut takes
 * back a tail of them, newest first: file systems write their journal in
 * order.  The last name of a removed file becomes one in our own directory,
 * and goes when the removal is durable.
 */
#include "powercut.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPS_MAX 64 /* the oldest is written to disk, in time, by itself */

struct op {
    enum cut_op_kind kind;
    uint64_t order;
    struct cut_file *file;
    struct cut_file *victim;     /* RENAME: whose name it took             */
    off_t old_size;              /* TRUNCATE                               */
    char path[PATH_MAX];         /* "" of a truncation                     */
    char from[PATH_MAX];         /* RENAME                                 */
    char grave[PATH_MAX];        /* "" if there is none                    */
};

static struct op ops[OPS_MAX];
static unsigned int ops_count, graves_count;
static char graveyard[PATH_MAX - 32];

void
cut_names_init(const char *directory)
{
    snprintf(graveyard, sizeof graveyard, "%s", directory);
}

/* ---- durable ----------------------------------------------------------- */

static bool
shares_name(const struct op *a, const struct op *b)
{
    const char *names[2] = { b->path, b->from };
    int i;

    for (i = 0; i < 2; i++)
        if (names[i][0] != '\0' && (strcmp(names[i], a->path) == 0 ||
                                    strcmp(names[i], a->from) == 0))
            return true;
    return false;
}

/* Marks (file NULL) the op at an index and the older ones that it rests on. */
static void
op_durable(unsigned int index)
{
    struct op *op = &ops[index];
    struct cut_file *file = op->file;

    op->file = NULL;
    if (op->grave[0] != '\0') {
        syscall(SYS_unlinkat, AT_FDCWD, op->grave, 0);
        cut_file_gone(op->kind == OP_UNLINK ? file : op->victim);
    }
    while (index-- > 0)
        if (ops[index].file != NULL &&
            (ops[index].file == file || shares_name(&ops[index], op)))
            op_durable(index);
}

static void
ops_compact(void)
{
    unsigned int i, kept = 0;

    for (i = 0; i < ops_count; i++)
        if (ops[i].file != NULL) {
            if (kept != i)
                ops[kept] = ops[i];
            kept++;
        }
    ops_count = kept;
}

bool
cut_names_dirty(const struct cut_file *file)
{
    unsigned int i;

    for (i = 0; i < ops_count; i++)
        if (ops[i].file == file && ops[i].kind != OP_UNLINK)
            return true;
    return false;
}

void
cut_names_synced(const struct cut_file *file, uint64_t order_max)
{
    unsigned int i;

    for (i = 0; i < ops_count; i++)
        if (ops[i].file == file && ops[i].kind != OP_UNLINK &&
            ops[i].order <= order_max)
            op_durable(i);
    ops_compact();
}

static bool
is_in(const char *path, const char *directory)
{
    size_t bytes = strlen(directory);

    return strncmp(path, directory, bytes) == 0 &&
           strchr(path + bytes, '/') == NULL;
}

void
cut_names_directory_synced(const char *directory)
{
    unsigned int i;

    for (i = 0; i < ops_count; i++)
        if (ops[i].path[0] != '\0' && ops[i].file != NULL &&
            (is_in(ops[i].path, directory) || is_in(ops[i].from, directory)))
            op_durable(i);
    ops_compact();
}

/* ---- they happen ------------------------------------------------------- */

static struct op *
op_add(enum cut_op_kind kind, const char *path, struct cut_file *file)
{
    struct op *op;

    if (ops_count == OPS_MAX) {
        op_durable(0);
        ops_compact();
    }
    op = &ops[ops_count++];
    memset(op, 0, sizeof *op);
    op->kind = kind;
    op->order = cut_next_order();
    op->file = file;
    if (strlen(path) >= sizeof op->path)
        cut_impossible("a path is too long");
    strcpy(op->path, path);
    return op;
}

void
cut_names_created(const char *path, struct cut_file *file)
{
    op_add(OP_CREATE, path, file);
}

void
cut_names_linked(const char *path, struct cut_file *file)
{
    op_add(OP_LINK, path, file);
}

void
cut_names_truncated(struct cut_file *file, off_t old_size)
{
    op_add(OP_TRUNCATE, "", file)->old_size = old_size;
}

static bool
is_last_name(const struct cut_file *file)
{
    struct stat status;

    return fstat(file->fd, &status) == 0 && status.st_nlink == 1;
}

static void
grave_name(char grave[PATH_MAX])
{
    snprintf(grave, PATH_MAX, "%s/%d.%u", graveyard, (int)getpid(),
             graves_count++);
}

int
cut_names_rename(const char *from, const char *to, struct cut_file *file,
                 struct cut_file *victim)
{
    char grave[PATH_MAX] = "";
    struct op *op;

    if (victim != NULL && is_last_name(victim)) {
        grave_name(grave);
        if (syscall(SYS_linkat, AT_FDCWD, to, AT_FDCWD, grave, 0) != 0)
            cut_impossible("link");
    }
    if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0) != 0)
        return -1;
    op = op_add(OP_RENAME, to, file);
    op->victim = victim;
    snprintf(op->from, sizeof op->from, "%s", from);
    memcpy(op->grave, grave, sizeof op->grave);
    return 0;
}

int
cut_names_unlink(const char *path, struct cut_file *file)
{
    char grave[PATH_MAX] = "";
    long result;

    if (is_last_name(file)) {
        grave_name(grave);
        result = syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, grave, 0);
    } else {
        result = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    }
    if (result == 0)
        memcpy(op_add(OP_UNLINK, path, file)->grave, grave, sizeof grave);
    return (int)result;
}

/* ---- the cut ----------------------------------------------------------- */

static bool
names_file(const char *path, const struct cut_file *file)
{
    struct stat status;

    return stat(path, &status) == 0 && status.st_dev == file->device &&
           status.st_ino == file->inode;
}

/* Gives a file a name again, if nobody else has it by now. */
static void
name_again(const struct cut_file *file, const char *path)
{
    char self[64];

    snprintf(self, sizeof self, "/proc/self/fd/%d", file->fd);
    if (syscall(SYS_linkat, AT_FDCWD, self, AT_FDCWD, path,
                AT_SYMLINK_FOLLOW) != 0 && errno != EEXIST)
        cut_impossible("link");
}

static void
op_undo(const struct op *op)
{
    switch (op->kind) {
    case OP_CREATE:
    case OP_LINK:
        if (names_file(op->path, op->file))
            syscall(SYS_unlinkat, AT_FDCWD, op->path, 0);
        break;
    case OP_RENAME:
        if (names_file(op->path, op->file))
            syscall(SYS_renameat2, AT_FDCWD, op->path, AT_FDCWD, op->from, 0);
        if (op->victim != NULL)
            name_again(op->victim, op->path);
        break;
    case OP_UNLINK:
        name_again(op->file, op->path);
        break;
    case OP_TRUNCATE:
        if (syscall(SYS_ftruncate, op->file->fd, op->old_size) != 0)
            cut_impossible("ftruncate");
        break;
    }
}

/* How many of the ops the plan keeps. */
static unsigned int
ops_kept(const struct cut_plan *plan)
{
    unsigned int kept = 0;

    switch (plan->kind) {
    case CUT_KEEPS_PREFIX:
        while (kept < ops_count && ops[kept].order <= plan->order_max)
            kept++;
        return kept;
    case CUT_KEEPS_SOME:
        return (unsigned int)cut_random(ops_count + 1);
    case CUT_KEEPS_NAMES:
        return ops_count;
    case CUT_LOSES_ALL:
        break;
    }
    return 0;
}

void
cut_names_undo(const struct cut_plan *plan, struct cut_counts *counts)
{
    unsigned int kept = ops_kept(plan), i;

    for (i = ops_count; i > kept; i--)
        op_undo(&ops[i - 1]);
    for (i = 0; i < ops_count; i++)
        if (ops[i].grave[0] != '\0')
            syscall(SYS_unlinkat, AT_FDCWD, ops[i].grave, 0);
    counts->ops_lost = ops_count - kept;
    counts->ops_kept = kept;
}
