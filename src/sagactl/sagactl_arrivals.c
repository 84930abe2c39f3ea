#include "sagactl/sagactl_arrivals.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "saga/codec.h"
#include "sagactl/sagactl_broker.h"
#include "sagactl/sagactl_load.h"

#define FETCH_WAIT_MS 200 /* so soon is a stop seen */
#define REPLY_MS 2000
#define FETCH_BYTES (1u << 20)

struct arrival_stream {
    uint32_t partition;
    uint64_t offset, request;
    int64_t due_ms;
};

struct arrivals {
    pthread_t thread;
    atomic_bool stops;
    atomic_size_t count;
    size_t max;
    struct arrival *notes;
    struct broker_line *line;
    struct codec *codec;
    struct arrival_stream streams[PARTITIONS_MAX];
    size_t streams_count;
    uint64_t requests;
};

static void
ask(struct arrivals *arrivals, struct arrival_stream *stream)
{
    struct protocol_fetch fetch = { .topic = "transactions",
                                    .partition = (uint16_t)stream->partition,
                                    .offset = stream->offset,
                                    .max_bytes = FETCH_BYTES,
                                    .max_wait_ms = FETCH_WAIT_MS };
    struct bytes_writer frame;
    uint8_t data[256];

    bytes_writer_init(&frame, data, sizeof data);
    stream->request = ++arrivals->requests;
    protocol_put_fetch(&frame, stream->request, &fetch);
    (void)line_send(arrivals->line, &frame);
    stream->due_ms = line_now_ms() + FETCH_WAIT_MS + REPLY_MS;
}

static void
note(struct arrivals *arrivals, const struct event *event, int64_t now_us)
{
    size_t count = atomic_load(&arrivals->count);

    if (event->type != EVENT_TRANSACTION || count == arrivals->max)
        return;
    arrivals->notes[count].order = event->order.value;
    arrivals->notes[count].at_us = now_us;
    atomic_store(&arrivals->count, count + 1);
}

static void
on_batch(struct arrivals *arrivals, struct arrival_stream *stream,
         const struct protocol_batch *batch, int64_t now_us)
{
    struct event event;
    size_t at = 0, used;

    for (uint32_t i = 0; i < batch->count && at < batch->bytes_count; i++) {
        if (event_decode(arrivals->codec, batch->bytes + at,
                         batch->bytes_count - at, &event, &used) == CODEC_OK
            && batch->base_offset + i >= stream->offset)
            note(arrivals, &event, now_us);
        if (used == 0)
            break;
        at += used;
    }
    stream->offset = batch->base_offset + batch->count;
}

static void
on_reply(struct arrivals *arrivals, const struct protocol_header *header,
         struct bytes_reader *reader)
{
    int64_t now_us = load_now_us();
    struct protocol_fetch_ok ok;
    struct protocol_batch batch;

    for (size_t i = 0; i < arrivals->streams_count; i++) {
        struct arrival_stream *stream = &arrivals->streams[i];

        if (stream->request != header->request
            || header->verb != VERB_FETCH_OK
            || protocol_get_fetch_ok(reader, &ok) != RC_OK)
            continue;
        for (; ok.count > 0 && protocol_get_batch(reader, &batch) == RC_OK;
             ok.count--)
            on_batch(arrivals, stream, &batch, now_us);
        stream->due_ms = 0;
        return;
    }
}

static void *
run(void *context)
{
    struct arrivals *arrivals = context;
    struct protocol_header header;
    struct bytes_reader reader;
    bool gone;

    while (!atomic_load(&arrivals->stops)) {
        for (size_t i = 0; i < arrivals->streams_count; i++)
            if (line_now_ms() >= arrivals->streams[i].due_ms)
                ask(arrivals, &arrivals->streams[i]);
        if (line_receive(arrivals->line, FETCH_WAIT_MS, &header, &reader,
                         &gone))
            on_reply(arrivals, &header, &reader);
    }
    return NULL;
}

static int
find_ends(struct arrivals *arrivals)
{
    struct broker_topics topics;
    int code = line_ask_topics(arrivals->line, &topics);

    for (size_t i = 0; code == EXIT_DONE && i < topics.partitions_count; i++)
        if (strcmp(topics.partitions[i].topic, "transactions") == 0
            && arrivals->streams_count < PARTITIONS_MAX)
            arrivals->streams[arrivals->streams_count++] =
                (struct arrival_stream){ topics.partitions[i].partition,
                                         topics.partitions[i].end, 0, 0 };
    line_topics_fini(&topics);
    return code;
}

int
arrivals_start(const struct sagactl *ctl, size_t max,
               struct arrivals **arrivals_out)
{
    struct arrivals *arrivals = calloc(1, sizeof *arrivals);
    int code;

    invariant(arrivals != NULL);
    arrivals->max = max;
    arrivals->notes = calloc(max, sizeof *arrivals->notes);
    invariant(arrivals->notes != NULL);
    code = codec_new(&arrivals->codec) == RC_OK ? EXIT_DONE : EXIT_SYSTEM;
    if (code == EXIT_DONE)
        code = line_open(ctl, &arrivals->line);
    if (code == EXIT_DONE)
        code = find_ends(arrivals);
    if (code == EXIT_DONE
        && pthread_create(&arrivals->thread, NULL, run, arrivals) != 0)
        code = EXIT_SYSTEM;
    if (code != EXIT_DONE)
        arrivals_destroy(&arrivals);
    *arrivals_out = arrivals;
    return code;
}

size_t
arrivals_count(const struct arrivals *arrivals)
{
    return atomic_load(&arrivals->count);
}

static int
by_order(const void *left, const void *right)
{
    const struct arrival *a = left, *b = right;

    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    return (a->at_us > b->at_us) - (a->at_us < b->at_us);
}

const struct arrival *
arrivals_stop(struct arrivals *arrivals, size_t *count_out)
{
    atomic_store(&arrivals->stops, true);
    pthread_join(arrivals->thread, NULL);
    *count_out = atomic_load(&arrivals->count);
    qsort(arrivals->notes, *count_out, sizeof *arrivals->notes, by_order);
    return arrivals->notes;
}

void
arrivals_destroy(struct arrivals **arrivals_p)
{
    struct arrivals *arrivals = *arrivals_p;

    *arrivals_p = NULL;
    if (arrivals == NULL)
        return;
    line_close(&arrivals->line);
    codec_destroy(&arrivals->codec);
    free(arrivals->notes);
    free(arrivals);
}
