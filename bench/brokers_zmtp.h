/*
 * brokers_zmtp.h - a DEALER of ZMTP 3.0 on a socket of our own
 *
 * As little of it as a benchmark needs: the peers are driven without a client
 * library, and so is ours.
 */
#ifndef BENCH_BROKERS_ZMTP_H
#define BENCH_BROKERS_ZMTP_H

#include "brokers_socket.h"

/* Before each frame that is sent, so many octets are ours. */
#define ZMTP_HEAD_BYTES 9

void zmtp_open(struct stream_socket *stream, const char *address);
void zmtp_send(struct stream_socket *stream, uint8_t *frame, size_t bytes);
/* A frame of what has come (socket_receive), or NULL; valid until more comes */
const uint8_t *zmtp_receive(struct stream_socket *stream, size_t *bytes_out);

#endif
