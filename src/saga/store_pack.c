/*
 * store_pack.c - the rows of packed tables, and the packs held in memory
 */
#include "saga/store_pack.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "saga/bytes.h"
#include "saga/log.h"

/* Packs in memory, of each packed table: 4,096 rows, half a MiB. */
#define PACKS_KEPT 512

_Static_assert((PACKS_KEPT & (PACKS_KEPT - 1)) == 0, "a mask");
_Static_assert(STORE_PACKED_BYTES_MAX == PACK_ROW_BYTES_MAX, "as promised");

enum place_state { PLACE_FREE, PLACE_READ, PLACE_CHANGED };

struct store_packs {
    uint8_t state[PACKS_KEPT];     /* enum place_state */
    uint32_t changed_count;
    uint32_t changed[PACKS_KEPT];  /* places */
    struct pack kept[PACKS_KEPT];
    struct pack passing;           /* read, and no place free for it */
};

/* ---- keys -------------------------------------------------------------- */

static uint64_t
key_number(const void *key, size_t key_bytes)
{
    struct bytes_reader reader;

    invariant(key_bytes == PACK_KEY_BYTES);
    bytes_reader_init(&reader, key, key_bytes);
    return bytes_get_u64(&reader);
}

static enum rc
pack_damaged(const struct store_table *table, uint64_t number)
{
    log_error("pack_damaged", "table=%s first=%" PRIu64, table->name,
              number * PACK_ROWS);
    return RC_DAMAGED;
}

/* ---- reading ----------------------------------------------------------- */

static enum rc
pack_read(struct store_table *table, uint64_t number, struct pack *pack)
{
    uint8_t key[PACK_KEY_BYTES], octets[PACK_BYTES_MAX];
    size_t bytes;
    enum rc rc;

    number_key_encode(number, key);
    rc = store_row_get(table, key, sizeof key, octets, sizeof octets, &bytes);
    if (rc == RC_FULL ||
        (rc == RC_OK && !pack_decode(pack, number, octets, bytes)))
        return pack_damaged(table, number);
    return rc;
}

static uint32_t
place_of(uint64_t number)
{
    return (uint32_t)number & (PACKS_KEPT - 1);
}

static bool
place_holds(const struct store_packs *packs, uint64_t number)
{
    return packs->state[place_of(number)] != PLACE_FREE &&
           packs->kept[place_of(number)].number == number;
}

/* The pack, to look at.  RC_NOT_FOUND. */
static enum rc
pack_find(struct store_table *table, uint64_t number,
          const struct pack **pack_out)
{
    struct store_packs *packs = table->packs;
    const uint32_t place = place_of(number);
    struct pack *pack = &packs->kept[place];
    enum rc rc;

    if (!place_holds(packs, number)) {
        if (packs->state[place] == PLACE_CHANGED)
            pack = &packs->passing;
        else
            packs->state[place] = PLACE_FREE;
        rc = pack_read(table, number, pack);
        if (rc != RC_OK)
            return rc;
        if (pack != &packs->passing)
            packs->state[place] = PLACE_READ;
    }
    *pack_out = pack;
    return RC_OK;
}

enum rc
store_packs_get(struct store_table *table, const void *key, size_t key_bytes,
                void *value, size_t value_max, size_t *bytes_out)
{
    const uint64_t number = key_number(key, key_bytes);
    const unsigned slot = number % PACK_ROWS;
    const struct pack *pack;
    enum rc rc = pack_find(table, number / PACK_ROWS, &pack);

    if (rc != RC_OK)
        return rc;
    if (pack->bytes[slot] == 0)
        return RC_NOT_FOUND;
    *bytes_out = pack->bytes[slot];
    if (*bytes_out > value_max)
        return RC_FULL;
    memcpy(value, pack->rows[slot], *bytes_out);
    return RC_OK;
}

/* ---- writing ----------------------------------------------------------- */

static enum rc
pack_write(struct store_table *table, const struct pack *pack)
{
    uint8_t key[PACK_KEY_BYTES], octets[PACK_BYTES_MAX];

    number_key_encode(pack->number, key);
    if (pack_slot_from(pack, 0) == PACK_ROWS)
        return store_row_delete(table, key, sizeof key);
    return store_row_put(table, key, sizeof key, octets,
                         pack_encode(pack, octets));
}

