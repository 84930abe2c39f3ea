#include "saga/participant_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "saga/daemon.h"
#include "saga/fault.h"
#include "saga/log.h"
#include "saga/participant_control.h"

#define IDLE_WAIT_MS 1000 /* a turn without input ends after     */
#define DRAIN_WAIT_MS 20  /* the same while we wait for the end  */
#define HELD_WAIT_MS 5    /* the same while something is held    */

/* ---- one turn --------------------------------------------------------- */

enum rc
participant_begin(struct turn *turn)
{
    enum rc rc = RC_OK;

    if (!turn->begun)
        rc = store_begin(turn->participant->store);
    turn->begun = rc == RC_OK;
    return rc;
}

int64_t
turn_now_us(const struct turn *turn)
{
    return turn->now_us;
}

struct order_log *
turn_log(const struct turn *turn)
{
    return &turn->participant->log;
}

enum rc
participant_emit(struct turn *turn, int stream, struct event *event)
{
    struct participant *participant = turn->participant;

    event->time_us = turn->now_us;
    memcpy(event->source, participant->config->name, sizeof event->source);
    participant->stats.events_out++;
    turn->emitted = true;
    return outbox_append(&participant->outbox, stream, event);
}

enum rc
turn_emit(struct turn *turn, struct event *event)
{
    const struct participant *participant = turn->participant;
    const enum topic topic = event_types[event->type].topic;
    uint32_t partition = topic_partition(
        event->user, (uint32_t)participant->config->partitions);

    invariant(topic < TOPIC_COUNT);
    return participant_emit(turn, participant->outbox_stream[topic][partition],
                            event);
}

/* The first word with the broker: it finds a store that was lost. */
static enum rc
join(struct participant *participant)
{
    enum rc rc = outbox_verify(&participant->outbox, participant->bus);

    if (rc == RC_OK)
        daemon_joined();
    return rc;
}

/* Who is fenced before it was let in has a store that is behind what the
 * broker remembers of it, as if outbox_verify() had found it. */
static enum rc
refused(const struct participant *participant, const struct bus_event *event)
{
    bool behind = event->rc == RC_FENCED && !participant->opened;

    log_error(behind ? "out_of_step" : "broker_refused", "rc=%s words=%s",
              rc_name(event->rc), log_quote(event->words));
    return event->rc;
}

static enum rc
take_bus_event(struct turn *turn, const struct bus_event *event)
{
    struct participant *participant = turn->participant;

    switch (event->type) {
    case BUS_UP:
        participant->stats.bus_up = true;
        participant->report_us = 0; /* the last one may have met nobody */
        log_info("broker_up", "");
        return RC_OK;
    case BUS_DOWN:
        participant->stats.bus_up = false;
        log_warning("broker_down", "endpoint=%s",
                    log_quote(participant->config->bus));
        return RC_OK;
    case BUS_OPENED:
        participant->opened = true;
        return join(participant);
    case BUS_LATER:
        return participant_begin_later(turn, event);
    case BUS_BATCH:
        return participant_take_batch(turn, &event->batch);
    case BUS_ACK:
        outbox_acked(&participant->outbox, event->stream, event->first_seq,
                     event->count);
        return RC_OK;
    case BUS_STATUS:
        if (participant->handlers->on_status != NULL)
            participant->handlers->on_status(participant->context,
                                             event->status);
        return RC_OK;
    case BUS_FAILED:
        return refused(participant, event);
    case BUS_NOTHING:
        break;
    }
    return RC_OK;
}

static enum rc
take_events(struct turn *turn)
{
    struct participant *participant = turn->participant;
    struct bus_event event;
    enum rc rc;

    while (turn->taken < participant->config->turn_events) {
        rc = bus_next(participant->bus, &event);
        if (rc != RC_OK || event.type == BUS_NOTHING)
            return rc;
        rc = take_bus_event(turn, &event);
        if (rc != RC_OK)
            return rc;
    }
    participant->more = true;
    return RC_OK;
}

static bool
commands_are_there(const struct participant *participant)
{
    return participant->fds[FD_COMMAND].revents != 0 ||
           participant->waiting > 0;
}

enum rc
participant_take_commands(struct turn *turn)
{
    struct participant *participant = turn->participant;
    uint32_t limit = (uint32_t)participant->config->turn_events;
    uint32_t taken = 0;
    enum rc rc;

    rc = participant_begin(turn);
    if (rc == RC_OK)
        rc = participant->handlers->on_commands(participant->context, turn,
                                                limit, &taken);
    participant->stats.commands += taken;
    turn->commands += taken;
    turn->taken += taken;
    if (taken == limit)
        participant->more = true;
    return rc;
}

enum rc
participant_commit(struct turn *turn)
{
    struct participant *participant = turn->participant;
    enum rc rc = RC_OK;

    if (participant->handlers->on_commit != NULL)
        rc = participant->handlers->on_commit(participant->context, turn);
    if (rc == RC_OK)
        rc = inbox_write(&participant->inbox);
    if (participant->outbox.trim_count > 0)
        fault_point("before_trim");
    if (rc == RC_OK)
        rc = outbox_write(&participant->outbox);
    if (rc != RC_OK)
        return rc;
    fault_point("decided");
    turn->begun = false;
    rc = store_commit(participant->store);
    fault_point("committed");
    /* Trimming alone need not be on disk: what comes back is sent again. */
    if (rc == RC_OK && (turn->taken > 0 || turn->emitted))
        rc = store_flush(participant->store);
    fault_point("flushed");
    return rc;
}

enum rc
participant_publish(struct participant *participant)
{
    participant->published_us = clock_monotonic_us();
    inbox_report(&participant->inbox, participant->bus);
    participant_tell(participant);
    return participant->opened
               ? outbox_publish(&participant->outbox, participant->bus)
               : RC_OK;
}

