/*
 * http_route.h - which method and path does what: the form of the one table
 *
 * The table itself, http_routes, stands in http_handlers.c.  A pattern is a
 * path, of which one whole segment may be "{id}", a number; other segments in
 * braces are names, which the handler reads from the path.
 *
 * Pure: functions of their arguments.
 */
#ifndef GATEWAY_HTTP_ROUTE_H
#define GATEWAY_HTTP_ROUTE_H

#include "gateway/http_query.h"

#define ROUTE_ALLOW_BYTES 64

struct http_call;

/* Who asks, and who may: each role may also do what those before it may. */
enum role {
    ROLE_UNSET = 0, /* a route without one is for nobody              */
    ROLE_ANYBODY,   /* without a token                                */
    ROLE_CUSTOMER,  /* places, sees and cancels orders                */
    ROLE_OPERATOR   /* everything                                     */
};

/* Reads path id, query and body into call->request; says in call->problem
 * what is wrong with them. */
typedef void (*http_prepare_fn)(struct http_call *call);
/* Writes the answer of what was done. */
typedef void (*http_reply_fn)(struct http_call *call);

struct http_route {
    const char *method;
    const char *pattern;
    enum role role;         /* the least that may, where there are tokens */
    enum request_kind kind; /* REQUEST_NONE: answered without the store  */
    bool body;              /* takes a JSON body                          */
    unsigned parameters;    /* of the query: QUERY_PAGE | ...             */
    http_prepare_fn prepare; /* NULL if there is nothing but the query    */
    http_reply_fn reply;
    const char *help;
};

/*
 * Finds the route of a decoded path; HEAD finds GET's.  *id_out is the path's
 * id, 0 if the pattern has none.  NULL with PROBLEM_NO_PATH, PROBLEM_METHOD
 * (then allow[ROUTE_ALLOW_BYTES] is the Allow header's value) or
 * PROBLEM_PARAMETER (an id that can't be one).
 */
const struct http_route *http_route_find(const struct http_route *routes,
                                         size_t count, const char *method,
                                         const char *path, uint64_t *id_out,
                                         char *allow,
                                         struct problem *problem);

#endif
