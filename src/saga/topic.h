/*
 * topic.h - the processes, the topics, and who writes and reads each
 *
 * One table (topic_routes); the participants subscribe by it, the broker
 * checks permissions by it, the README's picture follows it.
 *
 *   topic      a durable, ordered log of events, cut into partitions
 *   partition  events of one key (the user's id) keep their order in it
 *   offset     an event's place in a partition, from 0
 *
 * Core.
 */
#ifndef SAGA_TOPIC_H
#define SAGA_TOPIC_H

#include "saga/ids.h"

#define TOPIC_NAME_BYTES 32   /* with the final NUL                        */
#define PRODUCER_NAME_BYTES 32 /* with the final NUL                       */
#define PARTITIONS_MAX 16

enum process {
    PROCESS_NONE = 0,
    PROCESS_BROKER,
    PROCESS_PAYMENT,
    PROCESS_LEDGER,
    PROCESS_GATEWAY,
    PROCESS_COUNT
};

enum topic {
    TOPIC_ORDERS = 0,
    TOPIC_PAYMENTS,
    TOPIC_TRANSACTIONS,
    TOPIC_DEAD_LETTERS,
    TOPIC_COUNT
};

struct topic_route {
    const char *name;
    unsigned written_by; /* a set of BY(process) */
    unsigned read_by;
};

#define BY(process) (1u << (process))

extern const struct topic_route topic_routes[TOPIC_COUNT];

/* "gateway"; "none" for PROCESS_NONE. */
const char *process_name(enum process process);

/*
 * The process that a producer's or consumer's name stands for: the process's
 * name, alone or with "-INSTANCE" behind it ("gateway", "gateway-2").
 * PROCESS_NONE if it is none of ours.
 */
enum process process_find(const char *name);

/* The topic of that name, or TOPIC_COUNT. */
enum topic topic_find(const char *name);

/* True for 1..31 characters of [a-z0-9.-], the first a letter or digit:
 * the form of topic, producer and consumer names. */
bool topic_name_valid(const char *name);

/* Where events of this user go; partitions is 1..PARTITIONS_MAX.  The hash is
 * part of the format: a change would break the order of a user's events. */
uint32_t topic_partition(struct user_id user, uint32_t partitions);

#endif
