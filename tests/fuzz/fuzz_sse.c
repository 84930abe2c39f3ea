/*
 * A stream of server-sent events, of any octets: in one piece and octet by
 * octet it tells the same events, and each within its limits.
 */
#include "fuzz.h"
#include "sagactl/sse_reader.h"

static struct sse_reader reader;

/* A sum over everything that is told. */
struct sum {
    uint64_t value, events;
};

static void
add(struct sum *sum, const char *text)
{
    for (; *text != '\0'; text++)
        sum->value = (sum->value ^ (uint8_t)*text) * UINT64_C(1099511628211);
    sum->value *= UINT64_C(1099511628211);
}

static bool
on_event(void *context, const struct sse_event *event)
{
    struct sum *sum = context;

    invariant(event->bytes <= SSE_DATA_BYTES_MAX);
    invariant(event->data[event->bytes] == '\0');
    invariant(strlen(event->name) >= 1 &&
              strlen(event->name) < SSE_NAME_BYTES);
    invariant(strlen(event->id) < SSE_NAME_BYTES);
    add(sum, event->name);
    add(sum, event->id);
    add(sum, event->data);
    sum->events++;
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sum whole = { 0 }, pieces = { 0 };

    sse_reader_init(&reader);
    invariant(sse_reader_feed(&reader, (const char *)data, size, on_event,
                              &whole));
    sse_reader_init(&reader);
    for (size_t i = 0; i < size; i++)
        invariant(sse_reader_feed(&reader, (const char *)data + i, 1,
                                  on_event, &pieces));
    invariant(whole.value == pieces.value && whole.events == pieces.events);
    return 0;
}
