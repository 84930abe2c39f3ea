#include "gateway/order_levels.h"

#define ROW_VERSION 1

static const struct order_entry none = { 0, 0 };

static bool
is_merging(const struct order_levels *levels, uint8_t level)
{
    return order_entry_compare(&levels->level[level].merged, &none) != 0;
}

void
order_levels_encode(const struct order_levels *levels,
                    uint8_t row[ORDER_LEVELS_ROW_BYTES])
{
    struct bytes_writer writer;
    uint8_t i;

    bytes_writer_init(&writer, row, ORDER_LEVELS_ROW_BYTES);
    bytes_put_u8(&writer, ROW_VERSION);
    bytes_put_u64(&writer, levels->mark);
    for (i = 0; i < ORDER_LEVELS; i++) {
        bytes_put_u64(&writer, levels->level[i].runs);
        bytes_put_u64(&writer, levels->level[i].merged.user);
        bytes_put_u64(&writer, levels->level[i].merged.order);
    }
    invariant(!writer.failed && writer.used == ORDER_LEVELS_ROW_BYTES);
}

/* No more were merged than there were, and only what is due is merged. */
static bool
level_can_be(const struct order_levels *levels, uint8_t level)
{
    const struct order_level *this = &levels->level[level];
    uint64_t above = level + 1 < ORDER_LEVELS ? this[1].runs : 0;

    if (this->runs > levels->mark || above > this->runs / ORDER_FAN ||
        this->runs - ORDER_FAN * above > ORDER_RUNS_LIMIT)
        return false;
    return !is_merging(levels, level) ||
           (order_levels_due(levels, level) && id_valid(this->merged.user) &&
            id_valid(this->merged.order));
}

enum rc
order_levels_decode(const uint8_t *row, size_t bytes,
                    struct order_levels *levels_out)
{
    struct bytes_reader reader;
    uint8_t version, i;

    bytes_reader_init(&reader, row, bytes);
    version = bytes_get_u8(&reader);
    levels_out->mark = bytes_get_u64(&reader);
    for (i = 0; i < ORDER_LEVELS; i++) {
        levels_out->level[i].runs = bytes_get_u64(&reader);
        levels_out->level[i].merged.user = bytes_get_u64(&reader);
        levels_out->level[i].merged.order = bytes_get_u64(&reader);
    }
    if (!bytes_all_read(&reader) || version != ROW_VERSION ||
        levels_out->mark > ID_MAX + 1)
        return RC_DAMAGED;
    for (i = 0; i < ORDER_LEVELS; i++)
        if (!level_can_be(levels_out, i))
            return RC_DAMAGED;
    return RC_OK;
}

uint64_t
order_levels_first(const struct order_levels *levels, uint8_t level)
{
    return level + 1 < ORDER_LEVELS
               ? ORDER_FAN * levels->level[level + 1].runs : 0;
}

uint64_t
order_levels_end(const struct order_levels *levels, uint8_t level)
{
    return levels->level[level].runs +
           (level > 0 && is_merging(levels, (uint8_t)(level - 1)));
}

bool
order_levels_due(const struct order_levels *levels, uint8_t level)
{
    return level + 1 < ORDER_LEVELS &&
           levels->level[level].runs - order_levels_first(levels, level) >=
               ORDER_FAN;
}

void
order_levels_complete(struct order_levels *levels, uint8_t level)
{
    invariant(order_levels_due(levels, level));
    levels->level[level].merged = none;
    levels->level[level + 1].runs++;
}

bool
order_levels_have(const struct order_levels *levels, uint8_t level,
                  uint64_t run, struct order_entry *from_out)
{
    uint64_t first;

    if (level >= ORDER_LEVELS)
        return false;
    first = order_levels_first(levels, level);
    if (run < first || run >= order_levels_end(levels, level))
        return false;
    *from_out = run < first + ORDER_FAN ? levels->level[level].merged : none;
    return true;
}
