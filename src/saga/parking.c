#include "saga/parking.h"

#include <stdio.h>
#include <stdlib.h>

#include "saga/bytes.h"
#include "saga/log.h"

#define PARKED_FORMAT 1
#define KEY_LAST "parked"
#define LAST_FORMAT 1 /* of its row: that, and the last number given */
#define LAST_BYTES 9
#define ROOM_FIRST 64

/* What is kept in memory of a row. */
struct waiting {
    uint64_t number;
    uint64_t order;
    uint64_t user;
};

struct parking {
    struct store_table *table;
    struct store_table *state; /* where the last number is kept */
    struct waiting *waiting; /* by number, ascending */
    uint32_t count;
    uint32_t room;
    uint32_t rows_max; /* what is new beyond that is refused */
    uint64_t last_number;
    uint8_t *row; /* the last one that was read */
    uint8_t *out; /* one to be written; the bytes may lie in `row` */
};

static size_t
parked_encode(const struct parked *parked, uint8_t *row, size_t size)
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, row, size);
    bytes_put_u8(&writer, PARKED_FORMAT);
    bytes_put_u64(&writer, parked->order.value);
    bytes_put_u64(&writer, parked->user.value);
    bytes_put_text(&writer, parked->topic);
    bytes_put_u16(&writer, (uint16_t)parked->partition);
    bytes_put_u64(&writer, parked->offset);
    bytes_put_u32(&writer, parked->count);
    bytes_put_text(&writer, parked->producer);
    bytes_put_u64(&writer, parked->first_seq);
    bytes_put_text(&writer, parked->cause);
    bytes_put_u32(&writer, parked->attempts);
    bytes_put_i64(&writer, parked->parked_us);
    bytes_put(&writer, parked->bytes, parked->bytes_count);
    invariant(!writer.failed);
    return writer.used;
}

static enum rc
parked_decode(const uint8_t *row, size_t bytes, struct parked *parked)
{
    struct bytes_reader reader;

    bytes_reader_init(&reader, row, bytes);
    if (bytes_get_u8(&reader) != PARKED_FORMAT)
        return RC_DAMAGED;
    parked->order.value = bytes_get_u64(&reader);
    parked->user.value = bytes_get_u64(&reader);
    bytes_get_text(&reader, parked->topic, sizeof parked->topic);
    parked->partition = bytes_get_u16(&reader);
    parked->offset = bytes_get_u64(&reader);
    parked->count = bytes_get_u32(&reader);
    bytes_get_text(&reader, parked->producer, sizeof parked->producer);
    parked->first_seq = bytes_get_u64(&reader);
    bytes_get_text(&reader, parked->cause, sizeof parked->cause);
    parked->attempts = bytes_get_u32(&reader);
    parked->parked_us = bytes_get_i64(&reader);
    if (reader.failed)
        return RC_DAMAGED;
    parked->bytes_count = bytes - reader.used;
    parked->bytes = row + reader.used;
    return RC_OK;
}

/* ---- opening ---------------------------------------------------------- */

static bool
make_room(struct parking *parking)
{
    uint32_t room = parking->room == 0 ? ROOM_FIRST : 2 * parking->room;
    struct waiting *waiting =
        realloc(parking->waiting, room * sizeof *parking->waiting);

    if (waiting == NULL)
        return false;
    parking->waiting = waiting;
    parking->room = room;
    return true;
}

static enum rc
remember(struct parking *parking, uint64_t number,
         const struct parked *parked)
{
    if (parking->count == parking->room && !make_room(parking))
        return RC_NO_MEMORY;
    parking->waiting[parking->count++] =
        (struct waiting){ number, parked->order.value, parked->user.value };
    parking->last_number = number;
    return RC_OK;
}

