#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/topic_segment.h"
#include "sagactl/verify_pass.h"
#include "sagactl/verify_rows.h"

/* ---- events ---- */

static void
set_origin(const struct pass *pass, const struct pass_batch *batch,
           uint32_t index, struct verify_origin *origin)
{
    const struct verify_actor *actor =
        verify_actor_named(pass->verify, batch->producer);
    const struct verify_write *write =
        actor == NULL ? NULL
                      : verify_write_of(actor, pass->topic, pass->partition);

    *origin = (struct verify_origin){ .topic = pass->topic,
                                      .partition = pass->partition,
                                      .offset = batch->offset + index,
                                      .in_log = batch->in_log };
    origin->own = write != NULL && batch->first_seq + index < write->next_seq;
    for (int i = 0; i < VERIFY_ACTORS && batch->in_log; i++)
        if (pass->reads[i] != NULL && origin->offset < pass->reads[i]->offset)
            origin->read_by |= BY(pass->verify->actors[i].process);
}

/* What can't be read must have been set aside; the run's end looks. */
static enum rc
poison(struct pass *pass, const struct pass_batch *batch, uint32_t index,
       uint32_t count, const char *why)
{
    const struct verify_span span = { pass->topic, pass->partition,
                                      batch->offset + index, count };

    if (batch->in_log)
        return verify_span_add(&pass->verify->poisons, &span,
                               VERIFY_POISONS_MAX);
    verify_differs(pass->verify->report, CHECK_OUTBOX,
                   "%s: seq %" PRIu64 " of %s/%u waits to be sent, but is "
                   "no event: %s",
                   batch->producer, batch->first_seq + index, pass->name,
                   pass->partition, why);
    return RC_OK;
}

static enum rc
take_event(struct pass *pass, const struct pass_batch *batch, uint32_t index,
           const struct event *event)
{
    struct verify *verify = pass->verify;
    struct verify_origin origin;

    if (event->id != batch->first_seq + index ||
        strcmp(event->source, batch->producer) != 0)
        return poison(pass, batch, index, 1, "identity");
    if (pass->topic != TOPIC_DEAD_LETTERS && event->user.value != 0 &&
        topic_partition(event->user, verify->partitions) != pass->partition)
        verify_differs(verify->report, CHECK_LOG_EVENTS,
                       "%s/%u: seq %" PRIu64 " of %s is of user %" PRIu64
                       ", whose events go elsewhere",
                       pass->name, pass->partition, event->id,
                       batch->producer, event->user.value);
    verify_looked(verify->report, CHECK_LOG_EVENTS, batch->in_log ? 1 : 0);
    set_origin(pass, batch, index, &origin);
    return verify_event(verify, &origin, event);
}

enum rc
pass_take_events(struct pass *pass, const struct pass_batch *batch)
{
    const uint8_t *bytes = batch->bytes;
    size_t left = batch->bytes_count, used;
    enum codec_refusal refusal;
    struct event event;
    enum rc rc = RC_OK;

    for (uint32_t i = 0; i < batch->count && rc == RC_OK; i++) {
        refusal = event_decode(pass->verify->codec, bytes, left, &event,
                               &used);
        if (used == 0)
            return poison(pass, batch, i, batch->count - i,
                          codec_refusal_name(refusal));
        if (refusal != CODEC_OK)
            rc = poison(pass, batch, i, 1, codec_refusal_name(refusal));
        else
            rc = take_event(pass, batch, i, &event);
        bytes += used;
        left -= used;
    }
    return rc;
}

/* ---- batches ---- */

struct producer_pass *
pass_producer(struct pass *pass, const char *name)
{
    struct producer_pass *producer;

    for (uint32_t i = 0; i < pass->producers_count; i++)
        if (strcmp(pass->producers[i].name, name) == 0)
            return &pass->producers[i];
    if (pass->producers_count == pass->producers_room) {
        uint32_t room =
            pass->producers_room == 0 ? 8 : pass->producers_room * 2;

        if (room > VERIFY_PRODUCERS_MAX)
            return NULL;
        producer = realloc(pass->producers, room * sizeof *producer);
        if (producer == NULL)
            return NULL;
        pass->producers = producer;
        pass->producers_room = room;
    }
    producer = &pass->producers[pass->producers_count++];
    *producer = (struct producer_pass){ .last_seq = 0 };
    snprintf(producer->name, sizeof producer->name, "%s", name);
    verify_looked(pass->verify->report, CHECK_LOG_SEQS, 1);
    return producer;
}

