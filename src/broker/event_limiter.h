/*
 * event_limiter.h - a log line that strangers can cause, at a bounded rate
 *
 * At most one pass per EVENT_LIMITER_US; the passes say how many were held
 * back since the last one, so nothing is lost but the details.
 */
#ifndef EVENT_LIMITER_H
#define EVENT_LIMITER_H

#include "saga/base.h"

#define EVENT_LIMITER_US 1000000

struct event_limiter {
    int64_t next_us;
    uint64_t held_back;
};

static inline bool
event_limiter_pass(struct event_limiter *limiter, int64_t now_us,
                   uint64_t *held_back_out)
{
    if (now_us < limiter->next_us) {
        limiter->held_back++;
        return false;
    }
    *held_back_out = limiter->held_back;
    limiter->held_back = 0;
    limiter->next_us = now_us + EVENT_LIMITER_US;
    return true;
}

#endif
