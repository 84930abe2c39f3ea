/*
 * pipeline_view.h - the processes of the pipeline, as the gateway sees them
 *
 * One row per process: the gateway that is asked (always up), the broker,
 * payment and ledger, and whoever else has reported (filters, other gateways).
 * What the others tell comes through the broker: while it is silent nobody
 * else can be said to be up, and the age of what was heard last rises.
 * Who is not up is silent if it lives (it hangs, or nobody passes on what it
 * tells: no log knows of an end), and down if not.  That is known of those at
 * the gateway's home; who runs elsewhere is down.
 *
 * Pure: functions of their arguments.
 */
#ifndef GATEWAY_PIPELINE_VIEW_H
#define GATEWAY_PIPELINE_VIEW_H

#include "gateway/request.h"

/* Who has told nothing for so long is not called up. */
#define PIPELINE_STALE_US INT64_C(5000000)

struct pipeline_process {
    const char *name;
    bool up;
    bool silent;                 /* never both                       */
    int64_t age_us;              /* of the report; -1: there is none */
    const struct report *report; /* NULL: there is none              */
};

/* Fills in the rows, in a stable order (metrics->lives does not change it),
 * and returns how many. */
uint32_t
pipeline_processes(const struct gateway_metrics *metrics,
                   struct pipeline_process rows[PIPELINE_PROCESSES_MAX]);

/* How long the process has run, as of its report. */
uint64_t pipeline_uptime_us(const struct gateway_metrics *metrics,
                            const struct pipeline_process *process);

/* How long the oldest open order waits; false if none is known. */
bool pipeline_oldest_open_us(const struct gateway_metrics *metrics,
                             uint64_t *age_us_out);

#endif
