/*
 * refusal.h - every named refusal of an order or an account command
 *
 * The list is ordered by rank: where several hold, the first is the one that
 * is told.  The name is what stands in events, in JSON and in metrics.
 * The list grows only at its end of a rank group; names never change.
 *
 * Core.
 */
#ifndef SAGA_REFUSAL_H
#define SAGA_REFUSAL_H

#include "saga/base.h"

#define REFUSAL_LIST(X)                                                        \
    X(REFUSAL_DUPLICATE,    "DUPLICATE_CONFLICT")   /* id used before      */  \
    X(REFUSAL_UNKNOWN_USER, "UNKNOWN_USER")         /* was never opened    */  \
    X(REFUSAL_FROZEN,       "ACCOUNT_FROZEN")                                  \
    X(REFUSAL_CURRENCY,     "CURRENCY_MISMATCH")    /* not the account's   */  \
    X(REFUSAL_CANCELLED,    "CANCELLED")                                       \
    X(REFUSAL_TIMEOUT,      "TIMEOUT")              /* didn't end in time  */  \
    X(REFUSAL_CREDIT,       "INSUFFICIENT_CREDIT")  /* balance below price */  \
    X(REFUSAL_LIMIT,        "LIMIT_EXCEEDED")       /* amount above it     */

enum refusal {
    REFUSAL_NONE = 0,
#define X(id, name) id,
    REFUSAL_LIST(X)
#undef X
    REFUSAL_COUNT
};

/* The name ("UNKNOWN_USER"), "" for REFUSAL_NONE. */
const char *refusal_name(enum refusal refusal);
/* The refusal of that name, or REFUSAL_COUNT if there is none. */
enum refusal refusal_find(const char *name, size_t bytes);

#endif
