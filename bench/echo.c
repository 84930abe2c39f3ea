/*
 * echo.c - the ceiling: a bare libmicrohttpd that echoes what is POSTed
 *
 * One thread, external epoll, keep-alive, nothing parsed, nothing stored: what
 * the HTTP library can do at most on this machine in this minute.  bench/run.sh
 * divides the pipeline's figure by this one.
 *
 *   echo          listens on 127.0.0.1, any free port; prints its URL
 */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_BYTES_MAX 1024
#define CONNECTIONS_MAX 2000
#define WAIT_MS_MAX 1000

struct body {
    size_t used;
    char bytes[BODY_BYTES_MAX];
};

static enum MHD_Result
on_request(void *context, struct MHD_Connection *connection, const char *url,
           const char *method, const char *version, const char *data,
           size_t *data_bytes, void **request)
{
    struct body *body = *request;
    struct MHD_Response *response;
    enum MHD_Result result;

    (void)context;
    (void)url;
    (void)method;
    (void)version;
    if (body == NULL) {
        body = malloc(sizeof(*body));
        if (body == NULL)
            return MHD_NO;
        body->used = 0;
        *request = body;
        return MHD_YES;
    }
    if (*data_bytes > 0) {
        if (*data_bytes > BODY_BYTES_MAX - body->used)
            return MHD_NO;
        memcpy(body->bytes + body->used, data, *data_bytes);
        body->used += *data_bytes;
        *data_bytes = 0;
        return MHD_YES;
    }
    response = MHD_create_response_from_buffer(body->used, body->bytes,
                                               MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(response, "Content-Type", "application/json");
    result = MHD_queue_response(connection, MHD_HTTP_CREATED, response);
    MHD_destroy_response(response);
    return result;
}

static void
on_completed(void *context, struct MHD_Connection *connection, void **request,
             enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    free(*request);
    *request = NULL;
}

/* Until SIGTERM, which simply ends the process.  MHD's descriptor is polled,
 * not waited on: its events are edges, and MHD itself must see them. */
static void
serve(struct MHD_Daemon *daemon, int epoll_fd)
{
    struct pollfd readable = { .fd = epoll_fd, .events = POLLIN };

    for (;;) {
        MHD_UNSIGNED_LONG_LONG due_ms;
        int wait_ms = WAIT_MS_MAX;

        if (MHD_get_timeout(daemon, &due_ms) == MHD_YES && due_ms < WAIT_MS_MAX)
            wait_ms = (int)due_ms;
        if (poll(&readable, 1, wait_ms) < 0 && errno != EINTR)
            return;
        if (MHD_run(daemon) != MHD_YES)
            return;
    }
}

int
main(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    const union MHD_DaemonInfo *port;
    const union MHD_DaemonInfo *epoll;
    struct MHD_Daemon *daemon;

    signal(SIGPIPE, SIG_IGN);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, NULL,
        MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT,
        CONNECTIONS_MAX, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
        MHD_OPTION_END);
    if (daemon == NULL)
        return 1;
    port = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    epoll = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (port == NULL || epoll == NULL)
        return 1;
    printf("http://127.0.0.1:%u\n", (unsigned)port->port);
    fflush(stdout);
    serve(daemon, epoll->epoll_fd);
    return 1;
}
