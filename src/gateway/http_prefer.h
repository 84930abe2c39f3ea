/*
 * http_prefer.h - the header Prefer (RFC 7240), of which we know wait=N
 *
 * Pure: functions of their arguments.
 */
#ifndef GATEWAY_HTTP_PREFER_H
#define GATEWAY_HTTP_PREFER_H

#include "saga/base.h"

#define PREFER_WAIT_S_MAX 60 /* a longer wait becomes this one */

/* The seconds of the first well-formed wait=N, at most PREFER_WAIT_S_MAX; 0
 * if there is none.  What is not understood is no error, says the RFC. */
uint32_t prefer_wait_s(const char *value, size_t bytes);

#endif
