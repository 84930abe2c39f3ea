#include "accounts_reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

bool
too_dear(const struct reading *reading, int64_t price)
{
    return reading->limit > 0 && price > reading->limit;
}

static int64_t
balance_of(const struct reading *reading, uint64_t user)
{
    return reading->balance[user] < 0 ? 0 : reading->balance[user];
}

static void
says_payment(struct event *said, const struct reading *reading,
             const struct event *cause, enum payment_status status,
             enum refusal reason, int64_t price)
{
    said->type = EVENT_PAYMENT;
    said->order = cause->order;
    said->user = cause->user;
    said->payment_status = status;
    said->reason = reason;
    said->price.minor = price;
    said->balance.minor = balance_of(reading, cause->user.value);
}

static void
says_change(struct event *said, const struct reading *reading,
            const struct event *cause, enum account_change change,
            enum refusal reason)
{
    said->type = EVENT_ACCOUNT_CHANGED;
    said->user = cause->user;
    said->change = reason == REFUSAL_NONE ? change : ACCOUNT_CHANGE_REFUSED;
    said->reason = reason;
    said->amount = cause->amount;
    said->balance.minor = balance_of(reading, cause->user.value);
}

static enum refusal
why_not(const struct reading *reading, const struct order_fate *order)
{
    if (reading->balance[order->user] < 0)
        return REFUSAL_UNKNOWN_USER;
    if (reading->frozen[order->user])
        return REFUSAL_FROZEN;
    if (order->fate == CANCELLED_FIRST)
        return order->reason;
    if (order->price > reading->balance[order->user])
        return REFUSAL_CREDIT;
    return REFUSAL_NONE;
}

static bool
read_purchase(struct reading *reading, const struct event *event,
              struct event *said)
{
    struct order_fate *order = &reading->orders[event->order.value];
    int64_t price = event->price.minor;

    if (order->fate != UNSEEN && order->fate != CANCELLED_FIRST) {
        if (order->user == event->user.value && order->price == price)
            return false;
        says_payment(said, reading, event, PAYMENT_DECLINED, REFUSAL_DUPLICATE,
                     price);
        return true;
    }
    order->user = event->user.value;
    order->price = price;
    order->reason = why_not(reading, order);
    if (order->reason == REFUSAL_NONE) {
        reading->balance[order->user] -= price;
        order->fate = TAKEN;
        says_payment(said, reading, event, PAYMENT_APPROVED, REFUSAL_NONE,
                     price);
    } else {
        order->fate = REFUSED;
        says_payment(said, reading, event, PAYMENT_DECLINED, order->reason,
                     price);
    }
    return true;
}

static void
give_back(struct reading *reading, struct order_fate *order,
          enum refusal reason)
{
    reading->balance[order->user] += order->price;
    order->fate = GIVEN_BACK;
    order->reason = reason;
}

static bool
read_cancel(struct reading *reading, const struct event *event,
            struct event *said)
{
    struct order_fate *order = &reading->orders[event->order.value];

    if (order->fate == UNSEEN) {
        order->fate = CANCELLED_FIRST;
        order->reason = event->reason;
    }
    if (order->fate != TAKEN || order->user != event->user.value)
        return false;
    give_back(reading, order, event->reason);
    says_payment(said, reading, event, PAYMENT_REFUNDED, event->reason,
                 order->price);
    return true;
}

static bool
read_credit(struct reading *reading, const struct event *event,
            struct event *said)
{
    struct credit_seen *credit = &reading->credits[event->credit.value];
    uint64_t user = event->user.value;
    enum refusal reason = REFUSAL_NONE;

    if (credit->seen && credit->user == user &&
        credit->amount == event->amount.minor)
        return false;
    if (credit->seen)
        reason = REFUSAL_DUPLICATE;
    else if (reading->balance[user] < 0)
        reason = REFUSAL_UNKNOWN_USER;
    else
        reading->balance[user] += event->amount.minor;
    if (!credit->seen)
        *credit = (struct credit_seen){ true, user, event->amount.minor };
    says_change(said, reading, event, ACCOUNT_CHANGE_CREDITED, reason);
    return true;
}

