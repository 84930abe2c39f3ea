#include <inttypes.h>

#include "sagactl/verify.h"
#include "sagactl/verify_rows.h"

/* What the passes over the ledger's tables add up. */
struct books {
    uint64_t entries;
    uint64_t transactions;
    struct ledger_balance funding; /* by the journal */
    struct ledger_balance merchant;
    struct ledger_balance rows; /* sum of all balances rows */
};

/* ---- the journal ---- */

static enum rc
post(struct verify *verify, struct books *books,
     const struct ledger_posting *posting)
{
    struct user_facts *user;
    enum rc rc;

    if (posting->account.kind != LEDGER_USER) {
        ledger_balance_post(posting->account.kind == LEDGER_FUNDING
                                ? &books->funding
                                : &books->merchant,
                            posting->side, posting->amount);
        return RC_OK;
    }
    rc = verify_user(verify, posting->account.id, &user);
    if (rc != RC_OK)
        return rc;
    *(posting->side == LEDGER_DEBIT ? &user->journal_debits
                                    : &user->journal_credits) +=
        (uint64_t)posting->amount.minor;
    return RC_OK;
}

/* A PURCHASE and its REVERSAL stand for the order and its price. */
static enum rc
mark_order(struct verify *verify, const struct ledger_entry *entry)
{
    bool purchase = entry->kind == LEDGER_ENTRY_PURCHASE;
    enum order_fact fact =
        purchase ? FACT_ENTRY_PURCHASE : FACT_ENTRY_REVERSAL;
    struct order_facts *order;
    uint64_t user = 0;
    enum rc rc = verify_order(verify, entry->order.value, &order);

    if (rc != RC_OK)
        return rc;
    if (order->facts & FACT(fact))
        verify_differs(verify->report, CHECK_LEDGER_ORDERS,
                       "order %" PRIu64 ": was booked twice, entry %" PRIu64,
                       order->id, entry->id);
    order->facts |= FACT(fact);
    if (order->transaction == 0)
        order->transaction = entry->transaction.value;
    if (order->transaction != entry->transaction.value)
        verify_differs(verify->report, CHECK_LEDGER_ORDERS,
                       "order %" PRIu64 ": entry %" PRIu64 " is of "
                       "transaction %" PRIu64 ", not %" PRIu64, order->id,
                       entry->id, entry->transaction.value,
                       order->transaction);
    for (uint32_t i = 0; i < entry->count; i++)
        if (entry->postings[i].account.kind == LEDGER_USER)
            user = entry->postings[i].account.id;
    if (order->user != 0)
        verify_content(verify, CHECK_LEDGER_ORDERS, order, user,
                       entry->postings[0].amount.minor, "an entry");
    return RC_OK;
}

static enum rc
take_entry(struct verify *verify, struct books *books,
           const struct ledger_entry *entry)
{
    enum rc rc = RC_OK;

    verify_looked(verify->report, CHECK_LEDGER_ENTRIES, 1);
    if (ledger_entry_check(entry) != LEDGER_FAULT_NONE) {
        verify_differs(verify->report, CHECK_LEDGER_ENTRIES,
                       "entry %" PRIu64 ": does not balance, or is none",
                       entry->id);
        return RC_OK;
    }
    if (entry->kind == LEDGER_ENTRY_PURCHASE &&
        entry->transaction.value != ++books->transactions) {
        verify_differs(verify->report, CHECK_LEDGER_ENTRIES,
                       "entry %" PRIu64 ": transaction %" PRIu64
                       " follows %" PRIu64, entry->id,
                       entry->transaction.value, books->transactions - 1);
        books->transactions = entry->transaction.value;
    }
    for (uint32_t i = 0; i < entry->count && rc == RC_OK; i++)
        rc = post(verify, books, &entry->postings[i]);
    if (rc == RC_OK && (entry->kind == LEDGER_ENTRY_PURCHASE ||
                        entry->kind == LEDGER_ENTRY_REVERSAL))
        rc = mark_order(verify, entry);
    return rc;
}

static enum rc
on_journal(struct verify *verify, void *context, const struct store_row *row)
{
    struct books *books = context;
    struct verify_journal journal;
    struct ledger_entry entry;
    uint64_t first = 0;
    bool whole = verify_read_id(row->key, row->key_bytes, &first) &&
                 verify_read_journal(row->value, row->bytes, &journal);
    enum rc rc = RC_OK;

    if (whole && first != books->entries + 1)
        verify_differs(verify->report, CHECK_LEDGER_ENTRIES,
                       "entry %" PRIu64 " follows %" PRIu64, first,
                       books->entries);
    if (whole)
        books->entries = first - 1;
    for (uint32_t i = 0; whole && i < journal.count && rc == RC_OK; i++) {
        whole = verify_read_entry(&journal, &entry);
        if (!whole)
            break;
        entry.id = ++books->entries;
        rc = take_entry(verify, books, &entry);
    }
    if (!whole || !bytes_all_read(&journal.rest))
        verify_differs(verify->report, CHECK_LEDGER_ENTRIES,
                       "the row of entry %" PRIu64 " can't be read", first);
    else if (journal.transactions != books->transactions)
        verify_differs(verify->report, CHECK_LEDGER_ENTRIES,
                       "the row of entry %" PRIu64 " counts %" PRIu64
                       " transactions, there are %" PRIu64, first,
                       journal.transactions, books->transactions);
    return rc;
}

