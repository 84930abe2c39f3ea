/*
 * load.c - orders at a fixed rate (open loop), or accounts to begin with
 *
 *   load open URL RATE SECONDS FIRST_USER USERS SAMPLES_RATE
 *   load users URL FIRST_USER USERS BALANCE
 *
 * open: RATE orders per second are meant to be sent at fixed moments, whatever
 * the answers do, and each latency counts from that moment: what a stall keeps
 * from being sent is late as well.  Where no connection is free, an order waits
 * for one, and its clock runs.  Two latencies:
 *
 *   answered   to the 201, of every order
 *   ended      to a terminal state that a customer can see, of every order in
 *              (RATE / SAMPLES_RATE), by its place in the schedule: it is asked
 *              for with GET /orders/{id}, and again POLL_US after each reply
 *              that shows it open, with ASKERS such requests under way at most.
 *              So the figure is up to POLL_US and one GET above the truth, and
 *              never below.  SAMPLES_RATE should be small: it is load, too.
 *
 * users: opens accounts over 64 connections, as fast as they are answered.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>

#include "load_http.h"
#include "tool.h"

#define CONNECTIONS 512
#define USER_CONNECTIONS 64
#define ASKERS 8
#define SAMPLES_MAX (1U << 17)
#define POLL_US 1000
#define DRAIN_S 300
#define TARDY_MS 1000 /* of no event at all is looked at anyway */

/* An order whose end is waited for. */
struct sample {
    uint64_t order;
    int64_t intended_ns, ask_ns;
};

struct run {
    struct target target;
    int epoll_fd;
    struct pool posts, asks;
    int64_t start_ns, step_ns;
    uint64_t goal, sent, answered, refused, sample_every;
    uint64_t first_user, users;
    uint64_t random;
    uint64_t samples_taken, samples_completed, samples_failed;
    unsigned int waiting_first, waiting_count;
    int64_t last_answer_ns;
};

static struct sample waiting[SAMPLES_MAX]; /* ordered by ask_ns */
static struct histogram answered, ended;

static uint64_t
next_random(struct run *run)
{
    run->random ^= run->random << 13;
    run->random ^= run->random >> 7;
    run->random ^= run->random << 17;
    return run->random;
}

static int64_t
intended_ns(const struct run *run, uint64_t number)
{
    return run->start_ns + (int64_t)number * run->step_ns;
}

/* ---- orders ------------------------------------------------------------ */

static void
order_send(struct run *run, struct connection *connection)
{
    char body[64], request[REQUEST_BYTES_MAX];

    snprintf(body, sizeof body, "{\"userId\":%lu,\"productId\":1}",
             (unsigned long)(run->first_user + next_random(run) % run->users));
    connection->intended_ns = intended_ns(run, run->sent);
    connection->tag = run->sent++;
    connection_send(connection, request,
                    request_post(request, &run->target, "/orders", body));
}

static void
sample_wait(struct run *run, struct sample sample)
{
    if (run->waiting_count == SAMPLES_MAX)
        die("more than %u orders are open that are waited for", SAMPLES_MAX);
    waiting[(run->waiting_first + run->waiting_count++) % SAMPLES_MAX] = sample;
}

static void
on_posted(struct run *run, struct connection *connection, int64_t at_ns)
{
    struct sample sample = { .intended_ns = connection->intended_ns,
                             .ask_ns = at_ns + POLL_US * NS_PER_US };
    unsigned long order;

    histogram_add(&answered, at_ns - connection->intended_ns);
    run->last_answer_ns = at_ns;
    run->answered++;
    if (connection->status != 201) {
        run->refused++;
    } else if (run->sample_every > 0 &&
               connection->tag % run->sample_every == 0) {
        if (sscanf(connection->body, "{\"id\":%lu,", &order) != 1)
            die("no order: %.80s", connection->body);
        sample.order = order;
        run->samples_taken++;
        sample_wait(run, sample);
    }
    pool_give(&run->posts, connection);
}

