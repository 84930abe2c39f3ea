/*
 * The index by user against a list that is searched from end to end: while
 * runs are gathered, being written, and after starts in the middle of one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../support/random.h"
#include "../support/store_rig.h"
#include "gateway/gateway_query.h"
#include "gateway/gateway_rows.h"

#define ORDERS (3 * ORDER_RUN + 500)
#define USERS 300
#define TURN_ORDERS_MAX 200
#define IDS_MAX 1001

struct model_order {
    uint64_t id;
    uint64_t user;
};

static struct model_order model[ORDERS];
static size_t model_count;
/* ---- a gateway's store, as far as the index knows it ------------------- */

struct world {
    struct store_rig *rig;
    struct store_table *table;
    struct store_table *orders;
    struct order_index *index;
    uint64_t mark; /* as committed */
};

static void
world_open(struct world *world, struct store_rig *rig)
{
    world->rig = rig;
    if (rig->store == NULL)
        store_rig_open(rig);
    assert_int_equal(table_open_as_owner(rig->store, "orders_by_user",
                                         &world->table), RC_OK);
    assert_int_equal(table_open_as_owner(rig->store, "orders",
                                         &world->orders), RC_OK);
    assert_int_equal(order_index_open(&world->index, world->table,
                                      world->orders, &world->mark), RC_OK);
}

static void
world_close(struct world *world)
{
    order_index_close(&world->index);
    store_rig_close(world->rig);
}

static void
put_order(struct world *world, uint64_t id, uint64_t user)
{
    const struct order_row row = {
        .order.value = id, .user.value = user, .product.value = 1,
        .quantity = 1, .price.minor = 5000, .created_us = 1, .updated_us = 1,
        .status = ORDER_CREATED,
    };
    uint8_t key[ID_KEY_BYTES], value[ORDER_ROW_BYTES_MAX];

    id_key_encode(id, key);
    assert_int_equal(store_put_new(world->orders, key, sizeof key, value,
                                   order_row_encode(&row, value)), RC_OK);
    order_index_add(world->index, row.user, row.order);
}

static uint64_t
count_rows(struct world *world)
{
    struct store_cursor *cursor;
    struct store_row row;
    uint64_t count = 0;
    enum rc rc;

    assert_int_equal(store_cursor_open(world->table, &cursor), RC_OK);
    for (rc = store_cursor_first(cursor, &row); rc == RC_OK;
         rc = store_cursor_next(cursor, &row))
        count++;
    store_cursor_close(&cursor);
    assert_int_equal(rc, RC_NOT_FOUND);
    return count;
}

/* Half of all orders are of one user, a quarter of another one, ... */
static uint64_t
some_user(void)
{
    return random_below(2) ? 1 + random_below(USERS) : 1 + random_below(4);
}

/* One turn of some orders; undone, as by a kill, if `fails`. */
static void
turn(struct world *world, bool fails)
{
    size_t count = model_count, left = 1 + random_below(TURN_ORDERS_MAX);
    uint64_t id = count == 0 ? 1 : model[count - 1].id + 1;
    uint64_t mark = world->mark;

    assert_int_equal(store_begin(world->rig->store), RC_OK);
    for (; left > 0 && count < ORDERS; left--, count++) {
        id += random_below(3);
        model[count] = (struct model_order){ id++, some_user() };
        put_order(world, model[count].id, model[count].user);
    }
    assert_int_equal(order_index_write(world->index, &mark), RC_OK);
    if (fails) {
        store_abort(world->rig->store);
        return;
    }
    assert_int_equal(store_commit(world->rig->store), RC_OK);
    model_count = count;
    world->mark = mark;
}

/* ---- against the model ------------------------------------------------- */

static uint32_t
model_find(uint64_t user, uint64_t after, bool descending, uint64_t *ids,
           uint32_t max)
{
    uint32_t count = 0;
    size_t i;

    for (i = 0; i < model_count && count < max; i++) {
        const struct model_order *order =
            &model[descending ? model_count - 1 - i : i];

        if (order->user == user &&
            (descending ? after == 0 || order->id < after : order->id > after))
            ids[count++] = order->id;
    }
    return count;
}

static void
check(const struct world *world, uint64_t user, uint64_t after,
      bool descending, uint32_t max)
{
    static uint64_t ids[IDS_MAX], model_ids[IDS_MAX];
    uint32_t count, model_ids_count;

    model_ids_count = model_find(user, after, descending, model_ids, max);
    assert_int_equal(order_index_find(world->index, (struct user_id){ user },
                                      after, descending, ids, max, &count),
                     RC_OK);
    assert_int_equal(count, model_ids_count);
    assert_memory_equal(ids, model_ids, count * sizeof ids[0]);
}

