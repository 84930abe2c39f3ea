#include "saga/protocol.h"

static const char *const error_names[BUS_ERROR_COUNT] = { [BUS_ERROR_NONE] =
                                                              "NONE",
#define X(id, name) [id] = name,
                                                          BUS_ERROR_LIST(X)
#undef X
};

_Static_assert(PROTOCOL_BATCH_HEADER_BYTES_MAX ==
                   8 + 8 + PRODUCER_NAME_BYTES + 4 + 8 + 4 + 4,
               "the longest batch header");
_Static_assert(PROTOCOL_BATCH_BYTES_MAX + PROTOCOL_BATCH_HEADER_BYTES_MAX <=
                   PROTOCOL_FETCH_BYTES_MAX,
               "a FETCH_OK must be able to hold the largest batch");
_Static_assert(PROTOCOL_FETCH_BYTES_MAX + 64 <= PROTOCOL_FRAME_BYTES_MAX,
               "the largest FETCH_OK must fit in a frame");

const char *
bus_error_name(enum bus_error error)
{
    return error < BUS_ERROR_COUNT ? error_names[error] : "UNKNOWN";
}

bool
bus_error_passes(enum bus_error error)
{
    return error == BUS_ERROR_LIMIT || error == BUS_ERROR_DISK_FLOOR ||
           error >= BUS_ERROR_COUNT;
}

/*** Writers ***/

void
protocol_put_header(struct bytes_writer *writer, enum verb verb,
                    uint64_t request)
{
    bytes_put(writer, "SP", 2);
    bytes_put_u8(writer, PROTOCOL_VERSION);
    bytes_put_u8(writer, (uint8_t)verb);
    bytes_put_u64(writer, request);
}

void
protocol_put_batch(struct bytes_writer *writer,
                   const struct protocol_batch *batch)
{
    invariant(batch->bytes_count <= UINT32_MAX);
    bytes_put_u64(writer, batch->base_offset);
    bytes_put_i64(writer, batch->time_us);
    bytes_put_text(writer, batch->producer);
    bytes_put_u32(writer, batch->epoch);
    bytes_put_u64(writer, batch->first_seq);
    bytes_put_u32(writer, batch->count);
    bytes_put_u32(writer, (uint32_t)batch->bytes_count);
    bytes_put(writer, batch->bytes, batch->bytes_count);
}

void
protocol_put_open(struct bytes_writer *writer, uint64_t request,
                  const struct protocol_open *open)
{
    protocol_put_header(writer, VERB_OPEN, request);
    bytes_put_text(writer, open->producer);
}

void
protocol_put_open_store(struct bytes_writer *writer, uint64_t request,
                        const struct protocol_open_store *open)
{
    protocol_put_header(writer, VERB_OPEN_STORE, request);
    bytes_put_text(writer, open->producer);
    bytes_put_u64(writer, open->starts);
    bytes_put_u64(writer, open->life);
}

void
protocol_put_open_ok(struct bytes_writer *writer, uint64_t request,
                     const struct protocol_open_ok *ok)
{
    protocol_put_header(writer, VERB_OPEN_OK, request);
    bytes_put_u32(writer, ok->epoch);
    bytes_put_u16(writer, ok->count);
}

void
protocol_put_open_seq(struct bytes_writer *writer,
                      const struct protocol_open_seq *seq)
{
    bytes_put_text(writer, seq->topic);
    bytes_put_u16(writer, seq->partition);
    bytes_put_u64(writer, seq->last_seq);
}

void
protocol_put_produce(struct bytes_writer *writer, uint64_t request,
                     const struct protocol_produce *produce)
{
    protocol_put_header(writer, VERB_PRODUCE, request);
    bytes_put_text(writer, produce->topic);
    bytes_put_u16(writer, produce->partition);
    protocol_put_batch(writer, &produce->batch);
}

void
protocol_put_produce_ok(struct bytes_writer *writer, uint64_t request,
                        const struct protocol_produce_ok *ok)
{
    protocol_put_header(writer, VERB_PRODUCE_OK, request);
    bytes_put_u64(writer, ok->base_offset);
    bytes_put_u8(writer, ok->duplicate ? 1 : 0);
}

