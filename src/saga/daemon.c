#include "saga/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "saga/log.h"
#include "saga/notice.h"
#include "saga/quote.h"

#define PATH_BYTES 256
#define PID_BYTES 24
#define DIRECTORIES_COUNT 4
#define NO_FD (-1)

/* The longest home, "/data/", the longest name, "/lock", or "/run/...tmp". */
_Static_assert(80 + PRODUCER_NAME_BYTES + sizeof "/data//lock.pid.tmp" <
                   PATH_BYTES,
               "every path below home must fit");

/* What a process has once; set by the thread that starts it. */
static struct {
    char data_directory[PATH_BYTES];
    char life_path[PATH_BYTES];
    int lock_fd; /* kept open: the lock lives as long as it */
    bool notices_claimed;
    bool ready_said;
    bool watchdog_known;
    int64_t watchdog_us; /* between two pings; 0: nobody asks for them */
    int64_t pinged_us;
    int64_t started_us;
    uint64_t restarts;
} own = { .lock_fd = NO_FD };

/* What a supervisor waits for. */
static struct notice ready = { "READY_FD", "ready\n", NOTICE_NO_FD };
static struct notice joined = { "JOINED_FD", "joined\n", NOTICE_NO_FD };

static volatile sig_atomic_t stop_asked;

/* Directories that this start made, to be taken back if it can't go on. */
struct made {
    char paths[DIRECTORIES_COUNT][PATH_BYTES];
    size_t count;
};

static void path_put(char path[PATH_BYTES], const char *format, ...)
    PRINTF_LIKE(2, 3);

static void
path_put(char path[PATH_BYTES], const char *format, ...)
{
    va_list values;
    int bytes;

    va_start(values, format);
    bytes = vsnprintf(path, PATH_BYTES, format, values);
    va_end(values);
    invariant(bytes > 0 && bytes < PATH_BYTES);
}

/* What passes by itself is the system's failure; all else the caller's. */
static int
exit_code_of(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOLCK:
        return EXIT_SYSTEM;
    default:
        return EXIT_USAGE;
    }
}

static void
take_back(const struct made *made)
{
    for (size_t count = made->count; count > 0; count--)
        (void)rmdir(made->paths[count - 1]);
}

/* Why, in words; ENOENT alone would leave a person guessing. */
static const char *
error_words(int error, const char *path)
{
    char above[PATH_BYTES];
    size_t bytes = strlen(path);

    while (bytes > 1 && path[bytes - 1] == '/')
        bytes--;
    while (bytes > 0 && path[bytes - 1] != '/')
        bytes--;
    if (error != ENOENT || bytes == 0)
        return strerror(error);
    path_put(above, "%.*s", (int)bytes, path);
    return access(above, F_OK) == 0 ? strerror(error)
                                    : "the directory above it is missing";
}

static void take_back_and_die(const struct made *made, const char *what,
                              const char *path) NORETURN;

static void
take_back_and_die(const struct made *made, const char *what, const char *path)
{
    const int error = errno;
    char text[PATH_BYTES + QUOTE_BYTES_MIN];

    take_back(made);
    quote_text(text, sizeof text, path, strlen(path), QUOTE_IF_NEEDED);
    die(exit_code_of(error), "%s %s: %s: mend it, or choose another "
        "SAGAPIPE_HOME", what, text,
        error_words(error, path));
}

/* Makes the directory if it is missing; it must then be writable. */
static void
make_directory(struct made *made, const char *path, mode_t mode)
{
    struct stat status;

    if (mkdir(path, mode) == 0)
        path_put(made->paths[made->count++], "%s", path);
    else if (errno != EEXIST)
        take_back_and_die(made, "cannot make", path);
    if (stat(path, &status) != 0)
        take_back_and_die(made, "cannot use", path);
    if (!S_ISDIR(status.st_mode)) {
        errno = ENOTDIR;
        take_back_and_die(made, "cannot use", path);
    }
    if (faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) != 0)
        take_back_and_die(made, "cannot write into", path);
}

/* A home that is open to its group stays so for run/, never for data/. */
static void
make_directories(const struct config *config, struct made *made)
{
    char path[PATH_BYTES];
    struct stat status;
    bool group;

    umask(077);
    make_directory(made, config->home, 0700);
    group = stat(config->home, &status) == 0 && (status.st_mode & 070) != 0;
    if (group)
        umask(007);
    path_put(path, "%s/run", config->home);
    make_directory(made, path, group ? 0750 : 0700);
    path_put(path, "%s/data", config->home);
    make_directory(made, path, 0700);
    make_directory(made, own.data_directory, 0700);
}

/* The pid in the lock file, as its owner wrote it; "?" before it has. */
static void
read_holder(int fd, char holder[PID_BYTES])
{
    const ssize_t bytes = pread(fd, holder, PID_BYTES - 1, 0);

    holder[bytes > 0 ? bytes : 0] = '\0';
    holder[strspn(holder, "0123456789")] = '\0';
    if (holder[0] == '\0')
        memcpy(holder, "?", 2);
}

static void
take_lock(const struct made *made)
{
    char path[PATH_BYTES];
    char holder[PID_BYTES];
    int fd;

    path_put(path, "%s/lock", own.data_directory);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        take_back_and_die(made, "cannot open", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            take_back_and_die(made, "cannot lock", path);
        read_holder(fd, holder);
        take_back(made);
        die(EXIT_USAGE, "store %s is held by process %s: stop it first, or "
            "choose another SAGAPIPE_HOME", own.data_directory, holder);
    }
    own.lock_fd = fd;
}

