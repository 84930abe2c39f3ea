/*
 * sim_client.h - the people: what they ask of the gateway, what they were told
 *
 * Whoever was told of an order, or of its state, must find it so ever after.
 */
#ifndef TESTS_SIM_CLIENT_H
#define TESTS_SIM_CLIENT_H

#include "sim_world.h"

void client_reset(void);

/* Posts one request, chosen by chance; or gives the operator something. */
void client_ask(void);
/* Somebody has not heard that the gateway moved; nobody hears its answer. */
void client_ask_zombie(struct actor *gateway);
/* Hears what a turn answered. */
void client_take_answers(struct actor *gateway);
/* The gateway is gone, and with it what it had not answered. */
void client_forget(struct actor *gateway);
/* A new one: everything that was told must be there. */
void client_gateway_started(void);

struct client_told {
    bool answered;
    bool cancelled; /* answered so: it will not be completed */
    struct user_id user;
    struct money price;
    enum order_status status;
};
/* By order id, 1 .. client_told_end() - 1. */
const struct client_told *client_told(uint64_t order);
uint64_t client_told_end(void);

#endif
