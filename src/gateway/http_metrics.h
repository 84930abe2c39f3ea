/*
 * http_metrics.h - GET /metrics, in Prometheus' text format 0.0.4
 *
 * Pure: functions of their arguments.
 */
#ifndef GATEWAY_HTTP_METRICS_H
#define GATEWAY_HTTP_METRICS_H

#include "gateway/http_call.h"

/* A line has METRICS_LINE_BYTES_MAX at most. */
#define METRICS_LINE_BYTES_MAX 192
#define METRICS_TEXT_BYTES_MAX (1u << 20)

/* Writes everything; at most METRICS_TEXT_BYTES_MAX bytes. */
void metrics_write(struct text_writer *writer,
                   const struct gateway_metrics *metrics,
                   const struct http_facts *facts);

#endif
