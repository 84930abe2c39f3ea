#include "gateway/http_query.h"

#include <string.h>

enum parameter {
    PARAMETER_LIMIT,
    PARAMETER_AFTER,
    PARAMETER_ORDER,
    PARAMETER_USER,
    PARAMETER_STATUS,
    PARAMETER_LATEST,
    PARAMETER_COUNT
};

static const struct {
    const char *name;
    unsigned set;
} parameters[PARAMETER_COUNT] = {
    [PARAMETER_LIMIT] = { "limit", QUERY_PAGE },
    [PARAMETER_AFTER] = { "after", QUERY_PAGE },
    [PARAMETER_ORDER] = { "order", QUERY_PAGE },
    [PARAMETER_USER] = { "userId", QUERY_ORDERS },
    [PARAMETER_STATUS] = { "status", QUERY_ORDERS },
    [PARAMETER_LATEST] = { "latest", QUERY_STREAM },
};

/* The value of a hexadecimal digit, or 16. */
static unsigned
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 16;
}

/* Decodes the escape behind a '%'; false if it is none we take. */
static bool
escape_decode(const char *digits, size_t bytes, char *c_out)
{
    unsigned value;

    if (bytes < 2 || hex_value(digits[0]) == 16 || hex_value(digits[1]) == 16)
        return false;
    value = hex_value(digits[0]) * 16 + hex_value(digits[1]);
    *c_out = (char)value;
    return value != 0 && value != '/';
}

bool
percent_decode(const char *encoded, size_t bytes, bool plus, char *text,
               size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < bytes; i++) {
        char c = encoded[i];

        if (c == '%') {
            if (!escape_decode(encoded + i + 1, bytes - i - 1, &c))
                return false;
            i += 2;
        } else if (c == '\0') {
            return false;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (used + 1 >= size)
            return false;
        text[used++] = c;
    }
    text[used] = '\0';
    return true;
}

bool
id_parse(const char *text, size_t bytes, uint64_t *id_out)
{
    uint64_t id = 0;

    if (bytes == 0 || bytes > 16 || text[0] == '0')
        return false;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        id = id * 10 + (uint64_t)(text[i] - '0');
    }
    *id_out = id;
    return id_valid(id);
}

static enum parameter
parameter_find(const char *name, unsigned allowed)
{
    for (unsigned i = 0; i < PARAMETER_COUNT; i++) {
        if ((parameters[i].set & allowed) != 0 &&
            strcmp(parameters[i].name, name) == 0)
            return (enum parameter)i;
    }
    return PARAMETER_COUNT;
}

static void
set_count(uint32_t *count, const char *name, const char *value,
          struct problem *problem)
{
    uint64_t number;

    if (!id_parse(value, strlen(value), &number) || number > LIST_ROWS_MAX) {
        problem_set(problem, PROBLEM_PARAMETER, name,
                    "%s is a number from 1 to %d", name, LIST_ROWS_MAX);
        problem->limit = LIST_ROWS_MAX;
        return;
    }
    *count = (uint32_t)number;
}

static void
set_id(uint64_t *id, const char *name, const char *value,
       struct problem *problem)
{
    if (!id_parse(value, strlen(value), id))
        problem_set(problem, PROBLEM_PARAMETER, name,
                    "%s is an integer from 1 to 9007199254740991", name);
}

static void
set_order(struct request_query *query, const char *value,
          struct problem *problem)
{
    query->descending = strcmp(value, "desc") == 0;
    if (!query->descending && strcmp(value, "asc") != 0)
        problem_set(problem, PROBLEM_PARAMETER, "order",
                    "order is asc or desc");
}

static void
set_status(struct request_query *query, const char *value,
           struct problem *problem)
{
    query->status = order_status_find(value, strlen(value));
    if (query->status == ORDER_STATUS_COUNT || query->status == ORDER_UNSET)
        problem_set(problem, PROBLEM_PARAMETER, "status",
                    "status is the name of an order's state, as "
                    "ORDER_COMPLETED");
}

static void
set_parameter(struct request_query *query, enum parameter parameter,
              const char *value, struct problem *problem)
{
    switch (parameter) {
    case PARAMETER_LIMIT:
        set_count(&query->limit, "limit", value, problem);
        break;
    case PARAMETER_AFTER:
        set_id(&query->after, "after", value, problem);
        break;
    case PARAMETER_ORDER:
        set_order(query, value, problem);
        break;
    case PARAMETER_USER:
        set_id(&query->user.value, "userId", value, problem);
        break;
    case PARAMETER_STATUS:
        set_status(query, value, problem);
        break;
    case PARAMETER_LATEST:
        set_count(&query->latest, "latest", value, problem);
        break;
    case PARAMETER_COUNT:
        break;
    }
}

/* One `name=value`; *seen collects the parameters that stood before. */
static void
pair_parse(const char *pair, size_t bytes, unsigned allowed, unsigned *seen,
           struct request_query *query, struct problem *problem)
{
    const char *equals = memchr(pair, '=', bytes);
    size_t name_bytes = equals != NULL ? (size_t)(equals - pair) : bytes;
    size_t skip = equals != NULL ? name_bytes + 1 : bytes;
    char name[QUERY_TEXT_BYTES];
    char value[QUERY_TEXT_BYTES];
    enum parameter parameter;

    if (!percent_decode(pair, name_bytes, true, name, sizeof(name)) ||
        !percent_decode(pair + skip, bytes - skip, true, value,
                        sizeof(value))) {
        problem_set(problem, PROBLEM_PARAMETER, NULL,
                    "a parameter of the query is too long or badly escaped");
        return;
    }
    parameter = parameter_find(name, allowed);
    if (parameter == PARAMETER_COUNT) {
        problem_set(problem, PROBLEM_PARAMETER, name,
                    "there is no such query parameter here");
        return;
    }
    if ((*seen & 1u << parameter) != 0) {
        problem_set(problem, PROBLEM_PARAMETER, name,
                    "the query parameter is given twice");
        return;
    }
    *seen |= 1u << parameter;
    set_parameter(query, parameter, value, problem);
}

void
query_parse(const char *text, unsigned allowed, struct request_query *query_out,
            struct problem *problem)
{
    unsigned seen = 0;

    *query_out = (struct request_query){ .limit = LIST_ROWS_DEFAULT };
    while (*text != '\0' && problem->type == PROBLEM_NONE) {
        size_t bytes = strcspn(text, "&");

        if (bytes > 0)
            pair_parse(text, bytes, allowed, &seen, query_out, problem);
        text += bytes;
        if (*text == '&')
            text++;
    }
}

void
query_write_link(struct text_writer *writer, const char *path,
                 const struct request_query *query, uint64_t after)
{
    text_put(writer, "<");
    text_put(writer, path);
    text_put(writer, "?limit=");
    text_put_uint(writer, query->limit);
    text_put(writer, "&after=");
    text_put_uint(writer, after);
    if (query->descending)
        text_put(writer, "&order=desc");
    if (query->user.value != 0) {
        text_put(writer, "&userId=");
        text_put_uint(writer, query->user.value);
    }
    if (query->status != ORDER_UNSET) {
        text_put(writer, "&status=");
        text_put_percent(writer, order_status_name(query->status));
    }
    text_put(writer, ">; rel=\"next\"");
}
