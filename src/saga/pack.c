#include "saga/pack.h"

#include <string.h>

unsigned
pack_slot_from(const struct pack *pack, unsigned slot)
{
    while (slot < PACK_ROWS && pack->bytes[slot] == 0)
        slot++;
    return slot;
}

unsigned
pack_slot_upto(const struct pack *pack, unsigned slot)
{
    unsigned from;

    for (from = slot + 1; from > 0; from--) {
        if (pack->bytes[from - 1] != 0)
            return from - 1;
    }
    return PACK_ROWS;
}

void
pack_put(struct pack *pack, unsigned slot, const void *value, size_t bytes)
{
    invariant(slot < PACK_ROWS);
    invariant(bytes > 0 && bytes <= PACK_ROW_BYTES_MAX);
    memcpy(pack->rows[slot], value, bytes);
    pack->bytes[slot] = (uint8_t)bytes;
}

size_t
pack_encode(const struct pack *pack, uint8_t octets[PACK_BYTES_MAX])
{
    size_t used = 0;
    unsigned slot;

    octets[used++] = PACK_VERSION;
    for (slot = pack_slot_from(pack, 0); slot < PACK_ROWS;
         slot = pack_slot_from(pack, slot + 1)) {
        octets[used++] = (uint8_t)slot;
        octets[used++] = pack->bytes[slot];
        memcpy(octets + used, pack->rows[slot], pack->bytes[slot]);
        used += pack->bytes[slot];
    }
    return used;
}

bool
pack_decode(struct pack *pack, uint64_t number, const uint8_t *octets,
            size_t count)
{
    size_t at = 1;
    unsigned slot, slot_least = 0;
    size_t bytes;

    if (count < 2 || octets[0] != PACK_VERSION)
        return false;
    pack->number = number;
    memset(pack->bytes, 0, sizeof pack->bytes);
    while (at < count) {
        if (count - at < 2)
            return false;
        slot = octets[at];
        bytes = octets[at + 1];
        at += 2;
        if (slot < slot_least || slot >= PACK_ROWS || bytes == 0 ||
            bytes > PACK_ROW_BYTES_MAX || bytes > count - at)
            return false;
        pack_put(pack, slot, octets + at, bytes);
        slot_least = slot + 1;
        at += bytes;
    }
    return true;
}
