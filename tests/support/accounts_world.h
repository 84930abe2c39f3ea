/*
 * accounts_world.h - payment and ledger over one broker in memory, for tests
 *
 * Events of the gateway are sent with send_*(); participants are started and
 * stopped as one likes; settle() turns what runs until nothing moves.  Every
 * function fails the test where something is not as it must be.
 */
#ifndef TESTS_ACCOUNTS_WORLD_H
#define TESTS_ACCOUNTS_WORLD_H

#include "fake_bus.h"
#include "ledger/ledger.h"
#include "payment/payment.h"

enum actor { PAYMENT, LEDGER, ACTORS };

/* An actor's handlers, and the order whose Payments and multiples' they refuse
 * as a version would that can't handle them (0: none). */
struct poisoned {
    const struct participant_handlers *handlers;
    void *context;
    uint64_t poison;
};

struct accounts_world {
    char directory[ACTORS][80];
    char root[64];
    struct fake_broker *broker;
    struct config config[ACTORS];
    struct payment *payment;
    struct ledger *ledger;
    struct participant *participants[ACTORS]; /* NULL: does not run */
    struct poisoned poisoned[ACTORS];
    struct participant_handlers handlers[ACTORS];
};

struct accounts_world *accounts_world_new(void);
/* Stops what runs. */
void accounts_world_destroy(struct accounts_world **world_p);

void actor_start(struct accounts_world *world, enum actor actor);
/* The same, but what it commits is never handed to the broker. */
void actor_start_mute(struct accounts_world *world, enum actor actor);
void actor_stop(struct accounts_world *world, enum actor actor);

/* Turns of all that run, until nothing moves. */
void settle(struct accounts_world *world);

/* Events that are parked; and one attempt at all of them, as they came. */
uint64_t parked_count(const struct accounts_world *world, enum actor actor);
void redrive_parked(struct accounts_world *world, enum actor actor);

/* Events of the gateway, in partition 0.  Amounts in minor units. */
void send_opened(struct accounts_world *world, uint64_t user, int64_t amount);
void send_credited(struct accounts_world *world, uint64_t credit,
                   uint64_t user, int64_t amount);
void send_frozen(struct accounts_world *world, uint64_t user);
void send_thawed(struct accounts_world *world, uint64_t user);
void send_purchase(struct accounts_world *world, uint64_t order, uint64_t user,
                   int64_t price);
void send_cancel(struct accounts_world *world, uint64_t order, uint64_t user,
                 enum refusal reason);
/* An event of payment's or the ledger's, for the other one alone. */
void send_payment(struct accounts_world *world, uint64_t order, uint64_t user,
                  enum payment_status status, enum refusal reason,
                  int64_t price, int64_t balance);
void send_changed(struct accounts_world *world, uint64_t user,
                  enum account_change change, int64_t amount, int64_t balance);
void send_transaction(struct accounts_world *world, uint64_t order,
                      uint64_t user, enum transaction_status status,
                      enum refusal reason, int64_t price);

/* How many events a topic holds, and one of them. */
uint64_t sent_count(const struct accounts_world *world, const char *topic);
struct event sent_event(const struct accounts_world *world, const char *topic,
                        uint64_t index);

/* The last event of the topic `payments` says this. */
void expect_payment(const struct accounts_world *world, uint64_t count,
                    uint64_t order, enum payment_status status,
                    enum refusal reason, int64_t balance);
void expect_change(const struct accounts_world *world, uint64_t count,
                   uint64_t user, enum account_change change,
                   enum refusal reason, int64_t amount, int64_t balance);
/* The last event of the topic `transactions` says this; transaction 0: none. */
void expect_transaction(const struct accounts_world *world, uint64_t count,
                        uint64_t order, enum transaction_status status,
                        enum refusal reason, uint64_t transaction);

/* The store of an actor that does not run. */
struct store *open_store(const struct accounts_world *world, enum actor actor);

#endif
