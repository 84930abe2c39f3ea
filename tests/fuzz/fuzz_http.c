/*
 * Requests over HTTP from any octets, as the gateway's own code reads them
 * behind libmicrohttpd:
 *
 *   METHOD target VERSION\n  name:value\n ...  \n  body
 *
 * Head, target, route, query and body are read in the gateway's order; what
 * is let through lies in its range, and every refusal is one JSON object with
 * the status of its type.
 */
#include <jansson.h>
#include <stdlib.h>

#include "fuzz.h"
#include "gateway/http_call.h"

#define BODY_BYTES_MAX 16384

struct octets {
    const char *data;
    size_t bytes;
};

/* Takes what stands before the octet `end`, which is passed; else all. */
static struct octets
take_to(struct octets *rest, char end)
{
    const char *at = rest->bytes > 0 ? memchr(rest->data, end, rest->bytes)
                                     : NULL;
    struct octets taken = {
        rest->data, at != NULL ? (size_t)(at - rest->data) : rest->bytes
    };
    size_t passed = taken.bytes + (at != NULL ? 1 : 0);

    rest->data += passed;
    rest->bytes -= passed;
    return taken;
}

/* Its own copy with a NUL, as the library gives texts. */
static char *
text_of(struct octets octets)
{
    char *text = malloc(octets.bytes + 1);

    invariant(text != NULL);
    if (octets.bytes > 0)
        memcpy(text, octets.data, octets.bytes);
    text[octets.bytes] = '\0';
    return text;
}

static void
note_headers(struct http_headers *headers, struct octets *rest)
{
    while (rest->bytes > 0) {
        struct octets line = take_to(rest, '\n');
        struct octets name;

        if (line.bytes == 0)
            return;
        name = take_to(&line, ':');
        http_headers_note(headers, name.data, name.bytes, line.data,
                          line.bytes);
    }
}

static void
check_key(const char *key)
{
    size_t bytes = strlen(key);

    invariant(bytes <= IDEMPOTENCY_KEY_BYTES_MAX);
    for (size_t i = 0; i < bytes; i++)
        invariant(key[i] >= '!' && key[i] <= '~');
}

static void
check_ranges(const struct http_call *call)
{
    const struct request *request = call->request;

    invariant(call->id <= ID_MAX);
    invariant(request->kind == call->route->kind);
    invariant(request->query.limit <= LIST_ROWS_MAX);
    invariant(request->query.after <= ID_MAX);
    invariant(request->query.user.value <= ID_MAX);
    invariant(request->query.status < ORDER_STATUS_COUNT);
    if (request->kind == REQUEST_ORDER_PLACE) {
        invariant(id_valid(request->user.value));
        invariant(id_valid(request->product.value));
        invariant(request->quantity >= 1 &&
                  request->quantity <= QUANTITY_MAX);
        check_key(request->key);
    }
    if (request->kind == REQUEST_USER_CREDIT) {
        invariant(id_valid(request->user.value));
        invariant(request->amount.minor > 0 && money_valid(request->amount));
        invariant(request->credit.value <= ID_MAX);
    }
    if (request->kind == REQUEST_USER_OPEN) {
        invariant(id_valid(request->user.value));
        invariant(request->amount.minor >= 0 && money_valid(request->amount));
    }
}

static void
check_problem(const struct http_call *call)
{
    json_t *object = json_loadb(call->text.data, call->text.used,
                                JSON_REJECT_DUPLICATES, NULL);

    invariant(json_is_object(object));
    invariant(json_integer_value(json_object_get(object, "status")) ==
              call->status);
    invariant(strncmp(json_string_value(json_object_get(object, "type")),
                      "/problems/", 10) == 0);
    invariant(call->status >= 400 && call->status < 600);
    json_decref(object);
}

