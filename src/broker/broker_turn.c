#include <inttypes.h>

#include "broker/broker_state.h"
#include "saga/daemon.h"
#include "saga/fault.h"
#include "saga/log.h"

/*** Gather ***/

/* Reads what is behind the first frame of a message that has too many. */
static void
skip_rest(struct broker *broker)
{
    zmq_msg_t frame;
    int more = 1;

    while (more) {
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, broker->router, ZMQ_DONTWAIT) < 0)
            more = 0;
        else
            more = zmq_msg_more(&frame);
        zmq_msg_close(&frame);
    }
}

/* A request is one frame behind the routing id; all else is passed over. */
static enum rc
receive(struct broker *broker, zmq_msg_t *client, bool *got_out)
{
    zmq_msg_t frame;
    enum rc rc = RC_OK;

    *got_out = zmq_msg_recv(client, broker->router, ZMQ_DONTWAIT) >= 0;
    if (!*got_out)
        return RC_OK;
    zmq_msg_init(&frame);
    if (!zmq_msg_more(client) ||
        zmq_msg_recv(&frame, broker->router, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&frame);
        return RC_OK;
    }
    broker->turn.bytes += zmq_msg_size(&frame);
    if (zmq_msg_more(&frame))
        skip_rest(broker);
    else
        rc = broker_handle(broker, client, &frame);
    zmq_msg_close(&frame);
    return rc;
}

static enum rc
gather(struct broker *broker)
{
    struct broker_turn *turn = &broker->turn;
    enum rc rc = RC_OK;
    bool got = true;

    turn->count = turn->touched_count = 0;
    turn->bytes = 0;
    turn->events = 0;
    turn->begun = turn->registered = false;
    turn->now_us = clock_now_us();
    for (int i = 0; i < BROKER_TURN_REQUESTS_MAX && rc == RC_OK && got; i++) {
        zmq_msg_t client;

        if (turn->bytes >= BROKER_TURN_BYTES_MAX ||
            fetch_table_full(broker->fetches))
            break;
        zmq_msg_init(&client);
        rc = receive(broker, &client, &got);
        zmq_msg_close(&client);
    }
    return rc;
}

/*** Commit ***/

static enum rc
write_forgotten(struct broker *broker)
{
    enum rc rc = RC_OK;

    for (uint32_t i = 0; i < broker->turn.count && rc == RC_OK; i++)
        if (broker->turn.pending[i].verb == VERB_FORGET &&
            !broker->turn.pending[i].settled)
            rc = consumer_table_delete(broker->turn.pending[i].name,
                                       broker->meta);
    return rc;
}

static enum rc
write_rows(struct broker *broker, bool positions)
{
    struct broker_turn *turn = &broker->turn;
    enum rc rc =
        producer_table_write(&broker->producers, broker->meta, broker->topics);

    for (uint32_t i = 0; i < turn->touched_count && rc == RC_OK; i++)
        rc = topic_log_write(broker->topics->items[turn->touched[i]].log);
    if (rc == RC_OK && positions)
        rc = consumer_table_write(&broker->consumers, broker->meta,
                                  broker->topics);
    return rc == RC_OK ? write_forgotten(broker) : rc;
}

static void
settle_forgotten(struct broker *broker)
{
    for (uint32_t i = 0; i < broker->turn.count; i++) {
        const struct broker_pending *pending = &broker->turn.pending[i];

        if (pending->verb != VERB_FORGET || pending->settled)
            continue;
        consumer_table_forget(&broker->consumers, pending->name);
        report_table_forget(&broker->reports, pending->name);
    }
}

/* What is in memory is now what is on disk. */
static enum rc
settle(struct broker *broker, bool positions)
{
    struct broker_turn *turn = &broker->turn;
    enum rc rc = RC_OK;

    if (turn->events > 0)
        histogram_note(&broker->report.turn_events, histogram_count_bounds,
                       turn->events);
    broker->report.events_in += turn->events;
    producer_table_committed(&broker->producers);
    if (positions) {
        consumer_table_committed(&broker->consumers);
        broker->positions_due = false;
    }
    for (uint32_t i = 0; i < turn->touched_count && rc == RC_OK; i++) {
        struct topic_partition *partition =
            &broker->topics->items[turn->touched[i]];

        partition->touched = false;
        rc = topic_log_committed(partition->log);
        fetch_table_set_due(broker->fetches, turn->touched[i]);
    }
    settle_forgotten(broker);
    return rc;
}

/* One commit, one flush; positions alone are not worth a flush. */
static enum rc
commit(struct broker *broker)
{
    struct broker_turn *turn = &broker->turn;
    bool flush = turn->begun || turn->registered;
    bool positions = broker->consumers.dirty != NULL &&
                     (turn->registered || broker->positions_due);
    enum rc rc = RC_OK;

    if (!flush && !positions)
        return RC_OK;
    if (!turn->begun)
        rc = store_begin(broker->store);
    turn->begun = true;
    if (rc == RC_OK)
        rc = write_rows(broker, positions);
    if (rc == RC_OK)
        rc = store_commit(broker->store);
    if (rc != RC_OK)
        return rc;
    fault_point("committed");
    rc = flush ? store_flush(broker->store) : RC_OK;
    fault_point("flushed");
    if (rc == RC_NO_SPACE) /* it is committed: no way back, and no retry */
        return RC_IO;
    return rc == RC_OK ? settle(broker, positions) : rc;
}

