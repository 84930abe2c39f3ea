#include "payment/payment_decide.h"

#include <string.h>

static bool
same_content(const struct payment_order *order,
             const struct payment_purchase *purchase)
{
    return order->user.value == purchase->user.value &&
           order->price.minor == purchase->price.minor &&
           memcmp(order->currency, purchase->currency,
                  sizeof order->currency) == 0;
}

enum payment_verdict
payment_decide_purchase(struct account *account, struct payment_order *order,
                        const struct payment_purchase *purchase)
{
    enum refusal standing = REFUSAL_NONE;

    if (order->status == PAYMENT_ORDER_CANCELLED)
        standing = order->reason;
    else if (order->status != PAYMENT_ORDER_UNKNOWN)
        return same_content(order, purchase) ? PAYMENT_VERDICT_NOTHING
                                             : PAYMENT_VERDICT_CONFLICT;

    order->user = purchase->user;
    order->price = purchase->price;
    memcpy(order->currency, purchase->currency, sizeof order->currency);
    order->reason = account_pay(account, purchase->price, purchase->currency,
                                standing);
    if (order->reason != REFUSAL_NONE) {
        order->status = PAYMENT_ORDER_DECLINED;
        return PAYMENT_VERDICT_DECLINED;
    }
    order->status = PAYMENT_ORDER_APPROVED;
    return PAYMENT_VERDICT_APPROVED;
}

static enum payment_verdict
refund(struct account *account, struct payment_order *order,
       enum refusal reason)
{
    account_refund(account, order->price);
    order->status = PAYMENT_ORDER_REFUNDED;
    order->reason = reason;
    return PAYMENT_VERDICT_REFUNDED;
}

enum payment_verdict
payment_decide_cancel(struct account *account, struct payment_order *order,
                      struct user_id user, enum refusal reason)
{
    if (reason != REFUSAL_TIMEOUT)
        reason = REFUSAL_CANCELLED;
    switch (order->status) {
    case PAYMENT_ORDER_UNKNOWN:
        order->status = PAYMENT_ORDER_CANCELLED;
        order->user = user;
        order->reason = reason;
        return PAYMENT_VERDICT_REMEMBERED;
    case PAYMENT_ORDER_APPROVED:
        if (order->user.value != user.value)
            return PAYMENT_VERDICT_NOTHING;
        return refund(account, order, reason);
    case PAYMENT_ORDER_DECLINED:
    case PAYMENT_ORDER_REFUNDED:
    case PAYMENT_ORDER_CANCELLED:
    case PAYMENT_ORDER_STATUS_COUNT:
        break;
    }
    return PAYMENT_VERDICT_NOTHING;
}

enum payment_verdict
payment_decide_transaction(struct account *account,
                           struct payment_order *order,
                           const struct payment_transaction *transaction)
{
    if (transaction->status != TRANSACTION_UNSUCCESSFUL)
        return PAYMENT_VERDICT_NOTHING;
    if (order->status == PAYMENT_ORDER_UNKNOWN ||
        order->status == PAYMENT_ORDER_CANCELLED ||
        order->user.value != transaction->user.value ||
        order->price.minor != transaction->price.minor)
        return PAYMENT_VERDICT_CONTRADICTED;
    if (order->status != PAYMENT_ORDER_APPROVED)
        return PAYMENT_VERDICT_NOTHING;
    return refund(account, order, transaction->reason);
}

bool
payment_decide_credit(struct account *account, struct payment_credit *credit,
                      struct user_id user, struct money amount,
                      enum refusal *reason_out)
{
    if (credit->exists) {
        bool same = credit->user.value == user.value &&
                    credit->amount.minor == amount.minor;
        *reason_out = same ? REFUSAL_NONE : REFUSAL_DUPLICATE;
        return false;
    }
    credit->exists = true;
    credit->user = user;
    credit->amount = amount;
    credit->reason = account_credit(account, amount);
    *reason_out = credit->reason;
    return true;
}
