/*
 * sagactl_broker.h - the broker, asked over its bus (docs/PROTOCOL.md)
 *
 * Where it is: SAGAPIPE_BUS, else below the home.  One thread.
 */
#ifndef SAGACTL_BROKER_H
#define SAGACTL_BROKER_H

#include "saga/protocol.h"
#include "sagactl/sagactl.h"

#define BROKER_TOPICS_MAX 1024   /* partitions of all topics  */
#define BROKER_READERS_MAX 16384 /* consumers of all of them  */
#define BROKER_ANSWER_MS 5000

struct broker_line; /* a connection */

struct broker_partition {
    char topic[TOPIC_NAME_BYTES];
    uint32_t partition;
    uint64_t begin, end, bytes;
};

struct broker_reader {
    char consumer[PRODUCER_NAME_BYTES];
    char topic[TOPIC_NAME_BYTES];
    uint32_t partition;
    uint64_t position;
};

struct broker_topics {
    size_t partitions_count, readers_count;
    struct broker_partition *partitions;
    struct broker_reader *readers;
    /* The names that have told how they are, after line_ask_all(). */
    size_t reporters_count;
    char (*reporters)[PRODUCER_NAME_BYTES];
};

/* EXIT_DONE, or one line and EXIT_USAGE (an endpoint that can't be, a home that
 * is none) or EXIT_SYSTEM.  Waits for nothing. */
MUST_USE int line_open(const struct sagactl *ctl,
                         struct broker_line **line_out);
/* The same, at an endpoint that is known already. */
MUST_USE int line_open_at(const char *endpoint, struct broker_line **line_out);
void line_close(struct broker_line **line_p);

/* Sends a frame; false if it can't be sent now. */
bool line_send(struct broker_line *line, const struct bytes_writer *frame);

/*
 * Waits up to timeout_ms for one reply, whose reader then stands behind its
 * header; valid until the next call.  False if none came.  *gone_out: nobody
 * reads stdout any more.
 */
bool line_receive(struct broker_line *line, int timeout_ms,
                    struct protocol_header *header_out,
                    struct bytes_reader *reader_out, bool *gone_out);

/* What topics there are, and who reads them.  The lists are the caller's:
 * line_topics_fini().  One line, and EXIT_SYSTEM, if nothing answers. */
MUST_USE int line_ask_topics(struct broker_line *line,
                               struct broker_topics *topics_out);
/* The same, with reporters. */
MUST_USE int line_ask_all(struct broker_line *line,
                          struct broker_topics *topics_out);
void line_topics_fini(struct broker_topics *topics);

/* The broker forgets the consumer.  EXIT_DONE, or one line and EXIT_SYSTEM. */
MUST_USE int line_forget(struct broker_line *line, const char *consumer);

/* What it has not read of its partition. */
uint64_t line_lag(const struct broker_topics *topics,
                  const struct broker_reader *reader);

/* Milliseconds on a clock that only rises. */
int64_t line_now_ms(void);

#endif
