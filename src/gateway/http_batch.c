#include "gateway/http_batch.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/http_rows.h"
#include "gateway/line_reader.h"

/* The reader is given all the room that the library has. */
#define READER_BYTES 16384

struct chunk {
    struct request *request;
    struct order_line *lines;
    uint32_t told;  /* lines whose results were written */
    bool asked;     /* the store has it                 */
};

struct batch {
    struct batch *previous; /* in gateway_http's list */
    struct batch *next;
    struct gateway_http *http;
    struct exchange *exchange; /* NULL: it has ended */
    char *body;
    size_t charged;  /* in gateway_http's batch_bytes */
    struct line_reader reader;
    uint64_t told;   /* the last line that has a result, or is empty */
    char traceparent[TRACEPARENT_BYTES];
    struct chunk chunks[BATCH_WINDOW];
    unsigned current;       /* the chunk whose results are told next   */
    unsigned asked;         /* chunks at the store                     */
    bool suspended;
    enum problem_type ends; /* why it can't go on; PROBLEM_NONE: it can */
    bool ended;             /* and that was told                        */
    struct request answer;  /* of one line, as the handlers read it     */
    char text[BATCH_TEXT_BYTES]; /* a line for which there was no room */
    size_t text_used;
    size_t text_at;
};

/* ---- bodies ----------------------------------------------------------- */

bool
batch_is_meant(const struct http_call *call)
{
    return call->headers.ndjson && call->route != NULL &&
           call->route->kind == REQUEST_ORDER_PLACE;
}

uint64_t
batch_body_max(const struct exchange *exchange)
{
    const struct config *config = exchange->http->config;

    return batch_is_meant(&exchange->call) ? config->http_ndjson
                                           : config->http_body;
}

bool
batch_body_take(struct exchange *exchange)
{
    struct gateway_http *http = exchange->http;
    size_t bytes = (size_t)exchange->call.headers.body_bytes;

    if (!batch_is_meant(&exchange->call) || bytes <= http->config->http_body)
        return true;
    if (http->batch_bytes + bytes >
        BATCH_BODIES_MAX * (size_t)http->config->http_ndjson)
        return false;
    http->batch_bytes += bytes;
    exchange->batch_charged = bytes;
    return true;
}

/* ---- life ------------------------------------------------------------- */

static void
batch_destroy(struct batch *batch)
{
    struct gateway_http *http = batch->http;
    size_t i;

    if (batch->previous != NULL)
        batch->previous->next = batch->next;
    else
        http->batches = batch->next;
    if (batch->next != NULL)
        batch->next->previous = batch->previous;
    for (i = 0; i < BATCH_WINDOW; i++) {
        if (batch->chunks[i].request != NULL && !batch->chunks[i].asked)
            http_pool_give_request(&http->pool, batch->chunks[i].request);
        free(batch->chunks[i].lines);
    }
    http->batch_bytes -= batch->charged;
    free(batch->body);
    free(batch);
}

/* The body goes over to the batch; a small one lies in the exchange. */
static bool
take_body(struct batch *batch, struct exchange *exchange)
{
    if (exchange->body != exchange->body_small) {
        batch->body = exchange->body;
        exchange->body = exchange->body_small;
    } else {
        batch->body = malloc(HTTP_BODY_SMALL_BYTES);
        if (batch->body == NULL)
            return false;
        memcpy(batch->body, exchange->body_small, exchange->body_used);
    }
    line_reader_init(&batch->reader, batch->body, exchange->body_used);
    batch->charged = exchange->batch_charged;
    exchange->batch_charged = 0;
    return true;
}

static bool
make_chunks(struct batch *batch, struct request *first)
{
    struct http_pool *pool = &batch->http->pool;
    size_t i;

    batch->chunks[0].request = first;
    for (i = 0; i < BATCH_WINDOW; i++) {
        struct chunk *chunk = &batch->chunks[i];

        if (chunk->request == NULL)
            chunk->request = http_pool_request(pool);
        chunk->lines = malloc(BATCH_CHUNK_LINES * sizeof(*chunk->lines));
        if (chunk->request == NULL || chunk->lines == NULL)
            return false;
    }
    return true;
}

