/*
 * http_listener.h - the listening socket of the gateway
 */
#ifndef GATEWAY_HTTP_LISTENER_H
#define GATEWAY_HTTP_LISTENER_H

#include <netinet/in.h>

#include "saga/config.h"

#define HTTP_BACKLOG 4096
#define HTTP_URL_BYTES 80

union http_address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

/*
 * Reads "127.0.0.1:9192", "[::1]:9192" or "localhost:9192"; port 0 to 65535.
 * RC_MALFORMED if it is none of them: names are not looked up.
 */
MUST_USE enum rc http_address_parse(const char *text,
                                    union http_address *address_out);

/* "http://127.0.0.1:9192"; an address that means "all" becomes loopback. */
void http_address_url(const union http_address *address,
                      char url[HTTP_URL_BYTES]);

/*
 * The listening socket: systemd's if it hands us one (LISTEN_FDS), else one
 * bound to config->http.  url[HTTP_URL_BYTES] tells where it really listens.
 * Exits EXIT_USAGE with one line if the address is wrong or busy.
 */
int http_listener_open(const struct config *config, char *url);

#endif
