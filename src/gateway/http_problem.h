/*
 * http_problem.h - every refusal over HTTP, in one list (RFC 9457)
 *
 * A problem is written as application/problem+json:
 *   {"type":"/problems/unknown-product","title":"...","status":404,
 *    "detail":"...","field":"productId","limit":16384,"state":"ORDER_FAILED"}
 * The type is stable and is what programs look at; title belongs to the type;
 * detail is about this one case, for people.
 *
 * Pure: functions of their arguments.
 */
#ifndef GATEWAY_HTTP_PROBLEM_H
#define GATEWAY_HTTP_PROBLEM_H

#include "saga/text_writer.h"

#define PROBLEM_FIELD_BYTES 64
#define PROBLEM_DETAIL_BYTES 256
/* A byte of outside text takes six at most ("\u001F"). */
#define PROBLEM_TEXT_BYTES_MAX                                                 \
    (6 * (PROBLEM_FIELD_BYTES + PROBLEM_DETAIL_BYTES) + 512)

/*    enum                      name                 status  title           */
#define PROBLEM_LIST(P)                                                        \
    P(PROBLEM_FRAMING,          "message-framing",        400,                 \
      "The request's framing is not accepted")                                 \
    P(PROBLEM_TARGET,           "bad-target",             400,                 \
      "The request's target is malformed")                                     \
    P(PROBLEM_PARAMETER,        "bad-parameter",          400,                 \
      "A parameter of the path or query is not valid")                         \
    P(PROBLEM_JSON,             "malformed-json",         400,                 \
      "The body is not one JSON object")                                       \
    P(PROBLEM_FIELD_UNKNOWN,    "unknown-field",          400,                 \
      "The body has a field that does not exist")                              \
    P(PROBLEM_FIELD_MISSING,    "missing-field",          400,                 \
      "The body lacks a field that is required")                               \
    P(PROBLEM_FIELD_TYPE,       "wrong-type",             400,                 \
      "A field has another JSON type than it must have")                       \
    P(PROBLEM_KEY,              "bad-idempotency-key",    400,                 \
      "The Idempotency-Key is not one of 1 to 255 visible characters")         \
    P(PROBLEM_UNAUTHORIZED,     "unauthorized",           401,                 \
      "The request has no valid token")                                        \
    P(PROBLEM_FORBIDDEN,        "forbidden",              403,                 \
      "The token's role may not do this")                                      \
    P(PROBLEM_ORIGIN,           "foreign-origin",         403,                 \
      "A page of another site may not ask this")                               \
    P(PROBLEM_NO_PATH,          "unknown-path",           404,                 \
      "There is nothing at this path")                                         \
    P(PROBLEM_NO_ROW,           "not-found",              404,                 \
      "There is no such thing")                                                \
    P(PROBLEM_NO_PRODUCT,       "unknown-product",        404,                 \
      "There is no such product")                                              \
    P(PROBLEM_NO_USER,          "unknown-user",           404,                 \
      "There is no such user")                                                 \
    P(PROBLEM_METHOD,           "method-not-allowed",     405,                 \
      "The path does not know this method")                                    \
    P(PROBLEM_USER_EXISTS,      "user-exists",            409,                 \
      "The user has an account already")                                       \
    P(PROBLEM_CATALOGUE_FULL,   "catalogue-full",         409,                 \
      "The catalogue has no room for one more product")                        \
    P(PROBLEM_ENDED,            "order-ended",            409,                 \
      "The order has ended and can't be cancelled")                            \
    P(PROBLEM_REDRIVE,          "redrive-refused",        409,                 \
      "The event was tried again and refused again: it is still parked")       \
    P(PROBLEM_BODY_SIZE,        "body-too-large",         413,                 \
      "The body is larger than the limit")                                     \
    P(PROBLEM_TARGET_SIZE,      "target-too-long",        414,                 \
      "The request's target is longer than the limit")                         \
    P(PROBLEM_MEDIA,            "unsupported-media-type", 415,                 \
      "The body must be application/json, not compressed")                     \
    P(PROBLEM_FIELD_RANGE,      "out-of-range",           422,                 \
      "A field's value is outside of its range")                               \
    P(PROBLEM_PRICE,            "price-too-large",        422,                 \
      "The total price leaves the range of money")                             \
    P(PROBLEM_KEY_CONFLICT,     "idempotency-conflict",   422,                 \
      "The Idempotency-Key was used for another order")                        \
    P(PROBLEM_RATE,             "too-many-requests",      429,                 \
      "Your address has sent too many requests in this second")                \
    P(PROBLEM_HEAD_SIZE,        "head-too-large",         431,                 \
      "The request's head is larger than the limit")                           \
    P(PROBLEM_BACKLOG,          "backlog-full",           503,                 \
      "Too many events wait for the broker")                                   \
    P(PROBLEM_DISK,             "disk-floor",             503,                 \
      "Too little disk space is left to take commands")                        \
    P(PROBLEM_STORE_FAILED,     "store-failed",           503,                 \
      "The store failed; whether the command took effect is not known")        \
    P(PROBLEM_STORE_TIMEOUT,    "store-timeout",          503,                 \
      "The store did not answer in time; whether the command took effect is "  \
      "not known")                                                             \
    P(PROBLEM_SILENT,           "participant-silent",     503,                 \
      "A process does not answer; whether the command took effect is not "     \
      "known")                                                                 \
    P(PROBLEM_OVERLOADED,       "overloaded",             503,                 \
      "Too many requests wait for the store")                                  \
    P(PROBLEM_STOPPING,         "shutting-down",          503,                 \
      "The gateway is stopping")                                               \
    P(PROBLEM_MEMORY,           "out-of-memory",          503,                 \
      "The gateway has no memory for this answer")

enum problem_type {
    PROBLEM_NONE = 0,
#define P(id, name, status, title) id,
    PROBLEM_LIST(P)
#undef P
    PROBLEM_COUNT
};

struct problem {
    enum problem_type type;
    uint64_t limit;                    /* 0: not told  */
    const char *state;                 /* of an order; NULL: not told */
    char field[PROBLEM_FIELD_BYTES];   /* "": not told */
    char detail[PROBLEM_DETAIL_BYTES]; /* "": not told */
};

/* No problem (yet).  Cheap: it does not clear the texts. */
void problem_init(struct problem *problem);

/* Says what is wrong; the first one said stays.  field may be NULL; long
 * texts are cut. */
void problem_set(struct problem *problem, enum problem_type type,
                 const char *field, const char *detail, ...)
    PRINTF_LIKE(4, 5);

/* "unknown-product"; "" for PROBLEM_NONE. */
const char *problem_name(enum problem_type type);
/* The HTTP status. */
unsigned problem_status(enum problem_type type);

/* Writes the object; at most PROBLEM_TEXT_BYTES_MAX. */
void problem_write(struct text_writer *writer, const struct problem *problem);

#endif