void
protocol_put_fetch(struct bytes_writer *writer, uint64_t request,
                   const struct protocol_fetch *fetch)
{
    protocol_put_header(writer, VERB_FETCH, request);
    bytes_put_text(writer, fetch->topic);
    bytes_put_u16(writer, fetch->partition);
    bytes_put_text(writer, fetch->consumer);
    bytes_put_u64(writer, fetch->position);
    bytes_put_u64(writer, fetch->offset);
    bytes_put_u32(writer, fetch->max_bytes);
    bytes_put_u32(writer, fetch->max_wait_ms);
}

void
protocol_put_fetch_ok(struct bytes_writer *writer, uint64_t request,
                      const struct protocol_fetch_ok *ok)
{
    protocol_put_header(writer, VERB_FETCH_OK, request);
    bytes_put_u64(writer, ok->start);
    bytes_put_u64(writer, ok->end);
    bytes_put_u32(writer, ok->count);
}

void
protocol_put_forget(struct bytes_writer *writer, uint64_t request,
                    const struct protocol_forget *forget)
{
    protocol_put_header(writer, VERB_FORGET, request);
    bytes_put_text(writer, forget->consumer);
}

void
protocol_put_report(struct bytes_writer *writer, uint64_t request,
                    const struct protocol_report *report)
{
    protocol_put_header(writer, VERB_REPORT, request);
    bytes_put_text(writer, report->name);
    bytes_put_u16(writer, report->bytes_count);
    bytes_put(writer, report->bytes, report->bytes_count);
}

void
protocol_put_error(struct bytes_writer *writer, uint64_t request,
                   const struct protocol_error *error)
{
    protocol_put_header(writer, VERB_ERROR, request);
    bytes_put_u16(writer, (uint16_t)error->code);
    bytes_put_u64(writer, error->detail);
    bytes_put_text(writer, error->words);
}

/*** Readers ***/

/* The body's end is the frame's end: no octet may follow. */
static enum rc
frame_end(const struct bytes_reader *reader)
{
    return bytes_all_read(reader) ? RC_OK : RC_MALFORMED;
}

static enum rc
part_end(const struct bytes_reader *reader)
{
    return reader->failed ? RC_MALFORMED : RC_OK;
}

enum rc
protocol_get_header(struct bytes_reader *reader,
                    struct protocol_header *header_out)
{
    const uint8_t *magic = bytes_get(reader, 2);
    uint8_t verb;

    if (magic == NULL || magic[0] != 'S' || magic[1] != 'P')
        return RC_MALFORMED;
    header_out->version = bytes_get_u8(reader);
    verb = bytes_get_u8(reader);
    header_out->verb = verb < VERB_COUNT ? (enum verb)verb : VERB_NONE;
    header_out->request = bytes_get_u64(reader);
    return part_end(reader);
}

/* A count of 0, a seq of 0, seqs that would overflow, or more events than
 * octets: such a batch can't be, whoever reads it. */
static bool
batch_possible(const struct protocol_batch *batch)
{
    return batch->count >= 1 && batch->count <= batch->bytes_count &&
           batch->first_seq >= 1 &&
           batch->first_seq <= UINT64_MAX - batch->count;
}

enum rc
protocol_get_batch(struct bytes_reader *reader,
                   struct protocol_batch *batch_out)
{
    batch_out->base_offset = bytes_get_u64(reader);
    batch_out->time_us = bytes_get_i64(reader);
    bytes_get_text(reader, batch_out->producer, sizeof(batch_out->producer));
    batch_out->epoch = bytes_get_u32(reader);
    batch_out->first_seq = bytes_get_u64(reader);
    batch_out->count = bytes_get_u32(reader);
    batch_out->bytes_count = bytes_get_u32(reader);
    batch_out->bytes = bytes_get(reader, batch_out->bytes_count);
    if (reader->failed || !batch_possible(batch_out))
        return RC_MALFORMED;
    return RC_OK;
}

enum rc
protocol_get_open(struct bytes_reader *reader, struct protocol_open *open_out)
{
    bytes_get_text(reader, open_out->producer, sizeof(open_out->producer));
    return frame_end(reader);
}

