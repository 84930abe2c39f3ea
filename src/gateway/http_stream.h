/*
 * http_stream.h - changes as they happen, as text/event-stream
 *
 *   GET /orders/stream, /transactions/stream   from now on, or from behind
 *                                              Last-Event-ID
 *   GET /orders/{id}/stream                    the order as it stands, then
 *                                              as it changes
 *
 *   retry: 1000
 *
 *   id: 811            from now on: the change that was the last, so that
 *                      who breaks off before the next one misses none
 *   id: 812
 *   event: order
 *   data: {"id":81,...}
 *
 * Ids are the numbers of gateway_changes.h: durable, and rising.
 *   event: gap      {"after":N,"resumed":M}: what changed behind N up to M is
 *                   not told (history too short; or `latest` left it out)
 *   event: dropped  {"reason":"slow"}: the client is too far behind; it is
 *                   the last event, and the client comes back with its last id
 *   : alive         nothing happened for config->http_heartbeat
 *
 * A stream is
 *   CATCHING  it reads pages of the history through the store, until it has
 *             come to where the ring begins; then
 *   live      it has a cursor into the ring (http_ring.h), from which all
 *             take their text
 * A live stream that missed changes (gateway_changes.h: one turn too many
 * waited; or they left the ring while it waited for us) is catching again; a
 * watched order is then told as it stands, unless it was told so before.
 *
 * Streams are resumed in waves, STREAM_WAVE_US apart, and together tell no
 * more than STREAM_WAVE_BYTES in one: so a thousand of them cost the orders
 * that come in no more than that.  A stream of one user or order is found by
 * a hash and sleeps until something of it has changed.
 */
#ifndef GATEWAY_HTTP_STREAM_H
#define GATEWAY_HTTP_STREAM_H

#include "gateway/http_server.h"

/* True if the call's answer begins a stream. */
bool stream_is_meant(const struct http_call *call);
/* Takes call->request, which the store has answered, over and makes the
 * response; NULL, with the problem set, if there are too many streams or no
 * memory. */
struct MHD_Response *stream_begin(struct exchange *exchange);
/* The store has answered a page (request->stream). */
void stream_answered(struct request *request);
/* The peer has ended. */
void stream_hang_up(struct stream *stream);
/* The exchange is at its end. */
void stream_leave(struct exchange *exchange);

void streams_init(struct gateway_http *http);
/* Takes REQUEST_CHANGED of the store and frees it. */
void streams_changed(struct gateway_http *http, struct request *request);
/* Once per turn: resumes who has something to tell. */
void streams_turn(struct gateway_http *http);
/* Milliseconds until that is to be called again; limit_ms at most. */
int64_t streams_until(const struct gateway_http *http, int64_t limit_ms);
/* Ends all: they are told and closed in the next runs of the library. */
void streams_stop(struct gateway_http *http);
void streams_fini(struct gateway_http *http);

/* A stream opens, or somebody else who needs to hear of changes; and ends. */
void streams_listen(struct gateway_http *http);
void streams_listen_no_more(struct gateway_http *http);

#endif
