/*
 * fake_store.h - a store thread that invents its answers, for tests
 *
 * It takes requests from one mailbox and answers to another, as the gateway's
 * store thread does, from a thread of its own.  Lists have `limit` rows with
 * ids behind `after`, and more; everything else echoes what was asked.  An
 * order with the key "again" was there before; of order 13 an event is parked;
 * with REQUEST_DISK it asks to wait for 17 seconds.
 */
#ifndef SUPPORT_FAKE_STORE_H
#define SUPPORT_FAKE_STORE_H

#include "gateway/request.h"

struct fake_store;

struct fake_store *fake_store_new(struct mailbox *requests,
                                  struct mailbox *answers);
/* Requests that it holds are not answered. */
void fake_store_destroy(struct fake_store **store_p);

/* The outcome of every answer from now on; REQUEST_DONE at first. */
void fake_store_outcome(struct fake_store *store, enum request_outcome outcome);
/* How a watched order stands from now on (ORDER_COMPLETED at first), and the
 * number of the next change; the history has nothing for anybody. */
void fake_store_watched(struct fake_store *store, enum order_status status,
                        uint64_t change_next);
/* true: it takes requests and keeps them; false: it answers them, in order. */
void fake_store_hold(struct fake_store *store, bool hold);
/* Waits (at most 10 s) until it has taken `count` requests since it was made;
 * true if it has. */
bool fake_store_wait(struct fake_store *store, uint64_t count);
/* How many requests it has taken. */
uint64_t fake_store_count(struct fake_store *store);
/* The request that it took last; its answer's fields mean nothing. */
struct request fake_store_last(struct fake_store *store);

#endif