static bool
write_pid(int fd)
{
    char text[PID_BYTES];
    const int bytes = snprintf(text, sizeof text, "%ld\n", (long)getpid());

    return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)bytes, 0) == bytes;
}

/* A reader of the pid file sees the old pid or the new one, never half. */
static void
write_pid_file(const struct config *config, const struct made *made)
{
    char path[PATH_BYTES];
    char temporary[PATH_BYTES];
    bool done;
    int fd;

    path_put(path, "%s/run/%s.pid", config->home, config->name);
    path_put(temporary, "%s/run/%s.pid.tmp", config->home, config->name);
    fd = open(temporary,
              O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
    if (fd < 0)
        take_back_and_die(made, "cannot write", temporary);
    done = write_pid(fd);
    if (close(fd) != 0 || !done || rename(temporary, path) != 0) {
        const int error = errno;

        (void)unlink(temporary);
        errno = error;
        take_back_and_die(made, "cannot write", path);
    }
}

static void
claim_notices(void)
{
    if (own.notices_claimed)
        return;
    own.notices_claimed = true;
    notice_claim(&ready);
    notice_claim(&joined);
}

/* "N running" while we live, "N stopped" once we were asked to end. */
static void
write_life(const char *state)
{
    char text[48];
    const int bytes = snprintf(text, sizeof text, "%" PRIu64 " %s\n",
                               own.restarts, state);
    int fd;

    fd = open(own.life_path,
              O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0)
        return;
    if (pwrite(fd, text, (size_t)bytes, 0) != bytes)
        log_warning("life_unwritten", "path=%s", log_quote(own.life_path));
    close(fd);
}

static void
begin_life(const struct config *config)
{
    char text[48];
    char *end;
    ssize_t bytes = -1;
    int fd;

    own.started_us = clock_now_us();
    path_put(own.life_path, "%s/run/%s.life", config->home, config->name);
    fd = open(own.life_path,
              O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) {
        bytes = read(fd, text, sizeof text - 1);
        close(fd);
    }
    if (bytes > 0) {
        text[bytes] = '\0';
        own.restarts = strtoull(text, &end, 10);
        if (strncmp(end, " running", 8) == 0)
            own.restarts++;
    }
    write_life("running");
}

int64_t
daemon_started_us(void)
{
    return own.started_us;
}

uint64_t
daemon_restarts(void)
{
    return own.restarts;
}

void
daemon_lock(const struct config *config)
{
    struct made made = { .count = 0 };

    claim_notices();
    path_put(own.data_directory, "%s/data/%s", config->home, config->name);
    make_directories(config, &made);
    take_lock(&made);
    write_pid_file(config, &made);
    if (!write_pid(own.lock_fd))
        take_back_and_die(&made, "cannot write the lock of",
                          own.data_directory);
    begin_life(config);
}

const char *
daemon_data_directory(void)
{
    return own.data_directory;
}

int
daemon_signals(void)
{
    sigset_t set;
    int fd;

    claim_notices();
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
        pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        die(EXIT_SYSTEM, "cannot set up signals");
    fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        die(EXIT_SYSTEM, "cannot set up signals: %s", strerror(errno));
    return fd;
}

void
daemon_gathers(bool gathers)
{
    const struct sched_param none = { .sched_priority = 0 };

    (void)sched_setscheduler(0, gathers ? SCHED_BATCH : SCHED_OTHER, &none);
}

static void
on_second_signal(int number)
{
    (void)number;
    _exit(EXIT_DONE);
}

/* From the first ask on, the next one needs no turn of any loop: it ends the
 * process where it stands, even if that hangs. */
static void
arm_second_signal(void)
{
    struct sigaction action = { .sa_handler = on_second_signal };
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

bool
daemon_stop_asked(int signal_fd)
{
    struct signalfd_siginfo info;

    while (read(signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP || stop_asked)
            continue;
        stop_asked = 1;
        log_info("stop_asked", "signal=%s by=%u",
                 info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT",
                 info.ssi_pid);
        if (own.life_path[0] != '\0')
            write_life("stopped");
        arm_second_signal();
    }
    return stop_asked != 0;
}

static void
tell_systemd(const char *state)
{
    const int result = sd_notify(0, state);

    if (result < 0)
        log_warning("notify_unheard", "state=%s error=%s", log_quote(state),
                    log_quote(strerror(-result)));
}

void
daemon_ready(void)
{
    if (own.ready_said)
        return;
    own.ready_said = true;
    notice_say(&ready);
    tell_systemd("READY=1\nSTATUS=serving");
}

void
daemon_joined(void)
{
    notice_say(&joined);
}

void
daemon_stopping(void)
{
    tell_systemd("STOPPING=1\nSTATUS=finishing what was begun");
}

void
daemon_alive(int64_t now_us)
{
    uint64_t limit_us;
    int64_t since_us;

    if (!own.watchdog_known) {
        own.watchdog_known = true;
        if (sd_watchdog_enabled(0, &limit_us) > 0)
            own.watchdog_us = (int64_t)(limit_us / 3);
        own.pinged_us = now_us - own.watchdog_us;
    }
    since_us = now_us - own.pinged_us;
    if (own.watchdog_us == 0 || (since_us >= 0 && since_us < own.watchdog_us))
        return;
    own.pinged_us = now_us;
    tell_systemd("WATCHDOG=1");
}

static int64_t
clock_us(clockid_t clock)
{
    struct timespec now;
    int failed = clock_gettime(clock, &now);

    invariant(!failed);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
clock_now_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

int64_t
clock_monotonic_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}
