#include "sagactl/sagactl_broker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "saga/log.h"

#define ENDPOINT_BYTES 512
#define HANDSHAKE_MS 3000
#define RECONNECT_MS 50
#define FRAMES_MAX 64
#define STATUS_REQUEST 1

struct broker_line {
    void *context;
    void *socket;
    char endpoint[ENDPOINT_BYTES];
    zmq_msg_t frame;
};

int64_t
line_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static bool
connect_socket(struct broker_line *line)
{
    const int64_t bytes_max = PROTOCOL_FRAME_BYTES_MAX + (64 << 10);
    const struct {
        int option, value;
    } options[] = {
        { ZMQ_IMMEDIATE, 1 },
        { ZMQ_LINGER, 0 },
        { ZMQ_SNDHWM, FRAMES_MAX },
        { ZMQ_RCVHWM, FRAMES_MAX },
        { ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS },
        { ZMQ_RECONNECT_IVL, RECONNECT_MS },
    };

    for (size_t i = 0; i < ARRAY_COUNT(options); i++)
        if (zmq_setsockopt(line->socket, options[i].option, &options[i].value,
                           sizeof options[i].value) != 0)
            return false;
    return zmq_setsockopt(line->socket, ZMQ_MAXMSGSIZE, &bytes_max,
                          sizeof bytes_max) == 0
           && zmq_connect(line->socket, line->endpoint) == 0;
}

int
line_open(const struct sagactl *ctl, struct broker_line **line_out)
{
    const char *bus = getenv("SAGAPIPE_BUS");
    bool named = bus != NULL && *bus != '\0';
    struct broker_line *line;

    if (!named && sagactl_check_home(ctl) != EXIT_DONE)
        return EXIT_USAGE;
    line = calloc(1, sizeof *line);
    if (line == NULL || (line->context = zmq_ctx_new()) == NULL
        || (line->socket = zmq_socket(line->context, ZMQ_DEALER)) == NULL) {
        fprintf(stderr, "sagactl: no memory\n");
        free(line);
        return EXIT_SYSTEM;
    }
    zmq_msg_init(&line->frame);
    if (named)
        snprintf(line->endpoint, sizeof line->endpoint, "%s", bus);
    else
        snprintf(line->endpoint, sizeof line->endpoint,
                 "ipc://%s/run/broker.ipc", ctl->home);
    if (connect_socket(line)) {
        *line_out = line;
        return EXIT_DONE;
    }
    fprintf(stderr, "sagactl: %s: %s\n", log_quote(line->endpoint),
            zmq_strerror(errno));
    line_close(&line);
    return EXIT_USAGE;
}

void
line_close(struct broker_line **line_p)
{
    struct broker_line *line = *line_p;

    *line_p = NULL;
    if (line == NULL)
        return;
    zmq_msg_close(&line->frame);
    zmq_close(line->socket);
    zmq_ctx_term(line->context);
    free(line);
}

bool
line_send(struct broker_line *line, const struct bytes_writer *frame)
{
    invariant(!frame->failed);
    return zmq_send(line->socket, frame->data, frame->used, ZMQ_DONTWAIT)
           == (int)frame->used;
}

bool
line_receive(struct broker_line *line, int timeout_ms,
               struct protocol_header *header, struct bytes_reader *reader,
               bool *gone_out)
{
    zmq_pollitem_t items[] = {
        { .socket = line->socket, .events = ZMQ_POLLIN },
        { .fd = STDOUT_FILENO, .events = ZMQ_POLLERR },
    };

    *gone_out = false;
    if (zmq_poll(items, 2, timeout_ms) <= 0)
        return false;
    *gone_out = (items[1].revents & ZMQ_POLLERR) != 0;
    if (zmq_msg_recv(&line->frame, line->socket, ZMQ_DONTWAIT) < 0)
        return false;
    bytes_reader_init(reader, zmq_msg_data(&line->frame),
                      zmq_msg_size(&line->frame));
    return protocol_get_header(reader, header) == RC_OK;
}

/* ---- STATUS ---- */

static bool
read_partitions(struct bytes_reader *reader, struct broker_topics *topics)
{
    size_t count = bytes_get_u16(reader);

    topics->partitions = calloc(count + 1, sizeof *topics->partitions);
    if (topics->partitions == NULL || count > BROKER_TOPICS_MAX)
        return false;
    for (; topics->partitions_count < count && !reader->failed;
         topics->partitions_count++) {
        struct broker_partition *row =
            &topics->partitions[topics->partitions_count];

        bytes_get_text(reader, row->topic, sizeof row->topic);
        row->partition = bytes_get_u16(reader);
        row->begin = bytes_get_u64(reader);
        row->end = bytes_get_u64(reader);
        row->bytes = bytes_get_u64(reader);
    }
    return !reader->failed;
}

static bool
read_readers(struct bytes_reader *reader, struct broker_topics *topics)
{
    size_t count = bytes_get_u16(reader);

    topics->readers = calloc(count + 1, sizeof *topics->readers);
    if (topics->readers == NULL || count > BROKER_READERS_MAX)
        return false;
    for (; topics->readers_count < count && !reader->failed;
         topics->readers_count++) {
        struct broker_reader *row = &topics->readers[topics->readers_count];

        bytes_get_text(reader, row->consumer, sizeof row->consumer);
        bytes_get_text(reader, row->topic, sizeof row->topic);
        row->partition = bytes_get_u16(reader);
        row->position = bytes_get_u64(reader);
    }
    return !reader->failed;
}

/* Asks again and again: what is sent before there is a connection is lost. */
static bool
ask_status(struct broker_line *line, struct bytes_reader *reader)
{
    int64_t deadline_ms = line_now_ms() + BROKER_ANSWER_MS;
    uint8_t data[PROTOCOL_HEADER_BYTES];
    struct bytes_writer frame;
    struct protocol_header header;
    bool sent = false, gone;

    bytes_writer_init(&frame, data, sizeof data);
    protocol_put_header(&frame, VERB_STATUS, STATUS_REQUEST);
    while (line_now_ms() < deadline_ms) {
        sent = sent || line_send(line, &frame);
        if (line_receive(line, sent ? BROKER_ANSWER_MS / 5 : RECONNECT_MS,
                           &header, reader, &gone)) {
            if (header.verb == VERB_STATUS_OK)
                return true;
        } else if (gone)
            return false;
    }
    return false;
}

int
line_ask_topics(struct broker_line *line, struct broker_topics *topics)
{
    struct bytes_reader reader;

    *topics = (struct broker_topics){ 0 };
    if (!ask_status(line, &reader)) {
        fprintf(stderr, "sagactl: nothing answers at %s: is the broker "
                        "running?\n", log_quote(line->endpoint));
        return EXIT_SYSTEM;
    }
    if (read_partitions(&reader, topics) && read_readers(&reader, topics))
        return EXIT_DONE;
    line_topics_fini(topics);
    fprintf(stderr, "sagactl: the broker's answer can't be read\n");
    return EXIT_SYSTEM;
}

void
line_topics_fini(struct broker_topics *topics)
{
    free(topics->partitions);
    free(topics->readers);
    *topics = (struct broker_topics){ 0 };
}

uint64_t
line_lag(const struct broker_topics *topics, const struct broker_reader *reader)
{
    for (size_t i = 0; i < topics->partitions_count; i++) {
        const struct broker_partition *row = &topics->partitions[i];

        if (row->partition == reader->partition
            && strcmp(row->topic, reader->topic) == 0)
            return reader->position < row->end ? row->end - reader->position
                                               : 0;
    }
    return 0;
}
