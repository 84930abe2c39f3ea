/*
 * gateway_seed.h - the products and users of the first start, from a file
 *
 *   { "products": [ { "id": 1, "price": 50 } ],
 *     "users":    [ { "userId": 1, "balance": 100 } ] }
 *
 * Both lists must be there and may be empty; no other key may be.  Ids are
 * integers that no other of the list has; amounts are numbers with at most
 * two decimals or decimal strings; a price is above 0, a balance is not
 * below.
 */
#ifndef GATEWAY_SEED_H
#define GATEWAY_SEED_H

#include "saga/money.h"

#define SEED_BYTES_MAX (16u << 20)
#define SEED_ROWS_MAX 100000 /* of each list */

struct seed_row {
    uint64_t id; /* of a product or a user */
    struct money amount; /* its price or balance */
};

struct seed_list {
    struct seed_row *rows; /* by id, ascending */
    size_t count;
};

struct gateway_seed {
    struct seed_list products;
    struct seed_list users;
};

/*
 * Reads the file; "" gives empty lists.  On failure *seed_out is empty and
 * error[error_bytes] holds one line that begins with "seed: ": RC_NOT_FOUND
 * (no such file), RC_MALFORMED, RC_FULL (a limit above), RC_IO.
 */
MUST_USE enum rc gateway_seed_read(const char *path,
                                   struct gateway_seed *seed_out, char *error,
                                   size_t error_bytes);
void gateway_seed_fini(struct gateway_seed *seed);

#endif
