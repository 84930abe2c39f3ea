#include "gateway/drain_rate.h"

static const struct drain_sample *
newest(const struct drain_rate *rate)
{
    return &rate->samples[(rate->next + DRAIN_SAMPLES - 1) % DRAIN_SAMPLES];
}

static const struct drain_sample *
oldest(const struct drain_rate *rate)
{
    return rate->count < DRAIN_SAMPLES ? &rate->samples[0]
                                       : &rate->samples[rate->next];
}

bool
drain_rate_note(struct drain_rate *rate, int64_t at_us, int64_t acked)
{
    if (rate->count > 0 && at_us - newest(rate)->at_us < DRAIN_SAMPLE_US)
        return false;
    rate->samples[rate->next] = (struct drain_sample){ at_us, acked };
    rate->next = (rate->next + 1) % DRAIN_SAMPLES;
    if (rate->count < DRAIN_SAMPLES)
        rate->count++;
    return true;
}

/* amount * microseconds / drained, rounded up to seconds, without overflow. */
static uint64_t
seconds_for(uint64_t amount, uint64_t drained, uint64_t span_us)
{
    uint64_t per_second = drained * 1000000 / span_us;

    if (per_second == 0)
        return DRAIN_WAIT_S_MAX;
    return amount / per_second + (amount % per_second != 0);
}

uint32_t
drain_rate_wait_s(const struct drain_rate *rate, uint64_t backlog,
                  uint64_t limit)
{
    int64_t drained, span_us;
    uint64_t seconds;

    if (backlog <= limit / 2 || rate->count < 2)
        return DRAIN_WAIT_S_MIN;
    drained = newest(rate)->acked - oldest(rate)->acked;
    span_us = newest(rate)->at_us - oldest(rate)->at_us;
    if (drained <= 0)
        return DRAIN_WAIT_S_MAX;
    seconds = seconds_for(backlog - limit / 2, (uint64_t)drained,
                          (uint64_t)span_us);
    if (seconds > DRAIN_WAIT_S_MAX)
        return DRAIN_WAIT_S_MAX;
    return seconds < DRAIN_WAIT_S_MIN ? DRAIN_WAIT_S_MIN : (uint32_t)seconds;
}
