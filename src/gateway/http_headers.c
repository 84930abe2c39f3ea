#include "gateway/http_headers.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "gateway/http_prefer.h"

void
http_headers_init(struct http_headers *headers)
{
    memset(headers, 0, sizeof(*headers));
}

static bool
text_is(const char *text, size_t bytes, const char *wanted)
{
    return bytes == strlen(wanted) && strncasecmp(text, wanted, bytes) == 0;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void
trim(const char **text, size_t *bytes)
{
    while (*bytes > 0 && is_blank((*text)[*bytes - 1]))
        (*bytes)--;
    while (*bytes > 0 && is_blank((*text)[0])) {
        (*text)++;
        (*bytes)--;
    }
}

/* The media type alone, or with the only charset that JSON has. */
static bool
is_media(const char *text, size_t bytes, const char *wanted)
{
    const char *parameters = memchr(text, ';', bytes);
    size_t type_bytes = parameters != NULL ? (size_t)(parameters - text)
                                           : bytes;
    size_t rest = bytes - type_bytes;

    trim(&text, &type_bytes);
    if (!text_is(text, type_bytes, wanted))
        return false;
    if (parameters == NULL)
        return true;
    parameters++;
    rest--;
    trim(&parameters, &rest);
    return rest == 0 || text_is(parameters, rest, "charset=utf-8") ||
           text_is(parameters, rest, "charset=\"utf-8\"");
}

/* 1 to 18 digits; sets *malformed for anything else. */
static uint64_t
read_number(const char *value, size_t bytes, bool *malformed)
{
    uint64_t number = 0;

    if (bytes == 0 || bytes > 18)
        *malformed = true;
    for (size_t i = 0; i < bytes; i++) {
        if (value[i] < '0' || value[i] > '9')
            *malformed = true;
        else
            number = number * 10 + (uint64_t)(value[i] - '0');
    }
    return number;
}

static void
note_length(struct http_headers *headers, const char *value, size_t bytes)
{
    headers->lengths++;
    headers->body_bytes = read_number(value, bytes,
                                      &headers->length_malformed);
}

static void
note_last(struct http_headers *headers, const char *value, size_t bytes)
{
    headers->lasts++;
    headers->last = read_number(value, bytes, &headers->last_malformed);
}

static void
note_type(struct http_headers *headers, const char *value, size_t bytes)
{
    bool only = ++headers->types == 1;

    headers->json = only && is_media(value, bytes, "application/json");
    headers->ndjson = only && !headers->json &&
                      is_media(value, bytes, "application/x-ndjson");
}

static void
note_coding(struct http_headers *headers, const char *value, size_t bytes)
{
    if (bytes > 0 && !text_is(value, bytes, "identity"))
        headers->compressed = true;
}

static bool
lower_hex_pair(const char *text)
{
    return strspn(text, "0123456789abcdef") >= 2;
}

/*
 * Ids of all zeros have the form, but stand for none.  Of a version that we do
 * not know we take what we know, as ours.  Two of them are none.
 */
static void
note_traceparent(struct http_headers *headers, const char *value, size_t bytes)
{
    static const char zeros[] = "00000000000000000000000000000000";
    const size_t known = TRACEPARENT_BYTES - 1;
    char ours[TRACEPARENT_BYTES];

    headers->traceparent[0] = '\0';
    if (++headers->traces > 1 || bytes < known)
        return;
    memcpy(ours, value, known);
    ours[known] = '\0';
    if (memcmp(ours, "00", 2) != 0) {
        if (!lower_hex_pair(ours) || memcmp(ours, "ff", 2) == 0 ||
            (bytes > known && value[known] != '-'))
            return;
        memcpy(ours, "00", 2);
        bytes = known;
    }
    if (traceparent_valid(ours, bytes) && memcmp(ours + 3, zeros, 32) != 0 &&
        memcmp(ours + 36, zeros, 16) != 0)
        memcpy(headers->traceparent, ours, sizeof(ours));
}

/* A client that refuses it (q=0) is rare, and gets what everybody reads. */
static bool
takes_gzip(const char *value, size_t bytes)
{
    const char *gzip = memmem(value, bytes, "gzip", 4);

    return gzip != NULL && memmem(value, bytes, "q=0", 3) == NULL;
}

/* RFC 9110's token. */
static bool
is_token(const char *name, size_t bytes)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < bytes; i++) {
        char c = name[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') ||
              memchr(others, c, sizeof(others) - 1) != NULL))
            return false;
    }
    return bytes > 0;
}

/*
 * The library appends a folded header's second line to its name, not to its
 * value: "Content-Length: 5" and " 0" become "Content-Length0".  No header
 * that there is begins like those two, which are what framing hangs on.
 */
static bool
is_folded_framing(const char *name, size_t bytes)
{
    return (bytes > 14 && strncasecmp(name, "Content-Length", 14) == 0) ||
           (bytes > 17 && strncasecmp(name, "Transfer-Encoding", 17) == 0);
}

