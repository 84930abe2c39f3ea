#include "ledger/ledger_store.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ledger/ledger_journal.h"
#include "saga/log.h"
#include "saga/row_cache.h"

#define ROW_VERSION 1
#define BALANCE_VERSION 2 /* 1, which ended before `awaiting`, is read, too */
#define BALANCES_CACHED_MAX 16384

struct ledger_store {
    struct ledger_journal *journal;
    struct store_table *balances;
    struct store_table *orders;
    struct row_cache *cache; /* of balances */
};

static void
total_encode(const struct ledger_total *total, struct bytes_writer *writer)
{
    bytes_put_u64(writer, total->high);
    bytes_put_u64(writer, total->low);
}

static void
total_decode(struct ledger_total *total, struct bytes_reader *reader)
{
    total->high = bytes_get_u64(reader);
    total->low = bytes_get_u64(reader);
}

static void
balance_encode(const void *row, struct bytes_writer *writer)
{
    const struct ledger_balance *balance = row;

    bytes_put_u8(writer, BALANCE_VERSION);
    total_encode(&balance->debits, writer);
    total_encode(&balance->credits, writer);
    bytes_put_i64(writer, balance->awaiting.minor);
}

static bool
balance_decode(void *row, struct bytes_reader *reader)
{
    struct ledger_balance *balance = row;
    uint8_t version = bytes_get_u8(reader);

    total_decode(&balance->debits, reader);
    total_decode(&balance->credits, reader);
    if (version == BALANCE_VERSION)
        balance->awaiting.minor = bytes_get_i64(reader);
    else
        balance->awaiting.minor = 0;
    return version == 1 || version == BALANCE_VERSION;
}

static const struct row_format balance_format = {
    .name = "balance",
    .row_bytes = sizeof(struct ledger_balance),
    .encode = balance_encode,
    .decode = balance_decode,
};

static void
order_encode(const void *row, struct bytes_writer *writer)
{
    const struct ledger_order *order = row;

    bytes_put_u8(writer, ROW_VERSION);
    bytes_put_u8(writer, (uint8_t)order->status);
    bytes_put_u64(writer, order->user.value);
    bytes_put_i64(writer, order->price.minor);
    bytes_put_u64(writer, order->transaction.value);
    bytes_put_u64(writer, order->entry);
}

static bool
order_decode(void *row, struct bytes_reader *reader)
{
    struct ledger_order *order = row;
    uint8_t version = bytes_get_u8(reader);
    uint8_t status = bytes_get_u8(reader);

    order->status = (enum ledger_order_status)status;
    order->user.value = bytes_get_u64(reader);
    order->price.minor = bytes_get_i64(reader);
    order->transaction.value = bytes_get_u64(reader);
    order->entry = bytes_get_u64(reader);
    return version == ROW_VERSION && status > 0 &&
           status < LEDGER_ORDER_STATUS_COUNT;
}

static const struct row_format order_format = {
    .name = "order",
    .row_bytes = sizeof(struct ledger_order),
    .encode = order_encode,
    .decode = order_decode,
};

enum rc
ledger_store_open(struct ledger_store **tables_out, struct store *store)
{
    struct ledger_store *tables = calloc(1, sizeof *tables);
    enum rc rc;

    if (tables == NULL)
        return RC_NO_MEMORY;
    rc = ledger_journal_open(&tables->journal, store);
    if (rc == RC_OK)
        rc = store_table_open(store, "balances", &tables->balances);
    if (rc == RC_OK)
        rc = store_table_open_packed(store, "orders",
                                      &tables->orders);
    if (rc == RC_OK)
        rc = row_cache_open(&tables->cache, tables->balances, &balance_format,
                            BALANCES_CACHED_MAX);
    if (rc != RC_OK) {
        ledger_store_close(&tables);
        return rc;
    }
    *tables_out = tables;
    return RC_OK;
}

void
ledger_store_close(struct ledger_store **tables_p)
{
    struct ledger_store *tables = *tables_p;

    *tables_p = NULL;
    if (tables == NULL)
        return;
    row_cache_close(&tables->cache);
    ledger_journal_close(&tables->journal);
    free(tables); /* the tables' handles are the store's */
}

void
ledger_store_number(const struct ledger_store *tables,
                    struct ledger_entry *entry)
{
    ledger_journal_number(tables->journal, entry);
}

