#include "sim_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "broker/broker_state.h"
#include "gateway/gateway_store.h"
#include "ledger/ledger.h"
#include "payment/payment.h"
#include "saga/daemon.h"
#include "saga/participant_state.h"
#include "sim.h"
#include "sim_client.h"
#include "sim_model.h"
#include "sim_net.h"

#define ORDERS_OF_OPERATOR_MAX 64
#define DISK_BYTES_FREE UINT64_C(1000000000)

struct world world;

/* ---- settings --------------------------------------------------------- */

static void
read_config(struct config *config, enum process self)
{
    char name[] = "sim", error[512];
    char *argv[] = { name, NULL }, *environment[] = { NULL };

    sim_require(config_read(config, self, 1, argv, environment, error,
                            sizeof error) == RC_OK,
                "%s", error);
}

static uint64_t
one_of(const uint64_t *choices, size_t count)
{
    return choices[sim_below(count)];
}

/* Below what a user may set, so that every edge is met often. */
static void
choose_settings(void)
{
    static const uint64_t turns[] = { 1, 4, 32, 4096 };
    static const uint64_t windows[] = { 1, 2, 8 };
    static const uint64_t batches[] = { 8192, 65536 };
    static const uint64_t segments[] = { 1500, 20000, 1 << 20 };
    static const uint64_t backlogs[] = { 20, 1000000 };
    static const int64_t limits_minor[] = { 0, 7500, 20000 };
    int64_t limit_minor = limits_minor[sim_below(ARRAY_COUNT(limits_minor))];
    uint64_t partitions = 1 + sim_below(3);
    uint64_t retention = sim_once_in(2) ? 3000 : 0;
    uint64_t timeout_ms = sim_once_in(3) ? 2000 : 0;
    uint64_t batch = one_of(batches, ARRAY_COUNT(batches));
    struct config *config;
    int i;

    for (i = 0; i < ACTORS; i++) {
        config = &world.actors[i].config;
        config->partitions = partitions;
        config->turn_events = one_of(turns, ARRAY_COUNT(turns));
        config->window = one_of(windows, ARRAY_COUNT(windows));
        config->batch = batch;
        config->transaction_limit.minor = limit_minor;
        config->order_timeout = timeout_ms;
        config->backlog = one_of(backlogs, ARRAY_COUNT(backlogs));
    }
    config = &world.broker_config;
    config->partitions = partitions;
    config->segment = one_of(segments, ARRAY_COUNT(segments));
    world.retention_bytes = retention;
    model_limit(limit_minor);
    sim_note("partitions=%" PRIu64 " segment=%" PRIu64 " retention=%" PRIu64
             " limit=%" PRId64,
             partitions, config->segment, retention, limit_minor);
}

/* ---- the operator ----------------------------------------------------- */

static struct {
    struct event events[ORDERS_OF_OPERATOR_MAX];
    uint32_t count;
} operator_waits;

void
operator_order(const struct event *event)
{
    struct actor *actor = &world.actors[ACTOR_OPERATOR];

    if (actor->participant == NULL ||
        operator_waits.count == ORDERS_OF_OPERATOR_MAX)
        return;
    operator_waits.events[operator_waits.count++] = *event;
    invariant(eventfd_write(actor->command_fd, 1) == 0);
}

static enum rc
operator_on_open(void *context, struct store *store)
{
    (void)context;
    (void)store;
    return RC_OK;
}

static enum rc
operator_on_event(void *context, struct turn *turn, const struct event *event)
{
    (void)context;
    (void)turn;
    (void)event;
    return RC_OK;
}

static enum rc
operator_on_commands(void *context, struct turn *turn, uint32_t limit,
                     uint32_t *taken_out)
{
    struct actor *actor = context;
    uint32_t i;
    eventfd_t count;
    enum rc rc = RC_OK;

    invariant(eventfd_read(actor->command_fd, &count) == 0);
    for (i = 0; i < operator_waits.count && rc == RC_OK; i++)
        rc = turn_emit(turn, &operator_waits.events[i]);
    *taken_out = operator_waits.count < limit ? operator_waits.count : limit;
    operator_waits.count = 0;
    return rc;
}

