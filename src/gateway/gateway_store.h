/*
 * gateway_store.h - the store thread's half of the gateway
 *
 * It owns the orders and the catalogue, and keeps read models of users and
 * transactions from the topics `payments` and `transactions`.  It is a
 * participant (participant.h): commands come from the http thread through one
 * mailbox and go back through another when they are on disk.
 */
#ifndef GATEWAY_STORE_H
#define GATEWAY_STORE_H

#include <stdatomic.h>

#include "gateway/order_index.h"
#include "gateway/request.h"

struct gateway_store;

/* What both threads may look at without asking. */
struct gateway_shared {
    atomic_bool bus_up;   /* the broker answers                              */
    atomic_bool draining; /* set by the store thread when asked to stop: the
                             http thread closes its listener                */
    atomic_bool stopped;  /* set by the store thread when it has ended       */
    atomic_bool listening; /* the http thread wants REQUEST_CHANGED          */
    atomic_uint changes_waiting; /* of those, not yet taken                   */
    _Atomic uint64_t changes_next; /* number behind the last one on disk; told
                                      after what of them waits is counted    */
    atomic_int wake_fd;   /* eventfd the store thread writes when a flag has
                             changed, or changes are left out; the http thread
                             made it */
};

/*
 * Makes the handlers' context: reads config->seed for the first start (exits
 * EXIT_USAGE with one line if it is wrong).  Requests come from `requests`;
 * answers go to `answers`.
 */
struct gateway_store *gateway_store_new(const struct config *config,
                                        struct mailbox *requests,
                                        struct mailbox *answers,
                                        struct gateway_shared *shared);
void gateway_store_destroy(struct gateway_store **store_p);

extern const struct participant_handlers gateway_store_handlers;

/* Before it is opened; for tests: so that few orders make many runs. */
void gateway_store_shape_index(struct gateway_store *store,
                               const struct order_index_shape *shape);

/* Gives the participant to ask for statistics and backlog; call it once,
 * after participant_open(). */
void gateway_store_attach(struct gateway_store *store,
                          const struct participant *participant);

#endif
