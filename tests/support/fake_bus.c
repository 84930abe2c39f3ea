#include "fake_bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saga/codec.h"

#define FAKE_LOGS_MAX BUS_STREAMS_MAX
#define FAKE_ACKS_MAX 256

struct fake_batch {
    uint64_t base_offset;
    char producer[PRODUCER_NAME_BYTES];
    uint64_t first_seq;
    uint32_t count;
    uint8_t *bytes;
    size_t bytes_count;
};

struct fake_log {
    char topic[TOPIC_NAME_BYTES];
    uint32_t partition;
    struct fake_batch *batches;
    size_t batches_count;
    uint64_t start, end;
    uint64_t rewind_count; /* rises with each redelivery ... */
    uint64_t rewind_offset; /* ... from here                  */
};

struct fake_broker {
    struct fake_log logs[FAKE_LOGS_MAX];
    int logs_count;
    bool down;
    bool hold_acks;
    struct bus_life life; /* of the bus that began last */
};

struct fake_stream {
    struct fake_log *log;
    bool reads;
    uint64_t offset;
    uint64_t rewind_count;
    bool may_begin_later;
};

struct fake_bus {
    struct bus base;
    struct fake_broker *broker;
    char name[PRODUCER_NAME_BYTES];
    struct fake_stream streams[BUS_STREAMS_MAX];
    int streams_count;
    bool opened;
    bool up;
    struct bus_event acks[FAKE_ACKS_MAX];
    int acks_count;
};

static struct fake_log *
find_log(struct fake_broker *broker, const char *topic, uint32_t partition)
{
    struct fake_log *log;
    int i;

    for (i = 0; i < broker->logs_count; i++)
        if (strcmp(broker->logs[i].topic, topic) == 0 &&
            broker->logs[i].partition == partition)
            return &broker->logs[i];
    invariant(broker->logs_count < FAKE_LOGS_MAX);
    log = &broker->logs[broker->logs_count++];
    memset(log, 0, sizeof *log);
    snprintf(log->topic, sizeof log->topic, "%s", topic);
    log->partition = partition;
    return log;
}

static uint64_t
log_last_seq(const struct fake_log *log, const char *producer)
{
    uint64_t last = 0;
    size_t i;

    for (i = 0; i < log->batches_count; i++)
        if (strcmp(log->batches[i].producer, producer) == 0)
            last = log->batches[i].first_seq + log->batches[i].count - 1;
    return last;
}

static void
log_append(struct fake_log *log, const char *producer, uint64_t first_seq,
           uint32_t count, const void *bytes, size_t bytes_count)
{
    struct fake_batch *batch;

    log->batches = realloc(log->batches, (log->batches_count + 1) *
                                             sizeof *log->batches);
    invariant(log->batches != NULL);
    batch = &log->batches[log->batches_count++];
    memset(batch, 0, sizeof *batch);
    snprintf(batch->producer, sizeof batch->producer, "%s", producer);
    batch->base_offset = log->end;
    batch->first_seq = first_seq;
    batch->count = count;
    batch->bytes = malloc(bytes_count + 1);
    invariant(batch->bytes != NULL);
    memcpy(batch->bytes, bytes, bytes_count);
    batch->bytes_count = bytes_count;
    log->end += count;
}

static const struct fake_batch *
log_find(const struct fake_log *log, uint64_t offset)
{
    size_t low = 0, high = log->batches_count, middle;

    if (offset >= log->end)
        return NULL;
    while (low + 1 < high) {
        middle = (low + high) / 2;
        if (log->batches[middle].base_offset <= offset)
            low = middle;
        else
            high = middle;
    }
    return &log->batches[low];
}

/* ---- the binder ------------------------------------------------------- */

static struct fake_bus *
self(struct bus *bus)
{
    return (struct fake_bus *)(void *)bus;
}

static void
fake_close(struct bus *bus)
{
    free(self(bus));
}

static int
add_stream(struct bus *bus, const char *topic, uint32_t partition, bool reads,
           uint64_t offset)
{
    struct fake_bus *fake = self(bus);
    struct fake_stream *stream = &fake->streams[fake->streams_count];

    invariant(fake->streams_count < BUS_STREAMS_MAX);
    stream->log = find_log(fake->broker, topic, partition);
    stream->reads = reads;
    stream->offset = offset;
    stream->rewind_count = stream->log->rewind_count;
    return fake->streams_count++;
}

static int
fake_declare(struct bus *bus, const char *topic, uint32_t partition)
{
    return add_stream(bus, topic, partition, false, 0);
}

static int
fake_assign(struct bus *bus, const char *topic, uint32_t partition,
            uint64_t offset)
{
    return add_stream(bus, topic, partition, true, offset);
}

static uint64_t
fake_last_seq(const struct bus *bus, int stream)
{
    const struct fake_bus *fake = (const struct fake_bus *)(const void *)bus;

    return log_last_seq(fake->streams[stream].log, fake->name);
}