static const struct participant_handlers operator_handlers = {
    .on_open = operator_on_open,
    .on_event = operator_on_event,
    .on_commands = operator_on_commands,
};

/* ---- participants ----------------------------------------------------- */

const struct order_index_shape sim_index_shape = { 4, 40 };

static const struct participant_handlers *
context_new(struct actor *actor, int *command_fd_out)
{
    struct payment *payment;
    struct ledger *ledger;

    *command_fd_out = -1;
    switch (actor->kind) {
    case ACTOR_GATEWAY:
        invariant(mailbox_new(&actor->requests) == RC_OK);
        invariant(mailbox_new(&actor->answers) == RC_OK);
        atomic_store(&actor->shared.wake_fd, -1);
        actor->context = gateway_store_new(&actor->config, actor->requests,
                                           actor->answers, &actor->shared);
        gateway_store_shape_index(actor->context, &sim_index_shape);
        *command_fd_out = mailbox_fd(actor->requests);
        return &gateway_store_handlers;
    case ACTOR_PAYMENT:
        invariant(payment_new(&payment, &actor->config) == RC_OK);
        actor->context = payment;
        return &payment_handlers;
    case ACTOR_LEDGER:
        invariant(ledger_new(&ledger, &actor->config) == RC_OK);
        actor->context = ledger;
        return &ledger_handlers;
    case ACTOR_OPERATOR:
        actor->context = actor;
        actor->command_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        operator_waits.count = 0;
        *command_fd_out = actor->command_fd;
        return &operator_handlers;
    case ACTORS:
    default:
        break;
    }
    sim_fail("no such actor");
}

static void
context_destroy(struct actor *actor)
{
    struct gateway_store *gateway = actor->context;
    struct payment *payment = actor->context;
    struct ledger *ledger = actor->context;

    switch (actor->kind) {
    case ACTOR_GATEWAY:
        gateway_store_destroy(&gateway);
        mailbox_destroy(&actor->requests);
        mailbox_destroy(&actor->answers);
        client_forget(actor);
        break;
    case ACTOR_PAYMENT:
        payment_destroy(&payment);
        break;
    case ACTOR_LEDGER:
        ledger_destroy(&ledger);
        break;
    case ACTOR_OPERATOR:
        close(actor->command_fd);
        break;
    case ACTORS:
    default:
        break;
    }
    actor->context = NULL;
}

/* What was flushed is still there, whatever happened since. */
static void
require_not_behind(struct actor *actor)
{
    const struct inbox *inbox = &actor->participant->inbox;
    const struct outbox *outbox = &actor->participant->outbox;
    int i;

    for (i = 0; i < inbox->streams_count; i++)
        sim_require(inbox->streams[i].offset >= actor->flushed_offset[i],
                    "position in %s/%u went back from %" PRIu64
                    " to %" PRIu64,
                    inbox->streams[i].topic, inbox->streams[i].partition,
                    actor->flushed_offset[i], inbox->streams[i].offset);
    for (i = 0; i < outbox->streams_count; i++)
        sim_require(outbox->streams[i].next_seq >= actor->flushed_seq[i],
                    "next seq of %s/%u went back from %" PRIu64
                    " to %" PRIu64,
                    outbox->streams[i].topic, outbox->streams[i].partition,
                    actor->flushed_seq[i], outbox->streams[i].next_seq);
}

static void
note_flushed(struct actor *actor)
{
    const struct inbox *inbox = &actor->participant->inbox;
    const struct outbox *outbox = &actor->participant->outbox;
    int i;

    for (i = 0; i < inbox->streams_count; i++)
        actor->flushed_offset[i] = inbox->streams[i].offset;
    for (i = 0; i < outbox->streams_count; i++)
        actor->flushed_seq[i] = outbox->streams[i].next_seq;
}

