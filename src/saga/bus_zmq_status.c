/*
 * What a process tells of itself, and what it asks about all: each is sent
 * once, and a reply that does not come is not missed, because the next second
 * asks again.  One that comes late is still newer than the one before.
 */
#include "saga/bus_zmq_state.h"

#include <stdlib.h>

#include "saga/protocol.h"

void
bus_zmq_report(struct bus *base, const struct report *report)
{
    struct bus_zmq *bus = (struct bus_zmq *)(void *)base;
    uint8_t bytes[REPORT_BYTES_MAX];
    uint8_t frame[REPORT_BYTES_MAX + 64];
    struct protocol_report row = { .bytes = bytes };
    struct bytes_writer writer;

    if (!bus->up)
        return;
    row.bytes_count = (uint16_t)report_encode(report, bytes);
    memcpy(row.name, bus->config.name,
           strnlen(bus->config.name, sizeof row.name - 1));
    bytes_writer_init(&writer, frame, sizeof frame);
    protocol_put_report(&writer, ++bus->last_request, &row);
    bus_zmq_send_bytes(bus, &writer);
}

void
bus_zmq_ask_status(struct bus *base)
{
    struct bus_zmq *bus = (struct bus_zmq *)(void *)base;
    uint8_t frame[PROTOCOL_HEADER_BYTES];
    struct bytes_writer writer;

    if (bus->status == NULL)
        bus->status = calloc(1, sizeof *bus->status);
    if (bus->status == NULL || !bus->up)
        return;
    bytes_writer_init(&writer, frame, sizeof frame);
    protocol_put_header(&writer, VERB_SURVEY, ++bus->last_request);
    bus_zmq_send_bytes(bus, &writer);
}

/* What does not fit is read and left out. */
static bool
fits(struct bus_status *status, uint32_t count, uint32_t max)
{
    if (count < max)
        return true;
    status->cut = true;
    return false;
}

static void
read_topics(struct bytes_reader *reader, struct bus_status *status)
{
    uint16_t count = bytes_get_u16(reader);

    for (; count > 0 && !reader->failed; count--) {
        struct bus_topic_status row;

        bytes_get_text(reader, row.topic, sizeof row.topic);
        row.partition = bytes_get_u16(reader);
        row.begin = bytes_get_u64(reader);
        row.end = bytes_get_u64(reader);
        row.bytes = bytes_get_u64(reader);
        if (fits(status, status->topics_count, BUS_STATUS_TOPICS_MAX))
            status->topics[status->topics_count++] = row;
    }
}

static void
read_consumers(struct bytes_reader *reader, struct bus_status *status)
{
    uint16_t count = bytes_get_u16(reader);

    for (; count > 0 && !reader->failed; count--) {
        struct bus_consumer_status row;

        bytes_get_text(reader, row.consumer, sizeof row.consumer);
        bytes_get_text(reader, row.topic, sizeof row.topic);
        row.partition = bytes_get_u16(reader);
        row.position = bytes_get_u64(reader);
        if (fits(status, status->consumers_count, BUS_STATUS_CONSUMERS_MAX))
            status->consumers[status->consumers_count++] = row;
    }
}

static void
skip_producers(struct bytes_reader *reader)
{
    char name[PRODUCER_NAME_BYTES];
    uint16_t count = bytes_get_u16(reader);

    for (; count > 0 && !reader->failed; count--) {
        bytes_get_text(reader, name, sizeof name);
        bytes_get_u32(reader);
    }
}

/* A report that we can't read is as good as none. */
static void
read_reports(struct bytes_reader *reader, struct bus_status *status)
{
    uint16_t count = bytes_get_u16(reader);

    for (; count > 0 && !reader->failed; count--) {
        struct bus_report_status *row;
        char name[PRODUCER_NAME_BYTES];
        uint32_t age_ms;
        size_t bytes_count;
        const uint8_t *bytes;

        bytes_get_text(reader, name, sizeof name);
        age_ms = bytes_get_u32(reader);
        bytes_count = bytes_get_u16(reader);
        bytes = bytes_get(reader, bytes_count);
        if (bytes == NULL ||
            !fits(status, status->reports_count, BUS_STATUS_REPORTS_MAX))
            continue;
        row = &status->reports[status->reports_count];
        memcpy(row->name, name, sizeof row->name);
        row->age_ms = age_ms;
        if (report_decode(&row->report, bytes, bytes_count) == RC_OK)
            status->reports_count++;
    }
}

void
bus_zmq_on_survey(struct bus_zmq *bus, struct bytes_reader *reader)
{
    struct bus_status *status = bus->status;

    if (status == NULL)
        return;
    status->topics_count = status->consumers_count = status->reports_count = 0;
    status->cut = false;
    read_topics(reader, status);
    read_consumers(reader, status);
    skip_producers(reader);
    read_reports(reader, status);
    bus->status_fresh = bytes_all_read(reader);
}
