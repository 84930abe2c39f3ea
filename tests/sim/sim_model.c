#include "sim_model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "saga/codec.h"
#include "sim.h"

#define PRODUCERS_MAX 8
#define CREDITS_MAX 65536
#define CREDIT_ID_GIVEN (UINT64_C(1) << 52) /* the gateway's begin here */

struct cause {
    struct event event; /* without blobs */
    struct cause *next;
};

struct causes {
    struct cause *first, *last;
};

struct producer {
    char name[PRODUCER_NAME_BYTES];
    uint64_t seq;
    uint32_t epoch;
};

struct stream {
    uint64_t end;
    struct producer producers[PRODUCERS_MAX];
};

struct credit {
    uint64_t user; /* 0: never seen */
    int64_t amount;
};

static struct {
    struct codec *codec;
    struct stream streams[TOPIC_COUNT][PARTITIONS_MAX];
    struct model_user users[MODEL_USERS];
    struct causes causes[MODEL_USERS];
    struct model_order *orders; /* by id */
    uint64_t orders_room;
    struct credit credits[CREDITS_MAX]; /* ids that clients chose     */
    struct credit given[CREDITS_MAX];   /* ids that the gateway gave  */
    uint64_t orders_end;
    uint64_t events;
    uint64_t transactions; /* how many, and the highest number */
    uint64_t transactions_last;
    int64_t limit; /* 0: none */
} model;

void
model_fini(void)
{
    struct cause *next;
    int i;

    for (i = 0; i < MODEL_USERS; i++)
        for (; model.causes[i].first != NULL; model.causes[i].first = next) {
            next = model.causes[i].first->next;
            free(model.causes[i].first);
        }
    free(model.orders);
    codec_destroy(&model.codec);
    memset(&model, 0, sizeof model);
}

void
model_reset(void)
{
    model_fini();
    sim_require(codec_new(&model.codec) == RC_OK, "no memory");
}

void
model_limit(int64_t price_minor)
{
    model.limit = price_minor;
}

const struct model_user *
model_user(uint64_t id)
{
    sim_require(id < MODEL_USERS, "the model has no user %" PRIu64, id);
    return &model.users[id];
}

static struct model_order *
order_at(uint64_t id)
{
    uint64_t room = model.orders_room;

    if (id >= room) {
        model.orders_room = id * 2 + 64;
        model.orders = realloc(model.orders,
                               model.orders_room * sizeof model.orders[0]);
        invariant(model.orders != NULL);
        memset(&model.orders[room], 0,
               (model.orders_room - room) * sizeof model.orders[0]);
    }
    if (id >= model.orders_end)
        model.orders_end = id + 1;
    return &model.orders[id];
}

const struct model_order *
model_order(uint64_t id)
{
    return id < model.orders_end ? &model.orders[id] : NULL;
}

uint64_t
model_orders_end(void)
{
    return model.orders_end;
}

uint64_t
model_events(void)
{
    return model.events;
}

uint64_t
model_purchases_booked(void)
{
    return model.transactions;
}

enum order_status
model_order_status(const struct model_order *order)
{
    if (order->reversed)
        return ORDER_CANCELLED;
    if (order->written == TRANSACTION_SUCCESSFUL)
        return ORDER_COMPLETED;
    return order->written == TRANSACTION_UNSUCCESSFUL ? ORDER_FAILED
                                                      : ORDER_CREATED;
}

/* ---- causes and what they must lead to -------------------------------- */

/* What payment must say; type EVENT_NONE if nothing. */
static void
expect_payment(struct event *expected, const struct event *cause,
               enum payment_status status, enum refusal reason, int64_t price)
{
    event_init(expected, EVENT_PAYMENT);
    expected->order = cause->order;
    expected->user = cause->user;
    expected->payment_status = status;
    expected->reason = reason;
    expected->price.minor = price;
    expected->balance.minor = model.users[cause->user.value].balance;
}

static void
expect_change(struct event *expected, const struct event *cause,
              enum account_change change, enum refusal reason)
{
    event_init(expected, EVENT_ACCOUNT_CHANGED);
    expected->user = cause->user;
    expected->change = reason == REFUSAL_NONE ? change
                                              : ACCOUNT_CHANGE_REFUSED;
    expected->reason = reason;
    expected->amount = cause->amount;
    expected->balance.minor = model.users[cause->user.value].balance;
}

static enum refusal
purchase_refusal(const struct model_user *user,
                 const struct model_order *order, const struct event *cause)
{
    if (!user->exists)
        return REFUSAL_UNKNOWN_USER;
    if (user->frozen)
        return REFUSAL_FROZEN;
    if (order->cancelled)
        return order->reason;
    return user->balance < cause->price.minor ? REFUSAL_CREDIT : REFUSAL_NONE;
}

