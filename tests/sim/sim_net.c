#include "sim_net.h"

#include <poll.h>

#include <czmq.h>

#include "saga/protocol.h"
#include "sim.h"

#define LINKS_MAX 256
#define UP_FRAMES_MAX 1000
#define DOWN_FRAMES_MAX 512
#define ROUTING_ID_BYTES 5

struct blob {
    uint32_t references;
    size_t bytes;
    struct blob *next; /* in a queue */
    uint8_t data[];
};

/* What lies in a zmq_msg_t. */
struct message {
    struct blob *blob;
    bool more;
};

struct queue {
    struct blob *first, *last;
    size_t count;
    size_t arrived; /* the first so many */
};

struct link {
    uint32_t id;
    uint64_t owner; /* the process at the dealer's end */
    struct _zsock_t *dealer; /* NULL: this end is gone */
    bool router;             /* the other one is there */
    struct queue up, down;
};

struct _zsock_t {
    int type;
    uint64_t owner;
    struct link *link;      /* DEALER */
    struct queue inbox;     /* DEALER: arrived over links that are gone */
    struct blob *body;      /* ROUTER: behind the routing id just read  */
    uint32_t to;            /* ROUTER: being sent to                    */
};

_Static_assert(sizeof(struct message) <= sizeof(zmq_msg_t),
               "a message lives inside zmq_msg_t");

static struct {
    struct link *links[LINKS_MAX];
    int links_count;
    struct _zsock_t *dealers[LINKS_MAX];
    int dealers_count;
    struct _zsock_t *router;
    uint32_t last_id;
    uint64_t owner;
    bool calm;
    bool overtake;
    uint64_t redeliver_once_in;
    uint64_t redeliver_events;
    sim_net_start_fn *start;
    struct sim_net_stats stats;
} net;

/* ---- settings --------------------------------------------------------- */

static void arrive_all(struct queue *queue);

void
sim_net_calm(bool calm)
{
    int i;

    net.calm = calm;
    for (i = 0; calm && i < net.links_count; i++) {
        arrive_all(&net.links[i]->up);
        arrive_all(&net.links[i]->down);
    }
}

void
sim_net_owner(uint64_t owner)
{
    net.owner = owner;
}

void
sim_net_overtake(bool overtake)
{
    net.overtake = overtake;
}

void
sim_net_redeliver(uint64_t once_in, uint64_t events_max,
                  sim_net_start_fn *start)
{
    net.redeliver_once_in = once_in;
    net.redeliver_events = events_max;
    if (start != NULL)
        net.start = start;
}

const struct sim_net_stats *
sim_net_stats(void)
{
    return &net.stats;
}

/* ---- blobs and queues ------------------------------------------------- */

static struct blob *
blob_new(const void *data, size_t bytes)
{
    struct blob *blob = malloc(sizeof *blob + bytes);

    invariant(blob != NULL);
    blob->references = 1;
    blob->bytes = bytes;
    blob->next = NULL;
    if (data != NULL && bytes > 0)
        memcpy(blob->data, data, bytes);
    return blob;
}

static void
blob_drop(struct blob *blob)
{
    if (blob != NULL && --blob->references == 0)
        free(blob);
}

static void
queue_put(struct queue *queue, struct blob *blob)
{
    blob->next = NULL;
    if (queue->last != NULL)
        queue->last->next = blob;
    else
        queue->first = blob;
    queue->last = blob;
    queue->count++;
}

static struct blob *
queue_take(struct queue *queue)
{
    struct blob *blob = queue->first;

    invariant(queue->arrived > 0);
    queue->first = blob->next;
    if (queue->first == NULL)
        queue->last = NULL;
    queue->count--;
    queue->arrived--;
    return blob;
}

static void
arrive_all(struct queue *queue)
{
    queue->arrived = queue->count;
}

static void
arrive_some(struct queue *queue)
{
    queue->arrived += sim_below(queue->count - queue->arrived + 1);
}

/* What has not arrived never will. */
static void
lose_rest(struct queue *queue)
{
    struct queue kept = { 0 };

    while (queue->arrived > 0)
        queue_put(&kept, queue_take(queue));
    kept.arrived = kept.count;
    queue->arrived = queue->count;
    while (queue->arrived > 0) {
        blob_drop(queue_take(queue));
        net.stats.lost++;
    }
    *queue = kept;
}

static void
lose_all(struct queue *queue)
{
    queue->arrived = 0;
    lose_rest(queue);
}

/* ---- links ------------------------------------------------------------ */

