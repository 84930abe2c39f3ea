/*
 * event_list.h - the vocabulary of the whole system: fields and events
 *
 * The codec, the documents' check (docs/EVENTS.md) and the broker's headers
 * are made from these two lists.  To add an event: docs/HACKING.md.
 *
 * Core.
 */
#ifndef SAGA_EVENT_LIST_H
#define SAGA_EVENT_LIST_H

/*
 * FIELDS: F(enum, wire name, kind, member of struct event)
 * Kinds: ID 1..2^53-1; COUNT 1..QUANTITY_MAX; MONEY minor units; TIME
 * microseconds since 1970, 0..EVENT_TIME_US_MAX; NUMBER 0..2^53-1; REFUSAL,
 * PAYMENT, TRANSACTION, CHANGE names out of an enum; CURRENCY three capital
 * letters; TEXT 1 to 31 bytes of printable ASCII; BLOB bytes.
 */
#define EVENT_FIELD_LIST(F)                                                    \
    F(FIELD_ORDER_ID, "orderId", ID, order.value)                              \
    F(FIELD_USER_ID, "userId", ID, user.value)                                 \
    F(FIELD_PRODUCT_ID, "productId", ID, product.value)                        \
    F(FIELD_QUANTITY, "quantity", COUNT, quantity)                             \
    F(FIELD_PRICE, "price", MONEY, price.minor)                                \
    F(FIELD_CURRENCY, "currency", CURRENCY, currency)                          \
    F(FIELD_REASON, "reason", REFUSAL, reason)                                 \
    F(FIELD_AMOUNT, "amount", MONEY, amount.minor)                             \
    F(FIELD_CREDIT_ID, "creditId", ID, credit.value)                           \
    F(FIELD_PAYMENT_STATUS, "status", PAYMENT, payment_status)                 \
    F(FIELD_BALANCE, "balance", MONEY, balance.minor)                          \
    F(FIELD_KIND, "kind", CHANGE, change)                                      \
    F(FIELD_TRANSACTION_ID, "transactionId", ID, transaction.value)            \
    F(FIELD_TRANSACTION_STATUS, "status", TRANSACTION, transaction_status)     \
    F(FIELD_DECIDED_AT, "decidedAt", TIME, decided_us)                         \
    F(FIELD_TOPIC, "topic", TEXT, topic_name)                                  \
    F(FIELD_PARTITION, "partition", NUMBER, partition)                         \
    F(FIELD_OFFSET, "offset", NUMBER, offset)                                  \
    F(FIELD_PARTICIPANT, "participant", TEXT, participant)                     \
    F(FIELD_CAUSE, "cause", TEXT, cause)                                       \
    F(FIELD_ATTEMPTS, "attempts", NUMBER, attempts)                            \
    F(FIELD_EVENT, "event", BLOB, blob)

/*
 * EVENTS: E(enum, type on the wire, version, topic, required, optional).  The
 * topic TOPIC_COUNT stands for any of the knob `topics`.
 * Every event has beside these: id, source, type, version, time, and may have
 * traceparent.
 */
#define EVENT_LIST(E)                                                          \
    E(EVENT_ORDER_PURCHASE, "OrderPurchase", 1, TOPIC_ORDERS,                  \
      HAS(ORDER_ID) | HAS(USER_ID) | HAS(PRODUCT_ID) | HAS(QUANTITY) |         \
          HAS(PRICE) | HAS(CURRENCY), 0)                                       \
    E(EVENT_ORDER_CANCEL, "OrderCancel", 1, TOPIC_ORDERS,                      \
      HAS(ORDER_ID) | HAS(USER_ID) | HAS(REASON), 0)                           \
    E(EVENT_ACCOUNT_OPENED, "AccountOpened", 1, TOPIC_ORDERS,                  \
      HAS(USER_ID) | HAS(AMOUNT), 0)                                           \
    E(EVENT_ACCOUNT_CREDITED, "AccountCredited", 1, TOPIC_ORDERS,              \
      HAS(USER_ID) | HAS(AMOUNT) | HAS(CREDIT_ID), 0)                          \
    E(EVENT_ACCOUNT_FROZEN, "AccountFrozen", 1, TOPIC_ORDERS,                  \
      HAS(USER_ID), 0)                                                         \
    E(EVENT_ACCOUNT_THAWED, "AccountThawed", 1, TOPIC_ORDERS,                  \
      HAS(USER_ID), 0)                                                         \
    E(EVENT_PAYMENT, "Payment", 1, TOPIC_PAYMENTS,                             \
      HAS(ORDER_ID) | HAS(USER_ID) | HAS(PAYMENT_STATUS) | HAS(PRICE) |        \
          HAS(BALANCE), HAS(REASON))                                           \
    E(EVENT_ACCOUNT_CHANGED, "AccountChanged", 1, TOPIC_PAYMENTS,              \
      HAS(USER_ID) | HAS(KIND) | HAS(AMOUNT) | HAS(BALANCE),                   \
      HAS(REASON) | HAS(CREDIT_ID))                                            \
    E(EVENT_TRANSACTION, "Transaction", 1, TOPIC_TRANSACTIONS,                 \
      HAS(ORDER_ID) | HAS(USER_ID) | HAS(TRANSACTION_STATUS) | HAS(PRICE) |    \
          HAS(DECIDED_AT), HAS(TRANSACTION_ID) | HAS(REASON))                  \
    E(EVENT_DEAD_LETTER, "DeadLetter", 1, TOPIC_DEAD_LETTERS,                  \
      HAS(TOPIC) | HAS(PARTITION) | HAS(OFFSET) | HAS(PARTICIPANT) |           \
          HAS(CAUSE) | HAS(ATTEMPTS) | HAS(EVENT),                             \
      HAS(ORDER_ID) | HAS(USER_ID))                                            \
    E(EVENT_FOREIGN, "Foreign", 1, TOPIC_COUNT,                                \
      HAS(EVENT), HAS(ORDER_ID) | HAS(USER_ID))

/* PAYMENT, TRANSACTION and CHANGE names; 0 is "unset" and never on the wire. */
#define PAYMENT_STATUS_LIST(N)                                                 \
    N(PAYMENT_APPROVED, "APPROVED")                                            \
    N(PAYMENT_DECLINED, "DECLINED")                                            \
    N(PAYMENT_REFUNDED, "REFUNDED")

#define TRANSACTION_STATUS_LIST(N)                                             \
    N(TRANSACTION_SUCCESSFUL, "SUCCESSFUL")                                    \
    N(TRANSACTION_UNSUCCESSFUL, "UNSUCCESSFUL")                                \
    N(TRANSACTION_REVERSED, "REVERSED")

#define ACCOUNT_CHANGE_LIST(N)                                                 \
    N(ACCOUNT_CHANGE_OPENED, "OPENED")                                         \
    N(ACCOUNT_CHANGE_CREDITED, "CREDITED")                                     \
    N(ACCOUNT_CHANGE_FROZEN, "FROZEN")                                         \
    N(ACCOUNT_CHANGE_THAWED, "THAWED")                                         \
    N(ACCOUNT_CHANGE_REFUSED, "REFUSED")

#endif
