#include "gateway/body_plain.h"

#include <string.h>

#include "saga/event.h"

/* What is left of the text. */
struct scan {
    const char *at;
    const char *end;
};

/* The next byte that is no blank, not taken; NUL at the end. */
static char
look(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t' ||
                                    *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
    return scan->at < scan->end ? *scan->at : '\0';
}

static bool
take(struct scan *scan, char wanted)
{
    if (look(scan) != wanted)
        return false;
    scan->at++;
    return true;
}

/* The field whose name stands next in quotes, or `count`. */
static size_t
take_key(struct scan *scan, const struct body_field *fields, size_t count)
{
    size_t i;

    if (!take(scan, '"'))
        return count;
    for (i = 0; i < count; i++) {
        size_t bytes = strlen(fields[i].name);

        if (bytes < (size_t)(scan->end - scan->at) &&
            memcmp(scan->at, fields[i].name, bytes) == 0 &&
            scan->at[bytes] == '"') {
            scan->at += bytes + 1;
            return i;
        }
    }
    return count;
}

/* An integer from 1 to max, in JSON's one way to write it; else 0. */
static uint64_t
take_number(struct scan *scan, uint64_t max)
{
    uint64_t number = 0;

    if (look(scan) == '0')
        return 0;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9' &&
           number <= max)
        number = number * 10 + (uint64_t)(*scan->at++ - '0');
    return number <= max ? number : 0;
}

_Static_assert(ID_MAX < UINT64_MAX / 10 - 10, "a digit too many is noticed");

static bool
take_value(struct scan *scan, const struct body_field *field,
           struct body_value *value)
{
    if (value->present)
        return false;
    value->present = true;
    if (field->kind == BODY_ID) {
        value->id = take_number(scan, ID_MAX);
        return value->id != 0;
    }
    if (field->kind == BODY_COUNT) {
        value->count = (int64_t)take_number(scan, QUANTITY_MAX);
        return value->count != 0;
    }
    return false;
}

bool
body_plain_parse(const char *text, size_t bytes,
                 const struct body_field *fields, size_t count,
                 struct body_value *values_out)
{
    struct scan scan = { text, text + bytes };
    size_t i;

    if (!take(&scan, '{'))
        return false;
    do {
        i = take_key(&scan, fields, count);
        if (i == count || !take(&scan, ':') ||
            !take_value(&scan, &fields[i], &values_out[i]))
            return false;
    } while (take(&scan, ','));
    if (!take(&scan, '}') || look(&scan) != '\0' || scan.at != scan.end)
        return false;
    for (i = 0; i < count; i++)
        if (fields[i].required && !values_out[i].present)
            return false;
    return true;
}