/* The disk is full: nothing of this turn was, and all of it is refused. */
static enum rc
undo(struct broker *broker)
{
    struct broker_turn *turn = &broker->turn;
    enum rc rc = RC_OK;

    store_abort(broker->store);
    producer_table_undo(&broker->producers);
    for (uint32_t i = 0; i < turn->touched_count && rc == RC_OK; i++) {
        struct topic_partition *partition =
            &broker->topics->items[turn->touched[i]];

        partition->touched = false;
        rc = topic_log_undo(partition->log);
    }
    broker_look_at_disk(broker);
    broker->below_floor = true; /* until the next look */
    broker->positions_due = false;
    for (uint32_t i = 0; i < turn->count; i++) {
        struct broker_pending *pending = &turn->pending[i];

        if (!pending->settled && pending->verb != VERB_STATUS &&
            pending->verb != VERB_SURVEY && pending->verb != VERB_REPORT &&
            pending->verb != VERB_FETCH)
            pending->refusal = (struct broker_refusal){
                BUS_ERROR_DISK_FLOOR,
                broker->bytes_free,
                "the disk is full",
            };
    }
    return rc;
}

/*** Answer, publish ***/

static void
answer_produce(struct broker *broker, struct broker_pending *pending)
{
    uint8_t frame[PROTOCOL_HEADER_BYTES + 8 + 1];
    struct bytes_writer writer;

    bytes_writer_init(&writer, frame, sizeof(frame));
    protocol_put_produce_ok(&writer, pending->request, &pending->produced);
    invariant(!writer.failed);
    broker_send(broker, &pending->client, frame, writer.used);
}

static void
answer_open(struct broker *broker, struct broker_pending *pending)
{
    uint64_t held_back;
    size_t bytes = broker_put_open_ok(
        broker, pending->request, pending->producer, pending->epoch,
        broker->scratch, PROTOCOL_FRAME_BYTES_MAX);

    broker_send(broker, &pending->client, broker->scratch, bytes);
    if (event_limiter_pass(&broker->opened, clock_monotonic_us(), &held_back))
        log_info("producer_opened", "producer=%s epoch=%u more=%" PRIu64,
                 pending->name, pending->epoch, held_back);
}

static void
answer_header(struct broker *broker, struct broker_pending *pending,
              enum verb verb)
{
    uint8_t frame[PROTOCOL_HEADER_BYTES];
    struct bytes_writer writer;

    bytes_writer_init(&writer, frame, sizeof(frame));
    protocol_put_header(&writer, verb, pending->request);
    broker_send(broker, &pending->client, frame, writer.used);
}

static void
answer_status(struct broker *broker, struct broker_pending *pending)
{
    size_t bytes =
        (pending->verb == VERB_STATUS ? broker_put_status : broker_put_survey)(
            broker, pending->request, broker->scratch,
            PROTOCOL_FRAME_BYTES_MAX);

    broker_send(broker, &pending->client, broker->scratch, bytes);
}

static void
answer(struct broker *broker, struct broker_pending *pending)
{
    if (pending->refusal.code != BUS_ERROR_NONE)
        broker_send_refusal(broker, &pending->client, pending->request,
                            pending->name, &pending->refusal);
    else if (pending->verb == VERB_PRODUCE)
        answer_produce(broker, pending);
    else if (pending->verb == VERB_OPEN || pending->verb == VERB_OPEN_STORE)
        answer_open(broker, pending);
    else if (pending->verb == VERB_STATUS || pending->verb == VERB_SURVEY)
        answer_status(broker, pending);
    else if (pending->verb == VERB_FORGET)
        answer_header(broker, pending, VERB_FORGET_OK);
    else if (pending->verb == VERB_REPORT)
        answer_header(broker, pending, VERB_REPORT_OK);
    zmq_msg_close(&pending->client);
}

static void
publish(struct broker *broker, struct broker_pending *pending)
{
    const uint8_t *frame;

    if (!pending->tapped)
        return;
    frame = zmq_msg_data(&pending->frame);
    if (pending->refusal.code == BUS_ERROR_NONE)
        broker_tap_publish(&broker->tap, pending->slot,
                           frame + pending->batch_position,
                           pending->batch_bytes);
    zmq_msg_close(&pending->frame);
}

enum rc
broker_turn(struct broker *broker)
{
    enum rc rc = gather(broker);

    if (broker->turn.begun)
        fault_point("gathered");
    if (rc == RC_OK)
        rc = commit(broker);
    if (rc == RC_NO_SPACE)
        rc = undo(broker);
    if (rc != RC_OK)
        return rc;
    broker->report.turns++;
    for (uint32_t i = 0; i < broker->turn.count; i++)
        answer(broker, &broker->turn.pending[i]);
    if (broker->turn.begun)
        fault_point("answered");
    for (uint32_t i = 0; i < broker->turn.count; i++)
        publish(broker, &broker->turn.pending[i]);
    fetch_table_expire(broker->fetches, clock_monotonic_us());
    return broker_serve(broker);
}