/* ---- their ends -------------------------------------------------------- */

static void
sample_ask(struct run *run, struct connection *connection)
{
    struct sample sample = waiting[run->waiting_first];
    char request[REQUEST_BYTES_MAX];
    int bytes;

    run->waiting_first = (run->waiting_first + 1) % SAMPLES_MAX;
    run->waiting_count--;
    connection->intended_ns = sample.intended_ns;
    connection->tag = sample.order;
    bytes = snprintf(request, sizeof request,
                     "GET /orders/%lu HTTP/1.1\r\nHost: %s\r\n\r\n",
                     (unsigned long)sample.order, run->target.host);
    connection_send(connection, request, (size_t)bytes);
}

static void
on_shown(struct run *run, struct connection *connection, int64_t at_ns)
{
    if (connection->status != 200)
        die("GET of order %lu: %d", (unsigned long)connection->tag,
            connection->status);
    if (strstr(connection->body, "\"status\":\"ORDER_CREATED\"") != NULL) {
        sample_wait(run, (struct sample){
                             .order = connection->tag,
                             .intended_ns = connection->intended_ns,
                             .ask_ns = at_ns + POLL_US * NS_PER_US,
                         });
    } else {
        if (strstr(connection->body, "\"status\":\"ORDER_COMPLETED\"") != NULL)
            run->samples_completed++;
        else
            run->samples_failed++;
        histogram_add(&ended, at_ns - connection->intended_ns);
    }
    pool_give(&run->asks, connection);
}

/* ---- the clock --------------------------------------------------------- */

static void
send_what_is_due(struct run *run)
{
    struct connection *connection;
    int64_t at_ns = now_ns();

    while (run->sent < run->goal && intended_ns(run, run->sent) <= at_ns &&
           (connection = pool_take(&run->posts)) != NULL)
        order_send(run, connection);
    while (run->waiting_count > 0 &&
           waiting[run->waiting_first].ask_ns <= at_ns &&
           (connection = pool_take(&run->asks)) != NULL)
        sample_ask(run, connection);
}

/* Until when nothing has to be sent. */
static int64_t
next_due_ns(const struct run *run)
{
    int64_t due_ns = now_ns() + TARDY_MS * NS_PER_MS, at_ns;

    if (run->sent < run->goal && run->posts.idle_count > 0) {
        at_ns = intended_ns(run, run->sent);
        due_ns = at_ns < due_ns ? at_ns : due_ns;
    }
    if (run->waiting_count > 0 && run->asks.idle_count > 0) {
        at_ns = waiting[run->waiting_first].ask_ns;
        due_ns = at_ns < due_ns ? at_ns : due_ns;
    }
    return due_ns;
}

static void
wait_and_receive(struct run *run)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t wait_ns = next_due_ns(run) - now_ns();
    struct timespec timeout;
    int count;

    if (wait_ns < 0)
        wait_ns = 0;
    timeout.tv_sec = wait_ns / NS_PER_S;
    timeout.tv_nsec = wait_ns % NS_PER_S;
    count = epoll_pwait2(run->epoll_fd, events, EVENTS_MAX, &timeout, NULL);
    if (count < 0 && errno != EINTR)
        die("epoll: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr;

        if (!connection_receive(connection))
            continue;
        if (pool_holds(&run->posts, connection))
            on_posted(run, connection, now_ns());
        else
            on_shown(run, connection, now_ns());
    }
}

static bool
is_over(const struct run *run)
{
    return run->sent == run->goal && run->answered == run->goal &&
           run->waiting_count == 0 && run->asks.idle_count == run->asks.count;
}

static void
open_print(const struct run *run, long rate)
{
    printf("{\"rate\": %ld, \"sent\": %lu, \"refused\": %lu, "
           "\"answered_rate\": %.1f, \"samples\": %lu, "
           "\"samples_completed\": %lu, \"samples_failed\": %lu, ",
           rate, (unsigned long)run->sent, (unsigned long)run->refused,
           (double)run->answered * 1e9 /
               (double)(run->last_answer_ns - run->start_ns),
           (unsigned long)run->samples_taken,
           (unsigned long)run->samples_completed,
           (unsigned long)run->samples_failed);
    histogram_print(&answered, "answered");
    printf(", ");
    histogram_print(&ended, "ended");
    printf("}\n");
}

