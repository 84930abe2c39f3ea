/*
 * sagactl_status.h - how the pipeline stands, also when the gateway is down
 */
#ifndef SAGACTL_STATUS_H
#define SAGACTL_STATUS_H

#include "sagactl/sagactl_gate.h"

/*
 * What the home tells when the gateway does not answer: which processes live
 * (by their pid files) and, if it is wanted and the broker answers, its
 * topics.  The form is that of /status as far as it goes, with "partial":
 * true.  NULL: no memory.
 */
json_t *status_from_home(const struct sagactl *ctl, bool with_topics);

/* Prints it once, as `sagactl status` does; the exit code. */
int status_print(const struct sagactl *ctl);

#endif
