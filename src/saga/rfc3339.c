#include "saga/rfc3339.h"

#define DAYS_TO_1970 719468    /* from 0000-03-01       */
#define SECOND_US INT64_C(1000000)

struct rest {
    const char *text;
    size_t bytes;
};

/* Exactly `digits` of them, as a number; -1 if they are not there. */
static int64_t
take_number(struct rest *rest, size_t digits)
{
    int64_t number = 0;

    if (rest->bytes < digits)
        return -1;
    for (size_t i = 0; i < digits; i++) {
        if (rest->text[i] < '0' || rest->text[i] > '9')
            return -1;
        number = number * 10 + (rest->text[i] - '0');
    }
    rest->text += digits;
    rest->bytes -= digits;
    return number;
}

static bool
take_char(struct rest *rest, char c, char other)
{
    if (rest->bytes == 0 || (*rest->text != c && *rest->text != other))
        return false;
    rest->text++;
    rest->bytes--;
    return true;
}

static int64_t
days_of_month(int64_t year, int64_t month)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30,
                                    31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

/* Years begin in March, so that the leap day is the last of its year. */
static int64_t
days_since_1970(int64_t year, int64_t month, int64_t day)
{
    int64_t shifted = month > 2 ? month - 3 : month + 9;
    int64_t years = month > 2 ? year : year - 1;

    return years * 365 + years / 4 - years / 100 + years / 400
           + (153 * shifted + 2) / 5 + day - 1 - DAYS_TO_1970;
}

static bool
take_seconds(struct rest *rest, int64_t *seconds)
{
    int64_t year = take_number(rest, 4);
    int64_t month = take_char(rest, '-', '-') ? take_number(rest, 2) : -1;
    int64_t day = take_char(rest, '-', '-') ? take_number(rest, 2) : -1;
    int64_t hour = take_char(rest, 'T', 't') ? take_number(rest, 2) : -1;
    int64_t minute = take_char(rest, ':', ':') ? take_number(rest, 2) : -1;
    int64_t second = take_char(rest, ':', ':') ? take_number(rest, 2) : -1;

    if (year < 0 || month < 1 || month > 12 || day < 1
        || day > days_of_month(year, month) || hour < 0 || hour > 23
        || minute < 0 || minute > 59 || second < 0 || second > 60)
        return false;
    *seconds = days_since_1970(year, month, day) * 86400 + hour * 3600
               + minute * 60 + second;
    return true;
}

static bool
take_fraction(struct rest *rest, int64_t *us)
{
    int64_t weight = SECOND_US / 10;
    size_t digits = 0;

    *us = 0;
    if (!take_char(rest, '.', '.'))
        return true;
    while (rest->bytes > 0 && *rest->text >= '0' && *rest->text <= '9') {
        *us += (*rest->text - '0') * weight;
        weight /= 10;
        rest->text++;
        rest->bytes--;
        digits++;
    }
    return digits > 0;
}

static bool
take_zone(struct rest *rest, int64_t *seconds)
{
    int64_t sign = 1, hours, minutes;

    *seconds = 0;
    if (take_char(rest, 'Z', 'z'))
        return true;
    if (take_char(rest, '-', '-'))
        sign = -1;
    else if (!take_char(rest, '+', '+'))
        return false;
    hours = take_number(rest, 2);
    minutes = take_char(rest, ':', ':') ? take_number(rest, 2) : -1;
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    *seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

enum rc
rfc3339_read(const char *text, size_t bytes, int64_t *time_us_out)
{
    struct rest rest = { text, bytes };
    int64_t seconds, us, zone;

    if (!take_seconds(&rest, &seconds) || !take_fraction(&rest, &us)
        || !take_zone(&rest, &zone) || rest.bytes != 0 || seconds < zone)
        return RC_MALFORMED;
    *time_us_out = (seconds - zone) * SECOND_US + us;
    return RC_OK;
}
