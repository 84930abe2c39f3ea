/* Who waits for company, and who must not.  Looked at, not timed: the linker
 * hands over each wait to this file (Makefile: --wrap). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "saga/daemon.h"
#include "saga/participant_state.h"

#define MANY 1000 /* more than any threshold */
#define REST_US_MAX 8000
#define HOUR_US (3600 * INT64_C(1000000))

static int waits;
static int64_t waited_us;

int __wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *limit,
                 const sigset_t *mask);

int
__wrap_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *limit,
             const sigset_t *mask)
{
    (void)fds;
    (void)count;
    (void)mask;
    waits++;
    waited_us = limit->tv_sec * INT64_C(1000000) + limit->tv_nsec / 1000;
    return 0;
}

static enum rc
take_none(void *context, struct turn *turn, uint32_t limit,
          uint32_t *taken_out)
{
    (void)context;
    (void)turn;
    (void)limit;
    *taken_out = 0;
    return RC_OK;
}

static const struct participant_handlers takes_events = { .on_commands = NULL };
static const struct participant_handlers takes_commands = {
    .on_commands = take_none,
};

/* It took many events that somebody waits for, just now. */
static struct participant *
loaded(const struct participant_handlers *handlers)
{
    struct participant *participant = calloc(1, sizeof *participant);

    assert_non_null(participant);
    participant->handlers = handlers;
    participant->turn.participant = participant;
    participant->turn.taken = MANY;
    participant->turn.awaited = MANY;
    participant->turn.now_us = clock_now_us();
    participant->published_us = clock_monotonic_us();
    return participant;
}

static bool
rests(struct participant *participant)
{
    waits = 0;
    participant_rest(participant);
    free(participant);
    return waits > 0;
}

static void
test_pace_who_took_many_events_rests(void **state)
{
    (void)state;
    assert_true(rests(loaded(&takes_events)));
    assert_in_range(waited_us, 1, REST_US_MAX);
}

static void
test_pace_nobody_else_rests(void **state)
{
    struct participant *participant;

    (void)state;
    assert_false(rests(loaded(&takes_commands)));
    participant = loaded(&takes_events);
    participant->turn.awaited = 10; /* many, but nobody waits for them */
    assert_false(rests(participant));
    participant = loaded(&takes_events);
    participant->more = true; /* there are more than one turn takes */
    assert_false(rests(participant));
    participant = loaded(&takes_events);
    participant->stopping = true;
    assert_false(rests(participant));
    participant = loaded(&takes_events);
    participant->turn.now_us -= HOUR_US; /* the turn took long enough */
    assert_false(rests(participant));
}

static void
test_pace_clock_that_is_set_back_does_not_lengthen_a_rest(void **state)
{
    struct participant *participant = loaded(&takes_events);

    (void)state;
    participant->turn.now_us += HOUR_US;
    assert_true(rests(participant));
    assert_int_equal(waited_us, REST_US_MAX);
}

static bool
holds(struct participant *participant)
{
    bool held = participant_holds(&participant->turn);

    assert_true(participant->held == held);
    free(participant);
    return held;
}

static void
test_pace_what_is_published_waits_only_under_load(void **state)
{
    struct participant *participant;

    (void)state;
    assert_true(holds(loaded(&takes_commands)));
    assert_false(holds(loaded(&takes_events)));
    participant = loaded(&takes_commands);
    participant->turn.taken = 10;
    assert_false(holds(participant));
    participant = loaded(&takes_commands);
    participant->stopping = true;
    assert_false(holds(participant));
    participant = loaded(&takes_commands);
    participant->published_us -= HOUR_US; /* it waited long enough */
    assert_false(holds(participant));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pace_who_took_many_events_rests),
        cmocka_unit_test(test_pace_nobody_else_rests),
        cmocka_unit_test(
            test_pace_clock_that_is_set_back_does_not_lengthen_a_rest),
        cmocka_unit_test(test_pace_what_is_published_waits_only_under_load),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
