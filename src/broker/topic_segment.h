/*
 * topic_segment.h - the segments of one partition: a list, rows, tables
 *
 * Internal to topic_log: what a segment is called, how its row is written and
 * read, and which tables are open.
 */
#ifndef TOPIC_SEGMENT_H
#define TOPIC_SEGMENT_H

#include "broker/topic_log.h"

struct topic_segment {
    uint64_t base; /* first offset; the segment's name */
    uint64_t end;
    uint64_t bytes;
    int64_t first_us;
    int64_t last_us;
    struct store_table *table; /* NULL: not open */
    uint64_t last_use;
};

struct topic_segments {
    struct topic_log_config config;
    char topic[TOPIC_NAME_BYTES];
    struct topic_segment *items; /* by offset, without holes */
    size_t count;
    size_t room;
    uint64_t uses;
    bool opened; /* a table, since topic_segments_trim_tables() */
};

/* Reads all rows of the partition; RC_DAMAGED if they leave a hole. */
MUST_USE enum rc topic_segments_load(struct topic_segments *segments);
/* Closes the tables and frees the list. */
MUST_USE enum rc topic_segments_fini(struct topic_segments *segments);

/* One more, without a row and a table yet.  RC_NO_MEMORY. */
MUST_USE enum rc topic_segments_add(struct topic_segments *segments,
                                    uint64_t base);
/* The one that holds the offset, which must be in the log. */
struct topic_segment *topic_segments_find(struct topic_segments *segments,
                                          uint64_t offset);

/* Opens the segment's table if it isn't open. */
MUST_USE enum rc topic_segments_open_table(struct topic_segments *segments,
                                           struct topic_segment *segment);
/* Closes those of old segments that were used least lately, but for
 * TOPIC_LOG_OLD_TABLES_MAX.  No cursor may be open. */
MUST_USE enum rc topic_segments_trim_tables(struct topic_segments *segments);

MUST_USE enum rc topic_segments_write(const struct topic_segments *segments,
                                      const struct topic_segment *segment);

/* Inside a transaction: the oldest one's row goes, and a note that its table
 * is to be removed is written.  name: STORE_NAME_BYTES, the table's. */
MUST_USE enum rc topic_segments_retire(const struct topic_segments *segments,
                                       char *name);
/* That was committed: it leaves the list. */
MUST_USE enum rc topic_segments_retired(struct topic_segments *segments);

/* A transaction: the table and its note go. */
MUST_USE enum rc topic_segment_remove_table(struct store *store,
                                            struct store_table *meta,
                                            const char *name);

#endif