static void
check_seqs(struct pass *pass, struct producer_pass *producer,
           const struct protocol_batch *batch)
{
    bool first = producer->last_seq == 0;

    if (batch->first_seq != producer->last_seq + 1 &&
        !(first && pass->start > 0))
        verify_differs(pass->verify->report, CHECK_LOG_SEQS,
                       "%s/%u: seq %" PRIu64 " of %s follows %" PRIu64
                       ", at offset %" PRIu64,
                       pass->name, pass->partition, batch->first_seq,
                       producer->name, producer->last_seq,
                       batch->base_offset);
    producer->last_seq = batch->first_seq + batch->count - 1;
    for (int i = 0; i < VERIFY_ACTORS; i++) {
        uint64_t read;

        if (pass->reads[i] == NULL ||
            pass->reads[i]->offset <= batch->base_offset)
            continue;
        read = pass->reads[i]->offset - batch->base_offset;
        producer->read_seq[i] =
            batch->first_seq + (read < batch->count ? read : batch->count) - 1;
    }
}

static enum rc
take_batch(struct pass *pass, const struct store_row *row)
{
    struct protocol_batch batch;
    struct producer_pass *producer;
    struct bytes_reader reader;
    uint64_t base;

    verify_looked(pass->verify->report, CHECK_LOG_OFFSETS, 1);
    bytes_reader_init(&reader, row->value, row->bytes);
    if (!verify_read_id(row->key, row->key_bytes, &base) ||
        protocol_get_batch(&reader, &batch) != RC_OK ||
        !bytes_all_read(&reader) || batch.base_offset != base) {
        verify_differs(pass->verify->report, CHECK_LOG_OFFSETS,
                       "%s/%u: a row behind offset %" PRIu64 " is no batch",
                       pass->name, pass->partition, pass->next);
        return RC_OK;
    }
    if (base != pass->next)
        verify_differs(pass->verify->report, CHECK_LOG_OFFSETS,
                       "%s/%u: offset %" PRIu64 " follows, not %" PRIu64,
                       pass->name, pass->partition, base, pass->next);
    pass->next = base + batch.count;
    producer = pass_producer(pass, batch.producer);
    if (producer == NULL)
        return RC_NO_MEMORY;
    check_seqs(pass, producer, &batch);
    if (pass->topic == TOPIC_COUNT)
        return RC_OK;
    return pass_take_events(pass,
                       &(struct pass_batch){ batch.producer, batch.first_seq,
                                        batch.count, batch.bytes,
                                        batch.bytes_count, base, true });
}

/* ---- segments ---- */

static void
show_progress(const struct pass *pass, uint64_t end)
{
    uint64_t all = end - pass->start;

    if (!pass->verify->input->progress)
        return;
    fprintf(stderr, "\rreading %s/%u %3" PRIu64 "%%\033[K", pass->name,
            pass->partition,
            all == 0 ? 100 : (pass->next - pass->start) * 100 / all);
}

static enum rc
read_segment(struct pass *pass, struct topic_segments *segments, size_t index)
{
    struct topic_segment *segment = &segments->items[index];
    uint64_t end = segments->items[segments->count - 1].end;
    struct store_cursor *cursor;
    struct store_row row;
    uint64_t rows = 0;
    enum rc rc = topic_segments_open_table(segments, segment);

    if (rc == RC_OK)
        rc = store_cursor_open(segment->table, &cursor);
    if (rc != RC_OK)
        return rc;
    for (rc = store_cursor_first(cursor, &row); rc == RC_OK;
         rc = store_cursor_next(cursor, &row)) {
        if (rows++ % 1024 == 0)
            show_progress(pass, end);
        rc = take_batch(pass, &row);
        if (rc != RC_OK)
            break;
    }
    store_cursor_close(&cursor);
    if (rc != RC_NOT_FOUND)
        return rc;
    if (pass->next != segment->end)
        verify_differs(pass->verify->report, CHECK_LOG_OFFSETS,
                       "%s/%u: a segment ends at %" PRIu64
                       ", its row says %" PRIu64,
                       pass->name, pass->partition, pass->next, segment->end);
    pass->next = segment->end;
    return topic_segments_trim_tables(segments);
}

