/*
 * What single knobs ask of their values beyond kind and range (knobs.h).
 * The bus and the tap know no tokens: they never listen where another machine
 * could reach them.
 */
#include "saga/knobs.h"

#include <arpa/inet.h>
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
is_word(const char *text, size_t bytes, const char *word)
{
    return strlen(word) == bytes && memcmp(text, word, bytes) == 0;
}

/* An address and its port, as they stand in a value. */
struct place {
    const char *host;
    size_t bytes;
    bool v6;
    unsigned port;
};

static const char not_address[] = "is not address:port or [v6]:port";

/* Splits HOST:PORT or [V6]:PORT; the host is not looked at. */
static bool
take_place(const char *value, struct place *place_out)
{
    const char *at;

    place_out->v6 = value[0] == '[';
    place_out->host = place_out->v6 ? value + 1 : value;
    place_out->bytes = strcspn(place_out->host, place_out->v6 ? "]" : ":");
    at = place_out->host + place_out->bytes;
    return place_out->bytes > 0 && (!place_out->v6 || *at++ == ']') &&
           *at++ == ':' && take_number(&at, 65535, &place_out->port) &&
           *at == '\0';
}

/* The first octet of the address, or -1 if it is none; for v6 127 stands for
 * ::1, and 0 for all others. */
static int
first_octet(const struct place *place)
{
    static const uint8_t loopback[16] = { [15] = 1 };
    char host[INET6_ADDRSTRLEN];
    uint8_t octets[16];

    if (place->bytes >= sizeof host)
        return -1;
    memcpy(host, place->host, place->bytes);
    host[place->bytes] = '\0';
    if (inet_pton(place->v6 ? AF_INET6 : AF_INET, host, octets) != 1)
        return -1;
    if (place->v6)
        return memcmp(octets, loopback, sizeof loopback) == 0 ? 127 : 0;
    return octets[0];
}

static const char *
http_law(const char *value)
{
    struct place place;

    if (!take_place(value, &place))
        return not_address;
    if (!place.v6 && is_word(place.host, place.bytes, "localhost"))
        return NULL;
    return first_octet(&place) < 0 ? not_address : NULL;
}

bool
knob_http_is_loopback(const char *value)
{
    struct place place;

    return take_place(value, &place) &&
           ((!place.v6 && is_word(place.host, place.bytes, "localhost")) ||
            first_octet(&place) == 127);
}

static const char *
tcp_law(const char *value)
{
    struct place place;

    if (!take_place(value, &place))
        return not_address;
    if (place.port == 0)
        return "has port 0, which nobody could find";
    if (!place.v6 && is_word(place.host, place.bytes, "localhost"))
        return "has a name where an address must be";
    return first_octet(&place) == 127 ? NULL : not_loopback;
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
        return tcp_law(value + sizeof tcp - 1);
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
