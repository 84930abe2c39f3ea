/*
 * participant_control.h - what an operator may ask of a participant
 *
 *   status           positions, seqs, counters
 *   parked AFTER     parked events with a number above AFTER, a page
 *   show NUMBER      one of them, with its bytes in hex
 *   redrive NUMBER   handle it, and what waits behind it, again ("all": each)
 *   drop NUMBER      forget it, and redrive what waits behind it
 *   backup DIRECTORY a copy of the store, while it goes on
 *
 * One request per turn, inside the turn's transaction; the reply goes out
 * after the flush.  Replies are JSON objects; {"error": words} if it can't be.
 * Internal to the participant loop.
 */
#ifndef SAGA_PARTICIPANT_CONTROL_H
#define SAGA_PARTICIPANT_CONTROL_H

#include "saga/participant_state.h"

#define PARKED_PAGE_ROWS 50
/* Rows that one "redrive all [AFTER]" looks at; the reply says if there are
 * more, and behind which number. */
#define REDRIVE_ROWS_MAX 1000

/* Takes a request, if there is one. */
MUST_USE enum rc participant_control_take(struct turn *turn);

/* Sends the reply of this turn's request, and of a copy that is done. */
void participant_control_answer(struct participant *participant);

#endif