/* Whatever is left of the process goes; its disk stays. */
static void
bury(struct actor *actor)
{
    sim_disk_kill(actor->disk);
    if (participant_close(&actor->participant) == RC_OK)
        sim_note("closed though dead");
    context_destroy(actor);
    sim_disk_crash(actor->disk);
}

void
actor_crash(struct actor *actor)
{
    if (actor->participant == NULL)
        return;
    sim_actor(actor->name);
    sim_note("crashes");
    world.stats.crashes++;
    world.stats.cuts[sim_disk_cut(actor->disk)]++;
    bury(actor);
}

void
actor_stop(struct actor *actor)
{
    enum rc rc;

    if (actor->participant == NULL)
        return;
    sim_actor(actor->name);
    sim_note("stops");
    sim_disk_fuse(actor->disk, 0);
    rc = participant_close(&actor->participant);
    sim_require(rc == RC_OK || rc == RC_NO_SPACE ||
                    sim_disk_cut(actor->disk) != SIM_CUT_NONE,
                "close: %s", rc_name(rc));
    context_destroy(actor);
    sim_disk_crash(actor->disk);
}

/* The process ended by itself: is that right? */
static void
on_end(struct actor *actor, enum rc rc)
{
    bool zombie = actor == &world.zombie;

    if (sim_disk_cut(actor->disk) != SIM_CUT_NONE) {
        actor_crash(actor);
        return;
    }
    if (rc == RC_NO_SPACE)
        world.stats.full++;
    else if (rc == RC_FENCED && zombie)
        world.stats.fenced++;
    else if (rc == RC_DAMAGED && zombie)
        world.stats.strangers++; /* it hears what it cannot know of */
    else
        sim_fail("it ended with %s", rc_name(rc));
    sim_note("ends: %s", rc_name(rc));
    bury(actor);
}

void
actor_start(struct actor *actor)
{
    struct bus_config bus_config = {
        .endpoint = "sim",
        .name = actor->config.name,
        .window = (uint32_t)actor->config.window,
        .fetch_bytes = (uint32_t)actor->config.fetch,
        .timeout_ms = (uint32_t)actor->config.bus_timeout,
    };
    const struct participant_handlers *handlers;
    struct bus *bus;
    int command_fd;
    enum rc rc;

    if (actor->participant != NULL)
        return;
    sim_actor(actor->name);
    sim_note("starts");
    handlers = context_new(actor, &command_fd);
    sim_net_owner(actor->owner);
    sim_require(bus_open(&bus, &bus_config) == RC_OK, "bus_open");
    rc = participant_open_over(&actor->participant, &actor->config,
                               actor->disk_name, &bus, handlers,
                               actor->context, -1, command_fd);
    if (rc != RC_OK) {
        on_end(actor, rc);
        return;
    }
    if (actor->kind == ACTOR_GATEWAY) {
        gateway_store_attach(actor->context, actor->participant);
        client_gateway_started();
    }
    require_not_behind(actor);
}

void
actor_turn(struct actor *actor)
{
    enum rc rc;

    if (actor->participant == NULL)
        return;
    sim_actor(actor->name);
    rc = participant_turn(actor->participant, 0);
    if (actor->kind == ACTOR_GATEWAY)
        client_take_answers(actor);
    if (rc != RC_OK)
        on_end(actor, rc);
    else if (sim_disk_unflushed(actor->disk) == 0)
        note_flushed(actor);
}

/* ---- zombies ---------------------------------------------------------- */

static void
name_disk(struct actor *actor)
{
    snprintf(actor->disk_name, sizeof actor->disk_name, "%s.%" PRIu64,
             actor->name, ++world.names);
    actor->owner = world.names;
}

/* The broker holds something of this opening. */
static bool
has_written(const struct actor *actor)
{
    const struct outbox *outbox = &actor->participant->outbox;
    int i;

    for (i = 0; i < outbox->streams_count; i++)
        if (outbox->streams[i].acked_seq > outbox->streams[i].kept_seq)
            return true;
    return false;
}

