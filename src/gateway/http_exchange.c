#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "gateway/http_batch.h"
#include "gateway/http_stream.h"

/* A request or a reply begins: it must end within its time from now. */
void
exchange_went_on(struct exchange *exchange)
{
    struct gateway_http *http = exchange->http;

    if (exchange->peer == NULL)
        return;
    deadline_end(&http->idles, &exchange->peer->idle);
    deadline_begin(&http->phases, &exchange->peer->phase, http->now_us);
}

static void
phase_end(struct exchange *exchange)
{
    if (exchange->peer != NULL)
        deadline_end(&exchange->http->phases, &exchange->peer->phase);
}

static void
idle_begin(struct exchange *exchange)
{
    phase_end(exchange);
    if (exchange->peer != NULL)
        deadline_begin(&exchange->http->idles, &exchange->peer->idle,
                       exchange->http->now_us);
}

static struct peer *
connection_peer(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info != NULL ? info->socket_context : NULL;
}

/* Once only: the waking of wake_ends() counts as an event itself.  Without
 * the watch a peer's end is noticed late. */
static void
watch_end(const struct gateway_http *http, struct peer *peer)
{
    struct epoll_event event = { .events = EPOLLRDHUP | EPOLLONESHOT };

    event.data.ptr = peer;
    (void)epoll_ctl(http->ends_fd, EPOLL_CTL_ADD, peer->fd, &event);
}

static struct peer *
peer_new(struct gateway_http *http, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct peer *peer = http_pool_peer(&http->pool);

    if (peer == NULL || info == NULL)
        return peer;
    memset(peer, 0, sizeof(*peer));
    peer->fd = info->connect_fd;
    peer->idle.owner = peer;
    peer->phase.owner = peer;
    peer->end.owner = peer;
    deadline_begin(&http->idles, &peer->idle, http->now_us);
    watch_end(http, peer);
    return peer;
}

void
exchange_on_connection(void *cls, struct MHD_Connection *connection,
                       void **context,
                       enum MHD_ConnectionNotificationCode what)
{
    struct gateway_http *http = cls;
    struct peer *peer = *context;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = peer_new(http, connection);
        return;
    }
    http->closed_some = true;
    if (peer != NULL) {
        deadline_end(&http->idles, &peer->idle);
        deadline_end(&http->phases, &peer->phase);
        deadline_end(&http->ends, &peer->end);
        http_pool_give_peer(&http->pool, peer);
        *context = NULL;
    }
}

void *
exchange_on_target(void *cls, const char *target,
                   struct MHD_Connection *connection)
{
    struct gateway_http *http = cls;
    struct exchange *exchange = http_pool_exchange(&http->pool);

    if (exchange == NULL)
        return NULL;
    exchange->state = EXCHANGE_HEAD;
    exchange->answered = false;
    exchange->http = http;
    exchange->connection = connection;
    exchange->peer = connection_peer(connection);
    exchange->wait = (struct deadline){ .owner = exchange };
    exchange->begun_us = http->now_us;
    exchange->target = target;
    exchange->target_end = target != NULL ? target + strlen(target) : NULL;
    exchange->listens = false;
    exchange->placed = NULL;
    exchange->stream = NULL;
    exchange->batch = NULL;
    exchange->batch_charged = 0;
    exchange->body = exchange->body_small;
    exchange->body_size = sizeof(exchange->body_small);
    exchange->body_used = 0;
    exchange_went_on(exchange);
    http_call_init(&exchange->call, &http->facts);
    if (target == NULL)
        target = "";
    http_call_target(&exchange->call, target, strlen(target));
    return exchange;
}

bool
http_may_log(const struct gateway_http *http, struct http_log *log)
{
    int64_t second = http->now_us / 1000000;

    if (second != log->second)
        *log = (struct http_log){ .second = second };
    return log->lines++ < HTTP_LOG_LINES_MAX;
}

/* Room for a body that is larger than the usual ones. */
static void
make_body(struct exchange *exchange, struct problem *problem)
{
    size_t size = (size_t)exchange->call.headers.body_bytes;

    if (size > batch_body_max(exchange)) {
        problem_set(problem, PROBLEM_BODY_SIZE, NULL,
                    "the body has %zu bytes", size);
        problem->limit = batch_body_max(exchange);
    } else if (!batch_body_take(exchange)) {
        problem_set(problem, PROBLEM_OVERLOADED, NULL,
                    "too many large bodies at once; try again later");
    } else if (size > exchange->body_size) {
        exchange->body = malloc(size);
        exchange->body_size = size;
        if (exchange->body == NULL)
            problem_set(problem, PROBLEM_MEMORY, NULL,
                        "the body has %zu bytes", size);
    }
}

