#include "gateway/http_origin.h"

#include <string.h>

/* Hosts and schemes have no case. */
static bool
same(const char *text, const char *other, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        char a = text[i], b = other[i];

        if (a >= 'A' && a <= 'Z')
            a = (char)(a + ('a' - 'A'));
        if (b >= 'A' && b <= 'Z')
            b = (char)(b + ('a' - 'A'));
        if (a != b)
            return false;
    }
    return true;
}

static bool
takes(const char **text, size_t *bytes, const char *prefix)
{
    size_t length = strlen(prefix);

    if (*bytes < length || !same(*text, prefix, length))
        return false;
    *text += length;
    *bytes -= length;
    return true;
}

static bool
is_port(const char *text, size_t bytes)
{
    size_t i = 1;

    if (bytes == 0)
        return true;
    while (i < bytes && text[i] >= '0' && text[i] <= '9')
        i++;
    return text[0] == ':' && i == bytes && bytes > 1;
}

/* 127.0.0.0/8 is a loopback as a whole; browsers write it in full. */
static bool
takes_loopback_v4(const char **text, size_t *bytes)
{
    if (!takes(text, bytes, "127."))
        return false;
    while (*bytes > 0 &&
           ((**text >= '0' && **text <= '9') || **text == '.')) {
        (*text)++;
        (*bytes)--;
    }
    return true;
}

static bool
is_this_machine(const char *host, size_t bytes)
{
    if (!takes(&host, &bytes, "localhost") && !takes(&host, &bytes, "[::1]") &&
        !takes_loopback_v4(&host, &bytes))
        return false;
    return is_port(host, bytes);
}

bool
http_origin_allowed(const char *origin, size_t origin_bytes, const char *host,
                    size_t host_bytes, bool tokens)
{
    if (origin == NULL)
        return tokens || host == NULL || is_this_machine(host, host_bytes);
    /* https: a proxy before us may speak it. */
    if (!takes(&origin, &origin_bytes, "http://") &&
        !takes(&origin, &origin_bytes, "https://"))
        return false; /* "null", too */
    if (host == NULL || origin_bytes != host_bytes ||
        !same(origin, host, host_bytes))
        return false;
    return tokens || is_this_machine(host, host_bytes);
}
