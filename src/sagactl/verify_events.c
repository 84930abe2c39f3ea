#include <inttypes.h>
#include <string.h>

#include "saga/participant_park.h"
#include "sagactl/verify.h"

static bool
read_by(const struct verify_origin *origin, enum process process)
{
    return (origin->read_by & BY(process)) != 0;
}

/* Sets the fact; one that may be told once only must not be set before. */
static void
set_once(struct verify *verify, struct order_facts *order,
         enum order_fact fact, enum verify_check check, const char *what)
{
    if (order->facts & FACT(fact))
        verify_differs(verify->report, check,
                       "order %" PRIu64 ": %s was told twice", order->id,
                       what);
    order->facts |= FACT(fact);
}

/* ---- topic orders ---- */

static void
take_content(struct order_facts *order, const struct event *event)
{
    order->user = event->user.value;
    order->price = event->price.minor;
    order->quantity = (uint16_t)event->quantity;
    order->facts |= FACT(FACT_PURCHASE);
}

static enum rc
on_purchase(struct verify *verify, const struct verify_origin *origin,
            const struct event *event)
{
    struct order_facts *order;
    enum rc rc = verify_order(verify, event->order.value, &order);

    if (rc != RC_OK)
        return rc;
    if ((order->facts & FACT(FACT_PURCHASE)) == 0)
        take_content(order, event);
    else if (order->user != event->user.value ||
             order->price != event->price.minor)
        order->facts |= FACT(FACT_CONFLICT);
    if (origin->own)
        set_once(verify, order, FACT_PURCHASE_OWN, CHECK_GATEWAY_ORDERS,
                 "its OrderPurchase");
    if (read_by(origin, PROCESS_PAYMENT))
        order->facts |= FACT(FACT_PURCHASE_READ);
    return RC_OK;
}

static enum rc
on_cancel(struct verify *verify, const struct verify_origin *origin,
          const struct event *event)
{
    struct order_facts *order;
    enum rc rc = verify_order(verify, event->order.value, &order);

    if (rc != RC_OK)
        return rc;
    if (origin->own)
        set_once(verify, order, FACT_CANCEL_OWN, CHECK_GATEWAY_ORDERS,
                 "its OrderCancel");
    if (read_by(origin, PROCESS_PAYMENT))
        order->facts |= FACT(FACT_CANCEL_READ);
    return RC_OK;
}

static enum rc
on_account_opened(struct verify *verify, const struct verify_origin *origin,
                  const struct event *event)
{
    struct user_facts *user;
    enum rc rc;

    if (!read_by(origin, PROCESS_PAYMENT))
        return RC_OK;
    rc = verify_user(verify, event->user.value, &user);
    if (rc == RC_OK)
        user->facts |= FACT(USER_FACT_OPEN_READ);
    return rc;
}

/* ---- topic payments ---- */

/* What every event of payment's tells: the user's balance behind it. */
static void
take_balance(struct verify *verify, const struct verify_origin *origin,
             const struct event *event, struct user_facts *user, bool shown)
{
    int64_t balance = user_sums_balance(&user->told);

    if (read_by(origin, PROCESS_LEDGER)) {
        user->ledger_told = event->balance.minor;
        user->facts |= FACT(USER_FACT_LEDGER_TOLD);
    }
    if (shown && read_by(origin, PROCESS_GATEWAY)) {
        user->gateway_told = event->balance.minor;
        user->facts |= FACT(USER_FACT_GATEWAY_TOLD);
    }
    if (!origin->own || !verify_has(verify, NEEDS_PAYMENTS))
        return;
    verify_looked(verify->report, CHECK_PAYMENT_TOLD, 1);
    if (balance != event->balance.minor || balance < 0)
        verify_differs(verify->report, CHECK_PAYMENT_TOLD,
                       "user %" PRIu64 ": seq %" PRIu64 " tells the balance %"
                       PRId64 ", what was told before makes it %" PRId64,
                       user->id, event->id, event->balance.minor, balance);
}

/* Without its OrderPurchase, which may be gone, the first who tells of an
 * order tells its content. */
static void
take_unasked(struct order_facts *order, const struct event *event)
{
    if (order->user != 0)
        return;
    order->user = event->user.value;
    order->price = event->price.minor;
}

