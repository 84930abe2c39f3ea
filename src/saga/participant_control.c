#include "saga/participant_control.h"

#include <stdlib.h>
#include <string.h>

#include "saga/participant_park.h"
#include "saga/text_writer.h"

static enum rc
refuse(struct text_writer *reply, const char *words)
{
    json_put_text(reply, "error", words);
    return RC_OK;
}

static bool
read_number(const char *word, uint64_t *number_out)
{
    char *end;

    if (word == NULL || *word < '0' || *word > '9')
        return false;
    *number_out = strtoull(word, &end, 10);
    return *end == '\0' && *number_out <= ID_MAX;
}

/* ---- status ----------------------------------------------------------- */

static void
put_streams(const struct participant *participant, struct text_writer *reply)
{
    const struct inbox_stream *read = participant->inbox.streams;
    const struct outbox_stream *written = participant->outbox.streams;
    int i;

    json_key(reply, "reads");
    json_begin(reply, '[');
    for (i = 0; i < participant->inbox.streams_count; i++, read++) {
        json_begin(reply, '{');
        json_put_text(reply, "topic", read->topic);
        json_put_uint(reply, "partition", read->partition);
        json_put_uint(reply, "position", read->offset);
        json_end(reply, '}');
    }
    json_end(reply, ']');
    json_key(reply, "writes");
    json_begin(reply, '[');
    for (i = 0; i < participant->outbox.streams_count; i++, written++) {
        json_begin(reply, '{');
        json_put_text(reply, "topic", written->topic);
        json_put_uint(reply, "partition", written->partition);
        json_put_uint(reply, "seq", written->next_seq - 1);
        json_put_uint(reply, "acknowledged", written->acked_seq);
        json_end(reply, '}');
    }
    json_end(reply, ']');
}

static enum rc
on_status(struct turn *turn, const struct control_request *request,
          struct text_writer *reply)
{
    struct participant_stats stats;

    (void)request;
    participant_stats(turn->participant, &stats);
    json_put_text(reply, "process", turn->participant->config->name);
    json_put_bool(reply, "brokerUp", stats.bus_up);
    json_put_uint(reply, "turns", stats.turns);
    json_put_uint(reply, "eventsIn", stats.events_in);
    json_put_uint(reply, "eventsOut", stats.events_out);
    json_put_uint(reply, "duplicates", stats.events_duplicate);
    json_put_uint(reply, "backlog", stats.outbox_backlog);
    json_put_uint(reply, "parked", stats.parked);
    put_streams(turn->participant, reply);
    return RC_OK;
}

/* ---- parked ----------------------------------------------------------- */

static void
put_parked(struct text_writer *reply, const struct parked *parked)
{
    json_put_uint(reply, "number", parked->number);
    if (parked->order.value != 0)
        json_put_uint(reply, "orderId", parked->order.value);
    if (parked->user.value != 0)
        json_put_uint(reply, "userId", parked->user.value);
    json_put_text(reply, "topic", parked->topic);
    json_put_uint(reply, "partition", parked->partition);
    json_put_uint(reply, "offset", parked->offset);
    json_put_uint(reply, "events", parked->count);
    json_put_text(reply, "producer", parked->producer);
    json_put_uint(reply, "seq", parked->first_seq);
    json_put_text(reply, "cause", parked->cause);
    json_put_uint(reply, "attempts", parked->attempts);
    json_key(reply, "parkedAt");
    json_time(reply, parked->parked_us);
    json_put_uint(reply, "bytes", parked->bytes_count);
}

static enum rc
on_parked(struct turn *turn, const struct control_request *request,
          struct text_writer *reply)
{
    struct parking *parking = turn->participant->parking;
    struct parked parked;
    uint64_t after = 0;
    uint32_t rows = 0;
    enum rc rc;

    if (request->words[1] != NULL && !read_number(request->words[1], &after))
        return refuse(reply, "parked wants a number");
    json_put_uint(reply, "count", parking_count(parking));
    json_key(reply, "rows");
    json_begin(reply, '[');
    while ((rc = parking_next(parking, after, &parked)) == RC_OK &&
           rows++ < PARKED_PAGE_ROWS) {
        json_begin(reply, '{');
        put_parked(reply, &parked);
        json_end(reply, '}');
        after = parked.number;
    }
    json_end(reply, ']');
    json_put_bool(reply, "more", rc == RC_OK);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc
on_show(struct turn *turn, const struct control_request *request,
        struct text_writer *reply)
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * EVENT_BYTES_MAX + 1];
    struct parked parked;
    uint64_t number;
    size_t i;
    enum rc rc;

    if (!read_number(request->words[1], &number))
        return refuse(reply, "which one? a number, as `parked` shows it");
    rc = parking_get(turn->participant->parking, number, &parked);
    if (rc == RC_NOT_FOUND)
        return refuse(reply, "nothing with this number is parked here");
    if (rc != RC_OK)
        return rc;
    put_parked(reply, &parked);
    for (i = 0; i < parked.bytes_count && i < EVENT_BYTES_MAX; i++) {
        hex[2 * i] = digits[parked.bytes[i] >> 4];
        hex[2 * i + 1] = digits[parked.bytes[i] & 15];
    }
    hex[2 * i] = '\0';
    json_put_text(reply, "hex", hex);
    return RC_OK;
}