void
zombie_make(enum actor_kind kind)
{
    struct actor *actor = &world.actors[kind];

    if (world.zombie.participant != NULL || actor->participant == NULL ||
        !actor->participant->opened || sim_disk_unflushed(actor->disk) != 0)
        return;
    if (!world.any_zombie &&
        (!has_written(actor) || world.retention_bytes > 0))
        return;
    sim_actor(actor->name);
    sim_note("is left behind as a zombie");
    world.stats.zombies++;
    world.zombie = *actor;
    world.zombie.name = "zombie";
    world.zombie_goes_on = false;
    world.zombie_turns = 0;
    actor->participant = NULL;
    actor->context = NULL;
    actor->asked = NULL;
    name_disk(actor);
    actor->disk = sim_disk_copy(world.zombie.disk, actor->disk_name);
    actor_start(actor);
}

void
zombie_turn(void)
{
    struct actor *heir = &world.actors[world.zombie.kind];

    if (world.zombie.participant == NULL)
        return;
    if (heir->participant != NULL && heir->participant->opened)
        world.zombie_goes_on = true;
    if (!world.zombie_goes_on)
        return;
    if (world.zombie.kind == ACTOR_GATEWAY)
        client_ask_zombie(&world.zombie);
    world.zombie_turns++;
    actor_turn(&world.zombie);
    if (world.zombie.participant == NULL)
        zombie_end();
}

void
zombie_end(void)
{
    if (world.zombie.participant != NULL)
        actor_crash(&world.zombie);
    if (world.zombie.disk != NULL)
        sim_disk_destroy(&world.zombie.disk);
    memset(&world.zombie, 0, sizeof world.zombie);
}

/* ---- the broker ------------------------------------------------------- */

static uint64_t
log_start(const char *topic, uint32_t partition)
{
    uint32_t slot;

    if (topic_table_find(world.broker->topics, topic, (uint16_t)partition,
                         &slot) != BUS_ERROR_NONE)
        return UINT64_MAX;
    return topic_log_start(world.broker->topics->items[slot].log);
}

static uint64_t heard[TOPIC_COUNT][PARTITIONS_MAX];

static void
hear_batches(enum topic topic, uint32_t partition,
             const struct topic_log_read *read)
{
    struct protocol_batch batch;
    struct bytes_reader reader;
    uint32_t i;

    bytes_reader_init(&reader, read->batches, read->bytes);
    for (i = 0; i < read->count; i++) {
        invariant(protocol_get_batch(&reader, &batch) == RC_OK);
        model_hear(&(struct model_batch){
            .topic = topic,
            .partition = partition,
            .producer = batch.producer,
            .epoch = batch.epoch,
            .base_offset = batch.base_offset,
            .first_seq = batch.first_seq,
            .count = batch.count,
            .bytes = batch.bytes,
            .bytes_count = batch.bytes_count,
        });
        heard[topic][partition] = batch.base_offset + batch.count;
    }
}

/* The model hears what is in the log, causes before effects. */
static enum rc
hear(void)
{
    static uint8_t buffer[PROTOCOL_FETCH_BYTES_MAX];
    struct topic_log_read read;
    struct topic_log *log;
    uint32_t slot, partition;
    enum rc rc = RC_OK;
    int topic;

    for (topic = 0; topic < TOPIC_COUNT; topic++)
        for (partition = 0; partition < world.broker_config.partitions;
             partition++) {
            invariant(topic_table_find(world.broker->topics,
                                       topic_routes[topic].name,
                                       (uint16_t)partition,
                                       &slot) == BUS_ERROR_NONE);
            log = world.broker->topics->items[slot].log;
            while (rc == RC_OK &&
                   heard[topic][partition] < topic_log_end(log)) {
                rc = topic_log_read(log, heard[topic][partition],
                                    sizeof buffer, buffer, &read);
                if (rc == RC_OK)
                    hear_batches((enum topic)topic, partition, &read);
            }
            sim_require(rc != RC_OK ||
                            heard[topic][partition] == topic_log_end(log),
                        "log %s/%u lost what was flushed",
                        topic_routes[topic].name, partition);
        }
    return rc;
}

