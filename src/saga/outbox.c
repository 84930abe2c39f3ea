#include "saga/outbox.h"

#include <inttypes.h>
#include <stdlib.h>

#include "saga/bytes.h"
#include "saga/log.h"
#include "saga/protocol.h"

#define OUTBOX_KEY_BYTES_MAX (1 + TOPIC_NAME_BYTES + 2 + 8)
#define OUTBOX_ROW_HEAD_BYTES 4 /* count */
/* A row may have been written when the knob `batch` was larger than now. */
#define OUTBOX_ROW_BYTES_MAX (OUTBOX_ROW_HEAD_BYTES + PROTOCOL_BATCH_BYTES_MAX)
#define OUTBOX_STATE_FORMAT 1
#define ROOM_TOPIC "(room between batches)" /* no topic may be named so */
#define ROOM_BYTES 2048 /* more than stands in a leaf of the tree: a page */
#define ROOM_PAGES_MAX 2048 /* to which the file's end is kept: 8 MiB     */

_Static_assert(EVENT_BYTES_MAX <= 8192, "the knob `batch` has this minimum");
_Static_assert(OUTBOX_ROW_BYTES_MAX <= STORE_VALUE_BYTES_MAX,
               "a batch is one row");

static size_t
row_key(const struct outbox_stream *stream, uint64_t first_seq, uint8_t *key)
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, key, OUTBOX_KEY_BYTES_MAX);
    bytes_put_text(&writer, stream->topic);
    bytes_put_u16(&writer, (uint16_t)stream->partition);
    bytes_put_u64(&writer, first_seq);
    invariant(!writer.failed);
    return writer.used;
}

static size_t
state_key(const struct outbox_stream *stream, uint8_t *key)
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, key, OUTBOX_KEY_BYTES_MAX);
    bytes_put_text(&writer, "out");
    bytes_put_text(&writer, stream->topic);
    bytes_put_u16(&writer, (uint16_t)stream->partition);
    invariant(!writer.failed);
    return writer.used;
}

enum rc
outbox_open(struct outbox *outbox, struct store *store,
            struct store_table *state, size_t batch_bytes_max)
{
    enum rc rc;

    invariant(batch_bytes_max <= PROTOCOL_BATCH_BYTES_MAX);
    *outbox = (struct outbox){ .state = state,
                               .batch_bytes_max = batch_bytes_max };
    outbox->row = malloc(OUTBOX_ROW_BYTES_MAX);
    if (outbox->row == NULL)
        return RC_NO_MEMORY;
    rc = store_table_open(store, "outbox", &outbox->rows);
    if (rc == RC_OK)
        outbox->pages = store_table_pages(outbox->rows);
    return rc;
}

void
outbox_fini(struct outbox *outbox)
{
    int i;

    for (i = 0; i < outbox->streams_count; i++)
        free(outbox->streams[i].bytes);
    free(outbox->row);
    *outbox = (struct outbox){ 0 };
}

static enum rc
read_next_seq(struct outbox *outbox, struct outbox_stream *stream)
{
    uint8_t key[OUTBOX_KEY_BYTES_MAX], value[16];
    struct bytes_reader reader;
    size_t bytes;
    enum rc rc;

    rc = store_get(outbox->state, key, state_key(stream, key), value,
                   sizeof value, &bytes);
    if (rc == RC_NOT_FOUND) {
        stream->next_seq = 1;
        return RC_OK;
    }
    if (rc != RC_OK)
        return rc == RC_FULL ? RC_DAMAGED : rc;
    bytes_reader_init(&reader, value, bytes);
    if (bytes_get_u8(&reader) != OUTBOX_STATE_FORMAT)
        return RC_DAMAGED;
    stream->next_seq = bytes_get_u64(&reader);
    return bytes_all_read(&reader) && stream->next_seq > 0 ? RC_OK : RC_DAMAGED;
}

/* The first row left tells from where to publish again. */
static enum rc
read_first_row(struct outbox *outbox, struct outbox_stream *stream)
{
    uint8_t key[OUTBOX_KEY_BYTES_MAX];
    size_t key_bytes = row_key(stream, 0, key);
    struct store_cursor *cursor;
    struct bytes_reader reader;
    struct store_row row;
    uint64_t first_seq = stream->next_seq;
    enum rc rc = store_cursor_open(outbox->rows, &cursor);

    if (rc != RC_OK)
        return rc;
    rc = store_cursor_seek(cursor, key, key_bytes, &row);
    if (rc == RC_OK && row.key_bytes == key_bytes &&
        memcmp(row.key, key, key_bytes - 8) == 0) {
        bytes_reader_init(&reader, row.key + key_bytes - 8, 8);
        first_seq = bytes_get_u64(&reader);
    }
    store_cursor_close(&cursor);
    if (rc != RC_OK && rc != RC_NOT_FOUND)
        return rc;
    if (first_seq == 0 || first_seq > stream->next_seq)
        return RC_DAMAGED;
    stream->sent_seq = stream->acked_seq = stream->kept_seq = first_seq - 1;
    /* All that has a row may have been offered before we were restarted. */
    stream->offered_seq = stream->next_seq - 1;
    return RC_OK;
}

