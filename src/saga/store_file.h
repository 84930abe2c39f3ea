/*
 * store_file.h - a file of the store is one, and not a directory or a fifo
 *
 * Whoever opens what else has the name of one may wait for ever (a fifo), or
 * writes where no check looks (a link).  It does not heal: somebody has to put
 * the file back.  Internal to the store.
 */
#ifndef SAGA_STORE_FILE_H
#define SAGA_STORE_FILE_H

#include "saga/base.h"

struct store;

/* What stands at the path in a file's place, for people: "a directory"; NULL
 * if it is a file, or nothing that can be told. */
const char *store_file_not(const char *path);

/* RC_DAMAGED, logged, if the directory has something else of that name. */
MUST_USE enum rc store_file_check(const char *directory, const char *name);

/* Sees whether the directory is ours to open, and whether it was in use, looks
 * at its log files' heads, and makes durable what they hold.  RC_DAMAGED, RC_IO
 * (logged). */
MUST_USE enum rc store_directory_look(struct store *store, bool *created_out);

#endif
