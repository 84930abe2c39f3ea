/*
 * order_block.h - orders sorted by user and id, as one row of the index
 *
 *   entry   a user and one of its orders
 *   run     so many entries, sorted, in blocks one behind the other
 *   block   a row: its key has the run and the first entry, its value the
 *           others, each as what it is more than the one before
 *
 *   key        = level run user order      ; big-endian: 1, 8, 8, 8 octets
 *   value      = version *( user-step order-step )
 *   version    = %x01
 *   user-step  = varint                    ; 0: the same user
 *   order-step = varint                    ; zigzag: 2n, or -2n - 1 below 0
 *
 * Both forms of numbers are those of bytes_put_varint() and of Protocol
 * Buffers (sint64).
 *
 * Core.
 */
#ifndef ORDER_BLOCK_H
#define ORDER_BLOCK_H

#include "saga/bytes.h"
#include "saga/ids.h"

#define ORDER_RUN_KEY_BYTES 9 /* of a block's key: whose it is */
#define ORDER_BLOCK_KEY_BYTES (ORDER_RUN_KEY_BYTES + 16)
/* It fits a page of its own. */
#define ORDER_BLOCK_BYTES_MAX 4000
/* The first one, and two octets for each other at least. */
#define ORDER_BLOCK_ENTRIES_MAX (1 + ORDER_BLOCK_BYTES_MAX / 2)

struct order_entry {
    uint64_t user;
    uint64_t order;
};

/* Below 0, 0 or above, as the left one comes before the right. */
static inline int
order_entry_compare(const struct order_entry *left,
                    const struct order_entry *right)
{
    if (left->user != right->user)
        return left->user < right->user ? -1 : 1;
    return left->order < right->order ? -1 : left->order > right->order;
}

void order_block_key(uint8_t level, uint64_t run,
                     const struct order_entry *first,
                     uint8_t key[ORDER_BLOCK_KEY_BYTES]);

/* A block that is being filled. */
struct order_block {
    uint8_t value[ORDER_BLOCK_BYTES_MAX];
    struct bytes_writer writer;
    struct order_entry first;
    struct order_entry last;
    uint32_t count;
};

/* Empty; its value will have bytes_max octets at most. */
void order_block_init(struct order_block *block, size_t bytes_max);
/* The entry comes behind all before.  False, and nothing changed: full. */
bool order_block_add(struct order_block *block,
                     const struct order_entry *entry);

/* A block that is read, entry by entry.  It looks into the row's memory. */
struct order_block_reader {
    uint8_t level;
    uint64_t run;
    struct order_entry entry; /* the one it stands on */
    struct bytes_reader rest;
};

/* Stands on the first one.  RC_DAMAGED: no block that the writer makes. */
MUST_USE enum rc order_block_open(struct order_block_reader *reader,
                                  const uint8_t *key, size_t key_bytes,
                                  const uint8_t *value, size_t bytes);
/* RC_NOT_FOUND behind the last one; RC_DAMAGED as above. */
MUST_USE enum rc order_block_next(struct order_block_reader *reader);

#endif
