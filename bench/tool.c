#include "tool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

long
number_of(const char *text, long min, long max)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || number < min || number > max)
        die("%s is no number from %ld to %ld", text, min, max);
    return number;
}

void
die(const char *form, ...)
{
    va_list values;

    va_start(values, form);
    vfprintf(stderr, form, values);
    va_end(values);
    fputc('\n', stderr);
    exit(1);
}

/* Values below 2^SUB_BITS have a slot each; above, each power of two has
 * 2^SUB_BITS slots. */
static unsigned int
slot_of(uint64_t ns)
{
    unsigned int shift;

    if (ns < 1U << HISTOGRAM_SUB_BITS)
        return (unsigned int)ns;
    shift = 63U - (unsigned int)__builtin_clzll(ns) - HISTOGRAM_SUB_BITS;
    return (shift << HISTOGRAM_SUB_BITS) + (unsigned int)(ns >> shift);
}

/* The largest value of a slot. */
static int64_t
slot_top(unsigned int slot)
{
    unsigned int shift;
    uint64_t steps;

    if (slot < 2U << HISTOGRAM_SUB_BITS)
        return slot;
    shift = (slot >> HISTOGRAM_SUB_BITS) - 1;
    steps = slot - (shift << HISTOGRAM_SUB_BITS);
    return (int64_t)(((steps + 1) << shift) - 1);
}

void
histogram_add(struct histogram *histogram, int64_t ns)
{
    if (ns < 0)
        ns = 0;
    histogram->count++;
    histogram->sum_ns += (double)ns;
    if (ns > histogram->max_ns)
        histogram->max_ns = ns;
    histogram->slots[slot_of((uint64_t)ns)]++;
}

int64_t
histogram_quantile(const struct histogram *histogram, double share)
{
    uint64_t seen = 0;
    double wanted = share * (double)histogram->count;

    for (unsigned int slot = 0; slot < HISTOGRAM_SLOTS; slot++) {
        seen += histogram->slots[slot];
        if (seen > 0 && (double)seen >= wanted)
            return slot_top(slot) < histogram->max_ns ? slot_top(slot)
                                                      : histogram->max_ns;
    }
    return histogram->max_ns;
}

void
histogram_print(const struct histogram *histogram, const char *name)
{
    static const struct {
        const char *name;
        double share;
    } points[] = {
        { "p10", 0.10 },     { "p25", 0.25 },    { "p50", 0.50 },
        { "p75", 0.75 },     { "p90", 0.90 },    { "p95", 0.95 },
        { "p99", 0.99 },     { "p99.5", 0.995 }, { "p99.9", 0.999 },
        { "p99.99", 0.9999 },
    };

    printf("\"%s\": {\"count\": %lu, \"mean_us\": %.1f", name,
           (unsigned long)histogram->count,
           histogram->count == 0
               ? 0.0
               : histogram->sum_ns / (double)histogram->count / 1e3);
    for (unsigned int i = 0; i < sizeof points / sizeof *points; i++)
        printf(", \"%s_us\": %.1f", points[i].name,
               (double)histogram_quantile(histogram, points[i].share) / 1e3);
    printf(", \"max_us\": %.1f}", (double)histogram->max_ns / 1e3);
}
