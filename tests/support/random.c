#include "random.h"

#include <stdlib.h>
#include <time.h>

static uint64_t state;

uint64_t
random_begin(void)
{
    const char *text = getenv("TEST_SEED");

    state = text != NULL ? strtoull(text, NULL, 10)
                         : (uint64_t)time(NULL) * 2654435761u;
    state |= 1;
    return state;
}

uint64_t
random_below(uint64_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % limit;
}