static void
on_purchase(const struct event *cause, struct event *expected)
{
    struct model_user *user = &model.users[cause->user.value];
    struct model_order *order = order_at(cause->order.value);
    enum refusal reason;

    sim_require(!order->purchased, "order %" PRIu64 " is in the log twice",
                cause->order.value);
    reason = purchase_refusal(user, order, cause);
    order->purchased = true;
    order->user = cause->user;
    order->price = cause->price.minor;
    order->reason = reason;
    if (reason == REFUSAL_NONE) {
        user->balance -= order->price;
        user->paid += order->price;
        order->decided = PAYMENT_APPROVED;
    } else
        order->decided = PAYMENT_DECLINED;
    expect_payment(expected, cause, order->decided, reason, order->price);
}

static void
give_back(struct model_order *order, enum refusal reason)
{
    struct model_user *user = &model.users[order->user.value];

    user->balance += order->price;
    user->refunded += order->price;
    order->refunded = true;
    order->reason = reason;
}

static void
on_cancel(const struct event *cause, struct event *expected)
{
    struct model_order *order = order_at(cause->order.value);
    enum refusal reason = cause->reason == REFUSAL_TIMEOUT ? REFUSAL_TIMEOUT
                                                           : REFUSAL_CANCELLED;

    if (!order->purchased && !order->cancelled) {
        order->cancelled = true;
        order->reason = reason;
    } else if (order->decided == PAYMENT_APPROVED && !order->refunded &&
               order->user.value == cause->user.value) {
        give_back(order, reason);
        expect_payment(expected, cause, PAYMENT_REFUNDED, reason,
                       order->price);
    }
}

static void
on_opened(const struct event *cause, struct event *expected)
{
    struct model_user *user = &model.users[cause->user.value];
    enum refusal reason = user->exists ? REFUSAL_DUPLICATE : REFUSAL_NONE;

    if (!user->exists) {
        user->exists = true;
        user->balance = user->opened = cause->amount.minor;
    }
    expect_change(expected, cause, ACCOUNT_CHANGE_OPENED, reason);
}

static struct credit *
credit_at(uint64_t id)
{
    if (id < CREDITS_MAX)
        return &model.credits[id];
    sim_require(id >= CREDIT_ID_GIVEN && id - CREDIT_ID_GIVEN < CREDITS_MAX,
                "credit %" PRIu64, id);
    return &model.given[id - CREDIT_ID_GIVEN];
}

static void
on_credited(const struct event *cause, struct event *expected)
{
    struct model_user *user = &model.users[cause->user.value];
    struct credit *credit = credit_at(cause->credit.value);
    enum refusal reason = REFUSAL_NONE;

    if (credit->user != 0) {
        if (credit->user == cause->user.value &&
            credit->amount == cause->amount.minor)
            return;
        reason = REFUSAL_DUPLICATE;
    } else {
        credit->user = cause->user.value;
        credit->amount = cause->amount.minor;
        if (!user->exists)
            reason = REFUSAL_UNKNOWN_USER;
    }
    if (reason == REFUSAL_NONE) {
        user->balance += cause->amount.minor;
        user->credited += cause->amount.minor;
    }
    expect_change(expected, cause, ACCOUNT_CHANGE_CREDITED, reason);
}

static void
on_frozen(const struct event *cause, struct event *expected, bool frozen)
{
    struct model_user *user = &model.users[cause->user.value];

    if (user->exists)
        user->frozen = frozen;
    expect_change(expected, cause,
                  frozen ? ACCOUNT_CHANGE_FROZEN : ACCOUNT_CHANGE_THAWED,
                  user->exists ? REFUSAL_NONE : REFUSAL_UNKNOWN_USER);
}

static void
fold_cause(const struct event *cause, struct event *expected)
{
    expected->type = EVENT_NONE;
    switch (cause->type) {
    case EVENT_ORDER_PURCHASE:
        on_purchase(cause, expected);
        break;
    case EVENT_ORDER_CANCEL:
        on_cancel(cause, expected);
        break;
    case EVENT_ACCOUNT_OPENED:
        on_opened(cause, expected);
        break;
    case EVENT_ACCOUNT_CREDITED:
        on_credited(cause, expected);
        break;
    case EVENT_ACCOUNT_FROZEN:
        on_frozen(cause, expected, true);
        break;
    case EVENT_ACCOUNT_THAWED:
        on_frozen(cause, expected, false);
        break;
    case EVENT_NONE:
    case EVENT_PAYMENT:
    case EVENT_ACCOUNT_CHANGED:
    case EVENT_TRANSACTION:
    case EVENT_DEAD_LETTER:
    case EVENT_FOREIGN:
    case EVENT_TYPE_COUNT:
    default:
        sim_fail("topic orders holds a %s", event_types[cause->type].name);
    }
}

