#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "saga/daemon.h"
#include "saga/log.h"
#include "../support/child.h"
#include "../support/place.h"

static struct config config;
static struct child child;
static struct child other;

static int
make_home(void **state)
{
    memset(&config, 0, sizeof config);
    config.self = PROCESS_PAYMENT;
    strcpy(config.name, "payment");
    unsetenv("READY_FD");
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    if (place_make(state) != 0)
        return -1;
    snprintf(config.home, sizeof config.home, "%s", at("home"));
    return 0;
}

static void
assert_says(const char *format, ...) PRINTF_LIKE(1, 2);

/* The whole of what the child said on stderr. */
static void
assert_says(const char *format, ...)
{
    char expected[1024];
    va_list values;

    va_start(values, format);
    vsnprintf(expected, sizeof expected, format, values);
    va_end(values);
    assert_string_equal(child.err.text, expected);
    assert_string_equal(child.out.text, "");
}

static void
run_lock(void *context)
{
    (void)context;
    log_open("payment");
    daemon_lock(&config);
    printf("%s", daemon_data_directory());
}

static int
lock_ends(void)
{
    child_start(&child, run_lock, NULL);
    return child_end(&child);
}

/* Holds the lock until it is killed. */
static void
run_hold(void *context)
{
    log_open("payment");
    daemon_lock(&config);
    log_info("held", "");
    for (;;)
        pause();
    (void)context;
}

static void
hold(void)
{
    child_start(&other, run_hold, NULL);
    child_wait_err(&other, "event=held");
}

static void
let_go(void)
{
    kill(other.pid, SIGKILL);
    assert_int_equal(child_end(&other), CHILD_SIGNALLED + SIGKILL);
}

static void
test_daemon_lock_makes_a_private_home(void **state)
{
    char pid[32];

    (void)state;
    assert_int_equal(lock_ends(), 0);
    snprintf(pid, sizeof pid, "%d\n", (int)child.pid);
    assert_string_equal(child.err.text, "");
    assert_string_equal(child.out.text, at("home/data/payment"));
    assert_mode(at("home"), 0700);
    assert_mode(at("home/run"), 0700);
    assert_mode(at("home/data"), 0700);
    assert_mode(at("home/data/payment"), 0700);
    assert_mode(at("home/data/payment/lock"), 0600);
    assert_text(at("home/data/payment/lock"), pid);
    assert_text(at("home/run/payment.pid"), pid);
    assert_false(is_there(at("home/run/payment.pid.tmp")));
}

static void
put_life(const char *text)
{
    FILE *file = fopen(at("home/run/payment.life"), "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* Whoever finds a life that was not asked to end counts it. */
static void
test_daemon_life_that_ended_unasked_is_counted(void **state)
{
    static const struct { const char *before, *after; } lives[] = {
        { "0 running\n", "1 running\n" }, { "7 stopped\n", "7 running\n" },
        { "12 running\n", "13 running\n" }, { "", "0 running\n" },
        { "whatever\n", "0 running\n" }, { "running", "0 running\n" },
    };

    (void)state;
    assert_int_equal(lock_ends(), 0);
    assert_text(at("home/run/payment.life"), "0 running\n");
    for (size_t i = 0; i < ARRAY_COUNT(lives); i++) {
        put_life(lives[i].before);
        assert_int_equal(lock_ends(), 0);
        assert_text(at("home/run/payment.life"), lives[i].after);
    }
}

/* Regress 059: its other end was waited for, before any signal is heard. */
static void
test_daemon_059_fifo_in_a_file_s_place_is_not_waited_for(void **state)
{
    (void)state;
    assert_int_equal(lock_ends(), 0);
    assert_int_equal(unlink(at("home/run/payment.life")), 0);
    assert_int_equal(mkfifo(at("home/run/payment.life"), 0600), 0);
    alarm(60);
    assert_int_equal(lock_ends(), 0);
    assert_int_equal(mkfifo(at("home/run/payment.pid.tmp"), 0600), 0);
    assert_int_equal(lock_ends(), EXIT_USAGE);
    alarm(0);
}

static void
run_lock_and_touch(void *context)
{
    run_lock(context);
    close(open(at("home/run/made"), O_CREAT | O_WRONLY, 0666));
}

static void
test_daemon_lock_in_a_home_open_to_its_group(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("home"), 0750), 0);
    assert_int_equal(chmod(at("home"), 0750), 0);
    child_start(&child, run_lock_and_touch, NULL);
    assert_int_equal(child_end(&child), 0);
    assert_mode(at("home"), 0750);
    assert_mode(at("home/run"), 0750);
    assert_mode(at("home/run/made"), 0660);
    assert_mode(at("home/data"), 0700);
    assert_mode(at("home/data/payment"), 0700);
    assert_mode(at("home/data/payment/lock"), 0600);
}

