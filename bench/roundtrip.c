/*
 * roundtrip.c - the ceiling of a hop: ZeroMQ over ipc, there and back
 *
 *   roundtrip DIRECTORY SECONDS
 *
 * A ROUTER in a process of its own sends back what a DEALER sends it, 200
 * bytes, for SECONDS with one message on its way and then for SECONDS with 64.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "tool.h"

#define MESSAGE_BYTES 200
#define WINDOW 64
#define WAIT_MS 10000

static struct histogram single;

static void
must(int result, const char *what)
{
    if (result < 0)
        die("%s: %s", what, zmq_strerror(zmq_errno()));
}

/* Until its parent ends it. */
static void
serve(const char *endpoint)
{
    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_ROUTER);
    char peer[256], message[MESSAGE_BYTES];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    must(zmq_bind(socket, endpoint), "bind");
    for (;;) {
        int peer_bytes = zmq_recv(socket, peer, sizeof peer, 0);
        int bytes = zmq_recv(socket, message, sizeof message, 0);

        must(peer_bytes < bytes ? peer_bytes : bytes, "receive");
        must(zmq_send(socket, peer, (size_t)peer_bytes, ZMQ_SNDMORE), "send");
        must(zmq_send(socket, message, (size_t)bytes, 0), "send");
    }
}

static void
send_one(void *socket)
{
    static const char message[MESSAGE_BYTES] = "there";

    must(zmq_send(socket, message, sizeof message, 0), "send");
}

static void
receive_one(void *socket)
{
    char message[MESSAGE_BYTES];

    must(zmq_recv(socket, message, sizeof message, 0), "receive");
}

static void
measure_single(void *socket, int64_t end_ns)
{
    int64_t start_ns;

    while ((start_ns = now_ns()) < end_ns) {
        send_one(socket);
        receive_one(socket);
        histogram_add(&single, now_ns() - start_ns);
    }
}

/* Messages per second with many on their way. */
static double
measure_window(void *socket, long seconds)
{
    int64_t start_ns = now_ns(), end_ns = start_ns + seconds * NS_PER_S;
    uint64_t count = 0;

    for (int i = 0; i < WINDOW; i++)
        send_one(socket);
    for (; now_ns() < end_ns; count++) {
        receive_one(socket);
        send_one(socket);
    }
    return (double)count * 1e9 / (double)(now_ns() - start_ns);
}

int
main(int argc, char **argv)
{
    char endpoint[256];
    void *context, *socket;
    int wait_ms = WAIT_MS, linger_ms = 0;
    long seconds;
    double rate;
    pid_t server;

    if (argc != 3)
        die("usage: roundtrip DIRECTORY SECONDS");
    seconds = number_of(argv[2], 1, 3600);
    snprintf(endpoint, sizeof endpoint, "ipc://%s/roundtrip.ipc", argv[1]);
    server = fork();
    if (server == 0)
        serve(endpoint);
    context = zmq_ctx_new();
    socket = zmq_socket(context, ZMQ_DEALER);
    must(zmq_setsockopt(socket, ZMQ_RCVTIMEO, &wait_ms, sizeof wait_ms),
         "time-out");
    must(zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms),
         "linger");
    must(zmq_connect(socket, endpoint), "connect");
    send_one(socket);
    receive_one(socket); /* it is there */
    measure_single(socket, now_ns() + seconds * NS_PER_S);
    rate = measure_window(socket, seconds);
    zmq_close(socket);
    zmq_ctx_term(context);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    printf("{\"window_rate\": %.0f, ", rate);
    histogram_print(&single, "roundtrip");
    printf("}\n");
    return 0;
}
