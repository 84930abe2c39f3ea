#include <inttypes.h>

#include "gateway/gateway_fold.h"
#include "gateway/gateway_state.h"
#include "saga/log.h"

/* Nothing was put or emitted for it: the loop parks it. */
static enum rc
event_refused(const struct event *event, const char *what)
{
    log_error("event_refused",
              "order=%" PRIu64 " user=%" PRIu64
              " type=%s source=%s seq=%" PRIu64 " what=%s",
              event->order.value, event->user.value,
              event_types[event->type].name, log_quote(event->source),
              event->id, what);
    return RC_REFUSED;
}

static enum rc
on_user_event(struct gateway_store *store, struct turn *turn,
              const struct event *event,
              bool (*fold)(struct user_row *row, const struct event *event,
                           int64_t now_us))
{
    struct user_row row;
    enum user_state was;
    enum rc rc;

    rc = gateway_user_get(store, event->user, &row);
    if (rc != RC_OK)
        return rc;
    was = row.state;
    if (!fold(&row, event, turn_now_us(turn)))
        return RC_OK;
    if (row.state == USER_ABSENT)
        log_warning("user_refused", "user=%" PRIu64 " reason=%s",
                    event->user.value, refusal_name(event->reason));
    return gateway_user_put(store, &row, was);
}

/* With several gateways each hears of the orders of all. */
static bool
order_is_ours(const struct gateway_store *store, struct order_id order)
{
    const struct config *config = store->config;

    return order.value % config->order_id_stride ==
           config->order_id_offset % config->order_id_stride;
}

static enum rc
transaction_put(struct gateway_store *store,
                const struct transaction_row *row)
{
    uint8_t key[ID_KEY_BYTES], value[TRANSACTION_ROW_BYTES];

    gateway_changes_transaction(store, row);
    id_key_encode(row->transaction.value, key);
    transaction_row_encode(row, value);
    return store_put(store->tables.transactions, key, sizeof key, value,
                     sizeof value);
}

/* RC_REFUSED, and nothing put, if there is one of that id. */
static enum rc
transaction_put_new(struct gateway_store *store, const struct event *event)
{
    const struct transaction_row row = {
        .transaction = event->transaction,
        .order = event->order,
        .user = event->user,
        .amount = event->price,
        .status = event->transaction_status,
        .written_us = event->time_us,
    };
    uint8_t key[ID_KEY_BYTES], value[TRANSACTION_ROW_BYTES];
    enum rc rc;

    id_key_encode(row.transaction.value, key);
    transaction_row_encode(&row, value);
    rc = store_put_new(store->tables.transactions, key, sizeof key, value,
                       sizeof value);
    if (rc == RC_EXISTS)
        return event_refused(event, "transaction_twice");
    gateway_changes_transaction(store, &row);
    store->counters.transactions++;
    store->counters_changed = true;
    return rc;
}

static enum rc
transaction_reverse(struct gateway_store *store, const struct event *event)
{
    struct transaction_row row;
    enum rc rc;

    rc = gateway_query_transaction(&store->tables, event->transaction, &row);
    if (rc == RC_NOT_FOUND)
        return event_refused(event, "transaction_unknown");
    if (rc != RC_OK)
        return rc;
    if (row.order.value != event->order.value)
        return event_refused(event, "transaction_of_another");
    row.status = TRANSACTION_REVERSED;
    return transaction_put(store, &row);
}

static enum rc
transaction_fold(struct gateway_store *store, const struct event *event)
{
    switch (event->transaction_status) {
    case TRANSACTION_SUCCESSFUL:
        return transaction_put_new(store, event);
    case TRANSACTION_REVERSED:
        return transaction_reverse(store, event);
    case TRANSACTION_UNSUCCESSFUL:
    case TRANSACTION_UNSET:
    case TRANSACTION_STATUS_COUNT:
        break;
    }
    return RC_OK;
}

static void
order_count(struct gateway_store *store, const struct order_row *row,
            enum order_status was)
{
    store->counters.orders[row->status]++;
    if (row->status == ORDER_FAILED)
        store->counters.refusals[row->reason]++;
    if (!order_status_terminal(was)) {
        store->counters.open--;
        open_ages_end(&store->ages, row->order, row->created_us);
        histogram_note(&store->saga_us, histogram_us_bounds,
                       row->updated_us > row->created_us
                           ? (uint64_t)(row->updated_us - row->created_us) : 0);
    }
    store->counters_changed = true;
}

