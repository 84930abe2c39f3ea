/*
 * load_http.h - HTTP/1.1 as a load generator speaks it
 *
 * Connections that are kept, one request at a time on each, answers with a
 * Content-Length.  Everything else ends the program: it would not be the load
 * that was asked for.
 */
#ifndef BENCH_LOAD_HTTP_H
#define BENCH_LOAD_HTTP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLY_BYTES_MAX 16384
#define REQUEST_BYTES_MAX 512
#define EVENTS_MAX 256

struct connection {
    int fd;
    int64_t intended_ns; /* of the request under way */
    uint64_t tag;        /* the caller's */
    int status;          /* of the reply, once it is whole */
    const char *body;    /* ends with '\0'; until the next request */
    size_t used;
    char in[REPLY_BYTES_MAX];
};

/* Connections of one kind, those that wait for work in a ring. */
struct pool {
    struct connection *all;
    unsigned int count, idle_count, idle_first;
    struct connection **idle;
};

struct target {
    struct sockaddr_in address;
    char host[64];
};

/* http://1.2.3.4:80 */
void target_parse(const char *url, struct target *target_out);

/* Each one's data in epoll is the connection. */
void pool_open(struct pool *pool, unsigned int count,
               const struct target *target, int epoll_fd);
bool pool_holds(const struct pool *pool, const struct connection *connection);
/* NULL if all are busy; the one that waited longest. */
struct connection *pool_take(struct pool *pool);
void pool_give(struct pool *pool, struct connection *connection);

void connection_send(struct connection *connection, const char *request,
                     size_t bytes);
/* Reads what has come; true once the reply is whole. */
bool connection_receive(struct connection *connection);

/* Formats a POST with a JSON body; its length. */
size_t request_post(char request[REQUEST_BYTES_MAX],
                    const struct target *target, const char *path,
                    const char *body);

#endif
