#include "saga/inbox.h"

#include <stdlib.h>

#include "saga/bytes.h"
#include "saga/log.h"

#define INBOX_STATE_FORMAT 1
#define INBOX_KEY_BYTES_MAX (4 + 1 + TOPIC_NAME_BYTES + 2)
#define INBOX_ROW_HEAD_BYTES (1 + 8 + 2) /* format, offset, count */
#define INBOX_SEEN_BYTES_MAX (1 + PRODUCER_NAME_BYTES - 1 + 8)
#define INBOX_SEEN_ROOM 4 /* at first */

_Static_assert(INBOX_ROW_HEAD_BYTES +
                   INBOX_PRODUCERS_MAX * INBOX_SEEN_BYTES_MAX <=
                   STORE_VALUE_BYTES_MAX,
               "a stream's producers always fit in its row");
_Static_assert(INBOX_PRODUCERS_MAX <= UINT16_MAX, "a row counts them so");

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
    *inbox = (struct inbox){ .state = state };
}

void
inbox_fini(struct inbox *inbox)
{
    int i;

    for (i = 0; i < inbox->streams_count; i++)
        free(inbox->streams[i].seen);
    free(inbox->row);
    *inbox = (struct inbox){ 0 };
}

/* The array doubles: one producer per stream is the usual case. */
static void
seen_make_room(struct inbox_stream *stream)
{
    uint32_t room = stream->seen_room;

    if (stream->seen_count < room)
        return;
    room = room == 0 ? INBOX_SEEN_ROOM : 2 * room;
    stream->seen = realloc(stream->seen, room * sizeof *stream->seen);
    invariant(stream->seen != NULL);
    stream->seen_room = room;
}

