#include "sim_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger_store.h"
#include "payment/payment_store.h"
#include "sim.h"
#include "sim_model.h"

#define INDEX_IDS_MAX 4096 /* of one user: all, or the first of them */

void
check_told(uint64_t order, const struct client_told *told,
           const struct order_row *row)
{
    bool forward = row->status == told->status ||
                   told->status == ORDER_CREATED ||
                   (told->status == ORDER_COMPLETED &&
                    row->status == ORDER_CANCELLED);

    sim_require(row->order.value == order &&
                    row->user.value == told->user.value &&
                    row->price.minor == told->price.minor,
                "G1: order %" PRIu64 " is not what was answered", order);
    sim_require(forward, "order %" PRIu64 " went from %s to %s", order,
                order_status_name(told->status),
                order_status_name(row->status));
}

/* ---- gateway ---------------------------------------------------------- */

static void
check_ended(uint64_t order, const struct order_row *row)
{
    const struct model_order *model = model_order(order);

    sim_require(model != NULL && model->asked,
                "G3: order %" PRIu64 " never reached the log", order);
    sim_require(order_status_terminal(row->status),
                "G3: order %" PRIu64 " is %s for ever", order,
                order_status_name(row->status));
    sim_require(row->status == model_order_status(model),
                "order %" PRIu64 " is %s, by the log it is %s", order,
                order_status_name(row->status),
                order_status_name(model_order_status(model)));
    sim_require(row->transaction.value == model->transaction,
                "order %" PRIu64 " has transaction %" PRIu64
                ", by the log %" PRIu64,
                order, row->transaction.value, model->transaction);
}

/* Nobody reads an order in the gateway's own counters as open. */
static void
check_counters(struct store *store)
{
    struct gateway_counters counters;
    struct store_table *table;
    uint8_t value[COUNTERS_ROW_BYTES_MAX];
    size_t bytes;

    sim_require(store_table_open(store, "counters", &table) == RC_OK &&
                    store_get(table, "counters", 8, value, sizeof value,
                              &bytes) == RC_OK &&
                    counters_row_decode(value, bytes, &counters) == RC_OK,
                "the gateway's counters");
    sim_require(counters.open == 0, "%" PRIu64 " orders count as open",
                counters.open);
}

static void
check_order(struct store_table *orders, uint64_t order, bool ended)
{
    const struct client_told *told = client_told(order);
    uint8_t key[ID_KEY_BYTES], value[512];
    struct order_row row;
    size_t bytes;
    enum rc rc;

    id_key_encode(order, key);
    rc = store_get(orders, key, sizeof key, value, sizeof value, &bytes);
    if (rc == RC_NOT_FOUND && !told->answered)
        return;
    sim_require(rc == RC_OK, "G1: order %" PRIu64 " was answered and is lost",
                order);
    sim_require(order_row_decode((struct order_id){ order }, value, bytes,
                                 &row) == RC_OK,
                "order %" PRIu64 " does not decode", order);
    if (told->answered)
        check_told(order, told, &row);
    if (!ended)
        return;
    check_ended(order, &row);
    sim_require(!told->cancelled || row.status != ORDER_COMPLETED,
                "order %" PRIu64 " was cancelled and is completed", order);
}

/* The index has each order of a user, in the order of their ids. */
static void
check_user(struct store_table *orders, const struct order_index *index,
           uint64_t user)
{
    uint64_t ids[INDEX_IDS_MAX];
    struct store_cursor *cursor;
    uint32_t count, found = 0;
    struct order_row order;
    struct store_row row;
    enum rc rc;

    sim_require(order_index_find(index, (struct user_id){ user }, 0, false,
                                 ids, INDEX_IDS_MAX, &count) == RC_OK &&
                    store_cursor_open(orders, &cursor) == RC_OK,
                "the index does not find");
    for (rc = store_cursor_first(cursor, &row); rc == RC_OK;
         rc = store_cursor_next(cursor, &row)) {
        sim_require(order_row_read(row.key, row.key_bytes, row.value, row.bytes,
                                   &order) == RC_OK, "an order's row");
        if (order.user.value != user || found == INDEX_IDS_MAX)
            continue;
        sim_require(found < count && ids[found] == order.order.value,
                    "the index of user %" PRIu64 " lacks order %" PRIu64, user,
                    order.order.value);
        found++;
    }
    store_cursor_close(&cursor);
    sim_require(found == count, "the index of user %" PRIu64 " has too many",
                user);
}

