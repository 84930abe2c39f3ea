/*
 * report_self.h - what any process can tell of itself
 */
#ifndef SAGA_REPORT_SELF_H
#define SAGA_REPORT_SELF_H

#include "saga/report.h"

/* Fills in pid, start, restarts and resident memory of this process. */
void report_self(struct report *report);

#endif
