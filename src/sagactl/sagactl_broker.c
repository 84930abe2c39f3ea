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
#define LINE_REQUEST 1 /* one is under way at a time */

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
    char endpoint[ENDPOINT_BYTES];

    if (bus != NULL && *bus != '\0')
        return line_open_at(bus, line_out);
    if (sagactl_check_home(ctl) != EXIT_DONE)
        return EXIT_USAGE;
    snprintf(endpoint, sizeof endpoint, "ipc://%s/run/broker.ipc", ctl->home);
    return line_open_at(endpoint, line_out);
}

int
line_open_at(const char *endpoint, struct broker_line **line_out)
{
    struct broker_line *line = calloc(1, sizeof *line);

    if (line == NULL || (line->context = zmq_ctx_new()) == NULL
        || (line->socket = zmq_socket(line->context, ZMQ_DEALER)) == NULL) {
        fprintf(stderr, "sagactl: no memory\n");
        free(line);
        return EXIT_SYSTEM;
    }
    zmq_msg_init(&line->frame);
    snprintf(line->endpoint, sizeof line->endpoint, "%s", endpoint);
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

/* ---- STATUS, SURVEY, FORGET ---- */

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

static bool
read_reporters(struct bytes_reader *reader, struct broker_topics *topics)
{
    char producer[PRODUCER_NAME_BYTES];
    size_t count;

    for (count = bytes_get_u16(reader); count > 0 && !reader->failed; count--) {
        bytes_get_text(reader, producer, sizeof producer);
        bytes_get_u32(reader); /* its epoch */
    }
    count = bytes_get_u16(reader);
    topics->reporters = calloc(count + 1, sizeof *topics->reporters);
    if (topics->reporters == NULL)
        return false;
    for (; topics->reporters_count < count && !reader->failed;
         topics->reporters_count++) {
        bytes_get_text(reader, topics->reporters[topics->reporters_count],
                       sizeof *topics->reporters);
        bytes_get_u32(reader); /* its age */
        bytes_get(reader, bytes_get_u16(reader));
    }
    return !reader->failed;
}

/* Asks until it is sent (what is sent before there is a connection is lost),
 * and waits for the answer, whose verb it gives; VERB_NONE, and one line, if
 * none comes. */
static enum verb
converse(struct broker_line *line, const struct bytes_writer *frame,
         struct bytes_reader *reader)
{
    int64_t deadline_ms = line_now_ms() + BROKER_ANSWER_MS;
    struct protocol_header header;
    bool sent = false, gone = false;

    while (line_now_ms() < deadline_ms && !gone) {
        sent = sent || line_send(line, frame);
        if (line_receive(line, sent ? BROKER_ANSWER_MS / 5 : RECONNECT_MS,
                         &header, reader, &gone) &&
            header.request == LINE_REQUEST)
            return header.verb;
    }
    fprintf(stderr, "sagactl: nothing answers at %s: is the broker "
                    "running?\n", log_quote(line->endpoint));
    return VERB_NONE;
}

static int
unreadable(void)
{
    fprintf(stderr, "sagactl: the broker's answer can't be read\n");
    return EXIT_SYSTEM;
}

static int
ask_state(struct broker_line *line, enum verb verb,
          struct broker_topics *topics)
{
    uint8_t data[PROTOCOL_HEADER_BYTES];
    struct bytes_writer frame;
    struct bytes_reader reader;
    enum verb answer;

    *topics = (struct broker_topics){ 0 };
    bytes_writer_init(&frame, data, sizeof data);
    protocol_put_header(&frame, verb, LINE_REQUEST);
    answer = converse(line, &frame, &reader);
    if (answer == VERB_NONE)
        return EXIT_SYSTEM;
    if (answer != VERB_ERROR && read_partitions(&reader, topics) &&
        read_readers(&reader, topics) &&
        (verb == VERB_STATUS || read_reporters(&reader, topics)))
        return EXIT_DONE;
    line_topics_fini(topics);
    return unreadable();
}

int
line_ask_topics(struct broker_line *line, struct broker_topics *topics)
{
    return ask_state(line, VERB_STATUS, topics);
}

int
line_ask_all(struct broker_line *line, struct broker_topics *topics)
{
    return ask_state(line, VERB_SURVEY, topics);
}

int
line_forget(struct broker_line *line, const char *consumer)
{
    uint8_t data[PROTOCOL_HEADER_BYTES + PRODUCER_NAME_BYTES];
    struct protocol_forget forget;
    struct protocol_error error;
    struct bytes_writer frame;
    struct bytes_reader reader;
    enum verb answer;

    snprintf(forget.consumer, sizeof forget.consumer, "%s", consumer);
    bytes_writer_init(&frame, data, sizeof data);
    protocol_put_forget(&frame, LINE_REQUEST, &forget);
    answer = converse(line, &frame, &reader);
    if (answer == VERB_FORGET_OK)
        return EXIT_DONE;
    if (answer == VERB_NONE)
        return EXIT_SYSTEM;
    if (answer != VERB_ERROR || protocol_get_error(&reader, &error) != RC_OK)
        return unreadable();
    fprintf(stderr, "sagactl: the broker refused it: %s\n",
            bus_error_name(error.code));
    return EXIT_SYSTEM;
}

void
line_topics_fini(struct broker_topics *topics)
{
    free(topics->partitions);
    free(topics->readers);
    free(topics->reporters);
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
