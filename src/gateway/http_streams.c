#include "gateway/http_streams.h"

#include <stdlib.h>

#include "gateway/http_stream.h"

/* ---- who there is ----------------------------------------------------- */

/* Users and orders share the buckets. */
static struct stream **
bucket(struct streams *streams, enum request_kind kind, uint64_t id)
{
    uint64_t mixed = (id * 2 + (kind == REQUEST_ORDER_WATCH)) *
                     UINT64_C(0x9e3779b97f4a7c15);

    return &streams->buckets[(mixed >> 32) % STREAM_BUCKETS];
}

static struct stream **
own_bucket(struct stream *stream)
{
    bool watch = stream->kind == REQUEST_ORDER_WATCH;

    return bucket(&stream->http->streams, stream->kind,
                  watch ? stream->order.value : stream->query.user.value);
}

void
streams_listen(struct gateway_http *http)
{
    http->streams.listeners++;
    atomic_store(&http->shared->listening, true);
}

void
streams_listen_no_more(struct gateway_http *http)
{
    if (--http->streams.listeners > 0)
        return;
    atomic_store(&http->shared->listening, false);
    ring_begin(&http->streams.ring, 0);
}

void
streams_add(struct stream *stream)
{
    struct streams *streams = &stream->http->streams;

    stream->next = streams->all;
    if (stream->next != NULL)
        stream->next->previous = stream;
    streams->all = stream;
    streams->count++;
    if (stream->narrow) {
        struct stream **head = own_bucket(stream);

        stream->bucket_next = *head;
        *head = stream;
        streams->narrow++;
    }
}

static void
remove_pending(struct streams *streams, struct stream *stream)
{
    struct stream **link = &streams->pending_first;
    struct stream *before = NULL;

    while (*link != stream) {
        before = *link;
        link = &before->pending_next;
    }
    *link = stream->pending_next;
    if (streams->pending_last == stream)
        streams->pending_last = before;
}

void
streams_remove(struct stream *stream)
{
    struct streams *streams = &stream->http->streams;

    if (stream->previous != NULL)
        stream->previous->next = stream->next;
    else
        streams->all = stream->next;
    if (stream->next != NULL)
        stream->next->previous = stream->previous;
    streams->count--;
    if (stream->pending)
        remove_pending(streams, stream);
    if (stream->narrow) {
        struct stream **link = own_bucket(stream);

        while (*link != stream)
            link = &(*link)->bucket_next;
        *link = stream->bucket_next;
        streams->narrow--;
    }
    deadline_end(&streams->beats, &stream->beat);
}

/* ---- what has changed ------------------------------------------------- */

void
stream_pend(struct stream *stream)
{
    struct streams *streams = &stream->http->streams;

    if (stream->pending)
        return;
    stream->pending = true;
    stream->pending_next = NULL;
    if (streams->pending_last != NULL)
        streams->pending_last->pending_next = stream;
    else
        streams->pending_first = stream;
    streams->pending_last = stream;
}

static void
tell_bucket(struct streams *streams, enum request_kind kind, uint64_t id,
            const struct change *change)
{
    struct stream *stream = *bucket(streams, kind, id);

    for (; stream != NULL; stream = stream->bucket_next) {
        if (stream->catching || stream->unread ||
            !stream_takes(stream, change))
            continue;
        stream->unread = true;
        stream->cursor = change->number;
        stream_pend(stream);
    }
}

/* Some changes did not come: who was live reads the history again. */
static void
note_hole(struct gateway_http *http, uint64_t next)
{
    struct streams *streams = &http->streams;
    struct stream *stream;

    for (stream = streams->all; stream != NULL; stream = stream->next) {
        if (stream->catching)
            continue;
        /* It may have come from the history, and be in front of the ring. */
        if (stream->narrow && !stream->unread &&
            stream->cursor < streams->ring.next)
            stream->cursor = streams->ring.next;
        stream->catching = stream->cursor < next;
        stream_pend(stream);
    }
    ring_begin(&streams->ring, next);
    waiters_missed(http);
}

/* Of changes that did not come the next to come tells, if one does.  All that
 * was counted before changes_next was told has been taken: so no change that
 * is on its way is called left out. */
static void
note_left_out(struct gateway_http *http)
{
    struct streams *streams = &http->streams;
    uint64_t next = atomic_load(&http->shared->changes_next);

    if (streams->ring.next != 0 && streams->ring.next < next &&
        atomic_load(&http->shared->changes_waiting) == 0)
        note_hole(http, next);
}

