#include "sagactl/filter_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "saga/daemon.h"
#include "saga/log.h"

#define NO_FD (-1)
/* A program whose answers nobody waits for any more may live on so long. */
#define END_MS_MAX 3000

static const char no_answer[] =
    "no_answer_in_time words=\"an empty line ends an answer\"";

extern char **environ;

struct filter_child {
    char *const *argv;
    bool per_event;
    int64_t timeout_ms;
    pid_t pid;  /* 0: none runs */
    int input;  /* its stdin    */
    int output; /* its stdout   */
    size_t used;
    char answer[FILTER_ANSWER_BYTES_MAX];
};

/* ---- starting --------------------------------------------------------- */

static void
close_fd(int *fd)
{
    if (*fd != NO_FD)
        (void)close(*fd);
    *fd = NO_FD;
}

/* Signals as any program expects them, though ours are blocked. */
static int
spawn(struct filter_child *child, int input, int output)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, reset;
    int error;

    sigemptyset(&none);
    sigemptyset(&reset);
    sigaddset(&reset, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &reset);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    error = posix_spawnp(&child->pid, child->argv[0], &actions, &attributes,
                         child->argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static enum rc
start(struct filter_child *child)
{
    int to[2] = { NO_FD, NO_FD }, from[2] = { NO_FD, NO_FD };
    int error = 0;

    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0 ||
        fcntl(to[1], F_SETFL, O_NONBLOCK) != 0 ||
        fcntl(from[0], F_SETFL, O_NONBLOCK) != 0)
        error = errno;
    if (error == 0)
        error = spawn(child, to[0], from[1]);
    close_fd(&to[0]);
    close_fd(&from[1]);
    if (error == 0) {
        child->input = to[1];
        child->output = from[0];
        return RC_OK;
    }
    close_fd(&to[1]);
    close_fd(&from[0]);
    child->pid = 0;
    log_error("filter_not_started", "program=%s error=%s",
              log_quote(child->argv[0]), log_quote(strerror(error)));
    return RC_NOT_FOUND;
}

enum rc
filter_child_new(struct filter_child **child_out, char *const *argv,
                 bool per_event, int64_t timeout_ms)
{
    struct filter_child *child = calloc(1, sizeof *child);

    if (child == NULL)
        return RC_NO_MEMORY;
    child->argv = argv;
    child->per_event = per_event;
    child->timeout_ms = timeout_ms;
    child->input = child->output = NO_FD;
    *child_out = child;
    return start(child);
}

/* ---- ending ----------------------------------------------------------- */

static int64_t
left_ms(int64_t until_us)
{
    int64_t now_us = clock_monotonic_us();

    return now_us >= until_us ? 0 : ms_up(until_us - now_us);
}

/* Kills what is left of the child and its group; gives its wait status. */
static int
end(struct filter_child *child)
{
    int status = 0;

    close_fd(&child->input);
    (void)kill(-child->pid, SIGKILL);
    (void)kill(child->pid, SIGKILL); /* it may have left its group */
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    child->pid = 0;
    close_fd(&child->output);
    return status;
}

static enum rc
give_up(struct filter_child *child, const char *why)
{
    log_warning("filter_killed", "pid=%ld why=%s", (long)child->pid, why);
    (void)end(child);
    return RC_AGAIN;
}

/* Waits for its end until then.  RC_AGAIN: it lives on. */
static enum rc
wait_for_end(struct filter_child *child, struct turn *turn, int64_t until_us)
{
    int fd = pidfd_open(child->pid, 0);
    enum rc rc;

    close_fd(&child->input);
    if (fd < 0)
        return RC_AGAIN;
    rc = turn_wait(turn, fd, POLLIN, left_ms(until_us));
    close_fd(&fd);
    return rc;
}

/*
 * It closed its stdout.  RC_OK if it did so as it should: it ends then, and
 * how tells whether its answer counts.  A lasting one can't answer any more,
 * and is given a moment to end by itself.
 */
