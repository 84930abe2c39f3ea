/*
 * store_names.h - the library reads a directory to its end, or says why not
 *
 * Berkeley DB takes a readdir() that fails for the end: then recovery knows of
 * fewer log files than there are, and a copy lacks tables, in silence.
 *
 * Internal to the store.
 */
#ifndef SAGA_STORE_NAMES_H
#define SAGA_STORE_NAMES_H

/* From now on the library lists directories so, in this process; 0 or its
 * error. */
int store_names_install(void);

#endif
