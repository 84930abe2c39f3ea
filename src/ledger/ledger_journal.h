/*
 * ledger_journal.h - all entries there ever were, in their order
 *
 * Entries are numbered 1, 2, 3, ... and so are transactions, which are the
 * purchases among them.  The entries of a turn are one row of the table
 * `journal` (several if they are many): its key is the number of its first
 * entry, 8 octets, big-endian; it begins with an octet of version and tells
 * how many transactions there are up to its end, so the next numbers are known
 * from the last row alone.  Rows are never changed.
 *
 * Every function gives RC_OK, RC_DAMAGED for a row that can't be read, or
 * what store.h said.
 */
#ifndef LEDGER_JOURNAL_H
#define LEDGER_JOURNAL_H

#include "ledger/ledger_entry.h"
#include "saga/store.h"

struct ledger_journal;

/* RC_NO_MEMORY.  The store stays the caller's. */
MUST_USE enum rc ledger_journal_open(struct ledger_journal **journal_out,
                                     struct store *store);
/* Drops what was not written. */
void ledger_journal_close(struct ledger_journal **journal_p);

/* Gives the entry the number it will have, and a PURCHASE its transaction. */
void ledger_journal_number(const struct ledger_journal *journal,
                           struct ledger_entry *entry);

/*
 * The only way into the journal.  RC_MALFORMED, and nothing is appended, if
 * ledger_entry_check() finds a fault.  The entry must have been numbered since
 * the last one was appended (invariant).  Inside a transaction only.
 */
MUST_USE enum rc ledger_journal_append(struct ledger_journal *journal,
                                       const struct ledger_entry *entry);

/* Writes what was appended since the last time. */
MUST_USE enum rc ledger_journal_write(struct ledger_journal *journal);

/* One entry that is written; RC_NOT_FOUND if there is none of that number. */
MUST_USE enum rc ledger_journal_get(struct ledger_journal *journal,
                                    uint64_t id,
                                    struct ledger_entry *entry_out);

#endif
