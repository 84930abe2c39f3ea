#include "sagactl/verify_rules.h"

const struct fault_info order_fault_infos[ORDER_FAULT_COUNT] = {
#define F(id, check, needs, words) [id] = { check, needs, words },
    ORDER_FAULT_LIST(F)
#undef F
};

const struct fault_info user_fault_infos[USER_FAULT_COUNT] = {
#define F(id, check, needs, words) [id] = { check, needs, words },
    USER_FAULT_LIST(F)
#undef F
};

#define A FACT(FACT_APPROVED)
#define D FACT(FACT_DECLINED)
#define R FACT(FACT_REFUNDED)
#define S FACT(FACT_SUCCESSFUL)
#define U FACT(FACT_UNSUCCESSFUL)
#define V FACT(FACT_REVERSED)
#define P FACT(FACT_ENTRY_PURCHASE)
#define Q FACT(FACT_ENTRY_REVERSAL)

/* What payment must have told of an order that stands so, and no more. */
static const uint64_t payment_tells[PAYMENT_ORDER_STATUS_COUNT] = {
    [PAYMENT_ORDER_UNKNOWN] = 0,      [PAYMENT_ORDER_APPROVED] = A,
    [PAYMENT_ORDER_DECLINED] = D,     [PAYMENT_ORDER_REFUNDED] = A | R,
    [PAYMENT_ORDER_CANCELLED] = 0,
};

/* The same of the ledger; and what must stand in its journal. */
static const uint64_t ledger_tells[LEDGER_ORDER_STATUS_COUNT] = {
    [LEDGER_ORDER_NONE] = 0,         [LEDGER_ORDER_BOOKED] = S,
    [LEDGER_ORDER_UNBOOKED] = U,     [LEDGER_ORDER_REVERSED] = S | V,
    [LEDGER_ORDER_REFUSED] = U,      [LEDGER_ORDER_RETURNED] = U,
};
static const uint64_t ledger_entries[LEDGER_ORDER_STATUS_COUNT] = {
    [LEDGER_ORDER_BOOKED] = P,
    [LEDGER_ORDER_REVERSED] = P | Q,
};

static bool
has(const struct order_facts *order, enum order_fact fact)
{
    return (order->facts & FACT(fact)) != 0;
}

static uint64_t
fault_if(bool broken, unsigned fault)
{
    return broken ? FACT(fault) : 0;
}

static uint64_t
payment_faults(const struct order_facts *order)
{
    enum payment_order_status status =
        (enum payment_order_status)order->payment_status;
    bool parked = has(order, FACT_PARKED_PAYMENT);
    bool asked_back =
        has(order, FACT_CANCEL_READ) || has(order, FACT_REFUSAL_READ);
    bool decided = status == PAYMENT_ORDER_APPROVED ||
                   status == PAYMENT_ORDER_DECLINED ||
                   status == PAYMENT_ORDER_REFUNDED;

    return fault_if(decided && !has(order, FACT_PURCHASE_READ),
                    ORDER_FAULT_UNASKED) |
           fault_if(status == PAYMENT_ORDER_CANCELLED &&
                        !has(order, FACT_CANCEL_READ),
                    ORDER_FAULT_UNCANCELLED) |
           fault_if((order->facts & (A | D | R)) != payment_tells[status],
                    ORDER_FAULT_PAYMENT_TOLD) |
           fault_if(status == PAYMENT_ORDER_REFUNDED && !asked_back,
                    ORDER_FAULT_REFUND_UNASKED) |
           fault_if(!decided && has(order, FACT_PURCHASE_READ) && !parked,
                    ORDER_FAULT_UNANSWERED) |
           fault_if(status == PAYMENT_ORDER_APPROVED && asked_back && !parked,
                    ORDER_FAULT_UNREFUNDED);
}

static uint64_t
ledger_faults(const struct order_facts *order)
{
    enum ledger_order_status status =
        (enum ledger_order_status)order->ledger_status;
    bool parked = has(order, FACT_PARKED_LEDGER);
    bool approved = has(order, FACT_APPROVED_READ);
    bool declined = has(order, FACT_DECLINED_READ);
    bool refunded = has(order, FACT_REFUNDED_READ);
    bool undone = status == LEDGER_ORDER_REVERSED ||
                  status == LEDGER_ORDER_RETURNED;
    bool took = undone || status == LEDGER_ORDER_BOOKED ||
                status == LEDGER_ORDER_REFUSED;
    bool left = status == LEDGER_ORDER_UNBOOKED;

    return fault_if(((approved && !took) || (declined && !left)) && !parked,
                    ORDER_FAULT_UNBOOKED) |
           fault_if(refunded && !undone && !parked, ORDER_FAULT_UNREVERSED) |
           fault_if((took && !approved) || (left && !declined) ||
                        (undone && !refunded),
                    ORDER_FAULT_BOOKED_UNASKED) |
           fault_if((order->facts & (S | U | V)) != ledger_tells[status],
                    ORDER_FAULT_LEDGER_TOLD) |
           fault_if((order->facts & (P | Q)) != ledger_entries[status],
                    ORDER_FAULT_ENTRIES);
}

/* Where an order of the gateway's must stand by what it read.  A cancel that
 * is on its way holds an order open that the ledger has booked. */
