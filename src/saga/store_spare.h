/*
 * store_spare.h - recovery finds what an unfinished removal had moved away
 *
 * Berkeley DB removes a table by giving its file a name of its own
 * ("__db.8000003b.1c4bc618"), and an empty file the table's name; recovery
 * turns that round if the transaction had not committed.  But opening an
 * environment for recovery begins with unlinking all files of such names, as
 * remains of shared memory: then the table is lost, and an empty one is there.
 * So the first unlink of each file that was there before does nothing, and
 * what recovery leaves of them goes afterwards.
 *
 * Internal to the store.
 */
#ifndef SAGA_STORE_SPARE_H
#define SAGA_STORE_SPARE_H

#include "saga/base.h"

/* From now on the library unlinks so, in this process; 0 or its error. */
int store_spare_install(void);

/* Before the environment is opened, and after: in one thread.  RC_IO if
 * there are more such files than one crash leaves. */
MUST_USE enum rc store_spare_begin(const char *directory);
void store_spare_end(const char *directory);

#endif
