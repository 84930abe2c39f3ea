/*
 * topic_table.h - the topics there are, and the log of each partition
 *
 *   slot   a partition's index in the table, 0..count-1; how the broker's
 *          other tables call it
 *
 * The topics are those of topic_routes and those that the operator named.
 */
#ifndef TOPIC_TABLE_H
#define TOPIC_TABLE_H

#include "broker/topic_log.h"
#include "saga/config.h"

#define TOPIC_TABLE_TOPICS_MAX 64
#define TOPIC_TABLE_SLOTS_MAX (TOPIC_TABLE_TOPICS_MAX * PARTITIONS_MAX)

struct topic_partition {
    char topic[TOPIC_NAME_BYTES];
    uint16_t partition;
    struct topic_log *log; /* NULL until topic_table_open_logs() */
    bool touched;          /* appended to in this turn            */
};

struct topic_table {
    struct topic_partition *items;
    uint32_t count;
    uint32_t partitions; /* of each topic */
};

/*
 * Makes the table, without logs.  names: further topics, separated by commas
 * and blanks.  RC_MALFORMED, and words[words_bytes] says why: a name that
 * can't be, one that is there already, too many; or RC_NO_MEMORY.
 */
MUST_USE enum rc topic_table_new(struct topic_table **table_out,
                                 const char *names, uint32_t partitions,
                                 char *words, size_t words_bytes);
/* Opens the logs; log: what all have in common. */
MUST_USE enum rc topic_table_open_logs(struct topic_table *table,
                                       const struct topic_log_config *log);
/* Closes the logs and frees the table. */
MUST_USE enum rc topic_table_destroy(struct topic_table **table_p);

/* BUS_ERROR_NONE and the slot, BUS_ERROR_UNKNOWN_TOPIC, or
 * BUS_ERROR_UNKNOWN_PARTITION. */
enum bus_error topic_table_find(const struct topic_table *table,
                                const char *topic, uint16_t partition,
                                uint32_t *slot_out);

#endif
