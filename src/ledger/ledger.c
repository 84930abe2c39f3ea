#include "ledger/ledger.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger_store.h"
#include "saga/log.h"

struct ledger {
    const struct config *config;
    struct ledger_store *tables;
};

static enum rc
contradicted(const struct event *event, const struct ledger_standing *standing,
             enum ledger_order_status status)
{
    const char *said = event->type == EVENT_PAYMENT
                           ? payment_status_name(event->payment_status)
                           : account_change_name(event->change);

    log_error("books_contradicted",
              "order=%" PRIu64 " user=%" PRIu64 " said=%s price=%" PRId64
              " amount=%" PRId64 " told=%" PRId64 " balance=%" PRId64
              " awaiting=%" PRId64 " order_status=%d source=%s seq=%" PRIu64,
              event->order.value, event->user.value, said, event->price.minor,
              event->amount.minor, event->balance.minor,
              standing->balance.minor, standing->awaiting.minor, (int)status,
              log_quote(event->source), event->id);
    return RC_REFUSED;
}

static void
log_entry(struct turn *turn, const struct event *transaction,
          const struct event *cause)
{
    struct order_log *log = turn_log(turn);
    enum transaction_status status = transaction->transaction_status;

    if (!order_log_begin(log, status == TRANSACTION_SUCCESSFUL
                                  ? ORDER_LOG_USUAL : ORDER_LOG_UNUSUAL,
                         "ledger_entry", transaction->order,
                         turn_now_us(turn)))
        return;
    order_log_number(log, "user", transaction->user.value);
    order_log_text(log, "status", transaction_status_name(status));
    if (transaction->reason != REFUSAL_NONE)
        order_log_text(log, "reason", refusal_name(transaction->reason));
    order_log_number(log, "transaction", transaction->transaction.value);
    order_log_money(log, "price", transaction->price);
    order_log_ms(log, cause->time_us, turn_now_us(turn));
    order_log_trace(log, transaction->traceparent);
    order_log_end(log);
}

static enum rc
emit_transaction(struct turn *turn, const struct event *cause,
                 enum transaction_status status, enum refusal reason,
                 struct transaction_id id)
{
    struct event effect;

    event_init(&effect, EVENT_TRANSACTION);
    effect.order = cause->order;
    effect.user = cause->user;
    effect.price = cause->price;
    effect.decided_us = cause->time_us;
    effect.transaction_status = status;
    memcpy(effect.traceparent, cause->traceparent,
           sizeof effect.traceparent);
    if (id.value != 0) {
        effect.transaction = id;
        effect.present |= EVENT_HAS(FIELD_TRANSACTION_ID);
    }
    if (reason != REFUSAL_NONE)
        event_set_reason(&effect, reason);
    log_entry(turn, &effect, cause);
    return turn_emit(turn, &effect);
}

/* An entry that moves one amount, numbered; ours balance by construction. */
static void
entry_make(const struct ledger *ledger, const struct event *cause,
           enum ledger_entry_kind kind, struct ledger_account debit,
           struct ledger_account credit, struct money amount,
           struct ledger_entry *entry_out)
{
    enum ledger_fault fault;

    fault = ledger_entry_build_transfer(entry_out, kind, debit, credit,
                                        amount);
    invariant(fault == LEDGER_FAULT_NONE);
    entry_out->order = cause->order;
    entry_out->time_us = cause->time_us;
    ledger_store_number(ledger->tables, entry_out);
}

