/*
 * verify_tables.c - tables of whose rows no other row tells
 *
 * What is read row by row is held against the other stores: a page less would
 * be missed there.  Of an idempotency key, a product or a trace nothing else
 * knows, and no walk of theirs meets each page.  So the pages of these tables
 * are looked at, and of the small ones that are read anyway; those of the large
 * ones are not, which would take as long again.
 */
#include "saga/log.h"
#include "sagactl/verify.h"

/* Every store that opens had them from its first turn on. */
static const struct {
    enum verify_store store;
    const char *table;
} tables[] = {
    { VERIFY_GATEWAY, "keys" },
    { VERIFY_GATEWAY, "products" },
    { VERIFY_GATEWAY, "changes" },
    { VERIFY_GATEWAY, "traces" },
    { VERIFY_GATEWAY, "order_runs" },
    { VERIFY_GATEWAY, "orders_by_user" },
    { VERIFY_GATEWAY, "parked_orders" },
    { VERIFY_GATEWAY, "parked" },
    { VERIFY_GATEWAY, "outbox" },
    { VERIFY_PAYMENT, "credits" },
    { VERIFY_PAYMENT, "parked" },
    { VERIFY_PAYMENT, "outbox" },
    { VERIFY_LEDGER, "parked" },
    { VERIFY_LEDGER, "outbox" },
    { VERIFY_BROKER, "meta" },
};

enum rc
verify_tables(struct store *store, enum verify_store which)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; i < ARRAY_COUNT(tables) && rc == RC_OK; i++) {
        if (tables[i].store != which)
            continue;
        rc = store_table_verify(store, tables[i].table);
        if (rc != RC_NOT_FOUND)
            continue;
        log_error("table_missing", "store=%s table=%s", verify_names[which],
                  tables[i].table);
        rc = RC_DAMAGED;
    }
    return rc;
}
