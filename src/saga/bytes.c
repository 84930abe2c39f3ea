#include "saga/bytes.h"

/* What an empty reader or writer points to, so that NULL is never added to. */
static uint8_t nothing[1];

void
bytes_writer_init(struct bytes_writer *writer, void *data, size_t size)
{
    invariant(data != NULL || size == 0);
    writer->data = data != NULL ? data : nothing;
    writer->size = size;
    writer->used = 0;
    writer->failed = false;
}

/* Room for `bytes` more bytes, or NULL and failed. */
static uint8_t *
take_room(struct bytes_writer *writer, size_t bytes)
{
    uint8_t *room;

    if (writer->failed || bytes > writer->size - writer->used) {
        writer->failed = true;
        return NULL;
    }
    room = writer->data + writer->used;
    writer->used += bytes;
    return room;
}

static void
write_integer(uint8_t *room, uint64_t value, unsigned octets)
{
    for (unsigned i = 0; i < octets; i++)
        room[i] = (uint8_t)(value >> (8 * (octets - 1 - i)));
}

void
number_key_encode(uint64_t number, uint8_t key[NUMBER_KEY_BYTES])
{
    write_integer(key, number, NUMBER_KEY_BYTES);
}

static void
put_integer(struct bytes_writer *writer, uint64_t value, unsigned octets)
{
    uint8_t *room = take_room(writer, octets);

    if (room != NULL)
        write_integer(room, value, octets);
}

void
bytes_put_u8(struct bytes_writer *writer, uint8_t value)
{
    put_integer(writer, value, 1);
}

void
bytes_put_u16(struct bytes_writer *writer, uint16_t value)
{
    put_integer(writer, value, 2);
}

void
bytes_put_u32(struct bytes_writer *writer, uint32_t value)
{
    put_integer(writer, value, 4);
}

void
bytes_put_u64(struct bytes_writer *writer, uint64_t value)
{
    put_integer(writer, value, 8);
}

void
bytes_put_i64(struct bytes_writer *writer, int64_t value)
{
    put_integer(writer, (uint64_t)value, 8);
}

void
bytes_put(struct bytes_writer *writer, const void *data, size_t bytes)
{
    uint8_t *room = take_room(writer, bytes);

    if (room != NULL && bytes > 0)
        memcpy(room, data, bytes);
}

void
bytes_put_varint(struct bytes_writer *writer, uint64_t value)
{
    uint8_t octets[BYTES_VARINT_MAX];
    size_t bytes = 0;

    invariant(value >> BYTES_VARINT_BITS == 0);
    for (; value >= 0x80; value >>= 7)
        octets[bytes++] = (uint8_t)(value | 0x80);
    octets[bytes++] = (uint8_t)value;
    bytes_put(writer, octets, bytes);
}

void
bytes_put_text(struct bytes_writer *writer, const char *text)
{
    size_t bytes = strlen(text);

    if (bytes > UINT8_MAX) {
        writer->failed = true;
        return;
    }
    bytes_put_u8(writer, (uint8_t)bytes);
    bytes_put(writer, text, bytes);
}

void
bytes_reader_init(struct bytes_reader *reader, const void *data, size_t size)
{
    invariant(data != NULL || size == 0);
    reader->data = data != NULL ? data : nothing;
    reader->size = size;
    reader->used = 0;
    reader->failed = false;
}

const uint8_t *
bytes_get(struct bytes_reader *reader, size_t bytes)
{
    const uint8_t *look;

    if (reader->failed || bytes > reader->size - reader->used) {
        reader->failed = true;
        return NULL;
    }
    look = reader->data + reader->used;
    reader->used += bytes;
    return look;
}

/* 0 past the end: the caller finds `failed` when it looks. */
static uint64_t
get_integer(struct bytes_reader *reader, unsigned octets)
{
    const uint8_t *look = bytes_get(reader, octets);
    uint64_t value = 0;

    if (look == NULL)
        return 0;
    for (unsigned i = 0; i < octets; i++)
        value = value << 8 | look[i];
    return value;
}

uint8_t
bytes_get_u8(struct bytes_reader *reader)
{
    return (uint8_t)get_integer(reader, 1);
}

uint16_t
bytes_get_u16(struct bytes_reader *reader)
{
    return (uint16_t)get_integer(reader, 2);
}

uint32_t
bytes_get_u32(struct bytes_reader *reader)
{
    return (uint32_t)get_integer(reader, 4);
}

uint64_t
bytes_get_u64(struct bytes_reader *reader)
{
    return get_integer(reader, 8);
}

int64_t
bytes_get_i64(struct bytes_reader *reader)
{
    return (int64_t)get_integer(reader, 8);
}

uint64_t
bytes_get_varint(struct bytes_reader *reader)
{
    uint64_t value = 0;
    uint8_t octet;
    unsigned shift;

    for (shift = 0; shift < BYTES_VARINT_BITS && !reader->failed; shift += 7) {
        if (reader->used == reader->size)
            break;
        octet = reader->data[reader->used++];
        value |= (uint64_t)(octet & 0x7f) << shift;
        if (octet < 0x80 && (octet != 0 || shift == 0))
            return value;
        if (octet == 0)
            break;
    }
    reader->failed = true;
    return 0;
}

void
bytes_get_text(struct bytes_reader *reader, char *text, size_t size)
{
    size_t bytes = bytes_get_u8(reader);
    const uint8_t *look = bytes_get(reader, bytes);

    invariant(size > 0);
    text[0] = '\0';
    if (look == NULL)
        return;
    if (bytes >= size || memchr(look, '\0', bytes) != NULL) {
        reader->failed = true;
        return;
    }
    memcpy(text, look, bytes);
    text[bytes] = '\0';
}

bool
bytes_all_read(const struct bytes_reader *reader)
{
    return !reader->failed && reader->used == reader->size;
}
