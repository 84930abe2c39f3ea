#include "payment/payment_store.h"

#include <inttypes.h>
#include <stdlib.h>

#include "saga/log.h"
#include "saga/row_cache.h"

#define KEY_BYTES 8
#define ROW_BYTES_MAX 128
#define ROW_VERSION 1
#define REFUSAL_NAME_BYTES 64
#define ACCOUNTS_CACHED_MAX 16384

struct payment_store {
    struct store_table *accounts;
    struct store_table *payments;
    struct store_table *credits;
    struct row_cache *cache; /* of accounts */
};

static void
put_currency(struct bytes_writer *writer, const char *currency)
{
    bytes_put(writer, currency, CURRENCY_BYTES - 1);
}

static void
get_currency(struct bytes_reader *reader, char *currency)
{
    const uint8_t *letters = bytes_get(reader, CURRENCY_BYTES - 1);

    if (letters != NULL)
        memcpy(currency, letters, CURRENCY_BYTES - 1);
}

/* A refusal stands in a row by its name: the number is only its rank. */
static enum refusal
get_refusal(struct bytes_reader *reader)
{
    char name[REFUSAL_NAME_BYTES] = "";
    enum refusal refusal;

    bytes_get_text(reader, name, sizeof name);
    if (name[0] == '\0')
        return REFUSAL_NONE;
    refusal = refusal_find(name, strlen(name));
    if (refusal == REFUSAL_COUNT)
        reader->failed = true;
    return refusal;
}

static void
account_encode(const void *row, struct bytes_writer *writer)
{
    const struct account *account = row;

    bytes_put_u8(writer, ROW_VERSION);
    bytes_put_u8(writer, account->frozen ? 1 : 0);
    put_currency(writer, account->currency);
    bytes_put_u64(writer, account->user.value);
    bytes_put_i64(writer, account->balance.minor);
    bytes_put_i64(writer, account->opened.minor);
    bytes_put_i64(writer, account->credited.minor);
    bytes_put_i64(writer, account->paid.minor);
    bytes_put_i64(writer, account->refunded.minor);
}

static bool
account_decode(void *row, struct bytes_reader *reader)
{
    struct account *account = row;
    uint8_t version = bytes_get_u8(reader);
    uint8_t frozen = bytes_get_u8(reader);

    account->exists = true;
    account->frozen = frozen == 1;
    get_currency(reader, account->currency);
    account->user.value = bytes_get_u64(reader);
    account->balance.minor = bytes_get_i64(reader);
    account->opened.minor = bytes_get_i64(reader);
    account->credited.minor = bytes_get_i64(reader);
    account->paid.minor = bytes_get_i64(reader);
    account->refunded.minor = bytes_get_i64(reader);
    return version == ROW_VERSION && frozen <= 1 && account_lawful(account);
}

static void
order_encode(const struct payment_order *order, struct bytes_writer *writer)
{
    bytes_put_u8(writer, ROW_VERSION);
    bytes_put_u8(writer, (uint8_t)order->status);
    bytes_put_text(writer, refusal_name(order->reason));
    bytes_put_u64(writer, order->user.value);
    bytes_put_i64(writer, order->price.minor);
    put_currency(writer, order->currency);
}

static bool
order_decode(struct payment_order *order, struct bytes_reader *reader)
{
    uint8_t version = bytes_get_u8(reader);
    uint8_t status = bytes_get_u8(reader);

    order->status = (enum payment_order_status)status;
    order->reason = get_refusal(reader);
    order->user.value = bytes_get_u64(reader);
    order->price.minor = bytes_get_i64(reader);
    get_currency(reader, order->currency);
    return bytes_all_read(reader) && version == ROW_VERSION && status > 0 &&
           status < PAYMENT_ORDER_STATUS_COUNT;
}

static void
credit_encode(const struct payment_credit *credit, struct bytes_writer *writer)
{
    bytes_put_u8(writer, ROW_VERSION);
    bytes_put_text(writer, refusal_name(credit->reason));
    bytes_put_u64(writer, credit->user.value);
    bytes_put_i64(writer, credit->amount.minor);
}

static bool
credit_decode(struct payment_credit *credit, struct bytes_reader *reader)
{
    uint8_t version = bytes_get_u8(reader);

    credit->exists = true;
    credit->reason = get_refusal(reader);
    credit->user.value = bytes_get_u64(reader);
    credit->amount.minor = bytes_get_i64(reader);
    return bytes_all_read(reader) && version == ROW_VERSION;
}

static const struct row_format account_format = {
    .name = "account",
    .row_bytes = sizeof(struct account),
    .encode = account_encode,
    .decode = account_decode,
};

