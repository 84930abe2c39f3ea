#include "saga/participant_state.h"

#include <inttypes.h>
#include <string.h>

#include "saga/log.h"
#include "saga/participant_park.h"

static enum rc
damaged(const struct inbox_stream *stream, uint64_t offset,
        const struct bus_batch *batch)
{
    log_error("events_missing",
              "topic=%s partition=%u offset=%" PRIu64 " expected=%" PRIu64
              " producer=%s",
              stream->topic, stream->partition, offset, stream->offset,
              log_quote(batch->producer));
    return RC_DAMAGED;
}

/* No damage, and no use in starting again: a setting, or a way of naming
 * producers, that can't be. */
static enum rc
too_many_producers(const struct inbox_stream *stream, uint64_t offset,
                   const struct bus_batch *batch)
{
    log_error("producers_too_many",
              "topic=%s partition=%u offset=%" PRIu64
              " limit=%d producer=%s words=\"nobody reads on from here: let "
              "fewer names write, to a topic of another name\"",
              stream->topic, stream->partition, offset, INBOX_PRODUCERS_MAX,
              log_quote(batch->producer));
    return RC_MALFORMED;
}

/* Moves the position over `count` events; *fresh_out tells if one is new. */
static enum rc
pass(struct turn *turn, struct inbox_stream *stream,
     const struct bus_batch *batch, uint32_t index, uint32_t count,
     bool *fresh_out)
{
    struct participant_stats *stats = &turn->participant->stats;
    uint64_t offset = batch->base_offset + index;
    uint64_t seq = batch->first_seq + index;

    *fresh_out = false;
    turn->taken += count;
    if (!stream->lingers)
        turn->awaited += count;
    for (; count > 0; count--, offset++, seq++) {
        switch (inbox_judge(stream, offset, batch->producer, seq)) {
        case INBOX_NEW:
            stats->events_in++;
            *fresh_out = true;
            break;
        case INBOX_DUPLICATE:
            stats->events_duplicate++;
            break;
        case INBOX_GAP:
            return damaged(stream, offset, batch);
        case INBOX_FULL:
            return too_many_producers(stream, offset, batch);
        }
    }
    return RC_OK;
}

/* Parks what does not decode, or says that it is another than it is. */
static enum rc
take_poison(struct turn *turn, struct inbox_stream *stream,
            const struct bus_batch *batch, uint32_t index, uint32_t count,
            const uint8_t *bytes, size_t bytes_count, const char *cause)
{
    bool fresh;
    enum rc rc = pass(turn, stream, batch, index, count, &fresh);

    if (rc != RC_OK || !fresh)
        return rc;
    return participant_park_bytes(turn, stream, batch, index, count, bytes,
                                  bytes_count, cause);
}

static enum rc
take_event(struct turn *turn, struct inbox_stream *stream,
           const struct bus_batch *batch, uint32_t index,
           const struct event *event, const uint8_t *bytes, size_t bytes_count)
{
    bool fresh;
    enum rc rc;

    if (event->id != batch->first_seq + index ||
        strcmp(event->source, batch->producer) != 0)
        return take_poison(turn, stream, batch, index, 1, bytes, bytes_count,
                           "identity");
    rc = pass(turn, stream, batch, index, 1, &fresh);
    if (rc != RC_OK || !fresh)
        return rc;
    return participant_handle(turn, stream, event, batch->base_offset + index,
                              bytes, bytes_count);
}

enum rc
participant_take_batch(struct turn *turn, const struct bus_batch *batch)
{
    struct participant *participant = turn->participant;
    struct inbox_stream *stream =
        inbox_find(&participant->inbox, batch->stream);
    enum codec_refusal refusal;
    struct event event;
    const uint8_t *bytes = batch->bytes;
    size_t left = batch->bytes_count, used;
    uint32_t i;
    enum rc rc = participant_begin(turn);

    for (i = 0; i < batch->count && rc == RC_OK; i++) {
        refusal = event_decode(participant->codec, bytes, left, &event, &used);
        if (used == 0) /* where the next one begins can't be told */
            return take_poison(turn, stream, batch, i, batch->count - i, bytes,
                               left, codec_refusal_name(refusal));
        if (refusal != CODEC_OK)
            rc = take_poison(turn, stream, batch, i, 1, bytes, used,
                             codec_refusal_name(refusal));
        else
            rc = take_event(turn, stream, batch, i, &event, bytes, used);
        bytes += used;
        left -= used;
        if (rc == RC_OK)
            rc = participant_commit_early(turn);
    }
    if (rc == RC_OK && left > 0)
        log_warning("bytes_left_over",
                    "topic=%s partition=%u offset=%" PRIu64 " bytes=%zu",
                    stream->topic, stream->partition, batch->base_offset,
                    left);
    return rc;
}
