/*
 * ledger_store.h - the tables of the ledger
 *
 *   journal    the entries, appended, never changed (ledger_journal.h)
 *   balances   account (kind,id) -> struct ledger_balance  what the postings
 *                                                          of an account sum
 *                                                          to, and `awaiting`
 *   orders     order id          -> struct ledger_order    what was answered
 *
 * Keys are 8 octets, big-endian; rows begin with an octet of version.
 * Entries and balances are held back in memory and written, once per turn, by
 * ledger_store_write().
 *
 * Every function gives RC_OK, RC_DAMAGED for a row that can't be read, or
 * what store.h said.  All puts belong to the turn's transaction.
 */
#ifndef LEDGER_STORE_H
#define LEDGER_STORE_H

#include "ledger/ledger_post.h"
#include "saga/store.h"

struct ledger_store;

/* RC_NO_MEMORY.  The store stays the caller's. */
MUST_USE enum rc ledger_store_open(struct ledger_store **tables_out,
                                   struct store *store);
void ledger_store_close(struct ledger_store **tables_p);

/* Gives the entry the number it will have, and a PURCHASE its transaction. */
void ledger_store_number(const struct ledger_store *tables,
                         struct ledger_entry *entry);

/*
 * The only way into the journal and the balances.  RC_MALFORMED, and nothing
 * is written, if ledger_entry_check() finds a fault.  The entry must have
 * been numbered since the last one was appended (invariant).
 */
MUST_USE enum rc ledger_store_append(struct ledger_store *tables,
                                     const struct ledger_entry *entry);

/* One entry that is written; RC_NOT_FOUND if there is none.  For tests and the
 * simulation: the ledger never reads one back. */
MUST_USE enum rc ledger_store_get_entry(struct ledger_store *tables,
                                        uint64_t id,
                                        struct ledger_entry *entry_out);

/* RC_OK also for an account that nothing was posted to: all zero. */
MUST_USE enum rc ledger_store_get_balance(struct ledger_store *tables,
                                          struct ledger_account account,
                                          struct ledger_balance *balance_out);

/* What the ledger holds of a user.  RC_DAMAGED if it is out of its range. */
MUST_USE enum rc
ledger_store_get_standing(struct ledger_store *tables, struct user_id user,
                          struct ledger_standing *standing_out);

/* Adds a change, which may be negative, to what a user is awaiting. */
MUST_USE enum rc ledger_store_add_awaiting(struct ledger_store *tables,
                                           struct user_id user,
                                           int64_t change_minor);

/* RC_OK also if there is none: all zero, status NONE. */
MUST_USE enum rc ledger_store_get_order(struct ledger_store *tables,
                                        struct order_id id,
                                        struct ledger_order *order_out);
/* RC_EXISTS, and nothing is changed, if the order was answered. */
MUST_USE enum rc ledger_store_put_new_order(struct ledger_store *tables,
                                            struct order_id id,
                                            const struct ledger_order *order);
MUST_USE enum rc ledger_store_put_order(struct ledger_store *tables,
                                        struct order_id id,
                                        const struct ledger_order *order);

/* Writes the entries that were appended and the balances they changed. */
MUST_USE enum rc ledger_store_write(struct ledger_store *tables);

/*
 * G4, over the whole store: the sums of all debits, of all credits and of all
 * that is awaited in `balances`.  What is held back is not seen: call it after
 * ledger_store_write().  For tests and the simulation.
 */
MUST_USE enum rc ledger_store_sum(struct ledger_store *tables,
                                  struct ledger_balance *sum_out);

#endif
