/*
 * dies.h - does this call end the process, as a broken law must?
 *
 * The call runs in a child of its own, whose words are thrown away.
 */
#ifndef SUPPORT_DIES_H
#define SUPPORT_DIES_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static inline bool
dies(void (*call)(const void *argument), const void *argument)
{
    struct rlimit no_core = { 0, 0 };
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        call(argument);
        _exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child
           && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

#endif
