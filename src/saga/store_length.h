/*
 * store_length.h - no table's file is shorter than it was
 *
 * When recovery comes to a page that is not in the file, the library takes it
 * for one that was freed later, and passes over it; afterwards it makes the
 * page anew, empty.  So a file that was cut would be a table without those
 * rows, and nobody told.  Two things tell how long a file must be:
 *
 *   its first page   the number of the table's last one; but after a crash
 *                    that page may be on disk and the last one not yet
 *   table_pages      a file beside them, of the last checkpoint: how many pages
 *                    each open table had been given by transactions that were
 *                    committed before it.  One line per table, "NAME ID
 *                    PAGES", then "end".  The id, which is in the first page,
 *                    tells a table from a later one with its name.  Since then
 *                    pages at the end may have been freed, which makes the
 *                    file shorter, too: so a short table is looked at, page
 *                    by page, and at each start until the next checkpoint.  So
 *                    is a later table that is shorter than its first page says,
 *                    and once one with a page of zeros (store_page.h).
 *                    A line of a table that is not open at a checkpoint, and
 *                    has its file, stays as it is
 *
 * A table in table_pages has its file: that was synced, and so was its name
 * (store_rename.h), before the checkpoint was written.  So one without a file
 * was removed since, or lost; which of the two, its owner knows
 * (store_config.table_stays).  Looked for after recovery, which makes it again
 * if all of it is in the log.  A store that lost power before its first
 * checkpoint has no such line yet.  And one that stays has its id for ever: a
 * file with another id is another table, of this store or of somebody else's.
 *
 * Not told: after a crash, a cut that leaves a table all the pages of the last
 * checkpoint.  Its later pages are in the log, but where the first page on disk
 * knows of them already, recovery makes them empty.  A kill in the middle of a
 * checkpoint leaves the same, whole: to look at each would read large tables.
 *
 * Internal to the store.
 */
#ifndef SAGA_STORE_LENGTH_H
#define SAGA_STORE_LENGTH_H

#include "saga/store.h"

#define STORE_PAGES_NAME "table_pages"

#define STORE_TABLE_ID_BYTES 20

struct store_length {
    char name[STORE_NAME_BYTES];
    uint8_t id[STORE_TABLE_ID_BYTES];
    uint32_t pages;
};

/* Not how many, but that it was short, at an earlier start: a table that was
 * in table_pages, or a later one, which recovery may have undone. */
#define STORE_PAGES_SHORT UINT32_MAX
#define STORE_PAGES_SHORT_LATER (UINT32_MAX - 1)

struct store_lengths {
    struct store_length *items;
    size_t count;
};

/* Replaces table_pages, when the checkpoint is written.  A failure is logged
 * and no more: the old one stands. */
void store_lengths_write(const char *directory,
                         const struct store_lengths *lengths);

/*
 * Before recovery, which may make a file long again: reads table_pages; for the
 * tables that have fewer, and those that are not in it and are short, it sets
 * STORE_PAGES_SHORT or _LATER, here and in the file, and they are to be looked
 * at after it.  free() the items.  RC_DAMAGED, logged, if table_pages can't be
 * read or one of them is no file, RC_IO if it can't be written.  Without
 * table_pages nothing is known.
 */
MUST_USE enum rc store_lengths_compare(const char *directory,
                                       struct store_lengths *lengths_out);

/* Notes one that recovery has left with a page of zeros, to be looked at.
 * RC_NO_MEMORY. */
MUST_USE enum rc store_lengths_note(struct store_lengths *lengths,
                                    const char *name);

/*
 * When recovery has ended, which is with a checkpoint: then all pages are in
 * their files.  RC_DAMAGED, and a line in the log for each, if some are not;
 * RC_IO if the directory can't be read.
 */
MUST_USE enum rc store_lengths_check(const char *directory);

/* Then, too: RC_DAMAGED, and a line in the log for each, if tables of
 * table_pages that stay have no file, or that of another table. */
MUST_USE enum rc store_lengths_missing(const char *directory,
                                       const struct store_lengths *lengths,
                                       bool (*stays)(const char *name));

/* Adds those of `known` that are not in `lengths` and have their file;
 * `lengths->items` has room for all.  Before a checkpoint. */
void store_lengths_keep(const char *directory, struct store_lengths *lengths,
                        const struct store_lengths *known);

#endif
