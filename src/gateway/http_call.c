#include "gateway/http_call.h"

#include <stdlib.h>
#include <string.h>

#define JSON_TYPE "application/json"
#define PROBLEM_TYPE "application/problem+json"

/* Not all at once: most of a call is text that is written before it is
 * read. */
void
http_call_init(struct http_call *call, const struct http_facts *facts)
{
    call->facts = facts;
    call->route = NULL;
    call->request = NULL;
    http_headers_init(&call->headers);
    call->path[0] = '\0';
    call->query[0] = '\0';
    call->id = 0;
    call->body = "";
    call->body_bytes = 0;
    problem_init(&call->problem);
    call->status = 0;
    call->media_type = JSON_TYPE;
    call->large = NULL;
    text_writer_init(&call->text, call->small, sizeof(call->small));
    call->location[0] = '\0';
    call->link[0] = '\0';
    call->allow[0] = '\0';
    call->retry_s = HTTP_RETRY_S;
    call->replayed = false;
    call->wait_s = 0;
    call->asset = NULL;
}

/* The path begins at the target's first slash; before it there may be the
 * absolute form's scheme and authority, which every server must accept. */
static bool
skip_authority(const char **target, size_t *bytes)
{
    static const char scheme[] = "http://";
    const char *slash;

    if (*bytes < sizeof(scheme) || memcmp(*target, scheme, 7) != 0)
        return *bytes > 0 && **target == '/';
    slash = memchr(*target + 7, '/', *bytes - 7);
    if (slash == NULL)
        return false;
    *bytes -= (size_t)(slash - *target);
    *target = slash;
    return true;
}

/* Blanks and control characters would be read differently by others; those
 * behind the path's end too. */
static bool
target_is_printable(const char *target, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if ((uint8_t)target[i] <= ' ' || target[i] == 0x7f)
            return false;
    }
    return true;
}

void
http_call_target(struct http_call *call, const char *target, size_t bytes)
{
    const char *mark;
    size_t path_bytes;

    if (bytes >= HTTP_TARGET_BYTES) {
        problem_set(&call->problem, PROBLEM_TARGET_SIZE, NULL,
                    "the target has %zu bytes", bytes);
        call->problem.limit = HTTP_TARGET_BYTES - 1;
        return;
    }
    if (!target_is_printable(target, bytes) ||
        !skip_authority(&target, &bytes)) {
        problem_set(&call->problem, PROBLEM_TARGET, NULL,
                    "a target begins with a slash and has no blanks");
        return;
    }
    mark = memchr(target, '?', bytes);
    path_bytes = mark != NULL ? (size_t)(mark - target) : bytes;
    if (mark != NULL) {
        memcpy(call->query, mark + 1, bytes - path_bytes - 1);
        call->query[bytes - path_bytes - 1] = '\0';
    }
    if (!percent_decode(target, path_bytes, false, call->path,
                        sizeof(call->path)))
        problem_set(&call->problem, PROBLEM_TARGET, NULL,
                    "the path has a '%%' that is not followed by two "
                    "hexadecimal digits, or hides a slash or a NUL");
}

void
http_call_route(struct http_call *call, const char *method)
{
    if (call->problem.type != PROBLEM_NONE)
        return;
    call->route = http_route_find(http_routes, http_routes_count, method,
                                  call->path, &call->id, call->allow,
                                  &call->problem);
}

void
http_call_refuse(struct http_call *call, enum problem_type type,
                 const char *field, const char *detail)
{
    problem_init(&call->problem);
    call->allow[0] = '\0';
    problem_set(&call->problem, type, field, "%s", detail);
}

/* Many orders in one request are a form of one route alone. */
static void
check_media(struct http_call *call)
{
    bool place = call->route->kind == REQUEST_ORDER_PLACE;

    if (!call->route->body)
        return;
    if (call->headers.compressed)
        problem_set(&call->problem, PROBLEM_MEDIA, "Content-Encoding",
                    "send the body as it is, not compressed");
    else if (!call->headers.json && !(place && call->headers.ndjson))
        problem_set(&call->problem, PROBLEM_MEDIA, "Content-Type",
                    "send one Content-Type: application/json%s",
                    place ? " or application/x-ndjson" : "");
}

static void
refuse_key(struct http_call *call)
{
    if (call->headers.keys > 0)
        problem_set(&call->problem, PROBLEM_KEY, "Idempotency-Key",
                    "of many orders each line has its own, as "
                    "idempotencyKey");
}

void
http_call_prepare(struct http_call *call)
{
    struct request_query unused;
    struct request_query *query = &unused;

    if (call->problem.type != PROBLEM_NONE)
        return;
    check_media(call);
    if (call->problem.type != PROBLEM_NONE)
        return;
    if (call->request != NULL) {
        call->request->kind = call->route->kind;
        memcpy(call->request->traceparent, call->headers.traceparent,
               sizeof(call->request->traceparent));
        query = &call->request->query;
    }
    if (call->query[0] != '\0' || call->route->parameters != QUERY_NOTHING)
        query_parse(call->query, call->route->parameters, query,
                    &call->problem);
    if (call->problem.type != PROBLEM_NONE)
        return;
    if (call->route->body && call->headers.ndjson)
        refuse_key(call);
    else if (call->route->prepare != NULL)
        call->route->prepare(call);
}

