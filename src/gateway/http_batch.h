/*
 * http_batch.h - POST /orders with many orders (application/x-ndjson)
 *
 * One order per line; one result line per order, in the same order:
 *   {"line":1,"order":{"id":81,...}}              placed ("replayed":true: by
 *                                                 an earlier request)
 *   {"line":2,"problem":{"type":"...",...}}       refused, alone
 * Empty lines are counted and have no result.  The reply's status, 200, says
 * only that the lines are read.
 *
 *   batch   one such request: its body, and a window of chunks
 *   chunk   some lines of it that are asked of the store together; one turn
 *           reads so many bytes at most (line_reader.h), and others are
 *           served between
 *
 * The library lets nobody reply before a body is complete.  So the body is
 * kept, whole and bounded (config->http_ndjson each, BATCH_BODIES_MAX of those
 * together; bodies up to config->http_body, which every connection may send,
 * do not count), and from then on nothing is read ahead: a chunk goes to the
 * store when the client has taken the results of the chunk before the last.
 * A client that does not read holds up itself alone, but for its place among
 * the large bodies; it is cut when it takes nothing for http_request_time.
 *
 * A batch that can't go on (the store does not answer, we stop) ends with one
 * more line, a problem with the number of the first line that has no result;
 * that line and those behind it may or may not be placed: their keys make it
 * safe to send them again.
 *
 * A batch outlives its exchange while the store holds a chunk of it.
 */
#ifndef GATEWAY_HTTP_BATCH_H
#define GATEWAY_HTTP_BATCH_H

#include "gateway/http_rows.h"
#include "gateway/http_server.h"

#define BATCH_CHUNK_LINES 256 /* orders in one chunk                */
#define BATCH_WINDOW 2        /* chunks of one batch at the store   */
#define BATCH_BODIES_MAX 4    /* of the largest size, all together  */
#define BATCH_TEXT_BYTES 3072 /* of one result line                 */

_Static_assert(PROBLEM_TEXT_BYTES_MAX + 64 <= BATCH_TEXT_BYTES &&
                   ROW_TEXT_BYTES_MAX + 64 <= BATCH_TEXT_BYTES,
               "every result fits");

/* True if the call, of which the head is read, is a batch. */
bool batch_is_meant(const struct http_call *call);
/* The largest body that this exchange may send. */
uint64_t batch_body_max(const struct exchange *exchange);
/* Counts the body that is about to come, if it is a large one; false if there
 * are too many. */
bool batch_body_take(struct exchange *exchange);

/* With the body complete: takes it and call->request over, posts the first
 * chunks and makes the response that tells the results.  NULL, with the
 * problem set, if there is no memory. */
struct MHD_Response *batch_begin(struct exchange *exchange);
/* Once per turn: those go on that only let others be served. */
void batches_turn(struct gateway_http *http);
/* The store has answered a chunk (request->owner is the batch). */
void batch_answered(struct request *request);
/* The store's answer will be waited for no more. */
void batch_give_up(struct exchange *exchange, enum problem_type why);
/* The exchange is at its end. */
void batch_leave(struct exchange *exchange);
/* Frees those that the store never gave back. */
void batch_fini(struct gateway_http *http);

#endif
