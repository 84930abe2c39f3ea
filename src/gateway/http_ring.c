#include "gateway/http_ring.h"

#include <stdlib.h>

void
ring_init(struct ring *ring, size_t room)
{
    *ring = (struct ring){ .room = room };
}

void
ring_fini(struct ring *ring)
{
    free(ring->changes);
    free(ring->texts);
    ring_init(ring, ring->room);
}

void
ring_begin(struct ring *ring, uint64_t next)
{
    ring->first = ring->next = next;
    for (size_t i = 0; ring->texts_used && i < RING_TEXTS; i++)
        ring->texts[i].number = 0;
    ring->texts_used = false;
}

static bool
make_room(struct ring *ring)
{
    if (ring->changes == NULL)
        ring->changes = malloc(ring->room * sizeof(*ring->changes));
    if (ring->texts == NULL)
        ring->texts = calloc(RING_TEXTS, sizeof(*ring->texts));
    return ring->changes != NULL && ring->texts != NULL;
}

bool
ring_put(struct ring *ring, const struct change *change)
{
    if (!make_room(ring))
        return false;
    if (ring->next == 0)
        ring->first = ring->next = change->number;
    invariant(change->number == ring->next);
    ring->changes[ring->next++ % ring->room] = *change;
    if (ring->next - ring->first > ring->room)
        ring->first = ring->next - ring->room;
    return true;
}

const struct change *
ring_at(const struct ring *ring, uint64_t number)
{
    invariant(number >= ring->first && number < ring->next);
    return &ring->changes[number % ring->room];
}

void
ring_write_change(struct text_writer *writer, const struct change *change,
                  const char *currency)
{
    text_put(writer, "id: ");
    text_put_uint(writer, change->number);
    writer->comma = false;
    if (change->kind == CHANGE_ORDER) {
        text_put(writer, "\nevent: order\ndata: ");
        row_write_order(writer, &change->order, currency);
    } else {
        text_put(writer, "\nevent: transaction\ndata: ");
        row_write_transaction(writer, &change->transaction);
    }
    text_put(writer, "\n\n");
}

const char *
ring_text(struct ring *ring, uint64_t number, const char *currency,
          size_t *bytes_out)
{
    struct ring_text *kept = &ring->texts[number % RING_TEXTS];
    struct text_writer writer;

    if (kept->number != number) {
        text_writer_init(&writer, kept->text, sizeof(kept->text));
        ring_write_change(&writer, ring_at(ring, number), currency);
        invariant(!writer.failed);
        kept->number = number;
        ring->texts_used = true;
        kept->bytes = writer.used;
    }
    *bytes_out = kept->bytes;
    return kept->text;
}
