/*
 * pack.h - a few small rows in one
 *
 * A row of the store's costs the same whatever is in it.  Where rows are small
 * and their keys are numbers that rise, as those of orders are, PACK_ROWS of
 * them stand in one: row `number` is in the pack number / PACK_ROWS, at the
 * slot number % PACK_ROWS.
 *
 *   octets of a pack = version *( slot length octets )
 *
 * with rising slots, of those rows only that there are.  The form has no head
 * that changes: a row behind the others leaves the octets before it as they
 * were, and the library logs of a changed value what changed.
 *
 * A full pack of the longest rows is less than a quarter of a page: above
 * that, the library gives a value pages of its own.
 *
 * Core.  Only the store uses it (store_pack.c).
 */
#ifndef SAGA_PACK_H
#define SAGA_PACK_H

#include "saga/base.h"

/* The first octet; no version of an unpacked row is this. */
#define PACK_VERSION 0x50
#define PACK_ROWS 8
#define PACK_ROW_BYTES_MAX 96
#define PACK_BYTES_MAX (1 + PACK_ROWS * (2 + PACK_ROW_BYTES_MAX))

struct pack {
    uint64_t number;
    uint8_t bytes[PACK_ROWS]; /* of each row; 0: there is none */
    uint8_t rows[PACK_ROWS][PACK_ROW_BYTES_MAX];
};

/* The first slot from `slot` on, or the last one up to it, that has a row;
 * PACK_ROWS if none has. */
unsigned pack_slot_from(const struct pack *pack, unsigned slot);
unsigned pack_slot_upto(const struct pack *pack, unsigned slot);

/* Puts a row of 1 to PACK_ROW_BYTES_MAX octets. */
void pack_put(struct pack *pack, unsigned slot, const void *value,
              size_t bytes);

/* Returns the length; 1 if there is no row. */
size_t pack_encode(const struct pack *pack, uint8_t octets[PACK_BYTES_MAX]);

/* False, and the pack is to be forgotten, if the octets are not what
 * pack_encode() makes of at least one row. */
bool pack_decode(struct pack *pack, uint64_t number, const uint8_t *octets,
                 size_t count);

#endif
