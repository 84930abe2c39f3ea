#include "broker/broker_state.h"
#include "saga/daemon.h"

typedef enum rc
handler_fn(struct broker *broker, const struct broker_request *request,
           struct broker_pending *pending, zmq_msg_t *frame);

static enum rc
refuse(struct broker_pending *pending, enum bus_error code, uint64_t detail,
       const char *words)
{
    pending->refusal = (struct broker_refusal){ code, detail, words };
    return RC_OK;
}

/* The open transaction; the turn's first change begins it. */
static enum rc
begin(struct broker *broker)
{
    enum rc rc;

    if (broker->turn.begun)
        return RC_OK;
    rc = store_begin(broker->store);
    broker->turn.begun = rc == RC_OK;
    return rc;
}

/* The slot; or refused. */
static bool
find_slot(const struct broker *broker, const char *topic, uint16_t partition,
          struct broker_pending *pending, uint32_t *slot_out)
{
    enum bus_error code =
        topic_table_find(broker->topics, topic, partition, slot_out);

    if (code == BUS_ERROR_UNKNOWN_PARTITION)
        refuse(pending, code, broker->topics->partitions,
               "a topic has fewer partitions");
    else if (code != BUS_ERROR_NONE)
        refuse(pending, code, 0, "no such topic here");
    return code == BUS_ERROR_NONE;
}

/*** OPEN ***/

static enum rc
open_producer(struct broker *broker, const char *name,
              const struct producer_life *life, struct broker_pending *pending)
{
    enum producer_opening opening;
    enum rc rc;

    name_copy(pending->name, sizeof(pending->name), name);
    rc = producer_table_open(&broker->producers, name, life,
                             &pending->producer, &opening);
    if (rc == RC_FULL)
        return refuse(pending, BUS_ERROR_LIMIT, broker->config->producers,
                      "as many producers as there may be");
    if (rc != RC_OK)
        return rc;
    if (opening == PRODUCER_OLDER)
        return refuse(pending, BUS_ERROR_FENCED, pending->producer->epoch,
                      "a later start of that name was let in: this store is "
                      "an old copy, or a new one: restore it");
    if (opening == PRODUCER_TWIN)
        return refuse(pending, BUS_ERROR_FENCED, pending->producer->epoch,
                      "another life of that name was let in: two run on "
                      "copies of one store, or this is an old copy");
    pending->epoch = pending->producer->epoch;
    return opening == PRODUCER_OPENS ? begin(broker) : RC_OK;
}

static enum rc
on_open(struct broker *broker, const struct broker_request *request,
        struct broker_pending *pending, zmq_msg_t *frame)
{
    static const struct producer_life unknown;

    (void)frame;
    return open_producer(broker, request->body.open.producer, &unknown,
                         pending);
}

static enum rc
on_open_store(struct broker *broker, const struct broker_request *request,
              struct broker_pending *pending, zmq_msg_t *frame)
{
    const struct protocol_open_store *open = &request->body.open_store;
    const struct producer_life life = { open->starts, open->life };

    (void)frame;
    return open_producer(broker, open->producer, &life, pending);
}

/*** PRODUCE ***/

static enum rc
append(struct broker *broker, const struct protocol_batch *batch,
       struct producer_stream *stream, struct broker_pending *pending,
       uint8_t *bytes)
{
    struct topic_partition *partition = &broker->topics->items[pending->slot];
    struct producer_seqs_batch stored = { batch->first_seq, batch->count, 0 };
    enum rc rc = begin(broker);

    if (rc != RC_OK)
        return rc;
    if (!partition->touched) {
        partition->touched = true;
        broker->turn.touched[broker->turn.touched_count++] = pending->slot;
    }
    rc = topic_log_append(partition->log, bytes, pending->batch_bytes,
                          batch->count, broker->turn.now_us,
                          &stored.base_offset);
    if (rc != RC_OK)
        return rc;
    producer_table_append(&broker->producers, stream, &stored);
    broker->turn.events += batch->count;
    pending->produced.base_offset = stored.base_offset;
    pending->tapped = broker_tap_wanted(&broker->tap, pending->slot);
    return RC_OK;
}