static enum rc
read_waiting(struct parking *parking)
{
    struct store_cursor *cursor;
    struct bytes_reader reader;
    struct parked parked;
    struct store_row row;
    enum rc rc = store_cursor_open(parking->table, &cursor);

    if (rc != RC_OK)
        return rc;
    for (rc = store_cursor_first(cursor, &row); rc == RC_OK;
         rc = store_cursor_next(cursor, &row)) {
        bytes_reader_init(&reader, row.key, row.key_bytes);
        rc = parked_decode(row.value, row.bytes, &parked);
        if (rc == RC_OK)
            rc = remember(parking, bytes_get_u64(&reader), &parked);
        if (rc != RC_OK)
            break;
    }
    store_cursor_close(&cursor);
    if (rc == RC_DAMAGED)
        log_error("row_damaged", "table=parked");
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* None in a store from before 2026-12, or if nothing was parked since.  The
 * last row's counts where it is higher: such a program had the store between
 * two of ours. */
static enum rc
read_last(struct parking *parking)
{
    struct bytes_reader reader;
    uint8_t row[LAST_BYTES];
    uint64_t last = 0;
    size_t bytes;
    enum rc rc = store_get(parking->state, KEY_LAST, sizeof KEY_LAST - 1, row,
                           sizeof row, &bytes);

    if (rc == RC_NOT_FOUND)
        return RC_OK;
    if (rc != RC_OK && rc != RC_FULL)
        return rc;
    /* What is too short, or too long for the row, reads as 0. */
    bytes_reader_init(&reader, row, rc == RC_OK ? bytes : 0);
    if (bytes_get_u8(&reader) == LAST_FORMAT)
        last = bytes_get_u64(&reader);
    if (last == 0 || last == UINT64_MAX) {
        log_error("row_damaged", "table=participant key=" KEY_LAST);
        return RC_DAMAGED;
    }
    if (last > parking->last_number)
        parking->last_number = last;
    return RC_OK;
}

enum rc
parking_open(struct parking **parking_out, struct store *store,
             struct store_table *state, uint32_t rows_max)
{
    struct parking *parking = calloc(1, sizeof *parking);
    enum rc rc;

    if (parking == NULL)
        return RC_NO_MEMORY;
    *parking_out = parking;
    parking->state = state;
    parking->rows_max = rows_max;
    parking->row = malloc(STORE_VALUE_BYTES_MAX);
    parking->out = malloc(STORE_VALUE_BYTES_MAX);
    if (parking->row == NULL || parking->out == NULL)
        return RC_NO_MEMORY;
    rc = store_table_open(store, "parked", &parking->table);
    if (rc == RC_OK)
        rc = read_waiting(parking);
    if (rc == RC_OK)
        rc = read_last(parking);
    return rc;
}

void
parking_close(struct parking **parking_p)
{
    struct parking *parking = *parking_p;

    *parking_p = NULL;
    if (parking == NULL)
        return;
    free(parking->waiting);
    free(parking->row);
    free(parking->out);
    free(parking);
}

/* ---- rows ------------------------------------------------------------- */

uint32_t
parking_count(const struct parking *parking)
{
    return parking->count;
}

static bool
belongs(const struct waiting *row, struct order_id order, struct user_id user)
{
    return (order.value != 0 && row->order == order.value) ||
           (user.value != 0 && row->user == user.value);
}

bool
parking_holds(const struct parking *parking, uint64_t before,
              struct order_id order, struct user_id user)
{
    uint32_t i;

    for (i = 0; i < parking->count && parking->waiting[i].number < before; i++)
        if (belongs(&parking->waiting[i], order, user))
            return true;
    return false;
}

static enum rc
put(struct parking *parking, const struct parked *parked)
{
    uint8_t key[NUMBER_KEY_BYTES];
    size_t bytes = parked_encode(parked, parking->out, STORE_VALUE_BYTES_MAX);

    number_key_encode(parked->number, key);
    return store_put(parking->table, key, sizeof key, parking->out, bytes);
}

static enum rc
put_last(struct parking *parking)
{
    struct bytes_writer writer;
    uint8_t row[LAST_BYTES];

    bytes_writer_init(&writer, row, sizeof row);
    bytes_put_u8(&writer, LAST_FORMAT);
    bytes_put_u64(&writer, parking->last_number);
    return store_put(parking->state, KEY_LAST, sizeof KEY_LAST - 1, row,
                     writer.used);
}

enum rc
parking_put(struct parking *parking, struct parked *parked)
{
    enum rc rc;

    if (parking->count >= parking->rows_max) {
        log_error("parked_too_many", "rows=%u words=\"raise the knob parked, "
                  "then redrive or drop them\"", parking->count);
        return RC_FULL;
    }
    rc = remember(parking, parking->last_number + 1, parked);
    if (rc != RC_OK)
        return rc;
    parked->number = parking->last_number;
    rc = put(parking, parked);
    return rc == RC_OK ? put_last(parking) : rc;
}

enum rc
parking_again(struct parking *parking, const struct parked *parked,
              const char *cause)
{
    struct parked again = *parked;

    snprintf(again.cause, sizeof again.cause, "%s", cause);
    return put(parking, &again);
}

enum rc
parking_get(struct parking *parking, uint64_t number,
            struct parked *parked_out)
{
    uint8_t key[NUMBER_KEY_BYTES];
    size_t bytes;
    enum rc rc;

    number_key_encode(number, key);
    rc = store_get(parking->table, key, sizeof key, parking->row,
                   STORE_VALUE_BYTES_MAX, &bytes);
    if (rc != RC_OK)
        return rc;
    parked_out->number = number;
    return parked_decode(parking->row, bytes, parked_out);
}

enum rc
parking_next(struct parking *parking, uint64_t after,
             struct parked *parked_out)
{
    uint32_t i;

    for (i = 0; i < parking->count; i++)
        if (parking->waiting[i].number > after)
            return parking_get(parking, parking->waiting[i].number,
                               parked_out);
    return RC_NOT_FOUND;
}

enum rc
parking_next_with(struct parking *parking, uint64_t after, uint64_t number,
                  struct order_id order, struct user_id user,
                  struct parked *parked_out)
{
    const struct waiting *row;
    uint32_t i;

    for (i = 0; i < parking->count; i++) {
        row = &parking->waiting[i];
        if (row->number > after &&
            (row->number == number || belongs(row, order, user)))
            return parking_get(parking, row->number, parked_out);
    }
    return RC_NOT_FOUND;
}

enum rc
parking_remove(struct parking *parking, const struct parked *parked)
{
    uint8_t key[NUMBER_KEY_BYTES];
    uint32_t i = 0;

    while (parking->waiting[i].number != parked->number) {
        i++;
        invariant(i < parking->count);
    }
    parking->count--;
    memmove(&parking->waiting[i], &parking->waiting[i + 1],
            (parking->count - i) * sizeof parking->waiting[0]);
    number_key_encode(parked->number, key);
    return store_delete(parking->table, key, sizeof key);
}
