/*
 * participant_park.h - how the loop sets aside what it can't handle
 *
 * The policy over parking.h: what is parked, who is told (a DeadLetter event),
 * and how it comes back.  Everything here happens inside the open transaction
 * of a turn.  Internal to the participant loop.
 */
#ifndef SAGA_PARTICIPANT_PARK_H
#define SAGA_PARTICIPANT_PARK_H

#include "saga/participant_state.h"

/* A handler that says RC_AGAIN is called again so often, then its event is
 * parked. */
#define PARK_TRIES_MAX 3

/* Hands a new event to its handler, or parks it: behind others of its order,
 * or because the handler refused it.  bytes: as it came. */
MUST_USE enum rc participant_handle(struct turn *turn,
                                    const struct inbox_stream *stream,
                                    const struct event *event, uint64_t offset,
                                    const uint8_t *bytes, size_t bytes_count);

/* Parks `count` events from `offset` on that could not be read. */
MUST_USE enum rc participant_park_bytes(struct turn *turn,
                                        const struct inbox_stream *stream,
                                        const struct bus_batch *batch,
                                        uint32_t index, uint32_t count,
                                        const uint8_t *bytes,
                                        size_t bytes_count, const char *cause);

/*
 * Handles the parked events of this one's order (and of its user, if the
 * handlers say parks_users) again, oldest first.  RC_REFUSED: one was refused,
 * and waits on with a new cause, and so do those behind it.  *redriven_out
 * tells how many took effect.  RC_NOT_FOUND: no such number.
 */
MUST_USE enum rc participant_redrive(struct turn *turn, uint64_t number,
                                     uint32_t *redriven_out);

/* True if an older parked event must take effect before this one. */
bool participant_park_waits(const struct turn *turn,
                            const struct parked *parked);

/* Forgets one parked event, and redrives what waited behind it. */
MUST_USE enum rc participant_drop(struct turn *turn, uint64_t number,
                                  uint32_t *redriven_out);

#endif
