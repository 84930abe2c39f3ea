/*
 * http_metrics.h - GET /metrics, in Prometheus' text format 0.0.4
 *
 * Pure: functions of their arguments.
 */
#ifndef GATEWAY_HTTP_METRICS_H
#define GATEWAY_HTTP_METRICS_H

#include "gateway/http_call.h"

#define METRICS_TEXT_BYTES_MAX 65536

/* Writes everything; at most METRICS_TEXT_BYTES_MAX bytes. */
void metrics_write(struct text_writer *writer,
                   const struct gateway_metrics *metrics,
                   const struct http_facts *facts);

#endif
