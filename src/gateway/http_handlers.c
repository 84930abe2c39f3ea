/*
 * The handlers: what each route reads from a call and what it answers, and
 * the table of all routes at the end.
 */
#include <string.h>

#include "gateway/gateway_changes.h"
#include "gateway/http_assets.h"
#include "gateway/http_body.h"
#include "gateway/http_call.h"
#include "gateway/http_metrics.h"
#include "gateway/http_products.h"
#include "gateway/http_rows.h"
#include "gateway/http_status.h"

static void
prepare_order_place(struct http_call *call)
{
    enum { USER, PRODUCT, QUANTITY, COUNT };
    static const struct body_field fields[COUNT] = {
        [USER] = { "userId", BODY_ID, true },
        [PRODUCT] = { "productId", BODY_ID, true },
        [QUANTITY] = { "quantity", BODY_COUNT, false },
    };
    struct body_value values[COUNT];

    body_parse(call->body, call->body_bytes, fields, COUNT, values,
               &call->problem);
    call->request->user.value = values[USER].id;
    call->request->product.value = values[PRODUCT].id;
    call->request->quantity = values[QUANTITY].present
                                  ? values[QUANTITY].count : 1;
    http_headers_key(&call->headers, call->request->key, &call->problem);
}

static void
prepare_user_open(struct http_call *call)
{
    enum { USER, BALANCE, COUNT };
    static const struct body_field fields[COUNT] = {
        [USER] = { "userId", BODY_ID, true },
        [BALANCE] = { "balance", BODY_AMOUNT, true },
    };
    struct body_value values[COUNT];

    body_parse(call->body, call->body_bytes, fields, COUNT, values,
               &call->problem);
    call->request->user.value = values[USER].id;
    call->request->amount = values[BALANCE].amount;
}

static void
prepare_order_get(struct http_call *call)
{
    call->request->order_id.value = call->id;
}

static void
prepare_user_get(struct http_call *call)
{
    call->request->user.value = call->id;
}

static void
prepare_user_credit(struct http_call *call)
{
    enum { AMOUNT, CREDIT, COUNT };
    static const struct body_field fields[COUNT] = {
        [AMOUNT] = { "amount", BODY_AMOUNT, true },
        [CREDIT] = { "creditId", BODY_ID, false },
    };
    struct body_value values[COUNT];

    body_parse(call->body, call->body_bytes, fields, COUNT, values,
               &call->problem);
    if (values[AMOUNT].amount.minor == 0)
        problem_set(&call->problem, PROBLEM_FIELD_RANGE, "amount",
                    "amount must be above 0");
    call->request->user.value = call->id;
    call->request->amount = values[AMOUNT].amount;
    call->request->credit.value = values[CREDIT].id;
}

static void
prepare_transaction_get(struct http_call *call)
{
    call->request->transaction_id.value = call->id;
}

static void
set_location(struct http_call *call, const char *collection, uint64_t id)
{
    struct text_writer writer;

    text_writer_init(&writer, call->location, sizeof(call->location));
    text_put(&writer, collection);
    text_put_uint(&writer, id);
    text_end(&writer);
    invariant(!writer.failed);
}

static void
reply_order_place(struct http_call *call)
{
    const struct order_row *order = &call->request->order;

    call->status = 201;
    call->replayed = call->request->replayed;
    set_location(call, "/orders/", order->order.value);
    row_write_order(&call->text, order, call->facts->currency);
}

static void
reply_order_get(struct http_call *call)
{
    row_write_order_whole(&call->text, &call->request->order,
                          &call->request->parked, call->request->trace,
                          call->facts->currency);
}

static void
reply_order_cancel(struct http_call *call)
{
    const struct order_row *order = &call->request->order;

    call->status = 202;
    set_location(call, "/orders/", order->order.value);
    row_write_order(&call->text, order, call->facts->currency);
}

static void
reply_user_credit(struct http_call *call)
{
    const struct request *request = call->request;

    call->status = 202;
    set_location(call, "/users/", request->user.value);
    row_write_credit(&call->text, request->user, request->credit,
                     request->amount);
}

/* The user as he stands; what was asked shows when payment has done it. */
static void
reply_user_open(struct http_call *call)
{
    call->status = 202;
    set_location(call, "/users/", call->request->user_row.user.value);
    row_write_user(&call->text, &call->request->user_row);
}

