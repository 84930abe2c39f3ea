/*
 * report_table.h - what processes have told of themselves, the last of each
 *
 * In memory only: after a restart of the broker every process tells again
 * within a second or so.  Bounded: REPORT_TABLE_MAX names.  A name that has
 * been silent for REPORT_FORGET_US makes room for a new one.
 */
#ifndef REPORT_TABLE_H
#define REPORT_TABLE_H

#include "saga/protocol.h"
#include "saga/report.h"

#define REPORT_TABLE_MAX 64
#define REPORT_FORGET_US INT64_C(600000000)

struct report_row {
    char name[PRODUCER_NAME_BYTES];
    int64_t told_us; /* monotonic */
    uint16_t bytes_count;
    uint8_t bytes[REPORT_BYTES_MAX];
};

struct report_table {
    uint32_t count;
    struct report_row rows[REPORT_TABLE_MAX];
};

/* Keeps a report; it is of REPORT_BYTES_MAX octets at most.  RC_FULL if every
 * row is another's and none was silent for long. */
MUST_USE enum rc report_table_put(struct report_table *table,
                                  const struct protocol_report *report,
                                  int64_t now_us);

/* Drops the name's row, if it has one. */
void report_table_forget(struct report_table *table, const char *name);

#endif
