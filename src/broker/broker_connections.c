#include "broker/broker_connections.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <zmq.h>

#include "saga/daemon.h"
#include "saga/log.h"

static const char *const endpoints[CONNECTIONS_SOCKETS] = {
    "inproc://connections-of-bus",
    "inproc://connections-of-tap",
};

void
broker_connections_allow(uint64_t limit)
{
    rlim_t needed = (rlim_t)limit + CONNECTIONS_BESIDE;
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        die(EXIT_SYSTEM, "can't read the limit of open files: %s",
            strerror(errno));
    if (files.rlim_max < needed)
        die(EXIT_USAGE, "connections: %" PRIu64 " connections need %" PRIu64
            " open files, and %" PRIu64 " are allowed (ulimit -n)", limit,
            (uint64_t)needed, (uint64_t)files.rlim_max);
    /* Many topics mean many open tables; take what we may have. */
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        die(EXIT_SYSTEM, "can't raise the limit of open files: %s",
            strerror(errno));
}

static enum rc
watch(struct broker_connections *connections, size_t index, void *context,
      void *socket)
{
    size_t bytes = sizeof(connections->fds[index]);
    void *monitor;

    if (zmq_socket_monitor(socket, endpoints[index],
                           ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED) != 0)
        return RC_IO;
    connections->sockets[index] = socket;
    monitor = zmq_socket(context, ZMQ_PAIR);
    if (monitor == NULL)
        return RC_IO;
    connections->monitors[index] = monitor;
    if (zmq_connect(monitor, endpoints[index]) != 0 ||
        zmq_getsockopt(monitor, ZMQ_FD, &connections->fds[index], &bytes) != 0)
        return RC_IO;
    return RC_OK;
}

enum rc
broker_connections_open(struct broker_connections *connections, uint64_t limit,
                        void *context,
                        void *const sockets[CONNECTIONS_SOCKETS])
{
    enum rc rc = RC_OK;

    connections->limit = limit;
    for (size_t i = 0; i < CONNECTIONS_SOCKETS && rc == RC_OK; i++)
        rc = watch(connections, i, context, sockets[i]);
    /* A monitor's descriptor wakes only who has looked and found nothing. */
    if (rc == RC_OK)
        broker_connections_look(connections);
    return rc;
}

/* libzmq's thread, which all connections have in common, waits for ever to tell
 * a monitor that nobody reads: so nothing is told any more before it closes.
 * That waits for the thread in turn: so what it has told is read before. */
static void
unwatch(struct broker_connections *connections, size_t index)
{
    if (connections->sockets[index] != NULL &&
        zmq_socket_monitor(connections->sockets[index], NULL, 0) != 0)
        log_warning("monitor_close_failed", "error=%s",
                    log_quote(zmq_strerror(zmq_errno())));
    connections->sockets[index] = NULL;
}

void
broker_connections_close(struct broker_connections *connections)
{
    int linger_ms = 0;

    broker_connections_look(connections);
    for (size_t i = 0; i < CONNECTIONS_SOCKETS; i++) {
        unwatch(connections, i);
        if (connections->monitors[i] == NULL)
            continue;
        if (zmq_setsockopt(connections->monitors[i], ZMQ_LINGER, &linger_ms,
                           sizeof(linger_ms)) != 0 ||
            zmq_close(connections->monitors[i]) != 0)
            log_warning("monitor_close_failed", "error=%s",
                        log_quote(zmq_strerror(zmq_errno())));
        connections->monitors[i] = NULL;
    }
}

/* Should it be closed by now, and be another's: that one's client comes back;
 * what is no socket does not mind. */
static bool
cut(int fd)
{
    return shutdown(fd, SHUT_RDWR) == 0;
}

static void
refuse(struct broker_connections *connections, int fd)
{
    uint64_t more;

    if (cut(fd) && event_limiter_pass(&connections->refused,
                                      clock_monotonic_us(), &more))
        log_warning("connection_refused", "limit=%" PRIu64 " more=%" PRIu64,
                    connections->limit, more);
}

void
broker_connections_note_prefix(struct broker_connections *connections, int fd)
{
    uint64_t more;

    if (fd < 0 || fd >= CONNECTIONS_FDS_MAX)
        return;
    /* That it came, which starts its count, was told before its first word,
     * and may not have been read. */
    broker_connections_look(connections);
    if (++connections->prefixes[fd] != CONNECTIONS_PREFIXES_MAX + 1)
        return;
    if (cut(fd) && event_limiter_pass(&connections->subscribed,
                                      clock_monotonic_us(), &more))
        log_warning("subscriber_cut", "limit=%d more=%" PRIu64,
                    CONNECTIONS_PREFIXES_MAX, more);
}

static void
on_accepted(struct broker_connections *connections, size_t index, int fd)
{
    uint64_t *word, bit = UINT64_C(1) << ((unsigned)fd % 64);

    if (fd < 0)
        return;
    if (fd >= CONNECTIONS_FDS_MAX) {
        refuse(connections, fd);
        return;
    }
    connections->prefixes[fd] = 0;
    word = &connections->there[index][fd / 64];
    connections->count += (*word & bit) == 0;
    *word |= bit;
    if (connections->count > connections->limit)
        refuse(connections, fd);
}

static void
on_disconnected(struct broker_connections *connections, size_t index, int fd)
{
    uint64_t *word, bit = UINT64_C(1) << ((unsigned)fd % 64);

    if (fd < 0 || fd >= CONNECTIONS_FDS_MAX)
        return;
    word = &connections->there[index][fd / 64];
    connections->count -= (*word & bit) != 0;
    *word &= ~bit;
}

/* The first frame of a monitor's message: u16 event, i32 descriptor. */
static void
on_event(struct broker_connections *connections, size_t index,
         const uint8_t *frame)
{
    uint16_t event;
    int32_t fd;

    memcpy(&event, frame, sizeof(event));
    memcpy(&fd, frame + sizeof(event), sizeof(fd));
    if (event == ZMQ_EVENT_ACCEPTED)
        on_accepted(connections, index, fd);
    else
        on_disconnected(connections, index, fd);
}

void
broker_connections_look(struct broker_connections *connections)
{
    uint8_t frame[sizeof(uint16_t) + sizeof(int32_t)], address[1];

    for (size_t i = 0; i < CONNECTIONS_SOCKETS; i++) {
        void *monitor = connections->monitors[i];

        while (zmq_recv(monitor, frame, sizeof(frame), ZMQ_DONTWAIT) ==
               (int)sizeof(frame)) {
            if (zmq_recv(monitor, address, sizeof(address), ZMQ_DONTWAIT) < 0)
                break;
            on_event(connections, i, frame);
        }
    }
}
