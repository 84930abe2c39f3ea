/*
 * Orders as they change, out of the gateway's streams of server-sent events.
 * When a stream ends, or the gateway goes, it is asked again for what came
 * behind the last event that was printed.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "saga/ids.h"
#include "sagactl/sagactl_broker.h"
#include "sagactl/sagactl_out.h"
#include "sagactl/sagactl_rows.h"
#include "sagactl/sse_reader.h"

#define PATIENCE_MS 60000 /* for a gateway that is away */
#define RETRY_MS 1000
#define HEADER_BYTES 64

struct watch {
    const struct sagactl *ctl;
    struct sse_reader reader;
    bool one; /* order: until it ends */
    uint64_t left;
    bool over;
    int code;
    int64_t heard_ms; /* when something came last */
};

static void
on_order(struct watch *watch, const struct sse_event *event, json_t *order)
{
    const char *status = sagactl_text(order, "status");

    rows_print(watch->ctl, "order",
               (struct json_span){ event->data, event->bytes });
    if (watch->one && strcmp(status, "ORDER_CREATED") != 0) {
        watch->over = true;
        if (strcmp(status, "ORDER_COMPLETED") != 0)
            watch->code = EXIT_DIFFERS;
    }
    watch->over = watch->over || --watch->left == 0 || !out_flush();
}

static bool
on_event(void *context, const struct sse_event *event)
{
    struct watch *watch = context;
    json_t *data = NULL;

    if (strlen(event->data) == event->bytes)
        data = json_loadb(event->data, event->bytes, 0, NULL);
    if (!json_is_object(data))
        fprintf(stderr, "sagactl: the gateway sent what is no JSON object\n");
    else if (strcmp(event->name, "order") == 0)
        on_order(watch, event, data);
    else if (strcmp(event->name, "gap") == 0)
        fprintf(stderr, "sagactl: changes are missing: those behind %" PRIu64
                        " to %" PRIu64 " are no longer kept\n",
                sagactl_number(data, "after"),
                sagactl_number(data, "resumed"));
    json_decref(data); /* "dropped": we are asked to come again */
    return !watch->over;
}

static bool
take(void *context, const char *data, size_t bytes)
{
    struct watch *watch = context;

    watch->heard_ms = line_now_ms();
    return sse_reader_feed(&watch->reader, data, bytes, on_event, watch);
}

/* Until it is time to ask again; false if our reader goes meanwhile. */
static bool
pause_or_gone(void)
{
    struct pollfd out = { .fd = STDOUT_FILENO };

    return poll(&out, 1, RETRY_MS) == 0 || (out.revents & POLLERR) == 0;
}

static int
follow(struct watch *watch, struct gate *gate, const char *path)
{
    char last[HEADER_BYTES];
    int code = EXIT_DONE;

    while (!watch->over) {
        struct gate_question question = {
            .method = "GET", .path = path,
            .headers = { "Accept: text/event-stream",
                         *watch->reader.id != '\0' ? last : NULL },
            .quiet = line_now_ms() - watch->heard_ms < PATIENCE_MS,
        };

        snprintf(last, sizeof last, "Last-Event-ID: %s", watch->reader.id);
        code = gate_stream(gate, &question, take, watch);
        if (watch->over || code == EXIT_DIFFERS
            || (code == EXIT_SYSTEM && !question.quiet))
            break;
        if (!pause_or_gone())
            return EXIT_DONE;
    }
    return watch->over ? watch->code : code;
}

static bool
make_path(const struct sagactl_args *args, char path[GATE_PATH_BYTES])
{
    char query[GATE_PATH_BYTES - 32] = "";
    uint64_t order;

    if (args->count == 1) {
        if (!args_number(args, "ORDER", args->words[0], 1, ID_MAX, &order))
            return false;
        snprintf(path, GATE_PATH_BYTES, "/orders/%" PRIu64 "/stream", order);
        return true;
    }
    if (!rows_order_query(args, query, sizeof query))
        return false;
    if (*query == '&')
        *query = '?';
    snprintf(path, GATE_PATH_BYTES, "/orders/stream%s", query);
    return true;
}

int
sagactl_order_watch(const struct sagactl *ctl, const struct sagactl_args *args)
{
    const char *count = args_value(args, "count");
    char path[GATE_PATH_BYTES];
    struct watch *watch;
    struct gate *gate;
    uint64_t left = UINT64_MAX;
    int code;

    if (args->count == 1
        && (args_value(args, "user") != NULL
            || args_value(args, "status") != NULL))
        return args_wrong(args, "either ORDER or --user and --status");
    if (!make_path(args, path)
        || (count != NULL
            && !args_number(args, "--count", count, 1, INT64_MAX, &left)))
        return EXIT_USAGE;
    code = gate_open(ctl, &gate);
    if (code != EXIT_DONE)
        return code;
    watch = calloc(1, sizeof *watch);
    invariant(watch != NULL);
    sse_reader_init(&watch->reader);
    watch->ctl = ctl;
    watch->one = args->count == 1;
    watch->left = left;
    watch->heard_ms = line_now_ms() - PATIENCE_MS; /* the first time counts */
    code = follow(watch, gate, path);
    free(watch);
    gate_close(&gate);
    return code;
}
