/*
 * The index by user against a list that is searched from end to end: while
 * runs are gathered and merged, and after starts in the middle of that.
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
#include "gateway/order_index_old.h"
#include "gateway/order_runs.h"

#define ORDERS 30000
#define USERS 300
#define TURN_ORDERS_MAX 60
#define IDS_MAX 1001

struct model_order {
    uint64_t id;
    uint64_t user;
};

static struct model_order model[ORDERS];
static size_t model_count;

/* Few orders make many runs, and runs of many blocks; the gateway's own. */
static const struct order_index_shape small = { 16, 60 };

/* ---- a gateway's store, as far as the index knows it ------------------- */

struct world {
    struct store_rig *rig;
    struct order_index_tables tables;
    const struct order_index_shape *shape;
    struct order_index *index;
    uint64_t base; /* as committed */
};

static enum rc
index_open(struct world *world)
{
    return order_index_open(&world->index, &world->tables, world->shape,
                            &world->base);
}

static void
world_open(struct world *world, struct store_rig *rig)
{
    world->rig = rig;
    if (world->shape == NULL)
        world->shape = &small;
    if (rig->store == NULL)
        store_rig_open(rig);
    assert_int_equal(table_open_as_owner(rig->store, "orders_by_user",
                                         &world->tables.old), RC_OK);
    assert_int_equal(table_open_as_owner(rig->store, "order_runs",
                                         &world->tables.runs), RC_OK);
    assert_int_equal(table_open_as_owner(rig->store, "orders",
                                         &world->tables.orders), RC_OK);
    assert_int_equal(index_open(world), RC_OK);
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
    assert_int_equal(store_put_new(world->tables.orders, key, sizeof key, value,
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

    assert_int_equal(store_cursor_open(world->tables.runs, &cursor), RC_OK);
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

    assert_int_equal(store_begin(world->rig->store), RC_OK);
    for (; left > 0 && count < ORDERS; left--, count++) {
        id += random_below(3);
        model[count] = (struct model_order){ id++, some_user() };
        put_order(world, model[count].id, model[count].user);
    }
    assert_int_equal(order_index_write(world->index), RC_OK);
    if (fails) {
        store_abort(world->rig->store);
        return;
    }
    assert_int_equal(store_commit(world->rig->store), RC_OK);
    model_count = count;
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

/* The levels' row, as it stands in the table. */
static void
read_levels(const struct world *world, struct order_levels *levels_out)
{
    static const uint8_t key[] = { ORDER_LEVELS_KEY };
    uint8_t row[ORDER_LEVELS_ROW_BYTES];
    size_t bytes;

    assert_int_equal(store_get(world->tables.runs, key, sizeof key, row,
                               sizeof row, &bytes), RC_OK);
    assert_int_equal(order_levels_decode(row, bytes, levels_out), RC_OK);
}

static void
test_order_index_finds_what_a_list_finds(void **state)
{
    struct world world = { .base = 0 };
    struct order_levels levels;

    print_message("TEST_SEED=%llu\n", (unsigned long long)random_begin());
    model_count = 0;
    world_open(&world, *state);
    while (model_count < ORDERS) {
        turn(&world, false);
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
    check_some(&world);
    read_levels(&world, &levels);
    assert_true(levels.level[3].runs >= 2); /* of 8,192 orders each */
    world_close(&world);
}

/* ---- how much is written ------------------------------------------------ */

/* So many orders, of a user each or of one. */
static void
bring(struct world *world, uint64_t *id, uint64_t orders, bool of_one)
{
    assert_int_equal(store_begin(world->rig->store), RC_OK);
    for (; orders > 0; orders--, ++*id)
        put_order(world, *id, of_one ? 1 : *id);
    assert_int_equal(order_index_write(world->index), RC_OK);
    assert_int_equal(store_commit(world->rig->store), RC_OK);
}

static void
test_order_index_writes_a_run_when_it_is_full(void **state)
{
    struct world world = { .shape = &order_index_shape_usual };
    const uint32_t run = order_index_shape_usual.run_orders;
    uint64_t id = 1;

    world_open(&world, *state);
    bring(&world, &id, run - 1, true);
    assert_int_equal(count_rows(&world), 0);
    assert_int_equal(order_index_mark(world.index), 0);
    bring(&world, &id, 2, true);
    assert_int_equal(order_index_mark(world.index), run + 1);
    /* The levels, and blocks of 4,000 octets with two for each order. */
    assert_int_equal(count_rows(&world), 1 + 1 + 2 * run / 4000);
    world_close(&world);
}

/* Over starts that come so often that no merge gets to its end in one life. */
static void
test_order_index_levels_keep_their_limits(void **state)
{
    static const uint64_t turn_orders[] = { 1, 3, 16, 1000 };
    struct world world = { .base = 0 };
    struct order_levels levels;
    uint64_t id = 1, end;
    uint8_t level;

    world_open(&world, *state);
    for (size_t i = 0; i < ARRAY_COUNT(turn_orders); i++) {
        for (end = id + 4000; id < end;) {
            bring(&world, &id, turn_orders[i], i % 2);
            if (random_below(150) == 0) {
                world_close(&world);
                world_open(&world, *state);
            }
            if (order_index_mark(world.index) == 0)
                continue;
            assert_true(id - order_index_mark(world.index) < small.run_orders);
            read_levels(&world, &levels);
            for (level = 0; level < ORDER_LEVELS; level++)
                assert_in_range(levels.level[level].runs -
                                    order_levels_first(&levels, level),
                                0, ORDER_RUNS_MAX +
                                       turn_orders[i] / small.run_orders);
        }
    }
    world_close(&world);
}

/* What was merged is gone: as many rows as the orders need, and no more than
 * the runs that are being merged have still. */
static void
test_order_index_takes_away_what_is_merged(void **state)
{
    struct world world = { .base = 0 };
    uint64_t id = 1;

    world_open(&world, *state);
    while (id <= 8192)
        bring(&world, &id, 16, true);
    /* A block of 60 octets has 30 orders here, where they are of one user. */
    assert_in_range(count_rows(&world), 8192 / 30, 8192 / 16 * 3 / 4);
    world_close(&world);
}

/* What an older program wrote: a row for each order, or several in one. */
static void
world_open_old(struct world *world, struct store_rig *rig)
{
    static const uint64_t users[] = { 1, 2, 1, 3, 1 };
    static const uint8_t others[] = { 1, 0, 0, 0, 0, 0, 0, 0, 3,
                                      0, 0, 0, 0, 0, 0, 0, 5 };
    uint8_t key[ORDER_USER_KEY_BYTES];
    size_t i;

    world_open(world, rig);
    assert_int_equal(store_begin(rig->store), RC_OK);
    for (i = 0; i < ARRAY_COUNT(users); i++) {
        model[i] = (struct model_order){ 1 + i, users[i] };
        order_user_key_encode((struct user_id){ users[i] }, 1 + i, key);
        if (users[i] != 1 || i == 0)
            assert_int_equal(store_put(world->tables.old, key, sizeof key,
                                       others, i == 0 ? sizeof others : 0),
                             RC_OK);
    }
    put_order(world, i, users[i - 1]); /* of the others there is no row */
    model_count = i;
    assert_int_equal(store_commit(rig->store), RC_OK);
    world_close(world);
    world->base = INDEX_BASE_ALL;
    world_open(world, rig);
    assert_int_equal(world->base, i + 1);
}

static void
test_order_index_reads_what_an_older_program_wrote(void **state)
{
    struct world world = { .base = 0 };

    world_open_old(&world, *state);
    while (model_count < 500)
        turn(&world, false);
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
    struct world world = { .base = 0 };
    struct gateway_tables tables;
    struct request request = { .query = { .limit = 10, .user = { 2 } } };

    world_open_old(&world, *state);
    tables.orders = world.tables.orders;
    tables.orders_by_user = world.index;
    assert_int_equal(gateway_query_orders(&tables, &request), RC_DAMAGED);
    request_fini(&request);
    world_close(&world);
}

/* ---- what none wrote ---------------------------------------------------- */

static void
put_row(struct world *world, struct store_table *table, const void *key,
        size_t key_bytes, const void *value, size_t bytes)
{
    assert_int_equal(store_begin(world->rig->store), RC_OK);
    assert_int_equal(store_put(table, key, key_bytes, value, bytes), RC_OK);
    assert_int_equal(store_commit(world->rig->store), RC_OK);
}

static void
check_find_damaged(struct world *world, bool descending)
{
    uint64_t ids[IDS_MAX];
    uint32_t count;

    assert_int_equal(order_index_find(world->index, (struct user_id){ 1 }, 0,
                                      descending, ids, IDS_MAX, &count),
                     RC_DAMAGED);
}

/* A turn that brings the orders from id to last. */
static void
check_write_damaged(struct world *world, uint64_t id, uint64_t last)
{
    assert_int_equal(store_begin(world->rig->store), RC_OK);
    for (; id <= last; id++)
        put_order(world, id, 1);
    assert_int_equal(order_index_write(world->index), RC_DAMAGED);
    store_abort(world->rig->store);
}

static void
test_order_index_refuses_an_old_row_that_none_wrote(void **state)
{
    static const uint8_t long_row[1 + 8 * 64] = { 1 };
    static const struct {
        size_t key_bytes, bytes;
        uint8_t value[17];
    } rows[] = {
        { ORDER_USER_KEY_BYTES + 1, 0, { 0 } },
        { ORDER_USER_KEY_BYTES - 1, 0, { 0 } },
        { ORDER_USER_KEY_BYTES, 1, { 1 } },
        { ORDER_USER_KEY_BYTES, 9, { 1, [8] = 9 } }, /* not above the first */
        { ORDER_USER_KEY_BYTES, 9, { 2, [8] = 10 } },
        { ORDER_USER_KEY_BYTES, 10, { 1, [8] = 10 } },
        { ORDER_USER_KEY_BYTES, 9, { 1, 1, [8] = 10 } }, /* above any id */
        { ORDER_USER_KEY_BYTES, 17, { 1, [8] = 10, [16] = 10 } },
    };
    struct order_old_row old;
    uint8_t key[ORDER_USER_KEY_BYTES + 1] = { 0 };

    (void)state;
    order_user_key_encode((struct user_id){ 1 }, 9, key);
    assert_int_equal(order_old_row_decode(key, ORDER_USER_KEY_BYTES, long_row,
                                          sizeof long_row, &old), RC_DAMAGED);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct world world = { .base = INDEX_BASE_ALL };

        store_rig_init(*state, NULL);
        world_open(&world, *state);
        assert_int_equal(store_begin(world.rig->store), RC_OK);
        put_order(&world, 20, 2);
        assert_int_equal(store_commit(world.rig->store), RC_OK);
        put_row(&world, world.tables.old, key, rows[i].key_bytes,
                rows[i].value, rows[i].bytes);
        order_index_close(&world.index);
        world.base = INDEX_BASE_ALL;
        assert_int_equal(index_open(&world), RC_OK);
        check_find_damaged(&world, i % 2);
        world_close(&world);
        store_rig_fini(*state);
    }
}

/* A row that is no block, at the place where a search or a merge meets it. */
static void
test_order_index_refuses_a_block_that_none_wrote(void **state)
{
    static const struct {
        size_t key_bytes, bytes;
        uint8_t value[4];
    } rows[] = {
        { ORDER_BLOCK_KEY_BYTES, 0, { 0 } },
        { ORDER_BLOCK_KEY_BYTES - 1, 1, { 1 } },
        { ORDER_BLOCK_KEY_BYTES, 2, { 1, 0 } },    /* half an entry */
        { ORDER_BLOCK_KEY_BYTES, 3, { 1, 0, 0 } }, /* the same again */
    };
    const struct order_entry first = { 1, 1 };
    uint8_t key[ORDER_BLOCK_KEY_BYTES];
    uint64_t id;

    order_block_key(0, 0, &first, key);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct world world = { .base = 0 };

        store_rig_init(*state, NULL);
        world_open(&world, *state);
        for (id = 1; id <= 7 * 16;)
            bring(&world, &id, 16, true);
        put_row(&world, world.tables.runs, key, rows[i].key_bytes,
                rows[i].value, rows[i].bytes);
        if (rows[i].key_bytes == sizeof key) {
            check_find_damaged(&world, false);
            check_find_damaged(&world, true);
        }
        check_write_damaged(&world, id, 8 * 16);
        world_close(&world);
        store_rig_fini(*state);
    }
}

/* One order in two runs. */
static void
test_order_index_refuses_to_merge_an_order_twice(void **state)
{
    struct world world = { .base = 0 };
    const struct order_entry first = { 1, 1 };
    uint8_t key[ORDER_BLOCK_KEY_BYTES];
    uint64_t id = 1;

    world_open(&world, *state);
    while (id <= 7 * 16)
        bring(&world, &id, 16, true);
    order_block_key(0, 3, &first, key);
    put_row(&world, world.tables.runs, key, sizeof key, "\1", 1);
    check_write_damaged(&world, id, 8 * 16);
    world_close(&world);
}

static void
check_open_damaged(struct world *world)
{
    order_index_close(&world->index);
    assert_int_equal(index_open(world), RC_DAMAGED);
}

static void
test_order_index_refuses_levels_that_none_wrote(void **state)
{
    static const uint8_t key[] = { ORDER_LEVELS_KEY };
    uint8_t value[ORDER_LEVELS_ROW_BYTES + 1] = { 1 };
    struct world world = { .base = 0 };
    struct order_levels levels = { .mark = 3 };
    uint64_t id = 1;

    world_open(&world, *state);
    bring(&world, &id, 5, true);
    put_row(&world, world.tables.runs, key, sizeof key, value, 10);
    check_open_damaged(&world);
    put_row(&world, world.tables.runs, key, sizeof key, value, sizeof value);
    check_open_damaged(&world);
    world.base = 4; /* of which the older program's are below */
    order_levels_encode(&levels, value);
    put_row(&world, world.tables.runs, key, sizeof key, value,
            ORDER_LEVELS_ROW_BYTES);
    check_open_damaged(&world);
    world_close(&world);
}

/* Eight runs that the levels know of, without a block. */
static void
test_order_index_refuses_to_merge_what_is_not_there(void **state)
{
    static const uint8_t key[] = { ORDER_LEVELS_KEY };
    struct order_levels levels = { .mark = 20, .level = { { 8, { 0, 0 } } } };
    uint8_t value[ORDER_LEVELS_ROW_BYTES];
    struct world world = { .base = 0 };
    uint64_t id = 1;

    world_open(&world, *state);
    while (id < 20)
        bring(&world, &id, 1, true);
    for (int begun = 0; begun < 2; begun++) {
        if (begun)
            levels.level[0].merged = (struct order_entry){ 1, 20 };
        order_levels_encode(&levels, value);
        put_row(&world, world.tables.runs, key, sizeof key, value,
                sizeof value);
        order_index_close(&world.index);
        assert_int_equal(index_open(&world), RC_OK);
        check_write_damaged(&world, id, id);
    }
    world_close(&world);
}

static void
test_order_index_refuses_runs_without_their_levels(void **state)
{
    static const uint8_t key[] = { ORDER_LEVELS_KEY };
    struct world world = { .base = 0 };
    uint64_t id = 1;

    world_open(&world, *state);
    bring(&world, &id, 16, true);
    assert_int_equal(store_begin(world.rig->store), RC_OK);
    assert_int_equal(store_delete(world.tables.runs, key, sizeof key), RC_OK);
    assert_int_equal(store_commit(world.rig->store), RC_OK);
    check_open_damaged(&world);
    world_close(&world);
}

/* The index knows of orders that are not there. */
static void
test_order_index_refuses_a_mark_behind_the_last_order(void **state)
{
    struct world world = { .base = 0 };
    uint64_t base;

    world_open(&world, *state);
    assert_int_equal(store_begin(world.rig->store), RC_OK);
    put_order(&world, 7, 1);
    assert_int_equal(store_commit(world.rig->store), RC_OK);
    for (base = 7; base <= 9; base++) {
        order_index_close(&world.index);
        world.base = base;
        assert_int_equal(index_open(&world), base <= 8 ? RC_OK : RC_DAMAGED);
    }
    world_close(&world);
}

static void
test_order_index_refuses_a_damaged_order(void **state)
{
    struct world world = { .base = 0 };
    uint8_t key[ID_KEY_BYTES];

    world_open(&world, *state);
    id_key_encode(7, key);
    put_row(&world, world.tables.orders, key, sizeof key, "x", 1);
    check_open_damaged(&world);
    world_close(&world);
}

#define RIG(test)                                                              \
    cmocka_unit_test_setup_teardown(test, store_rig_setup, store_rig_teardown)

/* It makes its stores, one for each case. */
#define BARE(test)                                                             \
    cmocka_unit_test_prestate(test, &(struct store_rig){ .created = false })

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(test_order_index_finds_what_a_list_finds),
        RIG(test_order_index_writes_a_run_when_it_is_full),
        RIG(test_order_index_levels_keep_their_limits),
        RIG(test_order_index_takes_away_what_is_merged),
        RIG(test_order_index_reads_what_an_older_program_wrote),
        RIG(test_order_index_of_no_order_is_damage),
        BARE(test_order_index_refuses_an_old_row_that_none_wrote),
        BARE(test_order_index_refuses_a_block_that_none_wrote),
        RIG(test_order_index_refuses_to_merge_an_order_twice),
        RIG(test_order_index_refuses_levels_that_none_wrote),
        RIG(test_order_index_refuses_to_merge_what_is_not_there),
        RIG(test_order_index_refuses_runs_without_their_levels),
        RIG(test_order_index_refuses_a_mark_behind_the_last_order),
        RIG(test_order_index_refuses_a_damaged_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