/* It fits behind what the producer has stored, and may be stored. */
static enum rc
produce_next(struct broker *broker, const struct protocol_batch *batch,
             struct producer_stream *stream, struct broker_pending *pending,
             uint8_t *bytes)
{
    uint64_t detail;

    switch (producer_seqs_decide(&stream->seqs, batch->first_seq, batch->count,
                                 &detail)) {
    case PRODUCER_GAP:
        return refuse(pending, BUS_ERROR_SEQ_GAP, detail,
                      "seqs before it are missing");
    case PRODUCER_OVERLAP:
        return refuse(pending, BUS_ERROR_SEQ_OVERLAP, detail,
                      "a part of it is stored already");
    case PRODUCER_DUPLICATE:
        pending->produced.base_offset = detail;
        pending->produced.duplicate = true;
        return RC_OK;
    case PRODUCER_APPEND:
    case PRODUCER_VERDICT_NONE: break;
    }
    if (!broker_disk_takes(broker, pending->batch_bytes))
        return refuse(pending, BUS_ERROR_DISK_FLOOR, broker->bytes_free,
                      "too little space is free");
    return append(broker, batch, stream, pending, bytes);
}

static enum rc
on_produce(struct broker *broker, const struct broker_request *request,
           struct broker_pending *pending, zmq_msg_t *frame)
{
    const struct protocol_produce *produce = &request->body.produce;
    const struct protocol_batch *batch = &produce->batch;
    struct producer *producer;
    struct producer_stream *stream;
    enum rc rc;

    name_copy(pending->name, sizeof(pending->name), batch->producer);
    pending->batch_position = request->batch_position;
    pending->batch_bytes = request->batch_bytes;
    if (!find_slot(broker, produce->topic, produce->partition, pending,
                   &pending->slot))
        return RC_OK;
    if (!broker_may_write(batch->producer, produce->topic))
        return refuse(pending, BUS_ERROR_NOT_PERMITTED, 0,
                      "this producer does not write this topic");
    producer = producer_table_find(&broker->producers, batch->producer);
    if (producer == NULL || batch->epoch == 0 ||
        batch->epoch > producer->epoch)
        return refuse(pending, BUS_ERROR_NOT_OPEN, 0,
                      "the producer was not opened under this epoch");
    if (batch->epoch < producer->epoch)
        return refuse(pending, BUS_ERROR_FENCED, producer->epoch,
                      "a newer one of that name was opened");
    rc = producer_table_stream(&broker->producers, producer, pending->slot,
                               &stream);
    if (rc == RC_FULL)
        return refuse(pending, BUS_ERROR_LIMIT, PRODUCER_TABLE_STREAMS_MAX,
                      "too many producers' partitions");
    if (rc != RC_OK)
        return rc;
    return produce_next(broker, batch, stream, pending,
                        (uint8_t *)zmq_msg_data(frame) +
                            request->batch_position);
}

/*** FETCH ***/

/* Where the consumer stands and wants to read must be in the log. */
static bool
fetch_within(const struct broker *broker, const struct protocol_fetch *fetch,
             struct broker_pending *pending)
{
    const struct topic_log *log = broker->topics->items[pending->slot].log;
    uint64_t start = topic_log_start(log), end = topic_log_end(log);

    if (fetch->offset < start)
        refuse(pending, BUS_ERROR_OFFSET_TRIMMED, start,
               "retention has removed it");
    else if (fetch->offset > end || fetch->position > end)
        refuse(pending, BUS_ERROR_OFFSET_AHEAD, end, "the log ends before it");
    return pending->refusal.code == BUS_ERROR_NONE;
}

static enum rc
fetch_register(struct broker *broker, const struct protocol_fetch *fetch,
               struct broker_pending *pending)
{
    bool registered;
    enum rc rc;

    if (fetch->consumer[0] == '\0')
        return RC_OK;
    rc = consumer_table_report(&broker->consumers, fetch->consumer,
                               pending->slot, fetch->position, &registered);
    if (rc == RC_FULL)
        return refuse(pending, BUS_ERROR_LIMIT, broker->config->consumers,
                      "as many consumers as there may be");
    broker->turn.registered |= registered;
    return rc;
}

static void
fetch_add(struct broker *broker, const struct protocol_fetch *wanted,
          struct broker_pending *pending)
{
    uint32_t wait_ms = wanted->max_wait_ms < PROTOCOL_WAIT_MS_MAX
                           ? wanted->max_wait_ms
                           : PROTOCOL_WAIT_MS_MAX;
    struct fetch fetch = {
        .request = pending->request,
        .slot = pending->slot,
        .offset = wanted->offset,
        .max_bytes = wanted->max_bytes < PROTOCOL_FETCH_BYTES_MAX
                         ? wanted->max_bytes
                         : PROTOCOL_FETCH_BYTES_MAX,
        .deadline_us = clock_monotonic_us() + (int64_t)wait_ms * 1000,
    };

