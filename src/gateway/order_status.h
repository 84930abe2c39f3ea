/*
 * order_status.h - the life of an order, as a table
 *
 *   ORDER_CREATED -> ORDER_COMPLETED | ORDER_FAILED | ORDER_CANCELLED
 *
 * A transition that the table does not hold is a bug of somebody's, and never
 * an update.  Core.
 */
#ifndef GATEWAY_ORDER_STATUS_H
#define GATEWAY_ORDER_STATUS_H

#include "saga/event.h"

enum order_status {
    ORDER_UNSET = 0,
    ORDER_CREATED,
    ORDER_COMPLETED,
    ORDER_FAILED,
    ORDER_CANCELLED,
    ORDER_STATUS_COUNT
};

/* "ORDER_CREATED"; "" for ORDER_UNSET. */
const char *order_status_name(enum order_status status);
/* The status of that name, or ORDER_STATUS_COUNT. */
enum order_status order_status_find(const char *name, size_t bytes);

/* Where an order goes from `status` when the ledger says `input`;
 * ORDER_UNSET if it must not happen. */
enum order_status order_status_next(enum order_status status,
                                    enum transaction_status input);

/* True for the states that are never left. */
bool order_status_terminal(enum order_status status);

#endif
