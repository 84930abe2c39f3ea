/*
 * Reads a topic as a consumer does, by fetches that wait at the broker, and
 * not from the tap: so nothing is lost however slow the reader is, and one
 * way serves with --from and without.  It is anonymous: it holds up no
 * retention.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sagactl/sagactl_broker.h"
#include "sagactl/sagactl_event.h"
#include "sagactl/sagactl_out.h"

#define FETCH_BYTES (1u << 20)
#define FETCH_WAIT_MS 1000
#define REPLY_MS 1500 /* on top, before a fetch is asked again */
#define BUSY_MS 1000  /* after a refusal that passes           */

struct tail_stream {
    struct cloudevent_place place; /* offset: of the next event */
    uint64_t end;                  /* as it was at the start    */
    uint64_t request;
    int64_t due_ms; /* when to ask (again) */
    bool asked;
};

struct tail {
    const struct sagactl *ctl;
    struct broker_line *line;
    struct codec *codec;
    struct tail_stream streams[PARTITIONS_MAX];
    size_t count;
    uint64_t requests;
    uint64_t left; /* events to print */
    bool follow;
    bool over;
    int code;
};

/* ---- where it begins ---- */

/* The offset that --from means in this partition; false, and a line, if it
 * has none. */
static bool
find_start(const struct sagactl_args *args,
           const struct broker_partition *partition, uint64_t *offset)
{
    const char *from = args_value(args, "from");
    uint64_t number = 0;

    *offset = partition->end;
    if (from == NULL || strcmp(from, "end") == 0)
        return true;
    *offset = partition->begin;
    if (strcmp(from, "start") == 0)
        return true;
    if (!args_number(args, "--from", from + (*from == '-'), 0, INT64_MAX,
                     &number))
        return false;
    if (*from == '-') {
        if (number < partition->end - partition->begin)
            *offset = partition->end - number;
        return true;
    }
    *offset = number;
    if (number >= partition->begin && number <= partition->end)
        return true;
    fprintf(stderr, "sagactl: %s/%" PRIu32 " has the offsets from %" PRIu64
                    " to %" PRIu64 ", and not %" PRIu64 "\n",
            partition->topic, partition->partition, partition->begin,
            partition->end, number);
    return false;
}

static int
add_stream(struct tail *tail, const struct sagactl_args *args,
           const struct broker_partition *partition)
{
    struct tail_stream *stream = &tail->streams[tail->count];

    if (tail->count == PARTITIONS_MAX)
        return EXIT_SYSTEM;
    memcpy(stream->place.topic, partition->topic, TOPIC_NAME_BYTES);
    stream->place.partition = partition->partition;
    stream->end = partition->end;
    if (!find_start(args, partition, &stream->place.offset))
        return EXIT_DIFFERS;
    tail->count++;
    return EXIT_DONE;
}

static int
add_streams(struct tail *tail, const struct sagactl_args *args)
{
    const char *only = args_value(args, "partition");
    uint64_t partition = 0;
    struct broker_topics topics;
    int code;

    if (only != NULL
        && !args_number(args, "--partition", only, 0, PARTITIONS_MAX - 1,
                        &partition))
        return EXIT_USAGE;
    code = line_ask_topics(tail->line, &topics);
    for (size_t i = 0; code == EXIT_DONE && i < topics.partitions_count; i++)
        if (strcmp(topics.partitions[i].topic, args->words[0]) == 0
            && (only == NULL || topics.partitions[i].partition == partition))
            code = add_stream(tail, args, &topics.partitions[i]);
    line_topics_fini(&topics);
    if (code == EXIT_DONE && tail->count == 0) {
        fprintf(stderr, "sagactl: there is no such topic or partition: "
                        "`sagactl topics` lists them\n");
        return EXIT_DIFFERS;
    }
    return code;
}

/* What is wrong with the words is told before anybody is asked. */
static bool
check_from(const struct sagactl_args *args)
{
    const char *from = args_value(args, "from");
    uint64_t number;

    return from == NULL || strcmp(from, "end") == 0
           || strcmp(from, "start") == 0
           || args_number(args, "--from", from + (*from == '-'), 0, INT64_MAX,
                          &number);
}

/* ---- fetching ---- */

static void
ask(struct tail *tail, struct tail_stream *stream, int64_t now_ms)
{
    struct protocol_fetch fetch = { .partition =
                                        (uint16_t)stream->place.partition,
                                    .offset = stream->place.offset,
                                    .max_bytes = FETCH_BYTES,
                                    .max_wait_ms = FETCH_WAIT_MS };
    struct bytes_writer frame;
    uint8_t data[256];

    memcpy(fetch.topic, stream->place.topic, sizeof fetch.topic);
    bytes_writer_init(&frame, data, sizeof data);
    if (!stream->asked) /* else it is the same question, asked again */
        stream->request = ++tail->requests;
    protocol_put_fetch(&frame, stream->request, &fetch);
    stream->asked = line_send(tail->line, &frame);
    stream->due_ms = now_ms + (stream->asked ? FETCH_WAIT_MS + REPLY_MS : 50);
}

static bool
is_done(const struct tail *tail, const struct tail_stream *stream)
{
    return !tail->follow && stream->place.offset >= stream->end;
}

