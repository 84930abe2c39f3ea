/*
 * protocol.h - frames between a client and the broker (docs/PROTOCOL.md)
 *
 * One request, one reply, each ONE ZeroMQ frame (behind the ROUTER's routing
 * id): a header of big-endian fields, then for PRODUCE and FETCH_OK the
 * batches as they are stored.  Reading and writing of frames, for both sides;
 * no socket here.  No program of ours writes OPEN, or reads PRODUCE_OK's body:
 * tests do, as other clients may.
 *
 *   frame   = "SP" version verb request-id(8) body
 *   batch   = base-offset(8) time-us(8) producer(text) epoch(4) first-seq(8)
 *             count(4) length(4) length*OCTET         ; text = len(1) len*CHAR
 *
 *   OPEN          producer(text)
 *   OPEN_OK       epoch(4) count(2) count*( topic(text) partition(2)
 *                 last-seq(8) )
 *   PRODUCE       topic(text) partition(2) batch      ; base-offset, time 0
 *   PRODUCE_OK    base-offset(8) duplicate(1)
 *   FETCH         topic(text) partition(2) consumer(text, may be empty)
 *                 position(8) offset(8) max-bytes(4) max-wait-ms(4)
 *   FETCH_OK      start(8) end(8) count(4) count*batch
 *   STATUS        (nothing)
 *   STATUS_OK     topics(2) topics*( topic(text) partition(2) start(8) end(8)
 *                 bytes(8) ) consumers(2) consumers*( consumer(text)
 *                 topic(text) partition(2) position(8) )
 *                 producers(2) producers*( producer(text) epoch(4) )
 *   FORGET        consumer(text)              ; no longer holds retention
 *   FORGET_OK     (nothing)
 *   ERROR         code(2) detail(8) words(text)
 *   REPORT        name(text) length(2) length*OCTET
 *   REPORT_OK     (nothing)
 *   SURVEY        (nothing)
 *   SURVEY_OK     what stands in STATUS_OK, then reports(2) reports*(
 *                 name(text) age-ms(4) length(2) length*OCTET )
 *   OPEN_STORE    producer(text) starts(8) life(8)   ; answered by OPEN_OK
 *
 * In a PRODUCE base-offset and time are 0 (the broker fills them in); seqs
 * count from 1; count is 1 or more and no larger than length.  A base-offset
 * of PROTOCOL_OFFSET_UNKNOWN in PRODUCE_OK: a duplicate, so old that the
 * broker no longer knows where it is stored.
 *
 * `position` is the consumer's own committed offset, so that lag is seen and
 * retention is safe; an anonymous consumer (empty name) is not registered.
 * A batch is stored under its base offset and is never split: a FETCH gives
 * whole batches, the first of them holding `offset`, at least one whatever
 * max-bytes says.
 *
 * Core (no library).
 */
#ifndef SAGA_PROTOCOL_H
#define SAGA_PROTOCOL_H

#include "saga/bytes.h"
#include "saga/topic.h"

#define PROTOCOL_VERSION 1
#define PROTOCOL_HEADER_BYTES 12
#define PROTOCOL_BATCH_BYTES_MAX (1u << 20)    /* events of one batch         */
#define PROTOCOL_BATCH_HEADER_BYTES_MAX 68
#define PROTOCOL_FRAME_BYTES_MAX (4u << 20)    /* any frame                   */
#define PROTOCOL_FETCH_BYTES_MAX (2u << 20)    /* batches of one FETCH_OK     */
#define PROTOCOL_WAIT_MS_MAX 30000
#define PROTOCOL_BATCH_COUNT_MAX 65536         /* events in one batch         */
#define PROTOCOL_OFFSET_UNKNOWN UINT64_MAX

enum verb {
    VERB_NONE = 0,
    VERB_OPEN = 1, VERB_OPEN_OK,
    VERB_PRODUCE, VERB_PRODUCE_OK,
    VERB_FETCH, VERB_FETCH_OK,
    VERB_STATUS, VERB_STATUS_OK,
    VERB_FORGET, VERB_FORGET_OK,
    VERB_ERROR,
    VERB_REPORT, VERB_REPORT_OK,
    VERB_SURVEY, VERB_SURVEY_OK,
    VERB_OPEN_STORE,
    VERB_COUNT
};

