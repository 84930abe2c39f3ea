#include "gateway/order_line.h"

#include "gateway/http_body.h"
#include "gateway/request.h"

enum member { USER, PRODUCT, QUANTITY, KEY, MEMBERS };

static const struct body_field fields[MEMBERS] = {
    [USER] = { "userId", BODY_ID, true },
    [PRODUCT] = { "productId", BODY_ID, true },
    [QUANTITY] = { "quantity", BODY_COUNT, false },
    [KEY] = { "idempotencyKey", BODY_KEY, false },
};

/* ---- plain lines ------------------------------------------------------ */

struct text {
    const char *at;
    const char *end;
};

static void
skip_blanks(struct text *text)
{
    while (text->at < text->end &&
           (*text->at == ' ' || *text->at == '\t' || *text->at == '\r'))
        text->at++;
}

/* Passes blanks, the character, and blanks; false if another stands there. */
static bool
take(struct text *text, char wanted)
{
    skip_blanks(text);
    if (text->at == text->end || *text->at != wanted)
        return false;
    text->at++;
    skip_blanks(text);
    return true;
}

/* Between quotes: visible characters, none of them escaped. */
static bool
take_string(struct text *text, const char **string_out, size_t *bytes_out)
{
    const char *from = text->at + 1;
    const char *at = from;

    if (text->at == text->end || *text->at != '"')
        return false;
    while (at < text->end && *at > ' ' && *at < 0x7f && *at != '"' &&
           *at != '\\')
        at++;
    if (at == text->end || *at != '"')
        return false;
    *string_out = from;
    *bytes_out = (size_t)(at - from);
    text->at = at + 1;
    return true;
}

/* Digits alone, as a number from 1 to max. */
static bool
take_number(struct text *text, uint64_t max, uint64_t *number_out)
{
    const char *from = text->at;
    uint64_t number = 0;

    while (text->at < text->end && *text->at >= '0' && *text->at <= '9' &&
           text->at - from < 17)
        number = number * 10 + (uint64_t)(*text->at++ - '0');
    *number_out = number;
    return from < text->end && *from != '0' && number >= 1 && number <= max;
}

static enum member
find_member(const char *name, size_t bytes)
{
    size_t i;

    for (i = 0; i < MEMBERS; i++) {
        if (strlen(fields[i].name) == bytes &&
            memcmp(fields[i].name, name, bytes) == 0)
            break;
    }
    return (enum member)i;
}

static bool
take_value(struct text *text, enum member member, struct order_line *line)
{
    uint64_t number;

    switch (member) {
    case USER:
        return take_number(text, ID_MAX, &line->user.value);
    case PRODUCT:
        return take_number(text, ID_MAX, &line->product.value);
    case QUANTITY:
        if (!take_number(text, QUANTITY_MAX, &number))
            return false;
        line->quantity = (int64_t)number;
        return true;
    case KEY:
        return take_string(text, &line->key, &line->key_bytes) &&
               line->key_bytes >= 1 &&
               line->key_bytes <= IDEMPOTENCY_KEY_BYTES_MAX;
    case MEMBERS:
        break;
    }
    return false;
}

static bool
take_member(struct text *text, unsigned *seen, struct order_line *line)
{
    const char *name;
    size_t bytes;
    enum member member;

    if (!take_string(text, &name, &bytes) || !take(text, ':'))
        return false;
    member = find_member(name, bytes);
    if ((*seen & 1u << member) != 0)
        return false;
    *seen |= 1u << member;
    return take_value(text, member, line);
}

bool
order_line_read_plain(struct order_line *line)
{
    const unsigned needed = 1u << USER | 1u << PRODUCT;
    struct text text = { line->text, line->text + line->bytes };
    unsigned seen = 0;
    bool more;

    line->quantity = 1;
    line->key = NULL;
    line->key_bytes = 0;
    if (!take(&text, '{'))
        return false;
    do {
        if (!take_member(&text, &seen, line))
            return false;
        more = take(&text, ',');
    } while (more);
    return take(&text, '}') && text.at == text.end &&
           (seen & needed) == needed;
}

/* ---- all others ------------------------------------------------------- */

bool
order_line_read_any(struct order_line *line, struct problem *problem)
{
    char key[IDEMPOTENCY_KEY_BYTES_MAX + 1];
    struct body_value values[MEMBERS];

    values[KEY].key = key;
    body_parse(line->text, line->bytes, fields, MEMBERS, values, problem);
    line->user.value = values[USER].id;
    line->product.value = values[PRODUCT].id;
    line->quantity = values[QUANTITY].present ? values[QUANTITY].count : 1;
    line->key = NULL;
    line->key_bytes = 0;
    if (problem->type != PROBLEM_NONE)
        return false;
    if (values[KEY].present) {
        line->key_bytes = strlen(key);
        memcpy(line->text, key, line->key_bytes);
        line->key = line->text;
    }
    return true;
}

bool
order_line_read(struct order_line *line, struct problem *problem)
{
    if (line->bytes > ORDER_LINE_BYTES_MAX) {
        problem_set(problem, PROBLEM_BODY_SIZE, NULL, "the line has %zu bytes",
                    line->bytes);
        problem->limit = ORDER_LINE_BYTES_MAX;
        line->bad = true;
    } else {
        line->bad = !order_line_read_plain(line) &&
                    !order_line_read_any(line, problem);
    }
    return !line->bad;
}
