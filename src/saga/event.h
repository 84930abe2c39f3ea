/*
 * event.h - one event, as the programs hold it
 *
 * A struct event is flat: a type, the attributes that every event has, and
 * all fields of the vocabulary, of which the type says which count
 * (event_types[type].required, .optional; `present` tells which optional ones
 * are there).  Its form on the wire is codec.h's.
 *
 * An event's identity is (topic, partition, source, id): `source` is the
 * producer's name and `id` its seq, which rises by one per producer, topic and
 * partition.  The participant loop sets id, source and time.
 *
 * Core.
 */
#ifndef SAGA_EVENT_H
#define SAGA_EVENT_H

#include "saga/event_list.h"
#include "saga/ids.h"
#include "saga/money.h"
#include "saga/refusal.h"
#include "saga/topic.h"

#define QUANTITY_MAX 1000
#define CURRENCY_BYTES 4       /* three letters and NUL                      */
#define EVENT_TEXT_BYTES 32    /* with NUL                                   */
#define TRACEPARENT_BYTES 56   /* W3C trace context, 55 characters and NUL   */
#define EVENT_TIME_US_MAX INT64_C(253402300799999999) /* end of year 9999    */
#define EVENT_BYTES_MAX 8192   /* one event on the wire, at most             */
#define EVENT_BLOB_BYTES_MAX 7168 /* a DeadLetter's event as it came; what a
                                     Foreign one says, as JSON               */

enum payment_status {
    PAYMENT_UNSET = 0,
#define N(id, name) id,
    PAYMENT_STATUS_LIST(N)
#undef N
    PAYMENT_STATUS_COUNT
};

enum transaction_status {
    TRANSACTION_UNSET = 0,
#define N(id, name) id,
    TRANSACTION_STATUS_LIST(N)
#undef N
    TRANSACTION_STATUS_COUNT
};

enum account_change {
    ACCOUNT_CHANGE_UNSET = 0,
#define N(id, name) id,
    ACCOUNT_CHANGE_LIST(N)
#undef N
    ACCOUNT_CHANGE_COUNT
};

enum event_type {
    EVENT_NONE = 0,
#define E(id, name, version, topic, required, optional) id,
    EVENT_LIST(E)
#undef E
    EVENT_TYPE_COUNT
};

enum event_field {
#define F(id, name, kind, member) id,
    EVENT_FIELD_LIST(F)
#undef F
    EVENT_FIELD_COUNT
};

enum field_kind {
    KIND_ID, KIND_COUNT, KIND_MONEY, KIND_TIME, KIND_NUMBER, KIND_REFUSAL,
    KIND_PAYMENT, KIND_TRANSACTION, KIND_CHANGE, KIND_CURRENCY, KIND_TEXT,
    KIND_BLOB,
};

/* A set of fields. */
#define EVENT_HAS(field) (UINT32_C(1) << (field))

struct event_blob {
    const uint8_t *data; /* points into the frame that was decoded */
    size_t bytes;
};

struct event {
    enum event_type type;
    uint32_t present;      /* which fields hold a value: EVENT_HAS() */
    uint64_t id;           /* the producer's seq, from 1             */
    int64_t time_us;
    char source[PRODUCER_NAME_BYTES];
    char traceparent[TRACEPARENT_BYTES]; /* "" if there is none      */

    struct order_id order;
    struct user_id user;
    struct product_id product;
    struct transaction_id transaction;
    struct credit_id credit;
    int64_t quantity;
    struct money price; /* the order's total */
    struct money amount;
    struct money balance;
    enum refusal reason;
    enum payment_status payment_status;
    enum transaction_status transaction_status;
    enum account_change change;
    char currency[CURRENCY_BYTES];
    int64_t decided_us; /* when payment decided */

    char topic_name[EVENT_TEXT_BYTES];
    char participant[EVENT_TEXT_BYTES];
    char cause[EVENT_TEXT_BYTES];
    uint64_t partition;
    uint64_t offset;
    uint64_t attempts;
    struct event_blob blob;
};

struct event_type_info {
    const char *name;
    uint32_t version;
    enum topic topic; /* TOPIC_COUNT: any of the knob `topics` */
    uint32_t required;
    uint32_t optional;
};

struct event_field_info {
    const char *name;
    enum field_kind kind;
    size_t member; /* offsetof(struct event, member) */
};

extern const struct event_type_info event_types[EVENT_TYPE_COUNT];
extern const struct event_field_info event_fields[EVENT_FIELD_COUNT];

/*
 * An empty event of this type: everything zero but `type` and `present`,
 * which holds the required fields.  Whoever sets an optional field adds it to
 * `present` (for reason: event_set_reason).
 */
void event_init(struct event *event, enum event_type type);
void event_set_reason(struct event *event, enum refusal reason);

/* Names of the enums, "" for 0. */
const char *payment_status_name(enum payment_status status);
const char *transaction_status_name(enum transaction_status status);
const char *account_change_name(enum account_change change);
/* EVENT_TYPE_COUNT if unknown. */
enum event_type event_type_find(const char *name, size_t bytes);

/* The same for a field whose kind is one of the enums: REFUSAL, PAYMENT,
 * TRANSACTION or CHANGE.  *value_out is the enum's COUNT if false. */
const char *event_value_name(enum field_kind kind, unsigned value);
bool event_value_find(enum field_kind kind, const char *name, size_t bytes,
                      unsigned *value_out);

/* True for the form of W3C trace context's version 00: 00-32hex-16hex-2hex,
 * lower case.  Anything else must not get into an event. */
bool traceparent_valid(const char *text, size_t bytes);

#endif
