/*
 * verify_copies.h - the same four stores for each test, to change a row in
 *
 * One pipeline is left as it is at the end (verify_copies_setup, once for a
 * group of tests); each test changes a copy of its own.  Every function fails
 * the test where something is not as it must be.
 */
#ifndef TESTS_VERIFY_COPIES_H
#define TESTS_VERIFY_COPIES_H

#include "verify_world.h"

/* Of a group.  Orders 1, 2: completed; 3: no credit; 4: refused by the ledger;
 * 5: completed, then cancelled; 6: no such user; 7: frozen; 8: completed,
 * after a credit; 9: waits for the broker. */
int verify_copies_setup(void **state);
int verify_copies_teardown(void **state);

void verify_place_order(struct verify_world *world, uint64_t user,
                        uint64_t product);
void verify_copy_store(const char *from, const char *to);

struct copies {
    char root[64];
    struct verify_input input;
    struct verify_report report;
};

/* Without stores; with a copy of each. */
void copies_open(struct copies *copies);
void copies_make(struct copies *copies);
void copies_fini(struct copies *copies);

void verify_now(struct copies *copies);
void expect_good(struct copies *copies);

#endif
