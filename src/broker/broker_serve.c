#include "broker/broker_state.h"
#include "saga/daemon.h"

#define FETCH_OK_HEAD_BYTES (PROTOCOL_HEADER_BYTES + 8 + 8 + 4)

/*** Fetches ***/

static void
put_head(const struct topic_log *log, uint64_t request, uint32_t count,
         uint8_t head[FETCH_OK_HEAD_BYTES])
{
    struct protocol_fetch_ok ok = { topic_log_start(log), topic_log_end(log),
                                    count };
    struct bytes_writer writer;

    bytes_writer_init(&writer, head, FETCH_OK_HEAD_BYTES);
    protocol_put_fetch_ok(&writer, request, &ok);
    invariant(!writer.failed && writer.used == FETCH_OK_HEAD_BYTES);
}

static enum rc
answer_with_batches(struct broker *broker, struct topic_log *log,
                    struct fetch *fetch, size_t *bytes_out)
{
    struct topic_log_read read;
    zmq_msg_t message;
    uint8_t *frame;
    enum rc rc = topic_log_read(log, fetch->offset, fetch->max_bytes,
                                broker->scratch, &read);

    if (rc != RC_OK)
        return rc;
    *bytes_out = FETCH_OK_HEAD_BYTES + read.bytes;
    frame = broker_begin_message(broker, &message, *bytes_out);
    if (frame != NULL) {
        put_head(log, fetch->request, read.count, frame);
        memcpy(frame + FETCH_OK_HEAD_BYTES, read.batches, read.bytes);
        broker_send_message(broker, &fetch->client, &message);
    }
    if (read.next < topic_log_end(log) &&
        (broker->ahead != log || broker->ahead_offset < read.next)) {
        broker->ahead = log;
        broker->ahead_offset = read.next;
    }
    fetch_table_drop(broker->fetches, fetch);
    return RC_OK;
}

static void
answer_with_nothing(struct broker *broker, const struct topic_log *log,
                    struct fetch *fetch)
{
    uint8_t head[FETCH_OK_HEAD_BYTES];

    put_head(log, fetch->request, 0, head);
    broker_send(broker, &fetch->client, head, sizeof(head));
    fetch_table_drop(broker->fetches, fetch);
}

static void
answer_with_refusal(struct broker *broker, struct fetch *fetch,
                    enum bus_error code, uint64_t detail, const char *words)
{
    struct broker_refusal refusal = { code, detail, words };

    broker_send_refusal(broker, &fetch->client, fetch->request, "", &refusal);
    fetch_table_drop(broker->fetches, fetch);
}

/* Retention may have passed a fetch that waited, and a turn that was undone
 * may have taken away the end that it asked for. */
static enum rc
serve_fetch(struct broker *broker, struct fetch *fetch, int64_t now_us,
            size_t *bytes_out)
{
    struct topic_log *log = broker->topics->items[fetch->slot].log;
    uint64_t start = topic_log_start(log), end = topic_log_end(log);

    if (fetch->offset < start)
        answer_with_refusal(broker, fetch, BUS_ERROR_OFFSET_TRIMMED, start,
                            "retention has removed it");
    else if (fetch->offset > end)
        answer_with_refusal(broker, fetch, BUS_ERROR_OFFSET_AHEAD, end,
                            "the log ends before it");
    else if (fetch->offset < end)
        return answer_with_batches(broker, log, fetch, bytes_out);
    else if (fetch->deadline_us <= now_us)
        answer_with_nothing(broker, log, fetch);
    else if (fetch_table_keep(broker->fetches, fetch) != RC_OK)
        answer_with_refusal(broker, fetch, BUS_ERROR_LIMIT,
                            broker->config->fetches,
                            "as many fetches wait as may");
    return RC_OK;
}

/* What the foremost of the readers that were answered will ask for next is
 * read while they deal with what they have got. */
static enum rc
read_ahead(struct broker *broker)
{
    struct topic_log *log = broker->ahead;

    broker->ahead = NULL;
    return log != NULL ? topic_log_read_ahead(log, broker->ahead_offset)
                       : RC_OK;
}

enum rc
broker_serve(struct broker *broker)
{
    int64_t now_us = clock_monotonic_us();
    size_t total = 0;
    uint32_t slot;
    enum rc rc = RC_OK;

    while (rc == RC_OK && total < BROKER_SERVE_BYTES_MAX &&
           fetch_table_take_due(broker->fetches, &slot)) {
        struct fetch *fetch = fetch_table_first(broker->fetches, slot);

        while (rc == RC_OK && fetch != NULL && total < BROKER_SERVE_BYTES_MAX) {
            struct fetch *next = fetch_table_next(broker->fetches, fetch);
            size_t bytes = 0;

            rc = serve_fetch(broker, fetch, now_us, &bytes);
            total += bytes;
            fetch = next;
        }
        if (fetch != NULL) /* enough for one turn: the rest in the next */
            fetch_table_set_due(broker->fetches, slot);
    }
    return rc == RC_OK ? read_ahead(broker) : rc;
}

/*** Frames made of tables ***/

