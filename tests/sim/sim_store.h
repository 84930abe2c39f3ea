/*
 * sim_store.h - store.h in memory, with a disk that a crash can cut
 *
 *   disk    what outlives a process: tables, and which commits were flushed.
 *           A struct store is one process's use of it.
 *   crash   the open transaction is undone; of the commits that were not
 *           flushed, a prefix chosen by chance survives (all of it: kill -9;
 *           less: power loss).  What survives is flushed by the next opening,
 *           as by recovery.
 *   fuse    the n-th operation from now on kills its process: it and all
 *           later ones give RC_IO.  A commit or flush may have been done.
 *
 * store_open() finds the disk by its directory's name, made by
 * sim_disk_new().
 */
#ifndef TESTS_SIM_STORE_H
#define TESTS_SIM_STORE_H

#include "saga/store.h"

struct sim_disk;

/* An empty disk; and one more with the content that a crash now would leave,
 * while the first goes on. */
struct sim_disk *sim_disk_new(const char *name);
struct sim_disk *sim_disk_copy(const struct sim_disk *disk, const char *name);
void sim_disk_destroy(struct sim_disk **disk_p);

enum sim_cut {
    SIM_CUT_NONE = 0,
    SIM_CUT_WITHIN,       /* a read, a put, a begin                    */
    SIM_CUT_BEFORE_COMMIT,
    SIM_CUT_AFTER_COMMIT,
    SIM_CUT_BEFORE_FLUSH,
    SIM_CUT_AFTER_FLUSH,
    SIM_CUTS
};

/* The operations-th one from now on is the process's last; 0: none is. */
void sim_disk_fuse(struct sim_disk *disk, uint64_t operations);
/* The next flush (or commit, by chance) is, however long it takes. */
void sim_disk_fuse_flush(struct sim_disk *disk);
/* Where the fuse blew; SIM_CUT_NONE if it has not. */
enum sim_cut sim_disk_cut(const struct sim_disk *disk);
/* The process's operations all fail from now on. */
void sim_disk_kill(struct sim_disk *disk);
/* The next commit finds the disk full. */
void sim_disk_fill(struct sim_disk *disk);
/* After the process is gone. */
void sim_disk_crash(struct sim_disk *disk);

/* Commits that a crash could lose. */
size_t sim_disk_unflushed(const struct sim_disk *disk);

/* Looks at what is there, as a process sees it; creates nothing: a table that
 * is not there is RC_NOT_FOUND.  Close with store_close(). */
struct store *sim_disk_look(struct sim_disk *disk);

#endif
