#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "saga/daemon.h"
#include "saga/log.h"
#include "../support/child.h"
#include "../support/place.h"

#define WAIT_MS 20000

static struct config config;
static struct child child;

static int
make_home(void **state)
{
    memset(&config, 0, sizeof config);
    config.self = PROCESS_PAYMENT;
    strcpy(config.name, "payment");
    unsetenv("READY_FD");
    unsetenv("JOINED_FD");
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    if (place_make(state) != 0)
        return -1;
    snprintf(config.home, sizeof config.home, "%s", at("home"));
    return 0;
}

/* --- signals --- */

static void
run_until_asked(void *context)
{
    struct pollfd fd = { daemon_signals(), POLLIN, 0 };
    const bool hang = context != NULL;

    log_open("payment");
    log_info("waiting", "");
    while (!daemon_stop_asked(fd.fd))
        poll(&fd, 1, -1);
    log_info("stopping", "");
    while (hang)
        pause();
    exit(daemon_stop_asked(fd.fd) ? 7 : 8);
}

static void
test_daemon_stop_asked_by_one_signal(void **state)
{
    static const int signals[] = { SIGTERM, SIGINT };

    (void)state;
    for (size_t index = 0; index < ARRAY_COUNT(signals); index++) {
        child_start(&child, run_until_asked, NULL);
        child_wait_err(&child, "event=waiting");
        kill(child.pid, signals[index]);
        /* it stays asked: 7 */
        assert_int_equal(child_end(&child), 7);
        assert_non_null(strstr(child.err.text, index == 0
                                                   ? "signal=SIGTERM"
                                                   : "signal=SIGINT"));
    }
}

/* Even if nothing reads signals any more. */
static void
test_daemon_second_signal_ends_at_once(void **state)
{
    static const int signals[] = { SIGTERM, SIGINT };

    (void)state;
    for (size_t index = 0; index < ARRAY_COUNT(signals); index++) {
        child_start(&child, run_until_asked, &child);
        child_wait_err(&child, "event=waiting");
        kill(child.pid, SIGTERM);
        child_wait_err(&child, "event=stopping");
        kill(child.pid, signals[index]);
        assert_int_equal(child_end(&child), EXIT_DONE);
    }
}

static void
run_both_at_once(void *context)
{
    const int fd = daemon_signals();

    (void)context;
    raise(SIGTERM);
    raise(SIGINT);
    daemon_stop_asked(fd);
    exit(9);
}

static void
test_daemon_two_signals_before_a_look_end_at_once(void **state)
{
    (void)state;
    child_start(&child, run_both_at_once, NULL);
    assert_int_equal(child_end(&child), EXIT_DONE);
}

static void
run_hangup_and_pipe(void *context)
{
    const int fd = daemon_signals();
    int pair[2];

    (void)context;
    raise(SIGHUP);
    if (daemon_stop_asked(fd) || pipe(pair) != 0)
        exit(1);
    close(pair[0]);
    if (write(pair[1], "x", 1) != -1 || errno != EPIPE)
        exit(2);
    if (fcntl(fd, F_GETFD) != FD_CLOEXEC)
        exit(3);
    exit(daemon_stop_asked(fd) ? 4 : 0);
}

static void
test_daemon_signals_hangup_and_broken_pipe_do_not_stop(void **state)
{
    (void)state;
    child_start(&child, run_hangup_and_pipe, NULL);
    assert_int_equal(child_end(&child), 0);
}

static void
test_daemon_gathers_until_told_otherwise(void **state)
{
    (void)state;
    daemon_gathers(true);
    assert_int_equal(sched_getscheduler(0), SCHED_BATCH);
    daemon_gathers(false);
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
}

/* --- readiness --- */

static void
run_ready(void *context)
{
    int fd = daemon_signals();

    (void)context;
    log_open("payment");
    daemon_lock(&config);
    daemon_ready();
    daemon_ready();
    if (getenv("READY_FD") != NULL)
        exit(fcntl(atoi(getenv("READY_FD")), F_GETFD) < 0 ? 0 : 1);
    close(fd);
}

static size_t
read_all(int fd, char *text, size_t size)
{
    size_t used = 0;
    struct pollfd wait = { fd, POLLIN, 0 };

    while (used < size - 1 && poll(&wait, 1, WAIT_MS) == 1) {
        const ssize_t bytes = read(fd, text + used, size - 1 - used);

        if (bytes <= 0)
            break;
        used += (size_t)bytes;
    }
    text[used] = '\0';
    return used;
}

