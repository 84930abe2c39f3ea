/*
 * sim - the whole pipeline under a simulated disk, network and clock
 *
 *   sim [--seed S] [--steps N] [--episode N] [--early-retention]
 *       [--any-zombie] [--loud]
 *
 * --early-retention: segments may go before each consumer has fetched once,
 * which the broker does not promise to survive.
 * --any-zombie: also of processes that wrote nothing since they opened (they
 * open again when they are fenced, and so fence their heir), and while segments
 * are removed (a zombie's position counts as its heir's).
 *
 * One number, the seed, chooses everything that happens; each step is one
 * turn of one process, one movement of the network or the clock, one request
 * or one fault.  Promises are checked as it goes and, at quiet points, when
 * all faults are over and everything must come to its end.  A failure prints
 * the seed and the step first, and the same call finds it again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "saga/participant_state.h"
#include "sim.h"
#include "sim_check.h"
#include "sim_model.h"
#include "sim_net.h"

#define STEPS_DEFAULT 1000000
#define EPISODE_STEPS 20000     /* then everything begins anew */
#define CHECK_STEPS 2500        /* a full look at the stores   */
#define QUIET_STEPS 5000        /* a quiet point about so often */
#define QUIET_ROUNDS 4000       /* and for each event that there may be ... */
#define ROUNDS_PER_EVENT 10
#define STILL_ROUNDS 60         /* so long nothing moves: it is over */
#define ROUND_US 100000
#define STILL_US_MIN 5000000    /* longer than every time-out */
#define FUSE_OPERATIONS_MAX 80
#define REOPENS 3
#define REOPEN_MOVES 6 /* for a link and an OPEN over it */
#define REDELIVER_EVENTS_MAX 40

_Static_assert(STILL_ROUNDS *ROUND_US >= STILL_US_MIN,
               "still must mean over");

static struct {
    uint64_t seed, steps, episode_steps;
    bool early_retention;
    uint64_t trace;
    uint64_t fault_rarity;
    bool disk_full;
    uint64_t orders, completed, failed, cancelled, events, quiets;
} sim = { .seed = 1, .steps = STEPS_DEFAULT, .episode_steps = EPISODE_STEPS };

/* ---- faults ----------------------------------------------------------- */

static struct actor *
some_actor(void)
{
    return &world.actors[sim_below(ACTORS)];
}

static struct sim_disk *
some_running_disk(void)
{
    struct actor *actor = some_actor();

    if (sim_once_in(3))
        return world.broker == NULL ? NULL : world.broker_disk;
    return actor->participant == NULL ? NULL : actor->disk;
}

/* Some come back at once, before anybody noticed. */
static void
fault_crash(void)
{
    struct actor *actor = some_actor();

    if (sim_once_in(4)) {
        broker_crash();
        return;
    }
    actor_crash(actor);
    if (sim_once_in(2))
        actor_start(actor);
}

/* One opens again and again, as another life or over another connection, and
 * the broker reads none of it meanwhile: the oldest may be read last. */
static void
fault_reopen(void)
{
    struct actor *actor = some_actor();
    bool dies = sim_once_in(2);
    int i, move;

    actor_crash(actor);
    for (i = 0; i < REOPENS; i++) {
        actor_start(actor);
        for (move = 0; move < REOPEN_MOVES; move++) {
            sim_net_move();
            actor_turn(actor);
        }
        if (i == REOPENS - 1)
            break;
        if (dies)
            actor_crash(actor);
        else {
            sim_net_break_of(actor->owner);
            sim_clock_step((int64_t)actor->config.bus_timeout * 1000);
        }
    }
}

static void
fault_fuse(void)
{
    struct sim_disk *disk = some_running_disk();

    if (disk != NULL)
        sim_disk_fuse(disk, 1 + sim_below(FUSE_OPERATIONS_MAX));
}

static void
fault_fuse_flush(void)
{
    struct sim_disk *disk = some_running_disk();

    if (disk != NULL)
        sim_disk_fuse_flush(disk);
}

static void
fault_zombie(void)
{
    if (world.zombie.participant != NULL)
        zombie_end();
    else
        zombie_make((enum actor_kind)sim_below(ACTOR_OPERATOR));
}

static void
fault_power(void)
{
    int i;

    broker_crash();
    for (i = 0; i < ACTORS; i++)
        actor_crash(&world.actors[i]);
}

static void
fault_fill(void)
{
    struct sim_disk *disk = some_running_disk();

    if (disk != NULL)
        sim_disk_fill(disk);
}

static void
fault_floor(void)
{
    sim.disk_full = !sim.disk_full;
    sim_disk_free(sim.disk_full ? 0 : UINT64_C(1) << 40);
}

static void
fault_stop(void)
{
    actor_stop(some_actor());
}

static void
fault_wall_clock(void)
{
    sim_clock_set((int64_t)sim_below(7200000000) - INT64_C(3600000000));
}

