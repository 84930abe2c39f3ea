#include <inttypes.h>

#include "gateway/gateway_rows.h"
#include "saga/daemon.h"
#include "sagactl/verify.h"
#include "sagactl/verify_rows.h"

#define COUNTERS_KEY "counters"

/* What the rows add up to, to be compared with the counters row. */
struct tally {
    struct gateway_counters rows;
    int64_t oldest_us; /* of the orders that are open; 0: none is */
    struct gateway_counters told;
    bool found;
};

/* ---- orders ---- */

static void
tally_order(struct tally *tally, const struct order_row *row)
{
    tally->rows.orders[ORDER_CREATED]++;
    if (row->status != ORDER_CREATED)
        tally->rows.orders[row->status]++;
    if (row->status == ORDER_FAILED)
        tally->rows.refusals[row->reason]++;
    if (order_status_terminal(row->status))
        return;
    tally->rows.open++;
    if (tally->oldest_us == 0 || row->created_us < tally->oldest_us)
        tally->oldest_us = row->created_us;
}

static enum rc
on_order(struct verify *verify, void *context, const struct store_row *row)
{
    struct order_facts *order;
    struct order_row gateway;
    uint64_t id;
    enum rc rc;

    if (order_row_read(row->key, row->key_bytes, row->value, row->bytes,
                       &gateway) != RC_OK) {
        verify_differs(verify->report, CHECK_GATEWAY_ORDERS,
                       "a row of orders that can't be read");
        return RC_OK;
    }
    id = gateway.order.value;
    rc = verify_order(verify, id, &order);
    if (rc != RC_OK)
        return rc;
    verify_looked(verify->report, CHECK_GATEWAY_ORDERS, 1);
    verify_looked(verify->report, CHECK_GATEWAY_STATUS, 1);
    verify_looked(verify->report, CHECK_GATEWAY_COUNTERS, 1);
    tally_order(context, &gateway);
    order->facts |= FACT(FACT_GATEWAY_ROW);
    if (gateway.cancel_us != 0)
        order->facts |= FACT(FACT_GATEWAY_CANCELS);
    order->gateway_status = (uint8_t)gateway.status;
    order->gateway_reason = (uint8_t)gateway.reason;
    if (order->user != 0)
        verify_content(verify, CHECK_GATEWAY_ORDERS, order, gateway.user.value,
                       gateway.price.minor, "the gateway's row");
    if ((order->facts & FACT(FACT_PURCHASE)) != 0 &&
        (order->facts & FACT(FACT_CONFLICT)) == 0 &&
        order->quantity != gateway.quantity)
        verify_differs(verify->report, CHECK_GATEWAY_ORDERS,
                       "order %" PRIu64 ": its row says quantity=%" PRId64
                       ", its OrderPurchase %u", id, gateway.quantity,
                       order->quantity);
    return RC_OK;
}

/* Behind the orders.  Which of them were placed with a key, no row tells. */
static enum rc
on_key(struct verify *verify, void *context, const struct store_row *row)
{
    struct order_id id;

    (void)context;
    verify_looked(verify->report, CHECK_GATEWAY_KEYS, 1);
    if (key_row_decode(row->value, row->bytes, &id) != RC_OK)
        verify_differs(verify->report, CHECK_GATEWAY_KEYS,
                       "a row of keys that can't be read");
    else if (!verify_has_row(verify, id.value))
        verify_differs(verify->report, CHECK_GATEWAY_KEYS,
                       "a key stands for order %" PRIu64 ", which has no row",
                       id.value);
    return RC_OK;
}

/* ---- users, transactions ---- */

static enum rc
on_user(struct verify *verify, void *context, const struct store_row *row)
{
    struct tally *tally = context;
    struct user_facts *user;
    struct user_row gateway;
    uint64_t id;
    enum rc rc;

    if (!verify_read_id(row->key, row->key_bytes, &id) ||
        user_row_decode((struct user_id){ id }, row->value, row->bytes,
                        &gateway) != RC_OK) {
        verify_differs(verify->report, CHECK_GATEWAY_USERS,
                       "a row of users that can't be read");
        return RC_OK;
    }
    verify_looked(verify->report, CHECK_GATEWAY_USERS, 1);
    rc = verify_user(verify, id, &user);
    if (rc != RC_OK)
        return rc;
    if (gateway.state != 0)
        tally->rows.users++;
    user->facts |= FACT(USER_FACT_GATEWAY_ROW);
    user->gateway_balance = gateway.balance.minor;
    return RC_OK;
}

