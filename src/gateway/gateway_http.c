#include "gateway/gateway_http.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/http_batch.h"
#include "gateway/http_stream.h"
#include "saga/daemon.h"
#include "saga/log.h"

/* Descriptors beside the connections: the stores' files, sockets, logs. */
#define DESCRIPTORS_BESIDE 256

static void
on_library_words(void *cls, const char *format, va_list arguments)
{
    struct gateway_http *http = cls;
    char words[256];

    if (!http_may_log(http, &http->library_log))
        return;
    vsnprintf(words, sizeof(words), format, arguments);
    words[strcspn(words, "\n")] = '\0';
    log_warning("http_library", "words=%s", log_quote(words));
}

/* Raises the process's limit of descriptors to what the connections need. */
static void
allow_descriptors(const struct config *config)
{
    rlim_t needed = (rlim_t)config->http_connections + DESCRIPTORS_BESIDE;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        die(EXIT_SYSTEM, "can't read the limit of open files: %s",
            strerror(errno));
    if (limit.rlim_cur >= needed)
        return;
    if (limit.rlim_max < needed)
        die(EXIT_USAGE, "http_connections: %llu connections need %llu open "
            "files, and %llu are allowed (ulimit -n)",
            (unsigned long long)config->http_connections,
            (unsigned long long)needed, (unsigned long long)limit.rlim_max);
    limit.rlim_cur = needed;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        die(EXIT_SYSTEM, "can't raise the limit of open files: %s",
            strerror(errno));
}

unsigned
http_timeout_s(const struct config *config)
{
    return (unsigned)((config->http_timeout + 999) / 1000);
}

static void
daemon_start(struct gateway_http *http)
{
    const union MHD_DaemonInfo *info = NULL;

    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
        NULL, exchange_on_access, http,
        MHD_OPTION_EXTERNAL_LOGGER, on_library_words, http,
        MHD_OPTION_LISTEN_SOCKET, http->listen_fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)http->config->http_connections,
        MHD_OPTION_CONNECTION_TIMEOUT, http_timeout_s(http->config),
        MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)http->config->http_connections_per_ip,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)http->config->http_header + HTTP_MEMORY_BEYOND_BYTES,
        MHD_OPTION_URI_LOG_CALLBACK, exchange_on_target, http,
        MHD_OPTION_NOTIFY_COMPLETED, exchange_on_completed, http,
        MHD_OPTION_NOTIFY_CONNECTION, exchange_on_connection, http,
        MHD_OPTION_END);
    if (http->daemon != NULL)
        info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL)
        die(EXIT_SYSTEM, "http: the server did not start");
    http->epoll_fd = info->epoll_fd;
}

struct gateway_http *
gateway_http_open(const struct config *config, struct mailbox *requests,
                  struct mailbox *answers, struct gateway_shared *shared)
{
    struct gateway_http *http = calloc(1, sizeof(*http));
    int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (http != NULL)
        http->ends_fd = epoll_create1(EPOLL_CLOEXEC);
    if (http == NULL || wake_fd < 0 || http->ends_fd < 0)
        die(EXIT_SYSTEM, "http: no memory or no descriptor left");
    http->config = config;
    http->requests = requests;
    http->answers = answers;
    http->shared = shared;
    http->now_us = clock_monotonic_us();
    http->grace_us = HTTP_GRACE_US;
    http->pool.requests_max = (size_t)config->http_connections *
                              HTTP_REQUESTS_PER_CONNECTION;
    http->facts.currency = config->currency;
    http->facts.url = http->url;
    http->facts.started_us = clock_now_us();
    streams_init(http);
    atomic_store(&shared->wake_fd, wake_fd);
    auth_load(&http->auth, config);
    if (gateway_door_open(&http->door, config) != RC_OK)
        die(EXIT_SYSTEM, "http: no thread left for operators' requests");
    allow_descriptors(config);
    http->listen_fd = http_listener_open(config, http->url);
    daemon_start(http);
    return http;
}

/* HOME/run/gateway.url (or gateway-INSTANCE.url), for scripts and tests. */
static void
url_path(const struct gateway_http *http, const char *suffix, char *path,
         size_t size)
{
    snprintf(path, size, "%s/run/%s.url%s", http->config->home,
             http->config->name, suffix);
}

/* A directory stays one, however often it is tried. */
static void NORETURN
url_failed(const char *path)
{
    die(errno == EISDIR ? EXIT_USAGE : EXIT_SYSTEM, "can't write %s: %s", path,
        strerror(errno));
}

static void
write_url(const struct gateway_http *http)
{
    char path[CONFIG_STRING_BYTES + 64];
    char fresh[CONFIG_STRING_BYTES + 64];
    FILE *file;
    bool bad;

    url_path(http, "", path, sizeof(path));
    url_path(http, ".new", fresh, sizeof(fresh));
    if (unlink(fresh) != 0 && errno != ENOENT)
        url_failed(fresh);
    file = fopen(fresh, "wex");
    if (file == NULL)
        url_failed(fresh);
    bad = fprintf(file, "%s\n", http->url) < 0;
    bad = fclose(file) != 0 || bad;
    if (bad || rename(fresh, path) != 0)
        url_failed(path);
}

