#include "broker/producer_seqs.h"

#include "saga/protocol.h"

static uint64_t
stored_offset(const struct producer_seqs *seqs, uint64_t seq)
{
    for (uint8_t i = 0; i < seqs->batch_count; i++) {
        const struct producer_seqs_batch *batch = &seqs->batches[i];

        if (seq >= batch->first_seq && seq - batch->first_seq < batch->count)
            return batch->base_offset + (seq - batch->first_seq);
    }
    return PROTOCOL_OFFSET_UNKNOWN;
}

enum producer_verdict
producer_seqs_decide(const struct producer_seqs *seqs, uint64_t first_seq,
                     uint32_t count, uint64_t *detail_out)
{
    uint64_t last_seq = first_seq + (count - 1);

    invariant(first_seq >= 1 && count >= 1 && last_seq >= first_seq);
    if (first_seq > seqs->last_seq) {
        *detail_out = seqs->last_seq + 1;
        return first_seq == seqs->last_seq + 1 ? PRODUCER_APPEND : PRODUCER_GAP;
    }
    if (last_seq > seqs->last_seq) {
        *detail_out = seqs->last_seq;
        return PRODUCER_OVERLAP;
    }
    *detail_out = stored_offset(seqs, first_seq);
    return PRODUCER_DUPLICATE;
}

void
producer_seqs_fold(struct producer_seqs *seqs,
                   const struct producer_seqs_batch *batch)
{
    invariant(batch->first_seq == seqs->last_seq + 1 && batch->count >= 1);
    memmove(seqs->batches + 1, seqs->batches,
            sizeof(seqs->batches) - sizeof(seqs->batches[0]));
    seqs->batches[0] = *batch;
    if (seqs->batch_count < PRODUCER_SEQS_BATCHES)
        seqs->batch_count++;
    seqs->last_seq += batch->count;
}

void
producer_seqs_put(struct bytes_writer *writer, const struct producer_seqs *seqs)
{
    bytes_put_u64(writer, seqs->last_seq);
    bytes_put_u8(writer, seqs->batch_count);
    for (uint8_t i = 0; i < seqs->batch_count; i++) {
        bytes_put_u64(writer, seqs->batches[i].first_seq);
        bytes_put_u32(writer, seqs->batches[i].count);
        bytes_put_u64(writer, seqs->batches[i].base_offset);
    }
}

enum rc
producer_seqs_get(struct bytes_reader *reader, struct producer_seqs *seqs_out)
{
    memset(seqs_out, 0, sizeof(*seqs_out));
    seqs_out->last_seq = bytes_get_u64(reader);
    seqs_out->batch_count = bytes_get_u8(reader);
    if (reader->failed || seqs_out->batch_count > PRODUCER_SEQS_BATCHES)
        return RC_MALFORMED;
    for (uint8_t i = 0; i < seqs_out->batch_count; i++) {
        seqs_out->batches[i].first_seq = bytes_get_u64(reader);
        seqs_out->batches[i].count = bytes_get_u32(reader);
        seqs_out->batches[i].base_offset = bytes_get_u64(reader);
    }
    return reader->failed ? RC_MALFORMED : RC_OK;
}
