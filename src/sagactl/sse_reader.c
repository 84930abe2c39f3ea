#include "sagactl/sse_reader.h"

#include <string.h>

void
sse_reader_init(struct sse_reader *reader)
{
    memset(reader, 0, sizeof *reader);
}

static void
keep(char name[SSE_NAME_BYTES], const char *value, size_t bytes)
{
    if (bytes >= SSE_NAME_BYTES)
        bytes = SSE_NAME_BYTES - 1;
    memcpy(name, value, bytes);
    name[bytes] = '\0';
}

static void
add_data(struct sse_reader *reader, const char *value, size_t bytes)
{
    size_t needed = bytes + (reader->has_data ? 1 : 0);

    if (needed > SSE_DATA_BYTES_MAX - reader->data_bytes) {
        reader->skips = true;
        return;
    }
    if (reader->has_data)
        reader->data[reader->data_bytes++] = '\n';
    memcpy(reader->data + reader->data_bytes, value, bytes);
    reader->data_bytes += bytes;
    reader->has_data = true;
}

static bool
is(const char *line, size_t bytes, const char *field)
{
    return strlen(field) == bytes && memcmp(line, field, bytes) == 0;
}

static void
on_field(struct sse_reader *reader)
{
    const char *line = reader->line;
    const char *colon = memchr(line, ':', reader->line_bytes);
    size_t name = colon != NULL ? (size_t)(colon - line) : reader->line_bytes;
    size_t from = colon != NULL ? name + 1 : name;

    if (from < reader->line_bytes && line[from] == ' ')
        from++;
    if (is(line, name, "data"))
        add_data(reader, line + from, reader->line_bytes - from);
    else if (is(line, name, "event"))
        keep(reader->name, line + from, reader->line_bytes - from);
    else if (is(line, name, "id")
             && memchr(line, '\0', reader->line_bytes) == NULL)
        keep(reader->id, line + from, reader->line_bytes - from);
}

static bool
on_blank(struct sse_reader *reader, sse_event_fn *on_event, void *context)
{
    struct sse_event event = { .name = *reader->name != '\0' ? reader->name
                                                             : "message",
                               .id = reader->id,
                               .data = reader->data,
                               .bytes = reader->data_bytes };
    bool goes_on = true;

    reader->data[reader->data_bytes] = '\0';
    if (reader->skips)
        reader->too_large++;
    else if (reader->has_data)
        goes_on = on_event(context, &event);
    reader->name[0] = '\0';
    reader->data_bytes = 0;
    reader->has_data = reader->skips = false;
    return goes_on;
}

static bool
on_line(struct sse_reader *reader, sse_event_fn *on_event, void *context)
{
    bool goes_on = true;

    if (reader->line_bytes == 0)
        goes_on = on_blank(reader, on_event, context);
    else if (reader->line_bytes == sizeof reader->line)
        reader->skips = true;
    else
        on_field(reader);
    reader->line_bytes = 0;
    return goes_on;
}

bool
sse_reader_feed(struct sse_reader *reader, const char *data, size_t bytes,
                sse_event_fn *on_event, void *context)
{
    bool goes_on = true;

    for (size_t i = 0; i < bytes && goes_on; i++) {
        bool cr = reader->after_cr;

        reader->after_cr = data[i] == '\r';
        if (data[i] == '\n' && cr)
            continue; /* of a CRLF that has ended its line */
        if (data[i] == '\n' || data[i] == '\r')
            goes_on = on_line(reader, on_event, context);
        else if (reader->line_bytes < sizeof reader->line)
            reader->line[reader->line_bytes++] = data[i];
    }
    return goes_on;
}