static void
test_daemon_lock_in_a_private_home_sets_umask(void **state)
{
    (void)state;
    umask(0);
    assert_int_equal(mkdir(at("home"), 0700), 0);
    child_start(&child, run_lock_and_touch, NULL);
    umask(022);
    assert_int_equal(child_end(&child), 0);
    assert_mode(at("home/run"), 0700);
    assert_mode(at("home/run/made"), 0600);
}

static void
test_daemon_lock_again_after_an_end_and_a_kill(void **state)
{
    char pid[32];

    (void)state;
    assert_int_equal(lock_ends(), 0);
    hold();
    let_go();
    /* a longer pid of before leaves nothing behind */
    put_text(at("home/data/payment/lock"), "123456789012\n");
    assert_int_equal(lock_ends(), 0);
    snprintf(pid, sizeof pid, "%d\n", (int)child.pid);
    assert_text(at("home/data/payment/lock"), pid);
    assert_text(at("home/run/payment.pid"), pid);
}

static void
test_daemon_lock_held_names_the_holder(void **state)
{
    char pid[32];

    (void)state;
    hold();
    assert_int_equal(lock_ends(), EXIT_USAGE);
    assert_says("payment: store %s is held by process %d: stop it first, or "
                "choose another SAGAPIPE_HOME\n", at("home/data/payment"),
                (int)other.pid);
    snprintf(pid, sizeof pid, "%d\n", (int)other.pid);
    assert_text(at("home/data/payment/lock"), pid);
    assert_text(at("home/run/payment.pid"), pid);
    let_go();
}

/* The holder has the lock and has not come to write its pid. */
static void
test_daemon_lock_held_by_nobody_known(void **state)
{
    static const char *const texts[] = { "", "\x1b[2J\n" };

    (void)state;
    hold();
    for (size_t index = 0; index < ARRAY_COUNT(texts); index++) {
        put_text(at("home/data/payment/lock"), texts[index]);
        assert_int_equal(lock_ends(), EXIT_USAGE);
        assert_says("payment: store %s is held by process ?: stop it first, "
                    "or choose another SAGAPIPE_HOME\n",
                    at("home/data/payment"));
    }
    let_go();
}

static void
test_daemon_lock_of_another_name_is_free(void **state)
{
    (void)state;
    hold();
    strcpy(config.name, "payment-b");
    assert_int_equal(lock_ends(), 0);
    assert_true(is_there(at("home/run/payment-b.pid")));
    let_go();
}

/* --- homes that cannot be --- */

struct home_case {
    const char *name;
    const char *home;    /* below the directory, or absolute */
    const char *subject; /* the path complained of, likewise */
    const char *what;
    const char *why;
};

static const struct home_case home_cases[] = {
    { "below_a_file", "file/home", "file/home", "cannot make",
      "Not a directory" },
    { "is_a_file", "file", "file", "cannot use", "Not a directory" },
    { "nothing_above", "a/b", "a/b", "cannot make",
      "the directory above it is missing" },
    { "nothing_above_slashes", "a/b//", "a/b//", "cannot make",
      "the directory above it is missing" },
    { "dangling_link", "dangling", "dangling", "cannot use",
      "No such file or directory" },
    { "link_to_itself", "loop", "loop", "cannot use",
      "Too many levels of symbolic links" },
    { "run_is_a_file", "run_file", "run_file/run", "cannot use",
      "Not a directory" },
    { "data_is_a_file", "data_file", "data_file/data", "cannot use",
      "Not a directory" },
    { "store_is_a_file", "store_file", "store_file/data/payment",
      "cannot use", "Not a directory" },
    { "lock_is_a_directory", "lock_directory",
      "lock_directory/data/payment/lock", "cannot open", "Is a directory" },
    { "lock_is_a_link", "lock_link", "lock_link/data/payment/lock",
      "cannot open", "Too many levels of symbolic links" },
    { "pid_is_a_directory", "pid_directory",
      "pid_directory/run/payment.pid", "cannot write", "Is a directory" },
    { "proc", "/proc/sagapipe", "/proc/sagapipe", "cannot make",
      "No such file or directory" },
    { "proc_slashes", "/proc/sagapipe//", "/proc/sagapipe//", "cannot make",
      "No such file or directory" },
    { "proc_itself", "/proc", "/proc/run", "cannot make",
      "No such file or directory" },
};

