/*
 * store_rig.h - a store in a directory of its own, for tests of the store
 *
 * Every call that may fail fails the running cmocka test where it is made.
 */
#ifndef SUPPORT_STORE_RIG_H
#define SUPPORT_STORE_RIG_H

#include <limits.h>

#include "saga/store.h"

#define STORE_RIG_PATH_BYTES (PATH_MAX + 100)

struct store_rig {
    struct store *store;
    struct store_table *table;   /* named "rows"; NULL while closed        */
    struct store_config config;
    bool created;                /* what store_open() said                 */
    char directory[PATH_MAX];
};

/* A new directory under /tmp (or inside `parent`), 4 MiB of cache, no
 * checkpoint by itself; nothing is opened. */
void store_rig_init(struct store_rig *rig, const char *parent);
void store_rig_open(struct store_rig *rig);
void store_rig_close(struct store_rig *rig);
/* Closes what is open and removes the directory. */
void store_rig_fini(struct store_rig *rig);

/* The path of a file in the rig's directory. */
void store_rig_path(char path[STORE_RIG_PATH_BYTES],
                    const struct store_rig *rig, const char *name);

/* cmocka's setups and teardown: *state is a rig, in the first one open. */
int store_rig_setup(void **state);
int store_rig_new(void **state);
int store_rig_teardown(void **state);

/* Opens a table of a participant's store as its owner does: packed or not. */
MUST_USE enum rc table_open_as_owner(struct store *store, const char *name,
                                     struct store_table **table_out);

/* A directory and all in it go. */
void remove_tree(const char *path);

/* Rows numbered by a big-endian u64, of `bytes` bytes that the number makes.
 * put: in the open transaction.  has: the row is there and is itself. */
MUST_USE enum rc row_try_put_number(struct store_table *table,
                                    uint64_t number, size_t bytes);
void row_put_number(struct store_table *table, uint64_t number, size_t bytes);
bool row_has_number(struct store_table *table, uint64_t number, size_t bytes);
/* How many rows there are, which must be 0, 1, 2, ... without a gap. */
uint64_t row_count_numbers(struct store_table *table, size_t bytes);

#endif
