#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway_world.h"

#define SETTLE_TURNS 12

static const char world_seed[] =
    "{\"products\":[{\"id\":5,\"price\":1000},{\"id\":1,\"price\":50},"
    "{\"id\":2,\"price\":75.00},{\"id\":3,\"price\":\"100.00\"},"
    "{\"id\":4,\"price\":500}],"
    "\"users\":[{\"userId\":1,\"balance\":100},{\"userId\":2,\"balance\":200},"
    "{\"userId\":3,\"balance\":500},{\"userId\":4,\"balance\":1000},"
    "{\"userId\":5,\"balance\":2000}]}";

void
world_write_seed(struct gateway_world *world, const char *text)
{
    FILE *file = fopen(world->seed_path, "w");

    invariant(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void
make_directories(struct gateway_world *world)
{
    strcpy(world->home, "/tmp/sagapipe-gateway-XXXXXX");
    invariant(mkdtemp(world->home) != NULL);
    snprintf(world->directory, sizeof world->directory, "%s/data",
             world->home);
    invariant(mkdir(world->directory, 0700) == 0);
    snprintf(world->directory, sizeof world->directory, "%s/data/gateway",
             world->home);
    invariant(mkdir(world->directory, 0700) == 0);
}

void
world_init(struct gateway_world *world)
{
    memset(world, 0, sizeof *world);
    make_directories(world);
    snprintf(world->seed_path, sizeof world->seed_path, "%s/seed.json",
             world->home);
    world_write_seed(world, world_seed);
    world->broker = fake_broker_new();
    world->config.self = PROCESS_GATEWAY;
    strcpy(world->config.name, "gateway");
    strcpy(world->config.currency, "USD");
    strcpy(world->config.seed, world->seed_path);
    strcpy(world->config.home, world->home);
    world->config.partitions = 1;
    world->config.order_id_stride = 1;
    world->config.order_id_offset = 1;
    world->config.backlog = 1000000;
    world->config.parked = 1000;
    world->config.changes = 100000;
    world->config.products = 1000;
    world->config.turn_events = 4096;
    world->config.batch = 1048576;
    world->config.cache = 16 << 20;
    world->config.checkpoint = 64 << 20;
    world->config.checkpoint_time = 3600000;
    invariant(mailbox_new(&world->requests) == RC_OK);
    invariant(mailbox_new(&world->answers) == RC_OK);
    atomic_store(&world->shared.wake_fd, eventfd(0, EFD_NONBLOCK));
}

static void
remove_directory(const char *path)
{
    char name[512];
    struct dirent *entry;
    DIR *directory = opendir(path);

    invariant(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            remove_directory(name);
        else if (entry->d_type != DT_DIR)
            unlink(name);
    }
    closedir(directory);
    rmdir(path);
}

void
world_fini(struct gateway_world *world)
{
    if (world->participant != NULL)
        world_close(world);
    fake_broker_destroy(&world->broker);
    mailbox_destroy(&world->requests);
    mailbox_destroy(&world->answers);
    close(atomic_load(&world->shared.wake_fd));
    remove_directory(world->home);
}

enum rc
world_open(struct gateway_world *world)
{
    struct bus *bus = fake_bus_new(world->broker, world->config.name);
    enum rc rc;

    world->store = gateway_store_new(&world->config, world->requests,
                                     world->answers, &world->shared);
    rc = participant_open_over(&world->participant, &world->config,
                               world->directory, &bus, &gateway_store_handlers,
                               world->store, -1, mailbox_fd(world->requests));
    gateway_store_attach(world->store, world->participant);
    return rc;
}

void
world_close(struct gateway_world *world)
{
    invariant(participant_close(&world->participant) == RC_OK);
    gateway_store_destroy(&world->store);
}

void
world_settle(struct gateway_world *world)
{
    int i;

    for (i = 0; i < SETTLE_TURNS; i++)
        invariant(participant_turn(world->participant, 0) == RC_OK);
}

void
world_ask(struct gateway_world *world, struct request *request)
{
    mailbox_post(world->requests, request, request);
    invariant(participant_turn(world->participant, 0) == RC_OK);
    invariant(mailbox_take(world->answers) == request);
    invariant(request->next == NULL && request->outcome != REQUEST_PENDING);
}

void
world_place(struct gateway_world *world, struct request *request,
            uint64_t user, uint64_t product, int64_t quantity)
{
    *request = (struct request){ .kind = REQUEST_ORDER_PLACE,
                                 .user = { user },
                                 .product = { product },
                                 .quantity = quantity };
    world_ask(world, request);
}

void
world_send_change(struct gateway_world *world, enum account_change change,
                  uint64_t user, int64_t balance, enum refusal reason)
{
    struct event event;

    event_init(&event, EVENT_ACCOUNT_CHANGED);
    event.user.value = user;
    event.change = change;
    event.amount.minor = balance;
    event.balance.minor = balance;
    if (reason != REFUSAL_NONE)
        event_set_reason(&event, reason);
    fake_broker_send(world->broker, "payments", "payment", &event);
}

void
world_send_payment(struct gateway_world *world, enum payment_status status,
                   uint64_t order, uint64_t user, int64_t price,
                   int64_t balance, enum refusal reason)
{
    struct event event;

    event_init(&event, EVENT_PAYMENT);
    event.order.value = order;
    event.user.value = user;
    event.payment_status = status;
    event.price.minor = price;
    event.balance.minor = balance;
    if (reason != REFUSAL_NONE)
        event_set_reason(&event, reason);
    fake_broker_send(world->broker, "payments", "payment", &event);
}

void
world_send_transaction(struct gateway_world *world,
                       enum transaction_status status, uint64_t order,
                       uint64_t user, int64_t price, uint64_t transaction,
                       enum refusal reason)
{
    struct event event;

    event_init(&event, EVENT_TRANSACTION);
    event.order.value = order;
    event.user.value = user;
    event.transaction_status = status;
    event.price.minor = price;
    event.decided_us = 4000;
    event.time_us = 5000;
    if (transaction != 0) {
        event.transaction.value = transaction;
        event.present |= EVENT_HAS(FIELD_TRANSACTION_ID);
    }
    if (reason != REFUSAL_NONE)
        event_set_reason(&event, reason);
    fake_broker_send(world->broker, "transactions", "ledger", &event);
}

/* ---- what every test of it asks --------------------------------------- */

int
world_setup(void **state)
{
    struct gateway_world *world = malloc(sizeof *world);

    assert_non_null(world);
    world_init(world);
    *state = world;
    return 0;
}

int
world_setup_open(void **state)
{
    world_setup(state);
    assert_int_equal(world_open(*state), RC_OK);
    world_settle(*state);
    return 0;
}

int
world_teardown(void **state)
{
    world_fini(*state);
    free(*state);
    return 0;
}

void
world_reopen(struct gateway_world *world)
{
    world_close(world);
    assert_int_equal(world_open(world), RC_OK);
}

struct order_row
world_order(struct gateway_world *world, uint64_t id)
{
    struct request request = { .kind = REQUEST_ORDER_GET, .order_id = { id } };

    world_ask(world, &request);
    assert_int_equal(request.outcome, REQUEST_DONE);
    return request.order;
}

struct user_row
world_user(struct gateway_world *world, uint64_t id)
{
    struct request request = { .kind = REQUEST_USER_GET, .user = { id } };

    world_ask(world, &request);
    assert_int_equal(request.outcome, REQUEST_DONE);
    return request.user_row;
}

struct gateway_metrics
world_metrics(struct gateway_world *world)
{
    struct request request = { .kind = REQUEST_METRICS };
    struct gateway_metrics metrics;

    world_ask(world, &request);
    assert_int_equal(request.outcome, REQUEST_DONE);
    metrics = *request.metrics;
    request_fini(&request);
    return metrics;
}

void
world_user_open(struct gateway_world *world, struct request *request,
                uint64_t user, int64_t amount)
{
    *request = (struct request){ .kind = REQUEST_USER_OPEN,
                                 .user = { user },
                                 .amount = { amount } };
    world_ask(world, request);
}

/* User 1 with 100.00 buys product 1 for 50.00 three times. */
void
world_play_scenario(struct gateway_world *world)
{
    struct request request;
    int i;

    world_send_change(world, ACCOUNT_CHANGE_OPENED, 1, 10000, 0);
    world_settle(world);
    for (i = 1; i <= 3; i++) {
        world_place(world, &request, 1, 1, 1);
        assert_int_equal(request.outcome, REQUEST_DONE);
        assert_int_equal(request.order.order.value, i);
    }
    world_send_payment(world, PAYMENT_APPROVED, 1, 1, 5000, 5000, 0);
    world_send_payment(world, PAYMENT_APPROVED, 2, 1, 5000, 0, 0);
    world_send_payment(world, PAYMENT_DECLINED, 3, 1, 5000, 0, REFUSAL_CREDIT);
    world_send_transaction(world, TRANSACTION_SUCCESSFUL, 1, 1, 5000, 1, 0);
    world_send_transaction(world, TRANSACTION_SUCCESSFUL, 2, 1, 5000, 2, 0);
    world_send_transaction(world, TRANSACTION_UNSUCCESSFUL, 3, 1, 5000, 0,
                           REFUSAL_CREDIT);
    world_settle(world);
}

void
world_check_scenario(struct gateway_world *world)
{
    struct request request = { .kind = REQUEST_TRANSACTION_GET,
                               .transaction_id = { 2 } };
    struct gateway_metrics metrics;
    struct order_row row;

    row = world_order(world, 1);
    assert_int_equal(row.status, ORDER_COMPLETED);
    assert_int_equal(row.transaction.value, 1);
    assert_int_equal(row.decided_us, 4000);
    assert_int_equal(row.written_us, 5000);
    assert_true(row.updated_us >= row.created_us && row.created_us > 5000);
    assert_int_equal(world_order(world, 2).status, ORDER_COMPLETED);
    row = world_order(world, 3);
    assert_int_equal(row.status, ORDER_FAILED);
    assert_int_equal(row.reason, REFUSAL_CREDIT);
    assert_int_equal(row.transaction.value, 0);
    assert_int_equal(world_user(world, 1).balance.minor, 0);
    assert_int_equal(world_user(world, 1).state, USER_ACTIVE);
    world_ask(world, &request);
    assert_int_equal(request.outcome, REQUEST_DONE);
    assert_int_equal(request.transaction.order.value, 2);
    assert_int_equal(request.transaction.user.value, 1);
    assert_int_equal(request.transaction.amount.minor, 5000);
    assert_int_equal(request.transaction.status, TRANSACTION_SUCCESSFUL);
    assert_int_equal(request.transaction.written_us, 5000);
    metrics = world_metrics(world);
    assert_int_equal(metrics.orders[ORDER_CREATED], 3);
    assert_int_equal(metrics.orders[ORDER_COMPLETED], 2);
    assert_int_equal(metrics.orders[ORDER_FAILED], 1);
    assert_int_equal(metrics.orders[ORDER_CANCELLED], 0);
    assert_int_equal(metrics.refusals[REFUSAL_CREDIT], 1);
    assert_int_equal(metrics.transactions, 2);
    assert_int_equal(metrics.users, 5);
}
