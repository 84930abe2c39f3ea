#include "saga/knobs.h"

#include <stdio.h>
#include <string.h>

#include "saga/quote.h"

#define QUOTED_BYTES 160 /* of a value, in a refusal */

const struct knob knobs[KNOB_COUNT] = {
#define K(name, kind, fallback, min, max, who, text)                           \
    [KNOB_##name] = { #name, KNOB_KIND_##kind, fallback, min, max, who, text,  \
                      offsetof(struct config, name) },
    KNOB_LIST(K)
#undef K
};

/* Every text fits its place, and the ipc endpoints made from any home fit
 * where endpoints go (ZeroMQ's limit for ipc paths is 107). */
enum knob_max {
#define K(name, kind, fallback, min, max, who, text)                           \
    KNOB_MAX_##name = (KNOB_KIND_##kind == KNOB_KIND_STRING ? (max) : 0),
    KNOB_LIST(K)
#undef K
};
#define K(name, kind, fallback, min, max, who, text)                           \
    _Static_assert(KNOB_MAX_##name < CONFIG_STRING_BYTES, #name);              \
    _Static_assert(sizeof #name <= KNOB_NAME_BYTES, #name);
KNOB_LIST(K)
#undef K
_Static_assert(KNOB_MAX_home + sizeof "ipc:///run/broker.ipc" - 1 <=
                   KNOB_MAX_bus,
               "the bus below the longest home must be a valid endpoint");

struct unit {
    const char *name;
    uint64_t size;
};

/* From large to small; a plain number is of size 1. */
static const struct unit byte_units[] = {
    { "g", UINT64_C(1) << 30 }, { "m", UINT64_C(1) << 20 },
    { "k", UINT64_C(1) << 10 }, { "", 1 }, { NULL, 0 },
};
static const struct unit time_units[] = {
    { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 }, { "", 1 },
    { NULL, 0 },
};
static const struct unit no_units[] = { { "", 1 }, { NULL, 0 } };

struct kind {
    const char *name; /* for --help                                   */
    const char *form; /* for a refusal: "is not ..."                  */
    const struct unit *units;
};

static const struct kind kinds[KNOB_KIND_COUNT] = {
    [KNOB_KIND_STRING] = { "TEXT", "a text", no_units },
    [KNOB_KIND_NUMBER] = { "NUMBER", "a number", no_units },
    [KNOB_KIND_BYTES] = { "BYTES", "a size like 4096, 16k, 32m or 1g",
                          byte_units },
    [KNOB_KIND_MILLISECONDS] = { "TIME", "a time like 250ms, 5s, 2m or 1h",
                                 time_units },
    [KNOB_KIND_MONEY] = { "AMOUNT", "an amount like 12.50", no_units },
};

const char *
knob_kind_name(enum knob_kind kind)
{
    return kinds[kind].name;
}

enum knob_id
knob_find(const char *name, size_t bytes)
{
    for (enum knob_id id = 0; id < KNOB_COUNT; id++) {
        if (strlen(knobs[id].name) == bytes &&
            memcmp(knobs[id].name, name, bytes) == 0)
            return id;
    }
    return KNOB_COUNT;
}

void
knob_variable(enum knob_id id, char variable[KNOB_VARIABLE_BYTES])
{
    snprintf(variable, KNOB_VARIABLE_BYTES, "SAGAPIPE_%s", knobs[id].name);
    for (char *at = variable; *at != '\0'; at++) {
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - 'a' + 'A');
    }
}

void
knob_flag(enum knob_id id, char flag[KNOB_VARIABLE_BYTES])
{
    snprintf(flag, KNOB_VARIABLE_BYTES, "--%s", knobs[id].name);
    for (char *at = flag; *at != '\0'; at++) {
        if (*at == '_')
            *at = '-';
    }
}

static bool
is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* What the file's form can't carry is no value, wherever it comes from. */
static const char *
form_broken(const char *value)
{
    const size_t bytes = strlen(value);

    for (size_t index = 0; index < bytes; index++) {
        const unsigned char byte = (unsigned char)value[index];

        if (byte < 0x20 || byte == 0x7f)
            return "has a control character";
        if (byte == '#' && (index == 0 || is_blank(value[index - 1])))
            return "has a '#' where a comment would begin";
    }
    if (bytes > 0 && (is_blank(value[0]) || is_blank(value[bytes - 1])))
        return "begins or ends with a blank";
    return NULL;
}

/* Digits and one of the units; false if it is not that.  A number beyond
 * uint64_t is UINT64_MAX, which is beyond every range. */
static bool
parse_number(const char *text, const struct unit *units, uint64_t *number_out)
{
    const char *at = text;
    uint64_t number = 0;
    bool beyond = false;

    for (; *at >= '0' && *at <= '9'; at++) {
        beyond |= __builtin_mul_overflow(number, 10u, &number);
        beyond |= __builtin_add_overflow(number, (uint64_t)(*at - '0'),
                                         &number);
    }
    if (at == text)
        return false;
    for (; units->name != NULL; units++) {
        if (strcmp(units->name, at) == 0) {
            beyond |= __builtin_mul_overflow(number, units->size, &number);
            *number_out = beyond ? UINT64_MAX : number;
            return true;
        }
    }
    return false;
}

static void
place_put(struct config *config, const struct knob *knob, const void *value,
          size_t bytes)
{
    memcpy((char *)config + knob->place, value, bytes);
}

static enum rc
parse_string(const struct knob *knob, const char *value, const char *quoted,
             struct config *config, char *words)
{
    const size_t bytes = strlen(value);

    if (bytes < knob->min || bytes > knob->max) {
        snprintf(words, KNOB_WORDS_BYTES,
                 "%s has %zu bytes, not %ju to %ju%s", quoted, bytes,
                 (uintmax_t)knob->min, (uintmax_t)knob->max,
                 knob == &knobs[KNOB_home]
                     ? ": the paths of its ipc sockets must fit 107 bytes"
                     : "");
        return RC_MALFORMED;
    }
    place_put(config, knob, value, bytes + 1);
    return RC_OK;
}

static enum rc
out_of_range(const struct knob *knob, const char *quoted, char *words)
{
    char min[CONFIG_STRING_BYTES];
    char max[CONFIG_STRING_BYTES];

    knob_format_number(knob->kind, knob->min, min);
    knob_format_number(knob->kind, knob->max, max);
    snprintf(words, KNOB_WORDS_BYTES, "%s is not within %.24s to %.24s",
             quoted, min, max);
    return RC_MALFORMED;
}

static enum rc
parse_count(const struct knob *knob, const char *value, const char *quoted,
            struct config *config, char *words)
{
    const struct kind *kind = &kinds[knob->kind];
    uint64_t number;

    if (!parse_number(value, kind->units, &number)) {
        snprintf(words, KNOB_WORDS_BYTES, "%s is not %s", quoted, kind->form);
        return RC_MALFORMED;
    }
    if (number < knob->min || number > knob->max)
        return out_of_range(knob, quoted, words);
    place_put(config, knob, &number, sizeof number);
    return RC_OK;
}

static enum rc
parse_money(const struct knob *knob, const char *value, const char *quoted,
            struct config *config, char *words)
{
    struct money amount = { 0 };
    const enum rc rc = money_parse(value, strlen(value), &amount);

    if (rc == RC_MALFORMED) {
        snprintf(words, KNOB_WORDS_BYTES, "%s is not %s", quoted,
                 kinds[KNOB_KIND_MONEY].form);
        return RC_MALFORMED;
    }
    if (rc != RC_OK || amount.minor < 0 ||
        (uint64_t)amount.minor < knob->min ||
        (uint64_t)amount.minor > knob->max)
        return out_of_range(knob, quoted, words);
    place_put(config, knob, &amount, sizeof amount);
    return RC_OK;
}

enum rc
knob_parse(enum knob_id id, const char *value, struct config *config,
           char words[KNOB_WORDS_BYTES])
{
    const struct knob *knob = &knobs[id];
    char quoted[QUOTED_BYTES];
    const char *broken = form_broken(value);
    enum rc rc;

    quote_text(quoted, sizeof quoted, value, strlen(value), QUOTE_ALWAYS);
    if (broken != NULL)
        rc = RC_MALFORMED;
    else if (knob->kind == KNOB_KIND_STRING)
        rc = parse_string(knob, value, quoted, config, words);
    else if (knob->kind == KNOB_KIND_MONEY)
        rc = parse_money(knob, value, quoted, config, words);
    else
        rc = parse_count(knob, value, quoted, config, words);
    if (rc == RC_OK) {
        broken = knob_law_broken(id, value);
        rc = broken == NULL ? RC_OK : RC_MALFORMED;
    }
    if (broken != NULL)
        snprintf(words, KNOB_WORDS_BYTES, "%s %s", quoted, broken);
    return rc;
}

void
knob_format_number(enum knob_kind kind, uint64_t number,
                   char value[CONFIG_STRING_BYTES])
{
    const struct unit *unit = kinds[kind].units;

    if (kind == KNOB_KIND_MONEY) {
        const struct money amount = { (int64_t)number };

        money_format(amount, value);
        return;
    }
    while (number % unit->size != 0)
        unit++;
    snprintf(value, CONFIG_STRING_BYTES, "%ju%s",
             (uintmax_t)(number / unit->size), number == 0 ? "" : unit->name);
}

void
knob_format(enum knob_id id, const struct config *config,
            char value[CONFIG_STRING_BYTES])
{
    const struct knob *knob = &knobs[id];
    const char *place = (const char *)config + knob->place;
    struct money amount;
    uint64_t number;

    if (knob->kind == KNOB_KIND_STRING) {
        snprintf(value, CONFIG_STRING_BYTES, "%s", place);
    } else if (knob->kind == KNOB_KIND_MONEY) {
        memcpy(&amount, place, sizeof amount);
        knob_format_number(knob->kind, (uint64_t)amount.minor, value);
    } else {
        memcpy(&number, place, sizeof number);
        knob_format_number(knob->kind, number, value);
    }
}
