/*
 * Lines that become events, and foreign events out of a topic.  What is read
 * is written again, as one line within the limit, and reads back the same;
 * what is refused names the member; a foreign event's blob of any octets is
 * written rightly or not at all.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "saga/cloudevent.h"
#include "../support/sample_event.h"

static const struct cloudevent_place place = { "orders", 3, 81 };
static struct cloudevent first, again;
static char line[CLOUDEVENT_LINE_BYTES_MAX];

/* Writes and reads back; false if it can't be written. */
static bool
comes_back(const struct event *event)
{
    struct text_writer writer;
    enum rc rc;

    text_writer_init(&writer, line, sizeof line);
    rc = cloudevent_write(&writer, event, &place);
    invariant(rc == RC_OK || (rc == RC_MALFORMED && writer.used == 0));
    if (rc != RC_OK)
        return false;
    invariant(memchr(line, '\n', writer.used) == NULL);
    invariant(cloudevent_read(line, writer.used, CLOUDEVENT_WHOLE, &again) ==
              CLOUDEVENT_OK);
    invariant(memcmp(&again.place, &place, sizeof place) == 0);
    return true;
}

/* Identity and time are the emitter's: a draft has none. */
static void
check_line(const char *text, size_t bytes, enum cloudevent_form form)
{
    enum cloudevent_refusal refusal =
        cloudevent_read(text, bytes, form, &first);

    invariant(memchr(first.where, '\0', sizeof first.where) != NULL);
    if (refusal != CLOUDEVENT_OK)
        return;
    if (form == CLOUDEVENT_DRAFT) {
        invariant(first.event.id == 0 && first.event.time_us == 0);
        first.event.id = 7;
        memcpy(first.event.source, "fraud", 6);
    }
    invariant(comes_back(&first.event));
    invariant(same_event(&first.event, &again.event));
}

static void
check_blob(const uint8_t *data, size_t size)
{
    struct event event;

    if (size > EVENT_BLOB_BYTES_MAX)
        return;
    event_init(&event, EVENT_FOREIGN);
    event.id = 7;
    memcpy(event.source, "fraud", 6);
    event.blob.data = data;
    event.blob.bytes = size;
    (void)comes_back(&event);
}

/* A copy of its own size, so that a look past the end is found. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    invariant(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    check_line((const char *)copy, size, CLOUDEVENT_WHOLE);
    check_line((const char *)copy, size, CLOUDEVENT_DRAFT);
    check_blob(copy, size);
    free(copy);
    return 0;
}
