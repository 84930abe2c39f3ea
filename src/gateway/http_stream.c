#include "gateway/http_stream.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/http_streams.h"

#define READER_BYTES 16384
#define RETRY "retry: 1000\n\n"
#define ALIVE ": alive\n\n"

bool
stream_is_meant(const struct http_call *call)
{
    return call->route != NULL &&
           (call->route->kind == REQUEST_ORDER_STREAM ||
            call->route->kind == REQUEST_ORDER_WATCH ||
            call->route->kind == REQUEST_TRANSACTION_STREAM);
}

bool
stream_takes(const struct stream *stream, const struct change *change)
{
    if (stream->kind == REQUEST_TRANSACTION_STREAM)
        return change->kind == CHANGE_TRANSACTION;
    if (change->kind != CHANGE_ORDER)
        return false;
    if (stream->kind == REQUEST_ORDER_WATCH)
        return change->order.order.value == stream->order.value;
    return request_takes_order(&stream->query, &change->order);
}

/* ---- what is told ----------------------------------------------------- */

/* Into stream->text, which must be empty. */
static void
begin_text(struct stream *stream, struct text_writer *writer)
{
    invariant(stream->text_at == stream->text_used);
    text_writer_init(writer, stream->text, sizeof(stream->text));
}

static void
end_text(struct stream *stream, const struct text_writer *writer)
{
    invariant(!writer->failed);
    stream->text_at = 0;
    stream->text_used = writer->used;
}

static void
write_gap(struct text_writer *writer, uint64_t after, uint64_t resumed)
{
    text_put(writer, "id: ");
    text_put_uint(writer, resumed);
    text_put(writer, "\nevent: gap\ndata: {\"after\":");
    text_put_uint(writer, after);
    text_put(writer, ",\"resumed\":");
    text_put_uint(writer, resumed);
    text_put(writer, "}\n\n");
}

static void
tell_dropped(struct stream *stream)
{
    struct text_writer writer;

    begin_text(stream, &writer);
    text_put(&writer, "event: dropped\ndata: {\"reason\":\"slow\"}\n\n");
    end_text(stream, &writer);
    stream->ends = true;
}

/* Every change of an order sets a time of it. */
static bool
same_state(const struct order_row *order, const struct order_row *other)
{
    return order->updated_us == other->updated_us &&
           order->decided_us == other->decided_us &&
           order->written_us == other->written_us &&
           order->cancel_us == other->cancel_us &&
           order->refunded_us == other->refunded_us &&
           order->reversed_us == other->reversed_us;
}

/* The watched order as the page has it. */
static void
write_order(struct stream *stream, struct text_writer *writer)
{
    struct change change = { .number = stream->page->change_next - 1,
                             .kind = CHANGE_ORDER,
                             .order = stream->page->order };

    stream->told = change.order;
    ring_write_change(writer, &change, stream->http->facts.currency);
}

/* What was left out may have been a change of the watched order. */
static void
tell_order(struct stream *stream)
{
    struct text_writer writer;

    if (same_state(&stream->page->order, &stream->told))
        return;
    begin_text(stream, &writer);
    write_order(stream, &writer);
    end_text(stream, &writer);
}

/* The newest `latest` changes that it takes are told, the others left out. */
static void
leave_out(struct stream *stream)
{
    struct ring *ring = &stream->http->streams.ring;
    uint64_t from = stream->cursor > ring->first ? stream->cursor
                                                 : ring->first;
    uint64_t number = ring->next;
    uint32_t count = 0;
    struct text_writer writer;

    stream->woken = false;
    while (number > from && count < stream->query.latest) {
        number--;
        if (stream_takes(stream, ring_at(ring, number)))
            count++;
    }
    if (count < stream->query.latest)
        number = from;
    if (number == stream->cursor)
        return;
    begin_text(stream, &writer);
    write_gap(&writer, stream->cursor - 1, number - 1);
    end_text(stream, &writer);
    stream->cursor = number;
}

/* Finds the next change in the ring; false if there is none. */
static bool
find_live(struct stream *stream)
{
    const struct ring *ring = &stream->http->streams.ring;

    while (stream->cursor < ring->next) {
        if (stream_takes(stream, ring_at(ring, stream->cursor)))
            return true;
        stream->cursor++;
    }
    stream->unread = false;
    return false;
}