static enum rc
on_transaction(struct verify *verify, void *context,
               const struct store_row *row)
{
    struct tally *tally = context;
    struct transaction_row gateway;
    struct order_facts *order;
    bool reversed;
    uint64_t id;
    enum rc rc;

    if (!verify_read_id(row->key, row->key_bytes, &id) ||
        transaction_row_decode((struct transaction_id){ id }, row->value,
                               row->bytes, &gateway) != RC_OK) {
        verify_differs(verify->report, CHECK_GATEWAY_TRANSACTIONS,
                       "a row of transactions that can't be read");
        return RC_OK;
    }
    verify_looked(verify->report, CHECK_GATEWAY_TRANSACTIONS, 1);
    tally->rows.transactions++;
    if (!verify_has(verify, NEEDS_TRANSACTIONS))
        return RC_OK;
    rc = verify_order(verify, gateway.order.value, &order);
    if (rc != RC_OK)
        return rc;
    verify_content(verify, CHECK_GATEWAY_TRANSACTIONS, order,
                   gateway.user.value, gateway.amount.minor,
                   "the gateway's transaction");
    reversed = (order->facts & FACT(FACT_REVERSED_READ)) != 0;
    if (order->transaction != id ||
        (order->facts & FACT(FACT_SUCCESSFUL_READ)) == 0 ||
        (gateway.status == TRANSACTION_REVERSED) != reversed)
        verify_differs(verify->report, CHECK_GATEWAY_TRANSACTIONS,
                       "transaction %" PRIu64 " of order %" PRIu64
                       ": it has not read this of the ledger", id,
                       order->id);
    order->facts |= FACT(FACT_GATEWAY_TRANSACTION);
    return RC_OK;
}

/* ---- counters ---- */

static enum rc
on_counters(struct verify *verify, void *context, const struct store_row *row)
{
    struct tally *tally = context;

    (void)verify;
    tally->found = row->key_bytes == sizeof COUNTERS_KEY - 1 &&
                   counters_row_decode(row->value, row->bytes,
                                       &tally->told) == RC_OK;
    return RC_OK;
}

static void
compare(struct verify *verify, const char *name, uint64_t told, uint64_t rows)
{
    if (told != rows)
        verify_differs(verify->report, CHECK_GATEWAY_COUNTERS,
                       "%s: counted %" PRIu64 ", there are %" PRIu64, name,
                       told, rows);
}

/* An order may have been completed before it was cancelled. */
static void
compare_completed(struct verify *verify, const struct tally *tally)
{
    uint64_t told = tally->told.orders[ORDER_COMPLETED];
    uint64_t now = tally->rows.orders[ORDER_COMPLETED];

    if (told < now || told > now + tally->rows.orders[ORDER_CANCELLED])
        compare(verify, order_status_name(ORDER_COMPLETED), told, now);
}

static void
compare_all(struct verify *verify, const struct tally *tally)
{
    static const enum order_status exact[] = { ORDER_CREATED, ORDER_FAILED,
                                               ORDER_CANCELLED };
    size_t i;

    if (!tally->found && tally->rows.orders[ORDER_CREATED] +
                                 tally->rows.users + tally->rows.transactions >
                             0)
        verify_differs(verify->report, CHECK_GATEWAY_COUNTERS,
                       "the counters can't be read");
    for (i = 0; i < ARRAY_COUNT(exact); i++)
        compare(verify, order_status_name(exact[i]),
                tally->told.orders[exact[i]], tally->rows.orders[exact[i]]);
    compare_completed(verify, tally);
    for (i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++)
        compare(verify, refusal_name((enum refusal)i),
                tally->told.refusals[i], tally->rows.refusals[i]);
    compare(verify, "open orders", tally->told.open, tally->rows.open);
    compare(verify, "users", tally->told.users, tally->rows.users);
    compare(verify, "transactions", tally->told.transactions,
            tally->rows.transactions);
}

enum rc
verify_gateway(struct verify *verify)
{
    static const struct {
        const char *table;
        verify_row_fn *row_fn;
        enum rc (*walk)(struct verify *verify, struct store *store,
                        const char *table, verify_row_fn *row_fn,
                        void *context);
    } tables[] = {
        { "orders", on_order, verify_walk_packed },
        { "keys", on_key, verify_walk },
        { "users", on_user, verify_walk },
        { "transactions", on_transaction, verify_walk_packed },
        { "counters", on_counters, verify_walk },
    };
    struct store *store = verify_actor(verify, PROCESS_GATEWAY)->store;
    struct tally tally = { .found = false };
    enum rc rc = RC_OK;

    for (size_t i = 0; i < ARRAY_COUNT(tables) && rc == RC_OK; i++)
        rc = tables[i].walk(verify, store, tables[i].table, tables[i].row_fn,
                            &tally);
    if (rc == RC_OK)
        rc = verify_index(verify, store, tally.told.index_base);
    if (rc != RC_OK)
        return rc;
    compare_all(verify, &tally);
    verify->report->told.open = tally.rows.open;
    if (tally.oldest_us != 0 && clock_now_us() > tally.oldest_us)
        verify->report->told.oldest_s =
            (uint64_t)(clock_now_us() - tally.oldest_us) / 1000000;
    return RC_OK;
}
