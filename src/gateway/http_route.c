#include "gateway/http_route.h"

#include <string.h>

#define ID_PATTERN "{id}"

/* True if the path has the pattern's form: what stands in braces is any
 * segment but an empty one.  *id is then what stands for "{id}", or NULL. */
static bool
pattern_matches(const char *pattern, const char *path, const char **id,
                size_t *id_bytes)
{
    *id = NULL;
    *id_bytes = 0;
    while (*pattern != '\0') {
        size_t bytes;

        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        bytes = strcspn(path, "/");
        if (bytes == 0)
            return false;
        if (strncmp(pattern, ID_PATTERN, sizeof(ID_PATTERN) - 1) == 0) {
            *id = path;
            *id_bytes = bytes;
        }
        pattern += strcspn(pattern, "}") + 1;
        path += bytes;
    }
    return *path == '\0';
}

static bool
method_matches(const struct http_route *route, const char *method)
{
    if (strcmp(route->method, method) == 0)
        return true;
    return strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0;
}

/* /orders/stream is a path of its own, and no order of that id; "/orders/{id}"
 * is only the text of a pattern. */
static bool
is_literal(const struct http_route *routes, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(routes[i].pattern, path) == 0 && strchr(path, '{') == NULL)
            return true;
    }
    return false;
}

/* Every method that the path knows, once: "GET, HEAD, POST". */
static void
write_allow(const struct http_route *routes, size_t count, const char *path,
            char *allow)
{
    struct text_writer writer;
    const char *id;
    size_t id_bytes;

    text_writer_init(&writer, allow, ROUTE_ALLOW_BYTES);
    for (size_t i = 0; i < count; i++) {
        if (!pattern_matches(routes[i].pattern, path, &id, &id_bytes) ||
            (id != NULL && is_literal(routes, count, path)))
            continue;
        if (writer.used > 0)
            text_put(&writer, ", ");
        text_put(&writer, routes[i].method);
        if (strcmp(routes[i].method, "GET") == 0)
            text_put(&writer, ", HEAD");
    }
    text_end(&writer);
    invariant(!writer.failed);
}

const struct http_route *
http_route_find(const struct http_route *routes, size_t count,
                const char *method, const char *path, uint64_t *id_out,
                char *allow, struct problem *problem)
{
    bool known = false;
    const char *id;
    size_t id_bytes;

    *id_out = 0;
    for (size_t i = 0; i < count; i++) {
        if (!pattern_matches(routes[i].pattern, path, &id, &id_bytes) ||
            (id != NULL && is_literal(routes, count, path)))
            continue;
        known = true;
        if (!method_matches(&routes[i], method))
            continue;
        if (id == NULL || id_parse(id, id_bytes, id_out))
            return &routes[i];
        problem_set(problem, PROBLEM_PARAMETER, "id",
                    "an id is an integer from 1 to 9007199254740991");
        return NULL;
    }
    if (known) {
        write_allow(routes, count, path, allow);
        problem_set(problem, PROBLEM_METHOD, NULL,
                    "the path allows %s", allow);
    } else {
        problem_set(problem, PROBLEM_NO_PATH, NULL,
                    "GET /help lists what there is");
    }
    return NULL;
}
