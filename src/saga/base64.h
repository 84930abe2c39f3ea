/*
 * base64.h - octets as text: RFC 4648, with padding, no line ends
 *
 * Core.
 */
#ifndef SAGA_BASE64_H
#define SAGA_BASE64_H

#include "saga/text_writer.h"

/* Appends the text of data[0..bytes), without quotes. */
void base64_put(struct text_writer *writer, const uint8_t *data, size_t bytes);

/*
 * Reads the text back into data[0..size): RC_MALFORMED for anything that
 * base64_put() would not have written, RC_FULL if it has more octets than
 * that.
 */
MUST_USE enum rc base64_read(const char *text, size_t text_bytes,
                             uint8_t *data, size_t size, size_t *bytes_out);

#endif