static bool
status_fits(const struct order_facts *order)
{
    enum order_status status = (enum order_status)order->gateway_status;
    bool cancels = has(order, FACT_GATEWAY_CANCELS);

    if (has(order, FACT_REVERSED_READ))
        return status == ORDER_CANCELLED;
    if (has(order, FACT_UNSUCCESSFUL_READ))
        return status == ORDER_FAILED ||
               (cancels && status == ORDER_CANCELLED);
    if (has(order, FACT_SUCCESSFUL_READ))
        return status == ORDER_COMPLETED ||
               (cancels && status == ORDER_CREATED);
    return status == ORDER_CREATED;
}

static uint64_t
gateway_faults(const struct order_facts *order)
{
    bool row = has(order, FACT_GATEWAY_ROW);
    bool parked = has(order, FACT_PARKED_GATEWAY);

    if (!row)
        return fault_if(has(order, FACT_PURCHASE_OWN), ORDER_FAULT_NO_ROW);
    return fault_if(!has(order, FACT_PURCHASE_OWN), ORDER_FAULT_UNPUBLISHED) |
           fault_if(has(order, FACT_GATEWAY_CANCELS) !=
                        has(order, FACT_CANCEL_OWN),
                    ORDER_FAULT_CANCEL) |
           fault_if(!parked && !status_fits(order), ORDER_FAULT_STATUS) |
           fault_if(!parked && order->gateway_status == ORDER_FAILED &&
                        has(order, FACT_UNSUCCESSFUL_READ) &&
                        order->gateway_reason != order->told_reason,
                    ORDER_FAULT_REASON);
}

uint64_t
order_faults(const struct order_facts *order)
{
    invariant(order->payment_status < PAYMENT_ORDER_STATUS_COUNT &&
              order->ledger_status < LEDGER_ORDER_STATUS_COUNT);
    return payment_faults(order) | ledger_faults(order) |
           gateway_faults(order);
}

/* ---- users ---- */

void
user_sum_add(int64_t *sum, int64_t amount)
{
    if (__builtin_add_overflow(*sum, amount, sum))
        *sum = amount < 0 ? INT64_MIN : INT64_MAX;
}

int64_t
user_sums_balance(const struct user_sums *sums)
{
    int64_t balance = sums->opened;

    user_sum_add(&balance, sums->credited);
    user_sum_add(&balance, sums->refunded);
    user_sum_add(&balance, sums->paid == INT64_MIN ? INT64_MAX : -sums->paid);
    return balance;
}

static bool
knows(const struct user_facts *user, enum user_fact fact)
{
    return (user->facts & FACT(fact)) != 0;
}

static bool
sums_equal(const struct user_sums *a, const struct user_sums *b)
{
    return a->opened == b->opened && a->credited == b->credited &&
           a->paid == b->paid && a->refunded == b->refunded;
}

static bool
sums_lawful(const struct user_facts *user)
{
    const struct user_sums *sums = &user->row;

    return sums->opened >= 0 && sums->credited >= 0 && sums->refunded >= 0 &&
           sums->refunded <= sums->paid && user->balance >= 0 &&
           user->balance <= MONEY_MINOR_MAX &&
           user_sums_balance(sums) == user->balance;
}

static uint64_t
account_faults(const struct user_facts *user)
{
    bool account = knows(user, USER_FACT_ACCOUNT);

    return fault_if(account && !sums_lawful(user), USER_FAULT_LAW) |
           fault_if(account != knows(user, USER_FACT_OPENED) ||
                        !sums_equal(&user->row, &user->told),
                    USER_FAULT_SUMS) |
           fault_if(knows(user, USER_FACT_FROZEN) !=
                        knows(user, USER_FACT_FROZEN_TOLD),
                    USER_FAULT_FROZEN) |
           fault_if(user->credits != user->row.credited,
                    USER_FAULT_CREDITS) |
           fault_if(knows(user, USER_FACT_OPEN_READ) && !account &&
                        !knows(user, USER_FACT_REFUSED) &&
                        !knows(user, USER_FACT_PARKED_PAYMENT),
                    USER_FAULT_UNOPENED);
}

static uint64_t
book_faults(const struct user_facts *user)
{
    /* Each side is at most the sum of lawful amounts, far from overflow. */
    int64_t balance = (int64_t)(user->credits_side - user->debits);
    int64_t told =
        knows(user, USER_FACT_LEDGER_TOLD) ? user->ledger_told : 0;

    user_sum_add(&balance, user->ledger_awaiting == INT64_MIN
                               ? INT64_MAX
                               : -user->ledger_awaiting);
    return fault_if(user->debits != user->journal_debits ||
                        user->credits_side != user->journal_credits,
                    USER_FAULT_BALANCE) |
           fault_if(user->ledger_awaiting != user->orders_awaiting,
                    USER_FAULT_AWAITING) |
           fault_if(balance != told && !knows(user, USER_FACT_PARKED_LEDGER),
                    USER_FAULT_AGREES);
}

uint64_t
user_faults(const struct user_facts *user)
{
    bool shown = knows(user, USER_FACT_GATEWAY_ROW);

    return account_faults(user) | book_faults(user) |
           fault_if(knows(user, USER_FACT_GATEWAY_TOLD) &&
                        !knows(user, USER_FACT_PARKED_GATEWAY) &&
                        (!shown ||
                         user->gateway_balance != user->gateway_told),
                    USER_FAULT_GATEWAY);
}
