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
    json_put_uint(writer, "id", order->order.value);
    json_put_uint(writer, "userId", order->user.value);
    json_put_uint(writer, "productId", order->product.value);
    json_put_uint(writer, "quantity", (uint64_t)order->quantity);
    json_key(writer, "price");
    json_money(writer, order->price);
    json_put_text(writer, "currency", currency);
    json_put_text(writer, "status", order_status_name(order->status));
    if (order->reason != REFUSAL_NONE) {
        json_put_text(writer, "reason", refusal_name(order->reason));
    }
    json_key(writer, "createdAt");
    json_time(writer, order->created_us);
    json_key(writer, "updatedAt");
    json_time(writer, order->updated_us);
    if (order->cancel_us != 0) {
        json_key(writer, "cancelRequestedAt");
        json_time(writer, order->cancel_us);
    }
}

void
row_write_order(struct text_writer *writer, const struct order_row *order,
                const char *currency)
{
    json_begin(writer, '{');
    put_order(writer, order, currency);
    json_end(writer, '}');
}

struct step {
    int64_t at_us; /* 0: it was not taken, or is not known */
    enum process process;
    const char *what;
};

#define STEPS_MAX 7

/* Keeps the steps by time, those of one time in the order of the calls. */
static void
add_step(struct step *steps, size_t *count, struct step step)
{
    size_t at = *count;

    if (step.at_us == 0)
        return;
    invariant(*count < STEPS_MAX);
    for (; at > 0 && steps[at - 1].at_us > step.at_us; at--)
        steps[at] = steps[at - 1];
    steps[at] = step;
    ++*count;
}

/* A reason is payment's, but for an order that was cancelled or given back
 * after payment had approved it. */
static const char *
payment_step(const struct order_row *order)
{
    bool declined = order->status == ORDER_FAILED && order->refunded_us == 0;

    return declined ? "PAYMENT_DECLINED" : "PAYMENT_APPROVED";
}

static size_t
steps_of(const struct order_row *order, struct step steps[STEPS_MAX])
{
    bool failed = order->status == ORDER_FAILED;
    size_t count = 0;

    add_step(steps, &count, (struct step){ order->created_us, PROCESS_GATEWAY,
                                           "ORDER_CREATED" });
    add_step(steps, &count, (struct step){ order->decided_us, PROCESS_PAYMENT,
                                           payment_step(order) });
    add_step(steps, &count,
             (struct step){ order->written_us, PROCESS_LEDGER,
                            failed ? "TRANSACTION_UNSUCCESSFUL"
                                   : "TRANSACTION_SUCCESSFUL" });
    add_step(steps, &count, (struct step){ order->cancel_us, PROCESS_GATEWAY,
                                           "CANCEL_REQUESTED" });
    add_step(steps, &count, (struct step){ order->refunded_us, PROCESS_PAYMENT,
                                           "PAYMENT_REFUNDED" });
    add_step(steps, &count, (struct step){ order->reversed_us, PROCESS_LEDGER,
                                           "TRANSACTION_REVERSED" });
    if (order_status_terminal(order->status))
        add_step(steps, &count,
                 (struct step){ order->updated_us, PROCESS_GATEWAY,
                                order_status_name(order->status) });
    return count;
}

static void
put_timeline(struct text_writer *writer, const struct order_row *order)
{
    struct step steps[STEPS_MAX];
    size_t i, count = steps_of(order, steps);

    json_key(writer, "timeline");
    json_begin(writer, '[');
    for (i = 0; i < count; i++) {
        json_begin(writer, '{');
        json_key(writer, "at");
        json_time(writer, steps[i].at_us);
        json_put_text(writer, "process", process_name(steps[i].process));
        json_put_text(writer, "what", steps[i].what);
        json_end(writer, '}');
    }
    json_end(writer, ']');
}

static void
put_parked(struct text_writer *writer, const struct parked_row *parked)
{
    json_key(writer, "parked");
    json_begin(writer, '{');
    json_put_text(writer, "participant", parked->participant);
    json_put_text(writer, "topic", parked->topic);
    json_put_text(writer, "cause", parked->cause);
    json_put_uint(writer, "attempts", parked->attempts);
    json_key(writer, "since");
    json_time(writer, parked->since_us);
    json_end(writer, '}');
}

void
row_write_order_whole(struct text_writer *writer,
                      const struct order_row *order,
                      const struct parked_row *parked, const char *trace,
                      const char *currency)
{
    json_begin(writer, '{');
    put_order(writer, order, currency);
    if (order->transaction.value != 0) {
        json_put_uint(writer, "transactionId", order->transaction.value);
    }
    if (parked->order.value != 0)
        put_parked(writer, parked);
    if (trace[0] != '\0') {
        json_put_text(writer, "trace", trace);
    }
    put_timeline(writer, order);
    json_end(writer, '}');
}

void
row_write_product(struct text_writer *writer,
                  const struct product_row *product)
{
    json_begin(writer, '{');
    json_put_uint(writer, "id", product->product.value);
    json_key(writer, "price");
    json_money(writer, product->price);
    json_end(writer, '}');
}

void
row_write_user(struct text_writer *writer, const struct user_row *user)
{
    invariant(user->state >= USER_OPENING && user->state < USER_STATE_COUNT);
    json_begin(writer, '{');
    json_put_uint(writer, "id", user->user.value);
    json_key(writer, "balance");
    json_money(writer, user->balance);
    json_put_text(writer, "state", user_state_names[user->state]);
    json_end(writer, '}');
}

void
row_write_credit(struct text_writer *writer, struct user_id user,
                 struct credit_id credit, struct money amount)
{
    json_begin(writer, '{');
    json_put_uint(writer, "userId", user.value);
    json_put_uint(writer, "creditId", credit.value);
    json_key(writer, "amount");
    json_money(writer, amount);
    json_end(writer, '}');
}

void
row_write_transaction(struct text_writer *writer,
                      const struct transaction_row *transaction)
{
    json_begin(writer, '{');
    json_put_uint(writer, "id", transaction->transaction.value);
    json_put_uint(writer, "orderId", transaction->order.value);
    json_put_uint(writer, "userId", transaction->user.value);
    json_key(writer, "amount");
    json_money(writer, transaction->amount);
    json_put_text(writer, "status",
                  transaction_status_name(transaction->status));
    json_key(writer, "createdAt");
    json_time(writer, transaction->written_us);
    json_end(writer, '}');
}
