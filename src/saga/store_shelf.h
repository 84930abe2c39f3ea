/*
 * store_shelf.h - files on their way out of the environment, or back into it
 *
 *   shelf   DIRECTORY/old, where such files wait for the upkeep's thread
 *   blank   a log file that recovery needs no more, filled with zeros and
 *           synced: DIRECTORY/old/blank.N, N below STORE_BLANKS_MAX.  When the
 *           library makes its next log file, it is given a blank instead
 *
 * Why blanks: where the blocks of a file are there already, fdatasync() has
 * nothing to tell the file system's journal.  With four processes at work it
 * takes half the time, and two thirds of the CPU.  Zeros, because what the log
 * held before must never be read as a record again.  All other files are
 * shrunk a megabyte at a time, then unlinked: a big one that goes at once
 * stalls every sync on a disk with discard.
 *
 * Crash states of a log file, each good at the next start:
 *   1  in the environment            recovery reads it, or it is moved again
 *   2  on the shelf, named log.N     it is filled (again), or shrunk
 *   3  on the shelf, named blank.N   zeros, on disk before it had that name
 *   4  in the environment, zeros     a log file without a record
 * A table's file may be on the shelf with its place in the environment still
 * taken, because the removing transaction did not commit: it has two names,
 * and the start drops the one on the shelf.
 *
 * Internal to the store.
 */
#ifndef SAGA_STORE_SHELF_H
#define SAGA_STORE_SHELF_H

#include "saga/base.h"

/* As many as are written between two checkpoints: after one they come back. */
#define STORE_BLANKS_MAX 4

/* From now on the library takes blanks, in this process; 0 or its error. */
int store_shelf_install(void);

/* Makes the shelf and drops from it what a crash left there with its table
 * still in place.  Call after recovery, before the thread.  RC_IO,
 * RC_NO_SPACE. */
MUST_USE enum rc store_shelf_open(const char *directory);

/*
 * Gives a table's file a second name on the shelf, before its removal: so the
 * commit's unlink frees nothing, and the thread shrinks it afterwards.  Until
 * then (two names) the thread does not touch it.  Where the file system has
 * no links, the commit unlinks at once; that is no failure.
 */
void store_shelf_link_table(const char *directory, const char *name);
/* The transaction was aborted: the second names go. */
void store_shelf_unlink_tables(const char *directory);

/* Moves a log file to the shelf. */
void store_shelf_take_log(const char *directory, const char *path);

struct store_shelf_work {
    const char *directory;
    uint64_t log_bytes; /* of a log file that can be a blank; 0: none can */
    /* A pause between two steps; true if the thread shall stop. */
    bool (*rest)(void *context);
    void *context;
};

/* Works on up to eight files; *logs_out is increased by the log files among
 * them.  True if there may be more to do. */
bool store_shelf_clear(const struct store_shelf_work *work,
                       unsigned int *logs_out);

/* Unlinks the blanks: the disk is full, or nobody will write for a while. */
void store_shelf_drop_blanks(const char *directory);

#endif
