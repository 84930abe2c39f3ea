#include "payment/payment.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "payment/payment_store.h"
#include "saga/log.h"

struct payment {
    const struct config *config;
    struct payment_store *tables;
};

/* What an effect inherits from its cause. */
static void
effect_init(struct event *effect, enum event_type type,
            const struct event *cause)
{
    event_init(effect, type);
    effect->user = cause->user;
    memcpy(effect->traceparent, cause->traceparent,
           sizeof effect->traceparent);
}

static void
log_decision(struct turn *turn, const struct event *payment,
             const struct event *cause)
{
    struct order_log *log = turn_log(turn);

    if (!order_log_begin(log, payment->payment_status == PAYMENT_APPROVED
                                  ? ORDER_LOG_USUAL : ORDER_LOG_UNUSUAL,
                         "payment_decided", payment->order, turn_now_us(turn)))
        return;
    order_log_number(log, "user", payment->user.value);
    order_log_text(log, "status",
                   payment_status_name(payment->payment_status));
    if (payment->reason != REFUSAL_NONE)
        order_log_text(log, "reason", refusal_name(payment->reason));
    order_log_money(log, "price", payment->price);
    order_log_money(log, "balance", payment->balance);
    order_log_ms(log, cause->time_us, turn_now_us(turn));
    order_log_trace(log, payment->traceparent);
    order_log_end(log);
}

static enum rc
emit_payment(struct turn *turn, const struct event *cause,
             enum payment_status status, enum refusal reason,
             struct money price, struct money balance)
{
    struct event effect;

    effect_init(&effect, EVENT_PAYMENT, cause);
    effect.order = cause->order;
    effect.payment_status = status;
    effect.price = price;
    effect.balance = balance;
    if (reason != REFUSAL_NONE)
        event_set_reason(&effect, reason);
    log_decision(turn, &effect, cause);
    return turn_emit(turn, &effect);
}

/* Puts the account where the verdict changed it, and says what is to say. */
static enum rc
settle(struct payment *payment, struct turn *turn, const struct event *cause,
       enum payment_verdict verdict, const struct account *account,
       const struct payment_order *order)
{
    enum rc rc = RC_OK;

    switch (verdict) {
    case PAYMENT_VERDICT_APPROVED:
        rc = payment_store_put_account(payment->tables, account);
        if (rc != RC_OK)
            return rc;
        return emit_payment(turn, cause, PAYMENT_APPROVED, REFUSAL_NONE,
                            order->price, account->balance);
    case PAYMENT_VERDICT_DECLINED:
        return emit_payment(turn, cause, PAYMENT_DECLINED, order->reason,
                            order->price, account->balance);
    case PAYMENT_VERDICT_CONFLICT:
        log_warning("purchase_conflict", "order=%" PRIu64 " user=%" PRIu64,
                    cause->order.value, cause->user.value);
        return emit_payment(turn, cause, PAYMENT_DECLINED, REFUSAL_DUPLICATE,
                            cause->price, account->balance);
    case PAYMENT_VERDICT_REFUNDED:
        rc = payment_store_put_account(payment->tables, account);
        if (rc != RC_OK)
            return rc;
        return emit_payment(turn, cause, PAYMENT_REFUNDED, order->reason,
                            order->price, account->balance);
    case PAYMENT_VERDICT_NOTHING:
    case PAYMENT_VERDICT_REMEMBERED:
    case PAYMENT_VERDICT_CONTRADICTED:
    case PAYMENT_VERDICT_COUNT:
        break;
    }
    return RC_OK;
}

/* The account of the event's user and what is known of its order. */
static enum rc
recall(struct payment *payment, const struct event *event,
       struct account *account_out, struct payment_order *order_out)
{
    enum rc rc;

    rc = payment_store_get_order(payment->tables, event->order, order_out);
    if (rc != RC_OK)
        return rc;
    return payment_store_get_account(payment->tables, event->user,
                                     account_out);
}

/* Keeps what the verdict made of a known order, then settles. */
static enum rc
conclude(struct payment *payment, struct turn *turn, const struct event *cause,
         enum payment_verdict verdict, const struct account *account,
         const struct payment_order *order)
{
    enum rc rc;

    if (verdict != PAYMENT_VERDICT_NOTHING &&
        verdict != PAYMENT_VERDICT_CONFLICT) {
        rc = payment_store_put_order(payment->tables, cause->order, order);
        if (rc != RC_OK)
            return rc;
    }
    return settle(payment, turn, cause, verdict, account, order);
}

