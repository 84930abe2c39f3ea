#include "gateway/gateway_rows.h"

#define ROW_VERSION 1
#define ORDER_VERSION_CANCEL 2 /* with the three times of an order's undoing */
#define COUNTERS_VERSION 4 /* 3: the same, of programs that moved the base */
#define COUNTERS_VERSION_2 2 /* without the index's base */
#define COUNTERS_VERSION_1 1 /* without mark, credits and parked orders */

/* These enums are ours or grow only at their end: their values are the
 * numbers on disk. */
_Static_assert(ORDER_CREATED == 1 && ORDER_COMPLETED == 2 &&
                   ORDER_FAILED == 3 && ORDER_CANCELLED == 4,
               "order states have their numbers on disk");
_Static_assert(USER_OPENING == 1 && USER_ACTIVE == 2 && USER_FROZEN == 3,
               "user states have their numbers on disk");
_Static_assert(TRANSACTION_SUCCESSFUL == 1 && TRANSACTION_UNSUCCESSFUL == 2 &&
                   TRANSACTION_REVERSED == 3,
               "transaction states have their numbers on disk");
_Static_assert(QUANTITY_MAX <= UINT16_MAX, "a quantity fits its two octets");

/* Refusals are ranked by their enum, which so may grow in its middle. */
static const uint8_t refusal_codes[REFUSAL_COUNT] = {
    [REFUSAL_NONE] = 0,         [REFUSAL_DUPLICATE] = 1,
    [REFUSAL_UNKNOWN_USER] = 2, [REFUSAL_FROZEN] = 3,
    [REFUSAL_CURRENCY] = 4,     [REFUSAL_CANCELLED] = 5,
    [REFUSAL_TIMEOUT] = 6,      [REFUSAL_CREDIT] = 7,
    [REFUSAL_LIMIT] = 8,
};

static uint8_t
refusal_code(enum refusal refusal)
{
    invariant(refusal < REFUSAL_COUNT);
    invariant(refusal == REFUSAL_NONE || refusal_codes[refusal] != 0);
    return refusal_codes[refusal];
}

/* REFUSAL_COUNT if the code stands for none. */
static enum refusal
refusal_of_code(uint8_t code)
{
    enum refusal refusal;

    for (refusal = REFUSAL_NONE; refusal < REFUSAL_COUNT; refusal++) {
        if (refusal_codes[refusal] == code)
            return refusal;
    }
    return REFUSAL_COUNT;
}

void
id_key_encode(uint64_t id, uint8_t key[ID_KEY_BYTES])
{
    number_key_encode(id, key);
}

void
order_user_key_encode(struct user_id user, uint64_t order,
                      uint8_t key[ORDER_USER_KEY_BYTES])
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, key, ORDER_USER_KEY_BYTES);
    bytes_put_u64(&writer, user.value);
    bytes_put_u64(&writer, order);
}

enum rc
id_key_decode(const uint8_t *key, size_t bytes, uint64_t *id_out)
{
    struct bytes_reader reader;

    bytes_reader_init(&reader, key, bytes);
    *id_out = bytes_get_u64(&reader);
    return bytes_all_read(&reader) && id_valid(*id_out) ? RC_OK : RC_DAMAGED;
}

size_t
order_row_encode(const struct order_row *row,
                 uint8_t value[ORDER_ROW_BYTES_MAX])
{
    bool undone = row->cancel_us != 0 || row->refunded_us != 0 ||
                  row->reversed_us != 0;
    struct bytes_writer writer;

    bytes_writer_init(&writer, value, ORDER_ROW_BYTES_MAX);
    bytes_put_u8(&writer, undone ? ORDER_VERSION_CANCEL : ROW_VERSION);
    bytes_put_u64(&writer, row->user.value);
    bytes_put_u64(&writer, row->product.value);
    bytes_put_u16(&writer, (uint16_t)row->quantity);
    bytes_put_i64(&writer, row->price.minor);
    bytes_put_i64(&writer, row->created_us);
    bytes_put_u8(&writer, (uint8_t)row->status);
    bytes_put_u8(&writer, refusal_code(row->reason));
    bytes_put_u64(&writer, row->transaction.value);
    bytes_put_i64(&writer, row->decided_us);
    bytes_put_i64(&writer, row->written_us);
    bytes_put_i64(&writer, row->updated_us);
    if (undone) {
        bytes_put_i64(&writer, row->cancel_us);
        bytes_put_i64(&writer, row->refunded_us);
        bytes_put_i64(&writer, row->reversed_us);
    }
    invariant(!writer.failed);
    return writer.used;
}

