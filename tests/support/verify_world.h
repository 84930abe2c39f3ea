/*
 * verify_world.h - four stores as a pipeline leaves them, for tests of verify
 *
 * The real participants over a broker in memory; its log is then written as
 * the broker would have it on disk.  Every function fails the test where
 * something is not as it must be.
 */
#ifndef TESTS_VERIFY_WORLD_H
#define TESTS_VERIFY_WORLD_H

#include "accounts_world.h"
#include "gateway_world.h"
#include "sagactl/verify.h"

struct verify_world {
    struct gateway_world gateway;
    struct accounts_world *accounts;
    char broker[96]; /* its store's directory */
};

/* Orders above 600.00 are refused by the ledger. */
void verify_world_open(struct verify_world *world);
/* Turns of all until nothing moves. */
void verify_world_settle(struct verify_world *world);
/* Stops the participants and writes the broker's store. */
void verify_world_stop(struct verify_world *world);
void verify_world_fini(struct verify_world *world);

/* The stores as they lie after verify_world_stop(). */
void verify_world_input(const struct verify_world *world,
                        struct verify_input *input_out);

/* A closed store: reads the row with this key (NULL: the first one) into
 * value[size], and its key into found[STORE_KEY_BYTES_MAX]. */
size_t verify_world_get(const char *store, const char *table, const void *key,
                        size_t key_bytes, uint8_t *found, size_t *found_bytes,
                        uint8_t *value, size_t size);
/* Puts it, or with value NULL deletes it. */
void verify_world_put(const char *store, const char *table, const void *key,
                      size_t key_bytes, const uint8_t *value, size_t bytes);

#endif