static enum rc
on_purchase_of_known(struct payment *payment, struct turn *turn,
                     const struct event *event,
                     const struct payment_purchase *purchase)
{
    struct account account;
    struct payment_order order;
    enum payment_verdict verdict;
    enum rc rc = recall(payment, event, &account, &order);

    if (rc != RC_OK)
        return rc;
    verdict = payment_decide_purchase(&account, &order, purchase);
    return conclude(payment, turn, event, verdict, &account, &order);
}

/* Nearly every purchase is of a new order: so decide as if it were, and let
 * the put, which walks the tree once, tell if it was not. */
static enum rc
on_order_purchase(struct payment *payment, struct turn *turn,
                  const struct event *event)
{
    struct payment_purchase purchase = { .user = event->user,
                                         .price = event->price };
    struct payment_order order = { .status = PAYMENT_ORDER_UNKNOWN };
    struct account account;
    enum payment_verdict verdict;
    enum rc rc;

    memcpy(purchase.currency, event->currency, sizeof purchase.currency);
    rc = payment_store_get_account(payment->tables, event->user, &account);
    if (rc != RC_OK)
        return rc;
    verdict = payment_decide_purchase(&account, &order, &purchase);
    rc = payment_store_put_new_order(payment->tables, event->order, &order);
    if (rc == RC_EXISTS)
        return on_purchase_of_known(payment, turn, event, &purchase);
    if (rc != RC_OK)
        return rc;
    return settle(payment, turn, event, verdict, &account, &order);
}

static enum rc
on_order_cancel(struct payment *payment, struct turn *turn,
                const struct event *event)
{
    struct account account;
    struct payment_order order;
    enum payment_verdict verdict;
    enum rc rc = recall(payment, event, &account, &order);

    if (rc != RC_OK)
        return rc;
    verdict = payment_decide_cancel(&account, &order, event->user,
                                    event->reason);
    return conclude(payment, turn, event, verdict, &account, &order);
}

static enum rc
contradicted(const struct event *event, const struct payment_order *order)
{
    log_error("answer_contradicted",
              "order=%" PRIu64 " user=%" PRIu64 " status=%s price=%" PRId64
              " order_status=%d order_user=%" PRIu64 " order_price=%" PRId64
              " source=%s seq=%" PRIu64,
              event->order.value, event->user.value,
              transaction_status_name(event->transaction_status),
              event->price.minor, (int)order->status, order->user.value,
              order->price.minor, log_quote(event->source), event->id);
    return RC_REFUSED;
}

static enum rc
on_transaction(struct payment *payment, struct turn *turn,
               const struct event *event)
{
    const struct payment_transaction transaction = {
        .status = event->transaction_status,
        .reason = event->reason,
        .user = event->user,
        .price = event->price,
    };
    struct account account;
    struct payment_order order;
    enum payment_verdict verdict;
    enum rc rc;

    if (event->transaction_status != TRANSACTION_UNSUCCESSFUL)
        return RC_OK; /* as the rules say; spares the look at the order */
    rc = recall(payment, event, &account, &order);
    if (rc != RC_OK)
        return rc;
    verdict = payment_decide_transaction(&account, &order, &transaction);
    if (verdict == PAYMENT_VERDICT_CONTRADICTED)
        return contradicted(event, &order);
    return conclude(payment, turn, event, verdict, &account, &order);
}

static void
log_account(struct turn *turn, const struct event *effect)
{
    struct order_log *log = turn_log(turn);

    if (!order_log_begin(log, effect->change == ACCOUNT_CHANGE_REFUSED
                                  ? ORDER_LOG_UNUSUAL : ORDER_LOG_USUAL,
                         "account_changed", effect->order, turn_now_us(turn)))
        return;
    order_log_number(log, "user", effect->user.value);
    order_log_number(log, "credit", effect->credit.value);
    order_log_text(log, "change", account_change_name(effect->change));
    if (effect->reason != REFUSAL_NONE)
        order_log_text(log, "reason", refusal_name(effect->reason));
    order_log_money(log, "amount", effect->amount);
    order_log_money(log, "balance", effect->balance);
    order_log_trace(log, effect->traceparent);
    order_log_end(log);
}

/* Says what became of an account command, and keeps the account if it was
 * done.  The amount is the command's, 0 where it has none. */
static enum rc
account_answer(struct payment *payment, struct turn *turn,
               const struct event *cause, const struct account *account,
               enum account_change change, enum refusal reason)
{
    struct event effect;
    enum rc rc = RC_OK;

