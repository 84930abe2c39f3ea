/*
 * control.h - a process's own small door for operators: HOME/run/NAME.ctl
 *
 * A UNIX socket (SEQPACKET, mode 0600, or 0660 where the home is shared with
 * its group).  One packet is one request, words with blanks between them
 * ("redrive 7"); one packet is its reply, one JSON object; then the
 * connection may carry the next.  sagactl speaks it.
 *
 * The owner polls control_fd() and calls control_take() until there is none;
 * it answers with control_reply(), now or later: what a reply promises must be
 * on disk first.
 *
 * One thread.  At most CONTROL_CLIENTS_MAX connections; more are closed at
 * once, and so is one that sends too much.
 */
#ifndef SAGA_CONTROL_H
#define SAGA_CONTROL_H

#include "saga/base.h"

#define CONTROL_CLIENTS_MAX 8
#define CONTROL_REQUEST_BYTES_MAX 1024
#define CONTROL_REPLY_BYTES_MAX (96u << 10)
#define CONTROL_WORDS_MAX 4

struct control;

struct control_request {
    int client;                      /* whom to answer; never used again */
    char *words[CONTROL_WORDS_MAX];  /* NULL behind the last */
    char text[CONTROL_REQUEST_BYTES_MAX];
    /* All that stands behind the first word and its blank. */
    char argument[CONTROL_REQUEST_BYTES_MAX];
};

/* Listens at `path`, replacing what a crash left (the caller holds the
 * store's lock).  RC_IO, or RC_MALFORMED of a directory at the path (logged);
 * RC_NO_MEMORY. */
MUST_USE enum rc control_open(struct control **control_out, const char *path);
void control_close(struct control **control_p);

/*
 * True if process `name` lives at this home: its door is open, even if nobody
 * comes to it.  False also if we may not look.  The process notices nothing:
 * who is looked at again and again and hangs has its queue for operators.
 */
bool control_lives(const char *home, const char *name);

/* Readable while there is something to take; -1 for NULL. */
int control_fd(const struct control *control);

/* The next request, if one is there.  Never blocks. */
bool control_take(struct control *control, struct control_request *request_out);

/* False once the client went away. */
bool control_is_there(const struct control *control, int client);

/* Sends the reply; a client that went away or does not read loses it.
 * bytes <= CONTROL_REPLY_BYTES_MAX. */
void control_reply(struct control *control, int client, const char *reply,
                   size_t bytes);

#endif
