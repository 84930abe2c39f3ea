#include "brokers_zmtp.h"

#include <stdint.h>
#include <string.h>

#include "tool.h"

#define GREETING_BYTES 64
#define FLAG_LONG 2
#define FLAG_COMMAND 4

void
zmtp_open(struct stream_socket *stream, const char *address)
{
    static const uint8_t greeting[GREETING_BYTES] = {
        0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'N', 'U', 'L', 'L',
    };
    static const uint8_t ready[] = "\4\x1c\5READY\13Socket-Type\0\0\0\6DEALER";

    socket_open(stream, address);
    socket_send(stream, greeting, sizeof greeting);
    while (stream->used < GREETING_BYTES)
        socket_receive(stream, true);
    if ((uint8_t)stream->in[0] != 0xff || stream->in[10] < 3)
        die("%s speaks no ZMTP 3", address);
    stream->taken = GREETING_BYTES;
    socket_send(stream, ready, sizeof ready - 1);
}

void
zmtp_send(struct stream_socket *stream, uint8_t *frame, size_t bytes)
{
    uint8_t *head = frame - (bytes > UINT8_MAX ? ZMTP_HEAD_BYTES : 2);
    size_t rest = bytes;

    for (uint8_t *at = frame; at-- > head + 1; rest >>= 8)
        *at = (uint8_t)rest;
    *head = bytes > UINT8_MAX ? FLAG_LONG : 0;
    socket_send(stream, head, (size_t)(frame - head) + bytes);
}

/* The next frame or command; its flags, or -1: not all of it has come. */
static int
take(struct stream_socket *stream, const uint8_t **frame, size_t *bytes)
{
    const uint8_t *head = (const uint8_t *)stream->in + stream->taken;
    size_t come = stream->used - stream->taken, head_bytes = 2;

    if (come >= 1 && (*head & FLAG_LONG) != 0)
        head_bytes = ZMTP_HEAD_BYTES;
    if (come < head_bytes)
        return -1;
    *bytes = 0;
    for (size_t i = 1; i < head_bytes; i++)
        *bytes = *bytes << 8 | head[i];
    if (*bytes > BUFFER_BYTES / 4)
        die("a frame of %zu octets", *bytes);
    if (come - head_bytes < *bytes)
        return -1;
    *frame = head + head_bytes;
    stream->taken += head_bytes + *bytes;
    return *head;
}

const uint8_t *
zmtp_receive(struct stream_socket *stream, size_t *bytes_out)
{
    const uint8_t *frame;
    int flags;

    do {
        flags = take(stream, &frame, bytes_out);
        if (flags < 0)
            return NULL;
    } while ((flags & FLAG_COMMAND) != 0); /* READY: it listens */
    return frame;
}
