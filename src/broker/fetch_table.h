/*
 * fetch_table.h - fetches that were asked and not answered yet
 *
 *   waiting   asked at the log's end: answered when something is appended, or
 *             with nothing at the deadline
 *   due       a slot whose fetches are to be looked at in this turn: one was
 *             added, something was appended, or a deadline passed
 *
 * A connection has at most one fetch per slot here: a newer one takes the
 * place of the older, which is never answered.
 */
#ifndef FETCH_TABLE_H
#define FETCH_TABLE_H

#include <zmq.h>

#include "broker/topic_table.h"

/* Room beside the waiting ones for those of one turn. */
#define FETCH_TABLE_FRESH_MAX 256
#define FETCH_TABLE_NONE UINT32_MAX

struct fetch {
    zmq_msg_t client; /* the connection's routing id */
    uint64_t request;
    uint32_t slot;
    uint32_t max_bytes;
    uint64_t offset;
    int64_t deadline_us; /* of the monotonic clock */
    bool fresh;          /* not counted as waiting yet */
    bool used;
    uint32_t next; /* in its slot's list, or the list of free places */
    uint32_t previous;
};

struct fetch_table {
    struct fetch *items;
    uint32_t room;
    uint32_t free;
    uint32_t fresh_count;
    uint32_t waiting_count;
    uint32_t waiting_max;
    uint32_t first[TOPIC_TABLE_SLOTS_MAX];
    bool due[TOPIC_TABLE_SLOTS_MAX];
    uint32_t due_slots[TOPIC_TABLE_SLOTS_MAX];
    uint32_t due_count;
    int64_t deadline_us; /* no fetch's is earlier; INT64_MAX: none */
};

MUST_USE enum rc fetch_table_new(struct fetch_table **table_out,
                                 uint32_t waiting_max);
void fetch_table_destroy(struct fetch_table **table_p);

/* No more can be added before some that are fresh were answered or kept. */
bool fetch_table_full(const struct fetch_table *table);
/* Adds a copy of *fetch, moving its client's message, and makes its slot due.
 * The table must not be full. */
void fetch_table_add(struct fetch_table *table, struct fetch *fetch);

/* The slot's first fetch, the next one; NULL at the end. */
struct fetch *fetch_table_first(struct fetch_table *table, uint32_t slot);
struct fetch *fetch_table_next(struct fetch_table *table,
                               const struct fetch *fetch);
/* It can't be answered now: from here on it waits.  RC_FULL: too many do. */
MUST_USE enum rc fetch_table_keep(struct fetch_table *table,
                                  struct fetch *fetch);
/* It was answered, or nobody is there any more. */
void fetch_table_drop(struct fetch_table *table, struct fetch *fetch);

void fetch_table_set_due(struct fetch_table *table, uint32_t slot);
/* Takes a due slot; false when there is none. */
bool fetch_table_take_due(struct fetch_table *table, uint32_t *slot_out);
/* Makes the slots due in which a deadline has passed. */
void fetch_table_expire(struct fetch_table *table, int64_t now_us);

#endif
