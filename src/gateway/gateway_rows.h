/*
 * gateway_rows.h - the rows of the gateway's store, as structs and as bytes
 *
 *   table           key                        value
 *   orders          order id                   order row
 *   order_runs      of the index by user: order_block.h, order_levels.h
 *   orders_by_user  of an older program: order_index_old.h
 *   users           user id                    user row
 *   transactions    transaction id             transaction row
 *   products        product id                 product row
 *   keys            idempotency key            order id (a key row)
 *   parked_orders   order id, what is parked   parked row
 *   changes         number of the first        ids that changed (change row)
 *   traces          order id                   version, traceparent
 *   counters        "counters"                 counters row
 *
 * Keys are big-endian, so that the tables' order is the ids' order.  Every
 * value begins with one octet, the version of its form.  What is fixed about
 * an order comes first and what the saga writes comes last and has a fixed
 * size: the second write then changes the row in place.  Of the two forms of
 * an order the first is written as long as nobody cancels it or gives it back,
 * which nearly nobody does; the second is the first and three times more.
 *
 * To change a form: raise its version, keep reading the old one, write the
 * new one, and keep a row of the old form in tests/unit/test_gateway_rows.c.
 * States and refusals are stored as numbers of this file's own (row_code), so
 * that their enums may be reordered; a new refusal gets a new number.
 *
 * Core.
 */
#ifndef GATEWAY_ROWS_H
#define GATEWAY_ROWS_H

#include "gateway/order_status.h"
#include "saga/bytes.h"

struct order_row {
    struct order_id order;
    struct user_id user;
    struct product_id product;
    struct transaction_id transaction; /* 0 until there is one */
    int64_t quantity;
    struct money price; /* total */
    enum order_status status;
    enum refusal reason;
    int64_t created_us;
    int64_t decided_us; /* payment decided; 0 until known */
    int64_t written_us; /* ledger wrote or refused; 0 until known */
    int64_t updated_us; /* status reached, as the gateway saw it */
    int64_t cancel_us;   /* a cancel was emitted; 0 if none was */
    int64_t refunded_us; /* payment gave the price back; 0 if not */
    int64_t reversed_us; /* ledger took the transaction back; 0 if not */
};

struct product_row {
    struct product_id product;
    struct money price;
};

enum user_state {
    USER_OPENING = 1, /* asked for; payment has not confirmed */
    USER_ACTIVE,
    USER_FROZEN,
    USER_STATE_COUNT
};

/* The state of a user's row where there is none, or one whose opening was
 * refused: then it is no user to anybody. */
#define USER_ABSENT ((enum user_state)0)

struct user_row {
    struct user_id user;
    struct money balance;
    enum user_state state;
    int64_t updated_us;
};

struct transaction_row {
    struct transaction_id transaction;
    struct order_id order;
    struct user_id user;
    struct money amount;
    enum transaction_status status;
    int64_t written_us;
};

/* As index_base, in the counters of programs that put each order into
 * orders_by_user at once. */
#define INDEX_BASE_ALL UINT64_MAX

#define ID_KEY_BYTES 8
#define ORDER_USER_KEY_BYTES 16

#define ORDER_ROW_BYTES 69      /* version 1                       */
#define ORDER_ROW_BYTES_MAX 93  /* version 2: and the last three times */
#define KEY_ROW_BYTES 9
#define PARKED_KEY_BYTES_MAX (8 + 2 * EVENT_TEXT_BYTES + 2 + 8)
#define PARKED_ROW_BYTES_MAX (1 + 8 + EVENT_TEXT_BYTES + 8)
#define USER_ROW_BYTES 18
#define TRANSACTION_ROW_BYTES 34
#define PRODUCT_ROW_BYTES 9
#define COUNTERS_ROW_BYTES_MAX                                                 \
    (1 + 7 * 8 + 1 + 8 * (ORDER_STATUS_COUNT - 1) + 1 +                        \
     9 * (REFUSAL_COUNT - 1))

/* How often each thing happened since the store was created. */
struct gateway_counters {
    uint64_t orders[ORDER_STATUS_COUNT]; /* reached that state             */
    uint64_t refusals[REFUSAL_COUNT];    /* failed for that reason         */
    uint64_t open;                       /* orders that have not ended now */
    uint64_t users;                      /* rows that there are now        */
    uint64_t transactions;
    uint64_t parked_orders; /* that an operator has to look at now          */
    uint64_t order_mark;    /* no order with a lower id is open             */
    uint64_t credit_last;   /* the last credit id that we gave; 0: none yet */
    uint64_t index_base;    /* of order_index.h                              */
};

