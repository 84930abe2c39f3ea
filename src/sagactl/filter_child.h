/*
 * filter_child.h - the program behind `sagactl filter`, as a child process
 *
 * Two ways to run it:
 *
 *   lasting    one process for many events.  It reads a line of JSON per
 *              event on stdin and answers on stdout with any number of lines,
 *              then with an empty line: that is the end of this answer
 *   per event  a process for each event: it reads its line and the end of
 *              its stdin; its answer ends with its stdout, and exit status 0
 *
 * The child waits ready, in a process group of its own, so that Ctrl-C in a
 * terminal is ours alone.  Its stderr is ours.  Whatever goes wrong (it ends,
 * closes its stdout, takes too long, answers too much) it is killed, and the
 * next call starts another.
 */
#ifndef SAGACTL_FILTER_CHILD_H
#define SAGACTL_FILTER_CHILD_H

#include "saga/participant.h"

#define FILTER_ANSWER_BYTES_MAX 262144 /* to one event */

struct filter_child;

/*
 * Starts the program.  argv: it and its arguments, NULL behind them; must
 * outlive the child.  RC_NO_MEMORY.  RC_NOT_FOUND: it can't be started
 * (logged); *child_out is to be destroyed all the same.
 */
MUST_USE enum rc filter_child_new(struct filter_child **child_out,
                                  char *const *argv, bool per_event,
                                  int64_t timeout_ms);

/* Closes the child's stdin, waits for its end for up to three seconds or the
 * time-out, whichever is less (what it still says is not read), then kills
 * it. */
void filter_child_destroy(struct filter_child **child_p);

/* Its answer makes no sense: what else it says must not be taken for the next
 * event's. */
void filter_child_kill(struct filter_child *child);

/*
 * Hands over one event's line (with its line end) and waits for the answer:
 * *answer_out are its lines, each with its end, valid until the next call.
 * RC_AGAIN: the child failed, and the log says how; worth another try.
 * RC_REFUSED: it answered with more than FILTER_ANSWER_BYTES_MAX, or went on
 * behind its answer's end.
 * RC_NOT_FOUND: it can't be started at all (logged).
 * RC_BUSY: asked to stop (turn_wait()).  RC_IO.
 */
MUST_USE enum rc filter_child_ask(struct filter_child *child,
                                  struct turn *turn, const char *line,
                                  size_t bytes, const char **answer_out,
                                  size_t *answer_bytes_out);

#endif
