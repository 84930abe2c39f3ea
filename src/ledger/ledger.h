/*
 * ledger.h - the double-entry writer, as a participant
 *
 * Reads `payments`, writes `transactions`.  It owns the journal.  The rules
 * are ledger_post.h's, entries are ledger_entry.h's, the tables are
 * ledger_store.h's; here events become entries and answers:
 *
 *   Payment APPROVED   -> a PURCHASE entry, Transaction SUCCESSFUL; or, if
 *                         its price is above the knob transaction_limit, no
 *                         entry, Transaction UNSUCCESSFUL, LIMIT_EXCEEDED
 *   Payment DECLINED   -> no entry, Transaction UNSUCCESSFUL
 *   Payment REFUNDED   -> a REVERSAL entry, Transaction REVERSED, if the
 *                         purchase was booked; else nothing
 *   AccountChanged     -> an OPENING or CREDIT entry, if money came in
 *
 * An event that contradicts the books (payment's balance of the user differs
 * from the ledger's, a refund of what was never taken) is refused with
 * RC_REFUSED and parked, and later events of its user wait behind it.
 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include "saga/participant.h"

struct ledger;

/* RC_NO_MEMORY.  The configuration must outlive it. */
MUST_USE enum rc ledger_new(struct ledger **ledger_out,
                            const struct config *config);
/* After participant_close(). */
void ledger_destroy(struct ledger **ledger_p);

/* Their context is the struct ledger. */
extern const struct participant_handlers ledger_handlers;

#endif
