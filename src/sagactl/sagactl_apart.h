/*
 * sagactl_apart.h - work in a directory that is gone afterwards
 */
#ifndef SAGACTL_APART_H
#define SAGACTL_APART_H

#include "sagactl/sagactl.h"

typedef int sagactl_apart_fn(const struct sagactl *ctl, const char *directory,
                             const void *context);

/*
 * Makes the directory a place for copies: the processes of the pipeline write
 * into it, so it is theirs as HOME is, also where each has its own user and
 * HOME's mode lets their group in.  An exit code; what failed is told.
 */
int sagactl_share(const struct sagactl *ctl, const char *path);

/*
 * Makes HOME/verify.XXXXXX, shared as above, runs `work` in a
 * child process, and removes the directory however that ended: done, killed,
 * interrupted.  Returns its exit code.
 */
int sagactl_apart(const struct sagactl *ctl, sagactl_apart_fn *work,
                  const void *context);

/* Tells errno of the path, in one line; returns the code. */
int sagactl_failed(const char *path, int code);

/* Removes a directory and all that is in it. */
void sagactl_remove(const char *directory);

#endif
