/*
 * sagactl_out.h - what goes to stdout: lines, colours, and its end
 *
 * A reader that closes the pipe has seen enough: the command ends quietly,
 * with the exit code that it has.  What can't be written for another reason
 * (a full disk) is a failure.
 */
#ifndef SAGACTL_OUT_H
#define SAGACTL_OUT_H

#include "sagactl/sagactl.h"

enum out_colour { OUT_PLAIN, OUT_BOLD, OUT_DIM, OUT_GOOD, OUT_BAD, OUT_WAIT };

/* What to print before text of that colour; OUT_PLAIN ends it.  "" unless
 * stdout is a terminal that shows colours. */
const char *out_colour(const struct sagactl *ctl, enum out_colour colour);

/* Writes what was printed.  False if nobody reads it any more, or it can't be
 * written: nothing that is printed later matters. */
bool out_flush(void);

/* Flushes; EXIT_SYSTEM and one line if it can't be written. */
int out_finish(int code);

/* "12.3 MiB"; "3d04h", "1h02m", "3m05s", "7s". */
#define OUT_TEXT_BYTES 32
const char *out_bytes(uint64_t bytes, char text[OUT_TEXT_BYTES]);
const char *out_seconds(uint64_t seconds, char text[OUT_TEXT_BYTES]);

#endif
