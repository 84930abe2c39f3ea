/*
 * gateway_door.h - what operators ask of the participants, asked over HTTP
 *
 * Parked events stand in each participant's own store, and each has a door for
 * operators (control.h).  A thread of its own knocks there, so that a
 * participant that hangs holds up neither HTTP nor the store thread: at most
 * DOOR_ANSWER_MS per question (a list asks for page after page), one request
 * after the other.
 *
 * Who is asked: payment, ledger and this gateway, and every other participant
 * whose door stands in HOME/run (filters, further gateways).  Of more than
 * DOOR_PARTICIPANTS_MAX there is no list.
 *
 * The requests are those of the http thread (request.h), of the kinds
 * REQUEST_PARKED_*; their answers come back through gateway_door_answers().
 */
#ifndef GATEWAY_DOOR_H
#define GATEWAY_DOOR_H

#include "gateway/request.h"

#define DOOR_ANSWER_MS 2000
#define DOOR_PARTICIPANTS_MAX 16
/* Requests under way; further ones are refused. */
#define DOOR_WAITING_MAX 4
/* Of one participant, the oldest; a list has no more of each. */
#define DOOR_ROWS_MAX 1000

struct gateway_door;

/* RC_IO if there is no descriptor, memory or thread left. */
MUST_USE enum rc gateway_door_open(struct gateway_door **door_out,
                                   const struct config *config);
/* Waits for the thread, DOOR_ANSWER_MS at most; requests that were not served
 * are the caller's again. */
void gateway_door_close(struct gateway_door **door_p);

/* True if DOOR_WAITING_MAX requests are under way: hand over no more. */
bool gateway_door_busy(const struct gateway_door *door);
/* Hands the request over; only the http thread may. */
void gateway_door_ask(struct gateway_door *door, struct request *request);
struct mailbox *gateway_door_answers(const struct gateway_door *door);

#endif
