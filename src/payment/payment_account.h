/*
 * payment_account.h - the credit account of one user, and what may change it
 *
 * The law (G4), true before and after every function here:
 *
 *   opened + credited - paid + refunded == balance,   balance >= 0,
 *   opened + credited <= MONEY_MINOR_MAX,   refunded <= paid
 *
 * The third line is why a refund can always be given: what comes back was
 * once within opened + credited.
 *
 * A function that may refuse gives the refusal and leaves the account as it
 * was, or REFUSAL_NONE with the account changed.
 *
 * Core: functions of their arguments.
 */
#ifndef PAYMENT_ACCOUNT_H
#define PAYMENT_ACCOUNT_H

#include "saga/event.h"

struct account {
    bool exists; /* all else is zero if not */
    bool frozen;
    char currency[CURRENCY_BYTES];
    struct user_id user;
    struct money balance;
    struct money opened;   /* what it was opened with                        */
    struct money credited; /* sum of later credits                           */
    struct money paid;     /* sum of approved purchases                      */
    struct money refunded; /* sum of those that were given back              */
};

/* The law above. */
bool account_lawful(const struct account *account);

/* DUPLICATE if it exists; LIMIT if amount is negative or out of range. */
enum refusal account_open(struct account *account, struct user_id user,
                          struct money amount, const char *currency);

/* UNKNOWN_USER; LIMIT if amount is not positive or the sum of all that was
 * ever put in would leave the range of money.  A frozen account takes it. */
enum refusal account_credit(struct account *account, struct money amount);

/* UNKNOWN_USER.  Freezing twice is freezing. */
enum refusal account_freeze(struct account *account);
enum refusal account_thaw(struct account *account);

/* By rank: UNKNOWN_USER, FROZEN, CURRENCY, then `standing` if it is not
 * REFUSAL_NONE (what stands against the order itself: CANCELLED, TIMEOUT),
 * then CREDIT, then LIMIT if price is not positive or out of range. */
enum refusal account_pay(struct account *account, struct money price,
                         const char *currency, enum refusal standing);

/* Gives back a price that was paid; also to a frozen account. */
void account_refund(struct account *account, struct money price);

#endif
