/*
 * broker_tap.h - the live, lossy copy of what is stored
 *
 * An XPUB socket: frame 1 is "TOPIC/PARTITION", frame 2 a batch as it is
 * stored.  A subscriber that is too slow loses batches and sees it by the
 * offsets.  Nothing is built for partitions that nobody subscribed to.
 */
#ifndef BROKER_TAP_H
#define BROKER_TAP_H

#include "broker/broker_connections.h"
#include "broker/topic_table.h"

/* Subscriptions told apart, with those taken back over connections that go on;
 * beyond it, everything is published until the process ends (libzmq still
 * filters). */
#define BROKER_TAP_PREFIXES_MAX 256
/* "TOPIC/PARTITION" with its NUL; a longer prefix matches nothing. */
#define BROKER_TAP_SUBJECT_BYTES (TOPIC_NAME_BYTES + 6)
/* Subscription messages read per turn. */
#define BROKER_TAP_TURN_MAX 256

struct broker_tap {
    void *socket; /* XPUB, the owner's */
    const struct topic_table *topics;
    struct broker_connections *connections;
    uint32_t prefix_count;
    char prefixes[BROKER_TAP_PREFIXES_MAX][BROKER_TAP_SUBJECT_BYTES];
    bool everything;
    bool wanted[TOPIC_TABLE_SLOTS_MAX];
};

void broker_tap_init(struct broker_tap *tap, void *socket,
                     const struct topic_table *topics,
                     struct broker_connections *connections);
/* Reads the subscriptions that came, cuts who sends too many; never blocks. */
void broker_tap_listen(struct broker_tap *tap);
/* Does anybody want this slot's batches? */
bool broker_tap_wanted(const struct broker_tap *tap, uint32_t slot);
/* Sends it to those who keep up; never blocks. */
void broker_tap_publish(struct broker_tap *tap, uint32_t slot,
                        const void *batch, size_t bytes);

#endif
