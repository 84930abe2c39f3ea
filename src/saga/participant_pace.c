/*
 * participant_pace.c - who waits for company, and how long
 *
 * What a turn costs it costs whatever is in it: messages, wake-ups, a flush.
 * So under load, and only then, things wait for others to go with them.
 */
#include "saga/participant_state.h"

#include <poll.h>

#include "saga/daemon.h"

#define GATHER_COMMANDS_MIN 16
#define GATHER_US_MIN 1000
#define GATHER_US_MAX 5000
#define HOLD_MIN 32 /* events and commands of the turn */
#define HOLD_US 5000
#define REST_EVENTS_MIN 48
#define TURN_US_MIN 8000 /* of a turn with so many events   */

/* ---- commands --------------------------------------------------------- */

void
participant_expect(struct participant *participant)
{
    const struct participant_handlers *handlers = participant->handlers;
    uint32_t answered = 0;

    if (handlers->on_expect == NULL)
        return;
    handlers->on_expect(participant->context, &participant->waiting,
                        &answered);
    participant->expected = participant->waiting + answered;
    if (participant->waiting > 0)
        participant->more = true;
}

/* As long as a flush takes: that is what is saved. */
static int64_t
gather_us(const struct participant *participant)
{
    struct store_stats stats;

    store_stats(participant->store, &stats);
    if (stats.flush_us_last < GATHER_US_MIN)
        return GATHER_US_MIN;
    return stats.flush_us_last < GATHER_US_MAX ? (int64_t)stats.flush_us_last
                                               : GATHER_US_MAX;
}

/* False when the time is over, or a signal came. */
static bool
wait_for_command(struct participant *participant, int64_t until_us)
{
    struct pollfd fds[] = { participant->fds[FD_COMMAND],
                            participant->fds[FD_SIGNAL] };
    int64_t left_us = until_us - clock_monotonic_us();
    struct timespec pause = { .tv_nsec = left_us * 1000 };

    return left_us > 0 && ppoll(fds, ARRAY_COUNT(fds), &pause, NULL) > 0 &&
           fds[0].revents != 0 && fds[1].revents == 0;
}

/*
 * Who was answered comes back in a moment, and would then wait for the whole
 * flush of the next turn, if that began at once with the few that were there.
 */
enum rc
participant_gather(struct turn *turn)
{
    struct participant *participant = turn->participant;
    uint32_t expected = participant->expected;
    int64_t until_us;
    enum rc rc = RC_OK;

    participant->expected = 0;
    if (expected < GATHER_COMMANDS_MIN || participant->stopping)
        return RC_OK;
    until_us = clock_monotonic_us() + gather_us(participant);
    while (rc == RC_OK && turn->commands < expected &&
           turn->taken < participant->config->turn_events &&
           wait_for_command(participant, until_us))
        rc = participant_take_commands(turn);
    return rc;
}

/* ---- what is published ------------------------------------------------ */

bool
participant_holds(struct turn *turn)
{
    struct participant *participant = turn->participant;

    participant->held =
        participant->handlers->on_commands != NULL && !participant->stopping &&
        turn->taken >= HOLD_MIN &&
        clock_monotonic_us() - participant->published_us < HOLD_US;
    return participant->held;
}

/* ---- events ----------------------------------------------------------- */

/* Events that nobody waits for come many at a time, and are no sign of load.
 * Who only takes events keeps nobody waiting at a socket.  What comes meanwhile
 * is taken by the next turn.  A signal ends the rest. */
void
participant_rest(const struct participant *participant)
{
    struct pollfd signals = { participant->fds[FD_SIGNAL].fd, POLLIN, 0 };
    struct timespec pause = { .tv_sec = 0 };
    int64_t rest_us;

    if (participant->handlers->on_commands != NULL || participant->stopping ||
        participant->more || participant->turn.awaited < REST_EVENTS_MIN)
        return;
    rest_us = participant->turn.now_us + TURN_US_MIN - clock_now_us();
    if (rest_us <= 0)
        return;
    if (rest_us > TURN_US_MIN) /* the clock was set back */
        rest_us = TURN_US_MIN;
    pause.tv_nsec = (long)rest_us * 1000;
    (void)ppoll(&signals, 1, &pause, NULL);
}
