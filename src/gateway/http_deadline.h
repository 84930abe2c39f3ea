/*
 * http_deadline.h - waits that all last equally long, in the order they began
 *
 * Since every wait in a list has the same length, the first one in it ends
 * first, and a wait that begins goes to the end: everything is O(1).
 *
 * Core.
 */
#ifndef GATEWAY_HTTP_DEADLINE_H
#define GATEWAY_HTTP_DEADLINE_H

#include "saga/base.h"

struct deadline {
    struct deadline *previous;
    struct deadline *next;
    int64_t since_us;
    void *owner;
    bool runs;
};

struct deadline_list {
    struct deadline *first;
    struct deadline *last;
};

/* The wait begins now, or begins anew. */
void deadline_begin(struct deadline_list *list, struct deadline *deadline,
                    int64_t now_us);
/* The wait is over; no effect if it is none. */
void deadline_end(struct deadline_list *list, struct deadline *deadline);
/* The first wait that began at `before_us` or earlier, or NULL. */
struct deadline *deadline_due(const struct deadline_list *list,
                              int64_t before_us);

#endif