static void
set_number(const char *name, long number)
{
    char text[32];

    snprintf(text, sizeof text, "%ld", number);
    setenv(name, text, 1);
}

static void
test_daemon_ready_says_it_once_and_closes(void **state)
{
    char text[64];
    int pair[2];

    (void)state;
    assert_int_equal(pipe(pair), 0);
    set_number("READY_FD", pair[1]);
    child_start(&child, run_ready, NULL);
    close(pair[1]);
    assert_int_equal(read_all(pair[0], text, sizeof text), 6);
    assert_string_equal(text, "ready\n");
    close(pair[0]);
    assert_int_equal(child_end(&child), 0);
    assert_string_equal(child.err.text, "");
}

static void
run_joined(void *context)
{
    (void)context;
    log_open("payment");
    daemon_lock(&config);
    daemon_joined();
    daemon_joined();
    exit(fcntl(atoi(getenv("JOINED_FD")), F_GETFD) < 0 ? 0 : 1);
}

static void
test_daemon_joined_says_it_once_and_closes(void **state)
{
    char text[64];
    int pair[2];

    (void)state;
    assert_int_equal(pipe(pair), 0);
    set_number("JOINED_FD", pair[1]);
    child_start(&child, run_joined, NULL);
    close(pair[1]);
    assert_int_equal(read_all(pair[0], text, sizeof text), 7);
    assert_string_equal(text, "joined\n");
    close(pair[0]);
    assert_int_equal(child_end(&child), 0);
    assert_string_equal(child.err.text, "");
}

static void
test_daemon_ready_unheard_is_logged_and_goes_on(void **state)
{
    int pair[2];

    (void)state;
    assert_int_equal(pipe(pair), 0);
    set_number("READY_FD", pair[1]);
    close(pair[0]);
    child_start(&child, run_ready, NULL);
    close(pair[1]);
    assert_int_equal(child_end(&child), 0);
    assert_non_null(strstr(child.err.text, "level=warning process=payment "
                                           "event=ready_unheard to=READY_FD "
                                           "error=\"Broken pipe\"\n"));
}

static void
run_ready_quietly(void *context)
{
    (void)context;
    daemon_lock(&config);
    daemon_ready();
}

/* A number that is no descriptor now must not become a file of ours later. */
static void
test_daemon_ready_fd_that_can_not_be_is_ignored(void **state)
{
    static const char *const values[] = { "", "x", "-1", "0", "1", "2",
                                          "40", "99999999999999999999" };
    char pid[32];
    char trailing[32];
    int pair[2];

    (void)state;
    assert_int_equal(pipe(pair), 0);
    snprintf(trailing, sizeof trailing, "%dx", pair[1]);
    for (size_t index = 0; index <= ARRAY_COUNT(values); index++) {
        setenv("READY_FD",
               index < ARRAY_COUNT(values) ? values[index] : trailing, 1);
        child_start(&child, run_ready_quietly, NULL);
        assert_int_equal(child_end(&child), 0);
        if (strstr(child.err.text, "event=ready_fd_ignored value=") == NULL)
            fail_msg("READY_FD=%s: %s", getenv("READY_FD"), child.err.text);
        assert_string_equal(child.out.text, "");
        snprintf(pid, sizeof pid, "%d\n", (int)child.pid);
        assert_text(at("home/data/payment/lock"), pid);
    }
    close(pair[0]);
    close(pair[1]);
}

static int
notify_socket(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", at("notify"));
    assert_int_equal(bind(fd, (const struct sockaddr *)&address,
                          sizeof address), 0);
    setenv("NOTIFY_SOCKET", at("notify"), 1);
    return fd;
}

static void
assert_notified(int fd, const char *expected)
{
    struct pollfd wait = { fd, POLLIN, 0 };
    char text[256];
    ssize_t bytes;

    assert_int_equal(poll(&wait, 1, WAIT_MS), 1);
    bytes = recv(fd, text, sizeof text - 1, 0);
    assert_true(bytes >= 0);
    text[bytes] = '\0';
    assert_string_equal(text, expected);
}

static void
assert_silent(int fd)
{
    struct pollfd wait = { fd, POLLIN, 0 };

    assert_int_equal(poll(&wait, 1, 0), 0);
}

