/*
 * What single knobs ask of their values beyond kind and range (knobs.h).
 * Until requests carry tokens, nothing listens where another machine could
 * reach it.
 */
#include "saga/knobs.h"

#include <string.h>

typedef const char *law_fn(const char *value);

static const char not_loopback[] =
    "is not on loopback (127.0.0.0/8, [::1]): others could send orders";

/* Decimal digits without a leading zero, at most max; moves *at_p on. */
static bool
take_number(const char **at_p, unsigned max, unsigned *number_out)
{
    const char *at = *at_p;
    unsigned number = 0;

    while (*at >= '0' && *at <= '9' && number <= max)
        number = number * 10 + (unsigned)(*at++ - '0');
    if (at == *at_p || number > max || (**at_p == '0' && at - *at_p > 1))
        return false;
    *at_p = at;
    *number_out = number;
    return true;
}

static bool
is_loopback_v4(const char *host, size_t bytes)
{
    const char *at = host;
    unsigned first = 0;
    unsigned other;

    if (!take_number(&at, 255, &first))
        return false;
    for (int count = 0; count < 3; count++) {
        if (*at++ != '.' || !take_number(&at, 255, &other))
            return false;
    }
    return first == 127 && at == host + bytes;
}

static bool
is_word(const char *text, size_t bytes, const char *word)
{
    return strlen(word) == bytes && memcmp(text, word, bytes) == 0;
}

/* ADDRESS:PORT or [V6]:PORT; port_min is 1 where 0 has no meaning. */
static const char *
address_law_broken(const char *value, unsigned port_min, bool names_allowed)
{
    static const char not_address[] = "is not address:port or [v6]:port";
    const bool v6 = value[0] == '[';
    const char *host = v6 ? value + 1 : value;
    const size_t bytes = strcspn(host, v6 ? "]" : ":");
    const char *at = host + bytes;
    unsigned port;

    if (bytes == 0 || (v6 && *at++ != ']') || *at++ != ':' ||
        !take_number(&at, 65535, &port) || *at != '\0')
        return not_address;
    if (port < port_min)
        return "has port 0, which nobody could find";
    if (!v6 && is_word(host, bytes, "localhost"))
        return names_allowed ? NULL : "has a name where an address must be";
    if (v6 ? is_word(host, bytes, "::1") : is_loopback_v4(host, bytes))
        return NULL;
    return not_loopback;
}

static const char *
http_law(const char *value)
{
    return address_law_broken(value, 0, true);
}

/* ZeroMQ binds to addresses, not to names. */
static const char *
endpoint_law(const char *value)
{
    static const char ipc[] = "ipc://";
    static const char tcp[] = "tcp://";

    if (value[0] == '\0')
        return NULL;
    if (strncmp(value, ipc, sizeof ipc - 1) == 0)
        return value[sizeof ipc - 1] == '\0' || value[sizeof ipc - 1] == '*'
                   ? "names no socket file"
                   : NULL;
    if (strncmp(value, tcp, sizeof tcp - 1) == 0)
        return address_law_broken(value + sizeof tcp - 1, 1, false);
    return "does not begin with ipc:// or tcp://";
}

/* In an ipc endpoint these two would not be read as a path. */
static const char *
home_law(const char *value)
{
    return value[0] == '@' || value[0] == '*' ? "begins with '@' or '*'" : NULL;
}

static const char *
instance_law(const char *value)
{
    for (const char *at = value; *at != '\0'; at++) {
        if ((*at < 'a' || *at > 'z') && (*at < '0' || *at > '9'))
            return "is not made of a-z and 0-9";
    }
    return NULL;
}

static const char *
currency_law(const char *value)
{
    for (const char *at = value; *at != '\0'; at++) {
        if (*at < 'A' || *at > 'Z')
            return "is not three capital letters";
    }
    return NULL;
}

/* True if the name stands in the list's part before `end`. */
static bool
stands_before(const char *list, const char *end, const char *name)
{
    for (const char *at = list; at < end; at += strcspn(at, ",") + 1) {
        if (is_word(at, strcspn(at, ","), name))
            return true;
    }
    return false;
}

static const char *
topics_law(const char *value)
{
    const char *at = value;

    if (*at == '\0')
        return NULL;
    for (;;) {
        const size_t bytes = strcspn(at, ",");
        char name[TOPIC_NAME_BYTES];

        if (bytes >= sizeof name)
            return "names a topic of over 31 characters";
        memcpy(name, at, bytes);
        name[bytes] = '\0';
        if (!topic_name_valid(name))
            return "is not a list of topic names like a,b.c,d-e";
        if (topic_find(name) != TOPIC_COUNT)
            return "names a topic that is there anyway";
        if (stands_before(value, at, name))
            return "names a topic twice";
        if (at[bytes] == '\0')
            return NULL;
        at += bytes + 1;
    }
}

static law_fn *const laws[KNOB_COUNT] = {
    [KNOB_home] = home_law,         [KNOB_bus] = endpoint_law,
    [KNOB_tap] = endpoint_law,      [KNOB_http] = http_law,
    [KNOB_instance] = instance_law, [KNOB_currency] = currency_law,
    [KNOB_topics] = topics_law,
};

const char *
knob_law_broken(enum knob_id id, const char *value)
{
    return laws[id] == NULL ? NULL : laws[id](value);
}