static enum rc
note_end(struct filter_child *child, struct turn *turn, int64_t until_us)
{
    int64_t soon_us = clock_monotonic_us() + END_MS_MAX * 1000;
    long pid = (long)child->pid;
    enum rc rc = wait_for_end(child, turn,
                              child->per_event || until_us < soon_us
                                  ? until_us
                                  : soon_us);
    int status;

    if (rc == RC_AGAIN)
        return give_up(child, "lives_on_without_its_stdout");
    if (rc != RC_OK)
        return rc;
    status = end(child);
    if (child->per_event && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return RC_OK;
    if (WIFSIGNALED(status))
        log_warning("filter_ended", "pid=%ld signal=%d", pid,
                    WTERMSIG(status));
    else
        log_warning("filter_ended", "pid=%ld exit=%d", pid,
                    WEXITSTATUS(status));
    return RC_AGAIN;
}

void
filter_child_destroy(struct filter_child **child_p)
{
    struct filter_child *child = *child_p;
    struct pollfd fds = { NO_FD, POLLIN, 0 };

    *child_p = NULL;
    if (child->pid != 0) {
        close_fd(&child->input);
        fds.fd = pidfd_open(child->pid, 0);
        if (fds.fd >= 0)
            (void)poll(&fds, 1, child->timeout_ms < END_MS_MAX
                                    ? (int)child->timeout_ms
                                    : END_MS_MAX);
        close_fd(&fds.fd);
        (void)end(child);
    }
    free(child);
}

/* ---- one event -------------------------------------------------------- */

/* A lasting child says nothing between two events; it may end there. */
static enum rc
check_silent(struct filter_child *child, struct turn *turn)
{
    int64_t until_us = clock_monotonic_us() + END_MS_MAX * 1000;
    ssize_t count;
    enum rc rc;

    if (child->pid == 0)
        return RC_OK;
    count = read(child->output, child->answer, sizeof child->answer);
    if (count > 0)
        (void)give_up(child, "said_more_than_its_answer");
    else if (count == 0) {
        rc = note_end(child, turn, until_us);
        return rc == RC_AGAIN ? RC_OK : rc;
    } else if (errno != EAGAIN && errno != EINTR)
        return RC_IO;
    return RC_OK;
}

static enum rc
send_line(struct filter_child *child, struct turn *turn, const char *line,
          size_t bytes, int64_t until_us)
{
    size_t sent = 0;
    ssize_t count;
    enum rc rc;

    while (sent < bytes) {
        count = write(child->input, line + sent, bytes - sent);
        if (count > 0) {
            sent += (size_t)count;
            continue;
        }
        if (errno == EPIPE)
            return RC_OK; /* its stdout tells more */
        if (errno != EAGAIN && errno != EINTR)
            return RC_IO;
        rc = turn_wait(turn, child->input, POLLOUT, left_ms(until_us));
        if (rc != RC_OK)
            return rc == RC_AGAIN ? give_up(child, "does_not_read") : rc;
    }
    if (child->per_event)
        close_fd(&child->input);
    return RC_OK;
}

/*
 * A lasting child ends its answer with an empty line; `before` octets of it
 * were looked at.  RC_AGAIN: it has not ended yet.
 */
static enum rc
find_end(struct filter_child *child, size_t before)
{
    const char *from = child->answer + (before > 0 ? before - 1 : 0);
    const char *end;
    size_t bytes;

    if (child->per_event)
        return RC_AGAIN;
    end = child->answer[0] == '\n'
              ? child->answer
              : memmem(from, (size_t)(child->answer + child->used - from),
                       "\n\n", 2);
    if (end == NULL)
        return RC_AGAIN;
    bytes = (size_t)(end - child->answer) + (end != child->answer);
    if (bytes + 1 < child->used) {
        (void)give_up(child, "said_more_than_its_answer");
        return RC_REFUSED;
    }
    child->used = bytes;
    return RC_OK;
}

/* Reads what there is.  RC_AGAIN: the answer has not ended yet. */
static enum rc
read_some(struct filter_child *child, struct turn *turn, int64_t until_us)
{
    size_t before = child->used;
    ssize_t count;

    if (before == sizeof child->answer) {
        (void)give_up(child, "answer_too_large");
        return RC_REFUSED;
    }
    count = read(child->output, child->answer + before,
                 sizeof child->answer - before);
    if (count < 0)
        return errno == EAGAIN || errno == EINTR ? RC_AGAIN : RC_IO;
    child->used += (size_t)count;
    return count > 0 ? find_end(child, before)
                     : note_end(child, turn, until_us);
}

static enum rc
read_answer(struct filter_child *child, struct turn *turn, int64_t until_us)
{
    enum rc rc;

    for (;;) {
        rc = read_some(child, turn, until_us);
        if (rc != RC_AGAIN || child->pid == 0)
            return rc;
        rc = turn_wait(turn, child->output, POLLIN, left_ms(until_us));
        if (rc != RC_OK)
            return rc == RC_AGAIN ? give_up(child, no_answer) : rc;
    }
}

void
filter_child_kill(struct filter_child *child)
{
    if (child->pid != 0)
        (void)give_up(child, "its_answer_was_refused");
}

enum rc
filter_child_ask(struct filter_child *child, struct turn *turn,
                 const char *line, size_t bytes, const char **answer_out,
                 size_t *answer_bytes_out)
{
    enum rc rc = check_silent(child, turn);
    int64_t until_us = clock_monotonic_us() + child->timeout_ms * 1000;

    child->used = 0;
    if (rc == RC_OK && child->pid == 0)
        rc = start(child);
    if (rc == RC_OK)
        rc = send_line(child, turn, line, bytes, until_us);
    if (rc == RC_OK)
        rc = read_answer(child, turn, until_us);
    *answer_out = child->answer;
    *answer_bytes_out = child->used;
    return rc;
}
