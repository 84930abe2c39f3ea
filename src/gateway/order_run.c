#include "gateway/order_run.h"

#include "saga/bytes.h"
#include "saga/ids.h"

#define ROW_VERSION 1

size_t
order_run_encode(const uint64_t *ids, uint32_t count,
                 uint8_t value[ORDER_RUN_BYTES_MAX])
{
    struct bytes_writer writer;
    uint32_t i;

    invariant(count >= 1 && count <= ORDER_RUN_ROW_MAX);
    if (count == 1)
        return 0;
    bytes_writer_init(&writer, value, ORDER_RUN_BYTES_MAX);
    bytes_put_u8(&writer, ROW_VERSION);
    for (i = 1; i < count; i++)
        bytes_put_u64(&writer, ids[i]);
    invariant(!writer.failed);
    return writer.used;
}

enum rc
order_run_decode(const uint8_t *key, size_t key_bytes, const uint8_t *value,
                 size_t bytes, struct order_run *run_out)
{
    struct bytes_reader reader;
    uint64_t id, before;
    uint32_t i;

    bytes_reader_init(&reader, key, key_bytes);
    run_out->user = bytes_get_u64(&reader);
    run_out->first = before = bytes_get_u64(&reader);
    run_out->value = value;
    run_out->count = bytes == 0 ? 1 : (uint32_t)(1 + (bytes - 1) / 8);
    if (!bytes_all_read(&reader) || !id_valid(run_out->first) ||
        bytes > ORDER_RUN_BYTES_MAX ||
        (bytes > 0 &&
         (bytes < 9 || bytes % 8 != 1 || value[0] != ROW_VERSION)))
        return RC_DAMAGED;
    for (i = 1; i < run_out->count; i++, before = id) {
        id = order_run_at(run_out, i);
        if (!id_valid(id) || id <= before)
            return RC_DAMAGED;
    }
    return RC_OK;
}

uint64_t
order_run_at(const struct order_run *run, uint32_t index)
{
    struct bytes_reader reader;

    if (index == 0)
        return run->first;
    bytes_reader_init(&reader, run->value + 1 + 8 * (size_t)(index - 1), 8);
    return bytes_get_u64(&reader);
}