static enum rc
fake_produce(struct bus *bus, const struct bus_batch *batch)
{
    struct fake_bus *fake = self(bus);
    struct fake_log *log = fake->streams[batch->stream].log;
    uint64_t last = log_last_seq(log, fake->name);
    struct bus_event *ack;

    if (fake->broker->down || !fake->opened ||
        fake->acks_count == BUS_WINDOW_MAX)
        return RC_AGAIN;
    invariant(batch->first_seq <= last + 1);
    if (batch->first_seq == last + 1)
        log_append(log, fake->name, batch->first_seq, batch->count,
                   batch->bytes, batch->bytes_count);
    ack = &fake->acks[fake->acks_count++];
    *ack = (struct bus_event){ .type = BUS_ACK,
                               .stream = batch->stream,
                               .first_seq = batch->first_seq,
                               .count = batch->count };
    return RC_OK;
}

static void
fake_position(struct bus *bus, int stream, uint64_t offset)
{
    (void)bus;
    (void)stream;
    (void)offset;
}

static enum rc
fake_wait(struct bus *bus, struct pollfd *fds, size_t count, int timeout_ms)
{
    (void)bus;
    (void)timeout_ms; /* tests never wait: they turn until nothing moves */
    return poll(fds, (nfds_t)count, 0) < 0 ? RC_IO : RC_OK;
}

static void
fake_may_begin_later(struct bus *bus, int stream)
{
    self(bus)->streams[stream].may_begin_later = true;
}

static void
trimmed(struct fake_stream *stream, int index, struct bus_event *event)
{
    event->type = stream->may_begin_later ? BUS_LATER : BUS_FAILED;
    event->rc = RC_DAMAGED;
    event->stream = index;
    event->offset = stream->offset = stream->log->start;
}

static bool
next_batch(struct fake_bus *fake, struct bus_event *event)
{
    const struct fake_batch *batch;
    struct fake_stream *stream;
    int i;

    for (i = 0; i < fake->streams_count; i++) {
        stream = &fake->streams[i];
        if (!stream->reads)
            continue;
        if (stream->rewind_count != stream->log->rewind_count) {
            stream->rewind_count = stream->log->rewind_count;
            stream->offset = stream->log->rewind_offset;
        }
        if (stream->offset < stream->log->start) {
            trimmed(stream, i, event);
            return true;
        }
        batch = log_find(stream->log, stream->offset);
        if (batch == NULL)
            continue;
        stream->may_begin_later = false;
        stream->offset = batch->base_offset + batch->count;
        event->type = BUS_BATCH;
        event->batch.stream = i;
        event->batch.base_offset = batch->base_offset;
        memcpy(event->batch.producer, batch->producer,
               sizeof batch->producer);
        event->batch.first_seq = batch->first_seq;
        event->batch.count = batch->count;
        event->batch.bytes = batch->bytes;
        event->batch.bytes_count = batch->bytes_count;
        return true;
    }
    return false;
}

static enum rc
fake_next(struct bus *bus, struct bus_event *event_out)
{
    struct fake_bus *fake = self(bus);

    memset(event_out, 0, sizeof *event_out);
    if (fake->up == fake->broker->down) {
        fake->up = !fake->broker->down;
        event_out->type = fake->up ? BUS_UP : BUS_DOWN;
        return RC_OK;
    }
    if (fake->broker->down)
        return RC_OK;
    if (!fake->opened) {
        fake->opened = true;
        event_out->type = BUS_OPENED;
        return RC_OK;
    }
    if (fake->acks_count > 0 && !fake->broker->hold_acks) {
        *event_out = fake->acks[0];
        fake->acks_count--;
        memmove(fake->acks, fake->acks + 1,
                (size_t)fake->acks_count * sizeof fake->acks[0]);
        return RC_OK;
    }
    next_batch(fake, event_out);
    return RC_OK;
}

static void
fake_begin(struct bus *bus, const struct bus_life *life)
{
    self(bus)->broker->life = *life;
}

static const struct bus_binder fake_binder = {
    .close = fake_close,
    .begin = fake_begin,
    .declare = fake_declare,
    .assign = fake_assign,
    .may_begin_later = fake_may_begin_later,
    .last_seq = fake_last_seq,
    .produce = fake_produce,
    .position = fake_position,
    .wait = fake_wait,
    .next = fake_next,
};

/* ---- the tests' side -------------------------------------------------- */

struct bus_life
fake_broker_life(const struct fake_broker *broker)
{
    return broker->life;
}

struct bus *
fake_bus_new(struct fake_broker *broker, const char *name)
{
    struct fake_bus *fake = calloc(1, sizeof *fake);

    invariant(fake != NULL);
    fake->base.binder = &fake_binder;
    fake->broker = broker;
    snprintf(fake->name, sizeof fake->name, "%s", name);
    return &fake->base;
}

struct fake_broker *
fake_broker_new(void)
{
    struct fake_broker *broker = calloc(1, sizeof *broker);

    invariant(broker != NULL);
    return broker;
}