/* ---- balances ---- */

static void
check_account(struct verify *verify, const char *name,
              const struct ledger_balance *row,
              const struct ledger_balance *journal)
{
    if (!ledger_total_equal(&row->debits, &journal->debits) ||
        !ledger_total_equal(&row->credits, &journal->credits) ||
        row->awaiting.minor != 0)
        verify_differs(verify->report, CHECK_LEDGER_BALANCES,
                       "%s: its balance row is not the sum of the journal",
                       name);
}

static enum rc
take_user_balance(struct verify *verify, uint64_t id,
                  const struct ledger_balance *balance)
{
    struct user_facts *user;
    enum rc rc = verify_user(verify, id, &user);

    if (rc != RC_OK)
        return rc;
    if (balance->debits.high != 0 || balance->credits.high != 0)
        verify_differs(verify->report, CHECK_LEDGER_BALANCES,
                       "user %" PRIu64 ": more than there is money", id);
    user->debits = balance->debits.low;
    user->credits_side = balance->credits.low;
    user->ledger_awaiting = balance->awaiting.minor;
    return RC_OK;
}

static enum rc
on_balance(struct verify *verify, void *context, const struct store_row *row)
{
    struct books *books = context;
    struct ledger_balance balance;
    struct ledger_account account;
    uint64_t key;

    if (!verify_read_id(row->key, row->key_bytes, &key) ||
        !verify_read_balance(row->value, row->bytes, &balance)) {
        verify_differs(verify->report, CHECK_LEDGER_BALANCES,
                       "a row of balances that can't be read");
        return RC_OK;
    }
    verify_looked(verify->report, CHECK_LEDGER_BALANCES, 1);
    ledger_total_add(&books->rows.debits, &balance.debits);
    ledger_total_add(&books->rows.credits, &balance.credits);
    account = ledger_account_of_key(key);
    switch (account.kind) {
    case LEDGER_FUNDING:
        check_account(verify, "FUNDING", &balance, &books->funding);
        return RC_OK;
    case LEDGER_MERCHANT:
        check_account(verify, "MERCHANT", &balance, &books->merchant);
        return RC_OK;
    case LEDGER_USER:
        return take_user_balance(verify, account.id, &balance);
    }
    verify_differs(verify->report, CHECK_LEDGER_BALANCES,
                   "a balance of no account that there is");
    return RC_OK;
}

/* ---- orders ---- */

static enum rc
on_order(struct verify *verify, void *context, const struct store_row *row)
{
    struct ledger_order ledger;
    struct order_facts *order;
    struct user_facts *user;
    uint64_t id;
    enum rc rc;

    (void)context;
    if (!verify_read_id(row->key, row->key_bytes, &id) ||
        !verify_read_ledger_order(row->value, row->bytes, &ledger)) {
        verify_differs(verify->report, CHECK_LEDGER_ORDERS,
                       "a row of orders that can't be read");
        return RC_OK;
    }
    rc = verify_order(verify, id, &order);
    if (rc == RC_OK)
        rc = verify_user(verify, ledger.user.value, &user);
    if (rc != RC_OK)
        return rc;
    verify_looked(verify->report, CHECK_LEDGER_ORDERS, 1);
    order->ledger_status = (uint8_t)ledger.status;
    if (ledger.transaction.value != order->transaction)
        verify_differs(verify->report, CHECK_LEDGER_ORDERS,
                       "order %" PRIu64 ": its row is of transaction %" PRIu64
                       ", not %" PRIu64, id, ledger.transaction.value,
                       order->transaction);
    if (order->user != 0)
        verify_content(verify, CHECK_LEDGER_ORDERS, order, ledger.user.value,
                       ledger.price.minor, "the ledger's row");
    if (ledger.status == LEDGER_ORDER_REFUSED)
        user_sum_add(&user->orders_awaiting, ledger.price.minor);
    return RC_OK;
}

enum rc
verify_ledger(struct verify *verify)
{
    struct store *store = verify_actor(verify, PROCESS_LEDGER)->store;
    struct books books = { .entries = 0 };
    enum rc rc = verify_walk(verify, store, "journal", on_journal, &books);

    if (rc == RC_OK)
        rc = verify_walk(verify, store, "balances", on_balance, &books);
    if (rc == RC_OK)
        rc = verify_walk_packed(verify, store, "orders", on_order, NULL);
    if (rc == RC_OK &&
        !ledger_total_equal(&books.rows.debits, &books.rows.credits))
        verify_differs(verify->report, CHECK_LEDGER_BALANCES,
                       "the sum of debits is not the sum of credits");
    return rc;
}
