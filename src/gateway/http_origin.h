/*
 * http_origin.h - pages of other sites may not drive or read this gateway
 *
 * An operator's browser reaches what nobody else on the network does, and
 * runs the scripts of any page that it shows.  Such a page can send requests
 * here, though it can't read the answers.  Browsers tell whose page asks in
 * the header Origin (Fetch standard, "Origin header"), with every request but
 * plain reads of the same site.
 *
 * A page whose own name was pointed at this machine after it was loaded (DNS
 * rebinding) is of the same site, as the browser sees it: it may read the
 * answers, and its reads have no Origin.  What it can't hide is its name, in
 * the header Host.  Without tokens, when whoever reaches us is served, nobody
 * is served who calls this machine by a name that is not its own.
 *
 * Pure: functions of their arguments.
 */
#ifndef GATEWAY_HTTP_ORIGIN_H
#define GATEWAY_HTTP_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * May this be asked?  origin and host are those headers, NULL if there is
 * none; neither need end with a NUL.
 *
 *   origin  tokens  yes if
 *   none    no      there is no host (HTTP/1.0), or it is this machine:
 *                   localhost, 127.*, [::1], with a port or without
 *   none    yes     always: a proxy may pass any host
 *   some    no      it is http:// or https:// and the host, which is this
 *                   machine
 *   some    yes     it is http:// or https:// and the host
 */
bool http_origin_allowed(const char *origin, size_t origin_bytes,
                         const char *host, size_t host_bytes, bool tokens);

#endif
