/*
 * store_mark.h - how far the log reached, kept beside it
 *
 * Recovery ends at the first record of the log that does not verify, without
 * a word, even if good and acknowledged records follow.  So each checkpoint
 * writes down, in DIRECTORY/log_mark, a log position that is on disk for
 * certain; a log that ends before it after recovery was damaged or is not the
 * log of these tables.
 *
 * Internal to the store.
 */
#ifndef SAGA_STORE_MARK_H
#define SAGA_STORE_MARK_H

#include "saga/base.h"

#define STORE_MARK_NAME "log_mark"

/* Replaces the mark.  A failure is logged and no more: the old one stands. */
void store_mark_write(const char *directory, uint64_t log_end);

/* RC_NOT_FOUND if there is none; RC_IO, and a log line, if it can't be opened;
 * RC_DAMAGED if what it holds is no mark. */
MUST_USE enum rc store_mark_read(const char *directory, uint64_t *log_end_out);

#endif