/* The first call: the head is complete.  A reply from here closes the
 * connection, so only what must close it is refused now; everything else is
 * told when the body was read. */
static enum MHD_Result
on_head(struct exchange *exchange, const char *method, const char *version)
{
    const struct config *config = exchange->http->config;
    struct http_call *call = &exchange->call;
    struct head_size size = exchange_note_head(exchange, method, version);
    struct problem problem;

    exchange->headless = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    problem_init(&problem);
    http_headers_check(&call->headers, version,
                       call->headers.ndjson ? config->http_ndjson
                                            : config->http_body,
                       &problem);
    if (problem.type == PROBLEM_NONE)
        exchange_check_head(exchange, size, &problem);
    if (problem.type == PROBLEM_NONE && !exchange_admit(exchange, method) &&
        call->headers.body_bytes > exchange->body_size)
        return exchange_reply(exchange);
    if (problem.type == PROBLEM_NONE)
        make_body(exchange, &problem);
    if (problem.type != PROBLEM_NONE) {
        call->problem = problem;
        return exchange_reply(exchange);
    }
    exchange->state = EXCHANGE_BODY;
    return MHD_YES;
}

static enum MHD_Result
on_body(struct exchange *exchange, const char *body, size_t *body_bytes)
{
    if (*body_bytes > exchange->body_size - exchange->body_used)
        return MHD_NO;
    memcpy(exchange->body + exchange->body_used, body, *body_bytes);
    exchange->body_used += *body_bytes;
    *body_bytes = 0;
    return MHD_YES;
}

static bool
request_is_for_door(const struct request *request)
{
    return request->kind == REQUEST_PARKED_LIST ||
           request->kind == REQUEST_PARKED_REDRIVE ||
           request->kind == REQUEST_PARKED_DROP;
}

static void
append_request(struct gateway_http *http, struct request *request)
{
    if (http->last != NULL)
        http->last->next = request;
    else
        http->first = request;
    http->last = request;
}

void
http_ask_store(struct gateway_http *http, struct request *request)
{
    request->next = NULL;
    if (request_is_for_door(request))
        gateway_door_ask(http->door, request);
    else
        append_request(http, request);
}

void
exchange_sleep(struct exchange *exchange)
{
    phase_end(exchange);
    MHD_suspend_connection(exchange->connection);
}

void
exchange_wait(struct exchange *exchange)
{
    struct gateway_http *http = exchange->http;

    deadline_begin(&http->waits, &exchange->wait, http->now_us);
    exchange_sleep(exchange);
}

void
exchange_go_on(struct exchange *exchange)
{
    deadline_end(&exchange->http->waits, &exchange->wait);
    MHD_resume_connection(exchange->connection);
}

/* Hands the request to the store thread. */
static enum MHD_Result
ask_store(struct exchange *exchange)
{
    exchange->call.request->owner = exchange;
    http_ask_store(exchange->http, exchange->call.request);
    exchange->state = EXCHANGE_WAITING;
    exchange_wait(exchange);
    return MHD_YES;
}

static void
take_request(struct exchange *exchange)
{
    struct gateway_http *http = exchange->http;
    struct http_call *call = &exchange->call;

    if (call->problem.type != PROBLEM_NONE ||
        call->route->kind == REQUEST_NONE)
        return;
    if (http->stopping) {
        problem_set(&call->problem, PROBLEM_STOPPING, NULL,
                    "nothing was done; try again later");
        return;
    }
    call->request = http_pool_request(&http->pool);
    if (call->request == NULL)
        problem_set(&call->problem, PROBLEM_OVERLOADED, NULL,
                    "nothing was done; try again later");
}

static void
refuse_if_door_is_busy(struct exchange *exchange)
{
    struct http_call *call = &exchange->call;

    if (call->request != NULL && request_is_for_door(call->request) &&
        gateway_door_busy(exchange->http->door))
        problem_set(&call->problem, PROBLEM_OVERLOADED, NULL,
                    "nothing was done; others ask about parked events now");
}

