#include "saga/participant_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saga/bytes.h"
#include "saga/daemon.h"
#include "saga/log.h"

#define FORMAT 1 /* of the row that says whose store this is */
#define KEY_STORE "store"
#define KEY_CURRENCY "currency" /* of all but filters */
#define LINGER_MS 20 /* between two fetches of a topic that lingers */

static enum rc
add_inbox_stream(struct participant *participant, int topic,
                 uint32_t partition)
{
    struct inbox *inbox = &participant->inbox;
    struct inbox_stream *stream = &inbox->streams[inbox->streams_count];
    enum rc rc = inbox_add(inbox, participant->bus, topic_routes[topic].name,
                           partition);

    if (rc != RC_OK || !(participant->handlers->lingers & LINGERS(topic)))
        return rc;
    stream->lingers = true;
    bus_linger(participant->bus, stream->bus_stream, LINGER_MS);
    return RC_OK;
}

_Static_assert(2 * TOPIC_COUNT * PARTITIONS_MAX <= BUS_STREAMS_MAX,
               "whoever reads and writes all topics has streams enough");

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
                rc = add_inbox_stream(participant, topic, p);
            if (rc == RC_OK && (route->written_by & BY(self)))
                rc = outbox_add(&participant->outbox, participant->bus,
                                route->name, p,
                                &participant->outbox_stream[topic][p]);
        }
    }
    return rc;
}

static enum rc
row_damaged(const char *key)
{
    log_error("row_damaged", "table=participant key=%s", key);
    return RC_DAMAGED;
}

/* The row that only a store has that was once begun: format, partitions. */
static enum rc
check_identity(struct participant *participant, bool *first_out)
{
    struct bytes_reader reader;
    uint32_t partitions;
    uint8_t row[8];
    size_t bytes;
    enum rc rc;

    rc = store_get(participant->state, KEY_STORE, sizeof KEY_STORE - 1, row,
                   sizeof row, &bytes);
    *first_out = rc == RC_NOT_FOUND;
    if (rc == RC_FULL)
        return row_damaged(KEY_STORE);
    if (rc != RC_OK)
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    bytes_reader_init(&reader, row, bytes);
    if (bytes_get_u8(&reader) != FORMAT) {
        log_error("store_format", "words=\"this store is of another version\"");
        return RC_MALFORMED;
    }
    partitions = bytes_get_u32(&reader);
    if (!bytes_all_read(&reader))
        return row_damaged(KEY_STORE);
    if (partitions != participant->config->partitions) {
        log_error("partitions_changed",
                  "words=\"partitions is fixed once a store is made\"");
        return RC_MALFORMED;
    }
    return RC_OK;
}

static enum rc
put_currency(struct participant *participant)
{
    enum rc rc = store_begin(participant->store);

    if (rc == RC_OK)
        rc = store_put(participant->state, KEY_CURRENCY,
                       sizeof KEY_CURRENCY - 1, participant->config->currency,
                       CURRENCY_BYTES - 1);
    if (rc == RC_OK)
        rc = store_commit(participant->store);
    return rc == RC_OK ? store_flush(participant->store) : rc;
}

/* What was paid in one currency must not be shown in another.  A store from
 * before 2026-11-30 is taken for one of the currency that is configured now. */
static enum rc
check_currency(struct participant *participant)
{
    const char *now = participant->config->currency;
    char kept[CURRENCY_BYTES] = "";
    size_t bytes;
    enum rc rc = store_get(participant->state, KEY_CURRENCY,
                           sizeof KEY_CURRENCY - 1, (uint8_t *)kept,
                           CURRENCY_BYTES - 1, &bytes);

    if (rc == RC_NOT_FOUND)
        return put_currency(participant);
    if (rc == RC_FULL)
        return row_damaged(KEY_CURRENCY);
    if (rc != RC_OK || strcmp(kept, now) == 0)
        return rc;
    log_error("currency_changed", "currency=%s store=%s "
              "words=\"currency is fixed once a store is made\"", now,
              log_quote(kept));
    return RC_MALFORMED;
}

static enum rc
put_identity(struct participant *participant)
{
    struct bytes_writer writer;
    uint8_t row[8];

    bytes_writer_init(&writer, row, sizeof row);
    bytes_put_u8(&writer, FORMAT);
    bytes_put_u32(&writer, (uint32_t)participant->config->partitions);
    return store_put(participant->state, KEY_STORE, sizeof KEY_STORE - 1, row,
                     writer.used);
}

static enum rc
first_turn(struct participant *participant)
{
    struct turn *turn = &participant->turn;
    enum rc rc;

    turn->now_us = clock_now_us();
    turn->taken = 1;
    rc = participant_begin(turn);
    if (rc == RC_OK)
        rc = put_identity(participant);
    if (rc == RC_OK && participant->handlers->on_first != NULL)
        rc = participant->handlers->on_first(participant->context, turn);
    if (rc == RC_OK)
        rc = participant_commit(turn);
    if (rc == RC_OK)
        store_checkpoint(participant->store);
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
        .table_stays = store_table_stays,
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
    if (rc == RC_OK && participant->handlers->topics == NULL)
        rc = check_currency(participant);
    if (rc != RC_OK)
        return rc;
    inbox_init(&participant->inbox, participant->state);
    rc = outbox_open(&participant->outbox, participant->store,
                     participant->state, config->batch);
    if (rc == RC_OK)
        rc = parking_open(&participant->parking, participant->store,
                          participant->state, (uint32_t)config->parked);
    if (rc == RC_OK)
        rc = participant->handlers->topics != NULL
                 ? participant_add_topics(participant)
                 : add_streams(participant);
    if (rc == RC_OK && participant->handlers->on_open != NULL)
        rc = participant->handlers->on_open(participant->context,
                                            participant->store);
    if (rc == RC_OK && first)
        rc = first_turn(participant);
    if (rc == RC_OK)
        rc = participant_begin_life(participant);
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
    enum rc rc;

    invariant(participant != NULL);
    invariant(config->partitions <= PARTITIONS_MAX);
    participant->config = config;
    participant->handlers = handlers;
    participant->context = context;
    participant->bus = *bus_p;
    order_log_init(&participant->log, config->name, config->log_orders);
    *bus_p = NULL;
    participant->turn.participant = participant;
    participant->fds[FD_SIGNAL] = (struct pollfd){ signal_fd, POLLIN, 0 };
    participant->fds[FD_COMMAND] = (struct pollfd){ command_fd, POLLIN, 0 };
    participant->fds[FD_CONTROL] = (struct pollfd){ -1, POLLIN, 0 };
    *participant_out = participant;
    rc = open_all(participant, directory);
    participant->failed = rc != RC_OK;
    return rc;
}

static enum rc
open_control(struct participant *participant)
{
    char path[CONFIG_STRING_BYTES + PRODUCER_NAME_BYTES + 16];
    enum rc rc;

    snprintf(path, sizeof path, "%s/run/%s.ctl", participant->config->home,
             participant->config->name);
    rc = control_open(&participant->control, path);
    participant->fds[FD_CONTROL].fd = control_fd(participant->control);
    return rc;
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
    if (rc == RC_OK)
        rc = open_control(participant);
    if (rc != RC_OK) {
        /* Else czmq has the last word, about a socket that is left open. */
        if (participant != NULL)
            bus_close(&participant->bus);
        die(rc_exit_code(rc), "can't start: %s (the log lines above say what)",
            rc_name(rc));
    }
    return participant;
}
