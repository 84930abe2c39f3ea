/*
 * Frames of the broker's protocol from any octets.  A frame has one form: what
 * a reader takes, its writer writes back octet for octet.  What the broker
 * takes for a request keeps every limit that broker_request.h tells of.
 */
#include "broker/broker_request.h"
#include "fuzz.h"
#include "saga/report.h"

#define FRAME_BYTES_MAX (64u << 10)
#define BATCH_BYTES_MAX 512 /* small, so that inputs reach it */

struct frame {
    struct bytes_reader reader;
    struct bytes_writer writer;
    struct protocol_header header;
};

/* Everything read so far must be what was written. */
static void
check_written(struct frame *frame)
{
    invariant(!frame->writer.failed);
    invariant(frame->writer.used == frame->reader.used);
    invariant(memcmp(frame->writer.data, frame->reader.data,
                     frame->writer.used) == 0);
}

static void
check_whole(struct frame *frame)
{
    invariant(frame->reader.used == frame->reader.size);
    check_written(frame);
}

#define CHECK_BODY(type)                                                       \
    static void check_##type(struct frame *frame)                              \
    {                                                                          \
        struct protocol_##type body;                                           \
                                                                               \
        if (protocol_get_##type(&frame->reader, &body) != RC_OK)               \
            return;                                                            \
        protocol_put_##type(&frame->writer, frame->header.request, &body);     \
        check_whole(frame);                                                    \
    }
CHECK_BODY(open)
CHECK_BODY(open_store)
CHECK_BODY(produce)
CHECK_BODY(produce_ok)
CHECK_BODY(fetch)
CHECK_BODY(forget)
CHECK_BODY(report)

static void
check_open_ok(struct frame *frame)
{
    struct protocol_open_ok ok;
    struct protocol_open_seq seq;

    if (protocol_get_open_ok(&frame->reader, &ok) != RC_OK)
        return;
    protocol_put_open_ok(&frame->writer, frame->header.request, &ok);
    for (unsigned i = 0; i < ok.count; i++) {
        if (protocol_get_open_seq(&frame->reader, &seq) != RC_OK)
            return;
        protocol_put_open_seq(&frame->writer, &seq);
    }
    check_written(frame);
}

static void
check_fetch_ok(struct frame *frame)
{
    struct protocol_fetch_ok ok;
    struct protocol_batch batch;

    if (protocol_get_fetch_ok(&frame->reader, &ok) != RC_OK)
        return;
    protocol_put_fetch_ok(&frame->writer, frame->header.request, &ok);
    for (uint32_t i = 0; i < ok.count; i++) {
        if (protocol_get_batch(&frame->reader, &batch) != RC_OK)
            return;
        invariant(batch.count >= 1 && batch.count <= batch.bytes_count);
        protocol_put_batch(&frame->writer, &batch);
    }
    check_written(frame);
}

/* A code that we don't know is COUNT: the only thing that is not kept. */
static void
check_error(struct frame *frame)
{
    struct protocol_error error;

    if (protocol_get_error(&frame->reader, &error) != RC_OK)
        return;
    invariant(error.code > BUS_ERROR_NONE && error.code <= BUS_ERROR_COUNT);
    invariant(bus_error_name(error.code)[0] != '\0');
    if (error.code == BUS_ERROR_COUNT)
        return;
    protocol_put_error(&frame->writer, frame->header.request, &error);
    check_whole(frame);
}

static void
check_frame(struct frame *frame)
{
    switch (frame->header.verb) {
    case VERB_OPEN: check_open(frame); break;
    case VERB_OPEN_STORE: check_open_store(frame); break;
    case VERB_OPEN_OK: check_open_ok(frame); break;
    case VERB_PRODUCE: check_produce(frame); break;
    case VERB_PRODUCE_OK: check_produce_ok(frame); break;
    case VERB_FETCH: check_fetch(frame); break;
    case VERB_FETCH_OK: check_fetch_ok(frame); break;
    case VERB_FORGET: check_forget(frame); break;
    case VERB_REPORT: check_report(frame); break;
    case VERB_ERROR: check_error(frame); break;
    case VERB_NONE:
    case VERB_STATUS:
    case VERB_STATUS_OK:
    case VERB_FORGET_OK:
    case VERB_REPORT_OK:
    case VERB_SURVEY:
    case VERB_SURVEY_OK:
    case VERB_COUNT:
        break;
    }
}

static void
check_produce_request(const struct broker_request *request,
                      const uint8_t *data, size_t size)
{
    const struct protocol_produce *produce = &request->body.produce;
    struct protocol_batch batch;
    struct bytes_reader reader;

    invariant(topic_name_valid(produce->topic));
    invariant(topic_name_valid(produce->batch.producer));
    invariant(produce->batch.bytes_count <= BATCH_BYTES_MAX);
    invariant(produce->batch.count <= PROTOCOL_BATCH_COUNT_MAX);
    invariant(request->batch_position + request->batch_bytes == size);
    /* What will be stored is the batch, whole. */
    bytes_reader_init(&reader, data + request->batch_position,
                      request->batch_bytes);
    invariant(protocol_get_batch(&reader, &batch) == RC_OK);
    invariant(bytes_all_read(&reader));
    invariant(batch.bytes == produce->batch.bytes);
    (void)broker_may_write(batch.producer, produce->topic);
}

static void
check_request(const uint8_t *data, size_t size)
{
    struct broker_request request;
    struct broker_refusal refusal;

    if (!broker_request_read(&request, data, size, BATCH_BYTES_MAX, &refusal))
        return;
    invariant(refusal.code < BUS_ERROR_COUNT && refusal.words != NULL);
    if (refusal.code != BUS_ERROR_NONE)
        return;
    if (request.header.verb == VERB_PRODUCE)
        check_produce_request(&request, data, size);
    if (request.header.verb == VERB_OPEN)
        invariant(topic_name_valid(request.body.open.producer));
    if (request.header.verb == VERB_OPEN_STORE) {
        invariant(topic_name_valid(request.body.open_store.producer));
        invariant(request.body.open_store.starts > 0);
        invariant(request.body.open_store.life > 0);
    }
    if (request.header.verb == VERB_FORGET)
        invariant(topic_name_valid(request.body.forget.consumer));
    if (request.header.verb == VERB_REPORT) {
        invariant(topic_name_valid(request.body.report.name));
        invariant(request.body.report.bytes_count <= REPORT_BYTES_MAX);
    }
    if (request.header.verb == VERB_FETCH) {
        invariant(topic_name_valid(request.body.fetch.topic));
        (void)broker_may_read(request.body.fetch.consumer,
                              request.body.fetch.topic);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t written[FRAME_BYTES_MAX];
    struct frame frame;

    if (size > FRAME_BYTES_MAX)
        return 0;
    check_request(data, size);
    bytes_reader_init(&frame.reader, data, size);
    bytes_writer_init(&frame.writer, written, sizeof written);
    if (protocol_get_header(&frame.reader, &frame.header) == RC_OK &&
        frame.header.version == PROTOCOL_VERSION)
        check_frame(&frame);
    return 0;
}