static void
check_some(const struct world *world)
{
    static const uint32_t limits[] = { 1, 2, 101, IDS_MAX };
    uint64_t last = model_count == 0 ? 0 : model[model_count - 1].id;
    int i;

    for (i = 0; i < 8; i++) {
        uint32_t max = limits[random_below(ARRAY_COUNT(limits))];
        uint64_t user = random_below(2) ? some_user() : USERS + 1;

        check(world, user, random_below(last + 2), random_below(2) == 0, max);
        check(world, user, 0, random_below(2) == 0, max);
        check(world, user, UINT64_MAX, random_below(2) == 0, max);
    }
}

static void
test_order_index_finds_what_a_list_finds(void **state)
{
    struct world world = { .mark = 0 };
    uint64_t mark_before = 0, runs = 0;

    print_message("TEST_SEED=%llu\n", (unsigned long long)random_begin());
    model_count = 0;
    world_open(&world, *state);
    while (model_count < ORDERS) {
        turn(&world, false);
        runs += world.mark != mark_before;
        mark_before = world.mark;
        if (random_below(10) == 0)
            check_some(&world);
        if (random_below(60) == 0) { /* killed, between turns or within one */
            if (random_below(2))
                turn(&world, true);
            world_close(&world);
            world_open(&world, *state);
            check_some(&world);
        }
    }
    assert_in_range(runs, 2, 3);
    check_some(&world);
    world_close(&world);
}

/* ---- how much is written ------------------------------------------------ */

/* So many orders, of a user each (which takes the most rows) or of one. */
static void
bring(struct world *world, uint64_t *id, uint64_t orders, bool of_one)
{
    assert_int_equal(store_begin(world->rig->store), RC_OK);
    for (; orders > 0; orders--, ++*id)
        put_order(world, *id, of_one ? 1 : *id);
    assert_int_equal(order_index_write(world->index, &world->mark), RC_OK);
    assert_int_equal(store_commit(world->rig->store), RC_OK);
}

static void
test_order_index_spreads_a_run_over_turns(void **state)
{
    struct world world = { .mark = 0 };
    uint64_t id = 1, rows = 0, rows_before;
    int turns;

    world_open(&world, *state);
    bring(&world, &id, ORDER_RUN - 1, false);
    assert_int_equal(count_rows(&world), 0);
    for (turns = 0; world.mark == 0; turns++) {
        bring(&world, &id, 1000, true);
        rows_before = rows;
        rows = count_rows(&world);
        assert_in_range(rows - rows_before, 1, 1000 + ORDER_ROWS_MORE);
    }
    assert_int_equal(turns, ORDER_RUN / (1000 + ORDER_ROWS_MORE) + 1);
    assert_int_equal(world.mark, ORDER_RUN + 1);
    world_close(&world);
}

/* The tail keeps its limit, whatever a turn brings, and over starts. */
static void
test_order_index_tail_does_not_grow(void **state)
{
    static const uint64_t turn_orders[] = { 30, 120, 5000, 20000 };
    struct world world = { .mark = 0 };
    uint64_t id = 1, end, most;
    size_t i;
    int of_one;

    world_open(&world, *state);
    for (i = 0; i < ARRAY_COUNT(turn_orders); i++) {
        for (of_one = 0; of_one < 2; of_one++) {
            most = 2 * (ORDER_RUN + turn_orders[i]);
            for (end = id + 4 * ORDER_RUN; id < end;) {
                bring(&world, &id, turn_orders[i], of_one);
                if (id + ORDER_RUN > end)
                    assert_in_range(id - world.mark, 0, most);
            }
        }
    }
    for (i = 0; i < 12; i++) { /* no run is written within one life */
        bring(&world, &id, 6000, false);
        assert_in_range(id - world.mark, 0, 4 * ORDER_RUN);
        world_close(&world);
        world_open(&world, *state);
    }
    world_close(&world);
}

/* What an older program wrote: a row for each order, and no value. */
static void
world_open_old(struct world *world, struct store_rig *rig)
{
    static const uint64_t users[] = { 1, 2, 1, 3, 1 };
    uint8_t key[ORDER_USER_KEY_BYTES];
    size_t i;

    world_open(world, rig);
    assert_int_equal(store_begin(rig->store), RC_OK);
    for (i = 0; i < ARRAY_COUNT(users); i++) {
        model[i] = (struct model_order){ 1 + i, users[i] };
        order_user_key_encode((struct user_id){ users[i] }, 1 + i, key);
        assert_int_equal(store_put(world->table, key, sizeof key, "", 0),
                         RC_OK);
    }
    put_order(world, i, users[i - 1]); /* of the others there is no row */
    model_count = i;
    assert_int_equal(store_commit(rig->store), RC_OK);
    world_close(world);
    world->mark = INDEX_MARK_ALL;
    world_open(world, rig);
    assert_int_equal(world->mark, i + 1);
}