static void
ask_page(struct stream *stream)
{
    struct request *request = stream->page;

    request_fini(request);
    request->kind = stream->kind;
    request->outcome = REQUEST_PENDING;
    request->rows_count = 0;
    request->query = stream->query;
    request->change_after = stream->cursor - 1;
    request->owner = NULL;
    request->stream = stream;
    stream->page_at = 0;
    stream->asking = true;
    http_ask_store(stream->http, request);
}

/* The next change's text; NULL if there is none now. */
static const char *
next_change(struct stream *stream, size_t *bytes_out)
{
    struct streams *streams = &stream->http->streams;
    const char *currency = stream->http->facts.currency;
    struct text_writer writer;

    if (stream->asking)
        return NULL;
    if (stream->page_at < stream->page->rows_count) {
        const struct change *rows = stream->page->rows;

        begin_text(stream, &writer);
        ring_write_change(&writer, &rows[stream->page_at++], currency);
        end_text(stream, &writer);
        return NULL; /* it is text now */
    }
    if (stream->catching) {
        ask_page(stream);
        return NULL;
    }
    if (stream->narrow && !stream->unread)
        return NULL;
    if (stream->query.latest > 0 &&
        (stream->woken || stream->cursor < streams->ring.first))
        leave_out(stream);
    else if (stream->cursor < streams->ring.first && stream->late)
        tell_dropped(stream);
    else if (stream->cursor < streams->ring.first) {
        stream->catching = true; /* what it missed while it waited for us */
        ask_page(stream);
        return NULL;
    }
    if (stream->text_at < stream->text_used || !find_live(stream))
        return NULL;
    if (stream->kind == REQUEST_ORDER_WATCH)
        stream->told = ring_at(&streams->ring, stream->cursor)->order;
    return ring_text(&streams->ring, stream->cursor++, currency, bytes_out);
}

static size_t
tell_text(struct stream *stream, char *bytes, size_t room)
{
    size_t count = stream->text_used - stream->text_at;

    if (count > room)
        count = room;
    memcpy(bytes, stream->text + stream->text_at, count);
    stream->text_at += count;
    return count;
}

/* A change that does not fit becomes stream->text, of which a part fits. */
static size_t
tell_change(struct stream *stream, char *bytes, size_t room)
{
    const char *text;
    size_t count = 0;

    text = next_change(stream, &count);
    if (text == NULL)
        return tell_text(stream, bytes, room);
    if (count <= room) {
        memcpy(bytes, text, count);
        return count;
    }
    memcpy(stream->text, text, count);
    stream->text_at = 0;
    stream->text_used = count;
    return tell_text(stream, bytes, room);
}

static size_t
tell(struct stream *stream, char *bytes, size_t room)
{
    size_t used = 0, count;

    do {
        if (stream->text_at < stream->text_used)
            count = tell_text(stream, bytes + used, room - used);
        else if (stream->ends)
            count = 0;
        else
            count = tell_change(stream, bytes + used, room - used);
        used += count;
    } while (count > 0 && used < room);
    return used;
}

static void
suspend(struct stream *stream)
{
    stream->suspended = true;
    exchange_sleep(stream->exchange);
}

static ssize_t
on_read(void *cls, uint64_t position, char *bytes, size_t room)
{
    struct stream *stream = cls;
    struct streams *streams = &stream->http->streams;
    size_t count;

    (void)position;
    if (stream->http->stopping)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (streams->turn - stream->turn > STREAM_TURNS_OURS)
        stream->late = true;
    stream->turn = streams->turn;
    if (streams->wave_left == 0 && !stream->ends && !stream->alive_due &&
        stream->text_at == stream->text_used) {
        stream_pend(stream);
        suspend(stream);
        return 0;
    }
    count = tell(stream, bytes, room);
    if (count == 0 && stream->ends)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (count == 0 && stream->alive_due && room >= sizeof(ALIVE) - 1) {
        count = sizeof(ALIVE) - 1;
        memcpy(bytes, ALIVE, count);
    }
    if (count == 0) {
        stream->late = false;
        suspend(stream);
        return 0;
    }
    stream->alive_due = false;
    deadline_begin(&streams->beats, &stream->beat, stream->http->now_us);
    streams->wave_left -= count < streams->wave_left ? count
                                                     : streams->wave_left;
    exchange_went_on(stream->exchange);
    return (ssize_t)count;
}

