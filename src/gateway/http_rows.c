#include "gateway/http_rows.h"

static const char *const user_state_names[USER_STATE_COUNT] = {
    [USER_OPENING] = "OPENING",
    [USER_ACTIVE] = "ACTIVE",
    [USER_FROZEN] = "FROZEN",
};

static void
put_order(struct text_writer *writer, const struct order_row *order,
          const char *currency)
{
    json_key(writer, "id");
    json_uint(writer, order->order.value);
    json_key(writer, "userId");
    json_uint(writer, order->user.value);
    json_key(writer, "productId");
    json_uint(writer, order->product.value);
    json_key(writer, "quantity");
    json_uint(writer, (uint64_t)order->quantity);
    json_key(writer, "price");
    json_money(writer, order->price);
    json_key(writer, "currency");
    json_text(writer, currency);
    json_key(writer, "status");
    json_text(writer, order_status_name(order->status));
    if (order->reason != REFUSAL_NONE) {
        json_key(writer, "reason");
        json_text(writer, refusal_name(order->reason));
    }
    json_key(writer, "createdAt");
    json_time(writer, order->created_us);
    json_key(writer, "updatedAt");
    json_time(writer, order->updated_us);
}

void
row_write_order(struct text_writer *writer, const struct order_row *order,
                const char *currency)
{
    json_begin(writer, '{');
    put_order(writer, order, currency);
    json_end(writer, '}');
}

static void
put_step(struct text_writer *writer, int64_t at_us, const char *process,
         const char *what)
{
    if (at_us == 0)
        return;
    json_begin(writer, '{');
    json_key(writer, "at");
    json_time(writer, at_us);
    json_key(writer, "process");
    json_text(writer, process);
    json_key(writer, "what");
    json_text(writer, what);
    json_end(writer, '}');
}

/* What the ledger said, told by where it brought the order. */
static const char *
ledger_step(enum order_status status)
{
    switch (status) {
    case ORDER_COMPLETED:
        return "TRANSACTION_SUCCESSFUL";
    case ORDER_CANCELLED:
        return "TRANSACTION_REVERSED";
    case ORDER_FAILED:
    case ORDER_CREATED:
    case ORDER_UNSET:
    case ORDER_STATUS_COUNT:
        break;
    }
    return "TRANSACTION_UNSUCCESSFUL";
}

/* A reason is payment's, but for an order that was cancelled or reversed after
 * payment had approved it. */
static const char *
payment_step(const struct order_row *order)
{
    bool declined = order->reason != REFUSAL_NONE &&
                    order->status != ORDER_CANCELLED;

    return declined ? "PAYMENT_DECLINED" : "PAYMENT_APPROVED";
}

static void
put_timeline(struct text_writer *writer, const struct order_row *order)
{
    json_key(writer, "timeline");
    json_begin(writer, '[');
    put_step(writer, order->created_us, process_name(PROCESS_GATEWAY),
             order_status_name(ORDER_CREATED));
    put_step(writer, order->decided_us, process_name(PROCESS_PAYMENT),
             payment_step(order));
    put_step(writer, order->written_us, process_name(PROCESS_LEDGER),
             ledger_step(order->status));
    if (order_status_terminal(order->status))
        put_step(writer, order->updated_us, process_name(PROCESS_GATEWAY),
                 order_status_name(order->status));
    json_end(writer, ']');
}

void
row_write_order_whole(struct text_writer *writer,
                      const struct order_row *order, const char *currency)
{
    json_begin(writer, '{');
    put_order(writer, order, currency);
    if (order->transaction.value != 0) {
        json_key(writer, "transactionId");
        json_uint(writer, order->transaction.value);
    }
    put_timeline(writer, order);
    json_end(writer, '}');
}

void
row_write_product(struct text_writer *writer,
                  const struct product_row *product)
{
    json_begin(writer, '{');
    json_key(writer, "id");
    json_uint(writer, product->product.value);
    json_key(writer, "price");
    json_money(writer, product->price);
    json_end(writer, '}');
}

void
row_write_user(struct text_writer *writer, const struct user_row *user)
{
    invariant(user->state >= USER_OPENING && user->state < USER_STATE_COUNT);
    json_begin(writer, '{');
    json_key(writer, "id");
    json_uint(writer, user->user.value);
    json_key(writer, "balance");
    json_money(writer, user->balance);
    json_key(writer, "state");
    json_text(writer, user_state_names[user->state]);
    json_end(writer, '}');
}

void
row_write_transaction(struct text_writer *writer,
                      const struct transaction_row *transaction)
{
    json_begin(writer, '{');
    json_key(writer, "id");
    json_uint(writer, transaction->transaction.value);
    json_key(writer, "orderId");
    json_uint(writer, transaction->order.value);
    json_key(writer, "userId");
    json_uint(writer, transaction->user.value);
    json_key(writer, "amount");
    json_money(writer, transaction->amount);
    json_key(writer, "status");
    json_text(writer, transaction_status_name(transaction->status));
    json_key(writer, "createdAt");
    json_time(writer, transaction->written_us);
    json_end(writer, '}');
}
