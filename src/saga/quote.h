/*
 * quote.h - foreign text made safe to stand in one line
 *
 * A quoted text is printable ASCII without blanks at risk: control characters
 * and bytes from 0x80 on become "\n", "\t", "\r" or "\xNN", the quote and the
 * backslash get a backslash.  So neither a forged line nor a terminal's
 * control sequence comes through.
 *
 * Core.
 */
#ifndef SAGA_QUOTE_H
#define SAGA_QUOTE_H

#include "saga/base.h"

#define QUOTE_BYTES_MIN 16 /* room that quote_text() needs at least */

enum quote_when {
    QUOTE_IF_NEEDED, /* plain when it is one word of harmless characters */
    QUOTE_ALWAYS,
};

/*
 * Writes the text into out[out_bytes] (QUOTE_BYTES_MIN or more), ended by a
 * NUL; returns its length.  What does not fit is cut, never inside an escape,
 * and "..." before the closing quote tells so.
 */
size_t quote_text(char *out, size_t out_bytes, const void *text, size_t bytes,
                  enum quote_when when);

/* Turns every control character of the text into '?', in place. */
void quote_disarm(char *text, size_t bytes);

#endif
