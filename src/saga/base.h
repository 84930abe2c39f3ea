/*
 * base.h - what every file of sagapipe may use: results, invariants, exits
 *
 * Three kinds of failure are kept apart.  An OUTCOME (business said no) is a
 * value of an enum of its own.  An OPERATIONAL failure (the world said no) is
 * an enum rc.  A BUG is an invariant() that does not hold.
 *
 * Layer: 0.  Core: no library beside the C standard's headers.
 */
#ifndef SAGA_BASE_H
#define SAGA_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The result of everything that can fail because of the world. */
enum rc {
    RC_OK = 0,
    RC_NOT_FOUND,  /* no such row, offset, file                               */
    RC_EXISTS,     /* it is there already                                     */
    RC_FULL,       /* a named limit is reached; nothing was done              */
    RC_AGAIN,      /* not now (not connected, window closed); nothing done    */
    RC_MALFORMED,  /* the input does not have the form that it must have      */
    RC_BUSY,       /* another process holds it                                */
    RC_NO_SPACE,   /* the disk is full                                        */
    RC_NO_MEMORY,  /* malloc gave none                                        */
    RC_IO,         /* the system failed us: stop, restart, recover            */
    RC_DAMAGED,    /* data does not verify: stop, call a human                */
    RC_REFUSED,    /* an event that can't be handled; nothing was done: park */
    RC_FENCED,     /* a newer process of our name has taken over              */
    RC_COUNT
};

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first)                                               \
    __attribute__((__format__(printf, text, first)))
#define NORETURN __attribute__((noreturn))
#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Microseconds as milliseconds, rounded up: a wait must not end too soon. */
static inline int64_t
ms_up(int64_t us)
{
    return (us + 999) / 1000;
}

/* Exit codes are an interface: scripts and units act on them. */
enum {
    EXIT_DONE = 0,      /* asked to stop, and did                             */
    EXIT_USAGE = 100,   /* wrong use or configuration: do not restart         */
    EXIT_SYSTEM = 111,  /* the system failed us: restart                      */
    EXIT_DAMAGED = 120, /* our data does not verify: call a human             */
};

/* The name of a result, for a log line: "ok", "not_found", ... */
const char *rc_name(enum rc rc);

/*
 * The exit code with which a process ends that can't go on because of rc:
 * RC_DAMAGED and RC_FENCED 120, RC_BUSY and RC_MALFORMED (a setting that can't
 * be) 100, all others 111.
 */
int rc_exit_code(enum rc rc);

/*
 * A law of the program itself.  It stays on in production: a broken law ends
 * the process (abort), and the restart recovers from what is on disk.
 */
#define invariant(law)                                                         \
    ((law) ? (void)0 : invariant_broken(#law, __FILE__, __LINE__))
void invariant_broken(const char *law, const char *file, int line) NORETURN;

#endif