/* By length first: this runs for every header of every request. */
void
http_headers_note(struct http_headers *headers, const char *name,
                  size_t name_bytes, const char *value, size_t value_bytes)
{
    if (!is_token(name, name_bytes) || is_folded_framing(name, name_bytes))
        headers->name_malformed = true;
    if (memchr(value, '\r', value_bytes) != NULL)
        headers->line_end_bare = true;
    trim(&value, &value_bytes);
    switch (name_bytes) {
    case 4:
        if (text_is(name, name_bytes, "Host")) {
            headers->hosts++;
            headers->host = value;
            headers->host_bytes = value_bytes;
        }
        break;
    case 6:
        if (text_is(name, name_bytes, "Origin")) {
            headers->origin = value;
            headers->origin_bytes = value_bytes;
        } else if (text_is(name, name_bytes, "Prefer") &&
                   headers->wait_s == 0) {
            headers->wait_s = prefer_wait_s(value, value_bytes);
        }
        break;
    case 11:
        if (text_is(name, name_bytes, "traceparent"))
            note_traceparent(headers, value, value_bytes);
        break;
    case 12:
        if (text_is(name, name_bytes, "Content-Type"))
            note_type(headers, value, value_bytes);
        break;
    case 13:
        if (text_is(name, name_bytes, "Authorization")) {
            headers->authorizations++;
            headers->authorization = value;
            headers->authorization_bytes = value_bytes;
        } else if (text_is(name, name_bytes, "If-None-Match")) {
            headers->known_tags = value;
            headers->known_tags_bytes = value_bytes;
        } else if (text_is(name, name_bytes, "Last-Event-ID")) {
            note_last(headers, value, value_bytes);
        }
        break;
    case 14:
        if (text_is(name, name_bytes, "Content-Length"))
            note_length(headers, value, value_bytes);
        break;
    case 15:
        if (text_is(name, name_bytes, "Idempotency-Key")) {
            headers->keys++;
            headers->key = value;
            headers->key_bytes = value_bytes;
        } else if (text_is(name, name_bytes, "Accept-Encoding")) {
            headers->gzip = takes_gzip(value, value_bytes);
        }
        break;
    case 16:
        if (text_is(name, name_bytes, "Content-Encoding"))
            note_coding(headers, value, value_bytes);
        break;
    case 17:
        if (text_is(name, name_bytes, "Transfer-Encoding"))
            headers->encoded = true;
        break;
    default:
        break;
    }
}

void
http_headers_key(const struct http_headers *headers,
                 char key_out[IDEMPOTENCY_KEY_BYTES_MAX + 1],
                 struct problem *problem)
{
    bool right = headers->keys == 1 && headers->key_bytes > 0 &&
                 headers->key_bytes <= IDEMPOTENCY_KEY_BYTES_MAX;
    size_t i;

    key_out[0] = '\0';
    if (headers->keys == 0)
        return;
    for (i = 0; right && i < headers->key_bytes; i++)
        right = headers->key[i] > ' ' && headers->key[i] < 0x7f;
    if (!right) {
        problem_set(problem, PROBLEM_KEY, "Idempotency-Key",
                    "send it once, with 1 to %d visible ASCII characters",
                    IDEMPOTENCY_KEY_BYTES_MAX);
        problem->limit = IDEMPOTENCY_KEY_BYTES_MAX;
        return;
    }
    memcpy(key_out, headers->key, headers->key_bytes);
    key_out[headers->key_bytes] = '\0';
}

void
http_headers_check(const struct http_headers *headers, const char *version,
                   uint64_t body_max, struct problem *problem)
{
    bool old = strcmp(version, "HTTP/1.0") == 0;

    if (!old && strncmp(version, "HTTP/1.", 7) != 0) {
        problem_set(problem, PROBLEM_FRAMING, NULL,
                    "the request line must end with HTTP/1.1 or HTTP/1.0");
    } else if (headers->line_end_bare) {
        problem_set(problem, PROBLEM_FRAMING, NULL,
                    "every line of the head must end with CR LF and have no "
                    "other control character");
    } else if (headers->name_malformed) {
        problem_set(problem, PROBLEM_FRAMING, NULL,
                    "a header is folded, or its name has a character that no "
                    "name has");
    } else if (headers->encoded) {
        problem_set(problem, PROBLEM_FRAMING, "Transfer-Encoding",
                    "send the body with a Content-Length");
    } else if (headers->lengths > 1 || headers->length_malformed) {
        problem_set(problem, PROBLEM_FRAMING, "Content-Length",
                    "there must be one Content-Length, a number");
    } else if (headers->hosts > 1 || (headers->hosts == 0 && !old)) {
        problem_set(problem, PROBLEM_FRAMING, "Host",
                    "there must be one Host");
    } else if (headers->body_bytes > body_max) {
        problem_set(problem, PROBLEM_BODY_SIZE, NULL,
                    "the body has %" PRIu64 " bytes", headers->body_bytes);
        problem->limit = body_max;
    }
}
