#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "saga/daemon.h"
#include "saga/log.h"
#include "saga/participant_control.h"
#include "saga/participant_state.h"

/* While a handler waits, bus and watchdog are looked after so often. */
#define SERVE_MS 100

_Static_assert((PARTICIPANT_TOPICS_MAX + 1) * PARTITIONS_MAX <=
                   BUS_STREAMS_MAX,
               "all topics that a filter may read, and the one it writes");

/* What was removed before a filter came is no loss to it. */
static enum rc
add_read(struct participant *participant, const char *topic,
         uint32_t partition)
{
    struct inbox *inbox = &participant->inbox;
    const struct inbox_stream *stream = &inbox->streams[inbox->streams_count];
    enum rc rc = inbox_add(inbox, participant->bus, topic, partition);

    if (rc == RC_OK && inbox_is_new(stream))
        bus_may_begin_later(participant->bus, stream->bus_stream);
    return rc;
}

enum rc
participant_add_topics(struct participant *participant)
{
    const struct participant_topics *topics = participant->handlers->topics;
    uint32_t partitions = (uint32_t)participant->config->partitions, p;
    enum rc rc = RC_OK;
    size_t i;

    for (p = 0; p < partitions && rc == RC_OK; p++) {
        for (i = 0; i < topics->read_count && rc == RC_OK; i++)
            rc = add_read(participant, topics->read[i], p);
        if (rc == RC_OK && topics->write != NULL)
            rc = outbox_add(&participant->outbox, participant->bus,
                            topics->write, p,
                            &participant->filtered_stream[p]);
    }
    return rc;
}

enum rc
participant_begin_later(struct turn *turn, const struct bus_event *event)
{
    struct inbox_stream *stream =
        inbox_find(&turn->participant->inbox, event->stream);

    log_warning("begins_later", "topic=%s partition=%u offset=%" PRIu64,
                stream->topic, stream->partition, event->offset);
    inbox_begin_later(stream, event->offset);
    return participant_begin(turn);
}

enum rc
turn_answer(struct turn *turn, const struct event *cause,
            struct event *event)
{
    const struct participant *participant = turn->participant;
    uint32_t partition;

    if (event->user.value == 0)
        event->user = cause->user;
    partition = topic_partition(event->user,
                                (uint32_t)participant->config->partitions);
    memcpy(event->traceparent, cause->traceparent, sizeof event->traceparent);
    return participant_emit(turn, participant->filtered_stream[partition],
                            event);
}

const struct turn_place *
turn_place(const struct turn *turn)
{
    return &turn->place;
}

enum rc
participant_commit_early(struct turn *turn)
{
    struct participant *participant = turn->participant;
    const struct participant_topics *topics = participant->handlers->topics;
    int64_t now_us;
    enum rc rc;

    if (topics == NULL)
        return RC_OK;
    now_us = clock_monotonic_us();
    if (turn->begun_us == 0)
        turn->begun_us = now_us;
    if (now_us - turn->begun_us < (int64_t)topics->commit_ms * 1000)
        return RC_OK;
    turn->begun_us = now_us;
    /* An operator does not wait for the turn's end, which may be hours away. */
    rc = participant_control_take(turn);
    if (rc == RC_OK)
        rc = participant_commit(turn);
    if (rc == RC_OK) {
        participant_control_answer(participant);
        rc = participant_publish(participant);
    }
    turn->now_us = clock_now_us();
    return rc == RC_OK ? participant_begin(turn) : rc;
}

/* The bus's own time-outs go on while a handler waits. */
static enum rc
serve(struct participant *participant)
{
    daemon_alive(clock_now_us());
    return bus_wait(participant->bus, participant->fds,
                    ARRAY_COUNT(participant->fds), 0);
}

enum rc
turn_wait(struct turn *turn, int fd, short events, int64_t timeout_ms)
{
    struct participant *participant = turn->participant;
    struct pollfd fds[] = {
        { fd, events, 0 },
        { participant->fds[FD_SIGNAL].fd, POLLIN, 0 },
    };
    int64_t until_us = clock_monotonic_us() + timeout_ms * 1000, left_ms;
    enum rc rc = RC_OK;

    for (;;) {
        left_ms = ms_up(until_us - clock_monotonic_us());
        if (left_ms < 0)
            left_ms = 0;
        if (poll(fds, ARRAY_COUNT(fds),
                 (int)(left_ms < SERVE_MS ? left_ms : SERVE_MS)) < 0 &&
            errno != EINTR)
            return RC_IO;
        participant->fds[FD_SIGNAL].revents = fds[1].revents;
        if (participant_stopping(participant))
            return RC_BUSY;
        if (fds[0].revents != 0)
            return RC_OK;
        if (left_ms == 0)
            return RC_AGAIN;
        rc = serve(participant);
        if (rc != RC_OK)
            return rc;
    }
}