/* ---- redrive, drop ---------------------------------------------------- */

static enum rc
redrive_all(struct turn *turn, uint64_t after, struct text_writer *reply)
{
    struct parking *parking = turn->participant->parking;
    struct parked parked;
    uint32_t rows = 0, redriven = 0, once;
    bool refused = false;
    enum rc rc;

    while ((rc = parking_next(parking, after, &parked)) == RC_OK &&
           rows++ < REDRIVE_ROWS_MAX) {
        after = parked.number;
        /* Only the first is tried: it takes those behind it along. */
        if (participant_park_waits(turn, &parked))
            continue;
        rc = participant_redrive(turn, parked.number, &once);
        redriven += once;
        if (rc != RC_OK && rc != RC_REFUSED)
            return rc;
        refused = refused || rc == RC_REFUSED;
    }
    json_put_uint(reply, "redriven", redriven);
    json_put_bool(reply, "refused", refused);
    json_put_uint(reply, "parked", parking_count(parking));
    json_put_bool(reply, "more", rc == RC_OK);
    json_put_uint(reply, "last", after);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

typedef enum rc park_fn(struct turn *turn, uint64_t number, uint32_t *redriven);

static enum rc
bring_back(struct turn *turn, const char *word, struct text_writer *reply,
           park_fn *act)
{
    uint32_t redriven;
    uint64_t number;
    enum rc rc;

    if (!read_number(word, &number))
        return refuse(reply, "which one? a number, as `parked` shows it");
    rc = act(turn, number, &redriven);
    if (rc == RC_NOT_FOUND)
        return refuse(reply, "nothing with this number is parked here");
    json_put_uint(reply, "redriven", redriven);
    json_put_bool(reply, "refused", rc == RC_REFUSED);
    json_put_uint(reply, "parked", parking_count(turn->participant->parking));
    return rc == RC_REFUSED ? RC_OK : rc;
}

static enum rc
on_redrive(struct turn *turn, const struct control_request *request,
           struct text_writer *reply)
{
    uint64_t after = 0;

    if (request->words[1] == NULL || strcmp(request->words[1], "all") != 0)
        return bring_back(turn, request->words[1], reply, participant_redrive);
    if (request->words[2] != NULL && !read_number(request->words[2], &after))
        return refuse(reply, "redrive all: behind which number?");
    return redrive_all(turn, after, reply);
}

static enum rc
on_drop(struct turn *turn, const struct control_request *request,
        struct text_writer *reply)
{
    return bring_back(turn, request->words[1], reply, participant_drop);
}

/* ---- copies ----------------------------------------------------------- */

/* The reply waits until the copy is there: participant_control_answer(). */
static enum rc
on_backup(struct turn *turn, const struct control_request *request,
          struct text_writer *reply)
{
    struct participant *participant = turn->participant;

    (void)control_copy_begin(&participant->copy, participant->store, request,
                             reply);
    return RC_OK;
}

/* ---- requests --------------------------------------------------------- */

typedef enum rc control_fn(struct turn *turn,
                           const struct control_request *request,
                           struct text_writer *reply);

static const struct {
    const char *word;
    control_fn *act;
} requests[] = {
    { "status", on_status },
    { "parked", on_parked },
    { "show", on_show },
    { "redrive", on_redrive },
    { "drop", on_drop },
    { "backup", on_backup },
};

static enum rc
serve(struct turn *turn, const struct control_request *request,
      struct text_writer *reply)
{
    const char *word = request->words[0] != NULL ? request->words[0] : "";
    size_t i;

    for (i = 0; i < ARRAY_COUNT(requests); i++)
        if (strcmp(word, requests[i].word) == 0)
            return requests[i].act(turn, request, reply);
    return refuse(reply, "status, parked, show, redrive, drop or backup");
}

enum rc
participant_control_take(struct turn *turn)
{
    struct participant *participant = turn->participant;
    struct control_request request;
    struct text_writer reply;
    bool was_idle = !participant->copy.under_way;
    enum rc rc;

    if (!control_take(participant->control, &request))
        return RC_OK;
    rc = participant_begin(turn);
    if (rc != RC_OK)
        return rc;
    turn->taken++;
    participant->control_client = request.client;
    text_writer_init(&reply, participant->control_reply,
                     CONTROL_REPLY_BYTES_MAX);
    json_begin(&reply, '{');
    rc = serve(turn, &request, &reply);
    json_end(&reply, '}');
    invariant(!reply.failed);
    participant->control_bytes =
        participant->copy.under_way && was_idle ? 0 : reply.used;
    return rc;
}

void
participant_control_answer(struct participant *participant)
{
    control_copy_answer(&participant->copy, participant->store,
                        participant->control);
    if (participant->control_bytes == 0)
        return;
    control_reply(participant->control, participant->control_client,
                  participant->control_reply, participant->control_bytes);
    participant->control_bytes = 0;
}

_Static_assert(PARKED_PAGE_ROWS * 1024 < CONTROL_REPLY_BYTES_MAX,
               "a page of parked events always fits in a reply");
_Static_assert(BUS_STREAMS_MAX * 200 < CONTROL_REPLY_BYTES_MAX,
               "all streams always fit in a reply");