static void
check_index(struct store *store, struct store_table *orders)
{
    struct order_index_tables tables = { .orders = orders };
    struct order_index *index;
    uint64_t user, base = 0;

    sim_require(store_table_open(store, "order_runs", &tables.runs) == RC_OK &&
                    order_index_open(&index, &tables, &sim_index_shape,
                                     &base) == RC_OK,
                "the index by user");
    for (user = 1; user < MODEL_USERS; user++)
        check_user(orders, index, user);
    order_index_close(&index);
}

void
check_answered(bool ended)
{
    struct store *store = sim_disk_look(world.actors[ACTOR_GATEWAY].disk);
    struct store_table *orders;
    uint64_t i;

    if (store_table_open(store, "orders", &orders) == RC_OK) {
        for (i = 1; i < client_told_end(); i++)
            check_order(orders, i, ended);
        if (ended)
            check_index(store, orders);
    }
    if (ended)
        check_counters(store);
    if (store_close(&store) != RC_OK)
        sim_fail("look");
}

static void
check_gateway_users(void)
{
    struct store *store = sim_disk_look(world.actors[ACTOR_GATEWAY].disk);
    struct store_table *users;
    uint8_t key[ID_KEY_BYTES], value[128];
    struct user_row row;
    size_t bytes;
    uint64_t i;
    enum rc rc;

    sim_require(store_table_open(store, "users", &users) == RC_OK, "users");
    for (i = 1; i < MODEL_USERS; i++) {
        id_key_encode(i, key);
        rc = store_get(users, key, sizeof key, value, sizeof value, &bytes);
        memset(&row, 0, sizeof row);
        if (rc == RC_OK)
            rc = user_row_decode((struct user_id){ i }, value, bytes, &row);
        sim_require((rc == RC_OK && row.state != USER_ABSENT) ==
                        model_user(i)->exists,
                    "user %" PRIu64 " of the gateway", i);
        sim_require((row.state == USER_FROZEN) == model_user(i)->frozen,
                    "user %" PRIu64 " of the gateway is in state %d", i,
                    (int)row.state);
        sim_require(row.balance.minor == model_user(i)->balance,
                    "G4: the gateway shows %" PRId64 " for user %" PRIu64
                    ", it is %" PRId64,
                    row.balance.minor, i, model_user(i)->balance);
    }
    if (store_close(&store) != RC_OK)
        sim_fail("look");
}

/* ---- payment ---------------------------------------------------------- */

static void
check_account(struct payment_store *tables, uint64_t user, bool ended)
{
    const struct model_user *model = model_user(user);
    struct account account;

    sim_require(payment_store_get_account(tables, (struct user_id){ user },
                                          &account) == RC_OK,
                "G4: account %" PRIu64, user);
    sim_require(!account.exists || account_lawful(&account),
                "G4: account %" PRIu64 " breaks its law", user);
    if (!ended)
        return;
    sim_require(account.exists == model->exists &&
                    account.frozen == model->frozen &&
                    account.balance.minor == model->balance &&
                    account.paid.minor == model->paid &&
                    account.refunded.minor == model->refunded &&
                    account.opened.minor == model->opened &&
                    account.credited.minor == model->credited,
                "G2/G4: account %" PRIu64 " is %" PRId64 ", by the log %"
                PRId64,
                user, account.balance.minor, model->balance);
}