static struct batch *
batch_new(struct exchange *exchange)
{
    struct gateway_http *http = exchange->http;
    struct http_call *call = &exchange->call;
    struct batch *batch = malloc(sizeof(*batch));

    if (batch == NULL)
        return NULL;
    memset(batch, 0, offsetof(struct batch, text));
    batch->text_used = batch->text_at = 0;
    batch->http = http;
    batch->exchange = exchange;
    memcpy(batch->traceparent, call->headers.traceparent,
           sizeof(batch->traceparent));
    batch->next = http->batches;
    if (batch->next != NULL)
        batch->next->previous = batch;
    http->batches = batch;
    if (!make_chunks(batch, call->request) || !take_body(batch, exchange)) {
        batch->chunks[0].request = NULL; /* it is still the call's */
        batch_destroy(batch);
        return NULL;
    }
    call->request = NULL;
    return batch;
}

/* ---- asking ----------------------------------------------------------- */

/* Its lines are told, or it has had none yet. */
static bool
is_free(const struct chunk *chunk)
{
    return !chunk->asked && chunk->told == chunk->request->lines_count;
}

static void
ask_chunk(struct batch *batch, struct chunk *chunk)
{
    struct request *request = chunk->request;

    request->kind = REQUEST_ORDER_BATCH;
    request->outcome = REQUEST_PENDING;
    request->lines = chunk->lines;
    memcpy(request->traceparent, batch->traceparent,
           sizeof(request->traceparent));
    request->owner = batch;
    chunk->asked = true;
    batch->asked++;
    http_ask_store(batch->http, request);
}

/* Fills the chunks that are free, in the order of their lines: none before the
 * one that is told next.  A take that finds no line (line_reader.h) is this
 * turn's last. */
static void
ask_chunks(struct batch *batch)
{
    unsigned i;

    for (i = 0; i < BATCH_WINDOW && batch->ends == PROBLEM_NONE &&
                !line_reader_ended(&batch->reader); i++) {
        struct chunk *chunk =
            &batch->chunks[(batch->current + i) % BATCH_WINDOW];

        if (!is_free(chunk))
            continue;
        if (batch->http->facts.draining) {
            batch->ends = PROBLEM_STOPPING;
            return;
        }
        chunk->told = 0;
        chunk->request->lines_count = line_reader_take(
            &batch->reader, chunk->lines, BATCH_CHUNK_LINES);
        if (chunk->request->lines_count == 0)
            return;
        ask_chunk(batch, chunk);
    }
}

/* ---- telling ---------------------------------------------------------- */

/* The line's answer as the one of a request of its own. */
static void
write_problem(struct batch *batch, struct text_writer *writer,
              struct order_line *line)
{
    struct http_call *call = &batch->exchange->call;

    problem_init(&call->problem);
    if (line->bad) {
        (void)order_line_read(line, &call->problem);
    } else {
        batch->answer.outcome = (enum request_outcome)line->outcome;
        batch->answer.order = line->order;
        batch->answer.field = line->field;
        call->request = &batch->answer;
        http_call_outcome(call);
        call->request = NULL;
    }
    json_key(writer, "problem");
    problem_write(writer, &call->problem);
}

static void
write_line(struct batch *batch, struct text_writer *writer,
           struct order_line *line)
{
    json_begin(writer, '{');
    json_key(writer, "line");
    json_uint(writer, line->number);
    if (!line->bad && line->outcome == REQUEST_DONE) {
        if (line->replayed) {
            json_key(writer, "replayed");
            text_put(writer, "true");
            writer->comma = true;
        }
        json_key(writer, "order");
        row_write_order(writer, &line->order,
                        batch->http->facts.currency);
    } else {
        write_problem(batch, writer, line);
    }
    json_end(writer, '}');
    text_put(writer, "\n");
    writer->comma = false;
    batch->told = line->number;
}

static void
write_end(struct batch *batch, struct text_writer *writer)
{
    struct problem problem;

    problem_init(&problem);
    problem_set(&problem, batch->ends, NULL,
                "this line and those behind it: look before you repeat them");
    json_begin(writer, '{');
    json_key(writer, "line");
    json_uint(writer, batch->told + 1);
    json_key(writer, "problem");
    problem_write(writer, &problem);
    json_end(writer, '}');
    text_put(writer, "\n");
    batch->ended = true;
}

/* Writes the next result; false if there is none (yet). */
static bool
write_next(struct batch *batch, struct text_writer *writer)
{
    struct chunk *chunk = &batch->chunks[batch->current];

    if (batch->ended)
        return false;
    if (!chunk->asked && chunk->told < chunk->request->lines_count) {
        write_line(batch, writer, &chunk->lines[chunk->told++]);
        if (is_free(chunk))
            batch->current = (batch->current + 1) % BATCH_WINDOW;
        return true;
    }
    if (batch->ends == PROBLEM_NONE)
        return false;
    if (chunk->asked && batch->ends == PROBLEM_STOPPING &&
        !batch->http->stopping)
        return false; /* what was asked is still answered */
    write_end(batch, writer);
    return true;
}