enum rc
payment_store_open(struct payment_store **tables_out, struct store *store)
{
    struct payment_store *tables = calloc(1, sizeof *tables);
    enum rc rc;

    if (tables == NULL)
        return RC_FULL;
    rc = store_table_open(store, "accounts", &tables->accounts);
    if (rc == RC_OK)
        rc = store_table_open(store, "payments", &tables->payments);
    if (rc == RC_OK)
        rc = store_table_open(store, "credits", &tables->credits);
    if (rc == RC_OK)
        rc = row_cache_open(&tables->cache, tables->accounts, &account_format,
                            ACCOUNTS_CACHED_MAX);
    if (rc != RC_OK) {
        payment_store_close(&tables);
        return rc;
    }
    *tables_out = tables;
    return RC_OK;
}

void
payment_store_close(struct payment_store **tables_p)
{
    struct payment_store *tables = *tables_p;

    *tables_p = NULL;
    if (tables == NULL)
        return;
    row_cache_close(&tables->cache);
    free(tables); /* the tables' handles are the store's */
}

enum rc
payment_store_get_account(struct payment_store *tables, struct user_id user,
                          struct account *account_out)
{
    enum rc rc = row_cache_get(tables->cache, user.value, account_out);

    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc
payment_store_put_account(struct payment_store *tables,
                          const struct account *account)
{
    invariant(account->exists);
    return row_cache_put(tables->cache, account->user.value, account);
}

static void
key_encode(uint8_t key[static KEY_BYTES], uint64_t id)
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, key, KEY_BYTES);
    bytes_put_u64(&writer, id);
}

static enum rc
row_damaged(const char *row, uint64_t key)
{
    log_error("row_damaged", "row=%s key=%" PRIu64, row, key);
    return RC_DAMAGED;
}

/* Reads a row into row[ROW_BYTES_MAX]; RC_NOT_FOUND.  One that is too long
 * reads as empty, which no row is. */
static enum rc
row_get(struct store_table *table, uint64_t id, uint8_t *row,
        struct bytes_reader *reader_out)
{
    uint8_t key[KEY_BYTES];
    size_t bytes = 0;
    enum rc rc;

    key_encode(key, id);
    rc = store_get(table, key, sizeof key, row, ROW_BYTES_MAX, &bytes);
    bytes_reader_init(reader_out, row, rc == RC_OK ? bytes : 0);
    return rc == RC_FULL ? RC_OK : rc;
}

enum rc
payment_store_get_order(struct payment_store *tables, struct order_id id,
                        struct payment_order *order_out)
{
    uint8_t row[ROW_BYTES_MAX];
    struct bytes_reader reader;
    enum rc rc = row_get(tables->payments, id.value, row, &reader);

    memset(order_out, 0, sizeof *order_out);
    if (rc == RC_NOT_FOUND)
        return RC_OK;
    if (rc == RC_OK && !order_decode(order_out, &reader))
        return row_damaged("payment", id.value);
    return rc;
}

enum rc
payment_store_put_new_order(struct payment_store *tables, struct order_id id,
                            const struct payment_order *order)
{
    uint8_t key[KEY_BYTES], row[ROW_BYTES_MAX];
    struct bytes_writer writer;

    key_encode(key, id.value);
    bytes_writer_init(&writer, row, sizeof row);
    order_encode(order, &writer);
    invariant(!writer.failed);
    return store_put_new(tables->payments, key, sizeof key, row, writer.used);
}

enum rc
payment_store_put_order(struct payment_store *tables, struct order_id id,
                        const struct payment_order *order)
{
    uint8_t key[KEY_BYTES], row[ROW_BYTES_MAX];
    struct bytes_writer writer;

    key_encode(key, id.value);
    bytes_writer_init(&writer, row, sizeof row);
    order_encode(order, &writer);
    invariant(!writer.failed);
    return store_put(tables->payments, key, sizeof key, row, writer.used);
}

enum rc
payment_store_get_credit(struct payment_store *tables, struct credit_id id,
                         struct payment_credit *credit_out)
{
    uint8_t row[ROW_BYTES_MAX];
    struct bytes_reader reader;
    enum rc rc = row_get(tables->credits, id.value, row, &reader);

    memset(credit_out, 0, sizeof *credit_out);
    if (rc == RC_NOT_FOUND)
        return RC_OK;
    if (rc == RC_OK && !credit_decode(credit_out, &reader))
        return row_damaged("credit", id.value);
    return rc;
}

enum rc
payment_store_put_credit(struct payment_store *tables, struct credit_id id,
                         const struct payment_credit *credit)
{
    uint8_t key[KEY_BYTES], row[ROW_BYTES_MAX];
    struct bytes_writer writer;

    key_encode(key, id.value);
    bytes_writer_init(&writer, row, sizeof row);
    credit_encode(credit, &writer);
    invariant(!writer.failed);
    return store_put(tables->credits, key, sizeof key, row, writer.used);
}

enum rc
payment_store_write(struct payment_store *tables)
{
    return row_cache_write(tables->cache);
}