/* ---- life ------------------------------------------------------------- */

void
stream_wake(struct stream *stream)
{
    stream->woken = true;
    if (!stream->suspended)
        return;
    stream->suspended = false;
    stream->turn = stream->http->streams.turn;
    MHD_resume_connection(stream->exchange->connection);
}

void
stream_hang_up(struct stream *stream)
{
    stream->ends = true;
    stream_wake(stream);
}

/* From what the store has answered: where the stream goes on. */
static void
take_page(struct stream *stream)
{
    struct ring *ring = &stream->http->streams.ring;
    const struct request *page = stream->page;

    stream->cursor = page->change_next;
    if (ring->next == 0)
        ring_begin(ring, page->change_next);
    stream->catching = page->more || stream->cursor < ring->first;
    stream->unread = stream->cursor < ring->next;
}

void
stream_answered(struct request *request)
{
    struct stream *stream = request->stream;

    stream->asking = false;
    if (request->outcome != REQUEST_DONE) {
        request->rows_count = 0;
        stream->ends = true; /* it comes back with its last id */
    } else {
        take_page(stream);
        if (request->change_gap)
            tell_dropped(stream);
        else if (stream->kind == REQUEST_ORDER_WATCH)
            tell_order(stream);
    }
    stream_wake(stream);
}

/* Who breaks off before the first change was told goes on from here. */
static void
write_place(struct text_writer *writer, uint64_t number)
{
    text_put(writer, "id: ");
    text_put_uint(writer, number);
    text_put(writer, "\n\n");
}

/* "retry: 1000", and what is told before the first change. */
static void
write_first(struct stream *stream)
{
    const struct request *page = stream->page;
    struct text_writer writer;

    begin_text(stream, &writer);
    text_put(&writer, RETRY);
    if (page->change_gap)
        write_gap(&writer, page->change_after,
                  page->change_first - 1);
    if (stream->kind == REQUEST_ORDER_WATCH)
        write_order(stream, &writer);
    else if (page->change_after == CHANGES_NOW)
        write_place(&writer, page->change_next - 1);
    end_text(stream, &writer);
}

static struct stream *
stream_new(struct exchange *exchange)
{
    struct request *request = exchange->call.request;
    struct stream *stream = malloc(sizeof(*stream));

    if (stream == NULL)
        return NULL;
    memset(stream, 0, sizeof(*stream));
    stream->http = exchange->http;
    stream->exchange = exchange;
    stream->kind = request->kind;
    stream->query = request->query;
    stream->order = request->order_id;
    stream->narrow = stream->kind == REQUEST_ORDER_WATCH ||
                     stream->query.user.value != 0;
    stream->woken = true;
    stream->turn = stream->http->streams.turn;
    stream->beat.owner = stream;
    stream->page = request;
    streams_add(stream);
    deadline_begin(&stream->http->streams.beats, &stream->beat,
                   stream->http->now_us);
    take_page(stream);
    write_first(stream);
    return stream;
}

struct MHD_Response *
stream_begin(struct exchange *exchange)
{
    struct gateway_http *http = exchange->http;
    struct http_call *call = &exchange->call;
    struct MHD_Response *response;

    if (http->streams.count >= http->config->http_streams) {
        problem_set(&call->problem, PROBLEM_OVERLOADED, NULL,
                    "too many streams at once; try again later");
        return NULL;
    }
    exchange->stream = stream_new(exchange);
    if (exchange->stream == NULL) {
        problem_set(&call->problem, PROBLEM_MEMORY, NULL, "for a stream");
        return NULL;
    }
    call->request = NULL;
    if (exchange->peer != NULL)
        exchange->peer->stream = exchange->stream;
    response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, READER_BYTES, on_read, exchange->stream, NULL);
    if (response == NULL)
        problem_set(&call->problem, PROBLEM_MEMORY, NULL, "for a stream");
    return response;
}

void
stream_leave(struct exchange *exchange)
{
    struct stream *stream = exchange->stream;

    if (stream == NULL)
        return;
    exchange->stream = NULL;
    if (exchange->peer != NULL)
        exchange->peer->stream = NULL;
    streams_remove(stream);
    if (stream->asking)
        stream->page->stream = NULL; /* goes to the pool when it comes back */
    else
        http_pool_give_request(&stream->http->pool, stream->page);
    free(stream);
}