static void
reply_user_get(struct http_call *call)
{
    row_write_user(&call->text, &call->request->user_row);
}

static void
reply_transaction_get(struct http_call *call)
{
    row_write_transaction(&call->text, &call->request->transaction);
}

static void
write_row(struct http_call *call, uint32_t index)
{
    const struct request *request = call->request;

    switch (request->kind) {
    case REQUEST_ORDER_LIST:
        row_write_order(&call->text,
                        (const struct order_row *)request->rows + index,
                        call->facts->currency);
        break;
    case REQUEST_PRODUCT_LIST:
        row_write_product(&call->text,
                          (const struct product_row *)request->rows + index);
        break;
    case REQUEST_USER_LIST:
        row_write_user(&call->text,
                       (const struct user_row *)request->rows + index);
        break;
    case REQUEST_TRANSACTION_LIST:
        row_write_transaction(
            &call->text, (const struct transaction_row *)request->rows + index);
        break;
    case REQUEST_NONE:
    case REQUEST_ORDER_PLACE:
    case REQUEST_ORDER_BATCH:
    case REQUEST_PRODUCT_GET:
    case REQUEST_PRODUCT_PUT:
    case REQUEST_ORDER_STREAM:
    case REQUEST_ORDER_WATCH:
    case REQUEST_TRANSACTION_STREAM:
    case REQUEST_CHANGED:
    case REQUEST_ORDER_GET:
    case REQUEST_ORDER_CANCEL:
    case REQUEST_USER_OPEN:
    case REQUEST_USER_CREDIT:
    case REQUEST_USER_FREEZE:
    case REQUEST_USER_THAW:
    case REQUEST_USER_GET:
    case REQUEST_TRANSACTION_GET:
    case REQUEST_METRICS:
    case REQUEST_STATUS:
    case REQUEST_PARKED_LIST:
    case REQUEST_PARKED_REDRIVE:
    case REQUEST_PARKED_DROP:
    case REQUEST_KIND_COUNT:
        invariant(!"a list");
        break;
    }
}

/* Where a stream is to go on. */
static void
prepare_stream(struct http_call *call)
{
    if (call->headers.lasts > 1 || call->headers.last_malformed)
        problem_set(&call->problem, PROBLEM_PARAMETER, "Last-Event-ID",
                    "it is the number of the last event, or not sent");
    call->request->change_after = call->headers.lasts > 0
                                      ? call->headers.last : CHANGES_NOW;
}

/* A stream replies by itself (http_stream.h); only its problems come here. */
static void
reply_stream(struct http_call *call)
{
    (void)call;
    invariant(!"a stream");
}

static void
set_link(struct http_call *call)
{
    struct text_writer writer;

    text_writer_init(&writer, call->link, sizeof(call->link));
    query_write_link(&writer, call->path, &call->request->query,
                     call->request->more_after);
    text_end(&writer);
    invariant(!writer.failed);
}

static void
reply_list(struct http_call *call)
{
    uint32_t count = call->request->rows_count;

    invariant(count <= LIST_ROWS_MAX);
    if (!http_call_room(call, 2 + (size_t)count * (ROW_TEXT_BYTES_MAX + 1)))
        return;
    if (call->request->more)
        set_link(call);
    json_begin(&call->text, '[');
    for (uint32_t i = 0; i < count; i++)
        write_row(call, i);
    json_end(&call->text, ']');
}

static void
reply_metrics(struct http_call *call)
{
    if (!http_call_room(call, METRICS_TEXT_BYTES_MAX))
        return;
    call->media_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_write(&call->text, call->request->metrics, call->facts);
}

static void
reply_status(struct http_call *call)
{
    if (!http_call_room(call, STATUS_TEXT_BYTES_MAX))
        return;
    status_write(&call->text, call->request->metrics, call->facts);
}

/* "/parked/{participant}/{id}/...": the route has been found. */
static void
prepare_parked(struct http_call *call)
{
    const char *name = call->path + sizeof("/parked/") - 1;
    size_t bytes = strcspn(name, "/");
    struct request *request = call->request;

    request->number = call->id;
    if (bytes >= sizeof(request->participant))
        problem_set(&call->problem, PROBLEM_NO_ROW, "participant",
                    "no participant has a name of %zu characters", bytes);
    else
        memcpy(request->participant, name, bytes);
}

