/*
 * verify_report.h - what was found: per check, how much was looked at, and
 * what differs
 *
 * The texts of the first VERIFY_SHOWN_MAX differences of a check are kept,
 * the others are counted.
 */
#ifndef VERIFY_REPORT_H
#define VERIFY_REPORT_H

#include <stdio.h>

#include "sagactl/verify_checks.h"

#define VERIFY_SHOWN_MAX 20
#define VERIFY_TEXT_BYTES 256

struct verify_result {
    uint64_t looked;
    uint64_t differences;
    char skipped[VERIFY_TEXT_BYTES]; /* why it could not be checked, or "" */
    char (*shown)[VERIFY_TEXT_BYTES]; /* NULL: no difference yet */
};

/* What is no error, but worth telling. */
struct verify_told {
    uint64_t open; /* orders that have not ended */
    uint64_t oldest_s;
    uint64_t parked; /* events, over all participants */
};

struct verify_report {
    struct verify_result results[VERIFY_CHECK_COUNT];
    struct verify_told told;
    char unreadable[VERIFY_TEXT_BYTES]; /* a store that ended it, or "" */
};

void verify_report_init(struct verify_report *report);
void verify_report_fini(struct verify_report *report);

void verify_looked(struct verify_report *report, enum verify_check check,
                   uint64_t count);
void verify_differs(struct verify_report *report, enum verify_check check,
                    const char *format, ...) PRINTF_LIKE(3, 4);
/* The first reason stands. */
void verify_skip(struct verify_report *report, enum verify_check check,
                 const char *format, ...) PRINTF_LIKE(3, 4);

unsigned verify_check_needs(enum verify_check check);

/* True if nothing differs and all could be read. */
bool verify_report_good(const struct verify_report *report);
/* The differences that were found, over all checks. */
uint64_t verify_report_differences(const struct verify_report *report);

/* One line per check and difference, or one JSON object. */
void verify_report_print(const struct verify_report *report, FILE *out);
void verify_report_print_json(const struct verify_report *report, FILE *out);

#endif