static void
fault(void)
{
    static void (*const faults[])(void) = {
        fault_crash,  fault_crash, fault_fuse,  fault_fuse,  fault_fuse,
        fault_fuse_flush, fault_fuse_flush, sim_net_break, sim_net_break,
        sim_net_break, fault_zombie, fault_power, fault_fill, fault_floor,
        fault_stop, fault_wall_clock, fault_reopen,
    };

    if (sim_once_in(sim.fault_rarity))
        faults[sim_below(ARRAY_COUNT(faults))]();
}

/* ---- steps ------------------------------------------------------------ */

static void
step_actor(void)
{
    struct actor *actor = some_actor();

    if (actor->participant != NULL)
        actor_turn(actor);
    else if (sim_once_in(4))
        actor_start(actor);
}

static void
step_broker(void)
{
    if (world.broker != NULL)
        broker_one_turn();
    else if (sim_once_in(4))
        broker_start();
}

static void
step_clock(void)
{
    sim_clock_step((int64_t)sim_below(sim_once_in(40) ? 3000000 : 20000));
}

static void
step_zombie(void)
{
    zombie_turn();
    if (world.zombie.participant != NULL && world.zombie_turns > 300)
        zombie_end();
}

static void
step(void)
{
    static const struct {
        unsigned weight;
        void (*act)(void);
    } acts[] = {
        { 38, step_actor }, { 18, step_broker }, { 16, sim_net_move },
        { 11, client_ask }, { 10, step_clock },  { 3, step_zombie },
        { 4, fault },
    };
    unsigned chosen = (unsigned)sim_below(100), i = 0;

    while (chosen >= acts[i].weight)
        chosen -= acts[i++].weight;
    acts[i].act();
    sim.trace = (sim.trace ^ (i + 1 + model_events() * 8 +
                              sim_net_stats()->frames * 1024)) *
                UINT64_C(0x100000001b3);
}

/* ---- quiet points ----------------------------------------------------- */

/* What has moved so far, as one number, and whether something waits. */
static uint64_t
motion(bool *waits_out)
{
    struct participant_stats stats;
    uint64_t sum = model_events();
    int i;

    *waits_out = false;
    for (i = 0; i < ACTORS; i++) {
        participant_stats(world.actors[i].participant, &stats);
        sum += stats.events_in + stats.events_duplicate + stats.events_out +
               stats.commands + stats.outbox_backlog;
        *waits_out |= stats.outbox_backlog > 0;
    }
    return sum;
}

static void
faults_end(void)
{
    int i;

    zombie_end();
    sim.disk_full = false;
    sim_disk_free(UINT64_C(1) << 40);
    sim_net_redeliver(0, 0, NULL);
    sim_net_calm(true);
    sim_disk_fuse(world.broker_disk, 0);
    for (i = 0; i < ACTORS; i++)
        sim_disk_fuse(world.actors[i].disk, 0);
}

/* Until nothing moves.  A flush's fuse that is still there may blow once. */
static void
come_to_rest(void)
{
    uint64_t before, now, rounds, rounds_max;
    int still = 0, i;
    bool waits;

    for (i = 0; i < ACTORS; i++)
        actor_start(&world.actors[i]);
    before = motion(&waits);
    rounds_max = QUIET_ROUNDS + ROUNDS_PER_EVENT * before;
    for (rounds = 0; still < STILL_ROUNDS; rounds++) {
        sim_actor("quiet");
        sim_require(rounds < rounds_max,
                    "G3: it does not come to an end");
        sim_clock_step(ROUND_US);
        broker_start();
        broker_one_turn();
        for (i = 0; i < ACTORS; i++) {
            actor_start(&world.actors[i]);
            actor_turn(&world.actors[i]);
            actor_start(&world.actors[i]);
        }
        broker_start();
        now = motion(&waits);
        still = now == before && !waits ? still + 1 : 0;
        before = now;
    }
}

static void
begin_faults(void)
{
    sim_net_calm(false);
    sim_net_redeliver(sim_once_in(2) ? 6 : 0, REDELIVER_EVENTS_MAX, NULL);
}

static void
quiet_point(void)
{
    sim_actor("quiet");
    sim_note("quiet");
    faults_end();
    come_to_rest();
    sim_actor("quiet");
    model_require_quiet();
    check_stores(true);
    begin_faults();
    sim.quiets++;
}

/* ---- episodes --------------------------------------------------------- */

static void
count_orders(void)
{
    uint64_t i;

    for (i = 1; i < model_orders_end(); i++) {
        if (!model_order(i)->asked)
            continue;
        sim.orders++;
        switch (model_order_status(model_order(i))) {
        case ORDER_COMPLETED:
            sim.completed++;
            break;
        case ORDER_FAILED:
            sim.failed++;
            break;
        case ORDER_CANCELLED:
            sim.cancelled++;
            break;
        case ORDER_UNSET:
        case ORDER_CREATED:
        case ORDER_STATUS_COUNT:
        default:
            break;
        }
    }
    sim.events += model_events();
}

