/*
 * Users as the gateway knows them (a read model), and the commands that it
 * passes on to payment, which owns their accounts.
 */
#include <inttypes.h>
#include <stdio.h>

#include "gateway/gateway_state.h"
#include "saga/log.h"

/* ---- the read model --------------------------------------------------- */

static void
user_cache_encode(const void *row, struct bytes_writer *writer)
{
    user_row_write(row, writer);
}

static bool
user_cache_decode(void *row, struct bytes_reader *reader)
{
    return user_row_read(row, reader);
}

const struct row_format gateway_user_format = {
    .name = "user",
    .row_bytes = sizeof(struct user_row),
    .encode = user_cache_encode,
    .decode = user_cache_decode,
};

enum rc
gateway_user_get(struct gateway_store *store, struct user_id user,
                 struct user_row *row_out)
{
    enum rc rc = row_cache_get(store->users, user.value, row_out);

    row_out->user = user;
    if (rc == RC_DAMAGED)
        log_error("row_damaged", "table=users id=%" PRIu64, user.value);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc
gateway_user_put(struct gateway_store *store, const struct user_row *row,
                 enum user_state was)
{
    if (was == USER_ABSENT && row->state != USER_ABSENT) {
        store->counters.users++;
        store->counters_changed = true;
    }
    if (was != USER_ABSENT && row->state == USER_ABSENT) {
        store->counters.users--;
        store->counters_changed = true;
    }
    return row_cache_put(store->users, row->user.value, row);
}

/* ---- opening ---------------------------------------------------------- */

enum rc
gateway_user_open(struct gateway_store *store, struct turn *turn,
                  struct user_id user, struct money amount,
                  const char *traceparent, struct user_row *row_out)
{
    struct event event;
    enum rc rc;

    *row_out = (struct user_row){ .user = user,
                                  .state = USER_OPENING,
                                  .updated_us = turn_now_us(turn) };
    rc = gateway_user_put(store, row_out, USER_ABSENT);
    if (rc != RC_OK)
        return rc;
    event_init(&event, EVENT_ACCOUNT_OPENED);
    event.user = user;
    event.amount = amount;
    snprintf(event.traceparent, sizeof event.traceparent, "%s", traceparent);
    return gateway_emit(store, turn, &event);
}

enum rc
gateway_command_user_open(struct gateway_store *store, struct turn *turn,
                          struct request *request)
{
    struct user_row row;
    enum rc rc;

    rc = gateway_user_get(store, request->user, &row);
    if (rc != RC_OK)
        return rc;
    request->outcome = row.state != USER_ABSENT
                           ? REQUEST_CONFLICT
                           : gateway_pressure(store, request);
    if (request->outcome != REQUEST_DONE)
        return RC_OK;
    return gateway_user_open(store, turn, request->user, request->amount,
                             request->traceparent, &request->user_row);
}

/* ---- commands to an account ------------------------------------------- */

/* The commands' common refusals: the outcome, and the user's row. */
static enum rc
user_known(struct gateway_store *store, struct request *request)
{
    enum rc rc = gateway_user_get(store, request->user, &request->user_row);

    if (rc != RC_OK)
        return rc;
    request->outcome = request->user_row.state == USER_ABSENT
                           ? REQUEST_NO_USER
                           : gateway_pressure(store, request);
    return RC_OK;
}

static enum rc
emit_command(struct gateway_store *store, struct turn *turn,
             const struct request *request, enum event_type type)
{
    struct event event;

    event_init(&event, type);
    event.user = request->user;
    event.amount = request->amount;
    event.credit = request->credit;
    memcpy(event.traceparent, request->traceparent, sizeof event.traceparent);
    return gateway_emit(store, turn, &event);
}

/*
 * Credit ids from CREDIT_ID_OURS on are given by gateways, each in its own
 * stride and offset, those below by clients: so nobody takes another's by
 * chance.  A client may repeat one that it was given.
 */
static uint64_t
credit_next(const struct gateway_store *store)
{
    const struct config *config = store->config;
    uint64_t next = CREDIT_ID_OURS + config->order_id_offset - 1, steps;

    if (store->counters.credit_last < next)
        return next;
    steps = (store->counters.credit_last - next) / config->order_id_stride + 1;
    return next + steps * config->order_id_stride;
}

static bool
credit_was_given(const struct gateway_store *store, struct credit_id credit)
{
    const struct config *config = store->config;

    return credit.value <= store->counters.credit_last &&
           (credit.value - CREDIT_ID_OURS) % config->order_id_stride ==
               config->order_id_offset - 1;
}

enum rc
gateway_command_user_credit(struct gateway_store *store, struct turn *turn,
                            struct request *request)
{
    enum rc rc = user_known(store, request);

    if (rc != RC_OK)
        return rc;
    if (request->outcome == REQUEST_DONE &&
        request->credit.value >= CREDIT_ID_OURS &&
        !credit_was_given(store, request->credit))
        request->outcome = REQUEST_NO_CREDIT;
    if (request->outcome != REQUEST_DONE)
        return RC_OK;
    if (request->credit.value == 0) {
        request->credit.value = credit_next(store);
        invariant(id_valid(request->credit.value));
        store->counters.credit_last = request->credit.value;
        store->counters_changed = true;
    }
    return emit_command(store, turn, request, EVENT_ACCOUNT_CREDITED);
}

enum rc
gateway_command_user_freeze(struct gateway_store *store, struct turn *turn,
                            struct request *request)
{
    enum rc rc = user_known(store, request);

    if (rc != RC_OK || request->outcome != REQUEST_DONE)
        return rc;
    return emit_command(store, turn, request, EVENT_ACCOUNT_FROZEN);
}

enum rc
gateway_command_user_thaw(struct gateway_store *store, struct turn *turn,
                          struct request *request)
{
    enum rc rc = user_known(store, request);

    if (rc != RC_OK || request->outcome != REQUEST_DONE)
        return rc;
    return emit_command(store, turn, request, EVENT_ACCOUNT_THAWED);
}
