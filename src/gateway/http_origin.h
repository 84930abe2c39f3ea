/*
 * http_origin.h - pages of other sites may not drive this gateway
 *
 * An operator's browser reaches what nobody else on the network does, and
 * runs the scripts of any page that it shows.  Such a page can send requests
 * here, though it can't read the answers.  Browsers tell whose page asks in
 * the header Origin (Fetch standard, "Origin header"), with every request but
 * plain reads of the same site; other clients send none, and are not meant.
 *
 * Pure: functions of their arguments.
 */
#ifndef GATEWAY_HTTP_ORIGIN_H
#define GATEWAY_HTTP_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * False for a page of another site: its origin is not that of `host`, the
 * header Host.  Unless tokens are asked for, also false if host is no name of
 * this machine: a foreign name that was pointed at it (DNS rebinding) makes
 * both agree.  Neither text need end with a NUL.
 */
bool http_origin_allowed(const char *origin, size_t origin_bytes,
                         const char *host, size_t host_bytes, bool tokens);

#endif