static enum rc
read_log(struct pass *pass)
{
    struct topic_segments segments = {
        .config = { .store = pass->verify->broker,
                    .meta = pass->verify->meta,
                    .partition = (uint16_t)pass->partition },
    };
    enum rc rc, closed;

    snprintf(segments.topic, sizeof segments.topic, "%s", pass->name);
    segments.config.topic = segments.topic;
    rc = topic_segments_load(&segments);
    if (rc == RC_DAMAGED) {
        verify_differs(pass->verify->report, CHECK_LOG_OFFSETS,
                       "%s/%u: its segments do not join", pass->name,
                       pass->partition);
        rc = RC_OK;
    }
    if (segments.count > 0)
        pass->start = pass->next = segments.items[0].base;
    if (pass->start > 0 && pass->topic != TOPIC_COUNT)
        pass->verify->trimmed |= 1u << pass->topic;
    for (size_t i = 0; i < segments.count && rc == RC_OK; i++)
        rc = read_segment(pass, &segments, i);
    closed = topic_segments_fini(&segments);
    return rc == RC_OK ? closed : rc;
}

/* ---- all partitions ---- */

static enum rc
read_partition(struct verify *verify, const char *topic, uint32_t partition)
{
    struct pass pass = { .verify = verify,
                         .topic = topic_find(topic),
                         .partition = partition };
    enum rc rc;

    snprintf(pass.name, sizeof pass.name, "%s", topic);
    for (int i = 0; i < VERIFY_ACTORS; i++)
        pass.reads[i] =
            verify_read_of(&verify->actors[i], pass.topic, partition);
    rc = read_log(&pass);
    if (rc == RC_OK)
        rc = pass_check_producers(&pass);
    if (rc == RC_OK && pass.topic != TOPIC_COUNT) {
        pass_check_consumers(&pass);
        rc = pass_check_outboxes(&pass);
    }
    free(pass.producers);
    return rc;
}

struct foreign {
    struct verify *verify;
    char topic[TOPIC_NAME_BYTES]; /* the last one that was read */
    uint32_t partition;
    bool found;
};

/* Finds the first partition behind the last one that is no topic of ours. */
static enum rc
on_segment(void *context, struct bytes_reader *key, struct bytes_reader *value)
{
    struct foreign *foreign = context;
    char topic[TOPIC_NAME_BYTES];
    uint32_t partition;
    int order;

    (void)value;
    bytes_get_text(key, topic, sizeof topic);
    partition = bytes_get_u16(key);
    if (key->failed) {
        verify_differs(foreign->verify->report, CHECK_LOG_OFFSETS,
                       "a segment's row can't be read");
        return RC_OK;
    }
    if (topic_find(topic) != TOPIC_COUNT &&
        partition < foreign->verify->partitions)
        return RC_OK;
    /* As the rows are sorted: by length, then by letters. */
    order = (int)strlen(topic) - (int)strlen(foreign->topic);
    if (order == 0)
        order = strcmp(topic, foreign->topic);
    if (order < 0 || (order == 0 && partition <= foreign->partition))
        return RC_OK;
    snprintf(foreign->topic, sizeof foreign->topic, "%s", topic);
    foreign->partition = partition;
    foreign->found = true;
    return RC_EXISTS;
}

static enum rc
read_foreign(struct verify *verify)
{
    struct foreign foreign = { .verify = verify,
                               .partition = UINT32_MAX };
    struct broker_meta_bytes prefix;
    enum rc rc;

    broker_meta_key(&prefix, BROKER_META_SEGMENT);
    do {
        foreign.found = false;
        rc = broker_meta_walk(verify->meta, &prefix, on_segment, &foreign);
        if (foreign.found)
            rc = read_partition(verify, foreign.topic, foreign.partition);
    } while (rc == RC_OK && foreign.found);
    return rc;
}

static enum rc
find_partitions(struct verify *verify)
{
    enum rc rc;

    verify->partitions = 1;
    rc = broker_meta_format(verify->meta, &verify->partitions);
    if (rc != RC_OK)
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    for (int i = 0; i < VERIFY_ACTORS; i++)
        if (verify->actors[i].partitions != verify->partitions)
            verify_differs(verify->report, CHECK_POSITIONS,
                           "%s: has %u partitions, the broker has %u",
                           verify->actors[i].name,
                           verify->actors[i].partitions, verify->partitions);
    return RC_OK;
}

enum rc
verify_log(struct verify *verify)
{
    enum rc rc = find_partitions(verify);

    for (int topic = 0; topic < TOPIC_COUNT && rc == RC_OK; topic++)
        for (uint32_t i = 0; i < verify->partitions && rc == RC_OK; i++)
            rc = read_partition(verify, topic_routes[topic].name, i);
    if (rc == RC_OK)
        rc = read_foreign(verify);
    if (verify->input->progress)
        fprintf(stderr, "\r\033[K");
    return rc;
}