static void
reply_parked_list(struct http_call *call)
{
    const char *text = call->request->text;

    if (http_call_room(call, strlen(text)))
        text_put(&call->text, text);
}

static void
reply_parked(struct http_call *call)
{
    const struct request *request = call->request;

    json_begin(&call->text, '{');
    json_put_text(&call->text, "participant", request->participant);
    json_put_uint(&call->text, "number", request->number);
    json_put_uint(&call->text, "redriven", request->redriven);
    json_put_uint(&call->text, "parked", request->parked_count);
    json_end(&call->text, '}');
}

static void
write_status(struct http_call *call, const char *status)
{
    json_begin(&call->text, '{');
    json_put_text(&call->text, "status", status);
}

/* The http thread turns: that is all that it says. */
static void
reply_healthz(struct http_call *call)
{
    write_status(call, "ok");
    json_end(&call->text, '}');
}

/* Without the broker we still take orders, so we are ready. */
static void
reply_readyz(struct http_call *call)
{
    bool draining = call->facts->draining;

    call->status = draining ? 503 : 200;
    write_status(call, draining ? "draining" : "ready");
    json_put_text(&call->text, "broker", call->facts->bus_up ? "up" : "down");
    json_end(&call->text, '}');
}

/* A word, and blanks up to the column's width. */
static void
put_column(struct text_writer *text, const char *word, size_t width)
{
    size_t bytes = strlen(word);

    text_put(text, word);
    for (; bytes < width; bytes++)
        text_put(text, " ");
}

static void
reply_help(struct http_call *call)
{
    struct text_writer *text = &call->text;

    call->media_type = "text/plain; charset=utf-8";
    text_put(text, "sagapipe: a payment saga as a pipeline\n\n");
    for (size_t i = 0; i < http_routes_count; i++) {
        put_column(text, "", 2);
        put_column(text, http_routes[i].method, 7);
        put_column(text, http_routes[i].pattern, 36);
        text_put(text, http_routes[i].help);
        text_put(text, "\n");
    }
    text_put(text, "\nTry:\n  curl -i ");
    text_put(text, call->facts->url);
    text_put(text, "/orders -H 'Content-Type: application/json' \\\n"
                   "    -d '{\"userId\":1,\"productId\":1}'\n"
                   "  curl ");
    text_put(text, call->facts->url);
    text_put(text, "/orders\n");
}

#define PAGE QUERY_PAGE
#define ORDERS (QUERY_PAGE | QUERY_ORDERS)
#define CHANGES (QUERY_ORDERS | QUERY_STREAM)

/* method, pattern, role, kind, body, query, prepare, reply, help; the path
 * that is asked for most comes first. */