static void
take_verdict(struct verify *verify, const struct verify_origin *origin,
             const struct event *event, struct order_facts *order,
             enum order_fact own, enum order_fact read)
{
    if (origin->own)
        set_once(verify, order, own, CHECK_PAYMENT_ORDERS,
                 payment_status_name(event->payment_status));
    if (read_by(origin, PROCESS_LEDGER))
        order->facts |= FACT(read);
    take_unasked(order, event);
    verify_content(verify, CHECK_PAYMENT_ORDERS, order, event->user.value,
                   event->price.minor, "a Payment");
}

static void
decline(struct verify *verify, const struct verify_origin *origin,
        const struct event *event, struct order_facts *order,
        const struct user_facts *user)
{
    /* The id belongs to another purchase; this one has no row. */
    if (event->reason == REFUSAL_DUPLICATE) {
        if (origin->own && verify_has(verify, NEEDS_ORDERS) &&
            (order->facts & FACT(FACT_CONFLICT)) == 0)
            verify_differs(verify->report, CHECK_PAYMENT_ORDERS,
                           "order %" PRIu64 ": declined as a conflict, but "
                           "there is one OrderPurchase", order->id);
        return;
    }
    take_verdict(verify, origin, event, order, FACT_DECLINED,
                 FACT_DECLINED_READ);
    if (origin->own && event->reason == REFUSAL_CREDIT &&
        verify_has(verify, NEEDS_PAYMENTS) &&
        event->price.minor <= user_sums_balance(&user->told))
        verify_differs(verify->report, CHECK_PAYMENT_ORDERS,
                       "order %" PRIu64 ": declined, though its user had "
                       "credit", order->id);
}

static enum rc
on_payment(struct verify *verify, const struct verify_origin *origin,
           const struct event *event)
{
    struct order_facts *order;
    struct user_facts *user;
    enum rc rc = verify_order(verify, event->order.value, &order);

    if (rc == RC_OK)
        rc = verify_user(verify, event->user.value, &user);
    if (rc != RC_OK)
        return rc;
    switch (event->payment_status) {
    case PAYMENT_APPROVED:
        take_verdict(verify, origin, event, order, FACT_APPROVED,
                     FACT_APPROVED_READ);
        if (origin->own)
            user_sum_add(&user->told.paid, event->price.minor);
        break;
    case PAYMENT_REFUNDED:
        take_verdict(verify, origin, event, order, FACT_REFUNDED,
                     FACT_REFUNDED_READ);
        if (origin->own)
            user_sum_add(&user->told.refunded, event->price.minor);
        break;
    case PAYMENT_DECLINED:
        decline(verify, origin, event, order, user);
        break;
    case PAYMENT_UNSET:
    case PAYMENT_STATUS_COUNT:
        break;
    }
    take_balance(verify, origin, event, user,
                 event->payment_status != PAYMENT_DECLINED);
    return RC_OK;
}

static void
fold_change(struct verify *verify, const struct event *event,
            struct user_facts *user)
{
    switch (event->change) {
    case ACCOUNT_CHANGE_OPENED:
        if (user->facts & FACT(USER_FACT_OPENED))
            verify_differs(verify->report, CHECK_PAYMENT_SUMS,
                           "user %" PRIu64 ": was opened twice", user->id);
        user->facts |= FACT(USER_FACT_OPENED);
        user_sum_add(&user->told.opened, event->amount.minor);
        break;
    case ACCOUNT_CHANGE_CREDITED:
        user_sum_add(&user->told.credited, event->amount.minor);
        break;
    case ACCOUNT_CHANGE_FROZEN:
        user->facts |= FACT(USER_FACT_FROZEN_TOLD);
        break;
    case ACCOUNT_CHANGE_THAWED:
        user->facts &= ~FACT(USER_FACT_FROZEN_TOLD);
        break;
    case ACCOUNT_CHANGE_REFUSED:
        user->facts |= FACT(USER_FACT_REFUSED);
        break;
    case ACCOUNT_CHANGE_UNSET:
    case ACCOUNT_CHANGE_COUNT:
        break;
    }
}

static enum rc
on_account_changed(struct verify *verify, const struct verify_origin *origin,
                   const struct event *event)
{
    struct user_facts *user;
    enum rc rc = verify_user(verify, event->user.value, &user);

    if (rc != RC_OK)
        return rc;
    if (origin->own)
        fold_change(verify, event, user);
    take_balance(verify, origin, event, user,
                 event->change != ACCOUNT_CHANGE_REFUSED);
    return RC_OK;
}

