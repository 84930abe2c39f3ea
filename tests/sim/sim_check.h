/*
 * sim_check.h - the promises, looked at from outside, in the stores
 *
 * Each names the guarantee (G1 to G5, docs) that it found broken.
 */
#ifndef TESTS_SIM_CHECK_H
#define TESTS_SIM_CHECK_H

#include "sim_client.h"

/* The order as it is now, against what somebody was told of it. */
void check_told(uint64_t order, const struct client_told *told,
                const struct order_row *row);

/* Every order that was answered is in the gateway's store, in a state that
 * follows from what was told; at the end: in its last state, the model's. */
void check_answered(bool ended);

/* All stores; at the end also against each other and the model. */
void check_stores(bool ended);

#endif
