#include "sim_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "sim_check.h"

#define USERS_SEEDED 5
#define USERS_OPENED 20   /* the highest that is ever opened */
#define USERS_ASKED 24    /* some are never */
#define PRODUCTS_ASKED 6  /* one is not there */
#define BURST_MAX 4
#define ASKED_MAX 200     /* unanswered requests at once */
#define CREDITS_MAX 60000
#define KEYS_MAX 300      /* idempotency keys of an episode */

struct asked {
    struct request request; /* first: the gateway knows only this */
    struct asked *next;
};

static struct {
    struct client_told *told;
    uint64_t room, end;
    uint32_t waiting;
    uint64_t credits;
    struct event last_credit;
    struct credit_id given; /* the last credit id that the gateway gave ... */
    struct request given_for; /* ... and for what */
    struct order_id keyed[KEYS_MAX]; /* the order that a key was told of */
} client;

void
client_reset(void)
{
    free(client.told);
    memset(&client, 0, sizeof client);
    client.end = 1;
}

const struct client_told *
client_told(uint64_t order)
{
    return &client.told[order];
}

uint64_t
client_told_end(void)
{
    return client.end;
}

static struct client_told *
told_at(uint64_t order)
{
    uint64_t room = client.room;

    if (order >= room) {
        client.room = order * 2 + 64;
        client.told = realloc(client.told,
                              client.room * sizeof client.told[0]);
        invariant(client.told != NULL);
        memset(&client.told[room], 0,
               (client.room - room) * sizeof client.told[0]);
    }
    if (order >= client.end)
        client.end = order + 1;
    return &client.told[order];
}

/* ---- asking ----------------------------------------------------------- */

/* A key stands for the same order again, but for a few mistakes. */
static void
choose_key(struct request *request)
{
    uint64_t key = 1 + sim_below(KEYS_MAX - 1);

    snprintf(request->key, sizeof request->key, "key-%" PRIu64, key);
    if (sim_once_in(20))
        return;
    request->user.value = 1 + key % USERS_SEEDED;
    request->product.value = 1 + key % 3;
    request->quantity = 1 + (int64_t)(key % 2);
}

static void
choose_place(struct request *request)
{
    request->kind = REQUEST_ORDER_PLACE;
    request->user.value = sim_once_in(6) ? 1 + sim_below(USERS_ASKED)
                                         : 1 + sim_below(USERS_SEEDED);
    request->product.value = sim_once_in(20) ? 1 + sim_below(PRODUCTS_ASKED)
                                             : 1 + sim_below(3);
    request->quantity = sim_once_in(50) ? QUANTITY_MAX
                                        : 1 + (int64_t)sim_below(3);
    if (sim_once_in(4))
        choose_key(request);
}

static void
choose_account(struct request *request)
{
    request->user.value = 1 + sim_below(sim_once_in(4) ? USERS_ASKED
                                                       : USERS_SEEDED);
    request->kind = sim_once_in(3) ? REQUEST_USER_FREEZE : REQUEST_USER_THAW;
    if (!sim_once_in(3))
        return;
    request->kind = REQUEST_USER_CREDIT;
    request->amount.minor = 5000 * (int64_t)(1 + sim_below(20));
    if (sim_once_in(4) && client.given.value != 0) {
        *request = client.given_for; /* asked for twice */
        request->credit = client.given;
        request->owner = &client; /* not a new id, that is */
    }
}

static void
choose_look(struct request *request)
{
    static const enum request_kind lists[] = {
        REQUEST_ORDER_LIST, REQUEST_USER_LIST, REQUEST_TRANSACTION_LIST,
        REQUEST_PRODUCT_LIST, REQUEST_METRICS,
    };

    if (sim_once_in(8)) {
        request->kind = lists[sim_below(ARRAY_COUNT(lists))];
        request->query.limit = 1 + (uint32_t)sim_below(20);
        request->query.descending = sim_once_in(2);
        return;
    }
    request->kind = REQUEST_ORDER_GET;
    request->order_id.value = 1 + sim_below(client.end);
}

