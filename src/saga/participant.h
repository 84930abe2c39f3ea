/*
 * participant.h - the one loop that payment, ledger and gateway run
 *
 *   gather   events from the topics we read, commands (gateway), timers
 *   decide   the handlers below
 *   commit   ONE transaction: what handlers put, offsets, seen seqs, outbox;
 *            then ONE flush
 *   answer   on_committed(): now, and only now, tell anybody
 *   publish  the outbox, through the bus's window
 *   trim     acknowledged outbox rows, with the next commit
 *
 * The loop owns the store's transaction: a handler puts rows into tables it
 * opened in on_open() and emits events; it never begins or commits.  Every
 * event reaches on_event() exactly once in the life of the store, in the
 * order of its partition, whatever is sent again.
 *
 * Crash states: docs/ARCHITECTURE.md.
 */
#ifndef SAGA_PARTICIPANT_H
#define SAGA_PARTICIPANT_H

#include "saga/bus.h"
#include "saga/config.h"
#include "saga/event.h"
#include "saga/order_log.h"
#include "saga/store.h"

/* A DeadLetter's cause when what was parked is parked no more. */
#define PARK_CAUSE_REDRIVEN "redriven"
#define PARK_CAUSE_DROPPED "dropped"

#define LINGERS(topic) (UINT32_C(1) << (topic))

struct participant;
struct turn;

/* What a filter reads and writes, instead of the routes of topic.h. */
#define PARTICIPANT_TOPICS_MAX 8
struct participant_topics {
    const char *read[PARTICIPANT_TOPICS_MAX];
    size_t read_count;
    const char *write; /* NULL: nothing */
    /* In the middle of a batch of events, too, what was done is committed and
     * published when a turn has taken so long: a handler may be slow. */
    uint32_t commit_ms;
};

struct participant_handlers {
    /* Open your tables and read what you keep in memory.  None is ever
     * removed (store_config.table_stays).  May be NULL. */
    enum rc (*on_open)(void *context, struct store *store);
    /* The store was just created: put and emit what it starts with.
     * May be NULL. */
    enum rc (*on_first)(void *context, struct turn *turn);
    /*
     * One event.  RC_OK also for a business refusal (emit it).  RC_REFUSED
     * if it can't be handled, with nothing put or emitted: it is parked, and
     * later events of its order wait behind it.  RC_AGAIN: the same, but
     * worth another try.  RC_BUSY: turn_wait() said so.  All else ends the
     * process.
     */
    enum rc (*on_event)(void *context, struct turn *turn,
                        const struct event *event);
    /* Topics (a set: LINGERS()) whose events nobody waits for: they are
     * fetched less often, and bring more at a time. */
    uint32_t lingers;
    /* Each event of a user builds on the one before: while one is parked, the
     * later ones of its user wait, too, and not only those of its order. */
    bool parks_users;
    /* Of a filter, else NULL.  It emits with turn_answer(); what it
     * parks is told in its log and by `sagactl parked` alone. */
    const struct participant_topics *topics;
    /* Take waiting commands, `limit` at most; tell in *taken_out how many.
     * May be NULL. */
    enum rc (*on_commands)(void *context, struct turn *turn, uint32_t limit,
                           uint32_t *taken_out);
    /* After the flush, before on_committed(): how many commands wait, and how
     * many clients are about to be answered and may send another.  May be
     * NULL. */
    void (*on_expect)(void *context, uint32_t *waiting_out,
                      uint32_t *answered_out);
    /* Before the commit: write rows that you held back in memory.
     * May be NULL. */
    enum rc (*on_commit)(void *context, struct turn *turn);
    /* After the flush: answer.  Called in every turn.  May be NULL. */
    void (*on_committed)(void *context);
    /* Asked to stop: true once nothing is left to wait for.  Called each
     * turn until it is true or the drain time is over.  May be NULL. */
    bool (*on_drain)(void *context);
    /* How all processes are, as the bus tells it about once a second; not
     * asked for if this is NULL. */
    void (*on_status)(void *context, const struct bus_status *status);
};

/*
 * Opens store and bus and calls on_open, on first start on_first, whose puts
 * are committed before this returns.  command_fd: a descriptor that is
 * readable when on_commands has work (the loop reads nothing from it), or -1.
 * Exits the process (rc_exit_code) with one line if it can't.
 */
struct participant *
participant_open(const struct config *config,
                 const struct participant_handlers *handlers, void *context,
                 int signal_fd, int command_fd);

/* The same over a bus that the caller made and that becomes the
 * participant's; for tests.  Does not exit: on failure *participant_out is to
 * be closed. */
MUST_USE enum rc participant_open_over(
    struct participant **participant_out, const struct config *config,
    const char *directory, struct bus **bus_p,
    const struct participant_handlers *handlers, void *context, int signal_fd,
    int command_fd);

/* Turns until asked to stop and drained.  RC_OK, or why it can't go on (and
 * that was logged). */
MUST_USE enum rc participant_run(struct participant *participant);

/* One turn, waiting for input at most timeout_ms; for tests. */
MUST_USE enum rc participant_turn(struct participant *participant,
                                  int timeout_ms);

/*
 * Checkpoints and closes the store and the bus, also after a failure of the
 * open or of a turn (which leaves nothing half done).  A process that failed
 * need not call it: it ends, and the next one recovers.
 */
MUST_USE enum rc participant_close(struct participant **participant_p);

/* The turn's one time stamp, microseconds since 1970. */
int64_t turn_now_us(const struct turn *turn);

/* Where the turn's lines about orders are gathered; they are written when the
 * turn is on disk. */
struct order_log *turn_log(const struct turn *turn);

/*
 * Emits an event: sets its id, source and time, and appends it to the outbox
 * of its type's topic, in the partition of event->user.  RC_FULL is a bug of
 * the handler's limits (invariant); so RC_OK or what the store said.
 */
MUST_USE enum rc turn_emit(struct turn *turn, struct event *event);

/* The same for a filter: into the one topic that it writes, with the trace of
 * the event that it answers, and in its user's partition unless event->user is
 * set. */
MUST_USE enum rc turn_answer(struct turn *turn, const struct event *cause,
                             struct event *event);

/* Where the event that on_event() was given stands in its topic. */
struct turn_place {
    const char *topic;
    uint32_t partition;
    uint64_t offset;
};
const struct turn_place *turn_place(const struct turn *turn);

/*
 * For a handler that must wait: until fd has one of `events` (poll(2)), at
 * most timeout_ms; bus and watchdog are served meanwhile.  RC_OK; RC_AGAIN:
 * not in that time; RC_BUSY: asked to stop.  The handler then returns RC_BUSY,
 * and what it did since the last commit is undone.
 */
MUST_USE enum rc turn_wait(struct turn *turn, int fd, short events,
                           int64_t timeout_ms);

/* For back-pressure and metrics. */
struct participant_stats {
    uint64_t turns;
    uint64_t events_in;
    uint64_t events_duplicate;
    uint64_t events_out;
    uint64_t commands;
    uint64_t outbox_backlog; /* events emitted, not yet acknowledged */
    uint64_t parked;         /* events that wait for an operator */
    bool bus_up;
};
void participant_stats(const struct participant *participant,
                       struct participant_stats *stats_out);

/* What we tell of ourselves, as it stands now. */
void participant_report(const struct participant *participant,
                        struct report *report_out);

#endif