static enum rc
posting_apply(struct ledger_store *tables, const struct ledger_posting *posting)
{
    const uint64_t key = ledger_account_key(posting->account);
    struct ledger_balance balance;
    enum rc rc = row_cache_get(tables->cache, key, &balance);

    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return rc;
    ledger_balance_post(&balance, posting->side, posting->amount);
    return row_cache_put(tables->cache, key, &balance);
}

enum rc
ledger_store_append(struct ledger_store *tables,
                    const struct ledger_entry *entry)
{
    uint32_t i;
    enum rc rc = ledger_journal_append(tables->journal, entry);

    for (i = 0; i < entry->count && rc == RC_OK; i++)
        rc = posting_apply(tables, &entry->postings[i]);
    return rc;
}

enum rc
ledger_store_get_entry(struct ledger_store *tables, uint64_t id,
                       struct ledger_entry *entry_out)
{
    return ledger_journal_get(tables->journal, id, entry_out);
}

enum rc
ledger_store_get_balance(struct ledger_store *tables,
                         struct ledger_account account,
                         struct ledger_balance *balance_out)
{
    enum rc rc = row_cache_get(tables->cache, ledger_account_key(account),
                               balance_out);

    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc
standing_damaged(struct user_id user)
{
    log_error("row_damaged", "row=balance key=%" PRIu64,
              ledger_account_key(ledger_account_user(user)));
    return RC_DAMAGED;
}

enum rc
ledger_store_get_standing(struct ledger_store *tables, struct user_id user,
                          struct ledger_standing *standing_out)
{
    struct ledger_balance balance;
    enum rc rc = ledger_store_get_balance(tables, ledger_account_user(user),
                                          &balance);

    if (rc == RC_OK && !ledger_balance_standing(&balance, standing_out))
        return standing_damaged(user);
    return rc;
}

enum rc
ledger_store_add_awaiting(struct ledger_store *tables, struct user_id user,
                          int64_t change_minor)
{
    const struct ledger_account account = ledger_account_user(user);
    struct ledger_balance balance;
    enum rc rc = ledger_store_get_balance(tables, account, &balance);

    if (rc != RC_OK)
        return rc;
    balance.awaiting.minor += change_minor;
    invariant(balance.awaiting.minor >= 0 && money_valid(balance.awaiting));
    return row_cache_put(tables->cache, ledger_account_key(account), &balance);
}

enum rc
ledger_store_get_order(struct ledger_store *tables, struct order_id id,
                       struct ledger_order *order_out)
{
    enum rc rc = row_get(tables->orders, &order_format, id.value, order_out);

    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc
ledger_store_put_new_order(struct ledger_store *tables, struct order_id id,
                           const struct ledger_order *order)
{
    return row_put_new(tables->orders, &order_format, id.value, order);
}

enum rc
ledger_store_put_order(struct ledger_store *tables, struct order_id id,
                       const struct ledger_order *order)
{
    return row_put(tables->orders, &order_format, id.value, order);
}

enum rc
ledger_store_write(struct ledger_store *tables)
{
    enum rc rc = ledger_journal_write(tables->journal);

    return rc == RC_OK ? row_cache_write(tables->cache) : rc;
}

static enum rc
row_sum(const struct store_row *row, struct ledger_balance *sum)
{
    struct ledger_balance balance;
    struct bytes_reader reader;

    bytes_reader_init(&reader, row->value, row->bytes);
    if (!balance_decode(&balance, &reader) || !bytes_all_read(&reader))
        return RC_DAMAGED;
    ledger_total_add(&sum->debits, &balance.debits);
    ledger_total_add(&sum->credits, &balance.credits);
    if (!money_add(sum->awaiting, balance.awaiting, &sum->awaiting))
        return RC_DAMAGED;
    return RC_OK;
}

enum rc
ledger_store_sum(struct ledger_store *tables, struct ledger_balance *sum_out)
{
    struct store_cursor *cursor;
    struct store_row row;
    enum rc rc = store_cursor_open(tables->balances, &cursor);

    memset(sum_out, 0, sizeof *sum_out);
    if (rc != RC_OK)
        return rc;
    rc = store_cursor_first(cursor, &row);
    while (rc == RC_OK) {
        rc = row_sum(&row, sum_out);
        if (rc == RC_OK)
            rc = store_cursor_next(cursor, &row);
    }
    store_cursor_close(&cursor);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}
