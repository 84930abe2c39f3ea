#include "saga/bus.h"

/* bus_open() is the ZeroMQ binder's (bus_zmq.c). */

void
bus_close(struct bus **bus_p)
{
    if (*bus_p != NULL)
        (*bus_p)->binder->close(*bus_p);
    *bus_p = NULL;
}

void
bus_begin(struct bus *bus, const struct bus_life *life)
{
    bus->binder->begin(bus, life);
}

int
bus_declare(struct bus *bus, const char *topic, uint32_t partition)
{
    return bus->binder->declare(bus, topic, partition);
}

int
bus_assign(struct bus *bus, const char *topic, uint32_t partition,
           uint64_t offset)
{
    return bus->binder->assign(bus, topic, partition, offset);
}

void
bus_linger(struct bus *bus, int stream, uint32_t linger_ms)
{
    if (bus->binder->linger != NULL)
        bus->binder->linger(bus, stream, linger_ms);
}

void
bus_may_begin_later(struct bus *bus, int stream)
{
    bus->binder->may_begin_later(bus, stream);
}

uint64_t
bus_last_seq(const struct bus *bus, int stream)
{
    return bus->binder->last_seq(bus, stream);
}

enum rc
bus_produce(struct bus *bus, const struct bus_batch *batch)
{
    return bus->binder->produce(bus, batch);
}

void
bus_position(struct bus *bus, int stream, uint64_t offset)
{
    bus->binder->position(bus, stream, offset);
}

void
bus_report(struct bus *bus, const struct report *report)
{
    if (bus->binder->report != NULL)
        bus->binder->report(bus, report);
}

void
bus_ask_status(struct bus *bus)
{
    if (bus->binder->ask_status != NULL)
        bus->binder->ask_status(bus);
}

enum rc
bus_wait(struct bus *bus, struct pollfd *fds, size_t count, int timeout_ms)
{
    return bus->binder->wait(bus, fds, count, timeout_ms);
}

enum rc
bus_next(struct bus *bus, struct bus_event *event_out)
{
    return bus->binder->next(bus, event_out);
}