/* Asks where it is time; how long nothing needs to be asked, -1 if never. */
static int
ask_all(struct tail *tail)
{
    int64_t now_ms = line_now_ms(), due_ms = INT64_MAX;

    for (size_t i = 0; i < tail->count; i++) {
        struct tail_stream *stream = &tail->streams[i];

        if (is_done(tail, stream))
            continue;
        if (now_ms >= stream->due_ms)
            ask(tail, stream, now_ms);
        if (stream->due_ms < due_ms)
            due_ms = stream->due_ms;
    }
    if (due_ms == INT64_MAX)
        return -1;
    return due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
}

/* ---- what comes ---- */

/* Batches begin before the offset that was asked for. */
static void
print_batch(struct tail *tail, struct tail_stream *stream,
            const struct protocol_batch *batch)
{
    size_t at = 0;

    for (uint32_t i = 0; i < batch->count && at < batch->bytes_count; i++) {
        struct cloudevent_place place = stream->place;
        struct event skipped;
        size_t used = 0;

        place.offset = batch->base_offset + i;
        if (place.offset < stream->place.offset) {
            (void)!event_decode(tail->codec, batch->bytes + at,
                                batch->bytes_count - at, &skipped, &used);
            at += used > 0 ? used : batch->bytes_count - at;
            continue;
        }
        at += event_print(tail->ctl, tail->codec, &place, batch->producer,
                          batch->first_seq + i, batch->bytes + at,
                          batch->bytes_count - at);
        stream->place.offset = place.offset + 1;
        if (--tail->left == 0) {
            tail->over = true;
            return;
        }
        if (is_done(tail, stream))
            return;
    }
    stream->place.offset = batch->base_offset + batch->count;
}

static void
on_fetched(struct tail *tail, struct tail_stream *stream,
           struct bytes_reader *reader)
{
    struct protocol_fetch_ok ok;
    struct protocol_batch batch;
    enum rc rc = protocol_get_fetch_ok(reader, &ok);

    for (; rc == RC_OK && ok.count > 0 && !tail->over
           && !is_done(tail, stream); ok.count--) {
        rc = protocol_get_batch(reader, &batch);
        if (rc == RC_OK)
            print_batch(tail, stream, &batch);
    }
    if (rc != RC_OK) {
        fprintf(stderr, "sagactl: the broker's answer can't be read\n");
        tail->code = EXIT_SYSTEM;
        tail->over = true;
    }
    stream->due_ms = 0;
}

static void
on_error(struct tail *tail, struct tail_stream *stream,
         struct bytes_reader *reader)
{
    struct protocol_error error;

    if (protocol_get_error(reader, &error) != RC_OK)
        return;
    if (bus_error_passes(error.code)) { /* too many wait */
        stream->due_ms = line_now_ms() + BUSY_MS;
        return;
    }
    fprintf(stderr, "sagactl: %s/%" PRIu32 ", offset %" PRIu64 ": %s %" PRIu64
                    "\n",
            stream->place.topic, stream->place.partition,
            stream->place.offset, bus_error_name(error.code), error.detail);
    tail->code = error.code == BUS_ERROR_OFFSET_TRIMMED ? EXIT_DIFFERS
                                                        : EXIT_SYSTEM;
    tail->over = true;
}

static void
on_reply(struct tail *tail, const struct protocol_header *header,
         struct bytes_reader *reader)
{
    for (size_t i = 0; i < tail->count; i++) {
        struct tail_stream *stream = &tail->streams[i];

        if (!stream->asked || stream->request != header->request)
            continue;
        stream->asked = false;
        if (header->verb == VERB_FETCH_OK)
            on_fetched(tail, stream, reader);
        else if (header->verb == VERB_ERROR)
            on_error(tail, stream, reader);
        return;
    }
}

static void
follow(struct tail *tail)
{
    struct protocol_header header;
    struct bytes_reader reader;
    bool gone = false;
    int wait_ms;

    while (!tail->over && !gone && out_flush()) {
        wait_ms = ask_all(tail);
        if (wait_ms < 0)
            return; /* every partition has ended */
        if (line_receive(tail->line, wait_ms, &header, &reader, &gone))
            on_reply(tail, &header, &reader);
    }
}

int
sagactl_tail(const struct sagactl *ctl, const struct sagactl_args *args)
{
    const char *count = args_value(args, "count");
    struct tail *tail = calloc(1, sizeof *tail);
    int code;

    if (tail == NULL || codec_new(&tail->codec) != RC_OK) {
        fprintf(stderr, "sagactl: no memory\n");
        free(tail);
        return EXIT_SYSTEM;
    }
    tail->ctl = ctl;
    tail->left = UINT64_MAX;
    tail->follow = args_value(args, "no-follow") == NULL;
    tail->code = EXIT_USAGE;
    if (check_from(args)
        && (count == NULL
            || args_number(args, "--count", count, 1, INT64_MAX,
                           &tail->left)))
        tail->code = line_open(ctl, &tail->line);
    if (tail->code == EXIT_DONE)
        tail->code = add_streams(tail, args);
    if (tail->code == EXIT_DONE)
        follow(tail);
    code = tail->code;
    line_close(&tail->line);
    codec_destroy(&tail->codec);
    free(tail);
    return code;
}
