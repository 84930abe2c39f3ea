/*
 * said.h - what the code under test writes to stderr, for tests of log lines
 *
 * Between the two calls stderr goes to a file that nobody sees: nothing may
 * fail there, or its words are lost with it.
 */
#ifndef SUPPORT_SAID_H
#define SUPPORT_SAID_H

void said_begin(void);
/* Stderr is as before; the text, valid until the next said_end(). */
const char *said_end(void);

#endif
