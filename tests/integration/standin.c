/*
 * standin.c - stands in for a process, to test the scripts around it
 *
 * It locks its store, writes its pid, tells that it is ready and waits for
 * SIGTERM, as the real ones do (saga/daemon.h).  It is built once and named
 * broker, payment, ledger and gateway; the environment tells what else it
 * should do:
 *
 *   STANDIN_NAME_EXIT=CODE   ends with that code instead of getting ready
 *   STANDIN_NAME_MUTE=1      never says that it is ready
 *   STANDIN_NAME_SENT_AWAY=CODE  ends with that code instead of joining
 *   STANDIN_NAME_DEAF=1      does not end on SIGTERM
 *   STANDIN_NAME_USR1=CODE   ends with that code on SIGUSR1
 */
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *name;
static const char *home;

static const char *
from_environment(const char *variable, const char *fallback)
{
    const char *value = getenv(variable);

    return value != NULL ? value : fallback;
}

static const char *
told(const char *what)
{
    char variable[64];

    snprintf(variable, sizeof(variable), "STANDIN_%s_%s", name, what);
    return getenv(variable);
}

static void
write_file(const char *suffix, const char *format, ...)
{
    char path[256];
    va_list values;
    FILE *file;

    snprintf(path, sizeof(path), "%s/run/%s.%s", home, name, suffix);
    file = fopen(path, "w");
    if (file == NULL)
        exit(111);
    va_start(values, format);
    vfprintf(file, format, values);
    va_end(values);
    fclose(file);
}

static void
take_lock(void)
{
    char path[256];
    int fd;

    snprintf(path, sizeof(path), "%s/data", home);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/data/%s", home, name);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/data/%s/lock", home, name);
    fd = open(path, O_CREAT | O_RDWR, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) {
        fprintf(stderr, "%s: the store is held\n", name);
        exit(100);
    }
    if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
        exit(111);
}

static void
say(const char *variable, const char *line)
{
    int fd = atoi(from_environment(variable, "-1"));

    if (write(fd, line, strlen(line)) == (ssize_t)strlen(line))
        close(fd);
}

static int
wait_for_signals(void)
{
    sigset_t set;
    int number;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (told("MUTE") == NULL)
        say("READY_FD", "ready\n");
    if (told("SENT_AWAY") != NULL)
        return atoi(told("SENT_AWAY"));
    if (strcmp(name, "broker") != 0)
        say("JOINED_FD", "joined\n");
    for (;;) {
        if (sigwait(&set, &number) != 0)
            return 111;
        if (number == SIGUSR1 && told("USR1") != NULL)
            return atoi(told("USR1"));
        if (number == SIGTERM && told("DEAF") == NULL)
            return 0;
    }
}

int
main(int argc, char **argv)
{
    const char *http = from_environment("SAGAPIPE_HTTP", "127.0.0.1:9192");

    name = basename(argv[0]);
    home = from_environment("SAGAPIPE_HOME", "./var");
    if (argc > 1 && strcmp(argv[1], "--print-config") == 0) {
        printf("home = %s # where\nhttp = %s # where\ndrain = %s # where\n",
               home, http, from_environment("SAGAPIPE_DRAIN", "5s"));
        return 0;
    }
    take_lock();
    write_file("pid", "%d\n", (int)getpid());
    if (told("EXIT") != NULL) {
        fprintf(stderr, "%s: cannot go on\n", name);
        return atoi(told("EXIT"));
    }
    if (strcmp(name, "gateway") == 0)
        write_file("url", "http://%s\n", http);
    return wait_for_signals();
}
