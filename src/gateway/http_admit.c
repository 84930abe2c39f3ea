/*
 * What is decided from a request's head alone: how its lines ended, whether
 * its client has sent too much, whether it may ask at all.
 */
#include <string.h>
#include <strings.h>

#include "gateway/http_origin.h"
#include "gateway/http_server.h"

/* The walk over the lines of a head. */
struct head_walk {
    struct http_headers *headers;
    const char *line_end; /* of the line before: where its CR stood */
    size_t parts_bytes;   /* of the library's memory                */
};

/*
 * The library also ends a line at a bare LF, and others do not: what they took
 * for one header's value would be a second header here.  And it ends all texts
 * at a NUL, behind which such an LF may be.  It parses in place, so what it
 * has must lie as far apart as in a head without either.  (It writes NULs over
 * CR and LF, so a NUL that stood in the place of the CR is not seen.)
 */
static enum MHD_Result
note_header(void *cls, enum MHD_ValueKind kind, const char *name,
            size_t name_bytes, const char *value, size_t value_bytes)
{
    struct head_walk *walk = cls;

    walk->parts_bytes += HTTP_PART_BYTES;
    if (kind != MHD_HEADER_KIND || value == NULL)
        return MHD_YES;
    if (name_bytes == 6 && strncasecmp(name, "Cookie", 6) == 0)
        walk->parts_bytes += value_bytes; /* it reads a copy */
    if (name != walk->line_end + 2)
        walk->headers->line_end_bare = true;
    walk->line_end = value + value_bytes;
    http_headers_note(walk->headers, name, name_bytes, value, value_bytes);
    return MHD_YES;
}

/* The same of the first line: its parts are one blank apart. */
static bool
has_gap(const struct exchange *exchange, const char *method,
        const char *version)
{
    return exchange->target != NULL &&
           (exchange->target != method + strlen(method) + 1 ||
            version != exchange->target_end + 1);
}

struct head_size
exchange_note_head(struct exchange *exchange, const char *method,
                   const char *version)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        exchange->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct head_walk walk = { &exchange->call.headers,
                              version + strlen(version), 0 };

    MHD_get_connection_values_n(exchange->connection,
                                (enum MHD_ValueKind)(MHD_HEADER_KIND |
                                                     MHD_COOKIE_KIND |
                                                     MHD_GET_ARGUMENT_KIND),
                                note_header, &walk);
    invariant(info != NULL); /* the head is complete */
    if (has_gap(exchange, method, version) ||
        walk.line_end + 4 != method + info->header_size)
        walk.headers->line_end_bare = true;
    return (struct head_size){ info->header_size, walk.parts_bytes };
}

/*
 * A reply for whose head the library has no memory is not sent: it closes the
 * connection, and the client never hears that its order is placed.  What a
 * request may take is known only now, when all of it is taken: its head, or
 * all that was read with it, and a struct of the library's for each part.
 */
void
exchange_check_head(const struct exchange *exchange, struct head_size size,
                    struct problem *problem)
{
    size_t head_max = (size_t)exchange->http->config->http_header;
    size_t memory = head_max + HTTP_MEMORY_BEYOND_BYTES;
    size_t read_bytes = size.bytes + HTTP_READ_AHEAD_BYTES;

    if (read_bytes < memory / 2)
        read_bytes = memory / 2;
    if (size.bytes > head_max)
        problem_set(problem, PROBLEM_HEAD_SIZE, NULL, "the head has %zu bytes",
                    size.bytes);
    else if (read_bytes + size.parts_bytes + HTTP_REPLY_ROOM_BYTES > memory)
        problem_set(problem, PROBLEM_HEAD_SIZE, NULL,
                    "the head has too many headers, cookies or parameters");
    if (problem->type != PROBLEM_NONE)
        problem->limit = head_max;
}

static struct rate_address
client_address(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    union http_address address = { .ipv6 = { 0 } };
    uint8_t octets[16];

    if (info != NULL && info->client_addr->sa_family == AF_INET6) {
        memcpy(&address.ipv6, info->client_addr, sizeof(address.ipv6));
        memcpy(octets, &address.ipv6.sin6_addr, 16);
        return rate_address_v6(octets);
    }
    if (info != NULL)
        memcpy(&address.ipv4, info->client_addr, sizeof(address.ipv4));
    memcpy(octets, &address.ipv4.sin_addr, 4);
    return rate_address_v4(octets);
}

/* False, with the problem, for a page of another site. */
static bool
admit_origin(const struct gateway_http *http, struct http_call *call)
{
    const struct http_headers *headers = &call->headers;

    if (http_origin_allowed(headers->origin, headers->origin_bytes,
                            headers->host, headers->host_bytes,
                            http->auth.count > 0))
        return true;
    if (headers->origin != NULL)
        http_call_refuse(call, PROBLEM_ORIGIN, "Origin",
                         "open the dashboard by an address of this machine, "
                         "or configure tokens");
    else
        http_call_refuse(call, PROBLEM_ORIGIN, "Host",
                         "without tokens this machine is asked as localhost, "
                         "127.0.0.1 or [::1] only");
    return false;
}

bool
exchange_admit(struct exchange *exchange, const char *method)
{
    struct gateway_http *http = exchange->http;
    struct http_call *call = &exchange->call;
    struct rate_address address;

    http_call_route(call, method);
    if (!admit_origin(http, call))
        return false;
    if (http->config->http_rate > 0) {
        address = client_address(exchange->connection);
        call->retry_s = rate_take(&http->rates, &address,
                                  http->config->http_rate, http->now_us);
        if (call->retry_s > 0) {
            http_call_refuse(call, PROBLEM_RATE, NULL,
                             "nothing was done; try again later");
            return false;
        }
        call->retry_s = HTTP_RETRY_S;
    }
    auth_admit(&http->auth, call);
    return call->problem.type != PROBLEM_UNAUTHORIZED &&
           call->problem.type != PROBLEM_FORBIDDEN;
}
