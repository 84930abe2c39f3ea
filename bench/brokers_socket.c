#include "brokers_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tool.h"

/* ipc://PATH, as ours is called. */
static void
open_path(struct stream_socket *stream, const char *path)
{
    struct sockaddr_un where = { .sun_family = AF_UNIX };

    if (snprintf(where.sun_path, sizeof where.sun_path, "%s", path) >=
        (int)sizeof where.sun_path)
        die("%s is too long", path);
    stream->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (stream->fd < 0 || connect(stream->fd, (const struct sockaddr *)&where,
                                  sizeof where) != 0)
        die("connect to %s: %s", path, strerror(errno));
}

void
socket_open(struct stream_socket *stream, const char *address)
{
    struct sockaddr_in where = { .sin_family = AF_INET };
    unsigned int port;
    char host[32];
    int one = 1;

    if (strncmp(address, "ipc://", 6) == 0) {
        open_path(stream, address + 6);
        return;
    }
    if (sscanf(address, "%31[0-9.]:%5u", host, &port) != 2 ||
        port > UINT16_MAX || inet_pton(AF_INET, host, &where.sin_addr) != 1)
        die("%s is no ADDRESS:PORT", address);
    where.sin_port = htons((uint16_t)port);
    stream->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (stream->fd < 0 || connect(stream->fd, (const struct sockaddr *)&where,
                                  sizeof where) != 0)
        die("connect to %s: %s", address, strerror(errno));
    setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

void
socket_send(struct stream_socket *stream, const void *data, size_t bytes)
{
    const char *next = data;

    while (bytes > 0) {
        ssize_t sent = send(stream->fd, next, bytes, MSG_NOSIGNAL);

        if (sent <= 0)
            die("send: %s", strerror(errno));
        next += sent;
        bytes -= (size_t)sent;
    }
}

void
socket_receive(struct stream_socket *stream, bool wait)
{
    ssize_t got;

    if (stream->taken == stream->used) {
        stream->taken = stream->used = 0;
    } else if (stream->taken > sizeof stream->in / 2) {
        memmove(stream->in, stream->in + stream->taken,
                stream->used - stream->taken);
        stream->used -= stream->taken;
        stream->taken = 0;
    }
    got = recv(stream->fd, stream->in + stream->used,
               sizeof stream->in - 1 - stream->used, wait ? 0 : MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        die("receive: %s", got == 0 ? "closed" : strerror(errno));
    stream->used += (size_t)got;
    stream->in[stream->used] = '\0';
}

char *
socket_line(struct stream_socket *stream)
{
    char *line = stream->in + stream->taken;
    char *end = memmem(line, stream->used - stream->taken, "\r\n", 2);

    if (end == NULL)
        return NULL;
    *end = '\0';
    stream->taken = (size_t)(end + 2 - stream->in);
    return line;
}

bool
socket_skip(struct stream_socket *stream, size_t bytes)
{
    if (stream->used - stream->taken < bytes + 2)
        return false;
    stream->taken += bytes + 2;
    return true;
}
