#include "load_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool.h"

void
target_parse(const char *url, struct target *target_out)
{
    char address[32];
    unsigned int port;
    int used = 0;

    *target_out = (struct target){ .address.sin_family = AF_INET };
    if (sscanf(url, "http://%31[0-9.]:%5u%n", address, &port, &used) != 2 ||
        port > UINT16_MAX ||
        inet_pton(AF_INET, address, &target_out->address.sin_addr) != 1)
        die("%s is no http://ADDRESS:PORT", url);
    target_out->address.sin_port = htons((uint16_t)port);
    snprintf(target_out->host, sizeof target_out->host, "%s:%u", address, port);
}

static void
connection_open(struct connection *connection, const struct target *target,
                int epoll_fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
    int one = 1;

    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (const struct sockaddr *)&target->address,
                sizeof target->address) != 0)
        die("connect to %s: %s", target->host, strerror(errno));
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        die("epoll: %s", strerror(errno));
}

void
pool_open(struct pool *pool, unsigned int count, const struct target *target,
          int epoll_fd)
{
    *pool = (struct pool){ .all = calloc(count, sizeof *pool->all),
                           .idle = calloc(count, sizeof(void *)),
                           .count = count };
    if (pool->all == NULL || pool->idle == NULL)
        die("no memory");
    for (unsigned int i = 0; i < count; i++) {
        connection_open(&pool->all[i], target, epoll_fd);
        pool_give(pool, &pool->all[i]);
    }
}

bool
pool_holds(const struct pool *pool, const struct connection *connection)
{
    return connection >= pool->all && connection < pool->all + pool->count;
}

struct connection *
pool_take(struct pool *pool)
{
    struct connection *connection;

    if (pool->idle_count == 0)
        return NULL;
    connection = pool->idle[pool->idle_first];
    pool->idle_first = (pool->idle_first + 1) % pool->count;
    pool->idle_count--;
    return connection;
}

void
pool_give(struct pool *pool, struct connection *connection)
{
    pool->idle[(pool->idle_first + pool->idle_count++) % pool->count] =
        connection;
}

/* A request on a connection that was idle finds room in the socket. */
void
connection_send(struct connection *connection, const char *request,
                size_t bytes)
{
    connection->used = 0;
    if (send(connection->fd, request, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) !=
        (ssize_t)bytes)
        die("send: %s", strerror(errno));
}

/* Where the body begins, and how long it is; false until the head is whole. */
static bool
head_parse(struct connection *connection, size_t *body_out, size_t *bytes_out)
{
    const char *end = strstr(connection->in, "\r\n\r\n");
    const char *length;

    if (end == NULL)
        return false;
    length = strcasestr(connection->in, "\r\nContent-Length:");
    if (length == NULL || length > end ||
        sscanf(connection->in, "HTTP/1.1 %3d ", &connection->status) != 1)
        die("no reply that this program reads: %.80s", connection->in);
    *body_out = (size_t)(end + 4 - connection->in);
    *bytes_out = strtoul(length + 17, NULL, 10);
    return true;
}

bool
connection_receive(struct connection *connection)
{
    size_t room = sizeof connection->in - 1 - connection->used, body, bytes;
    ssize_t got = recv(connection->fd, connection->in + connection->used, room,
                       MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0)
        die("receive: %s", got == 0 ? "closed, or too long a reply"
                                    : strerror(errno));
    connection->used += (size_t)got;
    connection->in[connection->used] = '\0';
    if (!head_parse(connection, &body, &bytes) ||
        connection->used < body + bytes)
        return false;
    connection->body = connection->in + body;
    return true;
}

size_t
request_post(char request[REQUEST_BYTES_MAX], const struct target *target,
             const char *path, const char *body)
{
    int bytes = snprintf(request, REQUEST_BYTES_MAX,
                         "POST %s HTTP/1.1\r\nHost: %s\r\n"
                         "Content-Type: application/json\r\n"
                         "Content-Length: %zu\r\n\r\n%s",
                         path, target->host, strlen(body), body);

    if (bytes >= REQUEST_BYTES_MAX)
        die("too long a request");
    return (size_t)bytes;
}
