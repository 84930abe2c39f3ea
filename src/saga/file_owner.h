/*
 * file_owner.h - what root makes in another user's directory is that user's
 *
 * Processes run as users of their own, and root may open their stores when
 * they are stopped (sagactl verify --offline, restore).  A file that root made
 * there and kept would lock them out of their own store.
 */
#ifndef SAGA_FILE_OWNER_H
#define SAGA_FILE_OWNER_H

#include "saga/base.h"

/*
 * Gives what was just made at path, and is open as fd, to the owner and group
 * of the directory that it is in.  Does nothing unless root asks.  It must be
 * new for certain (O_EXCL): else it could be something of root's that somebody
 * put in the way.  0; or -1 and errno.
 */
MUST_USE int file_owner_keep(int fd, const char *path);

/* A new, empty file with that owner, 0600, open for writing; one that is there
 * already goes.  Its descriptor; or -1 and errno. */
MUST_USE int file_owner_create(const char *path);

#endif
