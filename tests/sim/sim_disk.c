/* Sorted arrays of rows; a transaction is a list of what it replaced. */
#include "sim_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define DISKS_MAX 16

static struct sim_disk *disks[DISKS_MAX];

void *
checked(void *memory)
{
    invariant(memory != NULL);
    return memory;
}

/* ---- rows ------------------------------------------------------------- */

static int
row_compare(const struct row *row, const void *key, size_t key_bytes)
{
    size_t least = row->key_bytes < key_bytes ? row->key_bytes : key_bytes;
    int order = memcmp(row->data, key, least);

    if (order != 0)
        return order;
    return row->key_bytes < key_bytes ? -1 : row->key_bytes > key_bytes;
}

size_t
rows_find(const struct table *table, const void *key, size_t key_bytes,
     bool *found_out)
{
    size_t low = 0, high = table->count, middle;

    if (high > 0 && row_compare(table->rows[high - 1], key, key_bytes) < 0)
        low = high; /* ids grow: most rows come last */
    while (low < high) {
        middle = low + (high - low) / 2;
        if (row_compare(table->rows[middle], key, key_bytes) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found_out = low < table->count &&
                 row_compare(table->rows[low], key, key_bytes) == 0;
    return low;
}

struct row *
row_new(const void *key, size_t key_bytes, const void *value, size_t bytes)
{
    struct row *row = checked(malloc(sizeof *row + key_bytes + bytes));

    row->key_bytes = (uint32_t)key_bytes;
    row->bytes = (uint32_t)bytes;
    memcpy(row->data, key, key_bytes);
    if (bytes > 0)
        memcpy(row->data + key_bytes, value, bytes);
    return row;
}

struct row *
rows_exchange(struct table *table, const struct row *key, struct row *after)
{
    bool found;
    size_t at = rows_find(table, key->data, key->key_bytes, &found);
    struct row *before = found ? table->rows[at] : NULL;

    table->changes++;
    if (found && after != NULL)
        table->rows[at] = after;
    else if (found) {
        table->count--;
        memmove(&table->rows[at], &table->rows[at + 1],
                (table->count - at) * sizeof table->rows[0]);
    } else if (after != NULL) {
        if (table->count == table->room) {
            table->room = table->room * 2 + 16;
            table->rows = checked(
                realloc(table->rows, table->room * sizeof table->rows[0]));
        }
        memmove(&table->rows[at + 1], &table->rows[at],
                (table->count - at) * sizeof table->rows[0]);
        table->rows[at] = after;
        table->count++;
    }
    return before;
}

/* ---- tables ----------------------------------------------------------- */

struct table *
table_new(const char *name)
{
    struct table *table = checked(calloc(1, sizeof *table));

    invariant(snprintf(table->name, sizeof table->name, "%s", name) <
              (int)sizeof table->name);
    return table;
}

static void
table_destroy(struct table *table)
{
    size_t i;

    for (i = 0; i < table->count; i++)
        free(table->rows[i]);
    free(table->rows);
    free(table);
}

struct table *
table_find(const struct sim_disk *disk, const char *name)
{
    size_t i;

    for (i = 0; i < disk->tables_count; i++)
        if (strcmp(disk->tables[i]->name, name) == 0)
            return disk->tables[i];
    return NULL;
}

void
table_attach(struct sim_disk *disk, struct table *table)
{
    invariant(disk->tables_count < TABLES_MAX);
    disk->tables[disk->tables_count++] = table;
}

void
table_detach(struct sim_disk *disk, const struct table *table)
{
    size_t i = 0;

    while (disk->tables[i] != table)
        invariant(++i < disk->tables_count);
    disk->tables[i] = disk->tables[--disk->tables_count];
}

/* ---- the disk --------------------------------------------------------- */

struct sim_disk *
sim_disk_new(const char *name)
{
    struct sim_disk *disk = checked(calloc(1, sizeof *disk));
    int i = 0;

    snprintf(disk->name, sizeof disk->name, "%s", name);
    while (disks[i] != NULL)
        invariant(++i < DISKS_MAX);
    disks[i] = disk;
    return disk;
}

void
disk_remember(struct sim_disk *disk, enum undo_kind kind, struct table *table,
         struct row *before, struct row *after)
{
    if (disk->undo_count == disk->undo_room) {
        disk->undo_room = disk->undo_room * 2 + 64;
        disk->undo = checked(
            realloc(disk->undo, disk->undo_room * sizeof disk->undo[0]));
    }
    disk->undo[disk->undo_count++] =
        (struct undo){ kind, table, before, after };
}

static void
undo_to(struct sim_disk *disk, size_t end, bool crash)
{
    struct undo *undo;

    while (disk->undo_count > end) {
        undo = &disk->undo[--disk->undo_count];
        switch (undo->kind) {
        case UNDO_ROW:
            rows_exchange(undo->table,
                     undo->before != NULL ? undo->before : undo->after,
                     undo->before);
            free(undo->after);
            break;
        case UNDO_CREATE:
            table_detach(disk, undo->table);
            table_destroy(undo->table);
            break;
        case UNDO_REMOVE:
            /* The file goes with the commit; its record may not stay. */
            if (crash && sim_once_in(2))
                table_destroy(undo->table);
            else
                table_attach(disk, undo->table);
            break;
        }
    }
}

void
disk_settle(struct sim_disk *disk)
{
    size_t i;

    invariant(!disk->begun);
    for (i = 0; i < disk->undo_count; i++) {
        if (disk->undo[i].kind == UNDO_REMOVE)
            table_destroy(disk->undo[i].table);
        free(disk->undo[i].before);
    }
    disk->undo_count = 0;
    disk->commits_count = 0;
}

void
disk_commit(struct sim_disk *disk)
{
    if (disk->commits_count == disk->commits_room) {
        disk->commits_room = disk->commits_room * 2 + 16;
        disk->commits = checked(
            realloc(disk->commits,
                    disk->commits_room * sizeof disk->commits[0]));
    }
    disk->commits[disk->commits_count++] = disk->undo_count;
    disk->begun = false;
}

static size_t
last_commit_end(const struct sim_disk *disk)
{
    return disk->commits_count == 0
               ? 0
               : disk->commits[disk->commits_count - 1];
}

void
sim_disk_crash(struct sim_disk *disk)
{
    invariant(disk->owner == NULL);
    undo_to(disk, last_commit_end(disk), false);
    disk->begun = false;
    disk->commits_count = (size_t)sim_below(disk->commits_count + 1);
    undo_to(disk, last_commit_end(disk), true);
    disk_settle(disk);
    disk->fuse = 0;
    disk->fuse_flush = disk->full = false;
    disk->cut = SIM_CUT_NONE;
}

struct sim_disk *
sim_disk_copy(const struct sim_disk *disk, const char *name)
{
    struct sim_disk *copy = sim_disk_new(name);
    size_t t, r;

    invariant(disk->undo_count == 0); /* the caller chose a quiet moment */
    for (t = 0; t < disk->tables_count; t++) {
        const struct table *from = disk->tables[t];
        struct table *table = table_new(from->name);

        table->room = table->count = from->count;
        table->rows = checked(malloc((from->count + 1) * sizeof(void *)));
        for (r = 0; r < from->count; r++)
            table->rows[r] = row_new(
                from->rows[r]->data, from->rows[r]->key_bytes,
                from->rows[r]->data + from->rows[r]->key_bytes,
                from->rows[r]->bytes);
        table_attach(copy, table);
    }
    copy->used = disk->used;
    return copy;
}

void
sim_disk_destroy(struct sim_disk **disk_p)
{
    struct sim_disk *disk = *disk_p;
    int i = 0;

    *disk_p = NULL;
    if (disk == NULL)
        return;
    sim_disk_crash(disk);
    while (disk->tables_count > 0)
        table_destroy(disk->tables[--disk->tables_count]);
    while (disks[i] != disk)
        invariant(++i < DISKS_MAX);
    disks[i] = NULL;
    free(disk->undo);
    free(disk->commits);
    free(disk);
}

void
sim_disk_fuse(struct sim_disk *disk, uint64_t operations)
{
    disk->fuse = operations;
}

void
sim_disk_fuse_flush(struct sim_disk *disk)
{
    disk->fuse_flush = true;
}

enum sim_cut
sim_disk_cut(const struct sim_disk *disk)
{
    return disk->cut;
}

void
sim_disk_kill(struct sim_disk *disk)
{
    if (disk->owner != NULL)
        disk->owner->dead = true;
}

void
sim_disk_fill(struct sim_disk *disk)
{
    disk->full = true;
}

size_t
sim_disk_unflushed(const struct sim_disk *disk)
{
    return disk->commits_count;
}

void
disk_abort(struct sim_disk *disk)
{
    undo_to(disk, last_commit_end(disk), false);
    disk->begun = false;
}

struct sim_disk *
disk_find(const char *name)
{
    int i = 0;

    while (disks[i] == NULL || strcmp(disks[i]->name, name) != 0)
        invariant(++i < DISKS_MAX);
    return disks[i];
}
