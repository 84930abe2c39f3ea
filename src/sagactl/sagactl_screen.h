/*
 * sagactl_screen.h - a terminal that is drawn upon, and given back as it was
 *
 * Plain escapes that every terminal knows (alternate screen, cursor, erase)
 * and no ncurses: one view that is drawn whole needs no more.  The terminal
 * is restored however it ends: a key, a signal, a stop by Ctrl-Z.
 */
#ifndef SAGACTL_SCREEN_H
#define SAGACTL_SCREEN_H

#include <termios.h>

#include "saga/base.h"

enum screen_event { SCREEN_TIME, SCREEN_DRAW, SCREEN_END };

struct screen {
    struct termios before; /* of stdin, if that is a terminal */
    bool has_keys;
    int signal_fd;
};

/* Takes the terminal that stdout is; false if it is none. */
MUST_USE bool screen_open(struct screen *screen);
void screen_close(struct screen *screen);

/* Draws the lines from the top on, cut at the terminal's size. */
void screen_draw(const char *text, size_t bytes);

/*
 * Waits for the time, or for what happens: SCREEN_DRAW after a change of size
 * or a stop; SCREEN_END if the user (q, Ctrl-C) or a signal wants it.
 */
enum screen_event screen_wait(struct screen *screen, int timeout_ms);

#endif
