/*
 * sim_disk.h - the inside of sim_store.h, shared by its two files
 *
 *   sim_disk.c   rows, tables, what is undone and what is kept
 *   sim_store.c  store.h over it, and when a process dies
 */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include "sim_store.h"

#define TABLES_MAX STORE_TABLES_MAX

struct row {
    uint32_t key_bytes;
    uint32_t bytes;
    uint8_t data[]; /* key, value */
};

struct table {
    char name[STORE_NAME_BYTES];
    struct row **rows; /* by key */
    size_t count, room;
    uint64_t changes; /* so that a cursor finds its place again */
};

enum undo_kind { UNDO_ROW = 1, UNDO_CREATE, UNDO_REMOVE };

struct undo {
    enum undo_kind kind;
    struct table *table;
    struct row *before; /* NULL: there was none */
    struct row *after;  /* NULL: deleted        */
};

struct sim_disk {
    char name[STORE_NAME_BYTES];
    struct table *tables[TABLES_MAX];
    size_t tables_count;
    struct undo *undo; /* of all that is not flushed, oldest first */
    size_t undo_count, undo_room;
    size_t *commits; /* where each unflushed commit ends in `undo` */
    size_t commits_count, commits_room;
    bool begun;
    bool used; /* opened at least once */
    struct store *owner;
    uint64_t fuse;
    bool fuse_flush;
    bool full;
    enum sim_cut cut;
};

struct store_table {
    struct store *store;
    struct table *table;
    struct store_table *next;
};

struct store {
    struct sim_disk *disk;
    bool dead;
    bool looks; /* sim_disk_look() */
    struct store_table *handles;
    struct store_stats stats;
};

struct store_cursor {
    struct store_table *handle;
    size_t index;
    uint64_t changes;
    bool placed;
    size_t key_bytes;
    uint8_t key[STORE_KEY_BYTES_MAX];
};

void *checked(void *memory);

/* The first slot whose key is not smaller. */
size_t rows_find(const struct table *table, const void *key, size_t key_bytes,
                 bool *found_out);
struct row *row_new(const void *key, size_t key_bytes, const void *value,
                    size_t bytes);
/* Puts `after` (or nothing) where the key is; gives what was there. */
struct row *rows_exchange(struct table *table, const struct row *key,
                          struct row *after);

struct table *table_new(const char *name);
struct table *table_find(const struct sim_disk *disk, const char *name);
void table_attach(struct sim_disk *disk, struct table *table);
void table_detach(struct sim_disk *disk, const struct table *table);

struct sim_disk *disk_find(const char *name);
void disk_remember(struct sim_disk *disk, enum undo_kind kind,
                   struct table *table, struct row *before,
                   struct row *after);
void disk_commit(struct sim_disk *disk);
void disk_abort(struct sim_disk *disk);
/* All commits are durable: what they replaced is not needed any more. */
void disk_settle(struct sim_disk *disk);

#endif
