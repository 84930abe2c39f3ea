/*
 * bus_peer.h - a bus, and a broker that the test plays by hand
 *
 * Private to the tests of the ZeroMQ binder.  Every wait has a limit, behind
 * which the test fails.
 */
#ifndef SUPPORT_BUS_PEER_H
#define SUPPORT_BUS_PEER_H

#include "saga/bus.h"
#include "saga/protocol.h"

#define TIMEOUT_MS 200
#define LINGER_MS 200
#define WAITS_MAX 100 /* of TIMEOUT_MS / 2 each: a test's limit */

struct peer {
    char endpoint[80];
    char path[64];
    void *context;
    void *router;
    struct bus *bus;
    int writes; /* stream numbers */
    int reads;
    uint8_t id[64]; /* the client's routing id */
    size_t id_bytes;
    uint8_t frame[8192]; /* the last request */
    size_t frame_bytes;
    struct protocol_header header;
    struct bytes_reader body;
};

void peer_router_open(struct peer *peer);
int peer_setup(void **state);
int peer_setup_patient(void **state);
int peer_teardown(void **state);
void peer_expect_request(struct peer *peer, enum verb verb);
/* Asks about all, and reads the question; its request id. */
uint64_t peer_expect_survey(struct peer *peer);
void peer_reply(struct peer *peer, const struct bytes_writer *writer);
void peer_reply_open(struct peer *peer, uint32_t epoch, uint64_t last_seq);
void peer_reply_produced(struct peer *peer, uint64_t request);
void peer_reply_error(struct peer *peer, uint64_t request,
                      enum bus_error code, uint64_t detail);
void peer_reply_fetch(struct peer *peer, uint64_t request, uint64_t offset,
                      uint32_t count);
void peer_reply_survey(struct peer *peer, uint64_t request, uint16_t topics,
                       size_t short_by);
void peer_expect_event(struct peer *peer, enum bus_event_type type,
                       struct bus_event *event);
void peer_open_bus(struct peer *peer);
enum rc peer_produce(struct peer *peer, uint64_t first_seq, uint32_t count);
uint64_t peer_expect_produce(struct peer *peer, uint64_t first_seq);
void peer_expect_ack(struct peer *peer, uint64_t first_seq);
void peer_expect_failure(struct peer *peer, enum rc rc);
uint64_t peer_expect_fetch(struct peer *peer, uint64_t offset);
void peer_expect_batch(struct peer *peer, uint64_t offset);

#endif
