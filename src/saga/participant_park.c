#include "saga/participant_park.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "saga/log.h"

/* ---- telling ---------------------------------------------------------- */

static enum rc
emit_dead_letter(struct turn *turn, const struct parked *parked,
                 const char *cause)
{
    const struct config *config = turn->participant->config;
    struct event letter;

    if (turn->participant->handlers->topics != NULL)
        return RC_OK;
    event_init(&letter, EVENT_DEAD_LETTER);
    snprintf(letter.topic_name, sizeof letter.topic_name, "%s", parked->topic);
    snprintf(letter.participant, sizeof letter.participant, "%s",
             config->name);
    snprintf(letter.cause, sizeof letter.cause, "%s", cause);
    letter.partition = parked->partition;
    letter.offset = parked->offset;
    letter.attempts = parked->attempts;
    letter.blob.data = parked->bytes;
    letter.blob.bytes = parked->bytes_count < EVENT_BLOB_BYTES_MAX
                            ? parked->bytes_count
                            : EVENT_BLOB_BYTES_MAX;
    if (parked->order.value != 0) {
        letter.order = parked->order;
        letter.present |= EVENT_HAS(FIELD_ORDER_ID);
    }
    if (parked->user.value != 0) {
        letter.user = parked->user;
        letter.present |= EVENT_HAS(FIELD_USER_ID);
    }
    return turn_emit(turn, &letter);
}

static void
log_parked(const char *what, const struct parked *parked, const char *cause)
{
    log_warning(what,
                "number=%" PRIu64 " order=%" PRIu64 " topic=%s partition=%u"
                " offset=%" PRIu64 " producer=%s attempts=%u cause=%s",
                parked->number, parked->order.value, parked->topic,
                parked->partition, parked->offset,
                log_quote(parked->producer), parked->attempts, cause);
}

/* ---- who waits for whom ----------------------------------------------- */

static struct user_id
fence_user(const struct turn *turn, struct user_id user)
{
    if (!turn->participant->handlers->parks_users)
        user.value = 0;
    return user;
}

bool
participant_park_waits(const struct turn *turn, const struct parked *parked)
{
    return parking_holds(turn->participant->parking, parked->number,
                         parked->order, fence_user(turn, parked->user));
}

/* Why a new event must wait, NULL if it need not. */
static const char *
waits_behind(const struct turn *turn, struct order_id order,
             struct user_id user)
{
    const struct parking *parking = turn->participant->parking;
    const struct order_id none = { 0 };

    if (parking_holds(parking, UINT64_MAX, order, (struct user_id){ 0 }))
        return PARKING_CAUSE_BEHIND;
    if (parking_holds(parking, UINT64_MAX, none, fence_user(turn, user)))
        return PARKING_CAUSE_BEHIND_USER;
    return NULL;
}

/* ---- parking ---------------------------------------------------------- */

static enum rc
park(struct turn *turn, struct parked *parked, const char *cause)
{
    enum rc rc;

    parked->parked_us = turn->now_us;
    snprintf(parked->cause, sizeof parked->cause, "%s", cause);
    rc = parking_put(turn->participant->parking, parked);
    if (rc != RC_OK)
        return rc;
    log_parked("event_parked", parked, cause);
    if (strcmp(cause, PARKING_CAUSE_BEHIND) == 0)
        return RC_OK;
    return emit_dead_letter(turn, parked, cause);
}

static void
parked_init(struct parked *parked, const struct inbox_stream *stream,
            uint64_t offset, const char *producer, uint64_t first_seq,
            uint32_t count)
{
    *parked = (struct parked){ .partition = stream->partition,
                               .offset = offset,
                               .first_seq = first_seq,
                               .count = count };
    snprintf(parked->topic, sizeof parked->topic, "%s", stream->topic);
    snprintf(parked->producer, sizeof parked->producer, "%s", producer);
}

enum rc
participant_park_bytes(struct turn *turn, const struct inbox_stream *stream,
                       const struct bus_batch *batch, uint32_t index,
                       uint32_t count, const uint8_t *bytes,
                       size_t bytes_count, const char *cause)
{
    struct parked parked;

    parked_init(&parked, stream, batch->base_offset + index, batch->producer,
                batch->first_seq + index, count);
    parked.bytes = bytes;
    parked.bytes_count = bytes_count;
    return park(turn, &parked, cause);
}

/* A letter is about an order and a user, and not of them: it tells that they
 * wait, so it must not wait with them. */
static struct order_id
event_order(const struct event *event)
{
    if (event->type != EVENT_DEAD_LETTER &&
        event->present & EVENT_HAS(FIELD_ORDER_ID))
        return event->order;
    return (struct order_id){ 0 };
}

static struct user_id
event_user(const struct event *event)
{
    if (event->type != EVENT_DEAD_LETTER &&
        event->present & EVENT_HAS(FIELD_USER_ID))
        return event->user;
    return (struct user_id){ 0 };
}

/* A handler may ask to be called again; in the same turn only what it does
 * itself can have changed, so a few times are enough. */