/* An order that a cancel holds open is moved, and stays where it is. */
static enum rc
order_write(struct gateway_store *store, const struct order_row *row,
            enum order_status was)
{
    if (row->status != was)
        order_count(store, row, was);
    return gateway_order_put(store, row);
}

static void
log_ended(struct turn *turn, const struct order_row *row,
          const struct event *event)
{
    struct order_log *log = turn_log(turn);

    if (!order_log_begin(log, row->status == ORDER_COMPLETED
                                  ? ORDER_LOG_USUAL : ORDER_LOG_UNUSUAL,
                         "order_ended", row->order, turn_now_us(turn)))
        return;
    order_log_number(log, "user", row->user.value);
    order_log_text(log, "status", order_status_name(row->status));
    if (row->reason != REFUSAL_NONE)
        order_log_text(log, "reason", refusal_name(row->reason));
    order_log_number(log, "transaction", row->transaction.value);
    order_log_ms(log, row->created_us, row->updated_us);
    order_log_trace(log, event->traceparent);
    order_log_end(log);
}

/* Everything that may refuse the event comes before the first put. */
static enum rc
order_move(struct gateway_store *store, struct turn *turn,
           const struct event *event)
{
    struct order_row row;
    enum order_status was;
    enum rc rc;

    rc = gateway_query_order(&store->tables, event->order, &row);
    if (rc == RC_NOT_FOUND)
        return event_refused(event, "order_unknown");
    if (rc != RC_OK)
        return rc;
    was = row.status;
    switch (order_fold_transaction(&row, event, turn_now_us(turn))) {
    case ORDER_FOLD_CONTRADICTED:
        return event_refused(event, "order_contradicted");
    case ORDER_FOLD_REPEATED:
        log_warning("order_repeated", "order=%" PRIu64 " status=%s",
                    row.order.value, order_status_name(row.status));
        return RC_OK;
    case ORDER_FOLD_MOVED:
        break;
    }
    rc = transaction_fold(store, event);
    if (rc == RC_OK && row.status != was)
        log_ended(turn, &row, event);
    return rc == RC_OK ? order_write(store, &row, was) : rc;
}

/* What the codec leaves optional is owed by each status. */
static bool
transaction_complete(const struct event *event)
{
    if (event->transaction_status == TRANSACTION_UNSUCCESSFUL)
        return event->reason != REFUSAL_NONE && event->transaction.value == 0;
    return event->transaction.value != 0;
}

static enum rc
on_transaction(struct gateway_store *store, struct turn *turn,
               const struct event *event)
{
    if (!transaction_complete(event))
        return event_refused(event, "field_missing");
    if (order_is_ours(store, event->order))
        return order_move(store, turn, event);
    return transaction_fold(store, event);
}

/* A refund shows in its order, too; without one (another gateway's) it is the
 * user's alone. */
static enum rc
on_payment(struct gateway_store *store, struct turn *turn,
           const struct event *event)
{
    struct order_row row;
    enum rc rc = RC_NOT_FOUND;

    if (event->payment_status == PAYMENT_REFUNDED)
        rc = gateway_query_order(&store->tables, event->order, &row);
    if (rc == RC_OK && order_fold_refund(&row, event))
        rc = gateway_order_put(store, &row);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return rc;
    return on_user_event(store, turn, event, user_fold_payment);
}

enum rc
gateway_events_fold(struct gateway_store *store, struct turn *turn,
                    const struct event *event)
{
    switch (event->type) {
    case EVENT_PAYMENT:
        return on_payment(store, turn, event);
    case EVENT_ACCOUNT_CHANGED:
        return on_user_event(store, turn, event, user_fold_change);
    case EVENT_TRANSACTION:
        return on_transaction(store, turn, event);
    case EVENT_DEAD_LETTER:
        return gateway_parked_fold(store, event);
    case EVENT_NONE:
    case EVENT_ORDER_PURCHASE:
    case EVENT_ORDER_CANCEL:
    case EVENT_ACCOUNT_OPENED:
    case EVENT_ACCOUNT_CREDITED:
    case EVENT_ACCOUNT_FROZEN:
    case EVENT_ACCOUNT_THAWED:
    case EVENT_FOREIGN:
    case EVENT_TYPE_COUNT:
        break;
    }
    return event_refused(event, "wrong_topic");
}