static void
choose(struct request *request)
{
    if (!sim_once_in(5)) {
        choose_place(request);
    } else if (sim_once_in(4)) {
        request->kind = REQUEST_ORDER_CANCEL;
        request->order_id.value = sim_once_in(2)
                                      ? 1 + sim_below(client.end)
                                      : client.end - 1 - sim_below(4);
        if (request->order_id.value > client.end)
            request->order_id.value = 1;
    } else if (sim_once_in(4)) {
        choose_account(request);
    } else if (!sim_once_in(5)) {
        choose_look(request);
    } else {
        request->kind = REQUEST_USER_OPEN;
        request->user.value = 1 + sim_below(USERS_OPENED);
        request->amount.minor = 2500 * (int64_t)sim_below(20);
    }
}

static void
post(struct actor *gateway)
{
    struct asked *asked = calloc(1, sizeof *asked);

    invariant(asked != NULL);
    choose(&asked->request);
    asked->next = gateway->asked;
    gateway->asked = asked;
    client.waiting++;
    mailbox_post(gateway->requests, &asked->request, &asked->request);
}

/* Amounts near what things cost: exactly enough, one unit less or more. */
static void
choose_credit(struct event *event)
{
    event_init(event, EVENT_ACCOUNT_CREDITED);
    event->user.value = 1 + sim_below(sim_once_in(6) ? USERS_ASKED
                                                     : USERS_SEEDED);
    event->credit.value = ++client.credits;
    event->amount.minor = 2500 * (int64_t)(1 + sim_below(60)) +
                          (int64_t)sim_below(3) - 1;
    if (sim_once_in(6) && client.last_credit.type != EVENT_NONE)
        *event = client.last_credit; /* asked for twice */
    else if (sim_once_in(20) && client.last_credit.type != EVENT_NONE)
        event->credit = client.last_credit.credit,
        event->user = client.last_credit.user;
    else
        client.last_credit = *event;
}

static void
choose_cancel(struct event *event)
{
    uint64_t order = sim_once_in(3) ? 1 + sim_below(client.end)
                                    : client.end - 1 - sim_below(4);

    event->type = EVENT_NONE;
    if (order == 0 || order >= client.end || !client.told[order].answered)
        return;
    event_init(event, EVENT_ORDER_CANCEL);
    event->order.value = order;
    event->user = client.told[order].user;
    event_set_reason(event, sim_once_in(3) ? REFUSAL_TIMEOUT
                                           : REFUSAL_CANCELLED);
}

static void
tell_operator(void)
{
    struct event event;

    if (sim_once_in(8)) {
        event_init(&event, sim_once_in(3) ? EVENT_ACCOUNT_FROZEN
                                          : EVENT_ACCOUNT_THAWED);
        event.user.value = 1 + sim_below(USERS_OPENED);
    } else if (sim_once_in(2) && client.credits < CREDITS_MAX)
        choose_credit(&event);
    else
        choose_cancel(&event);
    if (event.type != EVENT_NONE)
        operator_order(&event);
}

void
client_ask(void)
{
    struct actor *gateway = &world.actors[ACTOR_GATEWAY];
    uint64_t count = sim_once_in(10) ? sim_below(30) : 1 + sim_below(BURST_MAX);

    if (sim_once_in(3)) {
        tell_operator();
        return;
    }
    if (gateway->participant == NULL)
        return;
    for (; count > 0 && client.waiting < ASKED_MAX; count--)
        post(gateway);
}

void
client_ask_zombie(struct actor *gateway)
{
    if (client.waiting < ASKED_MAX)
        post(gateway);
}

/* ---- hearing ---------------------------------------------------------- */

