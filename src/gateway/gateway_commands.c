#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway_state.h"
#include "gateway/pipeline_view.h"
#include "saga/control.h"
#include "saga/daemon.h"

/* A row that is not there is an outcome of the request. */
static enum rc
request_found(struct request *request, enum rc rc)
{
    request->outcome = rc == RC_OK ? REQUEST_DONE : REQUEST_NO_ROW;
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc
on_order_get(struct gateway_store *store, struct turn *turn,
             struct request *request)
{
    enum rc rc;

    (void)turn;
    rc = request_found(request, gateway_query_order(&store->tables,
                                                    request->order_id,
                                                    &request->order));
    if (rc == RC_OK && request->outcome == REQUEST_DONE)
        rc = gateway_trace_get(store, request->order_id, request->trace);
    if (rc != RC_OK || store->counters.parked_orders == 0)
        return rc;
    rc = gateway_parked_find(&store->tables, request->order_id,
                             &request->parked);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc
on_order_list(struct gateway_store *store, struct turn *turn,
              struct request *request)
{
    (void)turn;
    return gateway_query_orders(&store->tables, request);
}

static enum rc
on_product_list(struct gateway_store *store, struct turn *turn,
                struct request *request)
{
    (void)turn;
    gateway_query_products(&store->catalogue, request);
    return RC_OK;
}

static enum rc
on_product_get(struct gateway_store *store, struct turn *turn,
               struct request *request)
{
    const struct product_row *row =
        gateway_catalogue_find(&store->catalogue, request->product);

    (void)turn;
    request->outcome = row != NULL ? REQUEST_DONE : REQUEST_NO_ROW;
    if (row != NULL)
        request->amount = row->price;
    return RC_OK;
}

static enum rc
on_product_put(struct gateway_store *store, struct turn *turn,
               struct request *request)
{
    const struct product_row row = { request->product, request->amount };
    bool known = gateway_catalogue_find(&store->catalogue, row.product) != NULL;

    (void)turn;
    if (!known && store->catalogue.count >= store->config->products)
        request->outcome = REQUEST_CATALOGUE_FULL;
    else
        request->outcome = gateway_pressure(store, request);
    request->created = !known;
    if (request->outcome != REQUEST_DONE)
        return RC_OK;
    return gateway_catalogue_put(&store->catalogue, store->tables.products,
                                 &row);
}

static enum rc
on_user_get(struct gateway_store *store, struct turn *turn,
            struct request *request)
{
    enum rc rc;

    (void)turn;
    rc = gateway_user_get(store, request->user, &request->user_row);
    if (rc == RC_OK && request->user_row.state == USER_ABSENT)
        rc = RC_NOT_FOUND;
    return request_found(request, rc);
}

/* The list reads the table, so what was held back is written first. */
static enum rc
on_user_list(struct gateway_store *store, struct turn *turn,
             struct request *request)
{
    enum rc rc;

    (void)turn;
    rc = row_cache_write(store->users);
    if (rc == RC_OK)
        rc = gateway_query_users(&store->tables, request);
    return rc;
}

static enum rc
on_transaction_get(struct gateway_store *store, struct turn *turn,
                   struct request *request)
{
    (void)turn;
    return request_found(
        request,
        gateway_query_transaction(&store->tables, request->transaction_id,
                                  &request->transaction));
}

static enum rc
on_transaction_list(struct gateway_store *store, struct turn *turn,
                    struct request *request)
{
    (void)turn;
    return gateway_query_transactions(&store->tables, request);
}

static void
tell_pipeline(struct gateway_store *store,
              struct gateway_metrics *metrics)
{
    metrics->status_age_us = -1;
    if (store->participant != NULL)
        participant_report(store->participant, &metrics->report);
    if (store->status == NULL)
        return;
    metrics->status_age_us = clock_monotonic_us() - store->status_us;
    metrics->status = *store->status;
}

static void
look_who_lives(const struct gateway_store *store,
               struct gateway_metrics *metrics)
{
    struct pipeline_process rows[PIPELINE_PROCESSES_MAX];
    uint32_t count = pipeline_processes(metrics, rows);

    for (uint32_t i = 0; i < count; i++)
        metrics->lives[i] = !rows[i].up &&
                            control_lives(store->config->home, rows[i].name);
}

static enum rc
on_metrics(struct gateway_store *store, struct turn *turn,
           struct request *request)
{
    struct gateway_metrics *metrics = calloc(1, sizeof *metrics);

    request->metrics = metrics;
    request->outcome = metrics == NULL ? REQUEST_FAILED : REQUEST_DONE;
    if (metrics == NULL)
        return RC_OK;
    memcpy(metrics->orders, store->counters.orders, sizeof metrics->orders);
    memcpy(metrics->refusals, store->counters.refusals,
           sizeof metrics->refusals);
    metrics->now_us = turn_now_us(turn);
    snprintf(metrics->name, sizeof metrics->name, "%s", store->config->name);
    metrics->open = store->counters.open;
    metrics->oldest_open_us = gateway_open_oldest_us(store);
    metrics->saga_us = store->saga_us;
    metrics->users = store->counters.users;
    metrics->transactions = store->counters.transactions;
    metrics->parked_orders = store->counters.parked_orders;
    tell_pipeline(store, metrics);
    look_who_lives(store, metrics);
    return RC_OK;
}

static enum rc
on_stream(struct gateway_store *store, struct turn *turn,
          struct request *request)
{
    (void)turn;
    return gateway_changes_serve(store, request);
}

typedef enum rc (*command_fn)(struct gateway_store *store, struct turn *turn,
                              struct request *request);

static const command_fn commands[REQUEST_KIND_COUNT] = {
    [REQUEST_ORDER_PLACE] = gateway_order_place,
    [REQUEST_ORDER_BATCH] = gateway_order_batch,
    [REQUEST_ORDER_GET] = on_order_get,
    [REQUEST_ORDER_CANCEL] = gateway_order_cancel,
    [REQUEST_ORDER_LIST] = on_order_list,
    [REQUEST_ORDER_STREAM] = on_stream,
    [REQUEST_ORDER_WATCH] = on_stream,
    [REQUEST_TRANSACTION_STREAM] = on_stream,
    [REQUEST_PRODUCT_LIST] = on_product_list,
    [REQUEST_PRODUCT_GET] = on_product_get,
    [REQUEST_PRODUCT_PUT] = on_product_put,
    [REQUEST_USER_OPEN] = gateway_command_user_open,
    [REQUEST_USER_CREDIT] = gateway_command_user_credit,
    [REQUEST_USER_FREEZE] = gateway_command_user_freeze,
    [REQUEST_USER_THAW] = gateway_command_user_thaw,
    [REQUEST_USER_GET] = on_user_get,
    [REQUEST_USER_LIST] = on_user_list,
    [REQUEST_TRANSACTION_GET] = on_transaction_get,
    [REQUEST_TRANSACTION_LIST] = on_transaction_list,
    [REQUEST_METRICS] = on_metrics,
    [REQUEST_STATUS] = on_metrics,
};

enum rc
gateway_commands_serve(struct gateway_store *store, struct turn *turn,
                       struct request *request)
{
    invariant(request->kind < REQUEST_KIND_COUNT &&
              commands[request->kind] != NULL);
    return commands[request->kind](store, turn, request);
}
