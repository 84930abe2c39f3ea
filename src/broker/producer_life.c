#include "broker/producer_life.h"

enum producer_opening
producer_life_decide(const struct producer_life *last,
                     const struct producer_life *next)
{
    if (next->starts == 0 || next->starts > last->starts)
        return PRODUCER_OPENS;
    if (next->starts < last->starts)
        return PRODUCER_OLDER;
    return next->life == last->life ? PRODUCER_OPENS_AGAIN : PRODUCER_TWIN;
}

void
producer_life_fold(struct producer_life *last,
                   const struct producer_life *next)
{
    /* Who comes without a store does not make older starts new ones. */
    if (next->starts > last->starts)
        last->starts = next->starts;
    last->life = next->life;
}
