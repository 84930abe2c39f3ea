#include "saga/participant.h"

#include <inttypes.h>
#include <stdlib.h>

#include "saga/bytes.h"
#include "saga/codec.h"
#include "saga/daemon.h"
#include "saga/inbox.h"
#include "saga/log.h"
#include "saga/outbox.h"

#define IDLE_WAIT_MS 1000  /* a turn without input ends after            */
#define DRAIN_WAIT_MS 20   /* the same while we wait for the end         */
#define FORMAT 1           /* of the row that says whose store this is   */

struct turn {
    struct participant *participant;
    int64_t now_us;
    bool begun;     /* the transaction is open                           */
    uint32_t taken; /* events and commands                               */
};

struct participant {
    const struct config *config;
    const struct participant_handlers *handlers;
    void *context;
    struct store *store;
    struct store_table *state;
    struct bus *bus;
    struct codec *codec;
    struct inbox inbox;
    struct outbox outbox;
    int outbox_stream[TOPIC_COUNT][PARTITIONS_MAX];
    struct turn turn;
    struct pollfd fds[2]; /* signals, commands */
    bool stopping;
    bool opened; /* the broker knows us */
    bool more;   /* input was left over: don't wait */
    struct participant_stats stats;
};

enum { FD_SIGNAL, FD_COMMAND };

/* ---- opening ---------------------------------------------------------- */

static enum rc
add_streams(struct participant *participant)
{
    enum process self = participant->config->self;
    uint32_t partitions = (uint32_t)participant->config->partitions, p;
    const struct topic_route *route;
    enum rc rc = RC_OK;
    int topic;

    for (topic = 0; topic < TOPIC_COUNT; topic++) {
        route = &topic_routes[topic];
        for (p = 0; p < partitions && rc == RC_OK; p++) {
            if (route->read_by & BY(self))
                rc = inbox_add(&participant->inbox, participant->bus,
                               route->name, p);
            if (rc == RC_OK && (route->written_by & BY(self)))
                rc = outbox_add(&participant->outbox, participant->bus,
                                route->name, p,
                                &participant->outbox_stream[topic][p]);
        }
    }
    return rc;
}

/* The row that only a store has that was once begun: format, partitions. */
static enum rc
check_identity(struct participant *participant, bool *first_out)
{
    struct bytes_reader reader;
    uint8_t row[8];
    size_t bytes;
    enum rc rc;

    rc = store_get(participant->state, "store", 5, row, sizeof row, &bytes);
    *first_out = rc == RC_NOT_FOUND;
    if (rc != RC_OK)
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    bytes_reader_init(&reader, row, bytes);
    if (bytes_get_u8(&reader) != FORMAT) {
        log_error("store_format", "words=\"this store is of another version\"");
        return RC_MALFORMED;
    }
    if (bytes_get_u32(&reader) != participant->config->partitions) {
        log_error("partitions_changed",
                  "words=\"partitions is fixed once a store is made\"");
        return RC_MALFORMED;
    }
    return bytes_all_read(&reader) ? RC_OK : RC_DAMAGED;
}

static enum rc
put_identity(struct participant *participant)
{
    struct bytes_writer writer;
    uint8_t row[8];

    bytes_writer_init(&writer, row, sizeof row);
    bytes_put_u8(&writer, FORMAT);
    bytes_put_u32(&writer, (uint32_t)participant->config->partitions);
    return store_put(participant->state, "store", 5, row, writer.used);
}

static enum rc turn_begin(struct turn *turn);
static enum rc turn_commit(struct turn *turn);

static enum rc
first_turn(struct participant *participant)
{
    struct turn *turn = &participant->turn;
    enum rc rc;

    turn->now_us = clock_now_us();
    turn->taken = 1;
    rc = turn_begin(turn);
    if (rc == RC_OK)
        rc = put_identity(participant);
    if (rc == RC_OK && participant->handlers->on_first != NULL)
        rc = participant->handlers->on_first(participant->context, turn);
    if (rc == RC_OK)
        rc = turn_commit(turn);
    return rc;
}

static enum rc
open_all(struct participant *participant, const char *directory)
{
    const struct config *config = participant->config;
    struct store_config store_config = {
        .directory = directory,
        .cache_bytes = config->cache,
        .checkpoint_bytes = config->checkpoint,
        .checkpoint_ms = (uint32_t)config->checkpoint_time,
    };
    bool first = false, created;
    enum rc rc;

    rc = store_open(&participant->store, &store_config, &created);
    if (rc == RC_OK)
        rc = codec_new(&participant->codec);
    if (rc == RC_OK)
        rc = store_table_open(participant->store, "participant",
                              &participant->state);
    if (rc == RC_OK)
        rc = check_identity(participant, &first);
    if (rc != RC_OK)
        return rc;
    inbox_init(&participant->inbox, participant->state);
    rc = outbox_open(&participant->outbox, participant->store,
                     participant->state, config->batch);
    if (rc == RC_OK)
        rc = add_streams(participant);
    if (rc == RC_OK)
        rc = participant->handlers->on_open(participant->context,
                                            participant->store);
    if (rc == RC_OK && first)
        rc = first_turn(participant);
    return rc;
}

