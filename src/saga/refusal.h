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

/*        enum                  name                   in words for a user */
#define REFUSAL_LIST(X)                                                        \
    X(REFUSAL_DUPLICATE,       "DUPLICATE_CONFLICT",                           \
      "the same id was used before for something else")                        \
    X(REFUSAL_UNKNOWN_USER,    "UNKNOWN_USER",                                 \
      "no account was opened for this user")                                   \
    X(REFUSAL_FROZEN,          "ACCOUNT_FROZEN",                               \
      "the account is frozen")                                                 \
    X(REFUSAL_CURRENCY,        "CURRENCY_MISMATCH",                            \
      "the price is in another currency than the account")                     \
    X(REFUSAL_CANCELLED,       "CANCELLED",                                    \
      "the order was cancelled")                                               \
    X(REFUSAL_TIMEOUT,         "TIMEOUT",                                      \
      "the order did not end in time")                                         \
    X(REFUSAL_CREDIT,          "INSUFFICIENT_CREDIT",                          \
      "the balance is smaller than the price")                                 \
    X(REFUSAL_LIMIT,           "LIMIT_EXCEEDED",                               \
      "the amount is above a limit")

enum refusal {
    REFUSAL_NONE = 0,
#define X(id, name, words) id,
    REFUSAL_LIST(X)
#undef X
    REFUSAL_COUNT
};

/* The name ("UNKNOWN_USER"), "" for REFUSAL_NONE. */
const char *refusal_name(enum refusal refusal);
/* One sentence part for people, "" for REFUSAL_NONE. */
const char *refusal_words(enum refusal refusal);
/* The refusal of that name, or REFUSAL_COUNT if there is none. */
enum refusal refusal_find(const char *name, size_t bytes);

#endif
