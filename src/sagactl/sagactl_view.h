/*
 * sagactl_view.h - GET /status as text for people: `status` and `top`
 */
#ifndef SAGACTL_VIEW_H
#define SAGACTL_VIEW_H

#include "saga/text_writer.h"
#include "sagactl/sagactl.h"

#define VIEW_BYTES_MAX (256u << 10)

/*
 * Writes lines, each with its line end.  A process is `up`, `down`, or
 * `silent`: it lives at the gateway's home, and nothing was heard of it for a
 * while.
 * With `before`, an answer of elapsed_ms earlier, rates stand beside the
 * counters; it may be NULL.
 */
void view_write(struct text_writer *writer, const struct sagactl *ctl,
                const json_t *now, const json_t *before, int64_t elapsed_ms);

/* True if every process is up. */
bool view_all_up(const json_t *now);

#endif