enum rc
participant_open_over(struct participant **participant_out,
                      const struct config *config, const char *directory,
                      struct bus **bus_p,
                      const struct participant_handlers *handlers,
                      void *context, int signal_fd, int command_fd)
{
    struct participant *participant = calloc(1, sizeof *participant);

    invariant(participant != NULL);
    participant->config = config;
    participant->handlers = handlers;
    participant->context = context;
    participant->bus = *bus_p;
    *bus_p = NULL;
    participant->turn.participant = participant;
    participant->fds[FD_SIGNAL] = (struct pollfd){ signal_fd, POLLIN, 0 };
    participant->fds[FD_COMMAND] = (struct pollfd){ command_fd, POLLIN, 0 };
    *participant_out = participant;
    return open_all(participant, directory);
}

struct participant *
participant_open(const struct config *config,
                 const struct participant_handlers *handlers, void *context,
                 int signal_fd, int command_fd)
{
    struct bus_config bus_config = {
        .endpoint = config->bus,
        .name = config->name,
        .window = (uint32_t)config->window,
        .fetch_bytes = (uint32_t)config->fetch,
        .timeout_ms = (uint32_t)config->bus_timeout,
    };
    struct participant *participant = NULL;
    struct bus *bus;
    enum rc rc = bus_open(&bus, &bus_config);

    if (rc == RC_OK)
        rc = participant_open_over(&participant, config,
                                   daemon_data_directory(), &bus, handlers,
                                   context, signal_fd, command_fd);
    if (rc != RC_OK)
        die(rc_exit_code(rc), "can't start: %s (the log lines above say what)",
            rc_name(rc));
    return participant;
}

/* ---- one turn --------------------------------------------------------- */

static enum rc
turn_begin(struct turn *turn)
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

enum rc
turn_emit(struct turn *turn, struct event *event)
{
    struct participant *participant = turn->participant;
    const struct config *config = participant->config;
    uint32_t partition =
        topic_partition(event->user, (uint32_t)config->partitions);

    event->time_us = turn->now_us;
    memcpy(event->source, config->name, sizeof event->source);
    participant->stats.events_out++;
    return outbox_append(
        &participant->outbox,
        participant->outbox_stream[event_types[event->type].topic][partition],
        event);
}

static enum rc
damaged_batch(const struct inbox_stream *stream, uint64_t offset,
              const struct bus_batch *batch, const char *what)
{
    log_error("event_refused",
              "topic=%s partition=%u offset=%" PRIu64
              " producer=%s what=%s",
              stream->topic, stream->partition, offset,
              log_quote(batch->producer), what);
    return RC_DAMAGED;
}

static enum rc
take_event(struct turn *turn, struct inbox_stream *stream,
           const struct bus_batch *batch, uint32_t index,
           const struct event *event)
{
    struct participant *participant = turn->participant;
    uint64_t offset = batch->base_offset + index;

    if (event->id != batch->first_seq + index ||
        strcmp(event->source, batch->producer) != 0)
        return damaged_batch(stream, offset, batch, "identity");
    turn->taken++;
    switch (inbox_judge(stream, offset, batch->producer, event->id)) {
    case INBOX_NEW:
        participant->stats.events_in++;
        return participant->handlers->on_event(participant->context, turn,
                                               event);
    case INBOX_DUPLICATE:
        participant->stats.events_duplicate++;
        return RC_OK;
    case INBOX_GAP:
        break;
    }
    return damaged_batch(stream, offset, batch, "gap");
}

static enum rc
take_batch(struct turn *turn, const struct bus_batch *batch)
{
    struct participant *participant = turn->participant;
    struct inbox_stream *stream =
        inbox_find(&participant->inbox, batch->stream);
    enum codec_refusal refusal;
    struct event event;
    size_t at = 0, used;
    uint32_t i;
    enum rc rc = turn_begin(turn);

    for (i = 0; i < batch->count && rc == RC_OK; i++) {
        refusal = event_decode(participant->codec, batch->bytes + at,
                               batch->bytes_count - at, &event, &used);
        if (refusal != CODEC_OK)
            return damaged_batch(stream, batch->base_offset + i, batch,
                                 codec_refusal_name(refusal));
        rc = take_event(turn, stream, batch, i, &event);
        at += used;
    }
    if (rc == RC_OK && at != batch->bytes_count)
        rc = damaged_batch(stream, batch->base_offset + i, batch, "trailing");
    return rc;
}