static void
test_order_index_reads_a_row_per_order(void **state)
{
    struct world world = { .mark = 0 };

    world_open_old(&world, *state);
    for (uint64_t user = 1; user <= 4; user++) {
        for (uint64_t after = 0; after <= 6; after++) {
            check(&world, user, after, false, IDS_MAX);
            check(&world, user, after, true, IDS_MAX);
        }
    }
    world_close(&world);
}

/* An index that names an order which is not there. */
static void
test_order_index_of_no_order_is_damage(void **state)
{
    struct world world = { .mark = 0 };
    struct gateway_tables tables;
    struct request request = { .query = { .limit = 10, .user = { 2 } } };

    world_open_old(&world, *state);
    tables.orders = world.orders;
    tables.orders_by_user = world.index;
    assert_int_equal(gateway_query_orders(&tables, &request), RC_DAMAGED);
    request_fini(&request);
    world_close(&world);
}

static void
check_damaged(struct world *world, const uint8_t *key, size_t key_bytes,
              const uint8_t *value, size_t bytes)
{
    uint64_t ids[2];
    uint32_t count;

    assert_int_equal(store_begin(world->rig->store), RC_OK);
    assert_int_equal(store_put(world->table, key, key_bytes, value, bytes),
                     RC_OK);
    assert_int_equal(order_index_find(world->index, (struct user_id){ 1 }, 0,
                                      true, ids, 2, &count), RC_DAMAGED);
    store_abort(world->rig->store);
}

static void
test_order_index_refuses_a_row_that_none_wrote(void **state)
{
    static const uint8_t value[9] = { 1, 0, 0, 0, 0, 0, 0, 0, 8 };
    struct world world = { .mark = 0 };
    uint8_t key[ORDER_USER_KEY_BYTES + 1] = { 0 };

    world_open(&world, *state);
    order_user_key_encode((struct user_id){ 1 }, 9, key);
    check_damaged(&world, key, ORDER_USER_KEY_BYTES, value, sizeof value);
    check_damaged(&world, key, ORDER_USER_KEY_BYTES, value, 1);
    check_damaged(&world, key, ORDER_USER_KEY_BYTES + 1, value, 0);
    check_damaged(&world, key, ORDER_USER_KEY_BYTES - 1, value, 0);
    world_close(&world);
}

/* The counters know of orders that are not there. */
static void
test_order_index_refuses_a_mark_behind_the_last_order(void **state)
{
    struct world world = { .mark = 0 };
    uint64_t mark;

    world_open(&world, *state);
    assert_int_equal(store_begin(world.rig->store), RC_OK);
    put_order(&world, 7, 1);
    assert_int_equal(store_commit(world.rig->store), RC_OK);
    for (mark = 7; mark <= 9; mark++) {
        order_index_close(&world.index);
        world.mark = mark;
        assert_int_equal(order_index_open(&world.index, world.table,
                                          world.orders, &world.mark),
                         mark <= 8 ? RC_OK : RC_DAMAGED);
    }
    world_close(&world);
}

static void
test_order_index_refuses_a_damaged_order(void **state)
{
    struct world world = { .mark = 0 };
    uint8_t key[ID_KEY_BYTES];

    world_open(&world, *state);
    id_key_encode(7, key);
    assert_int_equal(store_begin(world.rig->store), RC_OK);
    assert_int_equal(store_put(world.orders, key, sizeof key, "x", 1), RC_OK);
    assert_int_equal(store_commit(world.rig->store), RC_OK);
    order_index_close(&world.index);
    assert_int_equal(order_index_open(&world.index, world.table, world.orders,
                                      &world.mark), RC_DAMAGED);
    world_close(&world);
}

#define RIG(test)                                                              \
    cmocka_unit_test_setup_teardown(test, store_rig_setup, store_rig_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(test_order_index_finds_what_a_list_finds),
        RIG(test_order_index_spreads_a_run_over_turns),
        RIG(test_order_index_tail_does_not_grow),
        RIG(test_order_index_reads_a_row_per_order),
        RIG(test_order_index_of_no_order_is_damage),
        RIG(test_order_index_refuses_a_row_that_none_wrote),
        RIG(test_order_index_refuses_a_mark_behind_the_last_order),
        RIG(test_order_index_refuses_a_damaged_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
