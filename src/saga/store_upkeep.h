/*
 * store_upkeep.h - the store's helper thread: checkpoints, old files
 *
 *   checkpoint   dirty pages written, so that recovery starts there; due once
 *                checkpoint_bytes of log were written since the last one, or
 *                checkpoint_ms passed; of a quiet log it does nothing
 *   old files    log files that recovery needs no more, removed tables
 *                (store_shelf.h)
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

/* Starts the thread, with all signals blocked.  log_bytes: of a log file, as
 * the library makes them; 0: no file is used again.  RC_IO. */
MUST_USE enum rc store_upkeep_start(struct store_upkeep **upkeep_out,
                                    const struct store_config *config,
                                    uint64_t log_bytes,
                                    const struct store_upkeep_asks *asks,
                                    void *environment);
/* Returns once the thread has ended; what is on the shelf stays there. */
void store_upkeep_stop(struct store_upkeep **upkeep_p);

/* Look now: the log grew, or something was put on the shelf. */
void store_upkeep_wake(struct store_upkeep *upkeep);

/* A checkpoint now: returns when it is done, or found no space. */
void store_upkeep_checkpoint(struct store_upkeep *upkeep);

/* store_backup_start() and store_backup_poll(). */
MUST_USE enum rc store_upkeep_backup_start(struct store_upkeep *upkeep,
                                           const char *directory);
MUST_USE enum rc store_upkeep_backup_poll(struct store_upkeep *upkeep);

/* Both may be called from any thread. */
uint64_t store_upkeep_checkpoints(const struct store_upkeep *upkeep);
uint64_t store_upkeep_logs_removed(const struct store_upkeep *upkeep);

#endif
