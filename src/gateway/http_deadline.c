#include "gateway/http_deadline.h"

void
deadline_begin(struct deadline_list *list, struct deadline *deadline,
               int64_t now_us)
{
    deadline_end(list, deadline);
    deadline->since_us = now_us;
    deadline->previous = list->last;
    deadline->next = NULL;
    if (list->last != NULL)
        list->last->next = deadline;
    else
        list->first = deadline;
    list->last = deadline;
    deadline->runs = true;
}

void
deadline_end(struct deadline_list *list, struct deadline *deadline)
{
    if (!deadline->runs)
        return;
    if (deadline->previous != NULL)
        deadline->previous->next = deadline->next;
    else
        list->first = deadline->next;
    if (deadline->next != NULL)
        deadline->next->previous = deadline->previous;
    else
        list->last = deadline->previous;
    deadline->runs = false;
}

struct deadline *
deadline_due(const struct deadline_list *list, int64_t before_us)
{
    if (list->first == NULL || list->first->since_us > before_us)
        return NULL;
    return list->first;
}
