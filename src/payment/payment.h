/*
 * payment.h - the credit decider, as a participant
 *
 * Reads `orders` and `transactions`, writes `payments`.  It owns what every
 * user may spend.  The rules are payment_decide.h's, the tables are
 * payment_store.h's; here events become calls of the rules and outcomes
 * become events:
 *
 *   OrderPurchase     -> Payment APPROVED or DECLINED
 *   OrderCancel       -> Payment REFUNDED, if it was approved
 *   Transaction       -> Payment REFUNDED, if it was approved and the ledger
 *                        says UNSUCCESSFUL
 *   AccountOpened, AccountCredited, AccountFrozen, AccountThawed
 *                     -> AccountChanged, with kind REFUSED and a reason if
 *                        it is refused
 *
 * A Transaction UNSUCCESSFUL of what payment never answered is refused with
 * RC_REFUSED and parked.
 *
 * docs/ACCOUNTS.md has the table of all orders of arrival.
 */
#ifndef PAYMENT_PAYMENT_H
#define PAYMENT_PAYMENT_H

#include "saga/participant.h"

struct payment;

/* RC_NO_MEMORY.  The configuration must outlive it. */
MUST_USE enum rc payment_new(struct payment **payment_out,
                             const struct config *config);
/* After participant_close(). */
void payment_destroy(struct payment **payment_p);

/* Their context is the struct payment. */
extern const struct participant_handlers payment_handlers;

#endif