/* A key stands for one order, for ever. */
static void
require_key(const struct request *request)
{
    struct order_id *keyed;

    if (request->key[0] == '\0')
        return;
    keyed = &client.keyed[strtoull(request->key + strlen("key-"), NULL, 10)];
    sim_require(keyed->value == 0 ||
                    keyed->value == request->order.order.value,
                "G2: %s stood for order %" PRIu64 ", now for %" PRIu64,
                request->key, keyed->value, request->order.order.value);
    sim_require(request->order.user.value == request->user.value &&
                    request->order.product.value == request->product.value &&
                    request->order.quantity == request->quantity,
                "%s was answered with another order", request->key);
    *keyed = request->order.order;
}

static void
on_placed(const struct request *request)
{
    const struct order_row *row = &request->order;
    struct client_told *told;

    if (request->outcome != REQUEST_DONE)
        return;
    require_key(request);
    told = told_at(row->order.value);
    sim_require(!told->answered || request->replayed,
                "order id %" PRIu64 " was given twice", row->order.value);
    if (told->answered)
        check_told(row->order.value, told, row);
    *told = (struct client_told){ .answered = true,
                                  .cancelled = told->cancelled,
                                  .user = row->user,
                                  .price = row->price,
                                  .status = row->status };
}

/* Whoever was told that it is cancelled never finds it completed. */
static void
on_cancelled(const struct request *request)
{
    struct client_told *told;

    if (request->outcome != REQUEST_DONE)
        return;
    told = told_at(request->order_id.value);
    told->cancelled = true;
    if (told->answered)
        check_told(request->order_id.value, told, &request->order);
}

/* Ids that the gateway gives only rise. */
static void
on_credited(const struct request *request)
{
    if (request->outcome != REQUEST_DONE || request->owner != NULL)
        return;
    sim_require(request->credit.value > client.given.value,
                "credit id %" PRIu64 " was given after %" PRIu64,
                request->credit.value, client.given.value);
    client.given = request->credit;
    client.given_for = (struct request){ .kind = REQUEST_USER_CREDIT,
                                         .user = request->user,
                                         .amount = request->amount };
}

static void
on_shown(const struct request *request)
{
    const struct order_row *row = &request->order;
    struct client_told *told;

    if (request->order_id.value >= client.end)
        return; /* nobody was told of it */
    told = &client.told[request->order_id.value];
    if (!told->answered)
        return;
    sim_require(request->outcome == REQUEST_DONE,
                "G1: order %" PRIu64 " was answered and is not there",
                request->order_id.value);
    check_told(request->order_id.value, told, row);
    told->status = row->status;
}

static void
hear_answer(const struct request *request)
{
    sim_require(request->outcome != REQUEST_PENDING &&
                    request->outcome != REQUEST_FAILED,
                "request %d ended as %d", (int)request->kind,
                (int)request->outcome);
    if (request->kind == REQUEST_ORDER_PLACE)
        on_placed(request);
    else if (request->kind == REQUEST_ORDER_GET)
        on_shown(request);
    else if (request->kind == REQUEST_ORDER_CANCEL)
        on_cancelled(request);
    else if (request->kind == REQUEST_USER_CREDIT)
        on_credited(request);
}

static void
asked_free(struct actor *gateway, struct asked *asked)
{
    struct asked **link = &gateway->asked;

    while (*link != asked)
        link = &(*link)->next;
    *link = asked->next;
    request_fini(&asked->request);
    free(asked);
    client.waiting--;
}

void
client_take_answers(struct actor *gateway)
{
    struct request *request = mailbox_take(gateway->answers), *next;

    for (; request != NULL; request = next) {
        next = request->next;
        if (gateway != &world.zombie)
            hear_answer(request);
        asked_free(gateway, (struct asked *)(void *)request);
    }
}

void
client_forget(struct actor *gateway)
{
    while (gateway->asked != NULL)
        asked_free(gateway, gateway->asked);
}

void
client_gateway_started(void)
{
    check_answered(false);
}
