/*
 * How much of the store a page of a list takes: as much with 50,000 rows as
 * with 1,000.  Counted, not timed: the linker hands over each read of the
 * store to this file (Makefile: --wrap).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "../support/store_rig.h"
#include "gateway/gateway_query.h"
#include "gateway/order_runs.h"

#define FEW 1000
#define MANY 50000
#define CHUNK 50   /* rows per transaction */
#define USERS 4    /* user 1 has half of all orders, user 4 one */

/* To look into each run of four levels, where there is nothing. */
#define INDEX_READS_MAX (4 * ORDER_RUNS_MAX * 2)

static uint64_t reads; /* of the store, since it was set to 0 */

/* ---- counting --------------------------------------------------------- */

enum rc __real_store_get(struct store_table *table, const void *key,
                         size_t key_bytes, void *value, size_t value_max,
                         size_t *bytes_out);
enum rc __wrap_store_get(struct store_table *table, const void *key,
                         size_t key_bytes, void *value, size_t value_max,
                         size_t *bytes_out);

enum rc
__wrap_store_get(struct store_table *table, const void *key, size_t key_bytes,
                 void *value, size_t value_max, size_t *bytes_out)
{
    reads++;
    return __real_store_get(table, key, key_bytes, value, value_max,
                            bytes_out);
}

#define COUNTED_SEEK(name)                                                     \
    enum rc __real_##name(struct store_cursor *cursor, const void *key,        \
                          size_t key_bytes, struct store_row *row_out);        \
    enum rc __wrap_##name(struct store_cursor *cursor, const void *key,        \
                          size_t key_bytes, struct store_row *row_out);        \
    enum rc __wrap_##name(struct store_cursor *cursor, const void *key,        \
                          size_t key_bytes, struct store_row *row_out)         \
    {                                                                          \
        reads++;                                                               \
        return __real_##name(cursor, key, key_bytes, row_out);                 \
    }
#define COUNTED_STEP(name)                                                     \
    enum rc __real_##name(struct store_cursor *cursor,                         \
                          struct store_row *row_out);                          \
    enum rc __wrap_##name(struct store_cursor *cursor,                         \
                          struct store_row *row_out);                          \
    enum rc __wrap_##name(struct store_cursor *cursor,                         \
                          struct store_row *row_out)                           \
    {                                                                          \
        reads++;                                                               \
        return __real_##name(cursor, row_out);                                 \
    }

COUNTED_SEEK(store_cursor_seek)
COUNTED_SEEK(store_cursor_seek_back)
COUNTED_STEP(store_cursor_first)
COUNTED_STEP(store_cursor_last)
COUNTED_STEP(store_cursor_next)
COUNTED_STEP(store_cursor_prev)

/* ---- a store of so many rows ------------------------------------------ */

static void
put(struct store_table *table, const uint8_t *key, size_t key_bytes,
    const uint8_t *value, size_t bytes)
{
    assert_int_equal(store_put(table, key, key_bytes, value, bytes), RC_OK);
}

/* One of 2,000 has failed, none was cancelled. */
static void
put_order(const struct gateway_tables *tables, uint64_t id, uint64_t count)
{
    struct order_row row = {
        .order.value = id, .product.value = 1, .quantity = 1,
        .user.value = id == count ? USERS : id % 2 == 0 ? 1 : 2 + id / 2 % 2,
        .price.minor = 5000, .created_us = 1, .updated_us = 1,
        .status = id % 2000 == 1 ? ORDER_FAILED : ORDER_COMPLETED,
    };
    uint8_t key[ID_KEY_BYTES], value[ORDER_ROW_BYTES_MAX];

    if (row.status == ORDER_FAILED)
        row.reason = REFUSAL_CREDIT;
    order_index_add(tables->orders_by_user, row.user, row.order);
    id_key_encode(id, key);
    put(tables->orders, key, sizeof key, value, order_row_encode(&row, value));
}

static void
put_others(const struct gateway_tables *tables, uint64_t id)
{
    const struct transaction_row transaction = {
        .transaction.value = id, .order.value = id,
        .user.value = 1 + id % USERS, .amount.minor = 5000,
        .status = TRANSACTION_SUCCESSFUL, .written_us = 1,
    };
    const struct user_row user = { .user.value = id, .balance.minor = 100,
                                   .state = USER_ACTIVE, .updated_us = 1 };
    uint8_t key[ID_KEY_BYTES], value[TRANSACTION_ROW_BYTES];
    struct bytes_writer writer;

    id_key_encode(id, key);
    transaction_row_encode(&transaction, value);
    put(tables->transactions, key, sizeof key, value, sizeof value);
    bytes_writer_init(&writer, value, sizeof value);
    user_row_write(&user, &writer);
    put(tables->users, key, sizeof key, value, writer.used);
}

static struct store_table *
table_of(struct store_rig *rig, const char *name)
{
    struct store_table *table;

    assert_int_equal(table_open_as_owner(rig->store, name, &table), RC_OK);
    return table;
}