static void
undoing_read(struct order_row *row, uint8_t version,
             struct bytes_reader *reader)
{
    row->cancel_us = row->refunded_us = row->reversed_us = 0;
    if (version != ORDER_VERSION_CANCEL)
        return;
    row->cancel_us = bytes_get_i64(reader);
    row->refunded_us = bytes_get_i64(reader);
    row->reversed_us = bytes_get_i64(reader);
}

enum rc
order_row_decode(struct order_id order, const uint8_t *value, size_t bytes,
                 struct order_row *row_out)
{
    struct bytes_reader reader;
    uint8_t version;

    bytes_reader_init(&reader, value, bytes);
    row_out->order = order;
    version = bytes_get_u8(&reader);
    row_out->user.value = bytes_get_u64(&reader);
    row_out->product.value = bytes_get_u64(&reader);
    row_out->quantity = bytes_get_u16(&reader);
    row_out->price.minor = bytes_get_i64(&reader);
    row_out->created_us = bytes_get_i64(&reader);
    row_out->status = bytes_get_u8(&reader);
    row_out->reason = refusal_of_code(bytes_get_u8(&reader));
    row_out->transaction.value = bytes_get_u64(&reader);
    row_out->decided_us = bytes_get_i64(&reader);
    row_out->written_us = bytes_get_i64(&reader);
    row_out->updated_us = bytes_get_i64(&reader);
    undoing_read(row_out, version, &reader);
    if (!bytes_all_read(&reader) ||
        (version != ROW_VERSION && version != ORDER_VERSION_CANCEL) ||
        row_out->status == ORDER_UNSET ||
        row_out->status >= ORDER_STATUS_COUNT ||
        row_out->reason >= REFUSAL_COUNT || !id_valid(row_out->user.value) ||
        !money_valid(row_out->price) || row_out->quantity < 1 ||
        row_out->quantity > QUANTITY_MAX)
        return RC_DAMAGED;
    return RC_OK;
}

void
user_row_write(const struct user_row *row, struct bytes_writer *writer)
{
    bytes_put_u8(writer, ROW_VERSION);
    bytes_put_u8(writer, (uint8_t)row->state);
    bytes_put_i64(writer, row->balance.minor);
    bytes_put_i64(writer, row->updated_us);
}

bool
user_row_read(struct user_row *row, struct bytes_reader *reader)
{
    uint8_t version;

    version = bytes_get_u8(reader);
    row->state = bytes_get_u8(reader);
    row->balance.minor = bytes_get_i64(reader);
    row->updated_us = bytes_get_i64(reader);
    return !reader->failed && version == ROW_VERSION &&
           row->state < USER_STATE_COUNT && money_valid(row->balance);
}

enum rc
user_row_decode(struct user_id user, const uint8_t *value, size_t bytes,
                struct user_row *row_out)
{
    struct bytes_reader reader;

    bytes_reader_init(&reader, value, bytes);
    row_out->user = user;
    if (!user_row_read(row_out, &reader) || !bytes_all_read(&reader))
        return RC_DAMAGED;
    return RC_OK;
}

enum rc
order_row_read(const uint8_t *key, size_t key_bytes, const uint8_t *value,
               size_t bytes, struct order_row *row_out)
{
    struct order_id order;
    enum rc rc = id_key_decode(key, key_bytes, &order.value);

    return rc == RC_OK ? order_row_decode(order, value, bytes, row_out) : rc;
}

void
transaction_row_encode(const struct transaction_row *row,
                       uint8_t value[TRANSACTION_ROW_BYTES])
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, value, TRANSACTION_ROW_BYTES);
    bytes_put_u8(&writer, ROW_VERSION);
    bytes_put_u64(&writer, row->order.value);
    bytes_put_u64(&writer, row->user.value);
    bytes_put_i64(&writer, row->amount.minor);
    bytes_put_u8(&writer, (uint8_t)row->status);
    bytes_put_i64(&writer, row->written_us);
    invariant(!writer.failed && writer.used == TRANSACTION_ROW_BYTES);
}

