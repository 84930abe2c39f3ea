/*
 * topic_log_state.h - what the files of a topic's log share
 *
 * Internal to topic_log*.c.
 */
#ifndef TOPIC_LOG_STATE_H
#define TOPIC_LOG_STATE_H

#include "broker/topic_segment.h"

struct topic_log {
    struct topic_segments segments;
    uint32_t owner; /* in the cache */
    bool dirty;     /* appended to in the open transaction */
    size_t saved_count;
    struct topic_segment saved_active; /* the last one before that */
    char removing[STORE_NAME_BYTES];   /* a table that is next to go, or "" */
};

#endif