static void
prepare_homes(void)
{
    put_text(at("file"), "x");
    assert_int_equal(symlink("nowhere", at("dangling")), 0);
    assert_int_equal(symlink("loop", at("loop")), 0);
    mkdir(at("run_file"), 0700);
    put_text(at("run_file/run"), "x");
    mkdir(at("data_file"), 0700);
    put_text(at("data_file/data"), "x");
    mkdir(at("store_file"), 0700);
    mkdir(at("store_file/data"), 0700);
    put_text(at("store_file/data/payment"), "x");
    mkdir(at("lock_directory"), 0700);
    mkdir(at("lock_directory/data"), 0700);
    mkdir(at("lock_directory/data/payment"), 0700);
    mkdir(at("lock_directory/data/payment/lock"), 0700);
    mkdir(at("lock_link"), 0700);
    mkdir(at("lock_link/data"), 0700);
    mkdir(at("lock_link/data/payment"), 0700);
    assert_int_equal(symlink("../../../file",
                             at("lock_link/data/payment/lock")), 0);
    mkdir(at("pid_directory"), 0700);
    mkdir(at("pid_directory/run"), 0700);
    mkdir(at("pid_directory/run/payment.pid"), 0700);
}

static const char *
placed(const char *path)
{
    return path[0] == '/' ? path : at(path);
}

static void
test_daemon_lock_impossible_home_is_one_line_exit_100(void **state)
{
    /* Only root gets as far as the last: to others /proc is read-only. */
    size_t count = ARRAY_COUNT(home_cases) - (geteuid() == 0 ? 0 : 1);

    (void)state;
    prepare_homes();
    for (size_t index = 0; index < count; index++) {
        const struct home_case *c = &home_cases[index];
        char expected[1024];

        snprintf(config.home, sizeof config.home, "%s", placed(c->home));
        snprintf(expected, sizeof expected,
                 "payment: %s %s: %s: mend it, or choose another "
                 "SAGAPIPE_HOME\n", c->what, placed(c->subject), c->why);
        if (lock_ends() != EXIT_USAGE ||
            strcmp(child.err.text, expected) != 0)
            fail_msg("%s: %s", c->name, child.err.text);
    }
    assert_text(at("file"), "x");
    assert_false(is_there(at("pid_directory/run/payment.pid.tmp")));
    assert_false(is_there(at("a")));
    assert_false(is_there(at("nowhere")));
}

/* What was made on the way to the failure is taken back. */
static void
test_daemon_lock_failure_changes_nothing(void **state)
{
    (void)state;
    prepare_homes();
    snprintf(config.home, sizeof config.home, "%s", at("data_file"));
    assert_int_equal(lock_ends(), EXIT_USAGE);
    assert_false(is_there(at("data_file/run")));
    snprintf(config.home, sizeof config.home, "%s", at("lock_directory"));
    assert_int_equal(lock_ends(), EXIT_USAGE);
    assert_false(is_there(at("lock_directory/run")));
}

static void
test_daemon_lock_hostile_home_stays_one_line(void **state)
{
    (void)state;
    snprintf(config.home, sizeof config.home, "%s", at("a/\n\"b"));
    assert_int_equal(lock_ends(), EXIT_USAGE);
    assert_says("payment: cannot make \"%s/a/\\n\\\"b\": the directory above "
                "it is missing: mend it, or choose another SAGAPIPE_HOME\n",
                place());
}

static void
read_only(const char *path)
{
    assert_int_equal(mount(path, path, NULL, MS_BIND, NULL), 0);
    assert_int_equal(mount(NULL, path, NULL,
                           MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), 0);
}

/* Needs the right to mount, seen by this process and its children alone;
 * where it is missing the test is skipped. */
