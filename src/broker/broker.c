#include "broker/broker_control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "saga/daemon.h"
#include "saga/log.h"

/* Frames that wait for one client, in either direction. */
#define RECEIVE_FRAMES_MAX 256
#define SEND_FRAMES_MAX 512
#define TAP_FRAMES_MAX 1000
/* Subscriptions that wait: libzmq takes all that are there in one go, and more
 * while they come, before it tells us of the first. */
#define TAP_RECEIVE_FRAMES_MAX 16
#define LINGER_MS 1000
#define HANDSHAKE_MS 3000
#define HEARTBEAT_MS 2000
#define HEARTBEAT_TIMEOUT_MS 6000
#define RECONNECT_MS 100 /* not used by sockets that bind; never unset */
#define RECONNECT_MS_MAX 1000
/* Above the largest legal frame: so that a frame that is somewhat too large
 * gets an answer and not a broken connection. */
#define MESSAGE_BYTES_MAX (PROTOCOL_FRAME_BYTES_MAX + 65536)
/* A prefix costs libzmq some 30 octets for each of its own.  Far above the
 * longest subject, and above what a handshake says. */
#define TAP_PREFIX_BYTES_MAX 511
#define TAP_MESSAGE_BYTES_MAX (TAP_PREFIX_BYTES_MAX + 10) /* "\11SUBSCRIBE" */

/*** Opening ***/

void
broker_check(const struct config *config)
{
    struct topic_table *topics;
    char words[256];
    enum rc rc = topic_table_new(&topics, config->topics,
                                 (uint32_t)config->partitions, words,
                                 sizeof(words));

    if (rc != RC_OK)
        die(rc_exit_code(rc), "%s", words);
    if (topic_table_destroy(&topics) != RC_OK)
        die(EXIT_SYSTEM, "topics: cannot close what was never open");
}

static zsock_t *
socket_new(int type, int send_frames_max, const char *endpoint)
{
    bool tap = type == ZMQ_XPUB;
    zsock_t *socket = zsock_new(type);

    if (socket == NULL)
        return NULL;
    zsock_set_linger(socket, LINGER_MS);
    zsock_set_sndhwm(socket, send_frames_max);
    zsock_set_rcvhwm(socket, tap ? TAP_RECEIVE_FRAMES_MAX : RECEIVE_FRAMES_MAX);
    zsock_set_maxmsgsize(socket,
                         tap ? TAP_MESSAGE_BYTES_MAX : MESSAGE_BYTES_MAX);
    zsock_set_handshake_ivl(socket, HANDSHAKE_MS);
    zsock_set_reconnect_ivl(socket, RECONNECT_MS);
    zsock_set_reconnect_ivl_max(socket, RECONNECT_MS_MAX);
    if (strncmp(endpoint, "tcp:", 4) == 0) {
        zsock_set_heartbeat_ivl(socket, HEARTBEAT_MS);
        zsock_set_heartbeat_timeout(socket, HEARTBEAT_TIMEOUT_MS);
        zsock_set_tcp_keepalive(socket, 1);
    }
    if (type == ZMQ_ROUTER)
        zsock_set_router_mandatory(socket, 1);
    return socket;
}

static void
sockets_close(struct broker *broker)
{
    broker_connections_close(&broker->connections);
    zsock_destroy(&broker->bus_socket);
    zsock_destroy(&broker->tap_socket);
    zsys_shutdown();
}

/* True if a process listens there.  libzmq does not ask: it removes the file
 * of whoever does, and both would go on, each with a part of the clients. */
static bool
ipc_taken(const char *endpoint)
{
    static const char ipc[] = "ipc://";
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    bool taken;
    int fd, bytes;

    if (strncmp(endpoint, ipc, sizeof(ipc) - 1) != 0)
        return false;
    bytes = snprintf(address.sun_path, sizeof(address.sun_path), "%s",
                     endpoint + sizeof(ipc) - 1);
    if (bytes >= (int)sizeof(address.sun_path))
        return false; /* zsock_bind() refuses it */
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    /* EAGAIN: it listens, but has not looked for long. */
    taken = connect(fd, (const struct sockaddr *)&address,
                    sizeof(address)) == 0 || errno == EAGAIN;
    close(fd);
    return taken;
}

static void
socket_bind(struct broker *broker, zsock_t *socket, const char *knob,
            const char *endpoint)
{
    int error = EADDRINUSE;

    if (!ipc_taken(endpoint)) {
        if (zsock_bind(socket, "%s", endpoint) >= 0)
            return;
        error = zmq_errno();
    }
    sockets_close(broker);
    die(EXIT_USAGE, "%s: cannot bind %s: %s", knob, endpoint,
        zmq_strerror(error));
}

