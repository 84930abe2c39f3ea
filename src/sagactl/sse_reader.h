/*
 * sse_reader.h - server-sent events out of a byte stream (text/event-stream)
 *
 * Lines end with LF, CRLF or CR; a blank line ends an event; fields are
 * event, data (several make lines) and id; everything else, and comments, is
 * passed over.  An event larger than SSE_DATA_BYTES_MAX is passed over whole
 * and counted in `too_large`.
 *
 * Core.
 */
#ifndef SSE_READER_H
#define SSE_READER_H

#include "saga/base.h"

#define SSE_DATA_BYTES_MAX 65536
#define SSE_NAME_BYTES 32 /* an event's name, an id; longer ones are cut */

struct sse_event {
    const char *name; /* "message" if none was told */
    const char *id;   /* the last one told, by this event or before */
    const char *data; /* ends with a NUL */
    size_t bytes;
};

/* False: no more. */
typedef bool sse_event_fn(void *context, const struct sse_event *event);

struct sse_reader {
    char name[SSE_NAME_BYTES];
    char id[SSE_NAME_BYTES];
    char line[SSE_DATA_BYTES_MAX + 16];
    char data[SSE_DATA_BYTES_MAX + 1];
    size_t line_bytes, data_bytes;
    uint64_t too_large;
    bool has_data, after_cr, skips;
};

void sse_reader_init(struct sse_reader *reader);

/* Takes what came; calls on_event() for every event that is whole.  False
 * once that said so. */
bool sse_reader_feed(struct sse_reader *reader, const char *data, size_t bytes,
                     sse_event_fn *on_event, void *context);

#endif
