/*
 * gateway_query.h - pages of the gateway's lists
 *
 * Each fills request->rows (malloc'ed once, query.limit rows), rows_count,
 * more and more_after from request->query, and sets the outcome.  A page ends
 * when it is full, at the list's end, or when it has looked at LIST_SCAN_MAX
 * rows (LIST_LOOKUP_MAX through the index); `more` is set if a row that fits is
 * known to follow or the last of these ended it, and more_after is the id
 * behind which the next page begins.
 *
 * Result: RC_OK also for REQUEST_FAILED (no memory for the page); otherwise
 * what the store said, or RC_DAMAGED.
 *
 * Thread rule: the store thread's; sees what the open transaction wrote.
 */
#ifndef GATEWAY_QUERY_H
#define GATEWAY_QUERY_H

#include "gateway/gateway_catalogue.h"
#include "gateway/order_index.h"

struct gateway_tables {
    struct store_table *orders;
    struct order_index *orders_by_user;
    struct store_table *users;
    struct store_table *transactions;
    struct store_table *products;
    struct store_table *counters;
    struct store_table *keys;
    struct store_table *parked_orders;
    struct store_table *changes;
    struct store_table *traces;
};

/* query.user and query.status filter. */
MUST_USE enum rc gateway_query_orders(const struct gateway_tables *tables,
                                      struct request *request);
/* Call row_cache_write() on the users before. */
MUST_USE enum rc gateway_query_users(const struct gateway_tables *tables,
                                     struct request *request);
/* query.user filters. */
MUST_USE enum rc gateway_query_transactions(const struct gateway_tables *tables,
                                            struct request *request);
void gateway_query_products(const struct gateway_catalogue *catalogue,
                            struct request *request);

/* One row.  RC_NOT_FOUND, or as above. */
MUST_USE enum rc gateway_query_order(const struct gateway_tables *tables,
                                     struct order_id order,
                                     struct order_row *row_out);
MUST_USE enum rc
gateway_query_transaction(const struct gateway_tables *tables,
                          struct transaction_id transaction,
                          struct transaction_row *row_out);

#endif
