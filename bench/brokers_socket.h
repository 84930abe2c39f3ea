/*
 * brokers_socket.h - a connection with a buffer of what has come
 */
#ifndef BENCH_BROKERS_SOCKET_H
#define BENCH_BROKERS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "brokers.h"

struct stream_socket {
    int fd;
    size_t used, taken; /* octets come, and dealt with */
    char in[BUFFER_BYTES];
};

/* ADDRESS:PORT or ipc://PATH.  Both ends of a benchmark are here: no answer is
 * an error. */
void socket_open(struct stream_socket *stream, const char *address);
/* All of it, waiting for room. */
void socket_send(struct stream_socket *stream, const void *data, size_t bytes);
/* Reads what is there; or waits for something. */
void socket_receive(struct stream_socket *stream, bool wait);
/* A line ("\r\n" taken off) that has come whole, or NULL. */
char *socket_line(struct stream_socket *stream);
/* True if that many octets and a "\r\n" have come; they are then taken. */
bool socket_skip(struct stream_socket *stream, size_t bytes);

#endif
