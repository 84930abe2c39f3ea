/*
 * directory.h - the names in a directory, one by one
 *
 * Of readdir() alone nobody who forgets errno can tell the end from a failure:
 * names would be passed over in silence.
 */
#ifndef SAGA_DIRECTORY_H
#define SAGA_DIRECTORY_H

#include <dirent.h>

/* The next entry.  NULL: errno says why, and is 0 at the end. */
const struct dirent *directory_next(DIR *directory);

#endif
