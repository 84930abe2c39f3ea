/*
 * verify_checks.h - what `sagactl verify` proves, one name each
 *
 * V(enum, name, noun of what is counted, topics it needs from the first
 * event on, what it says).  The guarantees are those of docs/GUARANTEES.md.
 *
 * Core.
 */
#ifndef VERIFY_CHECKS_H
#define VERIFY_CHECKS_H

#include "saga/topic.h"

#define NEEDS_NOTHING 0u
#define NEEDS_ORDERS (1u << TOPIC_ORDERS)
#define NEEDS_PAYMENTS (1u << TOPIC_PAYMENTS)
#define NEEDS_TRANSACTIONS (1u << TOPIC_TRANSACTIONS)

#define VERIFY_CHECK_LIST(V)                                                   \
    V(CHECK_LOG_OFFSETS, "log.offsets", "batches", NEEDS_NOTHING,              \
      "offsets have no hole, segments are what their rows say")                \
    V(CHECK_LOG_EVENTS, "log.events", "events", NEEDS_NOTHING,                 \
      "every event decodes, is in its partition, and is who it says")          \
    V(CHECK_LOG_SEQS, "log.seqs", "producers", NEEDS_NOTHING,                  \
      "each producer's seqs have no hole, the broker knows the last")          \
    V(CHECK_POSITIONS, "streams.positions", "streams", NEEDS_NOTHING,          \
      "no consumer stands behind the end of the log (G1)")                     \
    V(CHECK_SEEN, "streams.seen", "producers", NEEDS_NOTHING,                  \
      "a consumer has seen just what is below its position (G2)")              \
    V(CHECK_OUTBOX, "streams.outbox", "events", NEEDS_NOTHING,                 \
      "what was committed is in the log or waits in the outbox (G1)")          \
    V(CHECK_PAYMENT_LAW, "payment.law", "accounts", NEEDS_NOTHING,             \
      "opened + credited - paid + refunded = balance >= 0 (G4)")               \
    V(CHECK_PAYMENT_SUMS, "payment.sums", "accounts", NEEDS_PAYMENTS,          \
      "accounts are the sums of all that payment told (G4)")                   \
    V(CHECK_PAYMENT_TOLD, "payment.told", "events", NEEDS_PAYMENTS,            \
      "each event tells the balance that the ones before it make (G4)")        \
    V(CHECK_PAYMENT_CREDITS, "payment.credits", "credits", NEEDS_NOTHING,      \
      "credits that were given add up to what accounts say (G2, G4)")          \
    V(CHECK_PAYMENT_ORDERS, "payment.orders", "orders", NEEDS_NOTHING,         \
      "an order's row is what was asked and what was told (G2)")               \
    V(CHECK_PAYMENT_ANSWERS, "payment.answers", "orders", NEEDS_ORDERS,        \
      "what payment read took effect, or is parked (G3)")                      \
    V(CHECK_LEDGER_ENTRIES, "ledger.entries", "entries", NEEDS_NOTHING,        \
      "entries balance, entries and transactions are numbered 1, 2, 3")        \
    V(CHECK_LEDGER_BALANCES, "ledger.balances", "accounts", NEEDS_NOTHING,     \
      "balances are the sums of the journal, debits = credits (G4)")           \
    V(CHECK_LEDGER_ORDERS, "ledger.orders", "orders", NEEDS_NOTHING,           \
      "an order's row is what was booked and what was told (G2)")              \
    V(CHECK_LEDGER_ANSWERS, "ledger.answers", "orders", NEEDS_PAYMENTS,        \
      "what the ledger read took effect, or is parked (G3)")                   \
    V(CHECK_LEDGER_AGREES, "ledger.agrees", "users", NEEDS_PAYMENTS,           \
      "the ledger's balances are payment's, at the same event (G4)")           \
    V(CHECK_GATEWAY_ORDERS, "gateway.orders", "orders", NEEDS_NOTHING,         \
      "each order was published, with what stands in its row (G1)")            \
    V(CHECK_GATEWAY_STATUS, "gateway.status", "orders", NEEDS_TRANSACTIONS,    \
      "an order has ended as the ledger told, or is parked (G3)")              \
    V(CHECK_GATEWAY_USERS, "gateway.users", "users", NEEDS_PAYMENTS,           \
      "users' balances are the last that was told")                            \
    V(CHECK_GATEWAY_TRANSACTIONS, "gateway.transactions", "transactions",      \
      NEEDS_TRANSACTIONS, "transactions are those that the ledger told")       \
    V(CHECK_GATEWAY_KEYS, "gateway.keys", "keys", NEEDS_NOTHING,               \
      "an idempotency key stands for an order that is there (G2)")             \
    V(CHECK_GATEWAY_COUNTERS, "gateway.counters", "orders", NEEDS_NOTHING,     \
      "counters and the index by user are those of the rows")

enum verify_check {
#define V(id, name, noun, needs, words) id,
    VERIFY_CHECK_LIST(V)
#undef V
    VERIFY_CHECK_COUNT
};

#endif