/* ---- topic transactions ---- */

static enum rc
on_transaction(struct verify *verify, const struct verify_origin *origin,
               const struct event *event)
{
    static const struct {
        enum order_fact own;
        enum order_fact read;
    } facts[TRANSACTION_STATUS_COUNT] = {
        [TRANSACTION_SUCCESSFUL] = { FACT_SUCCESSFUL, FACT_SUCCESSFUL_READ },
        [TRANSACTION_UNSUCCESSFUL] = { FACT_UNSUCCESSFUL,
                                       FACT_UNSUCCESSFUL_READ },
        [TRANSACTION_REVERSED] = { FACT_REVERSED, FACT_REVERSED_READ },
    };
    enum transaction_status status = event->transaction_status;
    struct order_facts *order;
    enum rc rc = verify_order(verify, event->order.value, &order);

    if (rc != RC_OK || status == TRANSACTION_UNSET)
        return rc;
    take_unasked(order, event);
    if (origin->own)
        set_once(verify, order, facts[status].own, CHECK_LEDGER_ORDERS,
                 transaction_status_name(status));
    if (read_by(origin, PROCESS_GATEWAY)) {
        order->facts |= FACT(facts[status].read);
        if (status == TRANSACTION_UNSUCCESSFUL)
            order->told_reason = (uint8_t)event->reason;
    }
    if (read_by(origin, PROCESS_PAYMENT) &&
        status == TRANSACTION_UNSUCCESSFUL)
        order->facts |= FACT(FACT_REFUSAL_READ);
    if (event->transaction.value != 0) {
        if (order->transaction == 0)
            order->transaction = event->transaction.value;
        if (order->transaction != event->transaction.value)
            verify_differs(verify->report, CHECK_LEDGER_ORDERS,
                           "order %" PRIu64 ": two transactions, %" PRIu64
                           " and %" PRIu64, order->id, order->transaction,
                           event->transaction.value);
    }
    verify_content(verify, CHECK_LEDGER_ORDERS, order, event->user.value,
                   event->price.minor, "a Transaction");
    return RC_OK;
}

/* ---- topic dead-letters ---- */

/*
 * What was dropped has no effect for ever, and no row tells of it any more.
 * What the gateway handles late may bring back an older balance of the user.
 */
static enum rc
on_dead_letter(struct verify *verify, const struct event *event)
{
    enum process process = process_find(event->participant);
    const struct verify_span span = { topic_find(event->topic_name),
                                      (uint32_t)event->partition,
                                      event->offset, 1 };

    if (strcmp(event->cause, PARK_CAUSE_DROPPED) == 0)
        return verify_excuse(verify, process, &span, event->order.value,
                             event->user.value);
    if (process == PROCESS_GATEWAY)
        return verify_excuse(verify, process, &span, 0, event->user.value);
    return RC_OK;
}

/* ---- all ---- */

enum rc
verify_event(struct verify *verify, const struct verify_origin *origin,
             const struct event *event)
{
    if (event_types[event->type].topic != origin->topic) {
        verify_differs(verify->report, CHECK_LOG_EVENTS,
                       "%s/%u: an event of the type %s, at offset %" PRIu64,
                       topic_routes[origin->topic].name, origin->partition,
                       event_types[event->type].name, origin->offset);
        return RC_OK;
    }
    switch (event->type) {
    case EVENT_ORDER_PURCHASE:
        return on_purchase(verify, origin, event);
    case EVENT_ORDER_CANCEL:
        return on_cancel(verify, origin, event);
    case EVENT_ACCOUNT_OPENED:
        return on_account_opened(verify, origin, event);
    case EVENT_PAYMENT:
        return on_payment(verify, origin, event);
    case EVENT_ACCOUNT_CHANGED:
        return on_account_changed(verify, origin, event);
    case EVENT_TRANSACTION:
        return on_transaction(verify, origin, event);
    case EVENT_DEAD_LETTER:
        return on_dead_letter(verify, event);
    case EVENT_ACCOUNT_CREDITED:
    case EVENT_ACCOUNT_FROZEN:
    case EVENT_ACCOUNT_THAWED:
    case EVENT_FOREIGN:
    case EVENT_NONE:
    case EVENT_TYPE_COUNT:
        break;
    }
    return RC_OK;
}
