#include "accounts_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "saga/participant_park.h"

#define SETTLE_TURNS_MAX 200

static const char *const actor_names[ACTORS] = { "payment", "ledger" };

struct accounts_world *
accounts_world_new(void)
{
    static const enum process processes[ACTORS] = { PROCESS_PAYMENT,
                                                    PROCESS_LEDGER };
    struct accounts_world *world = calloc(1, sizeof *world);
    char name[] = "test", error[256];
    char *argv[] = { name, NULL }, *environment[] = { NULL };
    int i;

    assert_non_null(world);
    snprintf(world->root, sizeof world->root, "/tmp/test_accounts.XXXXXX");
    assert_non_null(mkdtemp(world->root));
    world->broker = fake_broker_new();
    for (i = 0; i < ACTORS; i++) {
        snprintf(world->directory[i], sizeof world->directory[i], "%s/%s",
                 world->root, actor_names[i]);
        assert_int_equal(mkdir(world->directory[i], 0700), 0);
        assert_int_equal(config_read(&world->config[i], processes[i], 1, argv,
                                     environment, error, sizeof error),
                         RC_OK);
    }
    return world;
}

void
accounts_world_destroy(struct accounts_world **world_p)
{
    struct accounts_world *world = *world_p;
    char command[128];
    int i;

    for (i = 0; i < ACTORS; i++)
        if (world->participants[i] != NULL)
            actor_stop(world, (enum actor)i);
    fake_broker_destroy(&world->broker);
    snprintf(command, sizeof command, "rm -rf %s", world->root);
    assert_int_equal(system(command), 0);
    free(world);
    *world_p = NULL;
}

static enum rc
poisoned_open(void *context, struct store *store)
{
    struct poisoned *poisoned = context;

    return poisoned->handlers->on_open(poisoned->context, store);
}

static enum rc
poisoned_event(void *context, struct turn *turn, const struct event *event)
{
    struct poisoned *poisoned = context;

    if (event->type == EVENT_PAYMENT && poisoned->poison != 0 &&
        event->order.value % poisoned->poison == 0)
        return RC_REFUSED;
    return poisoned->handlers->on_event(poisoned->context, turn, event);
}

static enum rc
poisoned_commit(void *context, struct turn *turn)
{
    struct poisoned *poisoned = context;

    return poisoned->handlers->on_commit(poisoned->context, turn);
}

static void
start_over(struct accounts_world *world, enum actor actor, struct bus *bus)
{
    struct poisoned *poisoned = &world->poisoned[actor];

    assert_null(world->participants[actor]);
    if (actor == PAYMENT) {
        assert_int_equal(payment_new(&world->payment, &world->config[PAYMENT]),
                         RC_OK);
        poisoned->handlers = &payment_handlers;
        poisoned->context = world->payment;
    } else {
        assert_int_equal(ledger_new(&world->ledger, &world->config[LEDGER]),
                         RC_OK);
        poisoned->handlers = &ledger_handlers;
        poisoned->context = world->ledger;
    }
    world->handlers[actor] = *poisoned->handlers;
    world->handlers[actor].on_open = poisoned_open;
    world->handlers[actor].on_event = poisoned_event;
    world->handlers[actor].on_commit = poisoned_commit;
    assert_int_equal(participant_open_over(&world->participants[actor],
                                           &world->config[actor],
                                           world->directory[actor], &bus,
                                           &world->handlers[actor], poisoned,
                                           -1, -1),
                     RC_OK);
}

void
actor_start(struct accounts_world *world, enum actor actor)
{
    start_over(world, actor, fake_bus_new(world->broker, actor_names[actor]));
}

static enum rc
produce_never(struct bus *bus, const struct bus_batch *batch)
{
    (void)bus;
    (void)batch;
    return RC_AGAIN;
}

void
actor_start_mute(struct accounts_world *world, enum actor actor)
{
    static struct bus_binder mute;
    struct bus *bus = fake_bus_new(world->broker, actor_names[actor]);

    mute = *bus->binder;
    mute.produce = produce_never;
    bus->binder = &mute;
    start_over(world, actor, bus);
}

