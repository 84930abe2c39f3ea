/*
 * The traceparent that an order came with: a row for those that have one,
 * none for the others.
 */
#include <inttypes.h>
#include <string.h>

#include "gateway/gateway_state.h"
#include "saga/log.h"

#define TRACE_VERSION 1
#define TRACE_ROW_BYTES TRACEPARENT_BYTES /* version, text without its NUL */

enum rc
gateway_trace_put(struct gateway_store *store, struct order_id order,
                  const char *traceparent)
{
    uint8_t key[ID_KEY_BYTES], value[TRACE_ROW_BYTES];

    if (traceparent[0] == '\0')
        return RC_OK;
    id_key_encode(order.value, key);
    value[0] = TRACE_VERSION;
    memcpy(value + 1, traceparent, TRACEPARENT_BYTES - 1);
    return store_put_new(store->tables.traces, key, sizeof key, value,
                         sizeof value);
}

enum rc
gateway_trace_get(const struct gateway_store *store, struct order_id order,
                  char traceparent[TRACEPARENT_BYTES])
{
    uint8_t key[ID_KEY_BYTES], value[TRACE_ROW_BYTES];
    size_t bytes;
    enum rc rc;

    traceparent[0] = '\0';
    id_key_encode(order.value, key);
    rc = store_get(store->tables.traces, key, sizeof key, value, sizeof value,
                   &bytes);
    if (rc == RC_NOT_FOUND)
        return RC_OK;
    if (rc == RC_FULL ||
        (rc == RC_OK &&
         (bytes != sizeof value || value[0] != TRACE_VERSION ||
          !traceparent_valid((const char *)value + 1, bytes - 1)))) {
        log_error("row_damaged", "table=traces id=%" PRIu64, order.value);
        return RC_DAMAGED;
    }
    if (rc == RC_OK) {
        memcpy(traceparent, value + 1, TRACEPARENT_BYTES - 1);
        traceparent[TRACEPARENT_BYTES - 1] = '\0';
    }
    return rc;
}
