/*
 * gateway_catalogue.h - the products and their prices, held in memory
 *
 * An array sorted by id beside the products table; small, read for every
 * order and changed almost never.
 *
 * Thread rule: the store thread's.
 */
#ifndef GATEWAY_CATALOGUE_H
#define GATEWAY_CATALOGUE_H

#include "gateway/request.h"

#define CATALOGUE_PRODUCTS_MAX 100000

struct gateway_catalogue {
    struct product_row *products;
    size_t count;
    size_t room;
};

/* Reads the whole table into an empty (zeroed) catalogue.  RC_FULL if it
 * holds more than CATALOGUE_PRODUCTS_MAX, RC_DAMAGED, or as the store. */
MUST_USE enum rc gateway_catalogue_load(struct gateway_catalogue *catalogue,
                                        struct store_table *table);
void gateway_catalogue_fini(struct gateway_catalogue *catalogue);

/* Puts a product behind the last one, whose id must be smaller (invariant):
 * into the table, inside the turn's transaction, and into memory. */
MUST_USE enum rc gateway_catalogue_append(struct gateway_catalogue *catalogue,
                                          struct store_table *table,
                                          const struct product_row *product);

/* The same for any product, new or known; RC_FULL as above. */
MUST_USE enum rc gateway_catalogue_put(struct gateway_catalogue *catalogue,
                                       struct store_table *table,
                                       const struct product_row *product);

/* NULL if there is no such product. */
const struct product_row *
gateway_catalogue_find(const struct gateway_catalogue *catalogue,
                       struct product_id product);

/* The slot of the first product whose id is >= `id`; count if none. */
size_t gateway_catalogue_seek(const struct gateway_catalogue *catalogue,
                              uint64_t id);

#endif