/* Milliseconds until the first wait of the list ends; `limit` if it has
 * none, or a later one. */
static int64_t
until_due(const struct gateway_http *http, const struct deadline_list *list,
          int64_t lasts_us, int64_t limit_ms)
{
    int64_t ms;

    if (list->first == NULL)
        return limit_ms;
    ms = ms_up(list->first->since_us + lasts_us - http->now_us);
    if (ms < 0)
        ms = 0;
    return ms < limit_ms ? ms : limit_ms;
}

static int64_t
reply_timeout_us(const struct gateway_http *http)
{
    return (int64_t)http->config->reply_timeout * 1000;
}

static int64_t
idle_us(const struct gateway_http *http)
{
    return (int64_t)http->config->http_timeout * 1000 + http->grace_us;
}

static int64_t
phase_us(const struct gateway_http *http)
{
    return (int64_t)http->config->http_request_time * 1000;
}

/*
 * A peer's last bytes and its end may come as one event, and the library,
 * which asks for edges, reads the bytes and then waits for ever for the end.
 * So the ends that came before a run are noted, and after the run that read
 * the last of the bytes (they may be more than its buffer holds) the library
 * is woken once more: to shut the side that is at its end already does nothing
 * else.
 */
static void
note_ends(struct gateway_http *http)
{
    struct epoll_event events[HTTP_ENDS_MAX];
    int count = epoll_wait(http->ends_fd, events, HTTP_ENDS_MAX, 0);

    for (int i = 0; i < count; i++) {
        struct peer *peer = events[i].data.ptr;

        deadline_begin(&http->ends, &peer->end, http->now_us);
        if (peer->stream != NULL)
            stream_hang_up(peer->stream);
    }
}

static void
wake_ends(struct gateway_http *http)
{
    struct deadline *deadline, *next;

    for (deadline = http->ends.first; deadline != NULL; deadline = next) {
        const struct peer *peer = deadline->owner;
        int unread = 0;

        next = deadline->next;
        if (ioctl(peer->fd, FIONREAD, &unread) == 0 && unread > 0)
            continue;
        (void)shutdown(peer->fd, SHUT_RD);
        deadline_end(&http->ends, deadline);
    }
}

/* Waits until there is something to do, at most limit_ms. */
static void
wait_for_work(struct gateway_http *http, int64_t limit_ms)
{
    struct pollfd fds[] = {
        { .fd = http->epoll_fd, .events = POLLIN },
        { .fd = mailbox_fd(http->answers), .events = POLLIN },
        { .fd = atomic_load(&http->shared->wake_fd), .events = POLLIN },
        { .fd = http->ends_fd, .events = POLLIN },
        { .fd = mailbox_fd(gateway_door_answers(http->door)),
          .events = POLLIN },
    };
    MHD_UNSIGNED_LONG_LONG library_ms;
    uint64_t count;

    if (http->batches_yield)
        limit_ms = 0;
    limit_ms = streams_until(http, limit_ms);
    limit_ms = waiters_until(http, limit_ms);
    limit_ms = until_due(http, &http->waits, reply_timeout_us(http), limit_ms);
    limit_ms = until_due(http, &http->idles, idle_us(http), limit_ms);
    limit_ms = until_due(http, &http->phases, phase_us(http), limit_ms);
    if (MHD_get_timeout(http->daemon, &library_ms) == MHD_YES &&
        library_ms < (MHD_UNSIGNED_LONG_LONG)limit_ms)
        limit_ms = (int64_t)library_ms;
    if (poll(fds, ARRAY_COUNT(fds), (int)limit_ms) < 0)
        invariant(errno == EINTR);
    else if (fds[2].revents != 0 &&
             read(fds[2].fd, &count, sizeof(count)) < 0)
        invariant(errno == EAGAIN || errno == EINTR);
    if (fds[3].revents != 0)
        note_ends(http);
    http->door_answered |= fds[4].revents != 0;
    http->now_us = clock_monotonic_us();
}

static void
answered(struct exchange *exchange)
{
    if (!waiter_begin(exchange))
        exchange_answered(exchange);
}

/* Everything that was answered goes on. */
static void
take_from(struct gateway_http *http, struct mailbox *answers)
{
    struct request *request = mailbox_take(answers);

    while (request != NULL) {
        struct request *next = request->next;

        if (request->kind == REQUEST_CHANGED)
            streams_changed(http, request);
        else if (request->kind == REQUEST_ORDER_BATCH)
            batch_answered(request);
        else if (request->stream != NULL)
            stream_answered(request);
        else if (request->look)
            waiter_looked(http, request);
        else if (request->owner != NULL)
            answered(request->owner);
        else
            http_pool_give_request(&http->pool, request);
        request = next;
    }
}