/* Before the store: a busy address leaves it as it was.  Requests that come
 * early wait in the socket. */
static enum rc
sockets_open(struct broker *broker)
{
    const struct config *config = broker->config;
    void *sockets[CONNECTIONS_SOCKETS], *context;
    enum rc rc;

    zsys_handler_set(NULL);
    context = zsys_init();
    if (context == NULL)
        return RC_IO;
    broker->bus_socket = socket_new(ZMQ_ROUTER, SEND_FRAMES_MAX, config->bus);
    broker->tap_socket = socket_new(ZMQ_XPUB, TAP_FRAMES_MAX, config->tap);
    if (broker->bus_socket == NULL || broker->tap_socket == NULL) {
        log_error("socket_failed", "error=%s",
                  log_quote(zmq_strerror(zmq_errno())));
        return RC_IO;
    }
    broker->router = sockets[0] = zsock_resolve(broker->bus_socket);
    sockets[1] = zsock_resolve(broker->tap_socket);
    rc = broker_connections_open(&broker->connections, config->connections,
                                 context, sockets);
    if (rc != RC_OK)
        return rc;
    socket_bind(broker, broker->bus_socket, "bus", config->bus);
    socket_bind(broker, broker->tap_socket, "tap", config->tap);
    return RC_OK;
}

static enum rc
meta_open(struct broker *broker)
{
    uint32_t partitions;
    enum rc rc =
        broker_meta_open(broker->store, (uint32_t)broker->config->partitions,
                         &broker->meta, &partitions);

    if (rc != RC_MALFORMED)
        return rc;
    sockets_close(broker);
    rc = store_close(&broker->store);
    if (rc != RC_OK)
        return rc;
    die(EXIT_USAGE,
        "partitions: %u, but the topics in %s were created "
        "with %u",
        (unsigned)broker->config->partitions, broker->directory, partitions);
}

static enum rc
logs_open(struct broker *broker)
{
    const struct config *config = broker->config;
    struct topic_log_config log = {
        .store = broker->store,
        .meta = broker->meta,
        .segment_bytes = config->segment,
        .segment_age_us = (int64_t)config->retention_time * 1000,
    };
    char words[256];
    enum rc rc = topic_log_remove_left_over(broker->store, broker->meta);

    if (rc == RC_OK)
        rc = batch_cache_new(&broker->cache, BATCH_CACHE_BYTES);
    log.cache = broker->cache;
    if (rc == RC_OK)
        rc =
            topic_table_new(&broker->topics, config->topics,
                            (uint32_t)config->partitions, words, sizeof(words));
    if (rc == RC_OK)
        rc = topic_table_open_logs(broker->topics, &log);
    return rc;
}

static enum rc
tables_open(struct broker *broker)
{
    const struct config *config = broker->config;
    struct store_config store = {
        .directory = broker->directory,
        .cache_bytes = config->cache,
        .checkpoint_bytes = config->checkpoint,
        .checkpoint_ms = (uint32_t)config->checkpoint_time,
        .table_stays = broker_meta_stays,
    };
    bool created;
    enum rc rc = store_open(&broker->store, &store, &created);

    if (rc == RC_OK)
        rc = meta_open(broker);
    if (rc == RC_OK)
        rc = logs_open(broker);
    if (rc == RC_OK)
        rc = producer_table_load(&broker->producers, broker->meta,
                                 broker->topics);
    if (rc == RC_OK)
        rc = consumer_table_load(&broker->consumers, broker->meta,
                                 broker->topics);
    if (rc == RC_OK)
        rc = fetch_table_new(&broker->fetches, (uint32_t)config->fetches);
    if (rc == RC_OK && created)
        store_checkpoint(broker->store);
    return rc;
}

enum rc
broker_open(struct broker **broker_out, const struct config *config,
            const char *directory, int signal_fd)
{
    struct broker *broker = calloc(1, sizeof(*broker));
    enum rc rc;

    if (broker == NULL)
        return RC_NO_MEMORY;
    broker->config = config;
    broker->signal_fd = signal_fd;
    snprintf(broker->directory, sizeof(broker->directory), "%s", directory);
    producer_table_init(&broker->producers, config->producers);
    consumer_table_init(&broker->consumers, config->consumers);
    broker->scratch = malloc(PROTOCOL_FRAME_BYTES_MAX);
    *broker_out = broker;
    rc = broker->scratch != NULL ? sockets_open(broker) : RC_NO_MEMORY;
    if (rc == RC_OK)
        rc = tables_open(broker);
    if (rc == RC_OK)
        rc = broker_control_open(broker);
    if (rc != RC_OK)
        return rc;
    broker_tap_init(&broker->tap, zsock_resolve(broker->tap_socket),
                    broker->topics, &broker->connections);
    broker_look_at_disk(broker);
    log_info("ready", "endpoint=%s tap=%s topics=%u partitions=%u",
             zsock_endpoint(broker->bus_socket),
             zsock_endpoint(broker->tap_socket),
             broker->topics->count / broker->topics->partitions,
             broker->topics->partitions);
    return RC_OK;
}

