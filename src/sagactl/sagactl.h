/*
 * sagactl.h - the operator's tool: one command per file, one table of them
 *
 * Output is lines that a pipe can read, or JSON with --json: one object per
 * line, as the gateway told it where it comes from there.  What is wrong is one
 * line on stderr.  Exit codes: 0 done; 1 it is not as it should be (verify
 * differs, a redrive was refused), not found or refused; 100 wrong use, or this
 * home is no pipeline's; 111 the system failed us, or what was asked does not
 * run or does not answer.
 *
 * The table is sagactl_commands.c; help, completion and the man page's check
 * are made from it.
 */
#ifndef SAGACTL_H
#define SAGACTL_H

#include <jansson.h>

#include "sagactl/sagactl_args.h"

enum { EXIT_DIFFERS = 1 };

struct sagactl {
    const char *home;
    const char *url;        /* --url; NULL: sagactl_gate.h finds it */
    const char *token_file; /* --token-file, or NULL                */
    bool json;
    bool colour; /* stdout is a terminal, and NO_COLOR is not set   */
};

/* Returns the exit code.  args fit the command's row in the table. */
sagactl_fn sagactl_backup;
sagactl_fn sagactl_bench;
sagactl_fn sagactl_completion;
sagactl_fn sagactl_filter;
sagactl_fn sagactl_forget;
sagactl_fn sagactl_help;
sagactl_fn sagactl_order_cancel;
sagactl_fn sagactl_order_list;
sagactl_fn sagactl_order_place;
sagactl_fn sagactl_order_show;
sagactl_fn sagactl_order_watch;
sagactl_fn sagactl_parked_bring_back;
sagactl_fn sagactl_parked_list;
sagactl_fn sagactl_parked_show;
sagactl_fn sagactl_product_list;
sagactl_fn sagactl_product_set;
sagactl_fn sagactl_restore;
sagactl_fn sagactl_status;
sagactl_fn sagactl_tail;
sagactl_fn sagactl_top;
sagactl_fn sagactl_topics;
sagactl_fn sagactl_user_credit;
sagactl_fn sagactl_user_list;
sagactl_fn sagactl_user_open;
sagactl_fn sagactl_user_show;
sagactl_fn sagactl_user_switch;
sagactl_fn sagactl_verify;

/* EXIT_DONE if the home is a pipeline's: there are data in it.  Else one line,
 * and EXIT_USAGE.  Asked before anything is said of what does not run. */
MUST_USE int sagactl_check_home(const struct sagactl *ctl);

/* Copies all stores of a running pipeline to directory/NAME, the broker's
 * last.  The directory is there, empty.  An exit code, and one line. */
MUST_USE int sagactl_copy_all(const struct sagactl *ctl, const char *directory);

/* All that was written to the file system of this directory is on disk, names
 * too.  EXIT_DONE; or EXIT_SYSTEM and one line. */
MUST_USE int sagactl_sync(const char *directory);

/* EXIT_USAGE, and one line, if it is a backup that was not finished. */
MUST_USE int sagactl_backup_check(const char *directory);

/* "copied=PATH/{gateway,...}", or as JSON.  After sagactl_sync(). */
void sagactl_tell(const struct sagactl *ctl, const char *what,
                  const char *path);

/* `verify` of the pipeline that runs at this home. */
int sagactl_verify_running(const struct sagactl *ctl);

/*
 * Asks process `name` through HOME/run/NAME.ctl and waits up to timeout_ms for
 * its reply, which the caller frees with json_decref().  EXIT_DONE; or one line
 * on stderr, *reply_out NULL, and EXIT_USAGE at a home that is none,
 * EXIT_SYSTEM if it does not run or answer, EXIT_DIFFERS if it says no.
 */
MUST_USE int sagactl_ask(const struct sagactl *ctl, const char *name,
                         int timeout_ms, json_t **reply_out,
                         const char *format, ...)
    PRINTF_LIKE(5, 6);

/* The reply or NULL; without a word if the process does not run: *running_out.
 */
json_t *sagactl_try(const struct sagactl *ctl, const char *name,
                    int timeout_ms, bool *running_out, const char *format, ...)
    PRINTF_LIKE(5, 6);

/* Holds the broker (broker_control.h): its topics stand still until the
 * release.  EXIT_DONE and the connection; or one line, -1, and the code as of
 * sagactl_ask(). */
MUST_USE int sagactl_hold(const struct sagactl *ctl, int *fd_out);
/* Closes the connection.  EXIT_DONE if the broker was held all the time;
 * EXIT_SYSTEM, and one line, if it went away or on. */
MUST_USE int sagactl_release(int hold);

/* A member of a reply: its text, "" if there is none; its number, 0. */
const char *sagactl_text(const json_t *object, const char *name);
uint64_t sagactl_number(const json_t *object, const char *name);

#endif
