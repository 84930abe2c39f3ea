/*
 * sim_world.h - the whole pipeline in one process: a broker, four participants
 *
 *   actor     a participant, its store's disk and what it needs to live.
 *             Payment, ledger and the gateway's store half are the real ones;
 *             the operator is a participant of the simulation's that cancels,
 *             credits, freezes and thaws (a second producer of `orders`).
 *   zombie    a participant that was left behind: another was started on a
 *             copy of its store and has opened; it does not know.
 *
 * The real loop, bus binder and broker run over sim_store and sim_net.  What
 * a turn may end with is decided here; all else is a finding (sim_fail).
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "gateway/gateway_store.h"
#include "sim_store.h"

enum actor_kind {
    ACTOR_GATEWAY,
    ACTOR_PAYMENT,
    ACTOR_LEDGER,
    ACTOR_OPERATOR,
    ACTORS,
};

struct actor {
    enum actor_kind kind;
    const char *name; /* in the log */
    uint64_t owner;   /* of its sockets, for sim_net */
    struct config config;
    struct sim_disk *disk;
    char disk_name[32];
    struct participant *participant; /* NULL: it does not run */
    void *context;
    struct mailbox *requests, *answers; /* gateway */
    struct asked *asked;    /* gateway: not answered (sim_client.c) */
    struct gateway_shared shared;
    int command_fd; /* operator */
    uint64_t flushed_offset[BUS_STREAMS_MAX];
    uint64_t flushed_seq[BUS_STREAMS_MAX];
};

struct world_stats {
    uint64_t crashes;
    uint64_t broker_crashes;
    uint64_t cuts[SIM_CUTS];
    uint64_t zombies;
    uint64_t fenced;
    uint64_t strangers; /* zombies that noticed it otherwise */
    uint64_t full;
};

struct world {
    struct actor actors[ACTORS];
    struct actor zombie;
    bool zombie_goes_on;
    uint64_t zombie_turns;
    struct broker *broker; /* NULL: down */
    struct config broker_config;
    struct sim_disk *broker_disk;
    uint64_t retention_bytes; /* for when all consumers are known */
    bool any_zombie; /* also one that has not written since it opened, and
                        while segments are removed */
    uint64_t names; /* of disks */
    struct world_stats stats; /* over all episodes */
};

extern struct world world;

/* Of the gateways: few orders make many runs of the index. */
extern const struct order_index_shape sim_index_shape;

/* An empty pipeline, all running, with settings chosen by chance; and its
 * end, which frees everything. */
void world_begin(void);
void world_end(void);

/* Each does nothing if the process is not in that state. */
void actor_start(struct actor *actor);
void actor_turn(struct actor *actor);
/* kill -9, or power lost. */
void actor_crash(struct actor *actor);
/* Asked to stop: all that can be is written. */
void actor_stop(struct actor *actor);
void broker_start(void);
void broker_one_turn(void);
void broker_crash(void);

void zombie_make(enum actor_kind kind);
void zombie_turn(void);
void zombie_end(void);

/* Something for the operator's participant to emit: an event without id. */
void operator_order(const struct event *event);

#endif
