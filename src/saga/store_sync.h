/*
 * store_sync.h - a sync that failed is not asked again
 *
 * The kernel tells once, to each descriptor, that what was written could not
 * be brought to the disk, and takes those pages for clean then: the next sync
 * says that all is well, and nothing is on disk.  Who saw ENOSPC would make
 * room and try again, and believe it.  So every sync that data depends on is
 * made here, and whatever the error was, it is told as EIO; the true one
 * stands in the line of the failure (store_words()).  A *write* that finds no
 * space is another thing: it was not done, and may be tried again.
 *
 * Nor is the disk given everything at once.  A page that is written is in the
 * kernel's cache; a checkpoint's sync would then bring out all that a table got
 * since the last one, some fifty megabytes, and each flush of each process on
 * that disk would wait behind it (20 to 30 ms on a fast one).  So each thread
 * asks, once per STORE_SYNC_PAGES pages, that what their file has be begun
 * with, and finds little left to wait for.  If the disk refuses, that is a
 * failed sync, and so is each later one of the library's in that store: the
 * library has not heard of it, and must not call a checkpoint made.
 *
 * The mark files (store_mark.h, store_length.h) are not data: they are synced
 * where they are written, and a failure is a warning.
 *
 * Internal to the store.
 */
#ifndef SAGA_STORE_SYNC_H
#define SAGA_STORE_SYNC_H

#include "saga/base.h"

#define STORE_SYNC_PAGES 32

/* From now on the library syncs so, and writes, in this process; 0 or its
 * error. */
int store_sync_install(void);

/* fdatasync(2), and fsync(2): 0, or -1 and errno, which is EIO. */
int store_sync_data(int fd);
int store_sync_all(int fd);

/*
 * From join to leave a sync of a file in the store's directory that fails, in
 * whatever thread, sets store->sync_failed.  Who waited for the disk looks at
 * it: the error may have been told to another thread, which has not ended the
 * process yet, and the sync after it is good.  (A copy that a backup could not
 * sync elsewhere is no matter of the store's.)
 */
struct store;
void store_sync_join(struct store *store);
void store_sync_leave(struct store *store);
/* RC_IO, logged, if one has failed. */
MUST_USE enum rc store_sync_check(struct store *store, const char *operation);

#endif
