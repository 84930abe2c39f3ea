#include "saga/refusal.h"

#include <string.h>

static const struct {
    const char *name;
    size_t bytes;
} refusals[REFUSAL_COUNT] = {
    [REFUSAL_NONE] = { "", 0 },
#define X(id, name) [id] = { name, sizeof(name) - 1 },
    REFUSAL_LIST(X)
#undef X
};

const char *
refusal_name(enum refusal refusal)
{
    invariant(refusal < REFUSAL_COUNT);
    return refusals[refusal].name;
}

enum refusal
refusal_find(const char *name, size_t bytes)
{
    for (enum refusal i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++)
        if (refusals[i].bytes == bytes
            && memcmp(refusals[i].name, name, bytes) == 0)
            return i;
    return REFUSAL_COUNT;
}
