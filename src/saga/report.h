/*
 * report.h - what a process tells of itself, about once a second
 *
 * A report is one msgpack map: the names of REPORT_NUMBERS with an integer
 * each, and those of REPORT_HISTOGRAMS with an array of HISTOGRAM_BUCKETS
 * counts and the sum.  A name that is missing or unknown is no fault: processes
 * of two versions run side by side for a while.  It travels through the bus
 * (bus_report()) and is kept nowhere: it is for looking at.
 *
 * codec_report.c writes and reads it; this header is Core.
 */
#ifndef SAGA_REPORT_H
#define SAGA_REPORT_H

#include "saga/histogram.h"

#define REPORT_BYTES_MAX 2048

/*    member             name */
#define REPORT_NUMBERS(N)                                                      \
    N(pid,               "pid")                                                \
    N(started_us,        "startedUs")   /* since 1970                      */  \
    N(restarts,          "restarts")    /* lives that ended unasked        */  \
    N(resident_bytes,    "residentBytes")                                      \
    N(turns,             "turns")                                              \
    N(events_in,         "eventsIn")                                           \
    N(events_duplicate,  "duplicates")                                         \
    N(events_out,        "eventsOut")                                          \
    N(commands,          "commands")                                           \
    N(outbox,            "outbox")      /* not yet acknowledged            */  \
    N(parked,            "parked")      /* that wait for an operator       */  \
    N(commits,           "commits")                                            \
    N(flushes,           "flushes")                                            \
    N(flush_us_max,      "flushMaxUs")                                         \
    N(checkpoints,       "checkpoints")

/*    member             name         bounds */
#define REPORT_HISTOGRAMS(H)                                                   \
    H(turn_events,       "turnEvents", histogram_count_bounds)                 \
    H(flush_us,          "flushUs",    histogram_us_bounds)

struct report {
#define N(member, name) uint64_t member;
    REPORT_NUMBERS(N)
#undef N
#define H(member, name, bounds) struct histogram member;
    REPORT_HISTOGRAMS(H)
#undef H
};

/* Returns the map's length, at most REPORT_BYTES_MAX. */
size_t report_encode(const struct report *report,
                     uint8_t buffer[REPORT_BYTES_MAX]);

/* RC_MALFORMED: no map, too long, or a known name with another kind of value;
 * RC_NO_MEMORY.  What is not told is 0. */
MUST_USE enum rc report_decode(struct report *report_out, const uint8_t *data,
                               size_t size);

#endif
