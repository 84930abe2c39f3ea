/* The loop over a real store and a broker in memory: what is sent again, lost
 * or cut changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../support/fake_bus.h"
#include "saga/codec.h"
#include "saga/log.h"
#include "saga/participant_park.h"

/* A payment-like participant: answers each OrderPurchase with a Payment and
 * counts in one row what took effect. */
struct app {
    struct store_table *table;
    uint64_t effects; /* as the row says */
    uint32_t commands_waiting;
    uint64_t commands_done;
    int committed;
    enum rc event_rc;
    uint64_t refused_order; /* events of it are refused ... */
    enum rc refuses_with;   /* ... so                       */
    int refusals;
    bool drained;
};

struct world {
    char directory[64];
    struct fake_broker *broker;
    struct config config;
    struct app app;
    struct participant *participant;
    int command_fd;
};

static enum rc
app_open(void *context, struct store *store)
{
    struct app *app = context;
    size_t bytes;
    enum rc rc = store_table_open(store, "app", &app->table);

    if (rc != RC_OK)
        return rc;
    rc = store_get(app->table, "n", 1, &app->effects, sizeof app->effects,
                   &bytes);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc
app_event(void *context, struct turn *turn, const struct event *event)
{
    struct app *app = context;
    struct event payment;

    if (app->event_rc != RC_OK)
        return app->event_rc;
    if (app->refused_order != 0 && event->order.value == app->refused_order) {
        app->refusals++;
        return app->refuses_with;
    }
    if (event->type != EVENT_ORDER_PURCHASE)
        return RC_OK;
    app->effects++;
    event_init(&payment, EVENT_PAYMENT);
    payment.order = event->order;
    payment.user = event->user;
    payment.payment_status = PAYMENT_APPROVED;
    payment.price = event->price;
    return turn_emit(turn, &payment);
}

static enum rc
app_commands(void *context, struct turn *turn, uint32_t limit,
             uint32_t *taken_out)
{
    struct app *app = context;

    (void)turn;
    *taken_out = app->commands_waiting < limit ? app->commands_waiting : limit;
    app->commands_waiting -= *taken_out;
    app->commands_done += *taken_out;
    return RC_OK;
}

static enum rc
app_commit(void *context, struct turn *turn)
{
    struct app *app = context;

    (void)turn;
    return store_put(app->table, "n", 1, &app->effects, sizeof app->effects);
}

static void
app_committed(void *context)
{
    ((struct app *)context)->committed++;
}

static bool
app_drain(void *context)
{
    return ((struct app *)context)->drained;
}

static const struct participant_handlers app_handlers = {
    .on_open = app_open,
    .on_event = app_event,
    .on_commands = app_commands,
    .on_commit = app_commit,
    .on_committed = app_committed,
    .on_drain = app_drain,
};

static enum rc
world_open(struct world *world)
{
    struct bus *bus = fake_bus_new(world->broker, "payment");

    world->app = (struct app){ .drained = true, .refuses_with = RC_REFUSED };
    return participant_open_over(&world->participant, &world->config,
                                 world->directory, &bus, &app_handlers,
                                 &world->app, -1, world->command_fd);
}

static void
turns(struct world *world, int count)
{
    for (; count > 0; count--)
        assert_int_equal(participant_turn(world->participant, 0), RC_OK);
}

static void
world_reopen(struct world *world)
{
    assert_int_equal(participant_close(&world->participant), RC_OK);
    assert_int_equal(world_open(world), RC_OK);
}

static int
setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    char name[] = "payment";
    char *argv[] = { name, NULL };
    char *environment[] = { NULL };
    char error[256];

    assert_non_null(world);
    snprintf(world->directory, sizeof world->directory,
             "/tmp/test_participant.XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    world->broker = fake_broker_new();
    assert_int_equal(config_read(&world->config, PROCESS_PAYMENT, 1, argv,
                                 environment, error, sizeof error),
                     RC_OK);
    world->command_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    *state = world;
    return 0;
}

static int
teardown(void **state)
{
    struct world *world = *state;
    char command[128];

    if (world->participant != NULL)
        assert_int_equal(participant_close(&world->participant), RC_OK);
    fake_broker_destroy(&world->broker);
    close(world->command_fd);
    snprintf(command, sizeof command, "rm -rf %s", world->directory);
    assert_int_equal(system(command), 0);
    free(world);
    return 0;
}

static struct event
purchase(uint64_t order)
{
    struct event event;

    event_init(&event, EVENT_ORDER_PURCHASE);
    event.order.value = order;
    event.user.value = 1;
    event.product.value = 1;
    event.quantity = 1;
    event.price.minor = 5000;
    memcpy(event.currency, "USD", 4);
    return event;
}

static void
send_purchase(struct world *world, uint64_t order)
{
    struct event event = purchase(order);

    fake_broker_send(world->broker, "orders", "gateway", &event);
}

static void
expect_state(struct world *world, uint64_t effects, uint64_t payments)
{
    assert_int_equal(world->app.effects, effects);
    assert_int_equal(fake_broker_end(world->broker, "payments", 0), payments);
}

/* ---- the good path ---------------------------------------------------- */

static void
test_participant_event_takes_effect_and_is_published(void **state)
{
    struct world *world = *state;
    struct participant_stats stats;
    struct event payment;

    assert_int_equal(world_open(world), RC_OK);
    send_purchase(world, 1);
    send_purchase(world, 2);
    turns(world, 3);
    expect_state(world, 2, 2);
    fake_broker_event(world->broker, "payments", 0, 1, &payment);
    assert_int_equal(payment.order.value, 2);
    assert_int_equal(payment.id, 2);
    assert_string_equal(payment.source, "payment");
    participant_stats(world->participant, &stats);
    assert_int_equal(stats.events_in, 2);
    assert_int_equal(stats.outbox_backlog, 0);
    assert_true(stats.bus_up);
}

static void
test_participant_commands_wait_for_their_descriptor(void **state)
{
    struct world *world = *state;

    assert_int_equal(world_open(world), RC_OK);
    world->app.commands_waiting = 3;
    turns(world, 1);
    assert_int_equal(world->app.commands_done, 0);
    eventfd_write(world->command_fd, 1);
    turns(world, 1);
    assert_int_equal(world->app.commands_done, 3);
    assert_true(world->app.committed > 0);
}

static void
test_participant_turn_takes_no_more_than_its_limit(void **state)
{
    struct world *world = *state;
    uint64_t order;

    world->config.turn_events = 4;
    assert_int_equal(world_open(world), RC_OK);
    for (order = 1; order <= 10; order++)
        send_purchase(world, order);
    turns(world, 1);
    assert_int_equal(world->app.effects, 4);
    turns(world, 2);
    assert_int_equal(world->app.effects, 10);
}

static void
test_participant_large_turn_is_cut_into_batches(void **state)
{
    struct world *world = *state;
    uint64_t order;

    world->config.batch = 8192;
    assert_int_equal(world_open(world), RC_OK);
    for (order = 1; order <= 500; order++)
        send_purchase(world, order);
    turns(world, 30);
    expect_state(world, 500, 500);
}

/* ---- G2: what is sent again changes nothing ---------------------------- */

static void
g2_redelivery_from_an_older_offset_changes_nothing(void **state)
{
    struct world *world = *state;
    struct participant_stats stats;

    assert_int_equal(world_open(world), RC_OK);
    send_purchase(world, 1);
    send_purchase(world, 2);
    turns(world, 2);
    fake_broker_redeliver(world->broker, "orders", 0, 0);
    turns(world, 3);
    expect_state(world, 2, 2);
    participant_stats(world->participant, &stats);
    assert_int_equal(stats.events_duplicate, 2);
}

static void
g2_redelivery_after_restart_changes_nothing(void **state)
{
    struct world *world = *state;

    assert_int_equal(world_open(world), RC_OK);
    send_purchase(world, 1);
    turns(world, 2);
    world_reopen(world);
    assert_int_equal(world->app.effects, 1);
    fake_broker_redeliver(world->broker, "orders", 0, 0);
    send_purchase(world, 2);
    turns(world, 3);
    expect_state(world, 2, 2);
}

static void
g2_batch_stored_twice_takes_effect_once(void **state)
{
    struct world *world = *state;

    assert_int_equal(world_open(world), RC_OK);
    send_purchase(world, 1);
    turns(world, 2);
    fake_broker_store_again(world->broker, "orders", 0, 0);
    send_purchase(world, 2);
    turns(world, 3);
    expect_state(world, 2, 2);
}

static void
g2_outbox_is_sent_again_with_the_same_ids(void **state)
{
    struct world *world = *state;
    struct event payment;

    assert_int_equal(world_open(world), RC_OK);
    turns(world, 1);
    fake_broker_hold_acks(world->broker, true);
    send_purchase(world, 1);
    turns(world, 2); /* stored at the broker; we never learn of it */
    world_reopen(world);
    fake_broker_hold_acks(world->broker, false);
    turns(world, 3);
    expect_state(world, 1, 1);
    fake_broker_event(world->broker, "payments", 0, 0, &payment);
    assert_int_equal(payment.id, 1);
}

static void
g7_outbox_waits_for_the_broker_across_a_restart(void **state)
{
    struct world *world = *state;
    struct participant_stats stats;

    assert_int_equal(world_open(world), RC_OK);
    send_purchase(world, 1);
    send_purchase(world, 2);
    participant_stats(world->participant, &stats);
    turns(world, 1); /* opened, decided, committed; published in its end */
    expect_state(world, 2, 2);
    fake_broker_set_down(world->broker, true);
    turns(world, 2);
    participant_stats(world->participant, &stats);
    assert_false(stats.bus_up);
    world_reopen(world);
    turns(world, 2);
    fake_broker_set_down(world->broker, false);
    turns(world, 3);
    expect_state(world, 2, 2);
    participant_stats(world->participant, &stats);
    assert_int_equal(stats.outbox_backlog, 0);
}

/* ---- what must stop it ------------------------------------------------ */

static void
test_participant_seq_gap_is_damage(void **state)
{
    struct world *world = *state;
    struct event event = purchase(9);

    assert_int_equal(world_open(world), RC_OK);
    send_purchase(world, 1);
    fake_broker_append(world->broker, "orders", 0, "gateway", 3, &event, 1);
    assert_int_equal(participant_turn(world->participant, 0), RC_DAMAGED);
    assert_int_equal(participant_close(&world->participant), RC_OK);
    /* Nothing of that turn took effect. */
    assert_int_equal(world_open(world), RC_OK);
    assert_int_equal(world->app.effects, 0);
}

static void
test_participant_first_seq_must_be_one(void **state)
{
    struct world *world = *state;
    struct event event = purchase(9);

    assert_int_equal(world_open(world), RC_OK);
    fake_broker_append(world->broker, "orders", 0, "gateway", 2, &event, 1);
    assert_int_equal(participant_turn(world->participant, 0), RC_DAMAGED);
}

/* ---- G6: poison waits aside ------------------------------------------- */

static void
expect_parked(struct world *world, uint64_t count)
{
    struct participant_stats stats;

    participant_stats(world->participant, &stats);
    assert_int_equal(stats.parked, count);
}

static void
expect_letter(struct world *world, uint64_t offset, const char *cause,
              uint64_t order)
{
    struct event letter;

    fake_broker_event(world->broker, "dead-letters", 0, offset, &letter);
    assert_int_equal(letter.type, EVENT_DEAD_LETTER);
    assert_string_equal(letter.cause, cause);
    assert_string_equal(letter.participant, "payment");
    assert_string_equal(letter.topic_name, "orders");
    assert_int_equal(letter.order.value, order);
}

static void
g6_malformed_event_is_parked_and_others_flow(void **state)
{
    struct world *world = *state;
    struct event event = purchase(2);

    assert_int_equal(world_open(world), RC_OK);
    fake_broker_append_raw(world->broker, "orders", 0, "gateway", 1, 1,
                           "\x93\x01\x02\x03", 4);
    fake_broker_append(world->broker, "orders", 0, "gateway", 2, &event, 1);
    turns(world, 3);
    expect_state(world, 1, 1);
    expect_parked(world, 1);
    expect_letter(world, 0, "not_a_map", 0);
    fake_broker_redeliver(world->broker, "orders", 0, 0);
    turns(world, 2);
    expect_parked(world, 1);
    world_reopen(world);
    expect_parked(world, 1);
}

static void
raw_batch(struct world *world, const char *producer, uint64_t first_seq,
          uint32_t count, size_t extra)
{
    struct event event = purchase(1);
    uint8_t bytes[EVENT_BYTES_MAX] = { 0 };
    size_t used;

    event.id = 1;
    event.time_us = 1;
    memcpy(event.source, "gateway", 8);
    assert_int_equal(event_encode(&event, bytes, sizeof bytes, &used), RC_OK);
    fake_broker_append_raw(world->broker, "orders", 0, producer, first_seq,
                           count, bytes, used + extra);
}

static void
g6_foreign_identity_is_parked(void **state)
{
    struct world *world = *state;

    assert_int_equal(world_open(world), RC_OK);
    raw_batch(world, "gateway-2", 1, 1, 0); /* the event says gateway */
    turns(world, 2);
    expect_state(world, 0, 0);
    expect_letter(world, 0, "identity", 0);
}

static void
g6_trailing_bytes_are_left(void **state)
{
    struct world *world = *state;

    assert_int_equal(world_open(world), RC_OK);
    raw_batch(world, "gateway", 1, 1, 1);
    turns(world, 2);
    expect_state(world, 1, 1);
    expect_parked(world, 0);
}

static void
g6_rest_of_a_torn_batch_is_parked_as_one(void **state)
{
    struct world *world = *state;
    struct event event = purchase(9);

    assert_int_equal(world_open(world), RC_OK);
    raw_batch(world, "gateway", 1, 3, 0); /* one event, three are said */
    fake_broker_append(world->broker, "orders", 0, "gateway", 4, &event, 1);
    turns(world, 3);
    expect_state(world, 2, 2);
    expect_parked(world, 1);
    expect_letter(world, 0, "truncated", 0);
}

static void
g6_refused_event_holds_its_order_only(void **state)
{
    struct world *world = *state;

    assert_int_equal(world_open(world), RC_OK);
    world->app.refused_order = 7;
    send_purchase(world, 7);
    send_purchase(world, 8);
    send_purchase(world, 7);
    turns(world, 3);
    expect_state(world, 1, 1); /* 8 */
    expect_parked(world, 2);   /* 7, and 7 behind it */
    assert_int_equal(fake_broker_end(world->broker, "dead-letters", 0), 1);
    expect_letter(world, 0, "refused", 7);
    assert_int_equal(world->app.refusals, 1);
}

static void
g6_handler_that_asks_again_is_called_a_few_times(void **state)
{
    struct world *world = *state;

    assert_int_equal(world_open(world), RC_OK);
    world->app.refused_order = 7;
    world->app.refuses_with = RC_AGAIN;
    send_purchase(world, 7);
    turns(world, 2);
    expect_parked(world, 1);
    assert_int_equal(world->app.refusals, PARK_TRIES_MAX);
}

static void
begin(struct world *world)
{
    world->participant->turn.taken = 1;
    assert_int_equal(participant_begin(&world->participant->turn), RC_OK);
}

static void
g6_redrive_handles_an_order_in_its_order(void **state)
{
    struct world *world = *state;
    uint32_t redriven;

    assert_int_equal(world_open(world), RC_OK);
    world->app.refused_order = 7;
    send_purchase(world, 7);
    send_purchase(world, 7);
    turns(world, 2);
    begin(world);
    assert_int_equal(participant_redrive(&world->participant->turn, 2,
                                         &redriven),
                     RC_REFUSED);
    assert_int_equal(redriven, 0);
    assert_int_equal(participant_commit(&world->participant->turn), RC_OK);
    expect_parked(world, 2);
    world->app.refused_order = 0;
    world_reopen(world);
    begin(world);
    assert_int_equal(participant_redrive(&world->participant->turn, 1,
                                         &redriven),
                     RC_OK);
    assert_int_equal(redriven, 2);
    assert_int_equal(participant_commit(&world->participant->turn), RC_OK);
    turns(world, 2);
    expect_state(world, 2, 2);
    expect_parked(world, 0);
    expect_letter(world, 2, "redriven", 7); /* refused, refused, redriven */
    send_purchase(world, 7);
    turns(world, 2);
    expect_state(world, 3, 3);
}

static void
g6_drop_frees_what_waits_behind(void **state)
{
    struct world *world = *state;
    uint32_t redriven;

    assert_int_equal(world_open(world), RC_OK);
    world->app.refused_order = 7;
    send_purchase(world, 7);
    send_purchase(world, 7);
    turns(world, 2);
    world->app.refused_order = 0;
    begin(world);
    assert_int_equal(participant_drop(&world->participant->turn, 3, &redriven),
                     RC_NOT_FOUND);
    assert_int_equal(participant_drop(&world->participant->turn, 1, &redriven),
                     RC_OK);
    assert_int_equal(redriven, 1);
    assert_int_equal(participant_commit(&world->participant->turn), RC_OK);
    turns(world, 2);
    expect_state(world, 1, 1);
    expect_parked(world, 0);
    expect_letter(world, 1, "dropped", 7);
}

static void
g6_drop_of_one_that_waits_behind_is_told(void **state)
{
    struct world *world = *state;
    uint32_t redriven;

    assert_int_equal(world_open(world), RC_OK);
    world->app.refused_order = 7;
    send_purchase(world, 7);
    send_purchase(world, 7);
    turns(world, 2);
    begin(world);
    assert_int_equal(participant_drop(&world->participant->turn, 2, &redriven),
                     RC_REFUSED);
    assert_int_equal(participant_commit(&world->participant->turn), RC_OK);
    turns(world, 2);
    expect_parked(world, 1);
    expect_letter(world, 1, "dropped", 7);
}

static void
g6_too_many_parked_stops_it(void **state)
{
    struct world *world = *state;

    world->config.parked = 1;
    assert_int_equal(world_open(world), RC_OK);
    world->app.refused_order = 7;
    send_purchase(world, 7);
    send_purchase(world, 7);
    assert_int_equal(participant_turn(world->participant, 0), RC_FULL);
}

static void
test_participant_handler_failure_undoes_the_turn(void **state)
{
    struct world *world = *state;

    assert_int_equal(world_open(world), RC_OK);
    world->app.event_rc = RC_IO;
    send_purchase(world, 1);
    assert_int_equal(participant_turn(world->participant, 0), RC_IO);
    assert_int_equal(participant_close(&world->participant), RC_OK);
    assert_int_equal(world_open(world), RC_OK);
    assert_int_equal(world->app.effects, 0);
    turns(world, 2);
    expect_state(world, 1, 1);
}

static void
test_participant_broker_that_lost_events_is_damage(void **state)
{
    struct world *world = *state;

    assert_int_equal(world_open(world), RC_OK);
    send_purchase(world, 1);
    turns(world, 3);
    assert_int_equal(participant_close(&world->participant), RC_OK);
    fake_broker_destroy(&world->broker);
    world->broker = fake_broker_new();
    assert_int_equal(world_open(world), RC_OK);
    assert_int_equal(participant_turn(world->participant, 0), RC_DAMAGED);
}

static void
test_participant_store_older_than_the_broker_is_damage(void **state)
{
    struct world *world = *state;
    struct event payment;

    event_init(&payment, EVENT_PAYMENT);
    payment.order.value = 1;
    payment.user.value = 1;
    payment.payment_status = PAYMENT_APPROVED;
    fake_broker_send(world->broker, "payments", "payment", &payment);
    assert_int_equal(world_open(world), RC_OK);
    assert_int_equal(participant_turn(world->participant, 0), RC_DAMAGED);
}

/* Nothing of what was decided before the broker answered was ever offered to
 * it: so it can't hold it. */
static void
test_participant_old_store_that_decided_meanwhile_is_damage(void **state)
{
    struct world *world = *state;
    struct event payment;
    int i;

    assert_int_equal(world_open(world), RC_OK);
    turns(world, 2);
    fake_broker_set_down(world->broker, true);
    world_reopen(world); /* as if out of a backup: it never sent a payment */
    event_init(&payment, EVENT_PAYMENT);
    payment.order.value = 1;
    payment.user.value = 1;
    payment.payment_status = PAYMENT_APPROVED;
    fake_broker_send(world->broker, "payments", "payment", &payment);
    begin(world);
    for (i = 0; i < 3; i++)
        assert_int_equal(turn_emit(&world->participant->turn, &payment),
                         RC_OK);
    assert_int_equal(participant_commit(&world->participant->turn), RC_OK);
    fake_broker_set_down(world->broker, false);
    for (i = 0; i < 3; i++)
        if (participant_turn(world->participant, 0) == RC_DAMAGED)
            return;
    fail_msg("an old store was taken for a good one");
}

static void
test_participant_other_partitions_are_refused(void **state)
{
    struct world *world = *state;

    assert_int_equal(world_open(world), RC_OK);
    assert_int_equal(participant_close(&world->participant), RC_OK);
    world->config.partitions = 2;
    assert_int_equal(world_open(world), RC_MALFORMED);
    assert_int_equal(participant_close(&world->participant), RC_OK);
}

static void
test_participant_partitions_keep_their_own_seqs(void **state)
{
    struct world *world = *state;
    uint64_t user, total = 0;
    struct event event;
    uint32_t p;

    world->config.partitions = 4;
    assert_int_equal(world_open(world), RC_OK);
    for (user = 1; user <= 40; user++) {
        event = purchase(user);
        event.user.value = user;
        p = topic_partition(event.user, 4);
        fake_broker_append(world->broker, "orders", p, "gateway",
                           fake_broker_end(world->broker, "orders", p) + 1,
                           &event, 1);
    }
    turns(world, 4);
    assert_int_equal(world->app.effects, 40);
    for (p = 0; p < 4; p++)
        total += fake_broker_end(world->broker, "payments", p);
    assert_int_equal(total, 40);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_participant_event_takes_effect_and_is_published),
        T(test_participant_commands_wait_for_their_descriptor),
        T(test_participant_turn_takes_no_more_than_its_limit),
        T(test_participant_large_turn_is_cut_into_batches),
        T(g2_redelivery_from_an_older_offset_changes_nothing),
        T(g2_redelivery_after_restart_changes_nothing),
        T(g2_batch_stored_twice_takes_effect_once),
        T(g2_outbox_is_sent_again_with_the_same_ids),
        T(g7_outbox_waits_for_the_broker_across_a_restart),
        T(test_participant_seq_gap_is_damage),
        T(test_participant_first_seq_must_be_one),
        T(g6_malformed_event_is_parked_and_others_flow),
        T(g6_foreign_identity_is_parked),
        T(g6_trailing_bytes_are_left),
        T(g6_rest_of_a_torn_batch_is_parked_as_one),
        T(g6_refused_event_holds_its_order_only),
        T(g6_handler_that_asks_again_is_called_a_few_times),
        T(g6_redrive_handles_an_order_in_its_order),
        T(g6_drop_frees_what_waits_behind),
        T(g6_drop_of_one_that_waits_behind_is_told),
        T(g6_too_many_parked_stops_it),
        T(test_participant_handler_failure_undoes_the_turn),
        T(test_participant_broker_that_lost_events_is_damage),
        T(test_participant_store_older_than_the_broker_is_damage),
        T(test_participant_old_store_that_decided_meanwhile_is_damage),
        T(test_participant_other_partitions_are_refused),
        T(test_participant_partitions_keep_their_own_seqs),
    };

    log_open("test_participant");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
