/*
 * store_upkeep.h - the store's helper thread: checkpoints, old files
 *
 *   checkpoint   dirty pages written, so that recovery starts there; due once
 *                checkpoint_bytes of log were written since the last one, or
 *                checkpoint_ms passed; of a quiet log it does nothing
 *   shelf        DIRECTORY/old: files out of the environment that wait to be
 *                shrunk 1 MB at a time and then unlinked.  Unlinking a big
 *                file at once stalls every sync on a disk with discard.
 *
 * The thread learns of the environment only through store_upkeep_asks, so
 * that store.c stays the only file that knows Berkeley DB.  A checkpoint that
 * finds no space is tried again later; one that fails otherwise ends the
 * process with rc_exit_code() (who asked has logged it).
 *
 * Internal to the store.
 */
#ifndef SAGA_STORE_UPKEEP_H
#define SAGA_STORE_UPKEEP_H

#include "saga/store.h"

struct store_upkeep;

/* What the thread asks of the environment.  Each logs its own failure. */
struct store_upkeep_asks {
    /* A number that rises by the bytes written to the log. */
    enum rc (*log_position)(void *environment, uint64_t *position_out);
    /* RC_NOT_FOUND if the log did not move since the last one. */
    enum rc (*checkpoint)(void *environment);
    /* Paths of log files that recovery needs no more: one malloc'd block, an
     * array that ends with NULL; NULL if there are none. */
    enum rc (*logs_obsolete)(void *environment, char ***paths_out);
    /* Copies the environment; no log is removed while it runs. */
    enum rc (*backup)(void *environment, const char *directory);
};

/* Makes the shelf and drops from it what a crash left there with its table
 * still in place.  Call after recovery, before the thread.  RC_IO,
 * RC_NO_SPACE. */
MUST_USE enum rc store_shelf_open(const char *directory);

/* Starts the thread, with all signals blocked.  RC_IO. */
MUST_USE enum rc store_upkeep_start(struct store_upkeep **upkeep_out,
                                    const struct store_config *config,
                                    const struct store_upkeep_asks *asks,
                                    void *environment);
/* Returns once the thread has ended; what is on the shelf stays there. */
void store_upkeep_stop(struct store_upkeep **upkeep_p);

/* Look now: the log grew, or something was put on the shelf. */
void store_upkeep_wake(struct store_upkeep *upkeep);

/* store_backup_start() and store_backup_poll(). */
MUST_USE enum rc store_upkeep_backup_start(struct store_upkeep *upkeep,
                                           const char *directory);
MUST_USE enum rc store_upkeep_backup_poll(struct store_upkeep *upkeep);

/* Both may be called from any thread. */
uint64_t store_upkeep_checkpoints(const struct store_upkeep *upkeep);
uint64_t store_upkeep_logs_removed(const struct store_upkeep *upkeep);

/*
 * Gives a table's file a second name on the shelf, before its removal: so the
 * commit's unlink frees nothing, and the thread shrinks it afterwards.  Until
 * then (two names) the thread does not touch it.  Where the file system has
 * no links, the commit unlinks at once; that is no failure.
 */
void store_shelf_link_table(const char *directory, const char *name);
/* The transaction was aborted: the second names go. */
void store_shelf_unlink_tables(const char *directory);

#endif