void
fake_broker_destroy(struct fake_broker **broker_p)
{
    struct fake_broker *broker = *broker_p;
    size_t b;
    int i;

    for (i = 0; i < broker->logs_count; i++) {
        for (b = 0; b < broker->logs[i].batches_count; b++)
            free(broker->logs[i].batches[b].bytes);
        free(broker->logs[i].batches);
    }
    free(broker);
    *broker_p = NULL;
}

void
fake_broker_append_raw(struct fake_broker *broker, const char *topic,
                       uint32_t partition, const char *producer,
                       uint64_t first_seq, uint32_t count, const void *bytes,
                       size_t bytes_count)
{
    log_append(find_log(broker, topic, partition), producer, first_seq, count,
               bytes, bytes_count);
}

void
fake_broker_append(struct fake_broker *broker, const char *topic,
                   uint32_t partition, const char *producer,
                   uint64_t first_seq, const struct event *events,
                   uint32_t count)
{
    size_t size = (size_t)count * EVENT_BYTES_MAX, at = 0, used;
    uint8_t *bytes = malloc(size);
    struct event event;
    uint32_t i;

    invariant(bytes != NULL);
    for (i = 0; i < count; i++) {
        event = events[i];
        event.id = first_seq + i;
        snprintf(event.source, sizeof event.source, "%s", producer);
        if (event.time_us == 0)
            event.time_us = 1;
        invariant(event_encode(&event, bytes + at, size - at, &used) ==
                  RC_OK);
        at += used;
    }
    fake_broker_append_raw(broker, topic, partition, producer, first_seq,
                           count, bytes, at);
    free(bytes);
}

void
fake_broker_send(struct fake_broker *broker, const char *topic,
                 const char *producer, const struct event *event)
{
    const struct fake_log *log = find_log(broker, topic, 0);

    fake_broker_append(broker, topic, 0, producer,
                       log_last_seq(log, producer) + 1, event, 1);
}

void
fake_broker_store_again(struct fake_broker *broker, const char *topic,
                        uint32_t partition, uint64_t offset)
{
    struct fake_log *log = find_log(broker, topic, partition);
    const struct fake_batch *found = log_find(log, offset);
    struct fake_batch copy;

    invariant(found != NULL);
    copy = *found; /* log_append() moves the array */
    log_append(log, copy.producer, copy.first_seq, copy.count, copy.bytes,
               copy.bytes_count);
}

void
fake_broker_redeliver(struct fake_broker *broker, const char *topic,
                      uint32_t partition, uint64_t offset)
{
    struct fake_log *log = find_log(broker, topic, partition);

    log->rewind_count++;
    log->rewind_offset = offset;
}

void
fake_broker_trim(struct fake_broker *broker, const char *topic,
                 uint32_t partition, uint64_t offset)
{
    find_log(broker, topic, partition)->start = offset;
}

void
fake_broker_set_down(struct fake_broker *broker, bool down)
{
    broker->down = down;
}

void
fake_broker_hold_acks(struct fake_broker *broker, bool hold)
{
    broker->hold_acks = hold;
}

bool
fake_broker_batch(const struct fake_broker *broker, const char *topic,
                  uint32_t partition, size_t index,
                  struct bus_batch *batch_out)
{
    const struct fake_batch *batch;
    int i;

    for (i = 0; i < broker->logs_count; i++) {
        if (strcmp(broker->logs[i].topic, topic) != 0 ||
            broker->logs[i].partition != partition ||
            index >= broker->logs[i].batches_count)
            continue;
        batch = &broker->logs[i].batches[index];
        *batch_out = (struct bus_batch){ .base_offset = batch->base_offset,
                                         .first_seq = batch->first_seq,
                                         .count = batch->count,
                                         .bytes = batch->bytes,
                                         .bytes_count = batch->bytes_count };
        memcpy(batch_out->producer, batch->producer, sizeof batch->producer);
        return true;
    }
    return false;
}

uint64_t
fake_broker_end(const struct fake_broker *broker, const char *topic,
                uint32_t partition)
{
    int i;

    for (i = 0; i < broker->logs_count; i++)
        if (strcmp(broker->logs[i].topic, topic) == 0 &&
            broker->logs[i].partition == partition)
            return broker->logs[i].end;
    return 0;
}

void
fake_broker_event(const struct fake_broker *broker, const char *topic,
                  uint32_t partition, uint64_t offset, struct event *event_out)
{
    const struct fake_batch *batch = NULL;
    struct codec *codec;
    size_t at = 0, used;
    uint64_t i;
    int l;

    for (l = 0; l < broker->logs_count; l++)
        if (strcmp(broker->logs[l].topic, topic) == 0 &&
            broker->logs[l].partition == partition)
            batch = log_find(&broker->logs[l], offset);
    invariant(batch != NULL);
    invariant(codec_new(&codec) == RC_OK);
    for (i = batch->base_offset; i <= offset; i++) {
        invariant(event_decode(codec, batch->bytes + at,
                               batch->bytes_count - at, event_out,
                               &used) == CODEC_OK);
        at += used;
    }
    codec_destroy(&codec);
}