/* An event of an order that a participant could not handle. */
struct parked_row {
    struct order_id order;
    char participant[EVENT_TEXT_BYTES];
    char topic[EVENT_TEXT_BYTES];
    uint64_t partition;
    uint64_t offset;
    uint64_t attempts;
    char cause[EVENT_TEXT_BYTES];
    int64_t since_us; /* when the gateway first heard of it */
};

/* What changed, as a change row keeps it (gateway_changes.h). */
enum change_kind { CHANGE_ORDER = 1, CHANGE_TRANSACTION };

#define CHANGE_ROW_MAX 480 /* changes in one row: it fits a page */
#define CHANGE_ROW_BYTES_MAX (1 + 8 * CHANGE_ROW_MAX)

static inline uint64_t
change_id(enum change_kind kind, uint64_t id)
{
    return (uint64_t)kind << 56 | id;
}

static inline enum change_kind
change_id_kind(uint64_t id)
{
    return (enum change_kind)(id >> 56);
}

static inline uint64_t
change_id_value(uint64_t id)
{
    return id & ((UINT64_C(1) << 56) - 1);
}

/* Returns the value's length. */
size_t change_row_encode(const uint64_t *ids, uint32_t count,
                         uint8_t value[CHANGE_ROW_BYTES_MAX]);
/* How many it holds; RC_DAMAGED if any of it is not as it was written. */
MUST_USE enum rc change_row_count(const uint8_t *value, size_t bytes,
                                  uint32_t *count_out);
/* One of them, below the count. */
uint64_t change_row_at(const uint8_t *value, uint32_t index);

void id_key_encode(uint64_t id, uint8_t key[ID_KEY_BYTES]);
void order_user_key_encode(struct user_id user, uint64_t order,
                           uint8_t key[ORDER_USER_KEY_BYTES]);
/* RC_DAMAGED if it is none. */
MUST_USE enum rc id_key_decode(const uint8_t *key, size_t bytes,
                               uint64_t *id_out);

/* Returns the value's length. */
size_t order_row_encode(const struct order_row *row,
                        uint8_t value[ORDER_ROW_BYTES_MAX]);
void key_row_encode(struct order_id order, uint8_t value[KEY_ROW_BYTES]);
/* Return the lengths.  The key begins with the order's id. */
size_t parked_key_encode(const struct parked_row *row,
                         uint8_t key[PARKED_KEY_BYTES_MAX]);
size_t parked_row_encode(const struct parked_row *row,
                         uint8_t value[PARKED_ROW_BYTES_MAX]);
void transaction_row_encode(const struct transaction_row *row,
                            uint8_t value[TRANSACTION_ROW_BYTES]);
void product_row_encode(const struct product_row *row,
                        uint8_t value[PRODUCT_ROW_BYTES]);
/* Returns the value's length. */
size_t counters_row_encode(const struct gateway_counters *counters,
                           uint8_t value[COUNTERS_ROW_BYTES_MAX]);

/* A user's value as it goes through a row cache, which knows the key. */
void user_row_write(const struct user_row *row, struct bytes_writer *writer);
/* False where user_row_decode() gives RC_DAMAGED; row->user is not touched. */
bool user_row_read(struct user_row *row, struct bytes_reader *reader);

/*
 * The readers take the key's id and the value.  RC_DAMAGED if the value is
 * not one that the writers above make: another length or version, a state or
 * refusal that there is not, an amount out of range.
 */
MUST_USE enum rc order_row_decode(struct order_id order, const uint8_t *value,
                                  size_t bytes, struct order_row *row_out);
/* The same of a row with its key, as a walk over the table meets it. */
MUST_USE enum rc order_row_read(const uint8_t *key, size_t key_bytes,
                                const uint8_t *value, size_t bytes,
                                struct order_row *row_out);
MUST_USE enum rc user_row_decode(struct user_id user, const uint8_t *value,
                                 size_t bytes, struct user_row *row_out);
MUST_USE enum rc transaction_row_decode(struct transaction_id transaction,
                                        const uint8_t *value, size_t bytes,
                                        struct transaction_row *row_out);
MUST_USE enum rc product_row_decode(struct product_id product,
                                    const uint8_t *value, size_t bytes,
                                    struct product_row *row_out);
MUST_USE enum rc key_row_decode(const uint8_t *value, size_t bytes,
                                struct order_id *order_out);
MUST_USE enum rc parked_row_decode(const uint8_t *key, size_t key_bytes,
                                   const uint8_t *value, size_t bytes,
                                   struct parked_row *row_out);
MUST_USE enum rc counters_row_decode(const uint8_t *value, size_t bytes,
                                     struct gateway_counters *counters_out);

#endif