static void
run_open(char **arguments)
{
    struct run run = { .epoll_fd = epoll_create1(EPOLL_CLOEXEC),
                       .random = UINT64_C(88172645463325252) };
    long rate = number_of(arguments[1], 1, 1000000);
    long seconds = number_of(arguments[2], 1, 3600);
    long samples_rate = number_of(arguments[5], 0, rate);
    int64_t limit_ns;

    prctl(PR_SET_TIMERSLACK, 1UL);
    target_parse(arguments[0], &run.target);
    run.first_user = (uint64_t)number_of(arguments[3], 1, 1L << 53);
    run.users = (uint64_t)number_of(arguments[4], 1, 1L << 53);
    run.step_ns = NS_PER_S / rate;
    run.goal = (uint64_t)(rate * seconds);
    if (samples_rate > 0)
        run.sample_every = (uint64_t)(rate / samples_rate);
    pool_open(&run.posts, CONNECTIONS, &run.target, run.epoll_fd);
    pool_open(&run.asks, ASKERS, &run.target, run.epoll_fd);
    run.start_ns = now_ns() + 10 * NS_PER_MS;
    limit_ns = run.start_ns + (seconds + DRAIN_S) * NS_PER_S;
    while (!is_over(&run)) {
        send_what_is_due(&run);
        wait_and_receive(&run);
        if (now_ns() > limit_ns)
            die("%lu of %lu orders were answered, %u waited for have not "
                "ended, %d s after the last should have been sent",
                (unsigned long)run.answered, (unsigned long)run.goal,
                run.waiting_count, DRAIN_S);
    }
    open_print(&run, rate);
}

/* ---- accounts ---------------------------------------------------------- */

static void
user_send(struct run *run, const char *balance)
{
    struct connection *connection = pool_take(&run->posts);
    char body[128], request[REQUEST_BYTES_MAX];

    snprintf(body, sizeof body, "{\"userId\":%lu,\"balance\":\"%s\"}",
             (unsigned long)(run->first_user + run->sent++), balance);
    connection_send(connection, request,
                    request_post(request, &run->target, "/users", body));
}

static void
users_receive(struct run *run)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(run->epoll_fd, events, EVENTS_MAX, DRAIN_S * 1000);

    if (count <= 0)
        die("no answer in %d s", DRAIN_S);
    for (int i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr;

        if (!connection_receive(connection))
            continue;
        if (connection->status != 202)
            die("an account is refused: %.200s", connection->in);
        run->answered++;
        pool_give(&run->posts, connection);
    }
}

static void
run_users(char **arguments)
{
    struct run run = { .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };

    target_parse(arguments[0], &run.target);
    run.first_user = (uint64_t)number_of(arguments[1], 1, 1L << 53);
    run.users = (uint64_t)number_of(arguments[2], 1, 1L << 53);
    pool_open(&run.posts, USER_CONNECTIONS, &run.target, run.epoll_fd);
    while (run.answered < run.users) {
        while (run.sent < run.users && run.posts.idle_count > 0)
            user_send(&run, arguments[3]);
        users_receive(&run);
    }
    printf("{\"users\": %lu}\n", (unsigned long)run.answered);
}

int
main(int argc, char **argv)
{
    if (argc == 8 && strcmp(argv[1], "open") == 0)
        run_open(argv + 2);
    else if (argc == 6 && strcmp(argv[1], "users") == 0)
        run_users(argv + 2);
    else
        die("usage: load open URL RATE SECONDS FIRST_USER USERS "
            "SAMPLES_RATE\n"
            "       load users URL FIRST_USER USERS BALANCE");
    return 0;
}
