#include "gateway/order_status.h"

#include <string.h>

static const char *const order_status_names[ORDER_STATUS_COUNT] = {
    [ORDER_UNSET] = "",
    [ORDER_CREATED] = "ORDER_CREATED",
    [ORDER_COMPLETED] = "ORDER_COMPLETED",
    [ORDER_FAILED] = "ORDER_FAILED",
    [ORDER_CANCELLED] = "ORDER_CANCELLED",
};

/* A cancel may meet an order whose transaction is written already: then the
 * ledger reverses it, and ORDER_COMPLETED is left once more. */
static const enum order_status
    order_next[ORDER_STATUS_COUNT][TRANSACTION_STATUS_COUNT] = {
        [ORDER_CREATED] = { [TRANSACTION_SUCCESSFUL] = ORDER_COMPLETED,
                            [TRANSACTION_UNSUCCESSFUL] = ORDER_FAILED,
                            [TRANSACTION_REVERSED] = ORDER_CANCELLED },
        [ORDER_COMPLETED] = { [TRANSACTION_REVERSED] = ORDER_CANCELLED },
    };

const char *
order_status_name(enum order_status status)
{
    return status < ORDER_STATUS_COUNT ? order_status_names[status] : "";
}

enum order_status
order_status_find(const char *name, size_t bytes)
{
    enum order_status status;

    for (status = ORDER_CREATED; status < ORDER_STATUS_COUNT; status++) {
        if (strlen(order_status_names[status]) == bytes &&
            memcmp(order_status_names[status], name, bytes) == 0)
            return status;
    }
    return ORDER_STATUS_COUNT;
}

enum order_status
order_status_next(enum order_status status, enum transaction_status input)
{
    if (status >= ORDER_STATUS_COUNT || input >= TRANSACTION_STATUS_COUNT)
        return ORDER_UNSET;
    return order_next[status][input];
}

bool
order_status_terminal(enum order_status status)
{
    return status == ORDER_COMPLETED || status == ORDER_FAILED ||
           status == ORDER_CANCELLED;
}
