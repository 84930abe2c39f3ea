/*
 * broker.h - the broker: requests in, one commit, replies out
 *
 * One turn of the loop (broker_turn.c):
 *
 *   gather    requests that wait in the socket, up to a limit; each PRODUCE is
 *             judged and put into the one open transaction
 *   commit    producers' seqs, segments' rows, positions; ONE commit, ONE flush
 *   answer    only now
 *   publish   what was stored, to the tap
 *   serve     the fetches that can be answered, also those that waited
 *
 * A full disk undoes the turn's transaction, in memory too, and refuses its
 * requests; fetches go on.  Every other failure ends the process: a restart
 * recovers what was acknowledged.
 */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include "saga/config.h"

struct broker;

/*
 * Binds the sockets, opens the store, reads everything.  signal_fd: of
 * daemon_signals(); directory: the store's, locked by us.  Ends the process
 * with EXIT_USAGE and one line if an endpoint can't be bound or the
 * configuration doesn't fit the store.  After a failure, as after one of
 * broker_run(), nothing is closed: the process must end, at once.
 */
MUST_USE enum rc broker_open(struct broker **broker_out,
                             const struct config *config,
                             const char *directory, int signal_fd);
/* Serves until asked to stop (RC_OK) or unable to go on. */
MUST_USE enum rc broker_run(struct broker *broker);
/* What is in the sockets is still sent, within a time; the store is closed. */
MUST_USE enum rc broker_close(struct broker **broker_p);

/* The configuration's own laws, before anything is touched; exits EXIT_USAGE
 * with one line. */
void broker_check(const struct config *config);

#endif
