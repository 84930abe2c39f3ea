#include "saga/json_view.h"

#include <string.h>

static const char *
skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* Behind the string's closing quote. */
static const char *
skip_string(const char *at)
{
    for (at++; *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at + 1;
}

static const char *
skip_value(const char *at)
{
    size_t depth = 0;

    do {
        if (*at == '"') {
            at = skip_string(at);
            continue;
        }
        if (*at == '{' || *at == '[')
            depth++;
        else if (*at == '}' || *at == ']')
            depth--;
        at++;
    } while (depth > 0 || strchr(",}] \t\r\n", *at) == NULL);
    return at;
}

const char *
json_view_begin(const char *text)
{
    return skip_blanks(text) + 1;
}

bool
json_view_next(const char **at_p, struct json_item *item)
{
    const char *at = skip_blanks(*at_p);
    const char *behind;

    if (*at == ',')
        at = skip_blanks(at + 1);
    if (*at == '}' || *at == ']')
        return false;
    item->whole.text = item->value.text = at;
    item->name = (struct json_span){ at, 0 };
    if (*at == '"') {
        behind = skip_string(at);
        if (*skip_blanks(behind) == ':') {
            item->name = (struct json_span){ at + 1,
                                             (size_t)(behind - at) - 2 };
            item->value.text = skip_blanks(skip_blanks(behind) + 1);
        }
    }
    at = skip_value(item->value.text);
    item->value.bytes = (size_t)(at - item->value.text);
    item->whole.bytes = (size_t)(at - item->whole.text);
    *at_p = at;
    return true;
}

bool
json_view_find(const char *object, const char *name,
               struct json_span *value_out)
{
    const char *at = json_view_begin(object);
    size_t bytes = strlen(name);
    struct json_item item;

    while (json_view_next(&at, &item))
        if (item.name.bytes == bytes
            && memcmp(item.name.text, name, bytes) == 0) {
            *value_out = item.value;
            return true;
        }
    return false;
}