/* A result that does not fit is kept; what is kept goes first. */
static size_t
tell_kept(struct batch *batch, char *bytes, size_t room)
{
    struct text_writer writer;
    size_t count;

    if (batch->text_at == batch->text_used) {
        text_writer_init(&writer, batch->text, sizeof(batch->text));
        batch->text_at = 0;
        batch->text_used = write_next(batch, &writer) ? writer.used : 0;
        invariant(!writer.failed);
    }
    count = batch->text_used - batch->text_at;
    if (count > room)
        count = room;
    memcpy(bytes, batch->text + batch->text_at, count);
    batch->text_at += count;
    return count;
}

static size_t
tell(struct batch *batch, char *bytes, size_t room)
{
    struct text_writer writer;

    if (batch->text_at < batch->text_used || room < BATCH_TEXT_BYTES)
        return tell_kept(batch, bytes, room);
    text_writer_init(&writer, bytes, room);
    while (room - writer.used >= BATCH_TEXT_BYTES &&
           write_next(batch, &writer))
        continue;
    invariant(!writer.failed);
    return writer.used;
}

static ssize_t
on_read(void *cls, uint64_t position, char *bytes, size_t room)
{
    struct batch *batch = cls;
    struct exchange *exchange = batch->exchange;
    size_t count;

    (void)position;
    if (batch->http->stopping && batch->asked > 0 &&
        batch->ends == PROBLEM_NONE)
        batch->ends = PROBLEM_STOPPING;
    ask_chunks(batch);
    count = tell(batch, bytes, room);
    if (count > 0) {
        exchange_went_on(exchange);
        return (ssize_t)count;
    }
    if (batch->ended ||
        (batch->asked == 0 && line_reader_ended(&batch->reader)))
        return MHD_CONTENT_READER_END_OF_STREAM;
    batch->suspended = true;
    exchange_wait(exchange);
    if (batch->asked == 0)
        batch->http->batches_yield = true;
    return 0;
}

struct MHD_Response *
batch_begin(struct exchange *exchange)
{
    struct batch *batch = batch_new(exchange);
    struct MHD_Response *response;

    if (batch != NULL) {
        response = MHD_create_response_from_callback(
            MHD_SIZE_UNKNOWN, READER_BYTES, on_read, batch, NULL);
        if (response != NULL) {
            exchange->batch = batch;
            ask_chunks(batch);
            return response;
        }
        batch_destroy(batch);
    }
    problem_set(&exchange->call.problem, PROBLEM_MEMORY, NULL,
                "nothing was done; try again later");
    return NULL;
}

static void
go_on(struct batch *batch)
{
    if (!batch->suspended)
        return;
    batch->suspended = false;
    exchange_go_on(batch->exchange);
}

/* Who waits for nothing has only let others go first.  (The library does not
 * take a resume from the reader that suspends.) */
void
batches_turn(struct gateway_http *http)
{
    struct batch *batch;

    if (!http->batches_yield)
        return;
    http->batches_yield = false;
    for (batch = http->batches; batch != NULL; batch = batch->next) {
        if (batch->asked == 0)
            go_on(batch);
    }
}

/* ---- the store -------------------------------------------------------- */

void
batch_answered(struct request *request)
{
    struct batch *batch = request->owner;
    size_t i;

    for (i = 0; i < BATCH_WINDOW; i++) {
        if (batch->chunks[i].request == request)
            batch->chunks[i].asked = false;
    }
    batch->asked--;
    if (batch->exchange != NULL)
        go_on(batch);
    else if (batch->asked == 0)
        batch_destroy(batch);
}

void
batch_give_up(struct exchange *exchange, enum problem_type why)
{
    struct batch *batch = exchange->batch;

    if (batch->ends == PROBLEM_NONE)
        batch->ends = why;
    go_on(batch);
}

void
batch_leave(struct exchange *exchange)
{
    struct batch *batch = exchange->batch;

    exchange->http->batch_bytes -= exchange->batch_charged;
    if (batch == NULL)
        return;
    batch->exchange = NULL;
    if (batch->asked == 0)
        batch_destroy(batch);
}

void
batch_fini(struct gateway_http *http)
{
    while (http->batches != NULL)
        batch_destroy(http->batches);
}
