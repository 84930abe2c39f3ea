/*
 * sagactl_rows.h - what the gateway told, as lines
 *
 * A row is a JSON object.  In text it is one line of key=value, "order=81
 * user=1 ... status=ORDER_COMPLETED", whatever members it has; what is nested
 * follows on lines of its own, two blanks in.  With --json it is the object
 * as it came.  Amounts keep their decimals: nothing is parsed and printed
 * anew.
 */
#ifndef SAGACTL_ROWS_H
#define SAGACTL_ROWS_H

#include "saga/json_view.h"
#include "sagactl/sagactl_gate.h"

/* `noun` takes the place of the name "id". */
void rows_print(const struct sagactl *ctl, const char *noun,
                struct json_span row);

/* Asks for a path that answers with one row, prints that; or nothing, if the
 * answer has no body. */
int rows_ask(const struct sagactl *ctl, const char *noun,
             const struct gate_question *question);

/*
 * Prints a list page by page, `max` rows at most (0: all).  `query` stands
 * behind "?limit=N", from '&' on, or is "".
 */
int rows_list(const struct sagactl *ctl, const char *noun, const char *path,
              const char *query, uint64_t max);

/* The rows that --limit and --all ask for; false, and a line, if that is
 * wrong. */
bool rows_max(const struct sagactl_args *args, uint64_t *max_out);

/*
 * Appends "&after=..&order=.." and "&userId=..&status=.." from the options of
 * those names.  The first clears the query.  False, and a line, if one is
 * wrong.
 */
bool rows_page_query(const struct sagactl_args *args, char *query,
                     size_t size);
bool rows_order_query(const struct sagactl_args *args, char *query,
                      size_t size);

#endif