/* Folds the user's next causes up to one that must be told of. */
static bool
next_effect(uint64_t user, struct event *expected)
{
    struct causes *causes = &model.causes[user];
    struct cause *cause;

    expected->type = EVENT_NONE;
    while (causes->first != NULL && expected->type == EVENT_NONE) {
        cause = causes->first;
        causes->first = cause->next;
        if (causes->first == NULL)
            causes->last = NULL;
        fold_cause(&cause->event, expected);
        free(cause);
    }
    return expected->type != EVENT_NONE;
}

/* ---- the topics ------------------------------------------------------- */

static void
hear_cause(const struct event *event)
{
    struct causes *causes = &model.causes[event->user.value];
    struct cause *cause = calloc(1, sizeof *cause);

    invariant(cause != NULL);
    cause->event = *event;
    if (causes->last != NULL)
        causes->last->next = cause;
    else
        causes->first = cause;
    causes->last = cause;
    if (event->type == EVENT_ORDER_PURCHASE)
        order_at(event->order.value)->asked = true;
}

/* The ledger refused what payment had approved: it goes back. */
static bool
is_compensation(const struct event *event)
{
    struct model_order *order;

    if (event->type != EVENT_PAYMENT ||
        event->payment_status != PAYMENT_REFUNDED)
        return false;
    order = order_at(event->order.value);
    return order->decided == PAYMENT_APPROVED && !order->refunded &&
           order->written == TRANSACTION_UNSUCCESSFUL;
}

static void
require_same(const struct event *heard, const struct event *expected)
{
    sim_require(heard->type == expected->type &&
                    heard->user.value == expected->user.value &&
                    heard->order.value == expected->order.value &&
                    heard->payment_status == expected->payment_status &&
                    heard->change == expected->change &&
                    heard->reason == expected->reason &&
                    heard->price.minor == expected->price.minor &&
                    heard->amount.minor == expected->amount.minor &&
                    heard->balance.minor == expected->balance.minor,
                "G2/G4: payment's seq %" PRIu64 " says %s %s%s order %" PRIu64
                " user %" PRIu64 " reason %s price %" PRId64 " amount %" PRId64
                " balance %" PRId64 "; expected %s %s%s order %" PRIu64
                " reason %s price %" PRId64 " amount %" PRId64
                " balance %" PRId64,
                heard->id, event_types[heard->type].name,
                payment_status_name(heard->payment_status),
                account_change_name(heard->change), heard->order.value,
                heard->user.value, refusal_name(heard->reason),
                heard->price.minor, heard->amount.minor, heard->balance.minor,
                event_types[expected->type].name,
                payment_status_name(expected->payment_status),
                account_change_name(expected->change), expected->order.value,
                refusal_name(expected->reason), expected->price.minor,
                expected->amount.minor, expected->balance.minor);
}

static void
hear_payment(const struct event *event)
{
    const struct model_user *user = &model.users[event->user.value];
    struct event expected;

    if (is_compensation(event)) {
        give_back(order_at(event->order.value), event->reason);
        sim_require(event->balance.minor == user->balance,
                    "G4: balance after compensation");
    } else {
        sim_require(next_effect(event->user.value, &expected),
                    "G2: payment's seq %" PRIu64 " (%s order %" PRIu64
                    " user %" PRIu64 ") has no cause",
                    event->id, event_types[event->type].name,
                    event->order.value, event->user.value);
        require_same(event, &expected);
    }
    sim_require(user->balance >= 0 &&
                    user->opened + user->credited - user->paid +
                            user->refunded ==
                        user->balance,
                "G4: user %" PRIu64, event->user.value);
}

/* What the ledger may book, and what it must refuse. */
static bool
within_limit(const struct model_order *order)
{
    return model.limit == 0 || order->price <= model.limit;
}

static void
hear_transaction(const struct event *event)
{
    struct model_order *order = order_at(event->order.value);
    bool first = order->written == TRANSACTION_UNSET;

    sim_require(order->decided != PAYMENT_UNSET &&
                    event->user.value == order->user.value &&
                    event->price.minor == order->price,
                "a transaction of order %" PRIu64 " that payment never "
                "decided so", event->order.value);
    if (event->transaction_status == TRANSACTION_REVERSED) {
        sim_require(order->refunded && !order->reversed &&
                        order->written == TRANSACTION_SUCCESSFUL,
                    "G2: order %" PRIu64 " is reversed", event->order.value);
        order->reversed = true;
        return;
    }
    sim_require(first, "G2: order %" PRIu64 " has two transactions",
                event->order.value);
    order->written = event->transaction_status;
    if (event->transaction_status == TRANSACTION_SUCCESSFUL) {
        sim_require(order->decided == PAYMENT_APPROVED && within_limit(order),
                    "what was declined is booked, order %" PRIu64,
                    event->order.value);
        order->transaction = event->transaction.value;
        model.transactions++;
        if (model.transactions_last < order->transaction)
            model.transactions_last = order->transaction;
        return;
    }
    sim_require(order->decided == PAYMENT_DECLINED ||
                    (event->reason == REFUSAL_LIMIT && !within_limit(order)),
                "order %" PRIu64 " was approved and is not booked",
                event->order.value);
    sim_require(order->decided == PAYMENT_APPROVED ||
                    event->reason == order->reason,
                "order %" PRIu64 " failed for another reason",
                event->order.value);
}