/* Codes of ERROR, in rank: the first that holds is told.  `detail`: */
#define BUS_ERROR_LIST(X)                                                      \
    X(BUS_ERROR_MALFORMED,     "MALFORMED")     /* octet where it was seen */  \
    X(BUS_ERROR_VERSION,       "VERSION")       /* the version spoken here */  \
    X(BUS_ERROR_TOO_LARGE,     "TOO_LARGE")     /* the limit               */  \
    X(BUS_ERROR_BAD_NAME,      "BAD_NAME")                                     \
    X(BUS_ERROR_UNKNOWN_TOPIC, "UNKNOWN_TOPIC")                                \
    X(BUS_ERROR_UNKNOWN_PARTITION, "UNKNOWN_PARTITION") /* how many are */     \
    X(BUS_ERROR_NOT_PERMITTED, "NOT_PERMITTED")                                \
    X(BUS_ERROR_NOT_OPEN,      "NOT_OPEN")      /* producer never opened   */  \
    X(BUS_ERROR_FENCED,        "FENCED")        /* the epoch in force      */  \
    X(BUS_ERROR_SEQ_GAP,       "SEQ_GAP")       /* the seq that is expected*/  \
    X(BUS_ERROR_SEQ_OVERLAP,   "SEQ_OVERLAP")   /* last stored seq         */  \
    X(BUS_ERROR_OFFSET_TRIMMED, "OFFSET_TRIMMED") /* first offset kept */      \
    X(BUS_ERROR_OFFSET_AHEAD,  "OFFSET_AHEAD")  /* the log's end           */  \
    X(BUS_ERROR_LIMIT,         "LIMIT")         /* the limit               */  \
    X(BUS_ERROR_DISK_FLOOR,    "DISK_FLOOR")    /* bytes free              */

enum bus_error {
    BUS_ERROR_NONE = 0,
#define X(id, name) id,
    BUS_ERROR_LIST(X)
#undef X
    BUS_ERROR_COUNT
};

const char *bus_error_name(enum bus_error error);
/* True if the same request may be welcome later.  So it is with a code that
 * only a newer broker has. */
bool bus_error_passes(enum bus_error error);

struct protocol_batch {
    uint64_t base_offset;
    int64_t time_us; /* when the broker stored it */
    char producer[PRODUCER_NAME_BYTES];
    uint32_t epoch;
    uint64_t first_seq;
    uint32_t count;
    const uint8_t *bytes; /* a look into the frame */
    size_t bytes_count;
};

struct protocol_open { char producer[PRODUCER_NAME_BYTES]; };

/* The OPEN of a producer that keeps a store.  Neither number is 0. */
struct protocol_open_store {
    char producer[PRODUCER_NAME_BYTES];
    uint64_t starts; /* how often its store was opened */
    uint64_t life;   /* by chance: this process, and no other with that store */
};

/* OPEN_OK's head; `count` times protocol_get_open_seq() follows. */
struct protocol_open_ok {
    uint32_t epoch;
    uint16_t count;
};

struct protocol_open_seq {
    char topic[TOPIC_NAME_BYTES];
    uint16_t partition;
    uint64_t last_seq;
};

struct protocol_forget { char consumer[PRODUCER_NAME_BYTES]; };

struct protocol_report {
    char name[PRODUCER_NAME_BYTES];
    uint16_t bytes_count;
    const uint8_t *bytes; /* a look into the frame */
};

struct protocol_produce {
    char topic[TOPIC_NAME_BYTES];
    uint16_t partition;
    struct protocol_batch batch;
};

struct protocol_produce_ok {
    uint64_t base_offset;
    bool duplicate;
};

struct protocol_fetch {
    char topic[TOPIC_NAME_BYTES];
    uint16_t partition;
    char consumer[PRODUCER_NAME_BYTES];
    uint64_t position;
    uint64_t offset;
    uint32_t max_bytes;
    uint32_t max_wait_ms;
};

/* FETCH_OK's head; the batches follow and are read with
 * protocol_get_batch() from the same reader, `count` times. */