static void
link_free(int index)
{
    struct link *link = net.links[index];

    lose_all(&link->up);
    lose_all(&link->down);
    free(link);
    net.links_count--;
    memmove(&net.links[index], &net.links[index + 1],
            (size_t)(net.links_count - index) * sizeof net.links[0]);
}

/* Links that nobody reads from any more. */
static void
sweep(void)
{
    int i;

    for (i = net.links_count - 1; i >= 0; i--)
        if (net.links[i]->dealer == NULL &&
            (!net.links[i]->router || net.links[i]->up.count == 0))
            link_free(i);
}

static void
link_make(struct _zsock_t *dealer)
{
    struct link *link;

    if (net.router == NULL || dealer->link != NULL)
        return;
    invariant(net.links_count < LINKS_MAX);
    link = calloc(1, sizeof *link);
    invariant(link != NULL);
    link->id = ++net.last_id;
    link->owner = dealer->owner;
    link->dealer = dealer;
    link->router = true;
    dealer->link = link;
    net.links[net.links_count++] = link;
}

/* The dealer's end is gone from this link; what arrived there stays. */
static void
link_leave(struct link *link)
{
    struct _zsock_t *dealer = link->dealer;

    arrive_some(&link->up);
    lose_rest(&link->up);
    arrive_some(&link->down);
    lose_rest(&link->down);
    while (link->down.count > 0) {
        queue_put(&dealer->inbox, queue_take(&link->down));
        dealer->inbox.arrived++;
    }
    dealer->link = NULL;
    link->dealer = NULL;
}

void
sim_net_move(void)
{
    int i;

    for (i = 0; i < net.dealers_count; i++)
        if (net.dealers[i]->link == NULL && sim_once_in(3))
            link_make(net.dealers[i]);
    for (i = 0; i < net.links_count; i++) {
        if (sim_once_in(2))
            arrive_some(&net.links[i]->up);
        if (sim_once_in(2))
            arrive_some(&net.links[i]->down);
    }
}

static void
dealer_break(const struct _zsock_t *dealer)
{
    if (dealer->link == NULL)
        return;
    net.stats.breaks++;
    sim_note("link %u breaks", dealer->link->id);
    link_leave(dealer->link);
    sweep();
}

void
sim_net_break(void)
{
    if (net.dealers_count > 0)
        dealer_break(net.dealers[sim_below((uint64_t)net.dealers_count)]);
}

void
sim_net_break_of(uint64_t owner)
{
    int i;

    for (i = 0; i < net.dealers_count; i++)
        if (net.dealers[i]->owner == owner)
            dealer_break(net.dealers[i]);
}

void
sim_net_reset(void)
{
    invariant(net.dealers_count == 0 && net.router == NULL);
    while (net.links_count > 0)
        link_free(net.links_count - 1);
}

/* ---- sockets ---------------------------------------------------------- */

zsock_t *
zsock_new_checked(int type, const char *filename, size_t line_nbr)
{
    zsock_t *self = calloc(1, sizeof *self);

    (void)filename;
    (void)line_nbr;
    invariant(self != NULL);
    self->type = type;
    self->owner = net.owner;
    return self;
}

static void
router_gone(void)
{
    struct link *link;
    int i;

    for (i = 0; i < net.links_count; i++) {
        link = net.links[i];
        link->router = false;
        lose_all(&link->up);
        if (link->dealer != NULL)
            link_leave(link);
    }
    net.router = NULL;
}

static void
dealer_gone(struct _zsock_t *dealer)
{
    int i = 0;

    if (dealer->link != NULL) {
        if (sim_once_in(2))
            arrive_all(&dealer->link->up); /* the kernel still sends it */
        link_leave(dealer->link);
    }
    lose_all(&dealer->inbox);
    while (net.dealers[i] != dealer)
        invariant(++i < net.dealers_count);
    net.dealers[i] = net.dealers[--net.dealers_count];
}

void
zsock_destroy_checked(zsock_t **self_p, const char *filename, size_t line_nbr)
{
    zsock_t *self = *self_p;

    (void)filename;
    (void)line_nbr;
    *self_p = NULL;
    if (self == NULL)
        return;
    if (self == net.router)
        router_gone();
    if (self->type == ZMQ_DEALER)
        dealer_gone(self);
    blob_drop(self->body);
    free(self);
    sweep();
}

int
zsock_bind(zsock_t *self, const char *format, ...)
{
    (void)format;
    if (self->type == ZMQ_ROUTER) {
        invariant(net.router == NULL);
        net.router = self;
    }
    return 0;
}

int
zmq_connect(void *socket, const char *address)
{
    (void)address;
    net.dealers[net.dealers_count++] = socket;
    invariant(net.dealers_count < LINKS_MAX);
    return 0;
}