static void
refuse_parked(const struct request *request, struct problem *problem)
{
    if (request->outcome == REQUEST_SILENT && request->participant[0] == '\0')
        problem_set(problem, PROBLEM_SILENT, NULL,
                    "HOME/run can't be listed, where the participants' doors "
                    "are; the gateway's log says why");
    else if (request->outcome == REQUEST_SILENT)
        problem_set(problem, PROBLEM_SILENT, "participant",
                    "%s does not answer at its door, HOME/run/%s.ctl",
                    request->participant, request->participant);
    else
        problem_set(problem, PROBLEM_REDRIVE, NULL,
                    "%llu event(s) wait in %s",
                    (unsigned long long)request->parked_count,
                    request->participant);
}

static void
refuse_no_row(const struct http_call *call, struct problem *problem)
{
    const struct request *request = call->request;

    if (request->kind == REQUEST_PARKED_REDRIVE ||
        request->kind == REQUEST_PARKED_DROP)
        problem_set(problem, PROBLEM_NO_ROW, "id",
                    "nothing with the number %llu is parked in %s; "
                    "GET /parked lists what is",
                    (unsigned long long)call->id, request->participant);
    else
        problem_set(problem, PROBLEM_NO_ROW, "id",
                    "there is nothing with the id %llu here",
                    (unsigned long long)call->id);
}

void
http_call_outcome(struct http_call *call)
{
    struct problem *problem = &call->problem;

    switch (call->request->outcome) {
    case REQUEST_DONE:
        break;
    case REQUEST_CATALOGUE_FULL:
        problem_set(problem, PROBLEM_CATALOGUE_FULL, "id",
                    "change the price of one that there is");
        break;
    case REQUEST_NO_PRODUCT:
        problem_set(problem, PROBLEM_NO_PRODUCT, "productId",
                    "GET /products lists what there is");
        break;
    case REQUEST_NO_ROW:
        refuse_no_row(call, problem);
        break;
    case REQUEST_CONFLICT:
        problem_set(problem, PROBLEM_USER_EXISTS, "userId",
                    "GET /users/%llu shows the account",
                    (unsigned long long)call->request->user.value);
        break;
    case REQUEST_TOO_LARGE:
        problem_set(problem, PROBLEM_PRICE, "quantity",
                    "the product's price times the quantity is above "
                    "90071992547409.91");
        break;
    case REQUEST_NO_USER:
        problem_set(problem, PROBLEM_NO_USER, "id",
                    "POST /users opens an account");
        break;
    case REQUEST_NO_CREDIT:
        problem_set(problem, PROBLEM_FIELD_RANGE, "creditId",
                    "an id above 4503599627370495 is one that the gateway has "
                    "given");
        break;
    case REQUEST_KEY_CONFLICT:
        problem_set(problem, PROBLEM_KEY_CONFLICT, call->request->field,
                    "the key belongs to order %llu, which has another %s",
                    (unsigned long long)call->request->order.order.value,
                    call->request->field);
        break;
    case REQUEST_ENDED:
        problem_set(problem, PROBLEM_ENDED, NULL, "the order is %s",
                    order_status_name(call->request->order.status));
        problem->state = order_status_name(call->request->order.status);
        break;
    case REQUEST_BACKLOG:
        problem_set(problem, PROBLEM_BACKLOG, NULL,
                    "nothing was done; try again later");
        break;
    case REQUEST_DISK:
        problem_set(problem, PROBLEM_DISK, NULL,
                    "nothing was done; reads go on");
        break;
    case REQUEST_SILENT:
    case REQUEST_REFUSED:
        refuse_parked(call->request, problem);
        break;
    case REQUEST_PENDING:
    case REQUEST_FAILED:
        problem_set(problem, PROBLEM_STORE_FAILED, NULL,
                    "look before you repeat it");
        break;
    }
}

static void
reply_problem(struct http_call *call)
{
    http_call_fini(call);
    text_writer_init(&call->text, call->small, sizeof(call->small));
    call->location[0] = '\0';
    call->link[0] = '\0';
    call->asset = NULL;
    call->status = problem_status(call->problem.type);
    call->media_type = PROBLEM_TYPE;
    problem_write(&call->text, &call->problem);
    invariant(!call->text.failed);
}

/* So that what comes next in a terminal, a prompt, stands below. */
static void
end_line(struct text_writer *text)
{
    const char last = text->used > 0 ? text->data[text->used - 1] : '\n';

    if ((last == '}' || last == ']') && text->used < text->size)
        text_put(text, "\n");
}

void
http_call_reply(struct http_call *call)
{
    if (call->problem.type == PROBLEM_NONE && call->request != NULL)
        http_call_outcome(call);
    if (call->request != NULL && call->request->retry_s != 0)
        call->retry_s = call->request->retry_s;
    if (call->problem.type == PROBLEM_NONE) {
        call->status = 200;
        call->route->reply(call);
    }
    if (call->problem.type != PROBLEM_NONE)
        reply_problem(call);
    if (call->asset == NULL)
        end_line(&call->text);
    invariant(!call->text.failed);
}

bool
http_call_room(struct http_call *call, size_t bytes)
{
    if (bytes <= sizeof(call->small))
        return true;
    invariant(call->large == NULL);
    call->large = malloc(bytes);
    if (call->large == NULL) {
        problem_set(&call->problem, PROBLEM_MEMORY, NULL,
                    "the answer needs %zu bytes", bytes);
        return false;
    }
    text_writer_init(&call->text, call->large, bytes);
    return true;
}

void
http_call_fini(struct http_call *call)
{
    free(call->large);
    call->large = NULL;
}
