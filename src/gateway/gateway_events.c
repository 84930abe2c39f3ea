#include <inttypes.h>

#include "gateway/gateway_fold.h"
#include "gateway/gateway_state.h"
#include "saga/log.h"

static enum rc
event_damaged(const struct event *event, const char *what)
{
    log_error("event_refused",
              "order=%" PRIu64 " user=%" PRIu64
              " type=%s source=%s seq=%" PRIu64 " what=%s",
              event->order.value, event->user.value,
              event_types[event->type].name, log_quote(event->source),
              event->id, what);
    return RC_DAMAGED;
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
transaction_put(struct gateway_store *store, const struct event *event)
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
        return event_damaged(event, "transaction_twice");
    store->counters.transactions++;
    store->counters_changed = true;
    return rc;
}

static void
order_count(struct gateway_store *store, const struct order_row *row,
            enum order_status was)
{
    store->counters.orders[row->status]++;
    if (row->status == ORDER_FAILED)
        store->counters.refusals[row->reason]++;
    if (!order_status_terminal(was))
        store->counters.open--;
    store->counters_changed = true;
}

/* *moved_out is false for an event that tells nothing new. */
static enum rc
order_move(struct gateway_store *store, struct turn *turn,
           const struct event *event, bool *moved_out)
{
    uint8_t key[ID_KEY_BYTES], value[ORDER_ROW_BYTES];
    struct order_row row;
    enum order_status was;
    enum order_fold fold;
    enum rc rc;

    rc = gateway_query_order(&store->tables, event->order, &row);
    if (rc == RC_NOT_FOUND)
        return event_damaged(event, "order_unknown");
    if (rc != RC_OK)
        return rc;
    was = row.status;
    fold = order_fold_transaction(&row, event, turn_now_us(turn));
    if (fold == ORDER_FOLD_CONTRADICTED)
        return event_damaged(event, "order_contradicted");
    *moved_out = fold == ORDER_FOLD_MOVED;
    if (!*moved_out) {
        log_warning("order_repeated", "order=%" PRIu64 " status=%s",
                    row.order.value, order_status_name(row.status));
        return RC_OK;
    }
    order_count(store, &row, was);
    id_key_encode(row.order.value, key);
    order_row_encode(&row, value);
    return store_put(store->tables.orders, key, sizeof key, value,
                     sizeof value);
}

/* What the codec leaves optional is owed by each status. */
static bool
transaction_complete(const struct event *event)
{
    if (event->transaction_status == TRANSACTION_SUCCESSFUL)
        return event->transaction.value != 0;
    if (event->transaction_status == TRANSACTION_UNSUCCESSFUL)
        return event->reason != REFUSAL_NONE;
    return true;
}

static enum rc
on_transaction(struct gateway_store *store, struct turn *turn,
               const struct event *event)
{
    bool moved = true;
    enum rc rc = RC_OK;

    if (!transaction_complete(event))
        return event_damaged(event, "field_missing");
    if (order_is_ours(store, event->order))
        rc = order_move(store, turn, event, &moved);
    if (rc == RC_OK && moved &&
        event->transaction_status == TRANSACTION_SUCCESSFUL)
        rc = transaction_put(store, event);
    return rc;
}

enum rc
gateway_events_fold(struct gateway_store *store, struct turn *turn,
                    const struct event *event)
{
    switch (event->type) {
    case EVENT_PAYMENT:
        return on_user_event(store, turn, event, user_fold_payment);
    case EVENT_ACCOUNT_CHANGED:
        return on_user_event(store, turn, event, user_fold_change);
    case EVENT_TRANSACTION:
        return on_transaction(store, turn, event);
    case EVENT_NONE:
    case EVENT_ORDER_PURCHASE:
    case EVENT_ORDER_CANCEL:
    case EVENT_ACCOUNT_OPENED:
    case EVENT_ACCOUNT_CREDITED:
    case EVENT_ACCOUNT_FROZEN:
    case EVENT_ACCOUNT_THAWED:
    case EVENT_DEAD_LETTER:
    case EVENT_TYPE_COUNT:
        break;
    }
    return event_damaged(event, "wrong_topic");
}