static void
check_payment_order(struct payment_store *tables, uint64_t id)
{
    const struct model_order *model = model_order(id);
    struct payment_order order;
    enum payment_order_status status = PAYMENT_ORDER_UNKNOWN;

    if (model->decided == PAYMENT_DECLINED)
        status = PAYMENT_ORDER_DECLINED;
    else if (model->refunded)
        status = PAYMENT_ORDER_REFUNDED;
    else if (model->decided == PAYMENT_APPROVED)
        status = PAYMENT_ORDER_APPROVED;
    else if (model->cancelled)
        status = PAYMENT_ORDER_CANCELLED;
    sim_require(payment_store_get_order(tables, (struct order_id){ id },
                                        &order) == RC_OK &&
                    order.status == status,
                "G2: payment holds order %" PRIu64 " as %d, by the log %d",
                id, (int)order.status, (int)status);
}

static void
check_payment(bool ended)
{
    struct store *store = sim_disk_look(world.actors[ACTOR_PAYMENT].disk);
    struct payment_store *tables = NULL;
    uint64_t i;

    if (payment_store_open(&tables, store) == RC_OK) {
        for (i = 1; i < MODEL_USERS; i++)
            check_account(tables, i, ended);
        for (i = 1; ended && i < model_orders_end(); i++)
            check_payment_order(tables, i);
        payment_store_close(&tables);
    }
    if (store_close(&store) != RC_OK)
        sim_fail("look");
}

/* ---- ledger ----------------------------------------------------------- */

static void
count_entry(const struct ledger_entry *entry, uint8_t *seen, uint64_t room)
{
    uint8_t bit = entry->kind == LEDGER_ENTRY_PURCHASE ? 1 : 2;

    if (entry->kind != LEDGER_ENTRY_PURCHASE &&
        entry->kind != LEDGER_ENTRY_REVERSAL)
        return;
    sim_require(entry->order.value < room && !(seen[entry->order.value] & bit),
                "G2: the journal has a second entry %d for order %" PRIu64,
                (int)entry->kind, entry->order.value);
    seen[entry->order.value] |= bit;
}

static void
check_journal(struct ledger_store *tables, bool ended)
{
    uint64_t room = model_orders_end() + 1, i, purchases = 0;
    uint8_t *seen = calloc(room, 1);
    struct ledger_entry entry;
    enum rc rc = RC_OK;

    invariant(seen != NULL);
    for (i = 1; rc == RC_OK; i++) {
        rc = ledger_store_get_entry(tables, i, &entry);
        if (rc == RC_OK) {
            count_entry(&entry, seen, room);
            purchases += entry.kind == LEDGER_ENTRY_PURCHASE;
        }
    }
    sim_require(rc == RC_NOT_FOUND, "entry %" PRIu64 " does not decode", i);
    sim_require(!ended || purchases == model_purchases_booked(),
                "G2: %" PRIu64 " purchases are booked, by the log %" PRIu64,
                purchases, model_purchases_booked());
    free(seen);
}

static void
check_ledger(bool ended)
{
    struct store *store = sim_disk_look(world.actors[ACTOR_LEDGER].disk);
    struct ledger_store *tables = NULL;
    struct ledger_balance sum;
    struct ledger_standing standing;
    uint64_t i;

    if (ledger_store_open(&tables, store) == RC_OK) {
        sim_require(ledger_store_sum(tables, &sum) == RC_OK &&
                        ledger_total_equal(&sum.debits, &sum.credits),
                    "G4: debits are not credits");
        check_journal(tables, ended);
        for (i = 1; ended && i < MODEL_USERS; i++) {
            sim_require(ledger_store_get_standing(tables,
                                                  (struct user_id){ i },
                                                  &standing) == RC_OK &&
                            standing.balance.minor ==
                                model_user(i)->balance &&
                            standing.awaiting.minor == 0,
                        "G4: the ledger's balance of user %" PRIu64
                        " is %" PRId64 ", by the log %" PRId64
                        ", awaiting %" PRId64,
                        i, standing.balance.minor, model_user(i)->balance,
                        standing.awaiting.minor);
        }
        ledger_store_close(&tables);
    }
    if (store_close(&store) != RC_OK)
        sim_fail("look");
}

void
check_stores(bool ended)
{
    sim_actor("check");
    check_answered(ended);
    check_payment(ended);
    check_ledger(ended);
    if (ended)
        check_gateway_users();
}
