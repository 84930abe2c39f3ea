/*
 * broker_request.h - what a client wants, read from its frame and checked
 *
 * Everything about a request that can be judged without knowing the broker's
 * state: form, version, limits, names, and who may write or read a topic.
 * Any octets may be given; nothing here looks at the events of a batch.
 *
 * Core.
 */
#ifndef BROKER_REQUEST_H
#define BROKER_REQUEST_H

#include "saga/protocol.h"

struct broker_request {
    struct protocol_header header;
    size_t batch_position; /* PRODUCE: where in the frame its batch stands */
    size_t batch_bytes;    /* and how long it is, with its header          */
    union {
        struct protocol_open open;
        struct protocol_open_store open_store;
        struct protocol_produce produce;
        struct protocol_fetch fetch;
        struct protocol_forget forget;
        struct protocol_report report; /* looks into the frame */
    } body;
};

/* Why a request is refused: an ERROR but for its request id. */
struct broker_refusal {
    enum bus_error code; /* BUS_ERROR_NONE: it is not refused */
    uint64_t detail;
    const char *words;
};

/*
 * Reads a frame.  False if it does not begin with a header of ours: then
 * nobody knows how to answer it.  Else the header is filled in, and the body
 * too if the refusal's code is BUS_ERROR_NONE.  batch_bytes_max: the most
 * octets of events in one batch.
 */
bool broker_request_read(struct broker_request *request, const void *frame,
                         size_t size, uint32_t batch_bytes_max,
                         struct broker_refusal *refusal_out);

/* Topics of ours are written only by their processes; others by anyone. */
bool broker_may_write(const char *producer, const char *topic);
/* Names that stand for no process of ours read what they like. */
bool broker_may_read(const char *consumer, const char *topic);

#endif
