#include "ledger/ledger_entry.h"

#define KIND_SHIFT 56 /* above every id */

_Static_assert(ID_MAX < UINT64_C(1) << KIND_SHIFT,
               "a kind and an id must fit into one key");
_Static_assert(MONEY_MINOR_MAX <= INT64_MAX / LEDGER_POSTINGS_MAX,
               "the sum of an entry's postings must not overflow");

struct ledger_account
ledger_account_funding(void)
{
    return (struct ledger_account){ .kind = LEDGER_FUNDING, .id = 1 };
}

struct ledger_account
ledger_account_merchant(void)
{
    return (struct ledger_account){ .kind = LEDGER_MERCHANT, .id = 1 };
}

struct ledger_account
ledger_account_user(struct user_id user)
{
    return (struct ledger_account){ .kind = LEDGER_USER, .id = user.value };
}

uint64_t
ledger_account_key(struct ledger_account account)
{
    return (uint64_t)account.kind << KIND_SHIFT | account.id;
}

struct ledger_account
ledger_account_of_key(uint64_t key)
{
    return (struct ledger_account){
        .kind = (enum ledger_account_kind)(key >> KIND_SHIFT),
        .id = key & ((UINT64_C(1) << KIND_SHIFT) - 1),
    };
}

static bool
account_valid(struct ledger_account account)
{
    switch (account.kind) {
    case LEDGER_FUNDING:
    case LEDGER_MERCHANT:
        return account.id == 1;
    case LEDGER_USER:
        return id_valid(account.id);
    }
    return false;
}

static enum ledger_fault
posting_check(const struct ledger_posting *posting)
{
    if (!account_valid(posting->account))
        return LEDGER_FAULT_ACCOUNT;
    if (posting->side != LEDGER_DEBIT && posting->side != LEDGER_CREDIT)
        return LEDGER_FAULT_SIDE;
    if (!money_valid(posting->amount) || posting->amount.minor <= 0)
        return LEDGER_FAULT_AMOUNT;
    return LEDGER_FAULT_NONE;
}

static enum ledger_fault
postings_check(const struct ledger_posting *postings, uint32_t count)
{
    int64_t debits = 0, credits = 0;
    enum ledger_fault fault = LEDGER_FAULT_NONE, next;
    uint32_t i;

    if (count < 2 || count > LEDGER_POSTINGS_MAX)
        return LEDGER_FAULT_COUNT;
    for (i = 0; i < count; i++) {
        next = posting_check(&postings[i]);
        if (next != LEDGER_FAULT_NONE &&
            (fault == LEDGER_FAULT_NONE || next < fault))
            fault = next;
    }
    if (fault != LEDGER_FAULT_NONE)
        return fault;
    for (i = 0; i < count; i++) {
        if (postings[i].side == LEDGER_DEBIT)
            debits += postings[i].amount.minor;
        else
            credits += postings[i].amount.minor;
    }
    return debits == credits ? LEDGER_FAULT_NONE : LEDGER_FAULT_UNBALANCED;
}

enum ledger_fault
ledger_entry_build(struct ledger_entry *entry_out, enum ledger_entry_kind kind,
                   const struct ledger_posting *postings, uint32_t count)
{
    enum ledger_fault fault = postings_check(postings, count);
    uint32_t i;

    if (fault != LEDGER_FAULT_NONE)
        return fault;
    *entry_out = (struct ledger_entry){ .kind = kind, .count = count };
    for (i = 0; i < count; i++)
        entry_out->postings[i] = postings[i];
    return LEDGER_FAULT_NONE;
}

enum ledger_fault
ledger_entry_build_transfer(struct ledger_entry *entry_out,
                            enum ledger_entry_kind kind,
                            struct ledger_account debit,
                            struct ledger_account credit, struct money amount)
{
    const struct ledger_posting postings[] = {
        { debit, LEDGER_DEBIT, amount },
        { credit, LEDGER_CREDIT, amount },
    };

    return ledger_entry_build(entry_out, kind, postings,
                              ARRAY_COUNT(postings));
}

enum ledger_fault
ledger_entry_check(const struct ledger_entry *entry)
{
    return postings_check(entry->postings, entry->count);
}

void
ledger_total_add(struct ledger_total *total, const struct ledger_total *other)
{
    total->low += other->low;
    total->high += other->high + (total->low < other->low ? 1 : 0);
}

bool
ledger_total_equal(const struct ledger_total *a, const struct ledger_total *b)
{
    return a->high == b->high && a->low == b->low;
}

void
ledger_balance_post(struct ledger_balance *balance, enum ledger_side side,
                    struct money amount)
{
    const struct ledger_total added = { .low = (uint64_t)amount.minor };

    invariant(amount.minor > 0);
    ledger_total_add(side == LEDGER_DEBIT ? &balance->debits
                                          : &balance->credits, &added);
}

bool
ledger_balance_standing(const struct ledger_balance *balance,
                        struct ledger_standing *out)
{
    const struct ledger_total *debits = &balance->debits;
    const struct ledger_total *credits = &balance->credits;
    uint64_t low = credits->low - debits->low;
    uint64_t high = credits->high - debits->high -
                    (credits->low < debits->low ? 1 : 0);

    if (high != 0 || low > (uint64_t)MONEY_MINOR_MAX)
        return false;
    out->balance.minor = (int64_t)low;
    out->awaiting = balance->awaiting;
    return out->awaiting.minor >= 0 &&
           out->awaiting.minor <= out->balance.minor;
}
