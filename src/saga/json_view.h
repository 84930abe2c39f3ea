/*
 * json_view.h - the parts of a JSON text, as they stand in it
 *
 * For text that was found to be right by a parser, and of which something is
 * to be passed on octet for octet: an amount with its two decimals, a row of a
 * list.  A span is a look into that text.
 *
 * Core.
 */
#ifndef SAGA_JSON_VIEW_H
#define SAGA_JSON_VIEW_H

#include "saga/base.h"

struct json_span {
    const char *text;
    size_t bytes;
};

struct json_item {
    struct json_span whole; /* `"name": value` or, in an array, the value */
    struct json_span name;  /* without quotes, escapes as they stand      */
    struct json_span value;
};

/*
 * Walks over an object's members or an array's elements.  The text ends with
 * a NUL and is right JSON that begins with a bracket; else the walk is
 * undefined.  json_view_next() is false behind the last.
 */
const char *json_view_begin(const char *text);
bool json_view_next(const char **at, struct json_item *item_out);

/* The value of a member of that name (one without escapes); false if there
 * is none. */
bool json_view_find(const char *object, const char *name,
                    struct json_span *value_out);

#endif
