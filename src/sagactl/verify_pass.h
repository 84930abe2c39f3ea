/*
 * verify_pass.h - one partition of the log, while it is verified
 *
 * Internal to verify_log.c, which reads it, and verify_streams.c, which then
 * looks at those who write and read it.
 */
#ifndef VERIFY_PASS_H
#define VERIFY_PASS_H

#include "sagactl/verify.h"

/* What the log holds of one producer, in one partition. */
struct producer_pass {
    char name[PRODUCER_NAME_BYTES];
    uint64_t last_seq;
    uint64_t read_seq[VERIFY_ACTORS]; /* the last below their positions */
    uint64_t stored_seq;              /* the last, as the broker's row says */
};

/* One partition. */
struct pass {
    struct verify *verify;
    char name[TOPIC_NAME_BYTES];
    enum topic topic; /* TOPIC_COUNT: none of ours, its events are not read */
    uint32_t partition;
    uint64_t start;
    uint64_t next; /* the offset that must come */
    const struct verify_read *reads[VERIFY_ACTORS]; /* NULL: does not read */
    struct producer_pass *producers;
    uint32_t producers_count;
    uint32_t producers_room;
};

/* Events as they stand in the log or wait in an outbox. */
struct pass_batch {
    const char *producer;
    uint64_t first_seq;
    uint32_t count;
    const uint8_t *bytes;
    size_t bytes_count;
    uint64_t offset;
    bool in_log;
};

/* verify_log.c: folds the events.  RC_NO_MEMORY. */
MUST_USE enum rc pass_take_events(struct pass *pass,
                                  const struct pass_batch *batch);
/* The producer of that name, made if there is none; NULL: no memory. */
struct producer_pass *pass_producer(struct pass *pass, const char *name);

/* verify_streams.c, after the log was read. */
MUST_USE enum rc pass_check_producers(struct pass *pass);
void pass_check_consumers(struct pass *pass);
MUST_USE enum rc pass_check_outboxes(struct pass *pass);

#endif
