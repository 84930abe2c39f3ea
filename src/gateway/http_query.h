/*
 * http_query.h - request targets: paths, ids and query strings, strictly read
 *
 * Pure: functions of their arguments.
 */
#ifndef GATEWAY_HTTP_QUERY_H
#define GATEWAY_HTTP_QUERY_H

#include "gateway/http_problem.h"
#include "gateway/request.h"

#define QUERY_TEXT_BYTES 64 /* of one decoded name or value, with NUL */

/* Sets of query parameters that a route takes. */
enum {
    QUERY_NOTHING = 0,
    QUERY_PAGE = 1,   /* limit, after, order */
    QUERY_ORDERS = 2, /* userId, status      */
    QUERY_STREAM = 4, /* latest              */
};

/*
 * Decodes %XX (and '+' as a blank, if asked) into text[size] with a NUL.
 * False if an escape is malformed, a byte is NUL (escaped or not), a slash is
 * escaped, or it does not fit.
 */
MUST_USE bool percent_decode(const char *encoded, size_t bytes, bool plus,
                             char *text, size_t size);

/* Reads an id as it is printed: 1 to ID_MAX, no sign, blank or leading 0. */
MUST_USE bool id_parse(const char *text, size_t bytes, uint64_t *id_out);

/*
 * Reads a query string (without '?') into *query_out, starting from its
 * defaults.  A parameter outside of `allowed`, one that is repeated, and a bad
 * value is a PROBLEM_PARAMETER that names it.
 */
void query_parse(const char *text, unsigned allowed,
                 struct request_query *query_out, struct problem *problem);

/* Writes the Link header's value for the page behind `after`:
 * </orders?limit=100&after=7>; rel="next" */
void query_write_link(struct text_writer *writer, const char *path,
                      const struct request_query *query, uint64_t after);

#endif
