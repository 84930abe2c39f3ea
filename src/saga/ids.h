/*
 * ids.h - identities; different things have different types
 *
 * An id is an integer from 1 to ID_MAX (2^53 - 1, so that every JSON reader
 * keeps it exactly).  0 is "none".  Core.
 */
#ifndef SAGA_IDS_H
#define SAGA_IDS_H

#include "saga/base.h"

#define ID_MAX ((UINT64_C(1) << 53) - 1)

struct order_id { uint64_t value; };
struct user_id { uint64_t value; };
struct product_id { uint64_t value; };
struct transaction_id { uint64_t value; };
struct credit_id { uint64_t value; };

static inline bool
id_valid(uint64_t value)
{
    return value >= 1 && value <= ID_MAX;
}

#endif
