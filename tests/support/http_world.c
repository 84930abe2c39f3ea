#include "http_world.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "saga/log.h"

#define KNOBS_MAX 16

static void
read_config(struct http_world *world, const char *const *knobs)
{
    static char program[] = "gateway";
    char *argv[] = { program, NULL };
    char *environment[KNOBS_MAX + 1] = { NULL };
    char home[96];
    char error[256] = "";
    size_t count = 0;

    snprintf(home, sizeof(home), "SAGAPIPE_HOME=%s", world->home);
    environment[count++] = home;
    environment[count++] = (char[]){ "SAGAPIPE_HTTP=127.0.0.1:0" };
    for (; knobs != NULL && *knobs != NULL; knobs++) {
        assert_true(count < KNOBS_MAX);
        environment[count++] = strdup(*knobs);
    }
    if (config_read(&world->config, PROCESS_GATEWAY, 1, argv, environment,
                    error, sizeof(error)) != RC_OK)
        fail_msg("%s", error);
    for (size_t i = 2; i < count; i++)
        free(environment[i]);
}

void
http_world_init(struct http_world *world, const char *const *knobs)
{
    char run[96];

    memset(world, 0, sizeof(*world));
    strcpy(world->home, "/tmp/saga-http-XXXXXX");
    assert_non_null(mkdtemp(world->home));
    snprintf(run, sizeof(run), "%s/run", world->home);
    assert_int_equal(mkdir(run, 0700), 0);
    log_open("gateway");
    read_config(world, knobs);
    assert_int_equal(mailbox_new(&world->requests), RC_OK);
    assert_int_equal(mailbox_new(&world->answers), RC_OK);
    world->store = fake_store_new(world->requests, world->answers);
    world->http = gateway_http_open(&world->config, world->requests,
                                    world->answers, &world->shared);
}

void
http_world_start(struct http_world *world)
{
    char path[96];
    FILE *file;

    gateway_http_start(world->http);
    snprintf(path, sizeof(path), "%s/run/gateway.url", world->home);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "http://127.0.0.1:%d", &world->port), 1);
    fclose(file);
}

void
http_world_set(struct http_world *world, atomic_bool *flag)
{
    atomic_store(flag, true);
    eventfd_write(atomic_load(&world->shared.wake_fd), 1);
}

void
http_world_fini(struct http_world *world)
{
    char run[96];

    http_world_set(world, &world->shared.draining);
    fake_store_destroy(&world->store);
    http_world_set(world, &world->shared.stopped);
    gateway_http_close(&world->http);
    mailbox_destroy(&world->requests);
    mailbox_destroy(&world->answers);
    snprintf(run, sizeof(run), "%s/run", world->home);
    assert_int_equal(rmdir(run), 0); /* gateway.url is gone, too */
    assert_int_equal(rmdir(world->home), 0);
}

int
http_connect(const struct http_world *world)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((in_port_t)world->port),
        .sin_addr = { htonl(INADDR_LOOPBACK) },
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

void
http_send(int fd, const void *bytes, size_t count)
{
    const char *at = bytes;

    while (count > 0) {
        ssize_t sent = send(fd, at, count, MSG_NOSIGNAL);

        if (sent < 0)
            return; /* the peer refused the rest: its reply tells why */
        at += sent;
        count -= (size_t)sent;
    }
}

/* Some bytes; 0 if the connection ended. */
static size_t
receive_some(int fd, char *bytes, size_t size)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
    ssize_t count;

    if (poll(&poll_fd, 1, HTTP_WAIT_MS) != 1)
        fail_msg("nothing came within %d ms", HTTP_WAIT_MS);
    count = recv(fd, bytes, size, 0);
    return count < 0 ? 0 : (size_t)count;
}

/* One byte at a time: what follows may be the next reply's. */
static bool
receive_head(int fd, struct http_reply *reply)
{
    size_t used = 0;

    while (used < 4 || memcmp(reply->head + used - 4, "\r\n\r\n", 4) != 0) {
        assert_true(used + 1 < sizeof(reply->head));
        if (receive_some(fd, reply->head + used, 1) == 0)
            return false;
        reply->head[++used] = '\0';
    }
    return true;
}

static void
receive_body(int fd, struct http_reply *reply, size_t bytes)
{
    char chunk[4096];

    while (reply->body_bytes < bytes) {
        size_t left = bytes - reply->body_bytes;
        size_t count = receive_some(fd, chunk, left < sizeof(chunk)
                                                   ? left : sizeof(chunk));

        assert_true(count > 0);
        if (reply->body_bytes + count < sizeof(reply->body))
            memcpy(reply->body + reply->body_bytes, chunk, count);
        reply->body_bytes += count;
    }
}

bool
http_header(const struct http_reply *reply, const char *name, char *value)
{
    size_t bytes = strlen(name);

    for (const char *line = strstr(reply->head, "\r\n"); line != NULL;
         line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, bytes) == 0 &&
            strncmp(line + 2 + bytes, ": ", 2) == 0) {
            snprintf(value, 256, "%.*s",
                     (int)strcspn(line + bytes + 4, "\r"), line + bytes + 4);
            return true;
        }
    }
    return false;
}

void
http_receive(int fd, struct http_reply *reply, bool headless)
{
    char value[256];

    memset(reply, 0, sizeof(*reply));
    if (!receive_head(fd, reply)) {
        reply->closed = true;
        return;
    }
    assert_int_equal(sscanf(reply->head, "HTTP/1.%*d %d", &reply->status), 1);
    reply->closed = http_header(reply, "Connection", value) &&
                    strcasecmp(value, "close") == 0;
    if (!headless && http_header(reply, "Content-Length", value))
        receive_body(fd, reply, strtoul(value, NULL, 10));
}

bool
http_closed(int fd)
{
    char byte;

    return receive_some(fd, &byte, 1) == 0;
}

void
http_ask(const struct http_world *world, const char *text,
         struct http_reply *reply)
{
    int fd = http_connect(world);

    assert_true(fd >= 0);
    http_send(fd, text, strlen(text));
    http_receive(fd, reply, strncmp(text, "HEAD ", 5) == 0);
    close(fd);
}

void
http_ask_json(const struct http_world *world, const char *method,
              const char *target, const char *body, struct http_reply *reply)
{
    static char text[1 << 17];

    if (body != NULL)
        snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: localhost\r\n"
                 "Content-Type: application/json\r\nContent-Length: %zu\r\n"
                 "\r\n%s", method, target, strlen(body), body);
    else
        snprintf(text, sizeof(text),
                 "%s %s HTTP/1.1\r\nHost: localhost\r\n\r\n", method,
                 target);
    http_ask(world, text, reply);
}
