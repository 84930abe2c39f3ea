#include "broker/name_index.h"

#include <stdlib.h>
#include <string.h>

#include "saga/topic.h"

#define ROOM_AT_FIRST 16

void
name_copy(char *name, size_t size, const char *text)
{
    size_t bytes = strlen(text) + 1;

    invariant(bytes <= size);
    memcpy(name, text, bytes);
}

void
name_index_init(struct name_index *index, size_t count_max)
{
    *index = (struct name_index){ .count_max = count_max };
}

void
name_index_fini(struct name_index *index)
{
    free(index->items);
    name_index_init(index, 0);
}

/* Where the name is, or would be. */
static size_t
place(const struct name_index *index, const char *name, bool *found_out)
{
    size_t low = 0, high = index->count;

    *found_out = false;
    while (low < high && !*found_out) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, (const char *)index->items[middle]);

        if (order == 0)
            *found_out = true;
        if (order <= 0)
            high = middle;
        else
            low = middle + 1;
    }
    return high;
}

void *
name_index_find(const struct name_index *index, const char *name)
{
    bool found;
    size_t at = place(index, name, &found);

    return found ? index->items[at] : NULL;
}

static enum rc
grow(struct name_index *index)
{
    size_t room = index->room == 0 ? ROOM_AT_FIRST : index->room * 2;
    void **items = realloc(index->items, room * sizeof(items[0]));

    if (items == NULL)
        return RC_NO_MEMORY;
    index->items = items;
    index->room = room;
    return RC_OK;
}

enum rc
name_index_add(struct name_index *index, void *item)
{
    bool found;
    size_t at = place(index, item, &found);

    if (found)
        return RC_EXISTS;
    if (index->count >= index->count_max)
        return RC_FULL;
    if (index->count == index->room && grow(index) != RC_OK)
        return RC_NO_MEMORY;
    memmove(index->items + at + 1, index->items + at,
            (index->count - at) * sizeof(index->items[0]));
    index->items[at] = item;
    index->count++;
    return RC_OK;
}

void *
name_index_find_or_make(struct name_index *index, const char *name,
                        size_t bytes, enum rc *rc_out)
{
    void *item = name_index_find(index, name);

    *rc_out = RC_OK;
    if (item != NULL)
        return item;
    item = calloc(1, bytes);
    if (item == NULL) {
        *rc_out = RC_NO_MEMORY;
        return NULL;
    }
    name_copy(item, PRODUCER_NAME_BYTES, name);
    *rc_out = name_index_add(index, item);
    if (*rc_out == RC_OK)
        return item;
    free(item);
    return NULL;
}

void
name_index_remove(struct name_index *index, const void *item)
{
    bool found;
    size_t at = place(index, item, &found);

    invariant(found && index->items[at] == item);
    index->count--;
    memmove(index->items + at, index->items + at + 1,
            (index->count - at) * sizeof(index->items[0]));
}
