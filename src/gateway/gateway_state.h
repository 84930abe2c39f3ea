/*
 * gateway_state.h - what the store thread of the gateway holds
 *
 * Private to gateway_store.c (the life and the turns), gateway_commands.c
 * (what HTTP asks) and gateway_events.c (what the topics tell).
 */
#ifndef GATEWAY_STATE_H
#define GATEWAY_STATE_H

#include "gateway/gateway_query.h"
#include "gateway/gateway_rows.h"
#include "gateway/gateway_seed.h"
#include "gateway/gateway_store.h"
#include "saga/row_cache.h"

/* Users kept in memory; those that changed are written once per turn. */
#define USERS_CACHED_MAX 4096

struct gateway_store {
    const struct config *config;
    struct mailbox *requests;
    struct mailbox *answers;
    struct gateway_shared *shared;
    const struct participant *participant; /* NULL until attached */
    struct gateway_seed seed;
    char seed_error[1024]; /* why there is none, "" if there is */

    struct gateway_tables tables;
    struct row_cache *users;
    struct gateway_catalogue catalogue;
    struct gateway_counters counters;
    bool counters_changed;
    uint64_t order_next;

    uint64_t backlog;        /* outbox, and what these commands add          */
    struct request *waiting; /* taken from the mailbox, not yet served       */
    struct request *answered_first; /* served, told after the flush          */
    struct request *answered_last;
};

/* The user's row; its state is USER_ABSENT if there is none. */
MUST_USE enum rc gateway_user_get(struct gateway_store *store,
                                  struct user_id user,
                                  struct user_row *row_out);
/* Puts the row and counts users; `was` is its state before. */
MUST_USE enum rc gateway_user_put(struct gateway_store *store,
                                  const struct user_row *row,
                                  enum user_state was);
/* Puts a row for a user who is asked for and emits AccountOpened. */
MUST_USE enum rc gateway_user_open(struct gateway_store *store,
                                   struct turn *turn, struct user_id user,
                                   struct money amount,
                                   const char *traceparent,
                                   struct user_row *row_out);

/* Serves one request: its outcome and answer are set if this is RC_OK. */
MUST_USE enum rc gateway_commands_serve(struct gateway_store *store,
                                        struct turn *turn,
                                        struct request *request);

/* Folds one event into the read models. */
MUST_USE enum rc gateway_events_fold(struct gateway_store *store,
                                     struct turn *turn,
                                     const struct event *event);

#endif