static void
run_ready_and_stopping(void *context)
{
    run_ready(context);
    daemon_stopping();
}

static void
test_daemon_ready_and_stopping_tell_systemd(void **state)
{
    const int fd = notify_socket();

    (void)state;
    child_start(&child, run_ready_and_stopping, NULL);
    assert_int_equal(child_end(&child), 0);
    assert_string_equal(child.err.text, "");
    assert_notified(fd, "READY=1\nSTATUS=serving");
    assert_notified(fd, "STOPPING=1\nSTATUS=finishing what was begun");
    assert_silent(fd);
    close(fd);
}

static void
test_daemon_ready_deaf_systemd_is_logged(void **state)
{
    (void)state;
    setenv("NOTIFY_SOCKET", at("nobody"), 1);
    child_start(&child, run_ready, NULL);
    assert_int_equal(child_end(&child), 0);
    assert_non_null(strstr(child.err.text, "event=notify_unheard"));
}

/* --- the watchdog: 3 s, so a ping is due each second --- */

static void
run_alive(void *context)
{
    static const int64_t times_us[] = { 10, 1000009, 1000010, 2000009,
                                        2000010, 500, 501 };

    if (context != NULL)
        set_number("WATCHDOG_PID", getpid());
    for (size_t index = 0; index < ARRAY_COUNT(times_us); index++)
        daemon_alive(times_us[index]);
}

static void
test_daemon_alive_pings_at_a_third_of_the_limit(void **state)
{
    const int fd = notify_socket();

    (void)state;
    set_number("WATCHDOG_USEC", 3000000);
    child_start(&child, run_alive, &child);
    assert_int_equal(child_end(&child), 0);
    assert_notified(fd, "WATCHDOG=1"); /* at once and after 1 s and 2 s */
    assert_notified(fd, "WATCHDOG=1");
    assert_notified(fd, "WATCHDOG=1");
    assert_notified(fd, "WATCHDOG=1"); /* the clock was set back */
    assert_silent(fd);
    close(fd);
}

static void
test_daemon_alive_without_watchdog_is_silent(void **state)
{
    const int fd = notify_socket();

    (void)state;
    child_start(&child, run_alive, &child);
    assert_int_equal(child_end(&child), 0);
    /* and one that is meant for another process */
    set_number("WATCHDOG_USEC", 3000000);
    set_number("WATCHDOG_PID", 1);
    child_start(&child, run_alive, NULL);
    assert_int_equal(child_end(&child), 0);
    assert_silent(fd);
    close(fd);
}

static void
test_clock_now_is_this_century_and_monotonic_never_goes_back(void **state)
{
    int64_t before_us = clock_monotonic_us();

    (void)state;
    assert_true(clock_now_us() > INT64_C(1700000000) * 1000000);
    assert_true(clock_now_us() < INT64_C(4102444800) * 1000000);
    for (int turn = 0; turn < 1000; turn++) {
        const int64_t now_us = clock_monotonic_us();

        assert_true(now_us >= before_us);
        before_us = now_us;
    }
}

#define AT_HOME(test)                                                          \
    cmocka_unit_test_setup_teardown(test, make_home, place_remove)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        AT_HOME(test_daemon_stop_asked_by_one_signal),
        AT_HOME(test_daemon_second_signal_ends_at_once),
        AT_HOME(test_daemon_two_signals_before_a_look_end_at_once),
        AT_HOME(test_daemon_signals_hangup_and_broken_pipe_do_not_stop),
        cmocka_unit_test(test_daemon_gathers_until_told_otherwise),
        AT_HOME(test_daemon_ready_says_it_once_and_closes),
        AT_HOME(test_daemon_ready_unheard_is_logged_and_goes_on),
        AT_HOME(test_daemon_joined_says_it_once_and_closes),
        AT_HOME(test_daemon_ready_fd_that_can_not_be_is_ignored),
        AT_HOME(test_daemon_ready_and_stopping_tell_systemd),
        AT_HOME(test_daemon_ready_deaf_systemd_is_logged),
        AT_HOME(test_daemon_alive_pings_at_a_third_of_the_limit),
        AT_HOME(test_daemon_alive_without_watchdog_is_silent),
        cmocka_unit_test(
            test_clock_now_is_this_century_and_monotonic_never_goes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
