#include "gateway/order_block.h"

#define BLOCK_VERSION 1

static uint64_t
zigzag(uint64_t from, uint64_t to)
{
    return to >= from ? (to - from) << 1 : ((from - to) << 1) - 1;
}

static uint64_t
unzigzag(uint64_t from, uint64_t step)
{
    return (step & 1) == 0 ? from + (step >> 1) : from - ((step + 1) >> 1);
}

void
order_block_key(uint8_t level, uint64_t run, const struct order_entry *first,
                uint8_t key[ORDER_BLOCK_KEY_BYTES])
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, key, ORDER_BLOCK_KEY_BYTES);
    bytes_put_u8(&writer, level);
    bytes_put_u64(&writer, run);
    bytes_put_u64(&writer, first->user);
    bytes_put_u64(&writer, first->order);
    invariant(!writer.failed && writer.used == ORDER_BLOCK_KEY_BYTES);
}

void
order_block_init(struct order_block *block, size_t bytes_max)
{
    invariant(bytes_max >= 1 && bytes_max <= sizeof block->value);
    bytes_writer_init(&block->writer, block->value, bytes_max);
    bytes_put_u8(&block->writer, BLOCK_VERSION);
    block->count = 0;
}

bool
order_block_add(struct order_block *block, const struct order_entry *entry)
{
    const struct order_entry *last = &block->last;
    struct bytes_writer before = block->writer;

    if (block->count == 0) {
        block->first = *entry;
    } else {
        invariant(order_entry_compare(last, entry) < 0);
        bytes_put_varint(&block->writer, entry->user - last->user);
        bytes_put_varint(&block->writer, zigzag(last->order, entry->order));
    }
    if (block->writer.failed) {
        block->writer = before;
        return false;
    }
    block->last = *entry;
    block->count++;
    return true;
}

enum rc
order_block_open(struct order_block_reader *reader, const uint8_t *key,
                 size_t key_bytes, const uint8_t *value, size_t bytes)
{
    struct bytes_reader of_key;

    bytes_reader_init(&of_key, key, key_bytes);
    reader->level = bytes_get_u8(&of_key);
    reader->run = bytes_get_u64(&of_key);
    reader->entry.user = bytes_get_u64(&of_key);
    reader->entry.order = bytes_get_u64(&of_key);
    bytes_reader_init(&reader->rest, value, bytes);
    if (bytes > ORDER_BLOCK_BYTES_MAX ||
        bytes_get_u8(&reader->rest) != BLOCK_VERSION ||
        !bytes_all_read(&of_key) || !id_valid(reader->entry.user) ||
        !id_valid(reader->entry.order))
        return RC_DAMAGED;
    return RC_OK;
}

enum rc
order_block_next(struct order_block_reader *reader)
{
    struct order_entry *entry = &reader->entry, before = *entry;

    if (bytes_all_read(&reader->rest))
        return RC_NOT_FOUND;
    entry->user += bytes_get_varint(&reader->rest);
    entry->order = unzigzag(entry->order, bytes_get_varint(&reader->rest));
    if (reader->rest.failed || !id_valid(entry->user) ||
        !id_valid(entry->order) || order_entry_compare(&before, entry) >= 0)
        return RC_DAMAGED;
    return RC_OK;
}
