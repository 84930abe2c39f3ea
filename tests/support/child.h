/*
 * child.h - a function run in a process of its own, and what it said
 *
 * For tests of code that exits, locks or takes signals.  The child's stdout
 * and stderr are pipes to the test; every wait has the limit CHILD_WAIT_MS.
 * A child that is not done by then is killed and the test fails.
 */
#ifndef SUPPORT_CHILD_H
#define SUPPORT_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CHILD_WAIT_MS 20000
#define CHILD_TEXT_BYTES 32768
#define CHILD_SIGNALLED 1000 /* child_end() of a child that died of signal N
                                gives this plus N */

struct child_text {
    int fd;
    size_t bytes;
    char text[CHILD_TEXT_BYTES]; /* ended by a NUL */
};

struct child {
    pid_t pid;
    struct child_text out;
    struct child_text err;
};

typedef void child_fn(void *context);

/* Forks and runs run(context) there, then exit(0) if it returns. */
void child_start(struct child *child, child_fn *run, void *context);

/* Waits until the child has written `words` to stderr. */
void child_wait_err(struct child *child, const char *words);

/* Waits for the end; the exit code.  out and err then hold all it wrote. */
int child_end(struct child *child);

#endif