enum rc
protocol_get_open_store(struct bytes_reader *reader,
                        struct protocol_open_store *open_out)
{
    bytes_get_text(reader, open_out->producer, sizeof(open_out->producer));
    open_out->starts = bytes_get_u64(reader);
    open_out->life = bytes_get_u64(reader);
    if (open_out->starts == 0 || open_out->life == 0)
        return RC_MALFORMED;
    return frame_end(reader);
}

enum rc
protocol_get_open_ok(struct bytes_reader *reader,
                     struct protocol_open_ok *ok_out)
{
    ok_out->epoch = bytes_get_u32(reader);
    ok_out->count = bytes_get_u16(reader);
    return part_end(reader);
}

enum rc
protocol_get_open_seq(struct bytes_reader *reader,
                      struct protocol_open_seq *seq_out)
{
    bytes_get_text(reader, seq_out->topic, sizeof(seq_out->topic));
    seq_out->partition = bytes_get_u16(reader);
    seq_out->last_seq = bytes_get_u64(reader);
    return part_end(reader);
}

enum rc
protocol_get_produce(struct bytes_reader *reader,
                     struct protocol_produce *produce_out)
{
    bytes_get_text(reader, produce_out->topic, sizeof(produce_out->topic));
    produce_out->partition = bytes_get_u16(reader);
    if (protocol_get_batch(reader, &produce_out->batch) != RC_OK)
        return RC_MALFORMED;
    return frame_end(reader);
}

enum rc
protocol_get_produce_ok(struct bytes_reader *reader,
                        struct protocol_produce_ok *ok_out)
{
    uint8_t duplicate;

    ok_out->base_offset = bytes_get_u64(reader);
    duplicate = bytes_get_u8(reader);
    ok_out->duplicate = duplicate != 0;
    return duplicate > 1 ? RC_MALFORMED : frame_end(reader);
}

enum rc
protocol_get_fetch(struct bytes_reader *reader,
                   struct protocol_fetch *fetch_out)
{
    bytes_get_text(reader, fetch_out->topic, sizeof(fetch_out->topic));
    fetch_out->partition = bytes_get_u16(reader);
    bytes_get_text(reader, fetch_out->consumer, sizeof(fetch_out->consumer));
    fetch_out->position = bytes_get_u64(reader);
    fetch_out->offset = bytes_get_u64(reader);
    fetch_out->max_bytes = bytes_get_u32(reader);
    fetch_out->max_wait_ms = bytes_get_u32(reader);
    return frame_end(reader);
}

enum rc
protocol_get_fetch_ok(struct bytes_reader *reader,
                      struct protocol_fetch_ok *ok_out)
{
    ok_out->start = bytes_get_u64(reader);
    ok_out->end = bytes_get_u64(reader);
    ok_out->count = bytes_get_u32(reader);
    return part_end(reader);
}

enum rc
protocol_get_forget(struct bytes_reader *reader,
                    struct protocol_forget *forget_out)
{
    bytes_get_text(reader, forget_out->consumer, sizeof(forget_out->consumer));
    return frame_end(reader);
}

enum rc
protocol_get_report(struct bytes_reader *reader,
                    struct protocol_report *report_out)
{
    bytes_get_text(reader, report_out->name, sizeof(report_out->name));
    report_out->bytes_count = bytes_get_u16(reader);
    report_out->bytes = bytes_get(reader, report_out->bytes_count);
    return frame_end(reader);
}

enum rc
protocol_get_error(struct bytes_reader *reader,
                   struct protocol_error *error_out)
{
    uint16_t code = bytes_get_u16(reader);

    error_out->detail = bytes_get_u64(reader);
    bytes_get_text(reader, error_out->words, sizeof(error_out->words));
    if (code == BUS_ERROR_NONE)
        return RC_MALFORMED;
    /* A newer broker may know more codes: the caller sees COUNT. */
    error_out->code =
        code < BUS_ERROR_COUNT ? (enum bus_error)code : BUS_ERROR_COUNT;
    return frame_end(reader);
}
