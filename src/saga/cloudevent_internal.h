/*
 * cloudevent_internal.h - what cloudevent's files share; nobody else includes
 * it
 *
 * cloudevent.c writes, cloudevent_read.c reads a line, cloudevent_data.c the
 * fields of our own events in it, cloudevent_foreign.c what is kept of others.
 */
#ifndef SAGA_CLOUDEVENT_INTERNAL_H
#define SAGA_CLOUDEVENT_INTERNAL_H

#include <jansson.h>

#include "saga/cloudevent.h"

#define CLOUDEVENT_TYPE_BYTES_MAX 128

/* Parses an object, strictly; NULL if it is none, or has an integer beyond 64
 * bits. */
json_t *cloudevent_parse(const char *text, size_t bytes);

/* The member of that name; NULL if it is not there or is `null`, which is the
 * same.  It is the object's. */
json_t *cloudevent_member(const json_t *object, const char *name);

/* Notes the member that is refused. */
enum cloudevent_refusal cloudevent_refuse(struct cloudevent *out,
                                          enum cloudevent_refusal refusal,
                                          const char *where);

/* Reads the fields of out->event's type from the object `data`, NULL if there
 * is none. */
enum cloudevent_refusal cloudevent_read_data(const json_t *data,
                                             struct cloudevent *out);

/* Keeps of a line (that parsed as `object`) what a foreign event keeps. */
enum cloudevent_refusal cloudevent_keep_foreign(json_t *object,
                                                const char *line, size_t bytes,
                                                struct cloudevent *out);

/* Appends the kept members, a comma first; RC_MALFORMED if the blob is not
 * what was kept by us (what was written then is to be dropped). */
enum rc cloudevent_put_foreign(struct text_writer *writer,
                               const struct event_blob *blob);

#endif