enum rc
store_packs_write(struct store_table *table)
{
    struct store_packs *packs = table->packs;
    enum rc rc = RC_OK;
    uint32_t i, place;

    for (i = 0; i < packs->changed_count && rc == RC_OK; i++) {
        place = packs->changed[i];
        packs->state[place] = PLACE_READ;
        rc = pack_write(table, &packs->kept[place]);
        if (rc == RC_NOT_FOUND) { /* never written, and empty again */
            packs->state[place] = PLACE_FREE;
            rc = RC_OK;
        }
    }
    packs->changed_count = 0;
    return rc;
}

enum rc
store_packs_write_all(struct store *store)
{
    struct store_table *table;
    enum rc rc = RC_OK;

    for (table = store->packed; table != NULL && rc == RC_OK;
         table = table->packed_next)
        rc = store_packs_write(table);
    return rc;
}

void
store_packs_forget_all(struct store *store)
{
    struct store_table *table;
    struct store_packs *packs;

    for (table = store->packed; table != NULL; table = table->packed_next) {
        packs = table->packs;
        memset(packs->state, PLACE_FREE, sizeof packs->state);
        packs->changed_count = 0;
    }
}

/* The pack, at its place, to be changed; an empty one if there is none. */
static enum rc
pack_take(struct store_table *table, uint64_t number, struct pack **pack_out)
{
    struct store_packs *packs = table->packs;
    const uint32_t place = place_of(number);
    const struct pack *found;
    enum rc rc = RC_OK;

    if (!place_holds(packs, number) &&
        packs->state[place] == PLACE_CHANGED)
        rc = store_packs_write(table);
    if (rc == RC_OK)
        rc = pack_find(table, number, &found);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return rc;
    *pack_out = &packs->kept[place];
    if (rc == RC_NOT_FOUND) {
        (*pack_out)->number = number;
        memset((*pack_out)->bytes, 0, sizeof (*pack_out)->bytes);
    }
    return RC_OK;
}

enum rc
store_packs_put(struct store_table *table, const void *key, size_t key_bytes,
                const void *value, size_t bytes, bool new_only)
{
    struct store_packs *packs = table->packs;
    const uint64_t number = key_number(key, key_bytes);
    const uint32_t place = place_of(number / PACK_ROWS);
    const unsigned slot = number % PACK_ROWS;
    struct pack *pack;
    enum rc rc;

    invariant(table->store->transaction != NULL);
    rc = pack_take(table, number / PACK_ROWS, &pack);
    if (rc != RC_OK)
        return rc;
    if (new_only && pack->bytes[slot] != 0)
        return RC_EXISTS;
    if (bytes == 0 && pack->bytes[slot] == 0)
        return RC_NOT_FOUND;
    if (bytes == 0)
        pack->bytes[slot] = 0;
    else
        pack_put(pack, slot, value, bytes);
    if (packs->state[place] != PLACE_CHANGED)
        packs->changed[packs->changed_count++] = place;
    packs->state[place] = PLACE_CHANGED;
    return RC_OK;
}

/* ---- opening ----------------------------------------------------------- */

