/*
 * notice.h - one word to whoever started us, on a descriptor made for it
 *
 * An environment variable holds the descriptor's number.  The word is a line,
 * written once; then the descriptor is closed, so that end of file without the
 * word means that we ended.
 */
#ifndef SAGA_NOTICE_H
#define SAGA_NOTICE_H

#define NOTICE_NO_FD (-1)

struct notice {
    const char *variable;
    const char *line; /* with its end of line */
    int fd;           /* NOTICE_NO_FD: nobody waits, or it was said */
};

/*
 * Takes the descriptor out of the environment.  It counts only if it is open
 * before we open anything (its number would soon be that of a file of ours): so
 * call this first.  One that can't be is logged and ignored.
 */
void notice_claim(struct notice *notice);

/* Writes the line and closes.  Somebody who went away is logged. */
void notice_say(struct notice *notice);

#endif
