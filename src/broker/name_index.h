/*
 * name_index.h - things of one kind, found by their names
 *
 * A sorted array of pointers: names come from clients, so a hash could be
 * flooded on purpose.  Each thing begins with its name,
 * `char name[PRODUCER_NAME_BYTES]`.  The index does not own the things.
 */
#ifndef NAME_INDEX_H
#define NAME_INDEX_H

#include "saga/base.h"

/* Copies a name with its NUL; it must fit (it was checked before). */
void name_copy(char *name, size_t size, const char *text);

struct name_index {
    void **items;
    size_t count;
    size_t room;
    size_t count_max;
};

void name_index_init(struct name_index *index, size_t count_max);
/* Frees the array only. */
void name_index_fini(struct name_index *index);
/* The thing of that name, or NULL. */
void *name_index_find(const struct name_index *index, const char *name);
/* That, or a new one of so many bytes, from the heap and zero but for its
 * name.  NULL and *rc_out as name_index_add() has it, if there is none. */
void *name_index_find_or_make(struct name_index *index, const char *name,
                              size_t bytes, enum rc *rc_out);
/* RC_FULL at count_max; RC_EXISTS; RC_NO_MEMORY. */
MUST_USE enum rc name_index_add(struct name_index *index, void *item);
/* It must be there. */
void name_index_remove(struct name_index *index, const void *item);

#endif
