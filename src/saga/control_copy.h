/*
 * control_copy.h - "backup DIRECTORY", asked of a process through its door
 *
 * The directory is the rest of the request's line, whole (it may hold blanks),
 * and must not be there yet: who is let in at the door may be of the home's
 * group only, and must not be able to have stores replaced, least of all this
 * process's own.  The reply comes when the copy is there; it is on disk when
 * the caller has synced the file system.
 */
#ifndef SAGA_CONTROL_COPY_H
#define SAGA_CONTROL_COPY_H

#include "saga/control.h"
#include "saga/store.h"
#include "saga/text_writer.h"

/* How often an owner that waits for work calls control_copy_answer(). */
#define CONTROL_COPY_MS 20

struct control_copy {
    bool under_way;
    int client; /* who asked for it */
};

/* True if the copy was begun, and the reply is for later; else the reply says
 * why not. */
bool control_copy_begin(struct control_copy *copy, struct store *store,
                        const struct control_request *request,
                        struct text_writer *reply);

/* Replies if the copy is done. */
void control_copy_answer(struct control_copy *copy, struct store *store,
                         struct control *control);

#endif