struct protocol_fetch_ok {
    uint64_t start;
    uint64_t end;
    uint32_t count;
};

struct protocol_error {
    enum bus_error code;
    uint64_t detail;
    char words[256];
};

struct protocol_header {
    uint8_t version;
    enum verb verb;
    uint64_t request;
};

/* Writers append to the writer; check writer->failed at the end. */
void protocol_put_header(struct bytes_writer *writer, enum verb verb,
                         uint64_t request);
void protocol_put_batch(struct bytes_writer *writer,
                        const struct protocol_batch *batch);
void protocol_put_open(struct bytes_writer *writer, uint64_t request,
                       const struct protocol_open *open);
void protocol_put_open_store(struct bytes_writer *writer, uint64_t request,
                             const struct protocol_open_store *open);
/* Head only; the caller appends ok->count times protocol_put_open_seq(). */
void protocol_put_open_ok(struct bytes_writer *writer, uint64_t request,
                          const struct protocol_open_ok *ok);
void protocol_put_open_seq(struct bytes_writer *writer,
                           const struct protocol_open_seq *seq);
void protocol_put_produce(struct bytes_writer *writer, uint64_t request,
                          const struct protocol_produce *produce);
void protocol_put_produce_ok(struct bytes_writer *writer, uint64_t request,
                             const struct protocol_produce_ok *ok);
void protocol_put_fetch(struct bytes_writer *writer, uint64_t request,
                        const struct protocol_fetch *fetch);
/* Head only; the caller appends ok->count batches. */
void protocol_put_fetch_ok(struct bytes_writer *writer, uint64_t request,
                           const struct protocol_fetch_ok *ok);
/* STATUS, SURVEY, FORGET_OK and REPORT_OK are a header alone:
 * protocol_put_header(). */
void protocol_put_forget(struct bytes_writer *writer, uint64_t request,
                         const struct protocol_forget *forget);
void protocol_put_report(struct bytes_writer *writer, uint64_t request,
                         const struct protocol_report *report);
void protocol_put_error(struct bytes_writer *writer, uint64_t request,
                        const struct protocol_error *error);

/*
 * Readers: RC_OK, or RC_MALFORMED with reader->used near the fault.  Header
 * first, then the body of its verb; those that end a frame also refuse
 * trailing octets.  A version other than ours passes the header's reader, and
 * a verb that is none of ours (VERB_NONE then): the caller looks.  Names are
 * not looked at (topic_name_valid()), nor limits: that is the broker's.
 */
MUST_USE enum rc protocol_get_header(struct bytes_reader *reader,
                                     struct protocol_header *header_out);
MUST_USE enum rc protocol_get_batch(struct bytes_reader *reader,
                                    struct protocol_batch *batch_out);
MUST_USE enum rc protocol_get_open(struct bytes_reader *reader,
                                   struct protocol_open *open_out);
MUST_USE enum rc protocol_get_open_store(struct bytes_reader *reader,
                                         struct protocol_open_store *open_out);
MUST_USE enum rc protocol_get_open_ok(struct bytes_reader *reader,
                                      struct protocol_open_ok *ok_out);
MUST_USE enum rc protocol_get_open_seq(struct bytes_reader *reader,
                                       struct protocol_open_seq *seq_out);
MUST_USE enum rc protocol_get_produce(struct bytes_reader *reader,
                                      struct protocol_produce *produce_out);
MUST_USE enum rc protocol_get_produce_ok(struct bytes_reader *reader,
                                         struct protocol_produce_ok *ok_out);
MUST_USE enum rc protocol_get_fetch(struct bytes_reader *reader,
                                    struct protocol_fetch *fetch_out);
MUST_USE enum rc protocol_get_fetch_ok(struct bytes_reader *reader,
                                       struct protocol_fetch_ok *ok_out);
MUST_USE enum rc protocol_get_forget(struct bytes_reader *reader,
                                     struct protocol_forget *forget_out);
MUST_USE enum rc protocol_get_report(struct bytes_reader *reader,
                                     struct protocol_report *report_out);
MUST_USE enum rc protocol_get_error(struct bytes_reader *reader,
                                    struct protocol_error *error_out);

#endif
