#include "broker/broker_request.h"

#include "saga/report.h"

static void
refuse(struct broker_refusal *refusal, enum bus_error code, uint64_t detail,
       const char *words)
{
    refusal->code = code;
    refusal->detail = detail;
    refusal->words = words;
}

static void
read_produce(struct broker_request *request, struct bytes_reader *reader,
             uint32_t batch_bytes_max, struct broker_refusal *refusal)
{
    struct protocol_produce *produce = &request->body.produce;
    const struct protocol_batch *batch = &produce->batch;

    if (protocol_get_produce(reader, produce) != RC_OK) {
        refuse(refusal, BUS_ERROR_MALFORMED, reader->used, "PRODUCE's form");
        return;
    }
    request->batch_bytes = PROTOCOL_BATCH_HEADER_BYTES_MAX -
                           (PRODUCER_NAME_BYTES - 1) + strlen(batch->producer) +
                           batch->bytes_count;
    request->batch_position = reader->size - request->batch_bytes;
    if (batch->bytes_count > batch_bytes_max)
        refuse(refusal, BUS_ERROR_TOO_LARGE, batch_bytes_max,
               "more octets than a batch may have");
    else if (batch->count > PROTOCOL_BATCH_COUNT_MAX)
        refuse(refusal, BUS_ERROR_TOO_LARGE, PROTOCOL_BATCH_COUNT_MAX,
               "more events than a batch may have");
    else if (!topic_name_valid(produce->topic))
        refuse(refusal, BUS_ERROR_BAD_NAME, 0, "topic");
    else if (!topic_name_valid(batch->producer))
        refuse(refusal, BUS_ERROR_BAD_NAME, 0, "producer");
}

static void
read_open(struct broker_request *request, struct bytes_reader *reader,
          struct broker_refusal *refusal)
{
    if (protocol_get_open(reader, &request->body.open) != RC_OK)
        refuse(refusal, BUS_ERROR_MALFORMED, reader->used, "OPEN's form");
    else if (!topic_name_valid(request->body.open.producer))
        refuse(refusal, BUS_ERROR_BAD_NAME, 0, "producer");
}

static void
read_open_store(struct broker_request *request, struct bytes_reader *reader,
                struct broker_refusal *refusal)
{
    struct protocol_open_store *open = &request->body.open_store;

    if (protocol_get_open_store(reader, open) != RC_OK)
        refuse(refusal, BUS_ERROR_MALFORMED, reader->used, "OPEN_STORE's form");
    else if (!topic_name_valid(open->producer))
        refuse(refusal, BUS_ERROR_BAD_NAME, 0, "producer");
}

static void
read_fetch(struct broker_request *request, struct bytes_reader *reader,
           struct broker_refusal *refusal)
{
    const struct protocol_fetch *fetch = &request->body.fetch;

    if (protocol_get_fetch(reader, &request->body.fetch) != RC_OK)
        refuse(refusal, BUS_ERROR_MALFORMED, reader->used, "FETCH's form");
    else if (!topic_name_valid(fetch->topic))
        refuse(refusal, BUS_ERROR_BAD_NAME, 0, "topic");
    else if (fetch->consumer[0] != '\0' && !topic_name_valid(fetch->consumer))
        refuse(refusal, BUS_ERROR_BAD_NAME, 0, "consumer");
}

static void
read_report(struct broker_request *request, struct bytes_reader *reader,
            struct broker_refusal *refusal)
{
    const struct protocol_report *report = &request->body.report;

    if (protocol_get_report(reader, &request->body.report) != RC_OK)
        refuse(refusal, BUS_ERROR_MALFORMED, reader->used, "REPORT's form");
    else if (report->bytes_count > REPORT_BYTES_MAX)
        refuse(refusal, BUS_ERROR_TOO_LARGE, REPORT_BYTES_MAX,
               "more octets than a report may have");
    else if (!topic_name_valid(report->name))
        refuse(refusal, BUS_ERROR_BAD_NAME, 0, "name");
}

static void
read_forget(struct broker_request *request, struct bytes_reader *reader,
            struct broker_refusal *refusal)
{
    if (protocol_get_forget(reader, &request->body.forget) != RC_OK)
        refuse(refusal, BUS_ERROR_MALFORMED, reader->used, "FORGET's form");
    else if (!topic_name_valid(request->body.forget.consumer))
        refuse(refusal, BUS_ERROR_BAD_NAME, 0, "consumer");
}

static void
read_status(const struct bytes_reader *reader, struct broker_refusal *refusal)
{
    if (!bytes_all_read(reader))
        refuse(refusal, BUS_ERROR_MALFORMED, reader->used,
               "octets behind its header");
}

static void
read_body(struct broker_request *request, struct bytes_reader *reader,
          uint32_t batch_bytes_max, struct broker_refusal *refusal)
{
    switch (request->header.verb) {
    case VERB_OPEN: read_open(request, reader, refusal); break;
    case VERB_OPEN_STORE: read_open_store(request, reader, refusal); break;
    case VERB_PRODUCE:
        read_produce(request, reader, batch_bytes_max, refusal);
        break;
    case VERB_FETCH: read_fetch(request, reader, refusal); break;
    case VERB_STATUS:
    case VERB_SURVEY: read_status(reader, refusal); break;
    case VERB_REPORT: read_report(request, reader, refusal); break;
    case VERB_FORGET: read_forget(request, reader, refusal); break;
    case VERB_NONE:
    case VERB_OPEN_OK:
    case VERB_PRODUCE_OK:
    case VERB_FETCH_OK:
    case VERB_STATUS_OK:
    case VERB_FORGET_OK:
    case VERB_ERROR:
    case VERB_REPORT_OK:
    case VERB_SURVEY_OK:
    case VERB_COUNT:
        refuse(refusal, BUS_ERROR_MALFORMED, 3, "not a request's verb");
        break;
    }
}

bool
broker_request_read(struct broker_request *request, const void *frame,
                    size_t size, uint32_t batch_bytes_max,
                    struct broker_refusal *refusal_out)
{
    struct bytes_reader reader;

    bytes_reader_init(&reader, frame, size);
    refuse(refusal_out, BUS_ERROR_NONE, 0, "");
    if (protocol_get_header(&reader, &request->header) != RC_OK)
        return false;
    if (request->header.version != PROTOCOL_VERSION)
        refuse(refusal_out, BUS_ERROR_VERSION, PROTOCOL_VERSION,
               "another version");
    else
        read_body(request, &reader, batch_bytes_max, refusal_out);
    return true;
}

bool
broker_may_write(const char *producer, const char *topic)
{
    enum topic ours = topic_find(topic);

    return ours == TOPIC_COUNT ||
           (topic_routes[ours].written_by & BY(process_find(producer))) != 0;
}

bool
broker_may_read(const char *consumer, const char *topic)
{
    enum topic ours = topic_find(topic);
    enum process process = process_find(consumer);

    return ours == TOPIC_COUNT || process == PROCESS_NONE ||
           (topic_routes[ours].read_by & BY(process)) != 0;
}
