/*
 * payment_store.h - the tables of payment
 *
 *   accounts   user id   -> struct account         what a user may spend
 *   payments   order id  -> struct payment_order   what was decided, for ever
 *   credits    credit id -> struct payment_credit  the same, of credits
 *
 * Keys are 8 octets, big-endian; rows begin with an octet of version.
 * Accounts are held back in memory and written by payment_store_write().
 *
 * Every function gives RC_OK, RC_DAMAGED for a row that can't be read, or
 * what store.h said.  All puts belong to the turn's transaction.
 */
#ifndef PAYMENT_STORE_H
#define PAYMENT_STORE_H

#include "payment/payment_decide.h"
#include "saga/store.h"

struct payment_store;

/* RC_NO_MEMORY.  The store stays the caller's. */
MUST_USE enum rc payment_store_open(struct payment_store **tables_out,
                                    struct store *store);
void payment_store_close(struct payment_store **tables_p);

/* RC_OK also if there is none: *account_out is then all zero. */
MUST_USE enum rc payment_store_get_account(struct payment_store *tables,
                                           struct user_id user,
                                           struct account *account_out);
MUST_USE enum rc payment_store_put_account(struct payment_store *tables,
                                           const struct account *account);

/* RC_OK also if there is none: all zero, status UNKNOWN. */
MUST_USE enum rc payment_store_get_order(struct payment_store *tables,
                                         struct order_id id,
                                         struct payment_order *order_out);
/* RC_EXISTS, and nothing is changed, if the order is known. */
MUST_USE enum rc payment_store_put_new_order(struct payment_store *tables,
                                             struct order_id id,
                                             const struct payment_order *order);
MUST_USE enum rc payment_store_put_order(struct payment_store *tables,
                                         struct order_id id,
                                         const struct payment_order *order);

/* RC_OK also if there is none: all zero. */
MUST_USE enum rc payment_store_get_credit(struct payment_store *tables,
                                          struct credit_id id,
                                          struct payment_credit *credit_out);
MUST_USE enum rc payment_store_put_credit(struct payment_store *tables,
                                          struct credit_id id,
                                          const struct payment_credit *credit);

/* Writes the accounts that were changed. */
MUST_USE enum rc payment_store_write(struct payment_store *tables);

#endif
