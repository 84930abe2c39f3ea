/*
 * order_line.h - one order of many in a request (application/x-ndjson)
 *
 * A line is one JSON object as in POST /orders, and in it, if the client
 * wants, its own idempotencyKey:
 *   {"userId":1,"productId":1,"quantity":2,"idempotencyKey":"a-17"}
 * The plain ones, nearly all, are read without allocating; whatever is not
 * plain is left to the reader of bodies (http_body.h), which knows all of
 * JSON and says what is wrong.
 *
 * A line belongs to a batch of the http thread; between posting and the
 * answer to the store thread, which fills what is answered.
 */
#ifndef GATEWAY_ORDER_LINE_H
#define GATEWAY_ORDER_LINE_H

#include "gateway/gateway_rows.h"

#define ORDER_LINE_BYTES_MAX 4096

struct problem;

struct order_line {
    char *text; /* in the batch's body, without its line's end */
    size_t bytes;
    uint64_t number; /* in the body, from 1 */

    /* asked */
    bool bad; /* it could not be read: the store passes over it */
    struct user_id user;
    struct product_id product;
    int64_t quantity;
    const char *key; /* in text, not NUL-terminated */
    size_t key_bytes; /* 0: none */

    /* answered, as in struct request */
    int outcome; /* enum request_outcome */
    bool replayed;
    const char *field;
    struct order_row order;
};

/* Reads line->text; false, with the problem set and the line bad, if it is no
 * order. */
bool order_line_read(struct order_line *line, struct problem *problem);

/* Its two halves, for tests.  The first is false wherever it is not sure; the
 * second may write a key without its escapes into line->text. */
bool order_line_read_plain(struct order_line *line);
bool order_line_read_any(struct order_line *line, struct problem *problem);

#endif
