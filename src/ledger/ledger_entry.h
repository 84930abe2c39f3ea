/*
 * ledger_entry.h - double entry: accounts, postings, entries, balances
 *
 *   account   FUNDING (where money comes from), MERCHANT (where it goes to),
 *             and one USER account for each user
 *   posting   one amount on one side (debit, credit) of one account
 *   entry     two or more postings whose debits and credits are equal; it is
 *             never changed, a reversal is another entry
 *   balance   what an account's postings add up to, each side for itself
 *   awaiting  of a user: the prices of payments that the ledger refused, from
 *             then until payment says that it gave them back; no posting
 *
 * The chart of accounts and every business event as postings:
 * docs/ACCOUNTS.md.
 *
 * Core: functions of their arguments.
 */
#ifndef LEDGER_ENTRY_H
#define LEDGER_ENTRY_H

#include "saga/ids.h"
#include "saga/money.h"

#define LEDGER_POSTINGS_MAX 8

/* The values of these enums stand in the store: they never change. */
enum ledger_account_kind {
    LEDGER_FUNDING = 1,
    LEDGER_MERCHANT = 2,
    LEDGER_USER = 3,
};

enum ledger_side {
    LEDGER_DEBIT = 1,
    LEDGER_CREDIT = 2,
};

enum ledger_entry_kind {
    LEDGER_ENTRY_OPENING = 1,
    LEDGER_ENTRY_CREDIT = 2,
    LEDGER_ENTRY_PURCHASE = 3,
    LEDGER_ENTRY_REVERSAL = 4,
};

struct ledger_account {
    enum ledger_account_kind kind;
    uint64_t id; /* of the user; 1 for FUNDING and MERCHANT */
};

struct ledger_posting {
    struct ledger_account account;
    enum ledger_side side;
    struct money amount; /* > 0 */
};

struct ledger_entry {
    uint64_t id; /* 1, 2, 3, ... */
    enum ledger_entry_kind kind;
    struct order_id order;             /* 0 for OPENING and CREDIT           */
    struct transaction_id transaction; /* of PURCHASE, and what is REVERSED  */
    int64_t time_us;                   /* when payment decided it            */
    uint32_t count;
    struct ledger_posting postings[LEDGER_POSTINGS_MAX];
};

/* What is wrong with an entry. */
enum ledger_fault {
    LEDGER_FAULT_NONE = 0,
    LEDGER_FAULT_COUNT,      /* less than 2 postings, or too many           */
    LEDGER_FAULT_ACCOUNT,    /* no such kind, or an id out of range         */
    LEDGER_FAULT_SIDE,       /* neither debit nor credit                    */
    LEDGER_FAULT_AMOUNT,     /* not in 1..MONEY_MINOR_MAX                   */
    LEDGER_FAULT_UNBALANCED, /* debits and credits differ                   */
};

struct ledger_account ledger_account_funding(void);
struct ledger_account ledger_account_merchant(void);
struct ledger_account ledger_account_user(struct user_id user);

/* The account as one number, in the order of kind, then id; and back. */
uint64_t ledger_account_key(struct ledger_account account);
struct ledger_account ledger_account_of_key(uint64_t key);

/*
 * Builds an entry of these postings.  On any fault *entry_out is untouched:
 * an entry that does not balance does not come into being.
 */
MUST_USE enum ledger_fault
ledger_entry_build(struct ledger_entry *entry_out, enum ledger_entry_kind kind,
                   const struct ledger_posting *postings, uint32_t count);

/* The same with one debit and one credit of one amount. */
MUST_USE enum ledger_fault
ledger_entry_build_transfer(struct ledger_entry *entry_out,
                            enum ledger_entry_kind kind,
                            struct ledger_account debit,
                            struct ledger_account credit, struct money amount);

/* The first fault, in the order of the enum. */
enum ledger_fault ledger_entry_check(const struct ledger_entry *entry);

/* A sum of amounts.  128 bits: no number of amounts overflows it. */
struct ledger_total {
    uint64_t high;
    uint64_t low;
};

void ledger_total_add(struct ledger_total *total,
                      const struct ledger_total *other);
bool ledger_total_equal(const struct ledger_total *a,
                        const struct ledger_total *b);

struct ledger_balance {
    struct ledger_total debits;
    struct ledger_total credits;
    struct money awaiting; /* of a user, else 0 */
};

/* What the ledger holds of a user.  Payment, which took the price of what the
 * ledger refused and has not given it back, tells balance - awaiting. */
struct ledger_standing {
    struct money balance;  /* credits - debits, 0..MONEY_MINOR_MAX */
    struct money awaiting; /* 0..balance                           */
};

void ledger_balance_post(struct ledger_balance *balance, enum ledger_side side,
                         struct money amount);

/* False if it leaves the ranges of struct ledger_standing: no user's account
 * may be so. */
MUST_USE bool ledger_balance_standing(const struct ledger_balance *balance,
                                      struct ledger_standing *out);

#endif
