#include "ledger/ledger_post.h"

/* The verdict, if what the ledger holds of the user after it is lawful, and
 * what payment told. */
static enum ledger_verdict
agreed(enum ledger_verdict verdict, int64_t balance, int64_t awaiting,
       struct money told)
{
    return balance <= MONEY_MINOR_MAX && awaiting >= 0 &&
                   balance >= awaiting && balance - awaiting == told.minor
               ? verdict
               : LEDGER_VERDICT_CONTRADICTED;
}

static enum ledger_verdict
unchanged(enum ledger_verdict verdict, const struct ledger_standing *standing,
          struct money told)
{
    return agreed(verdict, standing->balance.minor, standing->awaiting.minor,
                  told);
}

static enum ledger_verdict
post_approved(const struct ledger_standing *standing,
              const struct ledger_payment *payment, struct money limit)
{
    int64_t balance = standing->balance.minor;
    int64_t awaiting = standing->awaiting.minor;
    int64_t price = payment->price.minor;

    if (price <= 0)
        return LEDGER_VERDICT_CONTRADICTED;
    if (limit.minor > 0 && price > limit.minor)
        return agreed(LEDGER_VERDICT_REFUSED, balance, awaiting + price,
                      payment->balance);
    return agreed(LEDGER_VERDICT_BOOKED, balance - price, awaiting,
                  payment->balance);
}

static enum ledger_verdict
post_first(const struct ledger_standing *standing,
           const struct ledger_payment *payment, struct money limit)
{
    switch (payment->status) {
    case PAYMENT_APPROVED:
        return post_approved(standing, payment, limit);
    case PAYMENT_DECLINED:
        if (payment->reason == REFUSAL_NONE)
            break;
        /* Its id belongs to another purchase, which gets its own answer. */
        return unchanged(payment->reason == REFUSAL_DUPLICATE
                             ? LEDGER_VERDICT_NOTHING
                             : LEDGER_VERDICT_UNBOOKED,
                         standing, payment->balance);
    case PAYMENT_REFUNDED: /* of what? */
    case PAYMENT_UNSET:
    case PAYMENT_STATUS_COUNT:
        break;
    }
    return LEDGER_VERDICT_CONTRADICTED;
}

static enum ledger_verdict
post_refund(const struct ledger_order *order,
            const struct ledger_standing *standing,
            const struct ledger_payment *payment)
{
    int64_t balance = standing->balance.minor;
    int64_t awaiting = standing->awaiting.minor;
    int64_t price = payment->price.minor;

    if (order->user.value != payment->user.value ||
        order->price.minor != price)
        return LEDGER_VERDICT_CONTRADICTED;
    switch (order->status) {
    case LEDGER_ORDER_BOOKED:
        return agreed(LEDGER_VERDICT_REVERSED, balance + price, awaiting,
                      payment->balance);
    case LEDGER_ORDER_REFUSED:
        return agreed(LEDGER_VERDICT_RETURNED, balance, awaiting - price,
                      payment->balance);
    case LEDGER_ORDER_REVERSED:
    case LEDGER_ORDER_RETURNED:
        return LEDGER_VERDICT_NOTHING; /* it was told before */
    case LEDGER_ORDER_UNBOOKED: /* what was not taken can't be given back */
    case LEDGER_ORDER_NONE:
    case LEDGER_ORDER_STATUS_COUNT:
        break;
    }
    return LEDGER_VERDICT_CONTRADICTED;
}

enum ledger_verdict
ledger_post_payment(const struct ledger_order *order,
                    const struct ledger_standing *standing,
                    const struct ledger_payment *payment, struct money limit)
{
    if (order->status == LEDGER_ORDER_NONE)
        return post_first(standing, payment, limit);
    if (payment->status == PAYMENT_REFUNDED)
        return post_refund(order, standing, payment);
    return LEDGER_VERDICT_NOTHING;
}

enum ledger_verdict
ledger_post_change(enum account_change change, struct money amount,
                   const struct ledger_standing *standing, struct money told)
{
    switch (change) {
    case ACCOUNT_CHANGE_OPENED:
        if (amount.minor == 0)
            return unchanged(LEDGER_VERDICT_NOTHING, standing, told);
        /* fall through */
    case ACCOUNT_CHANGE_CREDITED:
        if (amount.minor <= 0)
            return LEDGER_VERDICT_CONTRADICTED;
        return agreed(LEDGER_VERDICT_BOOKED,
                      standing->balance.minor + amount.minor,
                      standing->awaiting.minor, told);
    case ACCOUNT_CHANGE_FROZEN:
    case ACCOUNT_CHANGE_THAWED:
    case ACCOUNT_CHANGE_REFUSED:
        return unchanged(LEDGER_VERDICT_NOTHING, standing, told);
    case ACCOUNT_CHANGE_UNSET:
    case ACCOUNT_CHANGE_COUNT:
        break;
    }
    return LEDGER_VERDICT_CONTRADICTED;
}