static void
read_account_event(struct reading *reading, const struct event *event,
                   struct event *said)
{
    uint64_t user = event->user.value;
    bool known = reading->balance[user] >= 0;
    enum refusal reason = known ? REFUSAL_NONE : REFUSAL_UNKNOWN_USER;

    if (event->type == EVENT_ACCOUNT_OPENED) {
        if (!known)
            reading->balance[user] = event->amount.minor;
        says_change(said, reading, event, ACCOUNT_CHANGE_OPENED,
                    known ? REFUSAL_DUPLICATE : REFUSAL_NONE);
    } else if (event->type == EVENT_ACCOUNT_FROZEN) {
        reading->frozen[user] = known;
        says_change(said, reading, event, ACCOUNT_CHANGE_FROZEN, reason);
    } else {
        reading->frozen[user] = false;
        says_change(said, reading, event, ACCOUNT_CHANGE_THAWED, reason);
    }
}

/* True if payment says something to it. */
static bool
read_event(struct reading *reading, const struct event *event,
           struct event *said)
{
    memset(said, 0, sizeof *said);
    if (event->type == EVENT_ORDER_PURCHASE)
        return read_purchase(reading, event, said);
    if (event->type == EVENT_ORDER_CANCEL)
        return read_cancel(reading, event, said);
    if (event->type == EVENT_ACCOUNT_CREDITED)
        return read_credit(reading, event, said);
    read_account_event(reading, event, said);
    return true;
}

static void
read_ledgers_refund(struct reading *reading, const struct event *event)
{
    struct order_fate *order = &reading->orders[event->order.value];

    assert_int_equal(order->fate, TAKEN);
    assert_true(too_dear(reading, order->price));
    give_back(reading, order, REFUSAL_LIMIT);
    assert_int_equal(event->user.value, order->user);
    assert_int_equal(event->price.minor, order->price);
    assert_int_equal(event->balance.minor, reading->balance[order->user]);
}

static void
expect_said(const struct event *event, const struct event *said)
{
    assert_int_equal(event->type, said->type);
    assert_int_equal(event->order.value, said->order.value);
    assert_int_equal(event->user.value, said->user.value);
    assert_int_equal(event->payment_status, said->payment_status);
    assert_int_equal(event->change, said->change);
    assert_string_equal(refusal_name(event->reason),
                        refusal_name(said->reason));
    assert_int_equal(event->price.minor, said->price.minor);
    assert_int_equal(event->amount.minor, said->amount.minor);
    assert_int_equal(event->balance.minor, said->balance.minor);
}

/* Reads a topic on; what the broker stored twice is passed over. */
struct reader {
    const struct accounts_world *world;
    const char *topic;
    uint64_t next, last_id;
};

static bool
next_event(struct reader *reader, struct event *event)
{
    while (reader->next < sent_count(reader->world, reader->topic)) {
        *event = sent_event(reader->world, reader->topic, reader->next++);
        if (event->id <= reader->last_id)
            continue;
        assert_int_equal(event->id, reader->last_id + 1);
        reader->last_id = event->id;
        return true;
    }
    return false;
}

void
read_orders(const struct accounts_world *world, int64_t limit,
            struct reading *reading)
{
    struct reader orders = { world, "orders", 0, 0 };
    struct reader payments = { world, "payments", 0, 0 };
    struct event event, said, answer;
    int user;

    memset(reading, 0, sizeof *reading);
    reading->limit = limit;
    for (user = 1; user <= READING_USERS; user++)
        reading->balance[user] = -1;
    while (next_event(&payments, &answer)) {
        if (answer.payment_status == PAYMENT_REFUNDED &&
            answer.reason == REFUSAL_LIMIT) {
            read_ledgers_refund(reading, &answer);
            continue;
        }
        do
            assert_true(next_event(&orders, &event));
        while (!read_event(reading, &event, &said));
        expect_said(&answer, &said);
    }
    while (next_event(&orders, &event))
        assert_false(read_event(reading, &event, &said));
}