static enum rc
call_handler(struct turn *turn, const struct event *event, uint32_t *tries_out)
{
    struct participant *participant = turn->participant;
    enum rc rc;

    *tries_out = 0;
    do {
        rc = participant->handlers->on_event(participant->context, turn,
                                             event);
        ++*tries_out;
    } while (rc == RC_AGAIN && *tries_out < PARK_TRIES_MAX);
    return rc == RC_AGAIN ? RC_REFUSED : rc;
}

enum rc
participant_handle(struct turn *turn, const struct inbox_stream *stream,
                   const struct event *event, uint64_t offset,
                   const uint8_t *bytes, size_t bytes_count)
{
    struct order_id order = event_order(event);
    struct user_id user = event_user(event);
    const char *cause = waits_behind(turn, order, user);
    struct parked parked;
    uint32_t tries = 0;
    enum rc rc = RC_REFUSED;

    turn->place = (struct turn_place){ stream->topic, stream->partition,
                                       offset };
    if (cause == NULL) {
        rc = call_handler(turn, event, &tries);
        cause = "refused";
    }
    if (rc != RC_REFUSED)
        return rc;
    parked_init(&parked, stream, offset, event->source, event->id, 1);
    parked.order = order;
    parked.user = user;
    parked.attempts = tries;
    parked.bytes = bytes;
    parked.bytes_count = bytes_count;
    return park(turn, &parked, cause);
}

/* ---- and back --------------------------------------------------------- */

static enum rc
release(struct turn *turn, const struct parked *parked, const char *cause)
{
    /* That it waited was told, or is told now because it never takes effect. */
    bool tell = strcmp(parked->cause, PARKING_CAUSE_BEHIND) != 0 ||
                strcmp(cause, PARK_CAUSE_DROPPED) == 0;
    enum rc rc = parking_remove(turn->participant->parking, parked);

    if (rc != RC_OK)
        return rc;
    log_parked("event_released", parked, cause);
    return tell ? emit_dead_letter(turn, parked, cause) : RC_OK;
}

static enum rc
refuse_again(struct turn *turn, const struct parked *parked, const char *cause)
{
    struct parked again = *parked;
    enum rc rc;

    again.attempts++;
    rc = parking_again(turn->participant->parking, &again, cause);
    if (rc == RC_OK)
        rc = emit_dead_letter(turn, &again, cause);
    log_parked("event_refused_again", &again, cause);
    return rc == RC_OK ? RC_REFUSED : rc;
}

static enum rc
redrive_one(struct turn *turn, const struct parked *parked)
{
    struct participant *participant = turn->participant;
    enum codec_refusal refusal;
    struct event event;
    uint32_t tries;
    size_t used;
    enum rc rc;

    if (parked->count != 1)
        return refuse_again(turn, parked, "truncated");
    refusal = event_decode(participant->codec, parked->bytes,
                           parked->bytes_count, &event, &used);
    if (refusal != CODEC_OK)
        return refuse_again(turn, parked, codec_refusal_name(refusal));
    if (event.id != parked->first_seq ||
        strcmp(event.source, parked->producer) != 0)
        return refuse_again(turn, parked, "identity");
    turn->place = (struct turn_place){ parked->topic, parked->partition,
                                       parked->offset };
    rc = call_handler(turn, &event, &tries);
    if (rc == RC_REFUSED)
        return refuse_again(turn, parked, "refused");
    return rc == RC_OK ? release(turn, parked, PARK_CAUSE_REDRIVEN) : rc;
}

/* All that wait with this one, oldest first.  No more is looked at: each of
 * ten thousand may be redriven in one turn. */
static enum rc
redrive(struct turn *turn, const struct parked *with, uint32_t *redriven_out)
{
    /* What `with` points to changes: it may be the parking's. */
    const uint64_t number = with->number;
    const struct order_id order = with->order;
    const struct user_id user = fence_user(turn, with->user);
    struct parked parked = { 0 };
    enum rc rc, result = RC_OK;

    for (;;) {
        rc = parking_next_with(turn->participant->parking, parked.number,
                               number, order, user, &parked);
        if (rc != RC_OK)
            return rc == RC_NOT_FOUND ? result : rc;
        if (participant_park_waits(turn, &parked))
            continue;
        rc = redrive_one(turn, &parked);
        if (rc != RC_OK && rc != RC_REFUSED)
            return rc;
        if (rc == RC_REFUSED)
            result = rc;
        else
            ++*redriven_out;
    }
}

enum rc
participant_redrive(struct turn *turn, uint64_t number, uint32_t *redriven_out)
{
    struct parked parked;
    enum rc rc = parking_get(turn->participant->parking, number, &parked);

    *redriven_out = 0;
    return rc == RC_OK ? redrive(turn, &parked, redriven_out) : rc;
}

enum rc
participant_drop(struct turn *turn, uint64_t number, uint32_t *redriven_out)
{
    struct parked parked;
    enum rc rc = parking_get(turn->participant->parking, number, &parked);

    *redriven_out = 0;
    if (rc == RC_OK)
        rc = release(turn, &parked, PARK_CAUSE_DROPPED);
    return rc == RC_OK ? redrive(turn, &parked, redriven_out) : rc;
}