enum rc
participant_turn(struct participant *participant, int timeout_ms)
{
    struct turn *turn = &participant->turn;
    enum rc rc;

    rc = bus_wait(participant->bus, participant->fds,
                  ARRAY_COUNT(participant->fds),
                  participant->more ? 0 : timeout_ms);
    participant->more = false;
    turn->now_us = clock_now_us();
    turn->taken = 0;
    turn->commands = 0;
    turn->awaited = 0;
    turn->emitted = false;
    turn->begun_us = 0;
    if (rc == RC_OK)
        rc = take_events(turn);
    if (rc == RC_OK && commands_are_there(participant))
        rc = participant_take_commands(turn);
    if (rc == RC_OK)
        rc = participant_gather(turn);
    if (rc == RC_OK && participant->fds[FD_CONTROL].revents != 0)
        rc = participant_control_take(turn);
    if (turn->taken > 0)
        fault_point("gathered");
    if (rc == RC_OK && outbox_trim_due(&participant->outbox))
        rc = participant_begin(turn);
    if (rc == RC_OK && turn->begun)
        rc = participant_commit(turn);
    if (rc != RC_OK) {
        if (turn->begun)
            store_abort(participant->store);
        turn->begun = false;
        participant->failed = true;
        return rc;
    }
    /* Everything of this turn is on disk: now it may be told. */
    participant->stats.turns++;
    if (turn->taken > 0)
        histogram_note(&participant->turn_events, histogram_count_bounds,
                       turn->taken);
    participant_expect(participant);
    if (participant->handlers->on_committed != NULL)
        participant->handlers->on_committed(participant->context);
    participant_control_answer(participant);
    log_write(participant->log.buffer,
              order_log_take(&participant->log, turn->now_us));
    if (turn->taken > 0)
        fault_point("answered");
    if (!participant_holds(turn))
        rc = participant_publish(participant);
    if (turn->taken > 0)
        fault_point("published");
    return rc;
}

/* ---- the life --------------------------------------------------------- */

static bool
drained(struct participant *participant)
{
    const struct participant_handlers *handlers = participant->handlers;

    if (handlers->on_drain != NULL && !handlers->on_drain(participant->context))
        return false;
    return outbox_backlog(&participant->outbox) == 0 ||
           !participant->stats.bus_up;
}

bool
participant_stopping(struct participant *participant)
{
    if (!participant->stopping &&
        participant->fds[FD_SIGNAL].revents != 0 &&
        daemon_stop_asked(participant->fds[FD_SIGNAL].fd)) {
        participant->stopping = true;
        daemon_stopping();
        participant->stop_us = clock_monotonic_us() +
                               (int64_t)participant->config->drain * 1000;
    }
    return participant->stopping;
}

static int
turn_wait_ms(const struct participant *participant)
{
    if (participant->stopping)
        return DRAIN_WAIT_MS;
    if (participant->held)
        return HELD_WAIT_MS;
    return participant->copy.under_way ? CONTROL_COPY_MS : IDLE_WAIT_MS;
}

enum rc
participant_run(struct participant *participant)
{
    enum rc rc = RC_OK;

    log_info("ready", "name=%s home=%s backlog=%" PRIu64 " parked=%u",
             participant->config->name, log_quote(participant->config->home),
             outbox_backlog(&participant->outbox),
             parking_count(participant->parking));
    for (;;) {
        rc = participant_turn(participant, turn_wait_ms(participant));
        if (rc != RC_OK)
            break;
        daemon_alive(participant->turn.now_us);
        participant_rest(participant);
        if (participant_stopping(participant) &&
            (drained(participant) ||
             clock_monotonic_us() >= participant->stop_us))
            break;
    }
    if (rc == RC_BUSY && participant->stopping)
        rc = RC_OK; /* a handler was waiting: its turn is undone */
    log_info("stopped",
             "rc=%s turns=%" PRIu64 " events_in=%" PRIu64
             " duplicates=%" PRIu64 " events_out=%" PRIu64
             " backlog=%" PRIu64,
             rc_name(rc), participant->stats.turns,
             participant->stats.events_in, participant->stats.events_duplicate,
             participant->stats.events_out,
             outbox_backlog(&participant->outbox));
    return rc;
}

/* What the broker holds need not be sent again after a clean stop. */
static enum rc
trim_last(struct participant *participant)
{
    enum rc rc;

    if (participant->failed || participant->outbox.trim_count == 0)
        return RC_OK;
    rc = store_begin(participant->store);
    if (rc == RC_OK)
        rc = outbox_write(&participant->outbox);
    if (rc == RC_OK)
        rc = store_commit(participant->store);
    return rc;
}

enum rc
participant_close(struct participant **participant_p)
{
    struct participant *participant = *participant_p;
    enum rc rc, closed = RC_OK;

    *participant_p = NULL;
    if (participant->turn.begun)
        store_abort(participant->store);
    rc = trim_last(participant);
    bus_close(&participant->bus);
    control_close(&participant->control);
    if (participant->store != NULL)
        closed = store_close(&participant->store);
    inbox_fini(&participant->inbox);
    outbox_fini(&participant->outbox);
    parking_close(&participant->parking);
    codec_destroy(&participant->codec);
    free(participant);
    return rc != RC_OK ? rc : closed;
}

void
participant_stats(const struct participant *participant,
                  struct participant_stats *stats_out)
{
    *stats_out = participant->stats;
    stats_out->outbox_backlog = outbox_backlog(&participant->outbox);
    stats_out->parked = parking_count(participant->parking);
}