    zmq_msg_init(&fetch.client);
    zmq_msg_move(&fetch.client, &pending->client);
    fetch_table_add(broker->fetches, &fetch);
}

static enum rc
on_fetch(struct broker *broker, const struct broker_request *request,
         struct broker_pending *pending, zmq_msg_t *frame)
{
    const struct protocol_fetch *fetch = &request->body.fetch;
    enum rc rc;

    (void)frame;
    name_copy(pending->name, sizeof(pending->name), fetch->consumer);
    if (!find_slot(broker, fetch->topic, fetch->partition, pending,
                   &pending->slot))
        return RC_OK;
    if (!broker_may_read(fetch->consumer, fetch->topic))
        return refuse(pending, BUS_ERROR_NOT_PERMITTED, 0,
                      "this consumer does not read this topic");
    if (!fetch_within(broker, fetch, pending))
        return RC_OK;
    rc = fetch_register(broker, fetch, pending);
    if (rc == RC_OK && pending->refusal.code == BUS_ERROR_NONE)
        fetch_add(broker, fetch, pending);
    return rc;
}

/*** STATUS, SURVEY, REPORT, FORGET ***/

static enum rc
on_status(struct broker *broker, const struct broker_request *request,
          struct broker_pending *pending, zmq_msg_t *frame)
{
    (void)broker;
    (void)request;
    (void)pending;
    (void)frame;
    return RC_OK; /* answered with what is true after the commit */
}

static enum rc
on_report(struct broker *broker, const struct broker_request *request,
          struct broker_pending *pending, zmq_msg_t *frame)
{
    const struct protocol_report *report = &request->body.report;

    (void)frame;
    name_copy(pending->name, sizeof(pending->name), report->name);
    if (report_table_put(&broker->reports, report, clock_monotonic_us()) !=
        RC_OK)
        return refuse(pending, BUS_ERROR_LIMIT, REPORT_TABLE_MAX,
                      "as many names report as there may be");
    return RC_OK;
}

static enum rc
on_forget(struct broker *broker, const struct broker_request *request,
          struct broker_pending *pending, zmq_msg_t *frame)
{
    (void)frame;
    name_copy(pending->name, sizeof(pending->name),
              request->body.forget.consumer);
    return begin(broker); /* rows go just before the commit */
}

static handler_fn *const handlers[VERB_COUNT] = {
    [VERB_OPEN] = on_open,     [VERB_PRODUCE] = on_produce,
    [VERB_FETCH] = on_fetch,   [VERB_STATUS] = on_status,
    [VERB_FORGET] = on_forget, [VERB_SURVEY] = on_status,
    [VERB_REPORT] = on_report, [VERB_OPEN_STORE] = on_open_store,
};

/* A fetch that was not refused is in its table, and not pending. */
static void
keep_pending(struct broker *broker, struct broker_pending *pending,
             zmq_msg_t *frame)
{
    if (pending->verb == VERB_FETCH &&
        pending->refusal.code == BUS_ERROR_NONE) {
        zmq_msg_close(&pending->client);
        return;
    }
    if (pending->tapped) {
        zmq_msg_init(&pending->frame);
        zmq_msg_move(&pending->frame, frame);
    }
    broker->turn.count++;
}

enum rc
broker_handle(struct broker *broker, zmq_msg_t *client, zmq_msg_t *frame)
{
    struct broker_pending *pending = &broker->turn.pending[broker->turn.count];
    struct broker_request request;
    struct broker_refusal refusal;
    enum rc rc = RC_OK;

    invariant(broker->turn.count < BROKER_TURN_REQUESTS_MAX);
    if (!broker_request_read(&request, zmq_msg_data(frame), zmq_msg_size(frame),
                             (uint32_t)broker->config->batch, &refusal))
        return RC_OK;
    *pending = (struct broker_pending){
        .verb = request.header.verb,
        .request = request.header.request,
        .refusal = refusal,
        .settled = refusal.code != BUS_ERROR_NONE,
    };
    zmq_msg_init(&pending->client);
    zmq_msg_move(&pending->client, client);
    if (!pending->settled)
        rc = handlers[request.header.verb](broker, &request, pending, frame);
    keep_pending(broker, pending, frame);
    return rc;
}
