#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gateway/request.h"

/*
 * A stack of requests, the newest first: the poster turns its chain around and
 * pushes it with one exchange of the head; the taker takes all with another
 * and turns them around again.  The taker clears the descriptor before it
 * takes, and who pushes onto an empty stack writes it after, so no wake-up is
 * lost; one too many does no harm.
 */
struct mailbox {
    _Atomic(struct request *) newest;
    int fd;
};

enum rc
mailbox_new(struct mailbox **mailbox_out)
{
    struct mailbox *mailbox = malloc(sizeof(*mailbox));

    if (mailbox == NULL)
        return RC_NO_MEMORY;
    atomic_init(&mailbox->newest, NULL);
    mailbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (mailbox->fd < 0) {
        free(mailbox);
        return RC_IO;
    }
    *mailbox_out = mailbox;
    return RC_OK;
}

void
mailbox_destroy(struct mailbox **mailbox_p)
{
    if (*mailbox_p == NULL)
        return;
    close((*mailbox_p)->fd);
    free(*mailbox_p);
    *mailbox_p = NULL;
}

int
mailbox_fd(const struct mailbox *mailbox)
{
    return mailbox->fd;
}

/* Turns a chain around, up to its NULL; gives the new first. */
static struct request *
turn_around(struct request *chain)
{
    struct request *turned = NULL;

    while (chain != NULL) {
        struct request *next = chain->next;

        chain->next = turned;
        turned = chain;
        chain = next;
    }
    return turned;
}

void
mailbox_post(struct mailbox *mailbox, struct request *first,
             struct request *last)
{
    const uint64_t one = 1;
    struct request *old;
    ssize_t written;

    last->next = NULL;
    turn_around(first); /* last is the first of them now, first the last */
    old = atomic_load_explicit(&mailbox->newest, memory_order_relaxed);
    do {
        first->next = old;
    } while (!atomic_compare_exchange_weak(&mailbox->newest, &old, last));
    if (old == NULL) {
        written = write(mailbox->fd, &one, sizeof(one));
        invariant(written == sizeof(one));
    }
}

struct request *
mailbox_take(struct mailbox *mailbox)
{
    uint64_t count;

    if (read(mailbox->fd, &count, sizeof(count)) < 0)
        invariant(errno == EAGAIN || errno == EINTR);
    return turn_around(atomic_exchange(&mailbox->newest, NULL));
}

bool
request_takes_order(const struct request_query *query,
                    const struct order_row *order)
{
    return (query->user.value == 0 ||
            query->user.value == order->user.value) &&
           (query->status == ORDER_UNSET || query->status == order->status);
}

void
request_fini(struct request *request)
{
    free(request->metrics);
    free(request->rows);
    free(request->text);
    request->metrics = NULL;
    request->rows = NULL;
    request->text = NULL;
}
