/* The gateway's lists against a model that sorts nothing and skips nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/gateway_world.h"
#include "../support/random.h"

#define ORDERS (LIST_SCAN_MAX + 700)
#define USERS 5
#define QUERIES 400
#define PAGES_MAX 4

/* What the model knows of one row of a list, whatever it lists. */
struct model_row {
    uint64_t id, user;
    enum order_status status;
};

struct model_page {
    uint64_t ids[LIST_ROWS_MAX];
    uint32_t count;
    bool more;
    uint64_t more_after;
};

static struct model_row model_orders[ORDERS];
static struct model_row model_transactions[ORDERS];
static size_t model_transactions_count;

static bool
model_passes(const struct request_query *query, uint64_t id)
{
    if (query->after == 0)
        return true;
    return query->descending ? id < query->after : id > query->after;
}

/*
 * Rows are in ascending order of id.  indexed: only rows of query->user are
 * looked at, rather than passed over.
 */
static void
model_list(const struct model_row *rows, size_t count,
           const struct request_query *query, bool indexed,
           struct model_page *page)
{
    const struct model_row *row;
    uint64_t last = query->after;
    size_t i, looked_at = 0;
    uint32_t looks_max = indexed && query->user.value != 0 ? LIST_LOOKUP_MAX
                                                           : LIST_SCAN_MAX;
    bool fits;

    memset(page, 0, sizeof *page);
    for (i = 0; i < count && !page->more; i++) {
        row = query->descending ? &rows[count - 1 - i] : &rows[i];
        if (!model_passes(query, row->id))
            continue;
        if (indexed && query->user.value != 0 &&
            query->user.value != row->user)
            continue;
        fits = (query->user.value == 0 || query->user.value == row->user) &&
               (query->status == ORDER_UNSET || query->status == row->status);
        if (looked_at++ == looks_max ||
            (fits && page->count == query->limit)) {
            page->more = true;
            page->more_after = last;
        } else if (fits) {
            page->ids[page->count++] = row->id;
        }
        last = row->id;
    }
}

/* All orders in a few turns; most end in some way. */
static void
fill_orders(struct gateway_world *world)
{
    struct request *requests = calloc(ORDERS, sizeof *requests);
    struct model_row *row;
    size_t i;

    assert_non_null(requests);
    for (i = 0; i < ORDERS; i++) {
        requests[i].kind = REQUEST_ORDER_PLACE;
        requests[i].user.value = 1 + random_below(USERS);
        requests[i].product.value = 1;
        requests[i].quantity = 1;
        requests[i].next = i + 1 < ORDERS ? &requests[i + 1] : NULL;
    }
    mailbox_post(world->requests, &requests[0], &requests[ORDERS - 1]);
    world_settle(world);
    mailbox_take(world->answers);
    for (i = 0; i < ORDERS; i++) {
        row = &model_orders[i];
        assert_int_equal(requests[i].outcome, REQUEST_DONE);
        row->id = requests[i].order.order.value;
        row->user = requests[i].user.value;
        row->status = ORDER_CREATED;
    }
    free(requests);
}

/* Every fifth order stays open, one in 600 fails, the others complete. */
static void
end_orders(struct gateway_world *world)
{
    struct event *events = calloc(ORDERS, sizeof *events);
    struct event *event = events;
    struct model_row *row;
    size_t i;

    assert_non_null(events);
    model_transactions_count = 0;
    for (i = 0; i < ORDERS; i++) {
        row = &model_orders[i];
        if (random_below(5) == 0)
            continue;
        event_init(event, EVENT_TRANSACTION);
        event->order.value = row->id;
        event->user.value = row->user;
        event->price.minor = 5000;
        if (random_below(600) == 0) {
            row->status = ORDER_FAILED;
            event->transaction_status = TRANSACTION_UNSUCCESSFUL;
            event_set_reason(event, REFUSAL_CREDIT);
        } else {
            row->status = ORDER_COMPLETED;
            event->transaction_status = TRANSACTION_SUCCESSFUL;
            event->transaction.value = row->id * 3;
            event->present |= EVENT_HAS(FIELD_TRANSACTION_ID);
            model_transactions[model_transactions_count++] =
                (struct model_row){ row->id * 3, row->user, ORDER_UNSET };
        }
        event++;
    }
    fake_broker_append(world->broker, "transactions", 0, "ledger", 1, events,
                       (uint32_t)(event - events));
    free(events);
    world_settle(world);
}

static uint64_t
id_of(enum request_kind kind, const void *rows, size_t i)
{
    if (kind == REQUEST_ORDER_LIST)
        return ((const struct order_row *)rows)[i].order.value;
    if (kind == REQUEST_TRANSACTION_LIST)
        return ((const struct transaction_row *)rows)[i].transaction.value;
    if (kind == REQUEST_USER_LIST)
        return ((const struct user_row *)rows)[i].user.value;
    return ((const struct product_row *)rows)[i].product.value;
}

