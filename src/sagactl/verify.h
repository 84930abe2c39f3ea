/*
 * verify.h - do the four stores and the log say the same?
 *
 * One pass over each, in this order: what the participants read and wrote so
 * far and have parked; the log of every partition, each followed by what waits
 * in its writers' outboxes; the tables of payment, the ledger, the gateway.
 * What it keeps is a row of facts per order and per user (verify_rules.h),
 * and a few lists; verify_facts.h says what that costs.
 *
 * The stores must stand still, each for itself: they are copies, or locked.
 * Copies of a running pipeline must have been made in the order gateway,
 * payment, ledger, broker: then the log holds all that was acknowledged to
 * the others and all that they read.
 *
 * A fault that was found goes on; a store that can't be read ends it.
 */
#ifndef VERIFY_H
#define VERIFY_H

#include "saga/codec.h"
#include "saga/store.h"
#include "sagactl/verify_facts.h"
#include "sagactl/verify_report.h"
#include "sagactl/verify_rules.h"

/* Events, or holes, of the log that could not be read. */
#define VERIFY_POISONS_MAX 10000
/* Events that were set aside: parked now, or dropped. */
#define VERIFY_EXCUSES_MAX 1000000
/* Streams that a participant reads or writes, producers of one partition. */
#define VERIFY_STREAMS_MAX (TOPIC_COUNT * PARTITIONS_MAX)
#define VERIFY_PRODUCERS_MAX 65536

enum verify_store { VERIFY_GATEWAY, VERIFY_PAYMENT, VERIFY_LEDGER,
                    VERIFY_BROKER, VERIFY_STORES };

#define VERIFY_DIRECTORY_BYTES 512

struct verify_input {
    /* Directories of the stores, in the order of verify_names. */
    char directories[VERIFY_STORES][VERIFY_DIRECTORY_BYTES];
    bool copied; /* they are copies that nobody opened yet */
    bool moving; /* not of one moment: copied one after the other */
    bool progress; /* on stderr */
};

#define VERIFY_ACTORS VERIFY_BROKER /* those before it are participants */
extern const char *const verify_names[VERIFY_STORES];

/* Opens the stores, verifies, closes them.  RC_OK: the report tells; else a
 * store could not be read (RC_DAMAGED: report->unreadable), or there is no
 * memory (RC_NO_MEMORY). */
MUST_USE enum rc verify_run(const struct verify_input *input,
                            struct verify_report *report);

/* ---- the parts of it --------------------------------------------------- */

struct verify_seen {
    char producer[PRODUCER_NAME_BYTES];
    uint64_t seq;
};

struct verify_read {
    enum topic topic;
    uint32_t partition;
    uint64_t offset;
    struct verify_seen *seen;
    uint32_t seen_count;
};

struct verify_write {
    enum topic topic;
    uint32_t partition;
    uint64_t next_seq;
};

struct verify_actor {
    enum process process;
    const char *name;
    struct store *store;
    struct verify_read reads[VERIFY_STREAMS_MAX];
    uint32_t reads_count;
    struct verify_write writes[VERIFY_STREAMS_MAX];
    uint32_t writes_count;
    uint32_t partitions;
};

/* Events that need no effect, or no form: at `process`, or anywhere. */
struct verify_span {
    enum topic topic;
    uint32_t partition;
    uint64_t offset;
    uint32_t count;
};
struct verify_spans {
    struct verify_span *items;
    uint32_t count;
    uint32_t room;
};

struct verify {
    const struct verify_input *input;
    struct verify_report *report;
    struct verify_actor *actors; /* VERIFY_ACTORS */
    struct store *broker;
    struct store_table *meta;
    struct codec *codec;
    struct fact_table orders; /* struct order_facts */
    struct fact_table users;  /* struct user_facts */
    unsigned trimmed;         /* topics whose first events are gone */
    struct verify_spans poisons;
    struct verify_spans excuses;
    uint32_t partitions;
};

/* Where an event was found. */
struct verify_origin {
    enum topic topic;
    uint32_t partition;
    uint64_t offset; /* no matter unless in_log */
    bool in_log;
    bool own;            /* see verify_rules.h */
    unsigned read_by;    /* a set of BY(process) */
};

/* verify_open.c */
MUST_USE enum rc verify_open(struct verify *verify);
MUST_USE enum rc verify_close(struct verify *verify);
/* The actor of that process, and what it reads and writes there (NULL). */
struct verify_actor *verify_actor(struct verify *verify, enum process process);
struct verify_actor *verify_actor_named(struct verify *verify,
                                        const char *name);
const struct verify_read *verify_read_of(const struct verify_actor *actor,
                                         enum topic topic, uint32_t partition);
const struct verify_write *
verify_write_of(const struct verify_actor *actor, enum topic topic,
                uint32_t partition);
/* An event that was set aside at `process`: what it would have done is not
 * missed.  order, user: 0 if unknown. */
MUST_USE enum rc verify_excuse(struct verify *verify, enum process process,
                               const struct verify_span *span, uint64_t order,
                               uint64_t user);
MUST_USE enum rc verify_span_add(struct verify_spans *spans,
                                 const struct verify_span *span, uint32_t max);
/* RC_NO_MEMORY. */
MUST_USE enum rc verify_order(struct verify *verify, uint64_t id,
                              struct order_facts **order_out);
MUST_USE enum rc verify_user(struct verify *verify, uint64_t id,
                             struct user_facts **user_out);
/* Does the gateway have that order? (once its orders are read) */
bool verify_has_row(const struct verify *verify, uint64_t id);
/* Is this topic whole? */
bool verify_has(const struct verify *verify, unsigned needs);

/* verify_tables.c: the pages of tables of whose rows no other row tells, none
 * of them open.  RC_DAMAGED, logged: one is damaged, or missing. */
MUST_USE enum rc verify_tables(struct store *store, enum verify_store which);

/* Calls row_fn for every row of a table, in order; counts are the caller's. */
typedef enum rc verify_row_fn(struct verify *verify, void *context,
                              const struct store_row *row);
MUST_USE enum rc verify_walk(struct verify *verify, struct store *store,
                             const char *table, verify_row_fn *row_fn,
                             void *context);
/* The same for a table that its owner opens packed. */
MUST_USE enum rc verify_walk_packed(struct verify *verify,
                                    struct store *store, const char *table,
                                    verify_row_fn *row_fn, void *context);

/* verify_log.c: the log and the outboxes. */
MUST_USE enum rc verify_log(struct verify *verify);

/* verify_events.c: what one event says.  Those of other topics than ours are
 * not given to it. */
MUST_USE enum rc verify_event(struct verify *verify,
                              const struct verify_origin *origin,
                              const struct event *event);

/* verify_payment.c, verify_ledger.c, verify_gateway.c: the tables. */
MUST_USE enum rc verify_payment(struct verify *verify);
MUST_USE enum rc verify_ledger(struct verify *verify);
MUST_USE enum rc verify_gateway(struct verify *verify);

/* verify_index.c: the gateway's index by user, once its orders are known. */
MUST_USE enum rc verify_index(struct verify *verify, struct store *store,
                              uint64_t base);

/* "user=3 price=50.00" is the content that an order is known by; a row or an
 * event with another one differs. */
void verify_content(struct verify *verify, enum verify_check check,
                    const struct order_facts *order, uint64_t user,
                    int64_t price, const char *who);

#endif