void
actor_stop(struct accounts_world *world, enum actor actor)
{
    assert_int_equal(participant_close(&world->participants[actor]), RC_OK);
    if (actor == PAYMENT)
        payment_destroy(&world->payment);
    else
        ledger_destroy(&world->ledger);
}

/* What has moved so far, as one number. */
static uint64_t
motion(const struct accounts_world *world)
{
    struct participant_stats stats;
    uint64_t sum = 0;
    int i;

    for (i = 0; i < ACTORS; i++) {
        if (world->participants[i] == NULL)
            continue;
        participant_stats(world->participants[i], &stats);
        sum += stats.events_in + stats.events_duplicate + stats.events_out +
               sent_count(world, i == PAYMENT ? "payments" : "transactions");
    }
    return sum;
}

void
settle(struct accounts_world *world)
{
    uint64_t before;
    int turns = 0, still = 0, i;

    while (still < 3) { /* up, opened and the first batch are a turn each */
        assert_true(turns++ < SETTLE_TURNS_MAX);
        before = motion(world);
        for (i = 0; i < ACTORS; i++)
            if (world->participants[i] != NULL)
                assert_int_equal(participant_turn(world->participants[i], 0),
                                 RC_OK);
        still = motion(world) == before ? still + 1 : 0;
    }
}

uint64_t
parked_count(const struct accounts_world *world, enum actor actor)
{
    struct participant_stats stats;

    participant_stats(world->participants[actor], &stats);
    return stats.parked;
}

void
redrive_parked(struct accounts_world *world, enum actor actor)
{
    struct turn *turn = &world->participants[actor]->turn;
    struct parked parked;
    uint64_t after = 0;
    uint32_t redriven;
    enum rc rc;

    turn->taken = 1;
    assert_int_equal(participant_begin(turn), RC_OK);
    while (parking_next(turn->participant->parking, after, &parked) == RC_OK) {
        after = parked.number;
        if (participant_park_waits(turn, &parked))
            continue;
        rc = participant_redrive(turn, parked.number, &redriven);
        assert_true(rc == RC_OK || rc == RC_REFUSED);
    }
    assert_int_equal(participant_commit(turn), RC_OK);
}

static void
send(struct accounts_world *world, const char *topic, const char *producer,
     const struct event *event)
{
    fake_broker_send(world->broker, topic, producer, event);
}

static struct event
account_event(enum event_type type, uint64_t user, int64_t amount)
{
    struct event event;

    event_init(&event, type);
    event.user.value = user;
    event.amount.minor = amount;
    return event;
}

void
send_opened(struct accounts_world *world, uint64_t user, int64_t amount)
{
    struct event event = account_event(EVENT_ACCOUNT_OPENED, user, amount);

    send(world, "orders", "gateway", &event);
}

void
send_credited(struct accounts_world *world, uint64_t credit, uint64_t user,
              int64_t amount)
{
    struct event event = account_event(EVENT_ACCOUNT_CREDITED, user, amount);

    event.credit.value = credit;
    send(world, "orders", "gateway", &event);
}

void
send_frozen(struct accounts_world *world, uint64_t user)
{
    struct event event = account_event(EVENT_ACCOUNT_FROZEN, user, 0);

    send(world, "orders", "gateway", &event);
}

void
send_thawed(struct accounts_world *world, uint64_t user)
{
    struct event event = account_event(EVENT_ACCOUNT_THAWED, user, 0);

    send(world, "orders", "gateway", &event);
}

static struct event
order_event(enum event_type type, uint64_t order, uint64_t user, int64_t price,
            enum refusal reason)
{
    struct event event;

    event_init(&event, type);
    event.order.value = order;
    event.user.value = user;
    event.price.minor = price;
    snprintf(event.traceparent, sizeof event.traceparent,
             "00-%032x-%016x-01", (unsigned)order, (unsigned)user);
    if (reason != REFUSAL_NONE)
        event_set_reason(&event, reason);
    return event;
}

void
send_purchase(struct accounts_world *world, uint64_t order, uint64_t user,
              int64_t price)
{
    struct event event = order_event(EVENT_ORDER_PURCHASE, order, user, price,
                                     REFUSAL_NONE);

    event.product.value = 1;
    event.quantity = 1;
    memcpy(event.currency, "USD", 4);
    send(world, "orders", "gateway", &event);
}

