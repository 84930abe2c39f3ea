/*
 * bytes.h - fields in a buffer, big-endian, written and read with bounds
 *
 * Used by everything that has a binary form: keys and rows of stores, frames
 * of the broker's protocol.  A writer or reader that runs over its end turns
 * `failed` and stays so; callers check once, at the end.
 *
 * Core.
 */
#ifndef SAGA_BYTES_H
#define SAGA_BYTES_H

#include <string.h>

#include "saga/base.h"

struct bytes_writer {
    uint8_t *data;
    size_t size;
    size_t used;
    bool failed;
};

struct bytes_reader {
    const uint8_t *data;
    size_t size;
    size_t used;
    bool failed;
};

void bytes_writer_init(struct bytes_writer *writer, void *data, size_t size);
void bytes_put_u8(struct bytes_writer *writer, uint8_t value);
void bytes_put_u16(struct bytes_writer *writer, uint16_t value);
void bytes_put_u32(struct bytes_writer *writer, uint32_t value);
void bytes_put_u64(struct bytes_writer *writer, uint64_t value);
void bytes_put_i64(struct bytes_writer *writer, int64_t value);
void bytes_put(struct bytes_writer *writer, const void *data, size_t bytes);
/* LEB128: seven bits per octet, the lowest first; the eighth says that more
 * follow.  Of BYTES_VARINT_BITS at most (invariant): in 8 octets. */
#define BYTES_VARINT_BITS 56
#define BYTES_VARINT_MAX 8
void bytes_put_varint(struct bytes_writer *writer, uint64_t value);
/* A number as a key: keys stand in the order of their numbers. */
#define NUMBER_KEY_BYTES 8
void number_key_encode(uint64_t number, uint8_t key[NUMBER_KEY_BYTES]);
/* One octet of length, then the text; fails if it has over 255 bytes. */
void bytes_put_text(struct bytes_writer *writer, const char *text);

void bytes_reader_init(struct bytes_reader *reader, const void *data,
                       size_t size);
uint8_t bytes_get_u8(struct bytes_reader *reader);
uint16_t bytes_get_u16(struct bytes_reader *reader);
uint32_t bytes_get_u32(struct bytes_reader *reader);
uint64_t bytes_get_u64(struct bytes_reader *reader);
int64_t bytes_get_i64(struct bytes_reader *reader);
/* Fails also if it is longer than its number needs. */
uint64_t bytes_get_varint(struct bytes_reader *reader);
/* A look at the next `bytes` bytes, or NULL (and failed) past the end. */
const uint8_t *bytes_get(struct bytes_reader *reader, size_t bytes);
/* Copies a bytes_put_text() into text[size] with a NUL; fails if it does not
 * fit or holds a NUL. */
void bytes_get_text(struct bytes_reader *reader, char *text, size_t size);
/* True if nothing failed and every byte was read. */
bool bytes_all_read(const struct bytes_reader *reader);

#endif
