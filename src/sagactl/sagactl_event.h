/*
 * sagactl_event.h - one event of a topic, as a line
 */
#ifndef SAGACTL_EVENT_H
#define SAGACTL_EVENT_H

#include "saga/cloudevent.h"
#include "saga/codec.h"
#include "sagactl/sagactl.h"

/*
 * Prints the first event of data[0..size) and returns its length.  One that
 * can't be read is told as such, with its octets; if not even its length can
 * be told, all that is left is taken for it.
 */
size_t event_print(const struct sagactl *ctl, struct codec *codec,
                   const struct cloudevent_place *place, const char *producer,
                   uint64_t seq, const uint8_t *data, size_t size);

#endif