static bool
may_mount(void)
{
    return unshare(CLONE_NEWNS) == 0 &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static void
test_daemon_lock_read_only_home_is_exit_100(void **state)
{
    (void)state;
    if (!may_mount())
        skip();
    /* the home is to be made on it; is there and empty; is there complete */
    assert_int_equal(mkdir(at("disk"), 0700), 0);
    assert_int_equal(mkdir(at("empty"), 0700), 0);
    assert_int_equal(lock_ends(), 0);
    read_only(at("disk"));
    read_only(at("empty"));
    read_only(at("home"));

    snprintf(config.home, sizeof config.home, "%s", at("disk/home"));
    assert_int_equal(lock_ends(), EXIT_USAGE);
    assert_says("payment: cannot make %s: Read-only file system: mend it, or "
                "choose another SAGAPIPE_HOME\n", at("disk/home"));
    snprintf(config.home, sizeof config.home, "%s", at("empty"));
    assert_int_equal(lock_ends(), EXIT_USAGE);
    assert_says("payment: cannot write into %s: Read-only file system: mend "
                "it, or choose another SAGAPIPE_HOME\n", at("empty"));
    snprintf(config.home, sizeof config.home, "%s", at("home"));
    assert_int_equal(lock_ends(), EXIT_USAGE);
    assert_says("payment: cannot write into %s: Read-only file system: mend "
                "it, or choose another SAGAPIPE_HOME\n", at("home"));
    umount(at("disk"));
    umount(at("empty"));
    umount(at("home"));
}

static void
run_lock_as_nobody(void *context)
{
    if (setgid(65534) != 0 || setuid(65534) != 0)
        exit(1);
    run_lock(context);
}

static void
test_daemon_lock_without_permission_is_exit_100(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    chmod(place(), 0755);
    child_start(&child, run_lock_as_nobody, NULL);
    assert_int_equal(child_end(&child), EXIT_USAGE);
    assert_says("payment: cannot make %s: Permission denied: mend it, or "
                "choose another SAGAPIPE_HOME\n", at("home"));
    mkdir(at("home"), 0755);
    child_start(&child, run_lock_as_nobody, NULL);
    assert_int_equal(child_end(&child), EXIT_USAGE);
    assert_says("payment: cannot write into %s: Permission denied: mend it, "
                "or choose another SAGAPIPE_HOME\n", at("home"));
    assert_false(is_there(at("home/run")));
}

static void
run_lock_on_full_disk(void *context)
{
    if (mount("none", at("home"), "tmpfs", 0, "size=4k,mode=0700") != 0)
        exit(1);
    close(open(at("home/fill"), O_CREAT | O_WRONLY, 0600));
    put_text(at("home/fill"), "one page is all there is\n");
    run_lock(context);
}

/* A full disk passes: a supervisor may try again. */
static void
test_daemon_lock_full_disk_is_exit_111(void **state)
{
    (void)state;
    if (!may_mount())
        skip();
    assert_int_equal(mkdir(at("home"), 0700), 0);
    child_start(&child, run_lock_on_full_disk, NULL);
    assert_int_equal(child_end(&child), EXIT_SYSTEM);
    assert_non_null(strstr(child.err.text, "No space left on device"));
    umount(at("home"));
}

#define AT_HOME(test)                                                          \
    cmocka_unit_test_setup_teardown(test, make_home, place_remove)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        AT_HOME(test_daemon_lock_makes_a_private_home),
        AT_HOME(test_daemon_life_that_ended_unasked_is_counted),
        AT_HOME(test_daemon_059_fifo_in_a_file_s_place_is_not_waited_for),
        AT_HOME(test_daemon_lock_in_a_home_open_to_its_group),
        AT_HOME(test_daemon_lock_in_a_private_home_sets_umask),
        AT_HOME(test_daemon_lock_again_after_an_end_and_a_kill),
        AT_HOME(test_daemon_lock_held_names_the_holder),
        AT_HOME(test_daemon_lock_held_by_nobody_known),
        AT_HOME(test_daemon_lock_of_another_name_is_free),
        AT_HOME(test_daemon_lock_impossible_home_is_one_line_exit_100),
        AT_HOME(test_daemon_lock_failure_changes_nothing),
        AT_HOME(test_daemon_lock_hostile_home_stays_one_line),
        AT_HOME(test_daemon_lock_read_only_home_is_exit_100),
        AT_HOME(test_daemon_lock_without_permission_is_exit_100),
        AT_HOME(test_daemon_lock_full_disk_is_exit_111),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
