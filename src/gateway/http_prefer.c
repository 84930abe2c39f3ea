#include "gateway/http_prefer.h"

#include <string.h>

static const char *
skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

/* The text, in letters of any case, or NULL. */
static const char *
take_word(const char *at, const char *end, const char *word)
{
    for (; *word != '\0'; word++, at++) {
        if (at == end || (*at | 0x20) != *word)
            return NULL;
    }
    return at;
}

/* One preference: wait, blanks, =, blanks, digits, and nothing but blanks or a
 * parameter behind them. */
static bool
read_wait(const char *at, const char *end, uint32_t *seconds_out)
{
    uint32_t seconds = 0;
    const char *digits;
    bool quoted;

    at = take_word(skip_blanks(at, end), end, "wait");
    if (at == NULL)
        return false;
    at = skip_blanks(at, end);
    if (at == end || *at != '=')
        return false;
    at = skip_blanks(at + 1, end);
    quoted = at < end && *at == '"';
    if (quoted)
        at++;
    for (digits = at; at < end && *at >= '0' && *at <= '9'; at++) {
        if (seconds <= PREFER_WAIT_S_MAX)
            seconds = seconds * 10 + (uint32_t)(*at - '0');
    }
    if (at == digits || (quoted && (at == end || *at++ != '"')))
        return false;
    at = skip_blanks(at, end);
    *seconds_out = seconds < PREFER_WAIT_S_MAX ? seconds : PREFER_WAIT_S_MAX;
    return at == end || *at == ';';
}

uint32_t
prefer_wait_s(const char *value, size_t bytes)
{
    const char *at = value, *end = value + bytes;
    uint32_t seconds;

    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *until = comma != NULL ? comma : end;

        if (read_wait(at, until, &seconds))
            return seconds;
        at = comma != NULL ? comma + 1 : end;
    }
    return 0;
}
