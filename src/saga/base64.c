#include "saga/base64.h"

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_put(struct text_writer *writer, const uint8_t *data, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += 3) {
        size_t left = bytes - at;
        uint32_t group = (uint32_t)data[at] << 16;
        char text[4];

        if (left > 1)
            group |= (uint32_t)data[at + 1] << 8;
        if (left > 2)
            group |= data[at + 2];
        text[0] = digits[group >> 18];
        text[1] = digits[group >> 12 & 63];
        text[2] = left > 1 ? digits[group >> 6 & 63] : '=';
        text[3] = left > 2 ? digits[group & 63] : '=';
        text_put_bytes(writer, text, sizeof(text));
    }
}

/* How many octets four digits hold: 1 to 3; 0 if they are none. */
static size_t
read_group(const char text[4], uint8_t octets[3])
{
    size_t count = text[3] != '=' ? 3 : text[2] != '=' ? 2 : 1;
    uint32_t group = 0;

    for (size_t i = 0; i < 4; i++) {
        const char *digit = i <= count ? memchr(digits, text[i], 64) : digits;

        if (digit == NULL)
            return 0;
        group = group << 6 | (uint32_t)(digit - digits);
    }
    octets[0] = (uint8_t)(group >> 16);
    octets[1] = (uint8_t)(group >> 8);
    octets[2] = (uint8_t)group;
    /* Bits behind the last octet: another text of the same octets. */
    if ((count < 3 && octets[2] != 0) || (count < 2 && octets[1] != 0))
        return 0;
    return count;
}

enum rc
base64_read(const char *text, size_t text_bytes, uint8_t *data, size_t size,
            size_t *bytes_out)
{
    size_t used = 0;

    if (text_bytes % 4 != 0)
        return RC_MALFORMED;
    for (size_t at = 0; at < text_bytes; at += 4) {
        uint8_t octets[3];
        size_t count = read_group(text + at, octets);

        if (count == 0 || (count < 3 && at + 4 < text_bytes))
            return RC_MALFORMED;
        if (count > size - used)
            return RC_FULL;
        memcpy(data + used, octets, count);
        used += count;
    }
    *bytes_out = used;
    return RC_OK;
}
