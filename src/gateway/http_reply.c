#include <inttypes.h>
#include <stdio.h>

#include "gateway/http_assets.h"
#include "gateway/http_batch.h"
#include "gateway/http_stream.h"
#include "saga/log.h"

/* Too costly for every request: only what an operator looks for. */
static void
log_reply(struct exchange *exchange)
{
    const struct http_call *call = &exchange->call;
    int64_t took_us = exchange->http->now_us - exchange->begun_us;

    if (call->status < 500 && (took_us < HTTP_SLOW_US || call->wait_s > 0))
        return;
    if (!http_may_log(exchange->http, &exchange->http->request_log))
        return;
    log_warning("reply", "status=%u problem=%s path=%s ms=%lld", call->status,
                call->problem.type != PROBLEM_NONE
                    ? problem_name(call->problem.type) : "none",
                log_quote(call->path), (long long)(took_us / 1000));
}

static void
add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (value[0] != '\0')
        (void)MHD_add_response_header(response, name, value);
}

/* The headers of a page let a browser load nothing from elsewhere. */
static struct MHD_Response *
make_asset_response(const struct http_call *call)
{
    size_t bytes;
    const uint8_t *body = http_asset_body(call, &bytes);
    struct MHD_Response *response;

    if (call->status == 304)
        bytes = 0;
    response = MHD_create_response_from_buffer(bytes, (void *)(uintptr_t)body,
                                               MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return NULL;
    add_header(response, MHD_HTTP_HEADER_ETAG, call->asset->tag);
    add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, ASSET_CACHE);
    add_header(response, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
    if (call->headers.gzip && call->status != 304)
        add_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
    add_header(response, "Content-Security-Policy",
               http_asset_policy(call->asset));
    add_header(response, "X-Content-Type-Options", "nosniff");
    add_header(response, "Referrer-Policy", "no-referrer");
    add_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    return response;
}

/* The small answer's text stays in the exchange, which outlives the reply; a
 * large one goes over to the response. */
static struct MHD_Response *
make_response(struct exchange *exchange)
{
    struct http_call *call = &exchange->call;
    struct MHD_Response *response = call->asset != NULL
        ? make_asset_response(call)
        : MHD_create_response_from_buffer(
              call->text.used, call->text.data,
              call->large != NULL ? MHD_RESPMEM_MUST_FREE
                                  : MHD_RESPMEM_PERSISTENT);
    char retry[16], wait[16];

    if (response == NULL)
        return NULL;
    call->large = NULL;
    add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, call->media_type);
    add_header(response, MHD_HTTP_HEADER_LOCATION, call->location);
    add_header(response, "Link", call->link);
    add_header(response, MHD_HTTP_HEADER_ALLOW, call->allow);
    if (call->status == 401)
        add_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                   "Bearer realm=\"sagapipe\"");
    if (call->status == 503 || call->status == 429) {
        snprintf(retry, sizeof(retry), "%" PRIu32, call->retry_s);
        add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, retry);
    }
    if (call->wait_s > 0) {
        snprintf(wait, sizeof(wait), "wait=%" PRIu32, call->wait_s);
        add_header(response, "Preference-Applied", wait);
    }
    add_header(response, "traceparent", call->headers.traceparent);
    if (call->replayed)
        add_header(response, "Idempotency-Replayed", "true");
    if (exchange->http->facts.draining)
        add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    return response;
}

/* Takes the response, which may be NULL for want of memory. */
static enum MHD_Result
queue(struct exchange *exchange, struct MHD_Response *response)
{
    struct gateway_http *http = exchange->http;
    unsigned status = exchange->call.status;
    enum MHD_Result result;

    if (response == NULL)
        return MHD_NO;
    result = MHD_queue_response(exchange->connection, status, response);
    MHD_destroy_response(response);
    if (result != MHD_YES)
        return result;
    exchange->state = EXCHANGE_REPLIED;
    http->replies_open++;
    http->facts.replies[status]++;
    exchange_went_on(exchange);
    log_reply(exchange);
    return result;
}

/* True, with the result, if the answer is a stream; false: it is a problem, or
 * no stream is meant. */
static bool
reply_stream(struct exchange *exchange, enum MHD_Result *result_out)
{
    struct http_call *call = &exchange->call;
    struct MHD_Response *response;

    if (!stream_is_meant(call) || call->problem.type != PROBLEM_NONE ||
        call->request == NULL || call->request->outcome != REQUEST_DONE)
        return false;
    response = stream_begin(exchange);
    if (response == NULL)
        return false;
    call->status = 200;
    add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    /* The library ends chunks with a last one even where there is no body: so
     * there are none, and the connection is closed. */
    if (exchange->headless)
        (void)MHD_set_response_options(
            response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    *result_out = queue(exchange, response);
    return true;
}

enum MHD_Result
exchange_reply(struct exchange *exchange)
{
    struct http_call *call = &exchange->call;
    enum MHD_Result result;

    if (reply_stream(exchange, &result))
        return result;
    http_call_reply(call);
    if (call->request != NULL)
        http_pool_give_request(&exchange->http->pool, call->request);
    call->request = NULL;
    return queue(exchange, make_response(exchange));
}

enum MHD_Result
exchange_reply_batch(struct exchange *exchange)
{
    struct MHD_Response *response = batch_begin(exchange);

    if (response == NULL)
        return exchange_reply(exchange);
    exchange->call.status = 200;
    add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/x-ndjson");
    add_header(response, "traceparent", exchange->call.headers.traceparent);
    if (exchange->http->facts.draining)
        add_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    return queue(exchange, response);
}