/* RC_EXISTS, and nothing is done, if the order was answered before. */
static enum rc
book(struct ledger *ledger, struct turn *turn, const struct event *event)
{
    struct ledger_order order = { .status = LEDGER_ORDER_BOOKED,
                                  .user = event->user,
                                  .price = event->price };
    struct ledger_entry entry;
    enum rc rc;

    entry_make(ledger, event, LEDGER_ENTRY_PURCHASE,
               ledger_account_user(event->user), ledger_account_merchant(),
               event->price, &entry);
    order.transaction = entry.transaction;
    order.entry = entry.id;
    rc = ledger_store_put_new_order(ledger->tables, event->order, &order);
    if (rc != RC_OK)
        return rc;
    rc = ledger_store_append(ledger->tables, &entry);
    if (rc != RC_OK)
        return rc;
    return emit_transaction(turn, event, TRANSACTION_SUCCESSFUL, REFUSAL_NONE,
                            entry.transaction);
}

/* RC_EXISTS as above. */
static enum rc
leave_unbooked(struct ledger *ledger, struct turn *turn,
               const struct event *event)
{
    const struct ledger_order order = { .status = LEDGER_ORDER_UNBOOKED,
                                        .user = event->user,
                                        .price = event->price };
    enum rc rc;

    rc = ledger_store_put_new_order(ledger->tables, event->order, &order);
    if (rc != RC_OK)
        return rc;
    return emit_transaction(turn, event, TRANSACTION_UNSUCCESSFUL,
                            event->reason, order.transaction);
}

/* RC_EXISTS as above. */
static enum rc
refuse(struct ledger *ledger, struct turn *turn, const struct event *event)
{
    const struct ledger_order order = { .status = LEDGER_ORDER_REFUSED,
                                        .user = event->user,
                                        .price = event->price };
    enum rc rc;

    rc = ledger_store_put_new_order(ledger->tables, event->order, &order);
    if (rc == RC_OK)
        rc = ledger_store_add_awaiting(ledger->tables, event->user,
                                       event->price.minor);
    if (rc != RC_OK)
        return rc;
    return emit_transaction(turn, event, TRANSACTION_UNSUCCESSFUL,
                            REFUSAL_LIMIT, order.transaction);
}

/* The answer was given: there is nothing more to say. */
static enum rc
take_return(struct ledger *ledger, const struct event *event,
            struct ledger_order *order)
{
    enum rc rc;

    order->status = LEDGER_ORDER_RETURNED;
    rc = ledger_store_put_order(ledger->tables, event->order, order);
    if (rc != RC_OK)
        return rc;
    return ledger_store_add_awaiting(ledger->tables, event->user,
                                     -event->price.minor);
}

static enum rc
reverse(struct ledger *ledger, struct turn *turn, const struct event *event,
        struct ledger_order *order)
{
    struct ledger_entry entry;
    enum rc rc;

    entry_make(ledger, event, LEDGER_ENTRY_REVERSAL, ledger_account_merchant(),
               ledger_account_user(event->user), event->price, &entry);
    entry.transaction = order->transaction;
    order->status = LEDGER_ORDER_REVERSED;
    rc = ledger_store_put_order(ledger->tables, event->order, order);
    if (rc == RC_OK)
        rc = ledger_store_append(ledger->tables, &entry);
    if (rc != RC_OK)
        return rc;
    return emit_transaction(turn, event, TRANSACTION_REVERSED, event->reason,
                            entry.transaction);
}

static enum rc
conclude(struct ledger *ledger, struct turn *turn, const struct event *event,
         enum ledger_verdict verdict, const struct ledger_standing *standing,
         struct ledger_order *order)
{
    switch (verdict) {
    case LEDGER_VERDICT_NOTHING:
        return RC_OK;
    case LEDGER_VERDICT_BOOKED:
        return book(ledger, turn, event);
    case LEDGER_VERDICT_UNBOOKED:
        return leave_unbooked(ledger, turn, event);
    case LEDGER_VERDICT_REFUSED:
        return refuse(ledger, turn, event);
    case LEDGER_VERDICT_REVERSED:
        return reverse(ledger, turn, event, order);
    case LEDGER_VERDICT_RETURNED:
        return take_return(ledger, event, order);
    case LEDGER_VERDICT_CONTRADICTED:
    case LEDGER_VERDICT_COUNT:
        break;
    }
    return contradicted(event, standing, order->status);
}

