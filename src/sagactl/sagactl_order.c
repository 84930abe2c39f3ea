#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "saga/event.h"
#include "saga/text_writer.h"
#include "sagactl/sagactl_rows.h"

#define WAIT_S_MAX 60 /* as the gateway waits: http_prefer.h */
#define HEADER_BYTES 300
#define KEY_BYTES_MAX 255

/* ---- place ---- */

static bool
read_key(const struct sagactl_args *args, char header[HEADER_BYTES])
{
    const char *key = args_value(args, "key");
    size_t bytes = key != NULL ? strlen(key) : 0;

    if (key == NULL)
        return true;
    for (size_t i = 0; i < bytes; i++)
        if (key[i] < '!' || key[i] > '~')
            bytes = 0;
    if (bytes == 0 || bytes > KEY_BYTES_MAX) {
        args_wrong(args, "--key has 1 to 255 visible characters");
        return false;
    }
    snprintf(header, HEADER_BYTES, "Idempotency-Key: %s", key);
    return true;
}

static bool
read_wait(const struct sagactl_args *args, char header[HEADER_BYTES],
          unsigned *seconds_out)
{
    const char *wait = args_value(args, "wait");
    uint64_t seconds = 0;

    *seconds_out = 0;
    if (wait == NULL)
        return true;
    if (!args_number(args, "--wait", wait, 1, WAIT_S_MAX, &seconds))
        return false;
    snprintf(header, HEADER_BYTES, "Prefer: wait=%" PRIu64, seconds);
    *seconds_out = (unsigned)seconds;
    return true;
}

static int
place(const struct sagactl *ctl, struct gate *gate,
      const struct gate_question *question)
{
    struct gate_answer answer;
    int code = gate_get(gate, question, &answer);
    const char *status;

    if (code != EXIT_DONE)
        return code;
    rows_print(ctl, "order", (struct json_span){ answer.text, answer.bytes });
    status = sagactl_text(answer.json, "status");
    if (question->wait_s > 0 && strcmp(status, "ORDER_COMPLETED") != 0)
        code = EXIT_DIFFERS;
    gate_answer_fini(&answer);
    return code;
}

int
sagactl_order_place(const struct sagactl *ctl, const struct sagactl_args *args)
{
    uint64_t user, product, quantity = 1;
    char body[128], key[HEADER_BYTES] = "", wait[HEADER_BYTES] = "";
    struct gate_question question = { .method = "POST", .path = "/orders",
                                      .body = body };
    struct gate *gate;
    int code;

    if (!args_number(args, "USER", args->words[0], 1, ID_MAX, &user)
        || !args_number(args, "PRODUCT", args->words[1], 1, ID_MAX, &product)
        || (args->count > 2
            && !args_number(args, "QUANTITY", args->words[2], 1, QUANTITY_MAX,
                            &quantity))
        || !read_key(args, key) || !read_wait(args, wait, &question.wait_s))
        return EXIT_USAGE;
    snprintf(body, sizeof body,
             "{\"userId\":%" PRIu64 ",\"productId\":%" PRIu64
             ",\"quantity\":%" PRIu64 "}",
             user, product, quantity);
    question.headers[0] = *key != '\0' ? key : NULL;
    question.headers[1] = *wait != '\0' ? wait : NULL;
    code = gate_open(ctl, &gate);
    if (code != EXIT_DONE)
        return code;
    code = place(ctl, gate, &question);
    gate_close(&gate);
    return code;
}

/* ---- show, cancel ---- */

static int
ask_one(const struct sagactl *ctl, const struct sagactl_args *args,
        const char *method)
{
    char path[GATE_PATH_BYTES];
    struct gate_question question = { .method = method, .path = path };
    uint64_t order;

    if (!args_number(args, "ORDER", args->words[0], 1, ID_MAX, &order))
        return EXIT_USAGE;
    snprintf(path, sizeof path, "/orders/%" PRIu64, order);
    return rows_ask(ctl, "order", &question);
}

int
sagactl_order_show(const struct sagactl *ctl, const struct sagactl_args *args)
{
    return ask_one(ctl, args, "GET");
}

int
sagactl_order_cancel(const struct sagactl *ctl,
                     const struct sagactl_args *args)
{
    return ask_one(ctl, args, "DELETE");
}

/* ---- list ---- */

int
sagactl_order_list(const struct sagactl *ctl, const struct sagactl_args *args)
{
    char query[GATE_PATH_BYTES];
    uint64_t max;

    if (!rows_max(args, &max) || !rows_page_query(args, query, sizeof query)
        || !rows_order_query(args, query, sizeof query))
        return EXIT_USAGE;
    return rows_list(ctl, "order", "/orders", query, max);
}