void
send_cancel(struct accounts_world *world, uint64_t order, uint64_t user,
            enum refusal reason)
{
    struct event event = order_event(EVENT_ORDER_CANCEL, order, user, 0,
                                     reason);

    send(world, "orders", "gateway", &event);
}

void
send_payment(struct accounts_world *world, uint64_t order, uint64_t user,
             enum payment_status status, enum refusal reason, int64_t price,
             int64_t balance)
{
    struct event event = order_event(EVENT_PAYMENT, order, user, price,
                                     reason);

    event.payment_status = status;
    event.balance.minor = balance;
    event.time_us = 1000000 + (int64_t)order;
    send(world, "payments", "payment", &event);
}

void
send_changed(struct accounts_world *world, uint64_t user,
             enum account_change change, int64_t amount, int64_t balance)
{
    struct event event = account_event(EVENT_ACCOUNT_CHANGED, user, amount);

    event.change = change;
    event.balance.minor = balance;
    send(world, "payments", "payment", &event);
}

void
send_transaction(struct accounts_world *world, uint64_t order, uint64_t user,
                 enum transaction_status status, enum refusal reason,
                 int64_t price)
{
    struct event event = order_event(EVENT_TRANSACTION, order, user, price,
                                     reason);

    event.transaction_status = status;
    event.decided_us = 1;
    send(world, "transactions", "ledger", &event);
}

uint64_t
sent_count(const struct accounts_world *world, const char *topic)
{
    return fake_broker_end(world->broker, topic, 0);
}

struct event
sent_event(const struct accounts_world *world, const char *topic,
           uint64_t index)
{
    struct event event;

    assert_true(index < sent_count(world, topic));
    fake_broker_event(world->broker, topic, 0, index, &event);
    return event;
}

void
expect_payment(const struct accounts_world *world, uint64_t count,
               uint64_t order, enum payment_status status, enum refusal reason,
               int64_t balance)
{
    struct event event;

    assert_int_equal(sent_count(world, "payments"), count);
    event = sent_event(world, "payments", count - 1);
    assert_int_equal(event.type, EVENT_PAYMENT);
    assert_int_equal(event.order.value, order);
    assert_int_equal(event.payment_status, status);
    assert_string_equal(refusal_name(event.reason), refusal_name(reason));
    assert_int_equal(event.balance.minor, balance);
}

void
expect_change(const struct accounts_world *world, uint64_t count,
              uint64_t user, enum account_change change, enum refusal reason,
              int64_t amount, int64_t balance)
{
    struct event event;

    assert_int_equal(sent_count(world, "payments"), count);
    event = sent_event(world, "payments", count - 1);
    assert_int_equal(event.type, EVENT_ACCOUNT_CHANGED);
    assert_int_equal(event.user.value, user);
    assert_int_equal(event.change, change);
    assert_string_equal(refusal_name(event.reason), refusal_name(reason));
    assert_int_equal(event.amount.minor, amount);
    assert_int_equal(event.balance.minor, balance);
}

void
expect_transaction(const struct accounts_world *world, uint64_t count,
                   uint64_t order, enum transaction_status status,
                   enum refusal reason, uint64_t transaction)
{
    struct event event;

    assert_int_equal(sent_count(world, "transactions"), count);
    event = sent_event(world, "transactions", count - 1);
    assert_int_equal(event.type, EVENT_TRANSACTION);
    assert_int_equal(event.order.value, order);
    assert_int_equal(event.transaction_status, status);
    assert_string_equal(refusal_name(event.reason), refusal_name(reason));
    assert_int_equal(event.transaction.value, transaction);
}

struct store *
open_store(const struct accounts_world *world, enum actor actor)
{
    const struct store_config config = {
        .directory = world->directory[actor],
        .cache_bytes = 1 << 20,
        .checkpoint_bytes = 1 << 24,
        .checkpoint_ms = 60000,
    };
    struct store *store;
    bool created;

    assert_null(world->participants[actor]);
    assert_int_equal(store_open(&store, &config, &created), RC_OK);
    return store;
}
