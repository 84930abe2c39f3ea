#include "saga/money.h"

/* A digit more, or false if the amount leaves the range. */
static bool
add_digit(int64_t *minor, char digit)
{
    int64_t next = *minor * 10 + (digit - '0');

    if (next > MONEY_MINOR_MAX)
        return false;
    *minor = next;
    return true;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool
money_valid(struct money amount)
{
    return amount.minor >= -MONEY_MINOR_MAX && amount.minor <= MONEY_MINOR_MAX;
}

/* Hands the result out if it lies in the range. */
static bool
give(int64_t minor, struct money *out)
{
    struct money result = { .minor = minor };

    if (!money_valid(result))
        return false;
    *out = result;
    return true;
}

bool
money_add(struct money a, struct money b, struct money *sum_out)
{
    /* Two amounts in the range can't overflow an int64_t. */
    return money_valid(a) && money_valid(b) && give(a.minor + b.minor, sum_out);
}

bool
money_mul(struct money a, int64_t count, struct money *out)
{
    int64_t minor;

    return money_valid(a) && !__builtin_mul_overflow(a.minor, count, &minor)
           && give(minor, out);
}

/*
 * The form is checked to its end before the range is told: garbage behind too
 * many digits is garbage.
 */
enum rc
money_parse(const char *text, size_t bytes, struct money *amount_out)
{
    size_t at = 0;
    size_t decimals = 0;
    int64_t minor = 0;
    bool negative = bytes > 0 && text[0] == '-';
    bool fits = true;

    at += negative;
    if (at == bytes || !is_digit(text[at]))
        return RC_MALFORMED;
    if (text[at] == '0' && at + 1 < bytes && is_digit(text[at + 1]))
        return RC_MALFORMED;
    for (; at < bytes && is_digit(text[at]); at++)
        fits = fits && add_digit(&minor, text[at]);
    if (at < bytes && text[at] == '.') {
        for (at++; at < bytes && is_digit(text[at]); at++, decimals++)
            fits = fits && add_digit(&minor, text[at]);
        if (decimals < 1 || decimals > 2)
            return RC_MALFORMED;
    }
    if (at != bytes)
        return RC_MALFORMED;
    for (; decimals < 2; decimals++)
        fits = fits && add_digit(&minor, '0');
    if (!fits)
        return RC_FULL;
    amount_out->minor = negative ? -minor : minor;
    return RC_OK;
}

/*
 * From 2^46 on doubles lie further apart than 0.01: one double stands for
 * several amounts, and choosing would be rounding.  Below it each amount has
 * a double of its own, minor / 100 correctly rounded, which is what a JSON
 * reader makes of its two decimals; so equality is the exact question.
 */
#define DOUBLE_EXACT_BELOW 70368744177664.0 /* 2^46 */

enum rc
money_from_double(double value, struct money *amount_out)
{
    int64_t near;

    if (value != value || value - value != 0)
        return RC_MALFORMED; /* NaN, infinity */
    if (value >= DOUBLE_EXACT_BELOW || value <= -DOUBLE_EXACT_BELOW)
        return RC_FULL;
    /* The product is inexact, by less than one minor unit. */
    near = (int64_t)(value * 100);
    for (int64_t minor = near - 1; minor <= near + 1; minor++)
        if ((double)minor / 100 == value) {
            amount_out->minor = minor;
            return RC_OK;
        }
    return RC_MALFORMED;
}

size_t
money_format(struct money amount, char *buffer)
{
    char digits[MONEY_TEXT_BYTES];
    uint64_t rest;
    size_t count = 0;
    size_t length = 0;

    invariant(money_valid(amount));
    rest = (uint64_t)(amount.minor < 0 ? -amount.minor : amount.minor);
    do {
        if (count == 2)
            digits[count++] = '.';
        digits[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0 || count < 4);
    if (amount.minor < 0)
        buffer[length++] = '-';
    while (count > 0)
        buffer[length++] = digits[--count];
    buffer[length] = '\0';
    return length;
}
