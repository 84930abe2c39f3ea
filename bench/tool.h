/*
 * tool.h - what the benchmark's small programs share
 *
 * They print one line of JSON on stdout and exit with 0, or say on stderr what
 * is wrong and exit with 1: a benchmark that goes on after an error measures
 * nothing.
 */
#ifndef BENCH_TOOL_H
#define BENCH_TOOL_H

#include <stdint.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

/* CLOCK_MONOTONIC. */
int64_t now_ns(void);

/* A decimal number of an argument, from min to max; dies otherwise. */
long number_of(const char *text, long min, long max);

__attribute__((format(printf, 1, 2), noreturn)) void die(const char *form, ...);

/*
 * A histogram like HdrHistogram's: counts of nanoseconds, each counted at less
 * than one percent above its true value, up to hours, without a malloc.
 */
#define HISTOGRAM_SUB_BITS 7
#define HISTOGRAM_SLOTS ((64 - HISTOGRAM_SUB_BITS) << HISTOGRAM_SUB_BITS)

struct histogram {
    uint64_t count;
    int64_t max_ns;
    double sum_ns;
    uint64_t slots[HISTOGRAM_SLOTS];
};

void histogram_add(struct histogram *histogram, int64_t ns);
/* The value that this share (0 to 1) of all is not above; 0 of none. */
int64_t histogram_quantile(const struct histogram *histogram, double share);
/* "NAME": {"count": ..., "mean_us": ..., "p50_us": ..., ...} */
void histogram_print(const struct histogram *histogram, const char *name);

#endif
