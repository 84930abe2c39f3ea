#include "saga/refusal.h"

#include <string.h>

static const struct {
    const char *name;
    size_t bytes;
    const char *words;
} refusals[REFUSAL_COUNT] = {
    [REFUSAL_NONE] = { "", 0, "" },
#define X(id, name, words) [id] = { name, sizeof(name) - 1, words },
    REFUSAL_LIST(X)
#undef X
};

const char *
refusal_name(enum refusal refusal)
{
    invariant(refusal < REFUSAL_COUNT);
    return refusals[refusal].name;
}

const char *
refusal_words(enum refusal refusal)
{
    invariant(refusal < REFUSAL_COUNT);
    return refusals[refusal].words;
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