const struct http_route http_routes[] = {
    { "POST", "/orders", ROLE_CUSTOMER,
      REQUEST_ORDER_PLACE, true, 0, prepare_order_place,
      reply_order_place, "place an order: userId, productId, quantity" },
    { "GET", "/orders", ROLE_CUSTOMER,
      REQUEST_ORDER_LIST, false, ORDERS, NULL, reply_list,
      "orders: limit, after, order, userId, status" },
    { "GET", "/orders/stream", ROLE_CUSTOMER,
      REQUEST_ORDER_STREAM, false, CHANGES, prepare_stream, reply_stream,
      "orders as they change: userId, status, latest" },
    { "GET", "/orders/{id}/stream", ROLE_CUSTOMER,
      REQUEST_ORDER_WATCH, false, 0, prepare_order_get, reply_stream,
      "one order as it changes" },
    { "GET", "/orders/{id}", ROLE_CUSTOMER,
      REQUEST_ORDER_GET, false, 0, prepare_order_get,
      reply_order_get, "one order and what happened to it" },
    { "DELETE", "/orders/{id}", ROLE_CUSTOMER,
      REQUEST_ORDER_CANCEL, false, 0,
      prepare_order_get, reply_order_cancel, "cancel: what was paid is given "
      "back" },
    { "GET", "/products", ROLE_CUSTOMER,
      REQUEST_PRODUCT_LIST, false, PAGE, NULL, reply_list,
      "the catalogue: limit, after, order" },
    { "GET", "/products/{id}", ROLE_CUSTOMER,
      REQUEST_PRODUCT_GET, false, 0, product_prepare_get, product_reply,
      "one product" },
    { "PUT", "/products/{id}", ROLE_OPERATOR,
      REQUEST_PRODUCT_PUT, true, 0, product_prepare_put, product_reply,
      "its price from now on: price" },
    { "GET", "/users", ROLE_OPERATOR,
      REQUEST_USER_LIST, false, PAGE, NULL, reply_list,
      "accounts: limit, after, order" },
    { "POST", "/users", ROLE_OPERATOR,
      REQUEST_USER_OPEN, true, 0, prepare_user_open,
      reply_user_open, "open an account: userId, balance" },
    { "POST", "/users/{id}/credits", ROLE_OPERATOR,
      REQUEST_USER_CREDIT, true, 0,
      prepare_user_credit, reply_user_credit, "give credit: amount, creditId" },
    { "POST", "/users/{id}/freeze", ROLE_OPERATOR,
      REQUEST_USER_FREEZE, false, 0,
      prepare_user_get, reply_user_open, "decline purchases until thawed" },
    { "POST", "/users/{id}/thaw", ROLE_OPERATOR,
      REQUEST_USER_THAW, false, 0,
      prepare_user_get, reply_user_open, "lift the freeze" },
    { "GET", "/users/{id}", ROLE_OPERATOR,
      REQUEST_USER_GET, false, 0, prepare_user_get,
      reply_user_get, "one account" },
    { "GET", "/transactions", ROLE_OPERATOR,
      REQUEST_TRANSACTION_LIST, false, PAGE, NULL,
      reply_list, "the ledger's journal: limit, after, order" },
    { "GET", "/transactions/stream", ROLE_OPERATOR,
      REQUEST_TRANSACTION_STREAM, false, QUERY_STREAM, prepare_stream,
      reply_stream, "transactions as they are written: latest" },
    { "GET", "/transactions/{id}", ROLE_OPERATOR,
      REQUEST_TRANSACTION_GET, false, 0,
      prepare_transaction_get, reply_transaction_get, "one transaction" },
    { "GET", "/healthz", ROLE_ANYBODY,
      REQUEST_NONE, false, 0, NULL, reply_healthz,
      "200 while the process lives" },
    { "GET", "/readyz", ROLE_ANYBODY,
      REQUEST_NONE, false, 0, NULL, reply_readyz,
      "200 while it takes orders; the broker's state" },
    { "GET", "/metrics", ROLE_OPERATOR,
      REQUEST_METRICS, false, 0, NULL, reply_metrics,
      "counters for Prometheus" },
    { "GET", "/status", ROLE_OPERATOR,
      REQUEST_STATUS, false, 0, NULL, reply_status,
      "the whole pipeline: processes, topics, lag, open orders" },
    { "GET", "/parked", ROLE_OPERATOR,
      REQUEST_PARKED_LIST, false, 0, NULL, reply_parked_list,
      "events that wait for an operator" },
    { "POST", "/parked/{participant}/{id}/redrive", ROLE_OPERATOR,
      REQUEST_PARKED_REDRIVE, false, 0, prepare_parked, reply_parked,
      "try it again" },
    { "POST", "/parked/{participant}/{id}/drop", ROLE_OPERATOR,
      REQUEST_PARKED_DROP, false, 0, prepare_parked, reply_parked,
      "give it up" },
    { "GET", "/help", ROLE_ANYBODY,
      REQUEST_NONE, false, 0, NULL, reply_help, "this text" },
    { "GET", "/", ROLE_ANYBODY,
      REQUEST_NONE, false, 0, http_asset_prepare, http_asset_reply,
      "the dashboard, for a browser" },
    { "GET", "/docs", ROLE_ANYBODY,
      REQUEST_NONE, false, 0, http_asset_prepare, http_asset_reply,
      "the API, to read and to try" },
    { "GET", "/openapi.json", ROLE_ANYBODY,
      REQUEST_NONE, false, 0, http_asset_prepare, http_asset_reply,
      "its description (OpenAPI 3.1)" },
    { "GET", "/web/{file}", ROLE_ANYBODY,
      REQUEST_NONE, false, 0, http_asset_prepare, http_asset_reply,
      "files of the pages" },
};
const size_t http_routes_count = ARRAY_COUNT(http_routes);