static void
hear_event(enum topic topic, const struct event *event)
{
    sim_require(event_types[event->type].topic == topic,
                "a %s in topic %s", event_types[event->type].name,
                topic_routes[topic].name);
    sim_require(event->user.value < MODEL_USERS, "user %" PRIu64,
                event->user.value);
    model.events++;
    switch (topic) {
    case TOPIC_ORDERS:
        hear_cause(event);
        break;
    case TOPIC_PAYMENTS:
        hear_payment(event);
        break;
    case TOPIC_TRANSACTIONS:
        hear_transaction(event);
        break;
    case TOPIC_DEAD_LETTERS:
    case TOPIC_COUNT:
    default:
        sim_fail("%s: %s", topic_routes[topic].name, event->cause);
    }
}

static struct producer *
producer_of(struct stream *stream, const char *name)
{
    int i;

    for (i = 0; i < PRODUCERS_MAX; i++) {
        if (stream->producers[i].name[0] == '\0')
            strncpy(stream->producers[i].name, name, PRODUCER_NAME_BYTES - 1);
        if (strcmp(stream->producers[i].name, name) == 0)
            return &stream->producers[i];
    }
    sim_fail("producer %s is one too many", name);
}

void
model_hear(const struct model_batch *batch)
{
    struct stream *stream = &model.streams[batch->topic][batch->partition];
    struct producer *producer = producer_of(stream, batch->producer);
    struct event event;
    size_t at = 0, used;
    uint32_t i;

    sim_require(batch->base_offset == stream->end,
                "log %s/%u: a batch at %" PRIu64 " where %" PRIu64 " is next",
                topic_routes[batch->topic].name, batch->partition,
                batch->base_offset, stream->end);
    sim_require(batch->first_seq == producer->seq + 1,
                "log %s/%u: %s's seq %" PRIu64 " behind %" PRIu64,
                topic_routes[batch->topic].name, batch->partition,
                batch->producer, batch->first_seq, producer->seq);
    sim_require(batch->epoch >= producer->epoch,
                "log %s/%u: %s was fenced and wrote with epoch %u after %u",
                topic_routes[batch->topic].name, batch->partition,
                batch->producer, batch->epoch, producer->epoch);
    stream->end += batch->count;
    producer->seq += batch->count;
    producer->epoch = batch->epoch;
    for (i = 0; i < batch->count; i++, at += used) {
        sim_require(event_decode(model.codec, batch->bytes + at,
                                 batch->bytes_count - at, &event,
                                 &used) == CODEC_OK,
                    "log %s/%u: an event does not decode",
                    topic_routes[batch->topic].name, batch->partition);
        sim_require(event.id == batch->first_seq + i,
                    "log: an event's id is not its seq");
        hear_event(batch->topic, &event);
    }
}

void
model_require_quiet(void)
{
    struct event expected;
    const struct model_order *order;
    uint64_t i;

    for (i = 0; i < MODEL_USERS; i++)
        sim_require(!next_effect(i, &expected),
                    "G3: payment never answered a %s of user %" PRIu64
                    " order %" PRIu64,
                    event_types[expected.type].name, i, expected.order.value);
    sim_require(model.transactions == model.transactions_last,
                "%" PRIu64 " transactions, and the last is %" PRIu64,
                model.transactions, model.transactions_last);
    for (i = 1; i < model.orders_end; i++) {
        order = &model.orders[i];
        if (!order->asked)
            continue;
        sim_require(order->purchased && order->written != TRANSACTION_UNSET,
                    "G3: order %" PRIu64 " has no end", i);
        sim_require(order->refunded == order->reversed ||
                        order->written == TRANSACTION_UNSUCCESSFUL,
                    "G4: order %" PRIu64 " was refunded and not reversed", i);
        sim_require(order->decided != PAYMENT_APPROVED ||
                        order->written == TRANSACTION_SUCCESSFUL ||
                        order->refunded,
                    "G4: order %" PRIu64 " was refused by the ledger and "
                    "not given back", i);
    }
}