const char *
zsock_endpoint(zsock_t *self)
{
    (void)self;
    return "sim";
}

void *
zsock_resolve(void *self)
{
    return self;
}

#define SETTER(name)                                                           \
    void zsock_set_##name(void *self, int value)                               \
    {                                                                          \
        (void)self;                                                            \
        (void)value;                                                           \
    }
SETTER(linger)
SETTER(sndhwm)
SETTER(rcvhwm)
SETTER(immediate)
SETTER(maxmsgsize)
SETTER(handshake_ivl)
SETTER(reconnect_ivl)
SETTER(reconnect_ivl_max)
SETTER(heartbeat_ivl)
SETTER(heartbeat_timeout)
SETTER(tcp_keepalive)
SETTER(router_mandatory)

void *
zsys_init(void)
{
    static int something;

    return &something;
}

void
zsys_shutdown(void)
{
}

void
zsys_handler_set(zsys_handler_fn *handler_fn)
{
    (void)handler_fn;
}

int
zmq_errno(void)
{
    return errno;
}

const char *
zmq_strerror(int number)
{
    return strerror(number);
}

/* ---- messages --------------------------------------------------------- */

static struct message *
of(zmq_msg_t *message)
{
    return (struct message *)(void *)message;
}

static const struct message *
of_const(const zmq_msg_t *message)
{
    return (const struct message *)(const void *)message;
}

int
zmq_msg_init(zmq_msg_t *message)
{
    *of(message) = (struct message){ NULL, false };
    return 0;
}

int
zmq_msg_init_size(zmq_msg_t *message, size_t bytes)
{
    *of(message) = (struct message){ blob_new(NULL, bytes), false };
    return 0;
}

int
zmq_msg_close(zmq_msg_t *message)
{
    blob_drop(of(message)->blob);
    return zmq_msg_init(message);
}

int
zmq_msg_move(zmq_msg_t *to, zmq_msg_t *from)
{
    zmq_msg_close(to);
    *of(to) = *of(from);
    return zmq_msg_init(from);
}

int
zmq_msg_copy(zmq_msg_t *to, zmq_msg_t *from)
{
    zmq_msg_close(to);
    *of(to) = *of(from);
    if (of(to)->blob != NULL)
        of(to)->blob->references++;
    return 0;
}

void *
zmq_msg_data(zmq_msg_t *message)
{
    static uint8_t nothing;

    return of(message)->blob == NULL ? &nothing : of(message)->blob->data;
}

size_t
zmq_msg_size(const zmq_msg_t *message)
{
    return of_const(message)->blob == NULL ? 0 : of_const(message)->blob->bytes;
}

int
zmq_msg_more(const zmq_msg_t *message)
{
    return of_const(message)->more;
}

/* No connection here has a descriptor. */
int
zmq_msg_get(const zmq_msg_t *message, int property)
{
    (void)message;
    (void)property;
    return -1;
}

/* ---- sending ---------------------------------------------------------- */

static int
again(int number)
{
    errno = number;
    return -1;
}

/* A frame crosses from one memory to another: it is copied here. */
static int
send_frame(struct queue *queue, size_t frames_max, const void *data,
           size_t bytes)
{
    if (queue->count >= frames_max)
        return again(EAGAIN);
    queue_put(queue, blob_new(data, bytes));
    net.stats.frames++;
    if (net.calm)
        arrive_all(queue);
    return (int)bytes;
}

static struct link *
link_find(uint32_t id)
{
    int i;

    for (i = 0; i < net.links_count; i++)
        if (net.links[i]->id == id)
            return net.links[i];
    return NULL;
}

static int
router_send(struct _zsock_t *router, const uint8_t *data, size_t bytes,
            int flags)
{
    struct link *link;

    if (flags & ZMQ_SNDMORE) {
        invariant(bytes == ROUTING_ID_BYTES);
        memcpy(&router->to, data + 1, sizeof router->to);
        link = link_find(router->to);
        if (link == NULL || link->dealer == NULL)
            return again(EHOSTUNREACH);
        return link->down.count < DOWN_FRAMES_MAX ? (int)bytes : again(EAGAIN);
    }
    link = link_find(router->to);
    invariant(link != NULL);
    return send_frame(&link->down, DOWN_FRAMES_MAX, data, bytes);
}

int
zmq_send(void *socket, const void *data, size_t bytes, int flags)
{
    struct _zsock_t *self = socket;

    if (self->type == ZMQ_ROUTER)
        return router_send(self, data, bytes, flags);
    if (self->type != ZMQ_DEALER)
        return (int)bytes; /* the tap: nobody listens */
    if (net.calm)
        link_make(self);
    if (self->link == NULL)
        return again(EAGAIN);
    return send_frame(&self->link->up, UP_FRAMES_MAX, data, bytes);
}

