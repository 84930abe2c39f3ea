#include "gateway/gateway_catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/gateway_rows.h"
#include "saga/log.h"

/* RC_FULL at the limit, or without memory. */
static enum rc
catalogue_add(struct gateway_catalogue *catalogue,
              const struct product_row *product)
{
    struct product_row *grown;
    size_t room;

    if (catalogue->count == CATALOGUE_PRODUCTS_MAX)
        return RC_FULL;
    if (catalogue->count == catalogue->room) {
        room = catalogue->room == 0 ? 64 : 2 * catalogue->room;
        grown = realloc(catalogue->products, room * sizeof *grown);
        if (grown == NULL)
            return RC_FULL;
        catalogue->products = grown;
        catalogue->room = room;
    }
    catalogue->products[catalogue->count++] = *product;
    return RC_OK;
}

static enum rc
catalogue_add_row(struct gateway_catalogue *catalogue,
                  const struct store_row *row)
{
    struct product_row product;
    uint64_t id;
    enum rc rc;

    rc = id_key_decode(row->key, row->key_bytes, &id);
    if (rc == RC_OK)
        rc = product_row_decode((struct product_id){ id }, row->value,
                                row->bytes, &product);
    if (rc != RC_OK) {
        log_error("row_damaged", "table=products after=%zu", catalogue->count);
        return rc;
    }
    return catalogue_add(catalogue, &product);
}

enum rc
gateway_catalogue_load(struct gateway_catalogue *catalogue,
                       struct store_table *table)
{
    struct store_cursor *cursor;
    struct store_row row;
    enum rc rc;

    rc = store_cursor_open(table, &cursor);
    if (rc != RC_OK)
        return rc;
    rc = store_cursor_first(cursor, &row);
    while (rc == RC_OK) {
        rc = catalogue_add_row(catalogue, &row);
        if (rc == RC_OK)
            rc = store_cursor_next(cursor, &row);
    }
    store_cursor_close(&cursor);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

void
gateway_catalogue_fini(struct gateway_catalogue *catalogue)
{
    free(catalogue->products);
    *catalogue = (struct gateway_catalogue){ 0 };
}

enum rc
gateway_catalogue_append(struct gateway_catalogue *catalogue,
                         struct store_table *table,
                         const struct product_row *product)
{
    uint8_t key[ID_KEY_BYTES], value[PRODUCT_ROW_BYTES];
    enum rc rc;

    invariant(catalogue->count == 0 ||
              catalogue->products[catalogue->count - 1].product.value <
                  product->product.value);
    rc = catalogue_add(catalogue, product);
    if (rc != RC_OK)
        return rc;
    id_key_encode(product->product.value, key);
    product_row_encode(product, value);
    return store_put_new(table, key, sizeof key, value, sizeof value);
}

size_t
gateway_catalogue_seek(const struct gateway_catalogue *catalogue, uint64_t id)
{
    size_t low = 0, high = catalogue->count, middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (catalogue->products[middle].product.value < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct product_row *
gateway_catalogue_find(const struct gateway_catalogue *catalogue,
                       struct product_id product)
{
    size_t slot = gateway_catalogue_seek(catalogue, product.value);

    if (slot == catalogue->count ||
        catalogue->products[slot].product.value != product.value)
        return NULL;
    return &catalogue->products[slot];
}

/* Moves the last product, just added, to its slot. */
static void
sort_in(struct gateway_catalogue *catalogue, size_t slot)
{
    struct product_row product = catalogue->products[catalogue->count - 1];

    memmove(&catalogue->products[slot + 1], &catalogue->products[slot],
            (catalogue->count - 1 - slot) * sizeof product);
    catalogue->products[slot] = product;
}

enum rc
gateway_catalogue_put(struct gateway_catalogue *catalogue,
                      struct store_table *table,
                      const struct product_row *product)
{
    size_t slot = gateway_catalogue_seek(catalogue, product->product.value);
    uint8_t key[ID_KEY_BYTES], value[PRODUCT_ROW_BYTES];
    enum rc rc = RC_OK;

    if (slot == catalogue->count ||
        catalogue->products[slot].product.value != product->product.value) {
        rc = catalogue_add(catalogue, product);
        if (rc != RC_OK)
            return rc;
        sort_in(catalogue, slot);
    }
    catalogue->products[slot].price = product->price;
    id_key_encode(product->product.value, key);
    product_row_encode(product, value);
    return store_put(table, key, sizeof key, value, sizeof value);
}