enum rc
transaction_row_decode(struct transaction_id transaction, const uint8_t *value,
                       size_t bytes, struct transaction_row *row_out)
{
    struct bytes_reader reader;
    uint8_t version;

    bytes_reader_init(&reader, value, bytes);
    row_out->transaction = transaction;
    version = bytes_get_u8(&reader);
    row_out->order.value = bytes_get_u64(&reader);
    row_out->user.value = bytes_get_u64(&reader);
    row_out->amount.minor = bytes_get_i64(&reader);
    row_out->status = bytes_get_u8(&reader);
    row_out->written_us = bytes_get_i64(&reader);
    if (!bytes_all_read(&reader) || version != ROW_VERSION ||
        row_out->status == TRANSACTION_UNSET ||
        row_out->status >= TRANSACTION_STATUS_COUNT ||
        !money_valid(row_out->amount))
        return RC_DAMAGED;
    return RC_OK;
}

void
product_row_encode(const struct product_row *row,
                   uint8_t value[PRODUCT_ROW_BYTES])
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, value, PRODUCT_ROW_BYTES);
    bytes_put_u8(&writer, ROW_VERSION);
    bytes_put_i64(&writer, row->price.minor);
    invariant(!writer.failed && writer.used == PRODUCT_ROW_BYTES);
}

enum rc
product_row_decode(struct product_id product, const uint8_t *value,
                   size_t bytes, struct product_row *row_out)
{
    struct bytes_reader reader;
    uint8_t version;

    bytes_reader_init(&reader, value, bytes);
    row_out->product = product;
    version = bytes_get_u8(&reader);
    row_out->price.minor = bytes_get_i64(&reader);
    if (!bytes_all_read(&reader) || version != ROW_VERSION ||
        !money_valid(row_out->price))
        return RC_DAMAGED;
    return RC_OK;
}

size_t
counters_row_encode(const struct gateway_counters *counters,
                    uint8_t value[COUNTERS_ROW_BYTES_MAX])
{
    struct bytes_writer writer;
    size_t i;

    bytes_writer_init(&writer, value, COUNTERS_ROW_BYTES_MAX);
    bytes_put_u8(&writer, COUNTERS_VERSION);
    bytes_put_u64(&writer, counters->open);
    bytes_put_u64(&writer, counters->users);
    bytes_put_u64(&writer, counters->transactions);
    bytes_put_u64(&writer, counters->parked_orders);
    bytes_put_u64(&writer, counters->order_mark);
    bytes_put_u64(&writer, counters->credit_last);
    bytes_put_u64(&writer, counters->index_base);
    bytes_put_u8(&writer, ORDER_STATUS_COUNT - 1);
    for (i = ORDER_CREATED; i < ORDER_STATUS_COUNT; i++)
        bytes_put_u64(&writer, counters->orders[i]);
    bytes_put_u8(&writer, REFUSAL_COUNT - 1);
    for (i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++) {
        bytes_put_u8(&writer, refusal_code((enum refusal)i));
        bytes_put_u64(&writer, counters->refusals[i]);
    }
    invariant(!writer.failed);
    return writer.used;
}

/* A row of an older program has fewer states and refusals than ours. */
enum rc
counters_row_decode(const uint8_t *value, size_t bytes,
                    struct gateway_counters *counters_out)
{
    struct bytes_reader reader;
    enum refusal refusal;
    uint8_t version, count, i;

    memset(counters_out, 0, sizeof *counters_out);
    bytes_reader_init(&reader, value, bytes);
    version = bytes_get_u8(&reader);
    counters_out->open = bytes_get_u64(&reader);
    counters_out->users = bytes_get_u64(&reader);
    counters_out->transactions = bytes_get_u64(&reader);
    if (version != COUNTERS_VERSION_1) {
        counters_out->parked_orders = bytes_get_u64(&reader);
        counters_out->order_mark = bytes_get_u64(&reader);
        counters_out->credit_last = bytes_get_u64(&reader);
    }
    counters_out->index_base = version <= COUNTERS_VERSION_2
                                   ? INDEX_BASE_ALL
                                   : bytes_get_u64(&reader);
    count = bytes_get_u8(&reader);
    if (count >= ORDER_STATUS_COUNT)
        return RC_DAMAGED;
    for (i = 1; i <= count; i++)
        counters_out->orders[i] = bytes_get_u64(&reader);
    count = bytes_get_u8(&reader);
    for (i = 0; i < count && !reader.failed; i++) {
        refusal = refusal_of_code(bytes_get_u8(&reader));
        if (refusal == REFUSAL_NONE || refusal == REFUSAL_COUNT)
            return RC_DAMAGED;
        counters_out->refusals[refusal] = bytes_get_u64(&reader);
    }
    if (!bytes_all_read(&reader) || version < COUNTERS_VERSION_1 ||
        version > COUNTERS_VERSION)
        return RC_DAMAGED;
    return RC_OK;
}

