#include "child.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* cmocka catches these to go on with the next test: not in a child. */
static void
default_signals(void)
{
    static const int caught[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS };

    for (size_t index = 0; index < sizeof caught / sizeof *caught; index++)
        signal(caught[index], SIG_DFL);
}

void
child_start(struct child *child, child_fn *run, void *context)
{
    int out[2];
    int err[2];

    memset(child, 0, sizeof *child);
    assert_int_equal(pipe(out), 0);
    assert_int_equal(pipe(err), 0);
    fflush(NULL);
    child->pid = fork();
    assert_true(child->pid >= 0);
    if (child->pid == 0) {
        default_signals();
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        close(out[0]);
        close(out[1]);
        close(err[0]);
        close(err[1]);
        run(context);
        exit(0);
    }
    close(out[1]);
    close(err[1]);
    child->out.fd = out[0];
    child->err.fd = err[0];
}

/* Reads what is there; at the end of the stream closes it. */
static void
take(struct child_text *text, short revents)
{
    ssize_t bytes;

    if (revents == 0)
        return;
    bytes = read(text->fd, text->text + text->bytes,
                 CHILD_TEXT_BYTES - 1 - text->bytes);
    if (bytes <= 0) {
        close(text->fd);
        text->fd = -1;
        return;
    }
    text->bytes += (size_t)bytes;
    text->text[text->bytes] = '\0';
}

/* Waits for more; kills the child and fails the test at the limit. */
static void
listen_once(struct child *child, int64_t limit_ms, const char *for_what)
{
    struct pollfd fds[] = { { child->out.fd, POLLIN, 0 },
                            { child->err.fd, POLLIN, 0 } };
    const int64_t left_ms = limit_ms - now_ms();

    if (left_ms <= 0 || poll(fds, 2, (int)left_ms) <= 0) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
        fail_msg("child: waited in vain for %s; it said: %s", for_what,
                 child->err.text);
    }
    take(&child->out, fds[0].revents);
    take(&child->err, fds[1].revents);
}

void
child_wait_err(struct child *child, const char *words)
{
    const int64_t limit_ms = now_ms() + CHILD_WAIT_MS;

    while (strstr(child->err.text, words) == NULL)
        listen_once(child, limit_ms, words);
}

int
child_end(struct child *child)
{
    const int64_t limit_ms = now_ms() + CHILD_WAIT_MS;
    int status;

    while (child->out.fd >= 0 || child->err.fd >= 0)
        listen_once(child, limit_ms, "its end");
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status)
                             : CHILD_SIGNALLED + WTERMSIG(status);
}
