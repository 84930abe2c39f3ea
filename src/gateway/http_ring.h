/*
 * http_ring.h - the last changes, for all streams together
 *
 * Numbers without a hole, first <= number < next; the oldest goes when one
 * more comes.  Each stream has a cursor into it: so the ring is the queue of
 * all of them, and bounds it.  A change is written as text once and shared by
 * the streams that tell it at about the same time.
 */
#ifndef GATEWAY_HTTP_RING_H
#define GATEWAY_HTTP_RING_H

#include "gateway/http_rows.h"
#include "gateway/gateway_changes.h"

/* "id: N", "event: order", "data: {...}" and an empty line. */
#define RING_TEXT_BYTES (ROW_TEXT_BYTES_MAX + 64)
#define RING_TEXTS 2048 /* kept, each at its number modulo that */

struct ring_text {
    uint64_t number; /* 0: none */
    size_t bytes;
    char text[RING_TEXT_BYTES];
};

struct ring {
    uint64_t first;
    uint64_t next; /* 0: it has not begun */
    size_t room;
    struct change *changes; /* NULL until the first comes */
    struct ring_text *texts;
    bool texts_used; /* any of them has a number */
};

void ring_init(struct ring *ring, size_t room);
void ring_fini(struct ring *ring);
/* Forgets all; the next change has this number (0: whichever comes). */
void ring_begin(struct ring *ring, uint64_t next);
/* change->number must be ring->next, if that is not 0.  False without
 * memory: the change is not in. */
bool ring_put(struct ring *ring, const struct change *change);
const struct change *ring_at(const struct ring *ring, uint64_t number);
/* The change as an event, RING_TEXT_BYTES at most; *bytes_out is its
 * length.  It stays until the next call. */
const char *ring_text(struct ring *ring, uint64_t number,
                      const char *currency, size_t *bytes_out);
void ring_write_change(struct text_writer *writer, const struct change *change,
                       const char *currency);

#endif
