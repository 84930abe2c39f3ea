/*
 * text_writer.h - text and JSON into a buffer of the caller's, with bounds
 *
 * A writer that runs over its end turns `failed` and stays so; callers check
 * once, at the end.  The json_* functions set commas by themselves: call
 * json_begin(), then for each member json_key() and one value, then
 * json_end().  Text from outside is escaped; bytes that are not UTF-8 become
 * U+FFFD, so that a reply is always valid JSON.
 *
 * Core.
 */
#ifndef SAGA_TEXT_WRITER_H
#define SAGA_TEXT_WRITER_H

#include <string.h>

#include "saga/money.h"

#define TIME_TEXT_BYTES 25 /* "2026-11-22T13:05:07.123Z" and NUL */

struct text_writer {
    char *data;
    size_t size;
    size_t used;
    bool failed;
    bool comma; /* the next JSON value needs one before it */
};

void text_writer_init(struct text_writer *writer, void *data, size_t size);

void text_put_bytes(struct text_writer *writer, const char *text,
                    size_t bytes);
void text_put_uint(struct text_writer *writer, uint64_t value);
void text_put_int(struct text_writer *writer, int64_t value);
/* As money_format(): "50.00". */
void text_put_money(struct text_writer *writer, struct money amount);
/* RFC 3339, UTC, milliseconds; from microseconds since 1970.  Times before
 * 1970 and after 9999 become the nearest that has four digits of year. */
void text_put_time(struct text_writer *writer, int64_t time_us);
/* The same with all six decimals. */
void text_put_time_us(struct text_writer *writer, int64_t time_us);
/* As it stands in a query string: all but unreserved characters become %XX. */
void text_put_percent(struct text_writer *writer, const char *text);

static inline void
text_put(struct text_writer *writer, const char *text)
{
    text_put_bytes(writer, text, strlen(text));
}

/* Sets a NUL behind the text (not counted in `used`); fails if there is no
 * room for it. */
void text_end(struct text_writer *writer);

void json_begin(struct text_writer *writer, char bracket); /* '{' or '[' */
void json_end(struct text_writer *writer, char bracket);   /* '}' or ']' */
void json_key(struct text_writer *writer, const char *name);
void json_uint(struct text_writer *writer, uint64_t value);
void json_int(struct text_writer *writer, int64_t value);
void json_money(struct text_writer *writer, struct money amount);
void json_time(struct text_writer *writer, int64_t time_us);
void json_text(struct text_writer *writer, const char *text);
void json_bool(struct text_writer *writer, bool value);

/* A member: its name and its value. */
void json_put_uint(struct text_writer *writer, const char *name,
                   uint64_t value);
void json_put_text(struct text_writer *writer, const char *name,
                   const char *text);
void json_put_bool(struct text_writer *writer, const char *name, bool value);

#endif
