#include "saga/bus_status.h"

#include <string.h>

const struct bus_report_status *
bus_status_report(const struct bus_status *status, const char *name)
{
    for (uint32_t i = 0; i < status->reports_count; i++)
        if (strcmp(status->reports[i].name, name) == 0)
            return &status->reports[i];
    return NULL;
}

uint64_t
bus_status_lag(const struct bus_status *status,
               const struct bus_consumer_status *consumer)
{
    for (uint32_t i = 0; i < status->topics_count; i++) {
        const struct bus_topic_status *topic = &status->topics[i];

        if (topic->partition == consumer->partition &&
            strcmp(topic->topic, consumer->topic) == 0)
            return topic->end > consumer->position
                       ? topic->end - consumer->position : 0;
    }
    return 0;
}