/* What the store could answer without a row. */
static void
reply(struct http_call *call, size_t dice)
{
    static const enum request_outcome outcomes[] = {
        REQUEST_NO_PRODUCT,   REQUEST_NO_ROW,  REQUEST_CONFLICT,
        REQUEST_TOO_LARGE,    REQUEST_NO_USER, REQUEST_NO_CREDIT,
        REQUEST_KEY_CONFLICT, REQUEST_ENDED,   REQUEST_BACKLOG,
        REQUEST_DISK,         REQUEST_FAILED,
    };

    if (call->problem.type == PROBLEM_NONE && call->request != NULL)
        call->request->outcome = outcomes[dice % ARRAY_COUNT(outcomes)];
    http_call_reply(call);
    if (call->problem.type != PROBLEM_NONE)
        check_problem(call);
    http_call_fini(call);
}

/* A line's own copy, so that a read beyond it is found. */
static bool
read_line(const char *from, size_t bytes,
          bool (*read)(struct order_line *line, struct problem *problem),
          struct order_line *line, struct problem *problem)
{
    line->text = malloc(bytes + 1);
    invariant(line->text != NULL);
    memcpy(line->text, from, bytes);
    line->bytes = bytes;
    problem_init(problem);
    return read(line, problem);
}

static bool
read_plain(struct order_line *line, struct problem *problem)
{
    (void)problem;
    return order_line_read_plain(line);
}

/* What is read without the JSON library is what the library reads. */
static void
check_line(const char *from, size_t bytes)
{
    struct order_line line = { 0 }, plain = { 0 };
    struct problem problem, none;
    bool right = read_line(from, bytes, order_line_read, &line, &problem);

    if (right) {
        invariant(id_valid(line.user.value) && id_valid(line.product.value));
        invariant(line.quantity >= 1 && line.quantity <= QUANTITY_MAX);
        invariant(line.key_bytes <= IDEMPOTENCY_KEY_BYTES_MAX);
    }
    invariant(right == (problem.type == PROBLEM_NONE) && right != line.bad);
    free(line.text);
    if (read_line(from, bytes, read_plain, &plain, &none)) {
        invariant(right || bytes > ORDER_LINE_BYTES_MAX);
        read_line(from, bytes, order_line_read_any, &line, &problem);
        invariant(problem.type == PROBLEM_NONE &&
                  line.user.value == plain.user.value &&
                  line.product.value == plain.product.value &&
                  line.quantity == plain.quantity &&
                  line.key_bytes == plain.key_bytes);
        for (size_t i = 0; i < line.key_bytes; i++)
            invariant(line.key[i] == plain.key[i]);
        free(line.text);
    }
    free(plain.text);
}

static void
check_lines(struct octets rest)
{
    while (rest.bytes > 0) {
        struct octets line = take_to(&rest, '\n');

        check_line(line.data, line.bytes);
    }
}

static void
serve(struct http_call *call, struct octets rest)
{
    struct octets line = take_to(&rest, '\n');
    char *method = text_of(take_to(&line, ' '));
    struct octets target = take_to(&line, ' ');
    char *version = text_of(line);
    static struct request request;

    http_call_target(call, target.data, target.bytes);
    note_headers(&call->headers, &rest);
    http_headers_check(&call->headers, version, BODY_BYTES_MAX,
                       &call->problem);
    http_call_route(call, method);
    memset(&request, 0, sizeof request);
    if (call->route != NULL && call->route->kind != REQUEST_NONE)
        call->request = &request;
    call->body = rest.data;
    call->body_bytes = rest.bytes;
    http_call_prepare(call);
    if (call->problem.type == PROBLEM_NONE && call->route->body &&
        call->headers.ndjson)
        check_lines(rest);
    else if (call->problem.type == PROBLEM_NONE && call->request != NULL)
        check_ranges(call);
    reply(call, rest.bytes);
    free(method);
    free(version);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct http_facts facts = {
        .currency = "USD", .url = "http://127.0.0.1:9192"
    };
    static struct http_call call;

    http_call_init(&call, &facts);
    serve(&call, (struct octets){ size > 0 ? (const char *)data : "", size });
    return 0;
}