/* The last call: the body is complete. */
static enum MHD_Result
on_complete(struct exchange *exchange)
{
    struct http_call *call = &exchange->call;

    phase_end(exchange);
    call->body = exchange->body;
    call->body_bytes = exchange->body_used;
    take_request(exchange);
    http_call_prepare(call);
    refuse_if_door_is_busy(exchange);
    if (call->problem.type == PROBLEM_NONE && batch_is_meant(call))
        return exchange_reply_batch(exchange);
    if (call->problem.type == PROBLEM_NONE && call->request != NULL) {
        exchange->listens = stream_is_meant(call) ||
                            waiter_is_meant(exchange);
        if (exchange->listens)
            streams_listen(exchange->http);
        return ask_store(exchange);
    }
    if (call->request != NULL)
        http_pool_give_request(&exchange->http->pool, call->request);
    call->request = NULL;
    return exchange_reply(exchange);
}

/*
 * A connection that goes on is read before its handler is called, and if the
 * client has shut its side by then, the reply is lost.  Only connections with
 * a time-out of their own are handled before anything is read: so each has
 * one from its answer to the end of its reply.  (The library walks all of
 * those in every run; at other times there must be few.)
 */
static void
handle_before_reading(const struct exchange *exchange, bool before)
{
    unsigned timeout_s = http_timeout_s(exchange->http->config);

    (void)MHD_set_connection_option(exchange->connection,
                                    MHD_CONNECTION_OPTION_TIMEOUT,
                                    before ? timeout_s + 1 : timeout_s);
}

/* A stream is told when it is told: it gets no time-out of its own. */
static enum MHD_Result
on_resumed(struct exchange *exchange)
{
    enum MHD_Result result = exchange_reply(exchange);

    if (exchange->stream != NULL) {
        handle_before_reading(exchange, false);
        exchange->answered = false;
    }
    return result;
}

enum MHD_Result
exchange_on_access(void *cls, struct MHD_Connection *connection,
                   const char *url, const char *method, const char *version,
                   const char *body, size_t *body_bytes, void **context)
{
    struct exchange *exchange = *context;

    (void)cls;
    (void)url;
    if (exchange == NULL)
        return MHD_NO;
    switch (exchange->state) {
    case EXCHANGE_HEAD:
        return on_head(exchange, method, version);
    case EXCHANGE_BODY:
        if (*body_bytes > 0)
            return on_body(exchange, body, body_bytes);
        return on_complete(exchange);
    case EXCHANGE_WAITING: /* nobody resumed it */
        MHD_suspend_connection(connection);
        return MHD_YES;
    case EXCHANGE_RESUMED:
        return on_resumed(exchange);
    case EXCHANGE_REPLIED:
        break;
    }
    return MHD_NO;
}

void
exchange_answered(struct exchange *exchange)
{
    invariant(exchange->state == EXCHANGE_WAITING);
    deadline_end(&exchange->http->waits, &exchange->wait);
    exchange->state = EXCHANGE_RESUMED;
    exchange->answered = true;
    handle_before_reading(exchange, true);
    MHD_resume_connection(exchange->connection);
}

void
exchange_give_up(struct exchange *exchange, enum problem_type why)
{
    if (exchange->batch != NULL) {
        batch_give_up(exchange, why);
        return;
    }
    exchange->call.request->owner = NULL;
    exchange->call.request = exchange->placed;
    exchange->placed = NULL;
    if (exchange->call.request == NULL)
        problem_set(&exchange->call.problem, why, NULL,
                    "look before you repeat it");
    exchange_answered(exchange);
}

void
exchange_on_completed(void *cls, struct MHD_Connection *connection,
                      void **context, enum MHD_RequestTerminationCode how)
{
    struct gateway_http *http = cls;
    struct exchange *exchange = *context;

    (void)connection;
    (void)how;
    if (exchange == NULL)
        return;
    if (exchange->state == EXCHANGE_REPLIED)
        http->replies_open--;
    if (exchange->answered)
        handle_before_reading(exchange, false);
    if (exchange->state == EXCHANGE_WAITING) {
        exchange->call.request->owner = NULL;
        exchange->call.request = NULL;
        deadline_end(&http->waits, &exchange->wait);
    }
    batch_leave(exchange);
    stream_leave(exchange);
    if (exchange->listens)
        streams_listen_no_more(http);
    if (exchange->call.request != NULL)
        http_pool_give_request(&http->pool, exchange->call.request);
    if (exchange->placed != NULL)
        http_pool_give_request(&http->pool, exchange->placed);
    http_call_fini(&exchange->call);
    if (exchange->body != exchange->body_small)
        free(exchange->body);
    idle_begin(exchange);
    http_pool_give_exchange(&http->pool, exchange);
    *context = NULL;
}
