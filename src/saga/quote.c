#include "saga/quote.h"

#include <string.h>

#define ESCAPE_BYTES_MAX 4 /* "\xNN" */

static const char cut_mark[] = "...";

static bool
is_control(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7f;
}

/* Harmless in a value that stands without quotes. */
static bool
is_plain(unsigned char byte)
{
    return byte > 0x20 && byte < 0x7f && byte != '"' && byte != '\\' &&
           byte != '=';
}

static bool
all_plain(const unsigned char *text, size_t bytes)
{
    for (size_t index = 0; index < bytes; index++) {
        if (!is_plain(text[index]))
            return false;
    }
    return bytes > 0;
}

static size_t
escape_hex(char *out, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";

    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[byte >> 4];
    out[3] = digits[byte & 15];
    return 4;
}

static size_t
escape_letter(char *out, char letter)
{
    out[0] = '\\';
    out[1] = letter;
    return 2;
}

/* One byte's form between quotes, out[ESCAPE_BYTES_MAX]. */
static size_t
escape(char *out, unsigned char byte)
{
    switch (byte) {
    case '"':
    case '\\':
        return escape_letter(out, (char)byte);
    case '\n':
        return escape_letter(out, 'n');
    case '\r':
        return escape_letter(out, 'r');
    case '\t':
        return escape_letter(out, 't');
    default:
        break;
    }
    if (is_control(byte) || byte >= 0x80)
        return escape_hex(out, byte);
    out[0] = (char)byte;
    return 1;
}

/* True if the rest fits into `room` bytes, each in its escaped form. */
static bool
rest_fits(const unsigned char *text, size_t bytes, size_t room)
{
    char form[ESCAPE_BYTES_MAX];
    size_t need = 0;

    for (size_t index = 0; index < bytes && need <= room; index++)
        need += escape(form, text[index]);
    return need <= room;
}

static size_t
quote(char *out, size_t out_bytes, const unsigned char *text, size_t bytes)
{
    const size_t room = out_bytes - 2; /* the closing quote and the NUL */
    const size_t mark = sizeof cut_mark - 1;
    size_t used = 0;

    out[used++] = '"';
    for (size_t index = 0; index < bytes; index++) {
        char form[ESCAPE_BYTES_MAX];
        size_t form_bytes = escape(form, text[index]);

        if (used + form_bytes + mark > room &&
            !rest_fits(text + index, bytes - index, room - used)) {
            memcpy(out + used, cut_mark, mark);
            used += mark;
            break;
        }
        memcpy(out + used, form, form_bytes);
        used += form_bytes;
    }
    out[used++] = '"';
    out[used] = '\0';
    return used;
}

size_t
quote_text(char *out, size_t out_bytes, const void *text, size_t bytes,
           enum quote_when when)
{
    invariant(out_bytes >= QUOTE_BYTES_MIN);
    if (when == QUOTE_IF_NEEDED && bytes < out_bytes &&
        all_plain(text, bytes)) {
        memcpy(out, text, bytes);
        out[bytes] = '\0';
        return bytes;
    }
    return quote(out, out_bytes, text, bytes);
}

void
quote_disarm(char *text, size_t bytes)
{
    for (size_t index = 0; index < bytes; index++) {
        if (is_control((unsigned char)text[index]))
            text[index] = '?';
    }
}
