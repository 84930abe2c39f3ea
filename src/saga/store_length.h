/*
 * store_length.h - no table's file is shorter than its first page says
 *
 * That page holds the number of the table's last one.  When recovery comes to
 * a page that is not in the file, the library takes it for one that was freed
 * later, and passes over it; afterwards it makes the page anew, empty.  So a
 * file that was cut would be a table without those rows, and nobody told.
 *
 * Internal to the store.
 */
#ifndef SAGA_STORE_LENGTH_H
#define SAGA_STORE_LENGTH_H

#include "saga/base.h"

/*
 * To be called when recovery has ended, which is with a checkpoint: then all
 * pages are in their files.  RC_DAMAGED, and a line in the log for each, if
 * some are not; RC_IO if the directory can't be read.
 */
MUST_USE enum rc store_lengths_check(const char *directory);

#endif