enum rc
outbox_add(struct outbox *outbox, struct bus *bus, const char *topic,
           uint32_t partition, int *stream_out)
{
    struct outbox_stream *stream = &outbox->streams[outbox->streams_count];
    enum rc rc;

    invariant(outbox->streams_count < BUS_STREAMS_MAX);
    *stream = (struct outbox_stream){ .topic = topic, .partition = partition };
    stream->bytes = malloc(outbox->batch_bytes_max);
    if (stream->bytes == NULL)
        return RC_NO_MEMORY;
    *stream_out = outbox->streams_count++;
    rc = read_next_seq(outbox, stream);
    if (rc == RC_OK)
        rc = read_first_row(outbox, stream);
    if (rc == RC_DAMAGED)
        log_error("outbox_damaged", "topic=%s partition=%u", topic, partition);
    stream->first_seq = stream->next_seq;
    stream->bus_stream = bus_declare(bus, topic, partition);
    return rc;
}

/* The turn's batch becomes a row; the next event starts another. */
static enum rc
write_row(struct outbox *outbox, struct outbox_stream *stream)
{
    uint8_t key[OUTBOX_KEY_BYTES_MAX];
    struct bytes_writer writer;
    enum rc rc;

    if (stream->count == 0)
        return RC_OK;
    bytes_writer_init(&writer, outbox->row, OUTBOX_ROW_BYTES_MAX);
    bytes_put_u32(&writer, stream->count);
    bytes_put(&writer, stream->bytes, stream->bytes_used);
    invariant(!writer.failed);
    rc = store_put_new(outbox->rows, key,
                       row_key(stream, stream->first_seq, key), outbox->row,
                       writer.used);
    invariant(rc != RC_EXISTS);
    stream->first_seq = stream->next_seq;
    stream->count = 0;
    stream->bytes_used = 0;
    stream->written = true;
    return rc;
}

enum rc
outbox_append(struct outbox *outbox, int index, struct event *event)
{
    struct outbox_stream *stream = &outbox->streams[index];
    size_t used;
    enum rc rc;

    event->id = stream->next_seq;
    rc = event_encode(event, stream->bytes + stream->bytes_used,
                      outbox->batch_bytes_max - stream->bytes_used, &used);
    if (rc == RC_FULL) {
        rc = write_row(outbox, stream);
        if (rc != RC_OK)
            return rc;
        rc = event_encode(event, stream->bytes, outbox->batch_bytes_max,
                          &used);
        invariant(rc != RC_FULL);
    }
    if (rc != RC_OK)
        return rc;
    stream->bytes_used += used;
    stream->count++;
    stream->next_seq++;
    return RC_OK;
}

static enum rc
write_state(struct outbox *outbox, struct outbox_stream *stream)
{
    uint8_t key[OUTBOX_KEY_BYTES_MAX], value[16];
    struct bytes_writer writer;

    bytes_writer_init(&writer, value, sizeof value);
    bytes_put_u8(&writer, OUTBOX_STATE_FORMAT);
    bytes_put_u64(&writer, stream->next_seq);
    stream->written = false;
    return store_put(outbox->state, key, state_key(stream, key), value,
                     writer.used);
}

static enum rc
damaged(const struct outbox_stream *stream, uint64_t seq, const char *why)
{
    log_error("outbox_damaged",
              "topic=%s partition=%u seq=%" PRIu64 " why=%s", stream->topic,
              stream->partition, seq, why);
    return RC_DAMAGED;
}

static enum rc
trim_rows(struct outbox *outbox)
{
    uint8_t key[OUTBOX_KEY_BYTES_MAX];
    const struct outbox_row *row;
    enum rc rc;
    uint32_t i;

    for (i = 0; i < outbox->trim_count; i++) {
        row = &outbox->trim[i];
        rc = store_delete(
            outbox->rows, key,
            row_key(&outbox->streams[row->stream], row->first_seq, key));
        if (rc == RC_NOT_FOUND)
            rc = damaged(&outbox->streams[row->stream], row->first_seq,
                         "missing");
        if (rc != RC_OK)
            return rc;
    }
    outbox->trim_count = 0;
    return RC_OK;
}

/*
 * The library gives a file's last page back to the disk as soon as it is free,
 * and syncs its log before that: in the middle of a transaction, and for as
 * long as a flush.  So a row that stays is put behind what made the file grow,
 * and what is freed below it is used again.  To who reads the outbox it is a
 * batch of a topic that there is not.
 */
static enum rc
keep_room(struct outbox *outbox)
{
    static const uint8_t batch[ROOM_BYTES] = { 0, 0, 0, 1 /* count */ };
    const struct outbox_stream room = { .topic = ROOM_TOPIC };
    uint32_t pages = store_table_pages(outbox->rows);
    uint8_t key[OUTBOX_KEY_BYTES_MAX];
    enum rc rc;

    if (pages <= outbox->pages || pages > ROOM_PAGES_MAX)
        return RC_OK;
    rc = store_put(outbox->rows, key, row_key(&room, pages, key), batch,
                   sizeof batch);
    outbox->pages = store_table_pages(outbox->rows);
    return rc;
}

