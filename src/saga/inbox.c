#include "saga/inbox.h"

#include "saga/bytes.h"
#include "saga/log.h"

#define INBOX_STATE_FORMAT 1
#define INBOX_KEY_BYTES_MAX (4 + 1 + TOPIC_NAME_BYTES + 2)
#define INBOX_ROW_BYTES_MAX                                                    \
    (1 + 8 + 2 + INBOX_PRODUCERS_MAX * (1 + PRODUCER_NAME_BYTES + 8))

static size_t
state_key(const struct inbox_stream *stream, uint8_t *key)
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, key, INBOX_KEY_BYTES_MAX);
    bytes_put_text(&writer, "in");
    bytes_put_text(&writer, stream->topic);
    bytes_put_u16(&writer, (uint16_t)stream->partition);
    invariant(!writer.failed);
    return writer.used;
}

void
inbox_init(struct inbox *inbox, struct store_table *state)
{
    inbox->state = state;
    inbox->streams_count = 0;
}

static enum rc
read_state(struct inbox *inbox, struct inbox_stream *stream)
{
    uint8_t key[INBOX_KEY_BYTES_MAX], row[INBOX_ROW_BYTES_MAX];
    struct bytes_reader reader;
    size_t bytes;
    uint32_t i;
    enum rc rc;

    rc = store_get(inbox->state, key, state_key(stream, key), row, sizeof row,
                   &bytes);
    if (rc != RC_OK)
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    bytes_reader_init(&reader, row, bytes);
    if (bytes_get_u8(&reader) != INBOX_STATE_FORMAT)
        return RC_DAMAGED;
    stream->offset = bytes_get_u64(&reader);
    stream->seen_count = bytes_get_u16(&reader);
    if (stream->seen_count > INBOX_PRODUCERS_MAX)
        return RC_DAMAGED;
    for (i = 0; i < stream->seen_count; i++) {
        bytes_get_text(&reader, stream->seen[i].producer, PRODUCER_NAME_BYTES);
        stream->seen[i].seq = bytes_get_u64(&reader);
    }
    return bytes_all_read(&reader) ? RC_OK : RC_DAMAGED;
}

enum rc
inbox_add(struct inbox *inbox, struct bus *bus, const char *topic,
          uint32_t partition)
{
    struct inbox_stream *stream = &inbox->streams[inbox->streams_count++];
    enum rc rc;

    invariant(inbox->streams_count <= BUS_STREAMS_MAX);
    *stream = (struct inbox_stream){ .topic = topic, .partition = partition };
    rc = read_state(inbox, stream);
    if (rc == RC_DAMAGED)
        log_error("inbox_damaged", "topic=%s partition=%u", topic, partition);
    if (rc != RC_OK)
        return rc;
    stream->bus_stream = bus_assign(bus, topic, partition, stream->offset);
    return RC_OK;
}

struct inbox_stream *
inbox_find(struct inbox *inbox, int bus_stream)
{
    int i = 0;

    invariant(inbox->streams_count > 0);
    while (inbox->streams[i].bus_stream != bus_stream)
        invariant(++i < inbox->streams_count);
    return &inbox->streams[i];
}

static struct inbox_seen *
find_seen(struct inbox_stream *stream, const char *producer)
{
    struct inbox_seen *seen;
    uint32_t i;

    for (i = 0; i < stream->seen_count; i++)
        if (strcmp(stream->seen[i].producer, producer) == 0)
            return &stream->seen[i];
    if (stream->seen_count == INBOX_PRODUCERS_MAX)
        return NULL;
    seen = &stream->seen[stream->seen_count++];
    *seen = (struct inbox_seen){ .seq = 0 };
    memcpy(seen->producer, producer,
           strnlen(producer, PRODUCER_NAME_BYTES - 1));
    return seen;
}

enum inbox_verdict
inbox_judge(struct inbox_stream *stream, uint64_t offset, const char *producer,
            uint64_t seq)
{
    struct inbox_seen *seen;

    if (offset < stream->offset)
        return INBOX_DUPLICATE;
    seen = find_seen(stream, producer);
    if (offset > stream->offset || seen == NULL || seq > seen->seq + 1)
        return INBOX_GAP;
    stream->offset = offset + 1;
    stream->changed = true;
    if (seq <= seen->seq)
        return INBOX_DUPLICATE;
    seen->seq = seq;
    return INBOX_NEW;
}

static enum rc
write_state(struct inbox *inbox, struct inbox_stream *stream)
{
    uint8_t key[INBOX_KEY_BYTES_MAX], row[INBOX_ROW_BYTES_MAX];
    struct bytes_writer writer;
    uint32_t i;

    bytes_writer_init(&writer, row, sizeof row);
    bytes_put_u8(&writer, INBOX_STATE_FORMAT);
    bytes_put_u64(&writer, stream->offset);
    bytes_put_u16(&writer, (uint16_t)stream->seen_count);
    for (i = 0; i < stream->seen_count; i++) {
        bytes_put_text(&writer, stream->seen[i].producer);
        bytes_put_u64(&writer, stream->seen[i].seq);
    }
    invariant(!writer.failed);
    return store_put(inbox->state, key, state_key(stream, key), row,
                     writer.used);
}

enum rc
inbox_write(struct inbox *inbox)
{
    enum rc rc;
    int i;

    for (i = 0; i < inbox->streams_count; i++) {
        if (!inbox->streams[i].changed)
            continue;
        rc = write_state(inbox, &inbox->streams[i]);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

void
inbox_report(struct inbox *inbox, struct bus *bus)
{
    struct inbox_stream *stream;
    int i;

    for (i = 0; i < inbox->streams_count; i++) {
        stream = &inbox->streams[i];
        if (stream->changed)
            bus_position(bus, stream->bus_stream, stream->offset);
        stream->changed = false;
    }
}
