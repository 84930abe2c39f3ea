/*
 * file_replace.h - a small file that changes as a whole
 *
 * PATH.new is written, synced, and takes the name: so a reader, also after a
 * loss of power, finds the old text or the new one, and nothing between.  The
 * new name itself is not waited for.  Whose the file is: file_owner.h.
 */
#ifndef SAGA_FILE_REPLACE_H
#define SAGA_FILE_REPLACE_H

#include "saga/base.h"

/* 0; or -1 and errno, and the old file stands. */
MUST_USE int file_replace(const char *path, const char *text, size_t bytes);

#endif
