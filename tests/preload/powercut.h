/*
 * powercut.h - inside libpowercut.so (powercut.c says what it models)
 *
 *   file   one inode below POWERCUT_DIR, from its first open to our end; our
 *          own descriptor on it keeps its number from being used again
 *   unit   the piece of a file that is lost or kept as a whole: 512 bytes of
 *          a log, 4096 (a table's page) of all else
 *   layer  what the units of one file held when they were first written after
 *          a sync began; a sync that ends drops its layer and all older ones
 *   op     a change to a name or a truncation, in the order they happened
 *
 * Everything here is called with the one lock of powercut.c held.
 */
#ifndef PRELOAD_POWERCUT_H
#define PRELOAD_POWERCUT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct cut_unit {
    uint64_t number;
    uint64_t order;    /* of its first write, over all files               */
    bool truncated;    /* it went with a truncation, not with a write      */
    uint8_t old[];
};

struct cut_layer {
    struct cut_layer *older;
    uint64_t order;    /* when it began                                    */
    off_t size_before;
    void *units;       /* a tree (tsearch) of struct cut_unit              */
};

struct cut_file {
    struct cut_file *next;
    dev_t device;
    ino_t inode;
    int fd;            /* our own, read and write                          */
    size_t unit_bytes;
    struct cut_layer *newest;
};

/* What survives of what was not synced; chosen once per cut. */
struct cut_plan {
    enum { CUT_LOSES_ALL, CUT_KEEPS_PREFIX, CUT_KEEPS_SOME,
           CUT_KEEPS_NAMES } kind;
    uint64_t order_max;        /* PREFIX: units and ops up to it are kept  */
    unsigned int percent;      /* SOME: of the units                       */
};

struct cut_counts {
    uint64_t units_lost;
    uint64_t units_kept;
    uint64_t ops_lost;
    uint64_t ops_kept;
};

/* ---- powercut.c -------------------------------------------------------- */

/* Says why on stderr and ends the process: the model can't go on. */
void cut_impossible(const char *why) __attribute__((noreturn));
uint64_t cut_next_order(void);
uint64_t cut_last_order(void);
uint64_t cut_random(uint64_t below);

/* ---- powercut_file.c --------------------------------------------------- */

/* The file of a name, NULL if there is none; page_bytes: the unit of what is
 * no log. */
struct cut_file *cut_file_of(const char *path, size_t page_bytes);
off_t cut_file_size(const struct cut_file *file);
void cut_file_before_write(struct cut_file *file, const void *data,
                           size_t bytes, off_t position);
void cut_file_before_truncate(struct cut_file *file, off_t size);

/* True if something of it is not synced. */
bool cut_file_dirty(const struct cut_file *file);
/* A sync makes durable what was written up to cut_last_order() before its
 * begin; its end, later, is told that number. */
void cut_file_sync_begin(struct cut_file *file);
void cut_file_sync_end(struct cut_file *file, uint64_t order_max);

/* Its last name is gone for ever: nothing of it is taken back. */
void cut_file_gone(struct cut_file *file);

/* The oldest order among all files' units; UINT64_MAX if there is none. */
uint64_t cut_files_order_min(void);
/* Takes back what the plan does not keep.  After cut_names_undo(). */
void cut_files_undo(const struct cut_plan *plan, struct cut_counts *counts);

/* ---- powercut_names.c -------------------------------------------------- */

enum cut_op_kind { OP_CREATE, OP_LINK, OP_RENAME, OP_UNLINK, OP_TRUNCATE };

/* directory: where last names of removed files wait; below it, nobody looks. */
void cut_names_init(const char *directory);
void cut_names_created(const char *path, struct cut_file *file);
void cut_names_linked(const char *path, struct cut_file *file);
void cut_names_truncated(struct cut_file *file, off_t old_size);
/* These two do the thing itself: 0, or -1 and errno. */
int cut_names_rename(const char *from, const char *to, struct cut_file *file,
                     struct cut_file *victim);
int cut_names_unlink(const char *path, struct cut_file *file);

bool cut_names_dirty(const struct cut_file *file);
/* The file was synced: its ops up to an order, and what they rest on, stay. */
void cut_names_synced(const struct cut_file *file, uint64_t order_max);
/* So was a directory (its path ends with '/'). */
void cut_names_directory_synced(const char *directory);
void cut_names_undo(const struct cut_plan *plan, struct cut_counts *counts);

#endif
