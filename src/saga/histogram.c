#include "saga/histogram.h"

const uint64_t histogram_us_bounds[HISTOGRAM_BOUNDS] = {
    50,     100,    200,     500,     1000,    2000,     5000,
    10000,  20000,  50000,   100000,  200000,  500000,   1000000,
    2000000, 5000000, 10000000, 30000000, 60000000, 300000000,
};

const uint64_t histogram_count_bounds[HISTOGRAM_BOUNDS] = {
    1,    2,    5,     10,    20,    50,     100,    200,    500,     1000,
    2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 10000000,
};

void
histogram_note(struct histogram *histogram,
               const uint64_t bounds[HISTOGRAM_BOUNDS], uint64_t value)
{
    unsigned i = 0;

    while (i < HISTOGRAM_BOUNDS && value > bounds[i])
        i++;
    histogram->counts[i]++;
    histogram->sum += value;
}

uint64_t
histogram_count(const struct histogram *histogram)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        count += histogram->counts[i];
    return count;
}