static void
episode(uint64_t number, uint64_t steps)
{
    static const uint64_t rarities[] = { 1, 3, 12 };
    uint64_t i;

    sim_seed(sim.seed * UINT64_C(0x9e3779b97f4a7c15) + number);
    sim.fault_rarity = rarities[sim_below(ARRAY_COUNT(rarities))];
    sim.disk_full = false;
    sim_net_overtake(sim_once_in(2));
    world_begin();
    if (world.retention_bytes > 0 && !sim.early_retention)
        quiet_point();
    world.broker_config.retention_bytes = world.retention_bytes;
    begin_faults();
    for (i = 0; i < steps; i++, sim_step++) {
        step();
        if (i % CHECK_STEPS == CHECK_STEPS - 1)
            check_stores(false);
        if (sim_once_in(QUIET_STEPS))
            quiet_point();
    }
    quiet_point();
    count_orders();
    world_end();
}

static void
run(void)
{
    uint64_t left = sim.steps, number, steps;

    for (number = 0; left > 0; number++, left -= steps) {
        steps = left < sim.episode_steps ? left : sim.episode_steps;
        episode(number, steps);
    }
}

/* ---- the command ------------------------------------------------------ */

static NORETURN void
usage(const char *word)
{
    fprintf(stderr,
            "sim: %s\nusage: sim [--seed S] [--steps N] [--episode N] "
            "[--early-retention] [--any-zombie] [--loud]\n",
            word);
    exit(EXIT_USAGE);
}

static uint64_t
number_of(char **argv, int *i)
{
    char *end;
    uint64_t number;

    if (argv[*i + 1] == NULL)
        usage("a number is missing");
    number = strtoull(argv[++*i], &end, 10);
    if (*end != '\0' || *argv[*i] == '\0')
        usage(argv[*i]);
    return number;
}

static void
read_arguments(int argc, char **argv)
{
    int i;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0)
            sim.seed = number_of(argv, &i);
        else if (strcmp(argv[i], "--steps") == 0)
            sim.steps = number_of(argv, &i);
        else if (strcmp(argv[i], "--episode") == 0)
            sim.episode_steps = number_of(argv, &i);
        else if (strcmp(argv[i], "--any-zombie") == 0)
            world.any_zombie = true;
        else if (strcmp(argv[i], "--early-retention") == 0)
            sim.early_retention = true;
        else if (strcmp(argv[i], "--loud") == 0)
            sim_log_loud(true);
        else
            usage(argv[i]);
    }
    if (sim.steps == 0 || sim.episode_steps == 0)
        usage("no steps");
}

int
main(int argc, char **argv)
{
    const struct sim_net_stats *net = sim_net_stats();
    struct world_stats *stats = &world.stats;

    read_arguments(argc, argv);
    sim_replay_line("%s --seed %" PRIu64 " --steps %" PRIu64
                    " --episode %" PRIu64 "%s%s",
                    argv[0], sim.seed, sim.steps, sim.episode_steps,
                    sim.early_retention ? " --early-retention" : "",
                    world.any_zombie ? " --any-zombie" : "");
    run();
    printf("sim: seed=%" PRIu64 " steps=%" PRIu64 " crashes=%" PRIu64
           " broker_crashes=%" PRIu64 " cuts=%" PRIu64 "/%" PRIu64 "/%" PRIu64
           "/%" PRIu64 "/%" PRIu64 " breaks=%" PRIu64 " lost=%" PRIu64
           " redelivered=%" PRIu64 " zombies=%" PRIu64 " fenced=%" PRIu64
           "/%" PRIu64 " full=%" PRIu64 " quiets=%" PRIu64
           " events=%" PRIu64 " orders=%" PRIu64 " completed=%" PRIu64
           " failed=%" PRIu64 " cancelled=%" PRIu64 " seconds=%.1f trace=%016"
           PRIx64 "\n",
           sim.seed, sim.steps, stats->crashes, stats->broker_crashes,
           stats->cuts[SIM_CUT_WITHIN], stats->cuts[SIM_CUT_BEFORE_COMMIT],
           stats->cuts[SIM_CUT_AFTER_COMMIT], stats->cuts[SIM_CUT_BEFORE_FLUSH],
           stats->cuts[SIM_CUT_AFTER_FLUSH], net->breaks, net->lost,
           net->redelivered, stats->zombies, stats->fenced, stats->strangers,
           stats->full, sim.quiets, sim.events,
           sim.orders, sim.completed, sim.failed, sim.cancelled,
           (double)clock() / CLOCKS_PER_SEC, sim.trace);
    return EXIT_DONE;
}