/* Nearly every Payment is of a new order: so post as if it were, and let the
 * put, which walks the tree once, tell if it was not. */
static enum rc
on_payment(struct ledger *ledger, struct turn *turn, const struct event *event)
{
    const struct ledger_payment payment = { .status = event->payment_status,
                                            .reason = event->reason,
                                            .user = event->user,
                                            .price = event->price,
                                            .balance = event->balance };
    const struct money limit = ledger->config->transaction_limit;
    struct ledger_order order = { .status = LEDGER_ORDER_NONE };
    struct ledger_standing standing = { .balance = { 0 } };
    enum ledger_verdict verdict;
    enum rc rc;

    rc = ledger_store_get_standing(ledger->tables, event->user, &standing);
    if (rc != RC_OK)
        return rc;
    verdict = ledger_post_payment(&order, &standing, &payment, limit);
    if (verdict == LEDGER_VERDICT_BOOKED ||
        verdict == LEDGER_VERDICT_UNBOOKED ||
        verdict == LEDGER_VERDICT_REFUSED) {
        rc = conclude(ledger, turn, event, verdict, &standing, &order);
        if (rc != RC_EXISTS)
            return rc;
    }
    rc = ledger_store_get_order(ledger->tables, event->order, &order);
    if (rc != RC_OK)
        return rc;
    verdict = ledger_post_payment(&order, &standing, &payment, limit);
    return conclude(ledger, turn, event, verdict, &standing, &order);
}

static enum rc
on_account_changed(struct ledger *ledger, struct turn *turn,
                   const struct event *event)
{
    struct ledger_standing standing = { .balance = { 0 } };
    struct ledger_entry entry;
    enum ledger_verdict verdict;
    enum rc rc;

    (void)turn;
    rc = ledger_store_get_standing(ledger->tables, event->user, &standing);
    if (rc != RC_OK)
        return rc;
    verdict = ledger_post_change(event->change, event->amount, &standing,
                                 event->balance);
    if (verdict == LEDGER_VERDICT_NOTHING)
        return RC_OK;
    if (verdict != LEDGER_VERDICT_BOOKED)
        return contradicted(event, &standing, LEDGER_ORDER_NONE);
    entry_make(ledger, event,
               event->change == ACCOUNT_CHANGE_OPENED ? LEDGER_ENTRY_OPENING
                                                      : LEDGER_ENTRY_CREDIT,
               ledger_account_funding(), ledger_account_user(event->user),
               event->amount, &entry);
    return ledger_store_append(ledger->tables, &entry);
}

typedef enum rc handler_fn(struct ledger *ledger, struct turn *turn,
                           const struct event *event);

/* Events that are not here have no place in our topics. */
static handler_fn *const handlers[EVENT_TYPE_COUNT] = {
    [EVENT_PAYMENT] = on_payment,
    [EVENT_ACCOUNT_CHANGED] = on_account_changed,
};

static enum rc
on_open(void *context, struct store *store)
{
    struct ledger *ledger = context;

    return ledger_store_open(&ledger->tables, store);
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
    struct ledger *ledger = context;

    (void)turn;
    return ledger_store_write(ledger->tables);
}

const struct participant_handlers ledger_handlers = {
    .on_open = on_open,
    .on_event = on_event,
    .parks_users = true, /* each balance that is told builds on the last */
    .on_commit = on_commit,
};

enum rc
ledger_new(struct ledger **ledger_out, const struct config *config)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);

    if (ledger == NULL)
        return RC_NO_MEMORY;
    ledger->config = config;
    *ledger_out = ledger;
    return RC_OK;
}

void
ledger_destroy(struct ledger **ledger_p)
{
    struct ledger *ledger = *ledger_p;

    *ledger_p = NULL;
    if (ledger == NULL)
        return;
    ledger_store_close(&ledger->tables);
    free(ledger);
}
