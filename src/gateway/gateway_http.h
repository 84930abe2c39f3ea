/*
 * gateway_http.h - the http thread's half of the gateway
 *
 * libmicrohttpd in external epoll mode: this thread alone owns it.  It parses
 * and checks a request, answers what needs no store (healthz, readyz), posts
 * the rest to the store thread in one chain per turn, and replies when the
 * answer comes back.  It never blocks and never touches a table or a socket of
 * ZeroMQ.
 */
#ifndef GATEWAY_HTTP_H
#define GATEWAY_HTTP_H

#include "gateway/gateway_store.h"

struct gateway_http;

/*
 * Opens the listener (config->http).  Exits EXIT_USAGE with one clear line if
 * the address is wrong or busy; makes shared->wake_fd.
 */
struct gateway_http *gateway_http_open(const struct config *config,
                                       struct mailbox *requests,
                                       struct mailbox *answers,
                                       struct gateway_shared *shared);

/* Starts the thread: it serves until shared->stopped, answers what is
 * answered, and ends. */
void gateway_http_start(struct gateway_http *http);

/* Waits for the thread, frees everything. */
void gateway_http_close(struct gateway_http **http_p);

#endif