size_t
broker_put_open_ok(struct broker *broker, uint64_t request,
                   const struct producer *producer, uint32_t epoch,
                   uint8_t *frame, size_t size)
{
    struct protocol_open_ok ok = { .epoch = epoch, .count = 0 };
    struct bytes_writer writer;

    for (uint32_t i = 0; i < producer->stream_count; i++)
        if (producer->streams[i]->seqs.last_seq > 0)
            ok.count++;
    bytes_writer_init(&writer, frame, size);
    protocol_put_open_ok(&writer, request, &ok);
    for (uint32_t i = 0; i < producer->stream_count; i++) {
        const struct producer_stream *stream = producer->streams[i];
        const struct topic_partition *partition =
            &broker->topics->items[stream->slot];
        struct protocol_open_seq seq = { "", partition->partition,
                                         stream->seqs.last_seq };

        if (stream->seqs.last_seq == 0)
            continue;
        name_copy(seq.topic, sizeof(seq.topic), partition->topic);
        protocol_put_open_seq(&writer, &seq);
    }
    invariant(!writer.failed);
    return writer.used;
}

static void
put_topics(const struct topic_table *topics, struct bytes_writer *writer)
{
    bytes_put_u16(writer, (uint16_t)topics->count);
    for (uint32_t i = 0; i < topics->count; i++) {
        const struct topic_partition *partition = &topics->items[i];

        bytes_put_text(writer, partition->topic);
        bytes_put_u16(writer, partition->partition);
        bytes_put_u64(writer, topic_log_start(partition->log));
        bytes_put_u64(writer, topic_log_end(partition->log));
        bytes_put_u64(writer, topic_log_bytes(partition->log));
    }
}

static void
put_consumers(const struct broker *broker, struct bytes_writer *writer)
{
    const struct consumer_table *consumers = &broker->consumers;

    bytes_put_u16(writer, (uint16_t)consumers->position_count);
    for (size_t i = 0; i < consumers->index.count; i++) {
        const struct consumer *consumer = consumers->index.items[i];

        for (uint32_t j = 0; j < consumer->count; j++) {
            const struct consumer_position *position = consumer->positions[j];
            const struct topic_partition *partition =
                &broker->topics->items[position->slot];

            bytes_put_text(writer, consumer->name);
            bytes_put_text(writer, partition->topic);
            bytes_put_u16(writer, partition->partition);
            bytes_put_u64(writer, position->position);
        }
    }
}

static void
put_producers(const struct producer_table *producers,
              struct bytes_writer *writer)
{
    size_t count = producers->index.count < UINT16_MAX ? producers->index.count
                                                       : UINT16_MAX;

    bytes_put_u16(writer, (uint16_t)count);
    for (size_t i = 0; i < count; i++) {
        const struct producer *producer = producers->index.items[i];

        bytes_put_text(writer, producer->name);
        bytes_put_u32(writer, producer->epoch);
    }
}

static void
put_reports(const struct report_table *reports, struct bytes_writer *writer)
{
    int64_t now_us = clock_monotonic_us();

    bytes_put_u16(writer, (uint16_t)reports->count);
    for (uint32_t i = 0; i < reports->count; i++) {
        const struct report_row *row = &reports->rows[i];
        int64_t age_ms = (now_us - row->told_us) / 1000;

        bytes_put_text(writer, row->name);
        bytes_put_u32(writer,
                      age_ms < UINT32_MAX ? (uint32_t)age_ms : UINT32_MAX);
        bytes_put_u16(writer, row->bytes_count);
        bytes_put(writer, row->bytes, row->bytes_count);
    }
}

static void
begin_status(struct broker *broker, enum verb verb, uint64_t request,
             struct bytes_writer *writer)
{
    protocol_put_header(writer, verb, request);
    put_topics(broker->topics, writer);
    put_consumers(broker, writer);
    put_producers(&broker->producers, writer);
}

size_t
broker_put_status(struct broker *broker, uint64_t request, uint8_t *frame,
                  size_t size)
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, frame, size);
    begin_status(broker, VERB_STATUS_OK, request, &writer);
    invariant(!writer.failed);
    return writer.used;
}

size_t
broker_put_survey(struct broker *broker, uint64_t request, uint8_t *frame,
                  size_t size)
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, frame, size);
    begin_status(broker, VERB_SURVEY_OK, request, &writer);
    put_reports(&broker->reports, &writer);
    invariant(!writer.failed);
    return writer.used;
}

_Static_assert(PROTOCOL_HEADER_BYTES + 2 +
                       TOPIC_TABLE_SLOTS_MAX * (TOPIC_NAME_BYTES + 26) + 2 +
                       CONSUMER_TABLE_POSITIONS_MAX *
                           (PRODUCER_NAME_BYTES + TOPIC_NAME_BYTES + 10) +
                       2 + UINT16_MAX * (PRODUCER_NAME_BYTES + 4) + 2 +
                       REPORT_TABLE_MAX *
                           (PRODUCER_NAME_BYTES + 6 + REPORT_BYTES_MAX) <=
                   PROTOCOL_FRAME_BYTES_MAX,
               "the longest SURVEY_OK must fit in a frame");
_Static_assert(FETCH_OK_HEAD_BYTES + PROTOCOL_FETCH_BYTES_MAX <=
                   PROTOCOL_FRAME_BYTES_MAX,
               "the longest FETCH_OK must fit in a frame");
_Static_assert(CONSUMER_TABLE_POSITIONS_MAX <= UINT16_MAX &&
                   TOPIC_TABLE_SLOTS_MAX <= UINT16_MAX,
               "STATUS_OK counts in 16 bits");
