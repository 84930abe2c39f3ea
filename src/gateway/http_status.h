/*
 * http_status.h - GET /status: the whole pipeline as one JSON object
 *
 * Made of the same data as /metrics.  Counters, no rates: who looks twice has
 * them.
 *
 * Pure: functions of their arguments.
 */
#ifndef GATEWAY_HTTP_STATUS_H
#define GATEWAY_HTTP_STATUS_H

#include "gateway/http_call.h"

#define STATUS_TEXT_BYTES_MAX (256u << 10)

/* Writes the object; at most STATUS_TEXT_BYTES_MAX bytes. */
void status_write(struct text_writer *writer,
                  const struct gateway_metrics *metrics,
                  const struct http_facts *facts);

#endif
