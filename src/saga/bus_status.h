/*
 * bus_status.h - how the pipeline stands, as the bus knows it
 *
 * Topics, who reads them how far, and what each process has last told of
 * itself.  All of one moment, and bounded: `cut` tells if there was more.
 */
#ifndef SAGA_BUS_STATUS_H
#define SAGA_BUS_STATUS_H

#include "saga/report.h"
#include "saga/topic.h"

#define BUS_STATUS_TOPICS_MAX 256
#define BUS_STATUS_CONSUMERS_MAX 512
#define BUS_STATUS_REPORTS_MAX 32

struct bus_topic_status {
    char topic[TOPIC_NAME_BYTES];
    uint32_t partition;
    uint64_t begin; /* the first offset that is kept */
    uint64_t end;   /* that the next event will get  */
    uint64_t bytes; /* stored                        */
};

struct bus_consumer_status {
    char consumer[PRODUCER_NAME_BYTES];
    char topic[TOPIC_NAME_BYTES];
    uint32_t partition;
    uint64_t position;
};

struct bus_report_status {
    char name[PRODUCER_NAME_BYTES];
    uint32_t age_ms; /* when the broker was asked */
    struct report report;
};

struct bus_status {
    uint32_t topics_count;
    uint32_t consumers_count;
    uint32_t reports_count;
    bool cut;
    struct bus_topic_status topics[BUS_STATUS_TOPICS_MAX];
    struct bus_consumer_status consumers[BUS_STATUS_CONSUMERS_MAX];
    struct bus_report_status reports[BUS_STATUS_REPORTS_MAX];
};

/* The row of that name, or NULL. */
const struct bus_report_status *
bus_status_report(const struct bus_status *status, const char *name);

/* What the consumer has not yet handled of its partition; 0 if the partition
 * is not told. */
uint64_t bus_status_lag(const struct bus_status *status,
                        const struct bus_consumer_status *consumer);

#endif
