#include "saga/text_writer.h"

/* The last millisecond of the year 9999, and the days from 0000-03-01 to
 * 1970-01-01. */
#define TIME_US_MAX INT64_C(253402300799999999)
#define DAYS_TO_1970 719468
#define DAYS_PER_ERA 146097 /* 400 years */

static const char hex_digits[] = "0123456789ABCDEF";

void
text_writer_init(struct text_writer *writer, void *data, size_t size)
{
    *writer = (struct text_writer){ .data = data, .size = size };
}

void
text_put_bytes(struct text_writer *writer, const char *text, size_t bytes)
{
    if (writer->failed || bytes > writer->size - writer->used) {
        writer->failed = true;
        return;
    }
    memcpy(writer->data + writer->used, text, bytes);
    writer->used += bytes;
}

static void
put_char(struct text_writer *writer, char c)
{
    text_put_bytes(writer, &c, 1);
}

void
text_put_uint(struct text_writer *writer, uint64_t value)
{
    char digits[20];
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    text_put_bytes(writer, digits + first, sizeof(digits) - first);
}

void
text_put_int(struct text_writer *writer, int64_t value)
{
    if (value < 0)
        put_char(writer, '-');
    text_put_uint(writer, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void
text_put_money(struct text_writer *writer, struct money amount)
{
    char text[MONEY_TEXT_BYTES];

    text_put_bytes(writer, text, money_format(amount, text));
}

static void
put_digits(char *place, uint64_t value, int digits)
{
    while (digits-- > 0) {
        place[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* Year, month and day of a day since 1970, in the Gregorian calendar; years
 * begin in March, so that the leap day is the last of its year. */
static void
civil_date(uint64_t days, uint64_t *year, uint64_t *month, uint64_t *day)
{
    uint64_t since = days + DAYS_TO_1970;
    uint64_t era = since / DAYS_PER_ERA;
    uint64_t of_era = since % DAYS_PER_ERA;
    uint64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 -
                            of_era / (DAYS_PER_ERA - 1)) / 365;
    uint64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 -
                                 year_of_era / 100);
    uint64_t shifted = (5 * of_year + 2) / 153;

    *day = of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

/* "2026-11-22T13:05:07.", and the microseconds that are left. */
static uint64_t
put_seconds(struct text_writer *writer, int64_t time_us)
{
    char text[] = "0000-00-00T00:00:00.";
    uint64_t year, month, day;
    uint64_t ms;

    if (time_us < 0)
        time_us = 0;
    if (time_us > TIME_US_MAX)
        time_us = TIME_US_MAX;
    ms = (uint64_t)time_us / 1000;
    civil_date(ms / 86400000, &year, &month, &day);
    put_digits(text, year, 4);
    put_digits(text + 5, month, 2);
    put_digits(text + 8, day, 2);
    put_digits(text + 11, ms / 3600000 % 24, 2);
    put_digits(text + 14, ms / 60000 % 60, 2);
    put_digits(text + 17, ms / 1000 % 60, 2);
    text_put_bytes(writer, text, sizeof(text) - 1);
    return (uint64_t)time_us % 1000000;
}

void
text_put_time(struct text_writer *writer, int64_t time_us)
{
    char text[] = "000Z";

    _Static_assert(sizeof("0000-00-00T00:00:00.") + sizeof(text) - 1 ==
                       TIME_TEXT_BYTES, "the text has its size");
    put_digits(text, put_seconds(writer, time_us) / 1000, 3);
    text_put_bytes(writer, text, sizeof(text) - 1);
}

void
text_put_time_us(struct text_writer *writer, int64_t time_us)
{
    char text[] = "000000Z";

    put_digits(text, put_seconds(writer, time_us), 6);
    text_put_bytes(writer, text, sizeof(text) - 1);
}

void
text_put_percent(struct text_writer *writer, const char *text)
{
    for (; *text != '\0'; text++) {
        uint8_t byte = (uint8_t)*text;

        if ((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
            (byte >= 'A' && byte <= 'Z') || (byte != 0 &&
                                             strchr("-._~", byte) != NULL)) {
            put_char(writer, *text);
        } else {
            put_char(writer, '%');
            put_char(writer, hex_digits[byte >> 4]);
            put_char(writer, hex_digits[byte & 15]);
        }
    }
}

void
text_end(struct text_writer *writer)
{
    if (writer->failed || writer->used == writer->size) {
        writer->failed = true;
        return;
    }
    writer->data[writer->used] = '\0';
}

static void
comma(struct text_writer *writer)
{
    if (writer->comma)
        put_char(writer, ',');
    writer->comma = true;
}

void
json_begin(struct text_writer *writer, char bracket)
{
    comma(writer);
    put_char(writer, bracket);
    writer->comma = false;
}

void
json_end(struct text_writer *writer, char bracket)
{
    put_char(writer, bracket);
    writer->comma = true;
}

void
json_key(struct text_writer *writer, const char *name)
{
    comma(writer);
    put_char(writer, '"');
    text_put(writer, name);
    text_put_bytes(writer, "\":", 2);
    writer->comma = false;
}

void
json_uint(struct text_writer *writer, uint64_t value)
{
    comma(writer);
    text_put_uint(writer, value);
}

void
json_int(struct text_writer *writer, int64_t value)
{
    comma(writer);
    text_put_int(writer, value);
}

void
json_money(struct text_writer *writer, struct money amount)
{
    comma(writer);
    text_put_money(writer, amount);
}

void
json_time(struct text_writer *writer, int64_t time_us)
{
    comma(writer);
    put_char(writer, '"');
    text_put_time(writer, time_us);
    put_char(writer, '"');
}

/* How many bytes the UTF-8 character has that begins here; 0 if none does
 * (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF).  The
 * text ends with a NUL, which is no continuation byte. */
static size_t
utf8_bytes(const uint8_t *text)
{
    uint8_t first = text[0];
    uint8_t low = 0x80, high = 0xbf;
    size_t bytes;

    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    bytes = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first == 0xe0)
        low = 0xa0;
    if (first == 0xed)
        high = 0x9f;
    if (first == 0xf0)
        low = 0x90;
    if (first == 0xf4)
        high = 0x8f;
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < bytes; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    return bytes;
}

static void
put_escaped(struct text_writer *writer, uint8_t byte)
{
    static const char shorts[] = "\b\t\n\f\r\"\\";
    static const char names[] = "btnfr\"\\";
    const char *found = strchr(shorts, byte);

    put_char(writer, '\\');
    if (found != NULL) {
        put_char(writer, names[found - shorts]);
    } else {
        text_put_bytes(writer, "u00", 3);
        put_char(writer, hex_digits[byte >> 4]);
        put_char(writer, hex_digits[byte & 15]);
    }
}

void
json_text(struct text_writer *writer, const char *text)
{
    const uint8_t *at = (const uint8_t *)text;

    comma(writer);
    put_char(writer, '"');
    while (*at != '\0') {
        size_t bytes = utf8_bytes(at);

        if (bytes == 0)
            text_put(writer, "\xef\xbf\xbd");
        else if (*at < 0x20 || *at == '"' || *at == '\\' || *at == 0x7f)
            put_escaped(writer, *at);
        else
            text_put_bytes(writer, (const char *)at, bytes);
        at += bytes == 0 ? 1 : bytes;
    }
    put_char(writer, '"');
}

void
json_bool(struct text_writer *writer, bool value)
{
    comma(writer);
    text_put(writer, value ? "true" : "false");
}

void
json_put_uint(struct text_writer *writer, const char *name, uint64_t value)
              {
    json_key(writer, name);
    json_uint(writer, value);
}

void
json_put_text(struct text_writer *writer, const char *name, const char *text)
              {
    json_key(writer, name);
    json_text(writer, text);
}

void
json_put_bool(struct text_writer *writer, const char *name, bool value)
              {
    json_key(writer, name);
    json_bool(writer, value);
}
