#include "payment/payment_store.h"

#include <stdlib.h>

#include "saga/row_cache.h"

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
order_encode(const void *row, struct bytes_writer *writer)
{
    const struct payment_order *order = row;

    bytes_put_u8(writer, ROW_VERSION);
    bytes_put_u8(writer, (uint8_t)order->status);
    bytes_put_text(writer, refusal_name(order->reason));
    bytes_put_u64(writer, order->user.value);
    bytes_put_i64(writer, order->price.minor);
    put_currency(writer, order->currency);
}

static bool
order_decode(void *row, struct bytes_reader *reader)
{
    struct payment_order *order = row;
    uint8_t version = bytes_get_u8(reader);
    uint8_t status = bytes_get_u8(reader);

    order->status = (enum payment_order_status)status;
    order->reason = get_refusal(reader);
    order->user.value = bytes_get_u64(reader);
    order->price.minor = bytes_get_i64(reader);
    get_currency(reader, order->currency);
    return version == ROW_VERSION && status > 0 &&
           status < PAYMENT_ORDER_STATUS_COUNT;
}

static void
credit_encode(const void *row, struct bytes_writer *writer)
{
    const struct payment_credit *credit = row;

    bytes_put_u8(writer, ROW_VERSION);
    bytes_put_text(writer, refusal_name(credit->reason));
    bytes_put_u64(writer, credit->user.value);
    bytes_put_i64(writer, credit->amount.minor);
}

static bool
credit_decode(void *row, struct bytes_reader *reader)
{
    struct payment_credit *credit = row;
    uint8_t version = bytes_get_u8(reader);

    credit->exists = true;
    credit->reason = get_refusal(reader);
    credit->user.value = bytes_get_u64(reader);
    credit->amount.minor = bytes_get_i64(reader);
    return version == ROW_VERSION;
}

static const struct row_format account_format = {
    .name = "account",
    .row_bytes = sizeof(struct account),
    .encode = account_encode,
    .decode = account_decode,
};

static const struct row_format order_format = {
    .name = "payment",
    .row_bytes = sizeof(struct payment_order),
    .encode = order_encode,
    .decode = order_decode,
};

static const struct row_format credit_format = {
    .name = "credit",
    .row_bytes = sizeof(struct payment_credit),
    .encode = credit_encode,
    .decode = credit_decode,
};

enum rc
payment_store_open(struct payment_store **tables_out, struct store *store)
{
    struct payment_store *tables = calloc(1, sizeof *tables);
    enum rc rc;

    if (tables == NULL)
        return RC_NO_MEMORY;
    rc = store_table_open(store, "accounts", &tables->accounts);
    if (rc == RC_OK)
        rc = store_table_open_packed(store, "payments",
                                      &tables->payments);
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

enum rc
payment_store_get_order(struct payment_store *tables, struct order_id id,
                        struct payment_order *order_out)
{
    enum rc rc = row_get(tables->payments, &order_format, id.value, order_out);

    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc
payment_store_put_new_order(struct payment_store *tables, struct order_id id,
                            const struct payment_order *order)
{
    return row_put_new(tables->payments, &order_format, id.value, order);
}

enum rc
payment_store_put_order(struct payment_store *tables, struct order_id id,
                        const struct payment_order *order)
{
    return row_put(tables->payments, &order_format, id.value, order);
}

enum rc
payment_store_get_credit(struct payment_store *tables, struct credit_id id,
                         struct payment_credit *credit_out)
{
    enum rc rc = row_get(tables->credits, &credit_format, id.value, credit_out);

    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc
payment_store_put_credit(struct payment_store *tables, struct credit_id id,
                         const struct payment_credit *credit)
{
    return row_put(tables->credits, &credit_format, id.value, credit);
}

enum rc
payment_store_write(struct payment_store *tables)
{
    return row_cache_write(tables->cache);
}
