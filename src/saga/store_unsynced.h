/*
 * store_unsynced.h - after a sync that failed, all is written again
 *
 * What the kernel could not bring to the disk it keeps in memory, and takes it
 * for clean.  A start after that reads it and believes it, the next sync says
 * that all is well, and with a loss of power it is gone: answers, and pages
 * whose log has been removed by then.
 *
 * So a failed sync leaves an empty file `sync_failed` in the store's directory.
 * The next start writes each of the store's files again, byte for byte, syncs
 * them, and only then removes it.  Power that fails before takes all away that
 * was in memory alone, and what is on disk is true then; the mark may stay,
 * which does no harm.
 *
 * Internal to the store.
 */
#ifndef SAGA_STORE_UNSYNCED_H
#define SAGA_STORE_UNSYNCED_H

#include "saga/base.h"

#define STORE_UNSYNCED_NAME "sync_failed"

/* Leaves the mark, as far as the disk still takes one. */
void store_unsynced_note(const char *directory);

/* Before anything is read: RC_OK also without a mark.  RC_IO (logged): the
 * mark stays, and the process must end. */
MUST_USE enum rc store_unsynced_mend(const char *directory);

#endif
