/*
 * powercut_file.c - what each file held before what was not synced
 */
#include "powercut.h"

#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOG_UNIT_BYTES 512
#define UNIT_BYTES_MAX 4096
#define UNITS_MAX (1u << 20) /* as much as is not synced at once */

static struct cut_file *files;
static uint64_t units_count;

static void
check(bool worked, const char *why)
{
    if (!worked)
        cut_impossible(why);
}

static int
unit_compare(const void *a, const void *b)
{
    const struct cut_unit *left = a, *right = b;

    return (left->number > right->number) - (left->number < right->number);
}

static void
unit_free(void *unit)
{
    units_count--;
    free(unit);
}

static struct cut_layer *
layer_new(struct cut_layer *older, off_t size)
{
    struct cut_layer *layer = calloc(1, sizeof *layer);

    check(layer != NULL, "no memory");
    layer->older = older;
    layer->order = cut_next_order();
    layer->size_before = size;
    return layer;
}

static void
layers_free(struct cut_layer *layer)
{
    struct cut_layer *older;

    for (; layer != NULL; layer = older) {
        older = layer->older;
        tdestroy(layer->units, unit_free);
        free(layer);
    }
}

off_t
cut_file_size(const struct cut_file *file)
{
    struct stat status;

    check(fstat(file->fd, &status) == 0, "fstat");
    return status.st_size;
}

static bool
is_log(const char *path)
{
    const char *slash = strrchr(path, '/');

    return strncmp(slash != NULL ? slash + 1 : path, "log.", 4) == 0;
}

static struct cut_file *
file_known(const struct stat *status)
{
    struct cut_file *file;

    for (file = files; file != NULL; file = file->next)
        if (file->device == status->st_dev && file->inode == status->st_ino)
            break;
    return file;
}

struct cut_file *
cut_file_of(const char *path, size_t page_bytes)
{
    struct stat status;
    struct cut_file *file;
    int fd;

    if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return NULL;
    file = file_known(&status);
    if (file != NULL)
        return file;
    fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    file = calloc(1, sizeof *file);
    check(fd >= 0 && file != NULL, "a file can't be watched");
    file->device = status.st_dev;
    file->inode = status.st_ino;
    file->fd = fd;
    file->unit_bytes = is_log(path) ? LOG_UNIT_BYTES : page_bytes;
    file->newest = layer_new(NULL, status.st_size);
    file->next = files;
    files = file;
    return file;
}

/* ---- before it changes ------------------------------------------------- */

/* Whether the write changes anything of the unit that starts at `start`. */
static bool
unit_changes(const uint8_t *old, off_t start, size_t unit_bytes,
             const uint8_t *data, size_t bytes, off_t position)
{
    off_t from = start > position ? start : position;
    off_t unit_end = start + (off_t)unit_bytes;
    off_t end = position + (off_t)bytes;

    if (end > unit_end)
        end = unit_end;
    return memcmp(old + (from - start), data + (from - position),
                  (size_t)(end - from)) != 0;
}

static void
unit_save(struct cut_layer *layer, uint64_t number, const uint8_t *old,
          size_t unit_bytes, bool truncated)
{
    struct cut_unit *unit = malloc(sizeof *unit + unit_bytes);

    check(unit != NULL && units_count < UNITS_MAX, "too much is not synced");
    unit->number = number;
    unit->order = cut_next_order();
    unit->truncated = truncated;
    memcpy(unit->old, old, unit_bytes);
    check(tsearch(unit, &layer->units, unit_compare) != NULL, "no memory");
    units_count++;
}

static bool
layer_has(const struct cut_layer *layer, uint64_t number)
{
    struct cut_unit wanted = { .number = number };

    return tfind(&wanted, &layer->units, unit_compare) != NULL;
}

/* Reads a unit; what is beyond the file's end is zero. */
static void
unit_read(const struct cut_file *file, uint64_t number, uint8_t *old)
{
    ssize_t got = pread(file->fd, old, file->unit_bytes,
                        (off_t)(number * file->unit_bytes));

    check(got >= 0, "pread");
    memset(old + got, 0, file->unit_bytes - (size_t)got);
}

void
cut_file_before_write(struct cut_file *file, const void *data, size_t bytes,
                      off_t position)
{
    uint8_t old[UNIT_BYTES_MAX];
    uint64_t number = (uint64_t)position / file->unit_bytes;
    uint64_t end = (uint64_t)position + bytes;

    for (; number * file->unit_bytes < end; number++) {
        if (layer_has(file->newest, number))
            continue;
        unit_read(file, number, old);
        if (unit_changes(old, (off_t)(number * file->unit_bytes),
                         file->unit_bytes, data, bytes, position))
            unit_save(file->newest, number, old, file->unit_bytes, false);
    }
}