/* The file was cut at its end after all: that is to be kept when it grows. */
static void
note_end(struct outbox *outbox)
{
    uint32_t pages = store_table_pages(outbox->rows);

    if (pages < outbox->pages)
        outbox->pages = pages;
}

enum rc
outbox_write(struct outbox *outbox)
{
    struct outbox_stream *stream;
    enum rc rc;
    int i;

    for (i = 0; i < outbox->streams_count; i++) {
        stream = &outbox->streams[i];
        rc = write_row(outbox, stream);
        if (rc == RC_OK && stream->written)
            rc = write_state(outbox, stream);
        if (rc != RC_OK)
            return rc;
    }
    rc = keep_room(outbox);
    if (rc == RC_OK)
        rc = trim_rows(outbox);
    note_end(outbox);
    return rc;
}

static enum rc
publish_row(struct outbox *outbox, struct outbox_stream *stream,
            struct bus *bus)
{
    uint8_t key[OUTBOX_KEY_BYTES_MAX];
    struct bus_batch batch = { .stream = stream->bus_stream,
                               .first_seq = stream->sent_seq + 1 };
    struct bytes_reader reader;
    size_t bytes;
    enum rc rc;

    rc = store_get(outbox->rows, key, row_key(stream, batch.first_seq, key),
                   outbox->row, OUTBOX_ROW_BYTES_MAX, &bytes);
    if (rc == RC_NOT_FOUND)
        return damaged(stream, batch.first_seq, "missing");
    if (rc == RC_FULL)
        return damaged(stream, batch.first_seq, "too_large");
    if (rc != RC_OK)
        return rc;
    bytes_reader_init(&reader, outbox->row, bytes);
    batch.count = bytes_get_u32(&reader);
    batch.bytes_count = bytes - reader.used;
    batch.bytes = bytes_get(&reader, batch.bytes_count);
    if (!bytes_all_read(&reader) || batch.count == 0)
        return damaged(stream, batch.first_seq, "malformed");
    rc = bus_produce(bus, &batch);
    if (rc == RC_OK)
        stream->sent_seq += batch.count;
    if (stream->sent_seq > stream->offered_seq)
        stream->offered_seq = stream->sent_seq;
    return rc;
}

enum rc
outbox_publish(struct outbox *outbox, struct bus *bus)
{
    struct outbox_stream *stream;
    enum rc rc = RC_OK;
    int i;

    for (i = 0; i < outbox->streams_count; i++) {
        stream = &outbox->streams[i];
        while (rc == RC_OK && stream->sent_seq + 1 < stream->next_seq)
            rc = publish_row(outbox, stream, bus);
    }
    return rc == RC_AGAIN ? RC_OK : rc;
}

void
outbox_acked(struct outbox *outbox, int bus_stream, uint64_t first_seq,
             uint32_t count)
{
    int i = 0;

    while (outbox->streams[i].bus_stream != bus_stream) {
        i++;
        invariant(i < outbox->streams_count);
    }
    invariant(outbox->streams[i].acked_seq + 1 == first_seq);
    invariant(outbox->trim_count < OUTBOX_TRIM_MAX);
    outbox->streams[i].acked_seq += count;
    outbox->trim[outbox->trim_count++] = (struct outbox_row){ i, first_seq };
}

bool
outbox_trim_due(const struct outbox *outbox)
{
    /* The other half is for the acknowledgements that one turn can bring. */
    return outbox->trim_count >= OUTBOX_TRIM_MAX / 2;
}

_Static_assert(OUTBOX_TRIM_MAX / 2 >= BUS_WINDOW_MAX,
               "one turn's acknowledgements always fit in the trim list");

enum rc
outbox_verify(struct outbox *outbox, const struct bus *bus)
{
    struct outbox_stream *stream;
    uint64_t held;
    int i;

    for (i = 0; i < outbox->streams_count; i++) {
        stream = &outbox->streams[i];
        held = bus_last_seq(bus, stream->bus_stream);
        if (held <= stream->offered_seq && held >= stream->kept_seq) {
            stream->sent_seq = stream->acked_seq;
            continue;
        }
        log_error("out_of_step",
                  "topic=%s partition=%u broker_holds=%" PRIu64
                  " we_sent=%" PRIu64 " it_acknowledged=%" PRIu64
                  " words=\"%s\"",
                  stream->topic, stream->partition, held, stream->offered_seq,
                  stream->kept_seq,
                  held > stream->offered_seq
                      ? "our store is older than what we published: restore it"
                      : "the broker lost what it acknowledged: restore it");
        return RC_DAMAGED;
    }
    return RC_OK;
}

uint64_t
outbox_backlog(const struct outbox *outbox)
{
    uint64_t backlog = 0;
    int i;

    for (i = 0; i < outbox->streams_count; i++)
        backlog += outbox->streams[i].next_seq - 1 -
                   outbox->streams[i].acked_seq;
    return backlog;
}