static enum rc
take_bus_event(struct turn *turn, const struct bus_event *event)
{
    struct participant *participant = turn->participant;

    switch (event->type) {
    case BUS_UP:
        participant->stats.bus_up = true;
        log_info("broker_up", "%s", "");
        return RC_OK;
    case BUS_DOWN:
        participant->stats.bus_up = false;
        log_warning("broker_down", "endpoint=%s",
                    log_quote(participant->config->bus));
        return RC_OK;
    case BUS_OPENED:
        participant->opened = true;
        return outbox_verify(&participant->outbox, participant->bus);
    case BUS_BATCH:
        return take_batch(turn, &event->batch);
    case BUS_ACK:
        outbox_acked(&participant->outbox, event->stream, event->first_seq,
                     event->count);
        return RC_OK;
    case BUS_FAILED:
        log_error("broker_refused", "rc=%s words=%s", rc_name(event->rc),
                  log_quote(event->words));
        return event->rc;
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

static enum rc
take_commands(struct turn *turn)
{
    struct participant *participant = turn->participant;
    uint32_t limit = (uint32_t)participant->config->turn_events;
    uint32_t taken = 0;
    enum rc rc;

    if (participant->fds[FD_COMMAND].revents == 0)
        return RC_OK;
    rc = turn_begin(turn);
    if (rc == RC_OK)
        rc = participant->handlers->on_commands(participant->context, turn,
                                                limit, &taken);
    participant->stats.commands += taken;
    turn->taken += taken;
    if (taken == limit)
        participant->more = true;
    return rc;
}

static enum rc
turn_commit(struct turn *turn)
{
    struct participant *participant = turn->participant;
    enum rc rc = RC_OK;

    if (participant->handlers->on_commit != NULL)
        rc = participant->handlers->on_commit(participant->context, turn);
    if (rc == RC_OK)
        rc = inbox_write(&participant->inbox);
    if (rc == RC_OK)
        rc = outbox_write(&participant->outbox);
    if (rc != RC_OK)
        return rc;
    turn->begun = false;
    rc = store_commit(participant->store);
    /* Trimming alone need not be on disk: what comes back is sent again. */
    if (rc == RC_OK && turn->taken > 0)
        rc = store_flush(participant->store);
    return rc;
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
    if (rc == RC_OK)
        rc = take_events(turn);
    if (rc == RC_OK)
        rc = take_commands(turn);
    if (rc == RC_OK && outbox_trim_due(&participant->outbox))
        rc = turn_begin(turn);
    if (rc == RC_OK && turn->begun)
        rc = turn_commit(turn);
    if (rc != RC_OK) {
        if (turn->begun)
            store_abort(participant->store);
        turn->begun = false;
        return rc;
    }
    /* Everything of this turn is on disk: now it may be told. */
    participant->stats.turns++;
    if (participant->handlers->on_committed != NULL)
        participant->handlers->on_committed(participant->context);
    inbox_report(&participant->inbox, participant->bus);
    if (participant->opened)
        rc = outbox_publish(&participant->outbox, participant->bus);
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

enum rc
participant_run(struct participant *participant)
{
    int64_t stop_us = INT64_MAX;
    enum rc rc = RC_OK;

    for (;;) {
        rc = participant_turn(participant, participant->stopping
                                               ? DRAIN_WAIT_MS
                                               : IDLE_WAIT_MS);
        if (rc != RC_OK)
            break;
        daemon_alive(participant->turn.now_us);
        if (participant->fds[FD_SIGNAL].revents != 0 &&
            daemon_stop_asked(participant->fds[FD_SIGNAL].fd) &&
            !participant->stopping) {
            participant->stopping = true;
            daemon_stopping();
            stop_us = clock_monotonic_us() +
                      (int64_t)participant->config->drain * 1000;
        }
        if (participant->stopping &&
            (drained(participant) || clock_monotonic_us() >= stop_us))
            break;
    }
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

    if (participant->outbox.trim_count == 0)
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
    enum rc rc = trim_last(participant), closed;

    *participant_p = NULL;
    bus_close(&participant->bus);
    closed = store_close(&participant->store);
    outbox_fini(&participant->outbox);
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
}

const struct store *
participant_store(const struct participant *participant)
{
    return participant->store;
}