void
cut_file_before_truncate(struct cut_file *file, off_t size)
{
    uint8_t old[UNIT_BYTES_MAX];
    off_t old_size = cut_file_size(file);
    uint64_t number = (uint64_t)size / file->unit_bytes;

    for (; number * file->unit_bytes < (uint64_t)old_size; number++) {
        if (layer_has(file->newest, number))
            continue;
        unit_read(file, number, old);
        unit_save(file->newest, number, old, file->unit_bytes, true);
    }
}

/* ---- syncs ------------------------------------------------------------- */

bool
cut_file_dirty(const struct cut_file *file)
{
    const struct cut_layer *layer;

    for (layer = file->newest; layer != NULL; layer = layer->older)
        if (layer->units != NULL ||
            layer->size_before != cut_file_size(file))
            return true;
    return false;
}

void
cut_file_sync_begin(struct cut_file *file)
{
    file->newest = layer_new(file->newest, cut_file_size(file));
}

/* Another sync, which began later, may have dropped them already. */
void
cut_file_sync_end(struct cut_file *file, uint64_t order_max)
{
    struct cut_layer *layer;

    for (layer = file->newest; layer->order > order_max; layer = layer->older)
        if (layer->older == NULL)
            return;
        else if (layer->older->order <= order_max) {
            layers_free(layer->older);
            layer->older = NULL;
            return;
        }
}

void
cut_file_gone(struct cut_file *file)
{
    layers_free(file->newest);
    file->newest = layer_new(NULL, cut_file_size(file));
}

/* ---- the cut ----------------------------------------------------------- */

/* One file at its cut: what one walk over a layer's units needs. */
struct undo {
    struct cut_file *file;
    const struct cut_plan *plan;
    struct cut_counts *counts;
    struct cut_layer kept; /* units that are on disk as last written */
    off_t size;
};

static bool
unit_is_kept(const struct undo *undo, const struct cut_unit *unit)
{
    switch (undo->plan->kind) {
    case CUT_KEEPS_PREFIX:
        return unit->order <= undo->plan->order_max;
    case CUT_KEEPS_SOME:
        return cut_random(100) < undo->plan->percent;
    case CUT_LOSES_ALL:
    case CUT_KEEPS_NAMES:
        break;
    }
    return false;
}

/* Nothing is to be done beyond the end, where a truncation stays. */
static void
unit_write_back(const struct undo *undo, const struct cut_unit *unit)
{
    size_t bytes = undo->file->unit_bytes;
    off_t position = (off_t)(unit->number * bytes);

    if (position >= undo->size)
        return;
    if (undo->size - position < (off_t)bytes)
        bytes = (size_t)(undo->size - position);
    check(syscall(SYS_pwrite64, undo->file->fd, unit->old, bytes, position) ==
              (ssize_t)bytes, "pwrite");
    undo->counts->units_lost++;
}

static void
unit_undo(const void *node, VISIT visit, void *context)
{
    const struct cut_unit *unit = *(const struct cut_unit *const *)node;
    struct undo *undo = context;

    if ((visit != postorder && visit != leaf) ||
        layer_has(&undo->kept, unit->number))
        return;
    if (!unit->truncated && unit_is_kept(undo, unit)) {
        unit_save(&undo->kept, unit->number, unit->old, 0, false);
        undo->counts->units_kept++;
        return;
    }
    unit_write_back(undo, unit);
}

/* A file that grew may have its old size; what was lost of its new part is
 * zeros else. */
static void
size_undo(const struct undo *undo, off_t size_before)
{
    if (undo->size <= size_before)
        return;
    if (undo->plan->kind == CUT_LOSES_ALL ||
        undo->plan->kind == CUT_KEEPS_NAMES || cut_random(2) == 0)
        check(syscall(SYS_ftruncate, undo->file->fd, size_before) == 0,
              "ftruncate");
}

static void
layer_order_min(const void *node, VISIT visit, void *context)
{
    const struct cut_unit *unit = *(const struct cut_unit *const *)node;
    uint64_t *order_min = context;

    if ((visit == postorder || visit == leaf) && unit->order < *order_min)
        *order_min = unit->order;
}

uint64_t
cut_files_order_min(void)
{
    uint64_t order_min = UINT64_MAX;
    const struct cut_file *file;
    const struct cut_layer *layer;

    for (file = files; file != NULL; file = file->next)
        for (layer = file->newest; layer != NULL; layer = layer->older)
            twalk_r(layer->units, layer_order_min, &order_min);
    return order_min;
}

void
cut_files_undo(const struct cut_plan *plan, struct cut_counts *counts)
{
    const struct cut_layer *layer;
    struct cut_file *file;
    off_t size_before;

    for (file = files; file != NULL; file = file->next) {
        struct undo undo = { .file = file, .plan = plan, .counts = counts,
                             .size = cut_file_size(file) };

        size_before = undo.size;
        for (layer = file->newest; layer != NULL; layer = layer->older) {
            twalk_r(layer->units, unit_undo, &undo);
            size_before = layer->size_before;
        }
        size_undo(&undo, size_before);
    }
}
