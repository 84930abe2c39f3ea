/*
 * http_world.h - the http thread over a fake store, and clients on sockets
 *
 * Every wait has the limit HTTP_WAIT_MS; what is not there by then fails the
 * test.
 */
#ifndef SUPPORT_HTTP_WORLD_H
#define SUPPORT_HTTP_WORLD_H

#include "fake_store.h"
#include "gateway/gateway_http.h"
#include "gateway/http_server.h"

#define HTTP_WAIT_MS 60000

struct http_world {
    char home[64];
    struct config config;
    struct mailbox *requests;
    struct mailbox *answers;
    struct gateway_shared shared;
    struct fake_store *store;
    struct gateway_http *http;
    int port;
};

struct http_reply {
    int status;  /* 0: the connection ended without a reply */
    bool closed; /* it says Connection: close, or ended     */
    size_t body_bytes;
    char head[4096];
    char body[65536]; /* the beginning of it, with a NUL */
};

/* knobs: NULL-terminated "SAGAPIPE_NAME=value", or NULL.  Everything is made,
 * and nothing serves until http_world_start(). */
void http_world_init(struct http_world *world, const char *const *knobs);
void http_world_start(struct http_world *world);
/* Stops the http thread as gateway_main.c does, then frees everything. */
void http_world_fini(struct http_world *world);

/* Sets the flag of shared and wakes the thread. */
void http_world_set(struct http_world *world, atomic_bool *flag);

int http_connect(const struct http_world *world);
void http_send(int fd, const void *bytes, size_t count);
/* Reads one reply; headless: one to HEAD, which has no body. */
void http_receive(int fd, struct http_reply *reply, bool headless);
/* True if the peer closes the connection (within the limit), false if it
 * says something. */
bool http_closed(int fd);

/* One request on a connection of its own. */
void http_ask(const struct http_world *world, const char *text,
              struct http_reply *reply);
/* The same from its parts, Host and Content-Length set; body may be NULL. */
void http_ask_json(const struct http_world *world, const char *method,
                   const char *target, const char *body,
                   struct http_reply *reply);
/* The header's value in `value`, which has room for 256 bytes; false if there
 * is none. */
bool http_header(const struct http_reply *reply, const char *name,
                 char *value);

#endif