void
key_row_encode(struct order_id order, uint8_t value[KEY_ROW_BYTES])
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, value, KEY_ROW_BYTES);
    bytes_put_u8(&writer, ROW_VERSION);
    bytes_put_u64(&writer, order.value);
    invariant(!writer.failed && writer.used == KEY_ROW_BYTES);
}

enum rc
key_row_decode(const uint8_t *value, size_t bytes, struct order_id *order_out)
{
    struct bytes_reader reader;
    uint8_t version;

    bytes_reader_init(&reader, value, bytes);
    version = bytes_get_u8(&reader);
    order_out->value = bytes_get_u64(&reader);
    if (!bytes_all_read(&reader) || version != ROW_VERSION ||
        !id_valid(order_out->value))
        return RC_DAMAGED;
    return RC_OK;
}

size_t
change_row_encode(const uint64_t *ids, uint32_t count,
                  uint8_t value[CHANGE_ROW_BYTES_MAX])
{
    struct bytes_writer writer;
    uint32_t i;

    bytes_writer_init(&writer, value, CHANGE_ROW_BYTES_MAX);
    bytes_put_u8(&writer, ROW_VERSION);
    for (i = 0; i < count; i++)
        bytes_put_u64(&writer, ids[i]);
    invariant(!writer.failed);
    return writer.used;
}

uint64_t
change_row_at(const uint8_t *value, uint32_t index)
{
    struct bytes_reader reader;

    bytes_reader_init(&reader, value + 1 + 8 * index, 8);
    return bytes_get_u64(&reader);
}

enum rc
change_row_count(const uint8_t *value, size_t bytes, uint32_t *count_out)
{
    uint32_t i;

    if (bytes < 1 + 8 || bytes > CHANGE_ROW_BYTES_MAX || bytes % 8 != 1 ||
        value[0] != ROW_VERSION)
        return RC_DAMAGED;
    *count_out = (uint32_t)(bytes / 8);
    for (i = 0; i < *count_out; i++) {
        uint64_t id = change_row_at(value, i);

        if ((change_id_kind(id) != CHANGE_ORDER &&
             change_id_kind(id) != CHANGE_TRANSACTION) ||
            !id_valid(change_id_value(id)))
            return RC_DAMAGED;
    }
    return RC_OK;
}

size_t
parked_key_encode(const struct parked_row *row,
                  uint8_t key[PARKED_KEY_BYTES_MAX])
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, key, PARKED_KEY_BYTES_MAX);
    bytes_put_u64(&writer, row->order.value);
    bytes_put_text(&writer, row->participant);
    bytes_put_text(&writer, row->topic);
    bytes_put_u16(&writer, (uint16_t)row->partition);
    bytes_put_u64(&writer, row->offset);
    invariant(!writer.failed);
    return writer.used;
}

size_t
parked_row_encode(const struct parked_row *row,
                  uint8_t value[PARKED_ROW_BYTES_MAX])
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, value, PARKED_ROW_BYTES_MAX);
    bytes_put_u8(&writer, ROW_VERSION);
    bytes_put_u64(&writer, row->attempts);
    bytes_put_text(&writer, row->cause);
    bytes_put_i64(&writer, row->since_us);
    invariant(!writer.failed);
    return writer.used;
}

enum rc
parked_row_decode(const uint8_t *key, size_t key_bytes, const uint8_t *value,
                  size_t bytes, struct parked_row *row_out)
{
    struct bytes_reader reader;
    uint8_t version;
    bool key_right;

    bytes_reader_init(&reader, key, key_bytes);
    row_out->order.value = bytes_get_u64(&reader);
    bytes_get_text(&reader, row_out->participant,
                   sizeof row_out->participant);
    bytes_get_text(&reader, row_out->topic, sizeof row_out->topic);
    row_out->partition = bytes_get_u16(&reader);
    row_out->offset = bytes_get_u64(&reader);
    key_right = bytes_all_read(&reader) && id_valid(row_out->order.value);
    bytes_reader_init(&reader, value, bytes);
    version = bytes_get_u8(&reader);
    row_out->attempts = bytes_get_u64(&reader);
    bytes_get_text(&reader, row_out->cause, sizeof row_out->cause);
    row_out->since_us = bytes_get_i64(&reader);
    if (!key_right || !bytes_all_read(&reader) || version != ROW_VERSION)
        return RC_DAMAGED;
    return RC_OK;
}
