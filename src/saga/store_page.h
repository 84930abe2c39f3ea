/*
 * store_page.h - a page that is read is the one that was asked for
 *
 * The library's checksum covers what a page holds, which includes its number,
 * but the library never compares that with where the page stood; and it takes a
 * page of zeros for one that was never written.  A page that a disk put in the
 * wrong place, or never wrote, was a part of the tree so: rows were not found
 * (an idempotency key was free again), or the library walked in a circle for
 * ever.  So each page that comes from the disk is looked at here, and one that
 * is not its own is handed on as one whose checksum is wrong: that is
 * RC_DAMAGED.
 *
 * Zeros are right where the library itself looks for what was not written yet:
 * while it recovers, verifies a table (which tells of them) or makes a copy.
 * What recovery has read so is noted.  When it has ended, which is with a
 * checkpoint, the page is in its file; if not, zeros are in the cache still,
 * and its table is looked at as one that was short (store_length.h).
 *
 * An older state of the page itself is not found here.
 *
 * Internal to the store.
 */
#ifndef SAGA_STORE_PAGE_H
#define SAGA_STORE_PAGE_H

#include "saga/store_length.h"

/* From now on the library reads so, in this process; 0 or its error. */
int store_page_install(void);

/* From allow to refuse the library may find pages of zeros, in this thread;
 * `noted` says whether look is to know of them. */
void store_page_zeros_allow(bool noted);
void store_page_zeros_refuse(void);

/* When recovery has ended, before refuse: adds the tables some of whose noted
 * pages are not there to `lengths`.  RC_NO_MEMORY. */
MUST_USE enum rc store_page_zeros_look(const char *directory,
                                       struct store_lengths *lengths);

#endif