/* Where the producer stands, or is to be put. */
static uint32_t
seen_place(const struct inbox_stream *stream, const char *producer)
{
    uint32_t low = 0, high = stream->seen_count, middle;

    while (low < high) {
        middle = (low + high) / 2;
        if (strcmp(stream->seen[middle].producer, producer) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The producer's last seq, 0 for a new one; NULL if it is one too many. */
static struct inbox_seen *
take_seen(struct inbox_stream *stream, const char *producer)
{
    uint32_t place = seen_place(stream, producer);
    struct inbox_seen *seen;

    if (place < stream->seen_count &&
        strcmp(stream->seen[place].producer, producer) == 0)
        return &stream->seen[place];
    if (stream->seen_count == INBOX_PRODUCERS_MAX)
        return NULL;
    seen_make_room(stream);
    seen = &stream->seen[place];
    memmove(seen + 1, seen, (stream->seen_count - place) * sizeof *seen);
    stream->seen_count++;
    *seen = (struct inbox_seen){ .seq = 0 };
    memcpy(seen->producer, producer,
           strnlen(producer, PRODUCER_NAME_BYTES - 1));
    return seen;
}

static void
row_make_room(struct inbox *inbox, size_t bytes)
{
    if (bytes <= inbox->row_room)
        return;
    inbox->row = realloc(inbox->row, bytes);
    invariant(inbox->row != NULL);
    inbox->row_room = bytes;
}

static enum rc
read_row(struct inbox *inbox, const struct inbox_stream *stream,
         size_t *bytes_out)
{
    uint8_t key[INBOX_KEY_BYTES_MAX];
    size_t key_bytes = state_key(stream, key);
    enum rc rc;

    row_make_room(inbox, INBOX_ROW_HEAD_BYTES + INBOX_SEEN_BYTES_MAX);
    rc = store_get(inbox->state, key, key_bytes, inbox->row, inbox->row_room,
                   bytes_out);
    if (rc != RC_FULL)
        return rc;
    row_make_room(inbox, *bytes_out);
    return store_get(inbox->state, key, key_bytes, inbox->row,
                     inbox->row_room, bytes_out);
}

/* Rows of before 018 have their producers in the order of their coming. */
static enum rc
read_state(struct inbox *inbox, struct inbox_stream *stream)
{
    char producer[PRODUCER_NAME_BYTES];
    struct bytes_reader reader;
    struct inbox_seen *seen;
    uint32_t count, i;
    size_t bytes;
    enum rc rc = read_row(inbox, stream, &bytes);

    if (rc != RC_OK)
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    bytes_reader_init(&reader, inbox->row, bytes);
    if (bytes_get_u8(&reader) != INBOX_STATE_FORMAT)
        return RC_DAMAGED;
    stream->offset = bytes_get_u64(&reader);
    count = bytes_get_u16(&reader);
    for (i = 0; i < count && !reader.failed; i++) {
        bytes_get_text(&reader, producer, sizeof producer);
        seen = take_seen(stream, producer);
        if (seen == NULL || stream->seen_count != i + 1)
            return RC_DAMAGED; /* too many, or one of them twice */
        seen->seq = bytes_get_u64(&reader);
    }
    return bytes_all_read(&reader) ? RC_OK : RC_DAMAGED;
}

/* Read twice, a stream's events would take effect twice. */
static bool
is_read(const struct inbox *inbox, const char *topic, uint32_t partition)
{
    int i = 0;

    while (i < inbox->streams_count &&
           (inbox->streams[i].partition != partition ||
            strcmp(inbox->streams[i].topic, topic) != 0))
        i++;
    return i < inbox->streams_count;
}

enum rc
inbox_add(struct inbox *inbox, struct bus *bus, const char *topic,
          uint32_t partition)
{
    struct inbox_stream *stream = &inbox->streams[inbox->streams_count];
    enum rc rc;

    invariant(inbox->streams_count < BUS_STREAMS_MAX);
    invariant(!is_read(inbox, topic, partition));
    inbox->streams_count++;
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
    while (inbox->streams[i].bus_stream != bus_stream) {
        i++;
        invariant(i < inbox->streams_count);
    }
    return &inbox->streams[i];
}

/* The first of all names; the broker takes nothing from nobody. */
static bool
began_later(const struct inbox_stream *stream)
{
    return stream->seen_count > 0 && stream->seen[0].producer[0] == '\0';
}

bool
inbox_is_new(const struct inbox_stream *stream)
{
    return stream->seen_count == (began_later(stream) ? 1 : 0);
}

void
inbox_begin_later(struct inbox_stream *stream, uint64_t offset)
{
    invariant(inbox_is_new(stream) && offset > stream->offset);
    take_seen(stream, "")->seq = offset;
    stream->offset = offset;
    stream->changed = true;
}

enum inbox_verdict
inbox_judge(struct inbox_stream *stream, uint64_t offset, const char *producer,
            uint64_t seq)
{
    struct inbox_seen *seen;

    if (offset < stream->offset)
        return INBOX_DUPLICATE;
    if (offset > stream->offset || producer[0] == '\0')
        return INBOX_GAP;
    seen = take_seen(stream, producer);
    if (seen == NULL)
        return INBOX_FULL;
    if (seq > seen->seq + 1 && (seen->seq > 0 || !began_later(stream)))
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
    uint8_t key[INBOX_KEY_BYTES_MAX];
    struct bytes_writer writer;
    uint32_t i;

    row_make_room(inbox, INBOX_ROW_HEAD_BYTES +
                             stream->seen_room * INBOX_SEEN_BYTES_MAX);
    bytes_writer_init(&writer, inbox->row, inbox->row_room);
    bytes_put_u8(&writer, INBOX_STATE_FORMAT);
    bytes_put_u64(&writer, stream->offset);
    bytes_put_u16(&writer, (uint16_t)stream->seen_count);
    for (i = 0; i < stream->seen_count; i++) {
        bytes_put_text(&writer, stream->seen[i].producer);
        bytes_put_u64(&writer, stream->seen[i].seq);
    }
    invariant(!writer.failed);
    return store_put(inbox->state, key, state_key(stream, key), inbox->row,
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