void
broker_start(void)
{
    if (world.broker != NULL)
        return;
    sim_actor("broker");
    sim_note("starts");
    sim_net_owner(0);
    sim_require(broker_open(&world.broker, &world.broker_config, "broker",
                            -1) == RC_OK,
                "broker_open");
}

/* Its close is for one that did not fail: what a turn left is undone first. */
void
broker_crash(void)
{
    struct broker *broker = world.broker;
    struct topic_table *topics;
    uint32_t i;

    if (broker == NULL)
        return;
    sim_actor("broker");
    sim_note("crashes");
    world.stats.broker_crashes++;
    world.stats.cuts[sim_disk_cut(world.broker_disk)]++;
    sim_disk_kill(world.broker_disk);
    topics = broker->topics;
    for (i = 0; i < topics->count; i++)
        if (topics->items[i].touched &&
            topic_log_undo(topics->items[i].log) != RC_OK)
            sim_fail("a log cannot be undone");
    for (i = 0; i < broker->turn.count; i++)
        zmq_msg_close(&broker->turn.pending[i].client);
    if (broker_close(&world.broker) == RC_OK)
        sim_note("closed though dead");
    sim_disk_crash(world.broker_disk);
}

void
broker_one_turn(void)
{
    int64_t next_us;
    enum rc rc;

    if (world.broker == NULL)
        return;
    sim_actor("broker");
    rc = broker_upkeep(world.broker, clock_monotonic_us(), &next_us);
    if (rc == RC_OK)
        rc = broker_turn(world.broker);
    if (rc == RC_OK)
        rc = hear();
    if (rc == RC_OK)
        return;
    if (sim_disk_cut(world.broker_disk) == SIM_CUT_NONE)
        sim_fail("it ended with %s", rc_name(rc));
    broker_crash();
}

/* ---- episodes --------------------------------------------------------- */

void
world_begin(void)
{
    static const struct {
        const char *name;
        enum process process;
    } who[ACTORS] = {
        [ACTOR_GATEWAY] = { "gateway", PROCESS_GATEWAY },
        [ACTOR_PAYMENT] = { "payment", PROCESS_PAYMENT },
        [ACTOR_LEDGER] = { "ledger", PROCESS_LEDGER },
        [ACTOR_OPERATOR] = { "operator", PROCESS_GATEWAY },
    };
    struct actor *actor;
    int i;

    sim_clock_reset();
    sim_disk_free(DISK_BYTES_FREE);
    sim_net_redeliver(0, 0, log_start);
    memset(heard, 0, sizeof heard);
    model_reset();
    client_reset();
    world.names = 0;
    read_config(&world.broker_config, PROCESS_BROKER);
    for (i = 0; i < ACTORS; i++) {
        actor = &world.actors[i];
        *actor = (struct actor){ .kind = (enum actor_kind)i,
                                 .name = who[i].name };
        read_config(&actor->config, who[i].process);
        name_disk(actor);
        actor->disk = sim_disk_new(actor->disk_name);
    }
    strcpy(world.actors[ACTOR_OPERATOR].config.name, "gateway-op");
    choose_settings();
    world.broker_disk = sim_disk_new("broker");
    broker_start();
    for (i = 0; i < ACTORS; i++)
        actor_start(&world.actors[i]);
}

void
world_end(void)
{
    struct world_stats stats = world.stats;
    int i;

    zombie_end();
    for (i = 0; i < ACTORS; i++) {
        actor_stop(&world.actors[i]);
        sim_disk_destroy(&world.actors[i].disk);
    }
    broker_crash();
    sim_disk_destroy(&world.broker_disk);
    sim_net_reset();
    model_fini();
    world.stats = stats; /* these were no crashes of the run */
}
