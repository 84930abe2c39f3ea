/*
 * broker_control.h - what an operator may ask of the broker
 *
 *   status             topics: start, end, bytes
 *   backup DIRECTORY   a copy of the store, while it goes on; the reply comes
 *                      when it is there
 *   hold SECONDS       takes no request of the bus, so that topics stand
 *                      still, until this client says `release` or is gone, or
 *                      that time (1 to BROKER_HOLD_S_MAX) passed: copies of
 *                      all stores that are made meanwhile go together
 *   release            ends the hold of this client.  An error if there is
 *                      none any more: then the copies do not go together
 *
 * Through HOME/run/NAME.ctl (control.h).  Replies are JSON objects;
 * {"error": words} if it can't be.  Internal to the broker's loop.
 */
#ifndef BROKER_CONTROL_H
#define BROKER_CONTROL_H

#include "broker/broker_state.h"

/* Whoever forgot a hold must not stop all sagas for ever. */
#define BROKER_HOLD_S_MAX 600

MUST_USE enum rc broker_control_open(struct broker *broker);

/* Answers what was asked, and a copy that is done; ends a hold whose client is
 * gone.  Between turns: no transaction is open, and what was committed is on
 * disk. */
void broker_control_serve(struct broker *broker);

#endif
