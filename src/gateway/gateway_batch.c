/*
 * Many orders in one request: each line is placed, or refused, as if it had
 * come alone.
 */
#include <string.h>

#include "gateway/gateway_state.h"

static void
ask_of_line(struct request *asked, const struct request *batch,
            const struct order_line *line)
{
    asked->outcome = REQUEST_PENDING;
    asked->user = line->user;
    asked->product = line->product;
    asked->quantity = line->quantity;
    asked->replayed = false;
    asked->field = NULL;
    memcpy(asked->traceparent, batch->traceparent, sizeof asked->traceparent);
    if (line->key_bytes > 0)
        memcpy(asked->key, line->key, line->key_bytes);
    asked->key[line->key_bytes] = '\0';
}

enum rc
gateway_order_batch(struct gateway_store *store, struct turn *turn,
                    struct request *request)
{
    struct request asked = { .kind = REQUEST_ORDER_PLACE };
    uint32_t i;
    enum rc rc = RC_OK;

    for (i = 0; i < request->lines_count && rc == RC_OK; i++) {
        struct order_line *line = &request->lines[i];

        if (line->bad)
            continue;
        ask_of_line(&asked, request, line);
        rc = gateway_order_place(store, turn, &asked);
        line->outcome = (int)asked.outcome;
        line->replayed = asked.replayed;
        line->field = asked.field;
        line->order = asked.order;
    }
    request->outcome = REQUEST_DONE;
    return rc;
}
