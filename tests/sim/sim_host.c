/*
 * The host that the simulated processes see: chance, clocks, log, disk space.
 * Stands in for daemon.c, log.c, control.c, gateway_seed.c and two calls of the
 * system.
 */
#include "sim.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "gateway/gateway_seed.h"
#include "saga/control.h"
#include "saga/daemon.h"
#include "saga/report_self.h"
#include "saga/log.h"
#include "saga/quote.h"

#define RING_LINES 400
#define RING_LINE_BYTES 320
#define START_US INT64_C(1700000000000000)
#define SEED_PRODUCTS 5
#define SEED_USERS 5

static struct {
    uint64_t random;
    int64_t monotonic_us;
    int64_t wall_us;
    uint64_t bytes_free;
    const char *actor;
    bool loud;
    char replay[256];
    char ring[RING_LINES][RING_LINE_BYTES];
    uint64_t lines;
} host;

uint64_t sim_step;

/* ---- chance ----------------------------------------------------------- */

void
sim_seed(uint64_t seed)
{
    host.random = seed;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t
sim_random(void)
{
    uint64_t z = host.random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t
sim_below(uint64_t count)
{
    return count == 0 ? 0 : sim_random() % count;
}

bool
sim_once_in(uint64_t count)
{
    return sim_below(count) == 0;
}

/* What is drawn must differ from what was drawn before: no more is asked of
 * it. */
ssize_t
getrandom(void *buffer, size_t bytes, unsigned flags)
{
    static uint64_t drawn;

    (void)flags;
    drawn++;
    memset(buffer, 0x5a, bytes);
    memcpy(buffer, &drawn, bytes < sizeof drawn ? bytes : sizeof drawn);
    return (ssize_t)bytes;
}

/* ---- time ------------------------------------------------------------- */

void
sim_clock_reset(void)
{
    host.monotonic_us = 1000000;
    host.wall_us = START_US;
}

void
sim_clock_step(int64_t us)
{
    host.monotonic_us += us;
    host.wall_us += us;
}

void
sim_clock_set(int64_t us)
{
    host.wall_us += us;
}

int64_t
clock_now_us(void)
{
    return host.wall_us;
}

int64_t
clock_monotonic_us(void)
{
    return host.monotonic_us;
}

/* ---- the machine ------------------------------------------------------ */

void
sim_disk_free(uint64_t bytes)
{
    host.bytes_free = bytes;
}

int
statvfs(const char *path, struct statvfs *disk)
{
    (void)path;
    memset(disk, 0, sizeof *disk);
    disk->f_frsize = 1;
    disk->f_bavail = host.bytes_free;
    return 0;
}

const char *
daemon_data_directory(void)
{
    return "none";
}

void
report_self(struct report *report)
{
    report->pid = 1;
}

bool
daemon_stop_asked(int signal_fd)
{
    (void)signal_fd;
    return false;
}

void
daemon_joined(void)
{
}

void
daemon_stopping(void)
{
}

void
daemon_alive(int64_t now_us)
{
    (void)now_us;
}

/* No operator knocks: the simulation speaks to the stores itself. */
enum rc
control_open(struct control **control_out, const char *path)
{
    (void)path;
    *control_out = NULL;
    return RC_OK;
}

void
control_close(struct control **control_p)
{
    *control_p = NULL;
}

int
control_fd(const struct control *control)
{
    (void)control;
    return -1;
}

bool
control_lives(const char *home, const char *name)
{
    (void)home;
    (void)name;
    return false;
}

bool
control_take(struct control *control, struct control_request *request_out)
{
    (void)control;
    (void)request_out;
    return false;
}

bool
control_is_there(const struct control *control, int client)
{
    (void)control;
    (void)client;
    return false;
}

void
control_reply(struct control *control, int client, const char *reply,
              size_t bytes)
{
    (void)control;
    (void)client;
    (void)reply;
    (void)bytes;
}

/* The catalogue and the users of the first start. */
enum rc
gateway_seed_read(const char *path, struct gateway_seed *seed_out, char *error,
                  size_t error_bytes)
{
    static struct seed_row products[SEED_PRODUCTS] = {
        { 1, { 5000 } }, { 2, { 7500 } }, { 3, { 10000 } },
        { 4, { 50000 } }, { 5, { 100000 } },
    };
    static struct seed_row users[SEED_USERS] = {
        { 1, { 10000 } }, { 2, { 20000 } }, { 3, { 50000 } },
        { 4, { 0 } }, { 5, { 200000 } },
    };

    (void)path;
    *seed_out = (struct gateway_seed){ { products, SEED_PRODUCTS },
                                       { users, SEED_USERS } };
    snprintf(error, error_bytes, "%s", "");
    return RC_OK;
}

void
gateway_seed_fini(struct gateway_seed *seed)
{
    *seed = (struct gateway_seed){ 0 };
}

/* ---- log and end ------------------------------------------------------ */

void
sim_actor(const char *name)
{
    host.actor = name;
}

void
sim_log_loud(bool loud)
{
    host.loud = loud;
}

static void
note(const char *what, const char *format, va_list arguments)
{
    char *line = host.ring[host.lines++ % RING_LINES];
    int used = snprintf(line, RING_LINE_BYTES, "%llu %lld.%03d %s %s ",
                        (unsigned long long)sim_step,
                        (long long)(host.monotonic_us / 1000000),
                        (int)(host.monotonic_us / 1000 % 1000),
                        host.actor == NULL ? "-" : host.actor, what);

    vsnprintf(line + used, (size_t)(RING_LINE_BYTES - used), format,
              arguments);
    if (host.loud)
        fprintf(stderr, "%s\n", line);
}

void
sim_note(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    note("*", format, arguments);
    va_end(arguments);
}

void
log_open(const char *process)
{
    (void)process;
}

void
log_line(enum log_level level, const char *event, const char *fields, ...)
{
    va_list arguments;

    (void)level;
    va_start(arguments, fields);
    note(event, fields, arguments);
    va_end(arguments);
}

const char *
log_quote_bytes(const void *text, size_t bytes)
{
    static char quoted[4][257];
    static unsigned next;
    char *to = quoted[next++ % 4];

    snprintf(to, sizeof quoted[0], "\"%.*s\"",
             (int)(bytes < 250 ? bytes : 250), (const char *)text);
    return to;
}

void
log_write(const char *lines, size_t bytes)
{
    (void)lines;
    (void)bytes;
}

void
log_keep_small(const char *home, const char *name, uint64_t bytes)
{
    (void)home;
    (void)name;
    (void)bytes;
}

const char *
log_quote(const char *text)
{
    return log_quote_bytes(text, strlen(text));
}

void
sim_replay_line(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(host.replay, sizeof host.replay, format, arguments);
    va_end(arguments);
}

static void
print_ring(void)
{
    uint64_t i = host.lines > RING_LINES ? host.lines - RING_LINES : 0;

    if (!host.loud)
        for (; i < host.lines; i++)
            fprintf(stderr, "  %s\n", host.ring[i % RING_LINES]);
}

static void
print_head(void)
{
    fprintf(stderr, "sim: failed at step %llu; replay: %s\n",
            (unsigned long long)sim_step, host.replay);
}

void
sim_fail(const char *format, ...)
{
    va_list arguments;

    print_head();
    fprintf(stderr, "sim: %s: ", host.actor == NULL ? "-" : host.actor);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    print_ring();
    exit(1);
}

void
die(int code, const char *format, ...)
{
    char words[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    sim_fail("a process died with %d: %s", code, words);
}

/* A broken invariant() aborts: that is a finding like any other. */
static void
on_abort(int number)
{
    (void)number;
    print_head();
    print_ring();
    _exit(1);
}

__attribute__((constructor)) static void
catch_abort(void)
{
    signal(SIGABRT, on_abort);
    signal(SIGSEGV, on_abort);
}