/* Rows that are not packs were put by a version that did not pack. */
static enum rc
first_check(struct store_table *table)
{
    struct store_cursor *cursor;
    struct store_row row;
    enum rc rc = store_cursor_open(table, &cursor);

    if (rc != RC_OK)
        return rc;
    rc = store_step(cursor, DB_FIRST, &row);
    if (rc == RC_OK && (row.bytes == 0 || row.value[0] != PACK_VERSION)) {
        log_error("store_failed", "rc=damaged operation=table_open table=%s "
                  "words=\"its rows are not packed: a version of before "
                  "2026-11-25 made this store\" directory=%s", table->name,
                  log_quote(table->store->directory));
        rc = RC_DAMAGED;
    } else if (rc == RC_OK) {
        rc = store_packs_end(cursor, false, &row);
    }
    store_cursor_close(&cursor);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc
store_packs_open(struct store_table *table)
{
    enum rc rc;

    table->packs = calloc(1, sizeof *table->packs);
    if (table->packs == NULL)
        return store_failed(table->store, ENOMEM, "table_open", table->name);
    table->packed_next = table->store->packed;
    table->store->packed = table;
    rc = first_check(table);
    if (rc != RC_OK)
        store_packs_close(table);
    return rc;
}

void
store_packs_close(struct store_table *table)
{
    struct store_table **link;

    for (link = &table->store->packed; *link != table;
         link = &(*link)->packed_next)
        invariant(*link != NULL);
    *link = table->packed_next;
    free(table->packs);
    table->packs = NULL;
}

/* ---- cursors ----------------------------------------------------------- */

/* The library's row becomes the pack that the cursor stands in. */
static enum rc
cursor_unpack(struct store_cursor *cursor, const struct store_row *row)
{
    const struct store_table *table = cursor->table;

    if (row->key_bytes != PACK_KEY_BYTES)
        return pack_damaged(table, 0);
    if (!pack_decode(&cursor->pack, key_number(row->key, row->key_bytes),
                     row->value, row->bytes))
        return pack_damaged(table, key_number(row->key, row->key_bytes));
    return RC_OK;
}

static enum rc
cursor_row(struct store_cursor *cursor, unsigned slot,
           struct store_row *row_out)
{
    const struct pack *pack = &cursor->pack;

    cursor->slot = slot;
    number_key_encode(pack->number * PACK_ROWS + slot, cursor->key);
    *row_out = (struct store_row){ cursor->key, PACK_KEY_BYTES,
                                   pack->rows[slot], pack->bytes[slot] };
    return RC_OK;
}

static unsigned
slot_towards(const struct pack *pack, unsigned slot, bool backwards)
{
    return backwards ? pack_slot_upto(pack, slot) : pack_slot_from(pack, slot);
}

/* To the first or last row of the pack that the library's step `rc` found. */
static enum rc
cursor_enter(struct store_cursor *cursor, enum rc rc, bool backwards,
             struct store_row *row)
{
    if (rc == RC_OK)
        rc = cursor_unpack(cursor, row);
    if (rc != RC_OK)
        return rc;
    return cursor_row(cursor,
                      slot_towards(&cursor->pack,
                                   backwards ? PACK_ROWS - 1 : 0, backwards),
                      row);
}

enum rc
store_packs_end(struct store_cursor *cursor, bool last,
                struct store_row *row_out)
{
    enum rc rc = store_step(cursor, last ? DB_LAST : DB_FIRST, row_out);

    return cursor_enter(cursor, rc, last, row_out);
}

enum rc
store_packs_move(struct store_cursor *cursor, bool backwards,
                 struct store_row *row_out)
{
    const unsigned at = cursor->slot, edge = backwards ? 0 : PACK_ROWS - 1;
    unsigned slot = PACK_ROWS;

    if (at != edge)
        slot = slot_towards(&cursor->pack, backwards ? at - 1 : at + 1,
                            backwards);
    if (slot < PACK_ROWS)
        return cursor_row(cursor, slot, row_out);
    return cursor_enter(cursor,
                        store_step(cursor, backwards ? DB_PREV : DB_NEXT,
                                   row_out),
                        backwards, row_out);
}

enum rc
store_packs_seek(struct store_cursor *cursor, const void *key,
                 size_t key_bytes, bool backwards, struct store_row *row_out)
{
    const uint64_t number = key_number(key, key_bytes);
    uint8_t pack_key[PACK_KEY_BYTES];
    unsigned slot;
    enum rc rc;

    number_key_encode(number / PACK_ROWS, pack_key);
    rc = (backwards ? store_step_seek_back : store_step_seek)(
        cursor, pack_key, sizeof pack_key, row_out);
    rc = cursor_enter(cursor, rc, backwards, row_out);
    if (rc != RC_OK || cursor->pack.number != number / PACK_ROWS)
        return rc;
    slot = slot_towards(&cursor->pack, number % PACK_ROWS, backwards);
    if (slot < PACK_ROWS)
        return cursor_row(cursor, slot, row_out);
    cursor->slot = backwards ? 0 : PACK_ROWS - 1; /* it has none that way */
    return store_packs_move(cursor, backwards, row_out);
}
