/*
 * gateway_world.h - a gateway's store thread over a broker in memory, for tests
 *
 * The test is the http thread: it posts requests, takes turns and takes the
 * answers.  It is payment and ledger too: it sends their events.
 */
#ifndef TESTS_GATEWAY_WORLD_H
#define TESTS_GATEWAY_WORLD_H

#include "fake_bus.h"
#include "gateway/gateway_store.h"

struct gateway_world {
    char home[64];
    char directory[96]; /* the store's */
    char seed_path[96];
    struct fake_broker *broker;
    struct config config;
    struct mailbox *requests;
    struct mailbox *answers;
    struct gateway_shared shared; /* wake_fd is an eventfd of the world's */
    struct gateway_store *store;
    struct participant *participant;
};

/* A directory, a seed of the products 1 to 5 and the users 1 to 5, and a
 * configuration; change it, then world_open(). */
void world_init(struct gateway_world *world);
void world_fini(struct gateway_world *world);
void world_write_seed(struct gateway_world *world, const char *text);

enum rc world_open(struct gateway_world *world);
void world_close(struct gateway_world *world);

/* Turns until nothing moves: everything sent has arrived both ways. */
void world_settle(struct gateway_world *world);

/* Posts one request, takes a turn and takes its answer (invariant). */
void world_ask(struct gateway_world *world, struct request *request);
/* Places an order as a request; its answer is in *request. */
void world_place(struct gateway_world *world, struct request *request,
                 uint64_t user, uint64_t product, int64_t quantity);

/* The events of payment and ledger. */
void world_send_change(struct gateway_world *world, enum account_change change,
                       uint64_t user, int64_t balance, enum refusal reason);
void world_send_payment(struct gateway_world *world,
                        enum payment_status status, uint64_t order,
                        uint64_t user, int64_t price, int64_t balance,
                        enum refusal reason);
void world_send_transaction(struct gateway_world *world,
                            enum transaction_status status, uint64_t order,
                            uint64_t user, int64_t price, uint64_t transaction,
                            enum refusal reason);

/* For cmocka: *state is a world, closed or open and settled. */
int world_setup(void **state);
int world_setup_open(void **state);
int world_teardown(void **state);

void world_reopen(struct gateway_world *world);

/* Asks for what must be there. */
struct order_row world_order(struct gateway_world *world, uint64_t id);
struct user_row world_user(struct gateway_world *world, uint64_t id);
struct gateway_metrics world_metrics(struct gateway_world *world);
void world_user_open(struct gateway_world *world, struct request *request,
                     uint64_t user, int64_t amount);

/* User 1 with 100.00 buys product 1 for 50.00 three times; and the check that
 * exactly this happened. */
void world_play_scenario(struct gateway_world *world);
void world_check_scenario(struct gateway_world *world);

#endif