static struct gateway_tables
fill(struct store_rig *rig, uint64_t count)
{
    struct gateway_tables tables = {
        .orders = table_of(rig, "orders"),
        .users = table_of(rig, "users"),
        .transactions = table_of(rig, "transactions"),
    };
    /* Runs of four levels, of those many. */
    static const struct order_index_shape shape = { 64, 300 };
    const struct order_index_tables index = {
        .orders = tables.orders,
        .runs = table_of(rig, "order_runs"),
    };
    uint64_t id, base = 0;

    assert_int_equal(order_index_open(&tables.orders_by_user, &index, &shape,
                                      &base), RC_OK);
    for (id = 1; id <= count; id++) {
        if (id % CHUNK == 1)
            assert_int_equal(store_begin(rig->store), RC_OK);
        put_order(&tables, id, count);
        put_others(&tables, id);
        if (id % CHUNK != 0 && id != count)
            continue;
        assert_int_equal(order_index_write(tables.orders_by_user), RC_OK);
        assert_int_equal(store_commit(rig->store), RC_OK);
    }
    assert_in_range(order_index_mark(tables.orders_by_user), count - 62,
                    count + 1);
    return tables;
}

/* ---- what a page may take --------------------------------------------- */

static const struct list {
    enum rc (*query)(const struct gateway_tables *tables,
                     struct request *request);
    uint64_t user;
    enum order_status status;
    /* Beside a read per row of the page, one to find its first, one that
     * tells that there is more. */
    uint64_t reads_max;
} lists[] = {
    { gateway_query_orders, 0, ORDER_UNSET, 0 },
    { gateway_query_users, 0, ORDER_UNSET, 0 },
    { gateway_query_transactions, 0, ORDER_UNSET, 0 },
    /* Rows that do not fit are looked at, too, up to a limit. */
    { gateway_query_orders, 0, ORDER_COMPLETED, LIST_SCAN_MAX },
    { gateway_query_orders, 0, ORDER_FAILED, LIST_SCAN_MAX },
    { gateway_query_orders, 0, ORDER_CANCELLED, LIST_SCAN_MAX },
    { gateway_query_transactions, 1, ORDER_UNSET, LIST_SCAN_MAX },
    { gateway_query_transactions, USERS + 1, ORDER_UNSET, LIST_SCAN_MAX },
    /* Through the index: a look at the order, and a step at most. */
    { gateway_query_orders, 1, ORDER_UNSET, 2 * LIST_LOOKUP_MAX },
    { gateway_query_orders, 1, ORDER_FAILED, 2 * LIST_LOOKUP_MAX },
    { gateway_query_orders, USERS, ORDER_UNSET, INDEX_READS_MAX },
    { gateway_query_orders, USERS + 1, ORDER_UNSET, INDEX_READS_MAX },
};

static void
check_page(const struct gateway_tables *tables, const struct list *list,
           uint32_t limit, uint64_t after, bool descending)
{
    struct request request = {
        .query = { .limit = limit, .after = after, .descending = descending,
                   .user.value = list->user, .status = list->status },
    };
    uint64_t reads_max = list->reads_max > 0 ? list->reads_max : limit;

    reads = 0;
    assert_int_equal(list->query(tables, &request), RC_OK);
    assert_int_equal(request.outcome, REQUEST_DONE);
    assert_true(request.rows_count <= limit);
    assert_in_range(reads, 1, reads_max + 2);
    /* No row is read that is not shown, where nothing is left out. */
    if (list->user == 0 && list->status == ORDER_UNSET)
        assert_int_equal(reads, request.rows_count + 1u);
    request_fini(&request);
}

static void
check_all(struct store_rig *rig, uint64_t count)
{
    static const uint32_t limits[] = { 1, 100, LIST_ROWS_MAX };
    struct gateway_tables tables = fill(rig, count);
    const uint64_t after[] = { 0, 1, count / 2, count - 1, count, UINT64_MAX };
    size_t i, j, k;

    for (i = 0; i < ARRAY_COUNT(lists); i++) {
        for (j = 0; j < ARRAY_COUNT(limits); j++) {
            for (k = 0; k < ARRAY_COUNT(after); k++) {
                check_page(&tables, &lists[i], limits[j], after[k], true);
                if (after[k] != UINT64_MAX) /* nothing is behind it */
                    check_page(&tables, &lists[i], limits[j], after[k],
                               false);
            }
        }
    }
    order_index_close(&tables.orders_by_user);
}

static void
test_gateway_query_work_is_bounded_with_few_rows(void **state)
{
    check_all(*state, FEW);
}

static void
test_gateway_query_work_is_the_same_with_many_rows(void **state)
{
    check_all(*state, MANY);
}

/* GET /orders/{id}, GET /transactions/{id}. */
static void
test_gateway_query_work_of_one_row_is_one_read(void **state)
{
    struct gateway_tables tables = fill(*state, FEW);
    struct transaction_row transaction;
    struct order_row order;
    uint64_t id;

    for (id = 1; id <= FEW; id++) {
        reads = 0;
        assert_int_equal(gateway_query_order(
            &tables, (struct order_id){ id }, &order), RC_OK);
        assert_int_equal(gateway_query_transaction(
            &tables, (struct transaction_id){ id }, &transaction), RC_OK);
        assert_int_equal(reads, 2);
    }
    order_index_close(&tables.orders_by_user);
}

#define RIG(test)                                                              \
    cmocka_unit_test_setup_teardown(test, store_rig_setup, store_rig_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(test_gateway_query_work_is_bounded_with_few_rows),
        RIG(test_gateway_query_work_is_the_same_with_many_rows),
        RIG(test_gateway_query_work_of_one_row_is_one_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