static void
take_answers(struct gateway_http *http)
{
    take_from(http, http->answers);
    if (http->door_answered)
        take_from(http, gateway_door_answers(http->door));
    http->door_answered = false;
}

static void
end_waits(struct gateway_http *http)
{
    int64_t before_us = http->now_us - reply_timeout_us(http);
    struct deadline *deadline;

    while ((deadline = deadline_due(&http->waits, before_us)) != NULL)
        exchange_give_up(deadline->owner, PROBLEM_STORE_TIMEOUT);
}

/* Who sends or takes a byte now and then keeps a connection open for ever, as
 * libmicrohttpd sees it.  It notices the shutdown and closes. */
static void
cut_slow(struct gateway_http *http, struct deadline_list *list,
         int64_t lasts_us)
{
    struct deadline *deadline;

    while ((deadline = deadline_due(list, http->now_us - lasts_us)) != NULL) {
        const struct peer *peer = deadline->owner;

        deadline_end(list, deadline);
        (void)shutdown(peer->fd, SHUT_RDWR); /* fails if it broke already */
        if (http_may_log(http, &http->request_log))
            log_warning("slow_connection_closed", "ms=%lld",
                        (long long)(lasts_us / 1000));
    }
}

/* At its limit of connections the library stops to listen, and begins again
 * not when one was closed, but when it is run the next time. */
static void
run_library(struct gateway_http *http)
{
    enum MHD_Result ran;

    do {
        http->closed_some = false;
        ran = MHD_run(http->daemon);
        invariant(ran == MHD_YES);
    } while (http->closed_some);
    if (http->first != NULL)
        mailbox_post(http->requests, http->first, http->last);
    http->first = NULL;
    http->last = NULL;
}

/* No new connection; those that there are get their replies with
 * "Connection: close". */
static void
close_listener(struct gateway_http *http)
{
    if (http->listen_fd < 0)
        return;
    (void)MHD_quiesce_daemon(http->daemon);
    close(http->listen_fd);
    http->listen_fd = -1;
    log_info("draining", "replies_open=%zu", http->replies_open);
}

static void
note_facts(struct gateway_http *http)
{
    http->facts.bus_up = atomic_load(&http->shared->bus_up);
    http->facts.draining = atomic_load(&http->shared->draining) ||
                           http->stopping;
    if (http->facts.draining)
        close_listener(http);
}

static void
turn(struct gateway_http *http, int64_t limit_ms)
{
    wait_for_work(http, limit_ms);
    note_facts(http);
    take_answers(http);
    batches_turn(http);
    streams_turn(http);
    waiters_turn(http);
    end_waits(http);
    run_library(http);
    /* Behind what it has read: who is late may be we. */
    cut_slow(http, &http->idles, idle_us(http));
    cut_slow(http, &http->phases, phase_us(http));
    wake_ends(http);
}

/* The store thread has ended: what it answered is told, the rest gets 503.
 * Every connection must be resumed before the daemon is stopped. */
static void
finish(struct gateway_http *http)
{
    int64_t until_us = clock_monotonic_us() + HTTP_STOP_US;

    http->stopping = true;
    note_facts(http);
    take_answers(http);
    waiters_stop(http);
    while (http->waits.first != NULL)
        exchange_give_up(http->waits.first->owner, PROBLEM_STOPPING);
    streams_stop(http);
    run_library(http);
    while (http->replies_open > 0 && http->now_us < until_us)
        turn(http, (until_us - http->now_us) / 1000 + 1);
    invariant(http->waits.first == NULL && http->first == NULL);
    MHD_stop_daemon(http->daemon);
    http->daemon = NULL;
}

static void *
serve(void *context)
{
    struct gateway_http *http = context;

    daemon_gathers(false);
    while (!atomic_load(&http->shared->stopped))
        turn(http, INT32_MAX);
    finish(http);
    return NULL;
}

void
gateway_http_start(struct gateway_http *http)
{
    int error;

    write_url(http);
    log_info("listening", "url=%s", http->url);
    error = pthread_create(&http->thread, NULL, serve, http);
    if (error != 0)
        die(EXIT_SYSTEM, "http: can't start a thread: %s", strerror(error));
    http->started = true;
}

void
gateway_http_close(struct gateway_http **http_p)
{
    struct gateway_http *http = *http_p;
    char path[CONFIG_STRING_BYTES + 64];

    if (http == NULL)
        return;
    if (http->started) {
        pthread_join(http->thread, NULL);
        url_path(http, "", path, sizeof(path));
        (void)unlink(path);
    } else {
        close_listener(http);
        MHD_stop_daemon(http->daemon);
    }
    gateway_door_close(&http->door);
    batch_fini(http);
    streams_fini(http);
    http_pool_fini(&http->pool);
    close(http->ends_fd);
    close(atomic_exchange(&http->shared->wake_fd, -1));
    free(http);
    *http_p = NULL;
}