void
streams_changed(struct gateway_http *http, struct request *request)
{
    struct streams *streams = &http->streams;
    const struct change *changes = request->rows;
    uint32_t i;

    atomic_fetch_sub(&http->shared->changes_waiting, 1);
    for (i = 0; i < request->rows_count && streams->listeners > 0; i++) {
        const struct change *change = &changes[i];

        if (streams->ring.next != 0 && change->number < streams->ring.next)
            continue;
        if (streams->ring.next != 0 && change->number > streams->ring.next)
            note_hole(http, change->number);
        if (!ring_put(&streams->ring, change))
            break;
        if (change->kind != CHANGE_ORDER)
            continue;
        waiters_changed(http, &change->order);
        if (streams->narrow > 0) {
            tell_bucket(streams, REQUEST_ORDER_WATCH,
                        change->order.order.value, change);
            tell_bucket(streams, REQUEST_ORDER_STREAM,
                        change->order.user.value, change);
        }
    }
    request_fini(request);
    free(request);
}

/* ---- waves ------------------------------------------------------------ */

static bool
wave_is_wanted(const struct streams *streams)
{
    return streams->count > 0 && (streams->pending_first != NULL ||
                                  streams->ring.next != streams->wave_next);
}

static void
begin_wave(struct streams *streams, int64_t now_us)
{
    struct stream *stream;

    streams->wave_us = now_us;
    streams->wave_next = streams->ring.next;
    streams->wave_left = STREAM_WAVE_BYTES;
    for (stream = streams->all; stream != NULL; stream = stream->next) {
        if (!stream->narrow && !stream->catching &&
            stream->cursor < streams->ring.next)
            stream_pend(stream);
    }
}

static void
end_beats(struct gateway_http *http)
{
    struct streams *streams = &http->streams;
    int64_t before_us = http->now_us -
                        (int64_t)http->config->http_heartbeat * 1000;
    struct deadline *deadline;

    while ((deadline = deadline_due(&streams->beats, before_us)) != NULL) {
        struct stream *stream = deadline->owner;

        deadline_begin(&streams->beats, deadline, http->now_us);
        stream->alive_due = true;
        stream_wake(stream);
    }
}

void
streams_turn(struct gateway_http *http)
{
    struct streams *streams = &http->streams;
    unsigned resumed;

    streams->turn++;
    end_beats(http);
    note_left_out(http);
    if (wave_is_wanted(streams) &&
        http->now_us - streams->wave_us >= STREAM_WAVE_US)
        begin_wave(streams, http->now_us);
    for (resumed = 0; resumed < STREAM_TURN_RESUMES &&
                      streams->pending_first != NULL && streams->wave_left > 0;
         resumed++) {
        struct stream *stream = streams->pending_first;

        streams->pending_first = stream->pending_next;
        if (streams->pending_first == NULL)
            streams->pending_last = NULL;
        stream->pending = false;
        stream_wake(stream);
    }
}

int64_t
streams_until(const struct gateway_http *http, int64_t limit_ms)
{
    const struct streams *streams = &http->streams;
    int64_t ms = limit_ms;

    if (streams->beats.first != NULL)
        ms = (streams->beats.first->since_us - http->now_us) / 1000 + 1 +
             (int64_t)http->config->http_heartbeat;
    if (ms < limit_ms)
        limit_ms = ms > 0 ? ms : 0;
    if (streams->pending_first != NULL && streams->wave_left > 0)
        return 0;
    if (!wave_is_wanted(streams))
        return limit_ms;
    ms = ms_up(streams->wave_us + STREAM_WAVE_US - http->now_us);
    if (ms < 0)
        ms = 0;
    return ms < limit_ms ? ms : limit_ms;
}

void
streams_stop(struct gateway_http *http)
{
    struct stream *stream;

    for (stream = http->streams.all; stream != NULL; stream = stream->next) {
        stream->ends = true;
        stream_wake(stream);
    }
}

void
streams_init(struct gateway_http *http)
{
    ring_init(&http->streams.ring, (size_t)http->config->http_stream_queue);
    http->streams.wave_left = STREAM_WAVE_BYTES;
}

void
streams_fini(struct gateway_http *http)
{
    ring_fini(&http->streams.ring);
}
