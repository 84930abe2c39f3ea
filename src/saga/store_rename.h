/*
 * store_rename.h - a file that gets a name is on disk before it has it
 *
 * Berkeley DB makes a table as a file with a name of its own, writes it and
 * renames it.  When recovery does that again it syncs nothing: after a second
 * loss of power the table's name may be there and its pages not, and then no
 * recovery goes through.  So renaming means: sync the file, rename it, sync
 * the directory.
 *
 * Internal to the store.
 */
#ifndef SAGA_STORE_RENAME_H
#define SAGA_STORE_RENAME_H

/* From now on the library renames so, in this process; 0 or its error. */
int store_rename_install(void);

/* What is behind the last slash of a path. */
const char *store_base_name(const char *path);

/* Where an open file is now: "" without /proc.  `path` has PATH_MAX octets. */
void store_path_of(int fd, char *path);

/* Syncs the directory that the path is in: 0, or -1 and errno. */
int store_rename_sync(const char *path);

#endif
