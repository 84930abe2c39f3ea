/*
 * rfc3339.h - a time as text, read (text_writer.h writes it)
 *
 * Core.
 */
#ifndef SAGA_RFC3339_H
#define SAGA_RFC3339_H

#include "saga/base.h"

/*
 * Microseconds since 1970 of "2026-11-22T13:05:07.123456Z", as RFC 3339 says:
 * T and Z in either case, any number of decimals (the seventh and later are
 * cut off), an offset ("+01:00") instead of Z; second 60 counts as the next
 * minute's first.  RC_MALFORMED if it is not that, or before 1970.
 */
MUST_USE enum rc rfc3339_read(const char *text, size_t bytes,
                              int64_t *time_us_out);

#endif