int
zmq_msg_send(zmq_msg_t *message, void *socket, int flags)
{
    int sent = zmq_send(socket, zmq_msg_data(message), zmq_msg_size(message),
                        flags);

    if (sent >= 0)
        zmq_msg_close(message);
    return sent;
}

/* ---- receiving -------------------------------------------------------- */

static bool
older_first(const struct link *link)
{
    int i;

    for (i = 0; i < net.links_count; i++)
        if (net.links[i]->owner == link->owner &&
            net.links[i]->id < link->id && net.links[i]->up.count > 0)
            return false;
    return true;
}

static struct link *
router_pick(void)
{
    int start = (int)sim_below((uint64_t)net.links_count), i;
    struct link *link;

    for (i = 0; i < net.links_count; i++) {
        link = net.links[(start + i) % net.links_count];
        if (link->up.arrived > 0 && (net.overtake || older_first(link)))
            return link;
    }
    return NULL;
}

/* Sometimes a consumer gets more than it asked for. */
static void
tamper(struct blob *blob)
{
    struct protocol_header header;
    struct protocol_fetch fetch;
    struct bytes_reader reader;
    struct bytes_writer writer;
    uint64_t start, back;

    if (net.redeliver_once_in == 0 || !sim_once_in(net.redeliver_once_in))
        return;
    bytes_reader_init(&reader, blob->data, blob->bytes);
    if (protocol_get_header(&reader, &header) != RC_OK ||
        header.verb != VERB_FETCH ||
        protocol_get_fetch(&reader, &fetch) != RC_OK)
        return;
    start = net.start(fetch.topic, fetch.partition);
    if (fetch.offset <= start)
        return;
    back = 1 + sim_below(net.redeliver_events);
    fetch.offset = fetch.offset - start < back ? start : fetch.offset - back;
    fetch.max_bytes = PROTOCOL_FETCH_BYTES_MAX;
    bytes_writer_init(&writer, blob->data, blob->bytes);
    protocol_put_fetch(&writer, header.request, &fetch);
    invariant(!writer.failed && writer.used == blob->bytes);
    net.stats.redelivered++;
}

static int
router_receive(struct _zsock_t *router, struct message *message)
{
    struct link *link;
    uint8_t id[ROUTING_ID_BYTES] = { 0 };

    if (router->body != NULL) {
        *message = (struct message){ router->body, false };
        router->body = NULL;
        return (int)message->blob->bytes;
    }
    link = net.links_count == 0 ? NULL : router_pick();
    if (link == NULL)
        return again(EAGAIN);
    router->body = queue_take(&link->up);
    tamper(router->body);
    memcpy(id + 1, &link->id, sizeof link->id);
    *message = (struct message){ blob_new(id, sizeof id), true };
    sweep();
    return ROUTING_ID_BYTES;
}

int
zmq_msg_recv(zmq_msg_t *to, void *socket, int flags)
{
    struct _zsock_t *self = socket;
    struct queue *queue = &self->inbox;

    (void)flags;
    zmq_msg_close(to);
    if (self->type == ZMQ_ROUTER)
        return router_receive(self, of(to));
    if (queue->arrived == 0 && self->link != NULL)
        queue = &self->link->down;
    if (self->type != ZMQ_DEALER || queue->arrived == 0)
        return again(EAGAIN);
    of(to)->blob = queue_take(queue);
    return (int)of(to)->blob->bytes;
}

static short
dealer_ready(struct _zsock_t *self, short events)
{
    short ready = 0;

    if (net.calm)
        link_make(self);
    if (self->inbox.arrived > 0 ||
        (self->link != NULL && self->link->down.arrived > 0))
        ready |= ZMQ_POLLIN;
    if (self->link != NULL && self->link->up.count < UP_FRAMES_MAX)
        ready |= ZMQ_POLLOUT;
    return ready & events;
}

int
zmq_poll(zmq_pollitem_t *items, int count, long timeout)
{
    struct pollfd fd;
    int i, ready = 0;

    (void)timeout;
    for (i = 0; i < count; i++) {
        if (items[i].socket != NULL)
            items[i].revents = dealer_ready(items[i].socket, items[i].events);
        else {
            fd = (struct pollfd){ items[i].fd, POLLIN, 0 };
            items[i].revents = poll(&fd, 1, 0) > 0 ? ZMQ_POLLIN : 0;
        }
        ready += items[i].revents != 0;
    }
    return ready;
}
