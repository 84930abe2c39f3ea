#include "ledger/ledger_post.h"

/* The verdict, if the user's balance after it is what payment told. */
static enum ledger_verdict
agreed(enum ledger_verdict verdict, int64_t after_minor, struct money told)
{
    return after_minor >= 0 && after_minor == told.minor
               ? verdict
               : LEDGER_VERDICT_DAMAGED;
}

static enum ledger_verdict
post_first(struct money balance, const struct ledger_payment *payment)
{
    switch (payment->status) {
    case PAYMENT_APPROVED:
        if (payment->price.minor <= 0)
            return LEDGER_VERDICT_DAMAGED;
        return agreed(LEDGER_VERDICT_BOOKED,
                      balance.minor - payment->price.minor, payment->balance);
    case PAYMENT_DECLINED:
        /* Its id belongs to another purchase, which gets its own answer. */
        if (payment->reason == REFUSAL_DUPLICATE)
            return agreed(LEDGER_VERDICT_NOTHING, balance.minor,
                          payment->balance);
        return agreed(LEDGER_VERDICT_UNBOOKED, balance.minor,
                      payment->balance);
    case PAYMENT_REFUNDED: /* of what? */
    case PAYMENT_UNSET:
    case PAYMENT_STATUS_COUNT:
        break;
    }
    return LEDGER_VERDICT_DAMAGED;
}

static enum ledger_verdict
post_refund(const struct ledger_order *order, struct money balance,
            const struct ledger_payment *payment)
{
    if (order->status == LEDGER_ORDER_REVERSED)
        return LEDGER_VERDICT_NOTHING;
    if (order->status == LEDGER_ORDER_UNBOOKED)
        return agreed(LEDGER_VERDICT_NOTHING, balance.minor,
                      payment->balance);
    if (order->user.value != payment->user.value ||
        order->price.minor != payment->price.minor)
        return LEDGER_VERDICT_DAMAGED;
    return agreed(LEDGER_VERDICT_REVERSED,
                  balance.minor + payment->price.minor, payment->balance);
}

enum ledger_verdict
ledger_post_payment(const struct ledger_order *order, struct money balance,
                    const struct ledger_payment *payment)
{
    if (order->status == LEDGER_ORDER_NONE)
        return post_first(balance, payment);
    if (payment->status == PAYMENT_REFUNDED)
        return post_refund(order, balance, payment);
    return LEDGER_VERDICT_NOTHING;
}

enum ledger_verdict
ledger_post_change(enum account_change change, struct money amount,
                   struct money balance, struct money told)
{
    switch (change) {
    case ACCOUNT_CHANGE_OPENED:
        if (amount.minor == 0)
            return agreed(LEDGER_VERDICT_NOTHING, balance.minor, told);
        /* fall through */
    case ACCOUNT_CHANGE_CREDITED:
        if (amount.minor <= 0)
            return LEDGER_VERDICT_DAMAGED;
        return agreed(LEDGER_VERDICT_BOOKED, balance.minor + amount.minor,
                      told);
    case ACCOUNT_CHANGE_FROZEN:
    case ACCOUNT_CHANGE_THAWED:
    case ACCOUNT_CHANGE_REFUSED:
        return agreed(LEDGER_VERDICT_NOTHING, balance.minor, told);
    case ACCOUNT_CHANGE_UNSET:
    case ACCOUNT_CHANGE_COUNT:
        break;
    }
    return LEDGER_VERDICT_DAMAGED;
}