    effect_init(&effect, EVENT_ACCOUNT_CHANGED, cause);
    effect.change = reason == REFUSAL_NONE ? change : ACCOUNT_CHANGE_REFUSED;
    effect.amount = cause->amount;
    effect.balance = account->balance;
    if (cause->type == EVENT_ACCOUNT_CREDITED) {
        effect.credit = cause->credit;
        effect.present |= EVENT_HAS(FIELD_CREDIT_ID);
    }
    if (reason != REFUSAL_NONE)
        event_set_reason(&effect, reason);
    else
        rc = payment_store_put_account(payment->tables, account);
    if (rc != RC_OK)
        return rc;
    log_account(turn, &effect);
    return turn_emit(turn, &effect);
}

static enum rc
on_account_opened(struct payment *payment, struct turn *turn,
                  const struct event *event)
{
    struct account account;
    enum refusal reason;
    enum rc rc;

    rc = payment_store_get_account(payment->tables, event->user, &account);
    if (rc != RC_OK)
        return rc;
    reason = account_open(&account, event->user, event->amount,
                          payment->config->currency);
    return account_answer(payment, turn, event, &account,
                          ACCOUNT_CHANGE_OPENED, reason);
}

static enum rc
on_account_credited(struct payment *payment, struct turn *turn,
                    const struct event *event)
{
    struct account account;
    struct payment_credit credit;
    enum refusal reason;
    enum rc rc;

    rc = payment_store_get_credit(payment->tables, event->credit, &credit);
    if (rc == RC_OK)
        rc = payment_store_get_account(payment->tables, event->user, &account);
    if (rc != RC_OK)
        return rc;
    if (payment_decide_credit(&account, &credit, event->user, event->amount,
                              &reason))
        rc = payment_store_put_credit(payment->tables, event->credit, &credit);
    else if (reason == REFUSAL_NONE)
        return RC_OK; /* the same credit again */
    if (rc != RC_OK)
        return rc;
    return account_answer(payment, turn, event, &account,
                          ACCOUNT_CHANGE_CREDITED, reason);
}

static enum rc
on_account_frozen(struct payment *payment, struct turn *turn,
                  const struct event *event)
{
    struct account account;
    enum rc rc;

    rc = payment_store_get_account(payment->tables, event->user, &account);
    if (rc != RC_OK)
        return rc;
    return account_answer(payment, turn, event, &account,
                          ACCOUNT_CHANGE_FROZEN, account_freeze(&account));
}

static enum rc
on_account_thawed(struct payment *payment, struct turn *turn,
                  const struct event *event)
{
    struct account account;
    enum rc rc;

    rc = payment_store_get_account(payment->tables, event->user, &account);
    if (rc != RC_OK)
        return rc;
    return account_answer(payment, turn, event, &account,
                          ACCOUNT_CHANGE_THAWED, account_thaw(&account));
}

typedef enum rc handler_fn(struct payment *payment, struct turn *turn,
                           const struct event *event);

/* Events that are not here have no place in our topics. */
static handler_fn *const handlers[EVENT_TYPE_COUNT] = {
    [EVENT_ORDER_PURCHASE] = on_order_purchase,
    [EVENT_ORDER_CANCEL] = on_order_cancel,
    [EVENT_ACCOUNT_OPENED] = on_account_opened,
    [EVENT_ACCOUNT_CREDITED] = on_account_credited,
    [EVENT_ACCOUNT_FROZEN] = on_account_frozen,
    [EVENT_ACCOUNT_THAWED] = on_account_thawed,
    [EVENT_TRANSACTION] = on_transaction,
};

static enum rc
on_open(void *context, struct store *store)
{
    struct payment *payment = context;

    return payment_store_open(&payment->tables, store);
}

static enum rc
on_event(void *context, struct turn *turn, const struct event *event)
{
    handler_fn *handler = handlers[event->type];

    if (handler != NULL)
        return handler(context, turn, event);
    log_error("event_misplaced", "type=%s source=%s seq=%" PRIu64,
              event_types[event->type].name, log_quote(event->source),
              event->id);
    return RC_REFUSED;
}

static enum rc
on_commit(void *context, struct turn *turn)
{
    struct payment *payment = context;

    (void)turn;
    return payment_store_write(payment->tables);
}

const struct participant_handlers payment_handlers = {
    .on_open = on_open,
    .on_event = on_event,
    .on_commit = on_commit,
    /* A transaction asks for something only if it failed or was reversed. */
    .lingers = LINGERS(TOPIC_TRANSACTIONS),
};

enum rc
payment_new(struct payment **payment_out, const struct config *config)
{
    struct payment *payment = calloc(1, sizeof *payment);

    if (payment == NULL)
        return RC_NO_MEMORY;
    payment->config = config;
    *payment_out = payment;
    return RC_OK;
}

void
payment_destroy(struct payment **payment_p)
{
    struct payment *payment = *payment_p;

    *payment_p = NULL;
    if (payment == NULL)
        return;
    payment_store_close(&payment->tables);
    free(payment);
}
