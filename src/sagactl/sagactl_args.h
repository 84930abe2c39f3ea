/*
 * sagactl_args.h - what was typed, by the table of commands
 *
 *   command    a row of the table: one word or two ("order place"), what
 *              follows it, its options, its help
 *   words      what follows a command and is no option; the row's `arguments`
 *              tells how many: "USER PRODUCT [QUANTITY]" is two or three
 *   option     "--from OFFSET", "--from=OFFSET" or, without a value, "--json";
 *              anywhere behind the command; the global ones before it, too
 *   rest       everything behind "--", for a row whose arguments end with
 *              "-- PROGRAM [ARGUMENT...]"
 */
#ifndef SAGACTL_ARGS_H
#define SAGACTL_ARGS_H

#include "saga/base.h"

#define ARGS_WORDS_MAX 4
#define ARGS_OPTIONS_MAX 8 /* of one command */
#define ARGS_USAGE_BYTES 256

struct sagactl;
struct sagactl_args;

typedef int sagactl_fn(const struct sagactl *ctl,
                       const struct sagactl_args *args);

struct sagactl_option {
    const char *name;  /* "from"                                   */
    const char *value; /* "OFFSET", "asc|desc"; NULL: it has none  */
    const char *text;
};

struct sagactl_command {
    const char *name;
    const char *arguments; /* "" if nothing may follow */
    const char *summary;   /* for the list of commands */
    const char *detail;    /* for `help COMMAND`: whole sentences */
    sagactl_fn *run;
    struct sagactl_option options[ARGS_OPTIONS_MAX + 1];
};

extern const struct sagactl_command sagactl_commands[];
extern const size_t sagactl_commands_count;
extern const struct sagactl_option sagactl_global_options[];
extern const size_t sagactl_global_count;

struct sagactl_args {
    const struct sagactl_command *command; /* NULL: none was given */
    const char *group; /* "order", if it was: the first word of some; or NULL */
    const char *words[ARGS_WORDS_MAX];     /* NULL behind the last */
    int count;
    char **rest; /* ends with NULL; NULL: no "--" */
    const char *values[ARGS_OPTIONS_MAX];
    const char *globals[ARGS_OPTIONS_MAX];
};

/* EXIT_DONE; or EXIT_USAGE, and one line on stderr that shows how it goes. */
int args_read(struct sagactl_args *args, int argc, char **argv);

/* The option's value ("" for one without); NULL if it was not given.  A name
 * that the command's row does not have is a bug. */
const char *args_value(const struct sagactl_args *args, const char *name);
const char *args_global(const struct sagactl_args *args, const char *name);

/* "order place USER PRODUCT [QUANTITY] [--wait SECONDS]" */
void args_usage(const struct sagactl_command *command,
                char usage[ARGS_USAGE_BYTES]);

/* Tells on stderr how the command goes and, unless NULL, what was wrong with
 * `what`; EXIT_USAGE. */
int args_wrong(const struct sagactl_args *args, const char *what);

/*
 * Reads the text as a number of min..max, as an amount above or at 0.
 * False, and the line of args_wrong(), if it is not one; `what` is what the
 * usage calls it.
 */
bool args_number(const struct sagactl_args *args, const char *what,
                 const char *text, uint64_t min, uint64_t max, uint64_t *out);
bool args_amount(const struct sagactl_args *args, const char *what,
                 const char *text);

#endif
