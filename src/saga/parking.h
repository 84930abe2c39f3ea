/*
 * parking.h - events that a participant can't handle wait aside
 *
 * A poison event (one that does not decode, or that a handler refuses with
 * RC_REFUSED) is parked: its bytes and why, in a row of the table `parked`, in
 * the transaction that moves the position past it.  Later events of the same
 * order are parked behind it, so that nothing of an order takes effect out of
 * order; everything else flows on.  A participant may ask for the same by user
 * (participant.h, parks_users).  An operator then redrives rows (in their
 * order; behind one that is refused again the others wait on) or drops one.
 *
 *   number   a parked row's, 1, 2, 3, ...; what operators name it by, so it
 *            never comes twice: the last one given is the row `parked` of the
 *            participant's own table, put with the event's
 *   order    whose order it belongs to; 0 if that could not be told
 *
 * At most `parked` rows (a knob).  Beyond it the participant stops (RC_FULL):
 * something is wrong with more than an event.  All that are there already are
 * taken, also if the knob was lowered: an operator must be able to get at them.
 *
 * Internal to the participant loop.
 */
#ifndef SAGA_PARKING_H
#define SAGA_PARKING_H

#include "saga/event.h"
#include "saga/store.h"

#define PARKING_CAUSE_BEHIND "behind" /* of one that waits for its order's */
#define PARKING_CAUSE_BEHIND_USER "behind_user" /* for one of its user's */

struct parked {
    uint64_t number;
    struct order_id order;
    struct user_id user;
    char topic[TOPIC_NAME_BYTES];
    uint32_t partition;
    uint64_t offset;
    uint32_t count; /* events in bytes; over 1 if their ends can't be told */
    char producer[PRODUCER_NAME_BYTES];
    uint64_t first_seq;
    char cause[EVENT_TEXT_BYTES];
    uint32_t attempts;
    int64_t parked_us;
    const uint8_t *bytes;
    size_t bytes_count;
};

struct parking;

/* Opens the table and reads which orders wait, and in `state`, the
 * participant's own, the last number.  RC_NO_MEMORY, RC_DAMAGED. */
MUST_USE enum rc parking_open(struct parking **parking_out,
                              struct store *store, struct store_table *state,
                              uint32_t rows_max);
void parking_close(struct parking **parking_p);

uint32_t parking_count(const struct parking *parking);

/* True if a row with a number below `before` is of this order or of this user
 * (0: of none).  Cheap when nothing is parked. */
bool parking_holds(const struct parking *parking, uint64_t before,
                   struct order_id order, struct user_id user);

/* Puts a row, in the open transaction; number is set here.  RC_FULL beyond
 * rows_max. */
MUST_USE enum rc parking_put(struct parking *parking, struct parked *parked);

/* Reads a row; its bytes are the parking's until the next call.
 * RC_NOT_FOUND. */
MUST_USE enum rc parking_get(struct parking *parking, uint64_t number,
                             struct parked *parked_out);

/* The first row with a number above `after`; read as by parking_get(). */
MUST_USE enum rc parking_next(struct parking *parking, uint64_t after,
                              struct parked *parked_out);

/* The same of those that have this number, or are of this order, or of this
 * user (0: of none).  Only that one is read from the table. */
MUST_USE enum rc parking_next_with(struct parking *parking, uint64_t after,
                                   uint64_t number, struct order_id order,
                                   struct user_id user,
                                   struct parked *parked_out);

/* Puts a row again, with one attempt more (the caller's) and another cause. */
MUST_USE enum rc parking_again(struct parking *parking,
                               const struct parked *parked, const char *cause);

/* Deletes a row, in the open transaction. */
MUST_USE enum rc parking_remove(struct parking *parking,
                                const struct parked *parked);

#endif
