#include "gateway/open_ages.h"

#include <string.h>

#define SECOND_US 1000000

void
open_ages_init(struct open_ages *ages, uint64_t walk_at, uint64_t walk_end)
{
    memset(ages, 0, sizeof(*ages));
    ages->tail = INT64_MAX;
    ages->head = INT64_MIN;
    ages->walk_at = walk_at;
    ages->walk_end = walk_end > walk_at ? walk_end : walk_at;
}

static struct open_ages_slot *
slot_of(struct open_ages *ages, int64_t second)
{
    return &ages->slots[(uint64_t)second % OPEN_AGES_SECONDS];
}

/* Counts `open` orders more, of which the oldest is given. */
static void
count(struct open_ages_slot *slot, uint64_t open, int64_t placed_us,
      uint64_t first)
{
    if (slot->open == 0 || placed_us < slot->placed_us)
        slot->placed_us = placed_us;
    if (slot->open == 0 || first < slot->first)
        slot->first = first;
    slot->open += open;
}

static bool
not_walked(const struct open_ages *ages, struct order_id order)
{
    return order.value >= ages->walk_at && order.value < ages->walk_end;
}

static void
add(struct open_ages *ages, struct order_id order, int64_t placed_us)
{
    int64_t second = placed_us / SECOND_US;
    struct open_ages_slot *slot = slot_of(ages, second);

    if (slot->open > 0 && second < slot->second)
        slot = &ages->older; /* its second has gone: the clock was set back */
    else if (slot->second != second) {
        if (slot->open > 0)
            count(&ages->older, slot->open, slot->placed_us, slot->first);
        *slot = (struct open_ages_slot){ .second = second };
    }
    count(slot, 1, placed_us, order.value);
    if (second < ages->tail)
        ages->tail = second;
    if (second > ages->head)
        ages->head = second;
}

void
open_ages_add(struct open_ages *ages, struct order_id order, int64_t placed_us)
{
    if (!not_walked(ages, order))
        add(ages, order, placed_us);
}

void
open_ages_end(struct open_ages *ages, struct order_id order, int64_t placed_us)
{
    struct open_ages_slot *slot = slot_of(ages, placed_us / SECOND_US);

    if (not_walked(ages, order))
        return;
    if (slot->second != placed_us / SECOND_US || slot->open == 0)
        slot = &ages->older;
    if (slot->open > 0)
        slot->open--;
}

void
open_ages_walked(struct open_ages *ages, uint64_t id)
{
    ages->walk_at = id < ages->walk_end ? id : ages->walk_end;
}

bool
open_ages_oldest(struct open_ages *ages, int64_t *placed_us_out,
                 uint64_t *first_out)
{
    const struct open_ages_slot *oldest = &ages->older;

    if (ages->head >= ages->tail &&
        ages->head - ages->tail >= OPEN_AGES_SECONDS)
        ages->tail = ages->head - OPEN_AGES_SECONDS + 1;
    while (ages->tail <= ages->head &&
           (slot_of(ages, ages->tail)->second != ages->tail ||
            slot_of(ages, ages->tail)->open == 0))
        ages->tail++;
    if (oldest->open == 0 && ages->tail <= ages->head)
        oldest = slot_of(ages, ages->tail);
    if (oldest->open == 0)
        return false;
    *placed_us_out = oldest->placed_us;
    *first_out = oldest->first;
    return true;
}
