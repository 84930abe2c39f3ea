/*
 * producer_seqs.h - what one producer has stored in one partition
 *
 * A producer numbers its events in a partition 1, 2, 3, ... (seq).  The last
 * seq decides whether a batch is new, a repetition, or has a hole before it;
 * the places of the last few batches let a repetition be acknowledged with the
 * offset where it is stored.
 *
 * Core.
 */
#ifndef PRODUCER_SEQS_H
#define PRODUCER_SEQS_H

#include "saga/bytes.h"

#define PRODUCER_SEQS_BATCHES 5
#define PRODUCER_SEQS_ROW_BYTES (8 + 1 + PRODUCER_SEQS_BATCHES * (8 + 4 + 8))

struct producer_seqs_batch {
    uint64_t first_seq;
    uint32_t count;
    uint64_t base_offset;
};

struct producer_seqs {
    uint64_t last_seq; /* 0: nothing yet */
    uint8_t batch_count;
    struct producer_seqs_batch batches[PRODUCER_SEQS_BATCHES]; /* newest 0 */
};

enum producer_verdict {
    PRODUCER_VERDICT_NONE = 0,
    PRODUCER_APPEND,    /* it follows the last one                           */
    PRODUCER_DUPLICATE, /* all of it is stored; detail: its base offset, or
                           PROTOCOL_OFFSET_UNKNOWN                           */
    PRODUCER_GAP,       /* seqs before it are missing; detail: the first one */
    PRODUCER_OVERLAP,   /* some of it is stored; detail: the last seq stored */
};

enum producer_verdict
producer_seqs_decide(const struct producer_seqs *seqs, uint64_t first_seq,
                     uint32_t count, uint64_t *detail_out);

/* The batch was appended.  It must have been PRODUCER_APPEND. */
void producer_seqs_fold(struct producer_seqs *seqs,
                        const struct producer_seqs_batch *batch);

void producer_seqs_put(struct bytes_writer *writer,
                       const struct producer_seqs *seqs);
MUST_USE enum rc producer_seqs_get(struct bytes_reader *reader,
                                   struct producer_seqs *seqs_out);

#endif
