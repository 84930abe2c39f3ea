/*
 * accounts_reading.h - what payment and ledger must say, read naively
 *
 * Reads the topic `orders` as a person with a pencil would, and checks each
 * event of `payments` against it.  Only one thing can't be known from `orders`
 * alone: when a refund that the ledger caused took effect; that is taken from
 * `payments`, and checked to be one that is due.
 */
#ifndef TESTS_ACCOUNTS_READING_H
#define TESTS_ACCOUNTS_READING_H

#include "accounts_world.h"

#define READING_USERS 4 /* ids from 1 */
#define READING_ORDERS 300
#define READING_CREDITS 20

enum fate { UNSEEN, CANCELLED_FIRST, TAKEN, REFUSED, GIVEN_BACK };

struct order_fate {
    enum fate fate;
    enum refusal reason;
    uint64_t user;
    int64_t price;
};

struct credit_seen {
    bool seen;
    uint64_t user;
    int64_t amount;
};

struct reading {
    int64_t limit;                      /* the ledger's; 0: none */
    int64_t balance[READING_USERS + 1]; /* -1: no account        */
    bool frozen[READING_USERS + 1];
    struct credit_seen credits[READING_CREDITS + 1];
    struct order_fate orders[READING_ORDERS + 1];
};

/* Fails the test where `payments` says anything else. */
void read_orders(const struct accounts_world *world, int64_t limit,
                 struct reading *reading_out);

/* True if the price is above the ledger's limit. */
bool too_dear(const struct reading *reading, int64_t price);

#endif