enum rc
broker_close(struct broker **broker_p)
{
    struct broker *broker = *broker_p;
    enum rc rc, close_rc;

    if (broker == NULL)
        return RC_OK;
    sockets_close(broker);
    control_close(&broker->control);
    fetch_table_destroy(&broker->fetches);
    producer_table_fini(&broker->producers);
    consumer_table_fini(&broker->consumers);
    rc = topic_table_destroy(&broker->topics);
    batch_cache_destroy(&broker->cache);
    close_rc = store_close(&broker->store);
    free(broker->scratch);
    free(broker);
    *broker_p = NULL;
    return rc == RC_OK ? close_rc : rc;
}

/*** Running ***/

/* While it is held: signals and operators alone, and who comes and goes. */
static enum rc
wait_while_held(struct broker *broker, bool *stop_out)
{
    struct pollfd fds[] = { { broker->signal_fd, POLLIN, 0 },
                            { control_fd(broker->control), POLLIN, 0 },
                            { broker->connections.fds[0], POLLIN, 0 },
                            { broker->connections.fds[1], POLLIN, 0 } };

    if (poll(fds, ARRAY_COUNT(fds), CONTROL_COPY_MS) < 0 &&
        errno != EINTR)
        return RC_IO;
    if (fds[0].revents != 0)
        *stop_out = daemon_stop_asked(broker->signal_fd);
    broker_connections_look(&broker->connections);
    broker_control_serve(broker);
    return RC_OK;
}

/* Sleeps until a socket or signal has something, or the clock has. */
static enum rc
wait_for_work(struct broker *broker, int64_t next_us, bool *stop_out)
{
    zmq_pollitem_t items[] = {
        { .socket = broker->router, .events = ZMQ_POLLIN },
        { .socket = broker->tap.socket, .events = ZMQ_POLLIN },
        { .fd = broker->signal_fd, .events = ZMQ_POLLIN },
        { .fd = control_fd(broker->control), .events = ZMQ_POLLIN },
        { .fd = broker->connections.fds[0], .events = ZMQ_POLLIN },
        { .fd = broker->connections.fds[1], .events = ZMQ_POLLIN },
    };
    int64_t now_us = clock_monotonic_us(), wait_us;

    if (broker->fetches->deadline_us < next_us)
        next_us = broker->fetches->deadline_us;
    if (broker->copy.under_way && now_us + CONTROL_COPY_MS * 1000 < next_us)
        next_us = now_us + CONTROL_COPY_MS * 1000;
    if (broker->fetches->due_count > 0)
        next_us = now_us;
    wait_us = next_us > now_us ? next_us - now_us : 0;
    if (zmq_poll(items, ARRAY_COUNT(items), (long)ms_up(wait_us)) < 0 &&
        zmq_errno() != EINTR) {
        log_error("poll_failed", "error=%s", log_quote(zmq_strerror(errno)));
        return RC_IO;
    }
    if (items[1].revents != 0)
        broker_tap_listen(&broker->tap);
    if (items[2].revents != 0)
        *stop_out = daemon_stop_asked(broker->signal_fd);
    if (items[4].revents != 0 || items[5].revents != 0)
        broker_connections_look(&broker->connections);
    return RC_OK;
}

enum rc
broker_run(struct broker *broker)
{
    int64_t next_us;
    bool stop = false;
    enum rc rc = RC_OK;

    while (rc == RC_OK && !stop) {
        int64_t now_us = clock_monotonic_us();

        daemon_alive(now_us);
        if (broker->held) {
            rc = wait_while_held(broker, &stop);
            continue;
        }
        rc = broker_upkeep(broker, now_us, &next_us);
        if (rc == RC_OK)
            rc = wait_for_work(broker, next_us, &stop);
        if (rc == RC_OK)
            rc = broker_turn(broker);
        if (rc == RC_OK)
            broker_control_serve(broker);
    }
    daemon_stopping();
    if (rc == RC_OK) {
        broker->positions_due = true;
        rc = broker_turn(broker);
    }
    return rc;
}