static void
check_page(uint64_t seed, const struct request *request,
           const struct model_page *page)
{
    const struct request_query *query = &request->query;
    bool same = request->outcome == REQUEST_DONE &&
                request->rows_count == page->count &&
                request->more == page->more &&
                request->more_after == page->more_after;
    uint32_t i;

    for (i = 0; same && i < page->count; i++)
        same = id_of(request->kind, request->rows, i) == page->ids[i];
    if (!same)
        fail_msg("TEST_SEED=%llu kind %d limit %u after %llu %s user %llu "
                 "status %d: %u rows, expected %u; more %d after %llu, "
                 "expected %d after %llu",
                 (unsigned long long)seed, request->kind, query->limit,
                 (unsigned long long)query->after,
                 query->descending ? "down" : "up",
                 (unsigned long long)query->user.value, query->status,
                 request->rows_count, page->count, request->more,
                 (unsigned long long)request->more_after, page->more,
                 (unsigned long long)page->more_after);
}

/* Follows `more` for some pages. */
static void
check_list(struct gateway_world *world, uint64_t seed, enum request_kind kind,
           struct request_query query, const struct model_row *rows,
           size_t count)
{
    static struct model_page page;
    struct request request;
    int pages = 0;

    do {
        request = (struct request){ .kind = kind, .query = query };
        world_ask(world, &request);
        model_list(rows, count, &query, kind == REQUEST_ORDER_LIST, &page);
        check_page(seed, &request, &page);
        request_fini(&request);
        query.after = page.more_after;
    } while (page.more && ++pages < PAGES_MAX);
}

static struct request_query
random_query(uint64_t id_max)
{
    static const uint32_t limits[] = { 1, 2, 10, 100, 999, 1000 };

    return (struct request_query){
        .limit = limits[random_below(ARRAY_COUNT(limits))],
        .after = random_below(2) == 0 ? 0 : random_below(id_max + 3),
        .descending = random_below(2) == 0,
    };
}

static void
test_gateway_query_pages_agree_with_the_model(void **state)
{
    struct gateway_world *world = *state;
    uint64_t seed = random_begin();
    struct request_query query;
    int i;

    fill_orders(world);
    end_orders(world);
    for (i = 0; i < QUERIES; i++) {
        query = random_query(ORDERS);
        if (random_below(2) == 0)
            query.user.value = 1 + random_below(USERS + 1);
        if (random_below(2) == 0)
            query.status =
                (enum order_status)random_below(ORDER_STATUS_COUNT);
        check_list(world, seed, REQUEST_ORDER_LIST, query, model_orders,
                   ORDERS);
        query = random_query(3 * ORDERS);
        if (random_below(2) == 0)
            query.user.value = 1 + random_below(USERS + 1);
        check_list(world, seed, REQUEST_TRANSACTION_LIST, query,
                   model_transactions, model_transactions_count);
    }
}

/* A page that looked at all it may and found nothing still leads on. */
static void
test_gateway_query_scan_budget_ends_an_empty_page(void **state)
{
    struct gateway_world *world = *state;
    struct request request = { .kind = REQUEST_ORDER_LIST,
                               .query = { .limit = 10,
                                          .status = ORDER_CANCELLED } };

    random_begin();
    fill_orders(world);
    world_ask(world, &request);
    assert_int_equal(request.rows_count, 0);
    assert_true(request.more);
    assert_int_equal(request.more_after, LIST_SCAN_MAX);
    request_fini(&request);
    request.query.after = request.more_after;
    world_ask(world, &request);
    assert_int_equal(request.rows_count, 0);
    assert_false(request.more);
    request_fini(&request);
}

/* Five products and five users: every page that there is. */
static void
test_gateway_query_small_lists_page_both_ways(void **state)
{
    static const struct model_row five[] = {
        { 1, 0, 0 }, { 2, 0, 0 }, { 3, 0, 0 }, { 4, 0, 0 }, { 5, 0, 0 },
    };
    static const uint64_t edges[] = { 0, 1, 2, 3, 4, 5, 6, ID_MAX,
                                      UINT64_MAX };
    struct request_query query;
    size_t i;

    for (i = 0; i < ARRAY_COUNT(edges); i++) {
        for (query.limit = 1; query.limit <= 6; query.limit++) {
            query = (struct request_query){ .limit = query.limit,
                                            .after = edges[i] };
            check_list(*state, 0, REQUEST_PRODUCT_LIST, query, five, 5);
            check_list(*state, 0, REQUEST_USER_LIST, query, five, 5);
            check_list(*state, 0, REQUEST_ORDER_LIST, query, NULL, 0);
            query.descending = true;
            check_list(*state, 0, REQUEST_PRODUCT_LIST, query, five, 5);
            check_list(*state, 0, REQUEST_USER_LIST, query, five, 5);
            check_list(*state, 0, REQUEST_ORDER_LIST, query, NULL, 0);
        }
    }
}

#define OPEN(test)                                                             \
    cmocka_unit_test_setup_teardown(test, world_setup_open, world_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        OPEN(test_gateway_query_pages_agree_with_the_model),
        OPEN(test_gateway_query_scan_budget_ends_an_empty_page),
        OPEN(test_gateway_query_small_lists_page_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
