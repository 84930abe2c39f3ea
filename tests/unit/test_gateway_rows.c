#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "gateway/gateway_rows.h"

static const struct order_row order = {
    .order = { 7 }, .user = { 0x0102030405 }, .product = { 2 },
    .transaction = { 99 }, .quantity = 1000, .price = { 123456 },
    .status = ORDER_FAILED, .reason = REFUSAL_CREDIT, .created_us = 1001,
    .decided_us = 1002, .written_us = 1003, .updated_us = 1004,
};

/* The form on disk: a change here is a change of the stores of everybody. */
static const uint8_t order_bytes[ORDER_ROW_BYTES] = {
    1, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0, 2, 0x03, 0xe8,
    0, 0, 0, 0, 0, 0x01, 0xe2, 0x40, 0, 0, 0, 0, 0, 0, 0x03, 0xe9, 3, 7,
    0, 0, 0, 0, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0x03, 0xea,
    0, 0, 0, 0, 0, 0, 0x03, 0xeb, 0, 0, 0, 0, 0, 0, 0x03, 0xec,
};

static void
test_gateway_rows_order_has_this_form(void **state)
{
    uint8_t value[ORDER_ROW_BYTES_MAX];
    struct order_row row;

    (void)state;
    assert_int_equal(order_row_encode(&order, value), ORDER_ROW_BYTES);
    assert_memory_equal(value, order_bytes, ORDER_ROW_BYTES);
    memset(&row, 0xff, sizeof row);
    assert_int_equal(order_row_decode(order.order, value, ORDER_ROW_BYTES,
                                      &row), RC_OK);
    assert_int_equal(row.order.value, 7);
    assert_int_equal(row.user.value, order.user.value);
    assert_int_equal(row.product.value, 2);
    assert_int_equal(row.transaction.value, 99);
    assert_int_equal(row.quantity, 1000);
    assert_int_equal(row.price.minor, 123456);
    assert_int_equal(row.status, ORDER_FAILED);
    assert_int_equal(row.reason, REFUSAL_CREDIT);
    assert_int_equal(row.created_us, 1001);
    assert_int_equal(row.decided_us, 1002);
    assert_int_equal(row.written_us, 1003);
    assert_int_equal(row.updated_us, 1004);
    assert_true(row.cancel_us == 0 && row.refunded_us == 0 &&
                row.reversed_us == 0);
}

/* Version 2: what stands above, and the times of its undoing. */
static void
test_gateway_rows_undone_order_has_this_form(void **state)
{
    static const uint8_t times[24] = {
        0, 0, 0, 0, 0, 0, 0x03, 0xed, 0, 0, 0, 0, 0, 0, 0x03, 0xee,
        0, 0, 0, 0, 0, 0, 0x03, 0xef,
    };
    uint8_t value[ORDER_ROW_BYTES_MAX + 1];
    struct order_row row = order, read;
    size_t i;

    (void)state;
    row.cancel_us = 1005;
    row.refunded_us = 1006;
    row.reversed_us = 1007;
    assert_int_equal(order_row_encode(&row, value), ORDER_ROW_BYTES_MAX);
    assert_int_equal(value[0], 2);
    assert_memory_equal(value + 1, order_bytes + 1, ORDER_ROW_BYTES - 1);
    assert_memory_equal(value + ORDER_ROW_BYTES, times, sizeof times);
    memset(&read, 0xff, sizeof read);
    assert_int_equal(order_row_decode(order.order, value, ORDER_ROW_BYTES_MAX,
                                      &read), RC_OK);
    assert_int_equal(read.updated_us, 1004);
    assert_int_equal(read.cancel_us, 1005);
    assert_int_equal(read.refunded_us, 1006);
    assert_int_equal(read.reversed_us, 1007);
    for (i = 0; i < ORDER_ROW_BYTES_MAX; i++)
        assert_int_equal(order_row_decode(order.order, value, i, &read),
                         RC_DAMAGED);
    assert_int_equal(order_row_decode(order.order, value, sizeof value, &read),
                     RC_DAMAGED);
    row = order;
    row.refunded_us = 1; /* one of the three is enough */
    assert_int_equal(order_row_encode(&row, value), ORDER_ROW_BYTES_MAX);
}

/* A refusal without a number of its own can't be stored. */
static void
test_gateway_rows_every_refusal_has_its_code(void **state)
{
    struct order_row row = order, read;
    uint8_t value[ORDER_ROW_BYTES_MAX];
    bool seen[256] = { false };
    enum refusal refusal;

    (void)state;
    for (refusal = REFUSAL_NONE; refusal < REFUSAL_COUNT; refusal++) {
        row.reason = refusal;
        order_row_encode(&row, value);
        assert_false(seen[value[36]]);
        seen[value[36]] = true;
        assert_int_equal(order_row_decode(row.order, value, ORDER_ROW_BYTES,
                                          &read), RC_OK);
        assert_int_equal(read.reason, refusal);
    }
}

static void
test_gateway_rows_damaged_order_is_refused(void **state)
{
    static const struct {
        const char *name;
        size_t at;
        uint8_t value;
    } cases[] = {
        { "version", 0, 3 },       { "version_of_longer", 0, 2 },
        { "version_none", 0, 0 },  { "quantity_over", 17, 0xff },
        { "price_range", 19, 0x7f }, { "status_unset", 35, 0 },
        { "status_beyond", 35, ORDER_STATUS_COUNT }, { "reason", 36, 200 },
    };
    uint8_t value[ORDER_ROW_BYTES + 1];
    struct order_row row;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        memcpy(value, order_bytes, sizeof order_bytes);
        value[cases[i].at] = cases[i].value;
        if (order_row_decode(order.order, value, ORDER_ROW_BYTES, &row) !=
            RC_DAMAGED)
            fail_msg("%s", cases[i].name);
    }
    memcpy(value, order_bytes, sizeof order_bytes);
    value[17] = value[18] = 0; /* a quantity of none */
    assert_int_equal(order_row_decode(order.order, value, ORDER_ROW_BYTES,
                                      &row), RC_DAMAGED);
    memcpy(value, order_bytes, sizeof order_bytes);
    for (i = 0; i < ORDER_ROW_BYTES; i++)
        assert_int_equal(order_row_decode(order.order, value, i, &row),
                         RC_DAMAGED);
    assert_int_equal(order_row_decode(order.order, value, sizeof value, &row),
                     RC_DAMAGED);
}

static void
test_gateway_rows_keys_sort_as_their_ids(void **state)
{
    uint8_t low[ORDER_USER_KEY_BYTES], high[ORDER_USER_KEY_BYTES];
    uint64_t id;

    (void)state;
    id_key_encode(255, low);
    id_key_encode(256, high);
    assert_true(memcmp(low, high, ID_KEY_BYTES) < 0);
    order_user_key_encode((struct user_id){ 1 }, ID_MAX, low);
    order_user_key_encode((struct user_id){ 2 }, 1, high);
    assert_true(memcmp(low, high, sizeof low) < 0);
    assert_int_equal(id_key_decode(low, sizeof low, &id), RC_DAMAGED);
    id_key_encode(256, high);
    assert_int_equal(id_key_decode(high, ID_KEY_BYTES, &id), RC_OK);
    assert_int_equal(id, 256);
    assert_int_equal(id_key_decode(high, 7, &id), RC_DAMAGED);
    id_key_encode(0, high);
    assert_int_equal(id_key_decode(high, ID_KEY_BYTES, &id), RC_DAMAGED);
    id_key_encode(ID_MAX + 1, high);
    assert_int_equal(id_key_decode(high, ID_KEY_BYTES, &id), RC_DAMAGED);
}

static void
test_gateway_rows_user_comes_back(void **state)
{
    const struct user_row user = { { 5 }, { 4200 }, USER_FROZEN, 77 };
    static const uint8_t bytes[USER_ROW_BYTES] = {
        1, 3, 0, 0, 0, 0, 0, 0, 0x10, 0x68, 0, 0, 0, 0, 0, 0, 0, 77,
    };
    uint8_t value[USER_ROW_BYTES];
    struct bytes_writer writer;
    struct user_row row;

    (void)state;
    bytes_writer_init(&writer, value, sizeof value);
    user_row_write(&user, &writer);
    assert_true(!writer.failed && writer.used == sizeof value);
    assert_memory_equal(value, bytes, sizeof value);
    assert_int_equal(user_row_decode(user.user, value, sizeof value, &row),
                     RC_OK);
    assert_true(row.user.value == 5 && row.balance.minor == 4200 &&
                row.state == USER_FROZEN && row.updated_us == 77);
    assert_int_equal(user_row_decode(user.user, value, 17, &row), RC_DAMAGED);
    value[1] = USER_STATE_COUNT;
    assert_int_equal(user_row_decode(user.user, value, sizeof value, &row),
                     RC_DAMAGED);
    value[1] = 1;
    value[0] = 0;
    assert_int_equal(user_row_decode(user.user, value, sizeof value, &row),
                     RC_DAMAGED);
}

static void
test_gateway_rows_transaction_comes_back(void **state)
{
    const struct transaction_row transaction = {
        { 9 }, { 7 }, { 3 }, { 5000 }, TRANSACTION_SUCCESSFUL, 88,
    };
    uint8_t value[TRANSACTION_ROW_BYTES];
    struct transaction_row row;

    (void)state;
    transaction_row_encode(&transaction, value);
    assert_int_equal(transaction_row_decode(transaction.transaction, value,
                                            sizeof value, &row), RC_OK);
    assert_true(row.transaction.value == 9 && row.order.value == 7 &&
                row.user.value == 3 && row.amount.minor == 5000 &&
                row.status == TRANSACTION_SUCCESSFUL && row.written_us == 88);
    assert_int_equal(transaction_row_decode(transaction.transaction, value,
                                            sizeof value - 1, &row),
                     RC_DAMAGED);
    value[25] = TRANSACTION_STATUS_COUNT;
    assert_int_equal(transaction_row_decode(transaction.transaction, value,
                                            sizeof value, &row), RC_DAMAGED);
}

static void
test_gateway_rows_product_comes_back(void **state)
{
    const struct product_row product = { { 4 }, { 50000 } };
    uint8_t value[PRODUCT_ROW_BYTES];
    struct product_row row;

    (void)state;
    product_row_encode(&product, value);
    assert_int_equal(product_row_decode(product.product, value, sizeof value,
                                        &row), RC_OK);
    assert_true(row.product.value == 4 && row.price.minor == 50000);
    value[0] = 9;
    assert_int_equal(product_row_decode(product.product, value, sizeof value,
                                        &row), RC_DAMAGED);
}

static void
test_gateway_rows_counters_come_back(void **state)
{
    struct gateway_counters counters = {
        .orders = { [ORDER_CREATED] = 10, [ORDER_COMPLETED] = 6,
                    [ORDER_FAILED] = 3, [ORDER_CANCELLED] = 1 },
        .refusals = { [REFUSAL_CREDIT] = 2, [REFUSAL_LIMIT] = 1 },
        .open = 4, .users = 5, .transactions = 6, .parked_orders = 7,
        .order_mark = 8, .credit_last = ID_MAX, .index_base = 9,
    }, read;
    uint8_t value[COUNTERS_ROW_BYTES_MAX];
    size_t bytes;

    (void)state;
    bytes = counters_row_encode(&counters, value);
    assert_int_equal(bytes, sizeof value);
    assert_int_equal(counters_row_decode(value, bytes, &read), RC_OK);
    assert_memory_equal(&read, &counters, sizeof read);
    assert_int_equal(counters_row_decode(value, bytes - 1, &read), RC_DAMAGED);
    value[0] = 3; /* of programs whose index had no runs */
    assert_int_equal(counters_row_decode(value, bytes, &read), RC_OK);
    assert_memory_equal(&read, &counters, sizeof read);
    value[0] = 5;
    assert_int_equal(counters_row_decode(value, bytes, &read), RC_DAMAGED);
    value[0] = 3;
    value[57] = ORDER_STATUS_COUNT;
    assert_int_equal(counters_row_decode(value, bytes, &read), RC_DAMAGED);
    value[57] = ORDER_STATUS_COUNT - 1;
    value[bytes - 9] = 250;
    assert_int_equal(counters_row_decode(value, bytes, &read), RC_DAMAGED);
}

/* Before there were cancels and limits: two states, one refusal. */
static void
test_gateway_rows_counters_of_an_older_program_are_read(void **state)
{
    static const uint8_t value[] = {
        1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2,
        0, 0, 0, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 0, 0, 0, 4,
        0, 0, 0, 0, 0, 0, 0, 5, 1, 7, 0, 0, 0, 0, 0, 0, 0, 6,
    };
    struct gateway_counters read;

    (void)state;
    assert_int_equal(counters_row_decode(value, sizeof value, &read), RC_OK);
    assert_int_equal(read.open, 1);
    assert_int_equal(read.users, 2);
    assert_int_equal(read.transactions, 3);
    assert_int_equal(read.orders[ORDER_CREATED], 4);
    assert_int_equal(read.orders[ORDER_COMPLETED], 5);
    assert_int_equal(read.orders[ORDER_FAILED], 0);
    assert_int_equal(read.refusals[REFUSAL_CREDIT], 6);
    assert_true(read.parked_orders == 0 && read.order_mark == 0 &&
                read.credit_last == 0);
    assert_true(read.index_base == INDEX_BASE_ALL);
}

/* Of a program that put each order into the index at once. */
static void
test_gateway_rows_counters_without_a_base_are_read(void **state)
{
    struct gateway_counters counters = { .order_mark = 7, .credit_last = 8,
                                         .index_base = 9 }, read;
    uint8_t value[COUNTERS_ROW_BYTES_MAX];
    size_t bytes = counters_row_encode(&counters, value);

    (void)state;
    value[0] = 2;
    memmove(value + 49, value + 57, bytes - 57);
    assert_int_equal(counters_row_decode(value, bytes - 8, &read), RC_OK);
    assert_int_equal(read.order_mark, 7);
    assert_int_equal(read.credit_last, 8);
    assert_true(read.index_base == INDEX_BASE_ALL);
    assert_int_equal(counters_row_decode(value, bytes, &read), RC_DAMAGED);
}

static void
test_gateway_rows_key_comes_back(void **state)
{
    static const uint8_t bytes[KEY_ROW_BYTES] = { 1, 0, 0, 0, 0, 0, 0, 1, 2 };
    uint8_t value[KEY_ROW_BYTES];
    struct order_id read;

    (void)state;
    key_row_encode((struct order_id){ 258 }, value);
    assert_memory_equal(value, bytes, sizeof bytes);
    assert_int_equal(key_row_decode(value, sizeof value, &read), RC_OK);
    assert_int_equal(read.value, 258);
    assert_int_equal(key_row_decode(value, 8, &read), RC_DAMAGED);
    value[0] = 2;
    assert_int_equal(key_row_decode(value, sizeof value, &read), RC_DAMAGED);
    key_row_encode((struct order_id){ 0 }, value);
    assert_int_equal(key_row_decode(value, sizeof value, &read), RC_DAMAGED);
}

static void
test_gateway_rows_parked_comes_back(void **state)
{
    const struct parked_row parked = {
        .order = { 7 }, .participant = "payment", .topic = "orders",
        .partition = 3, .offset = 99, .attempts = 2, .cause = "refused",
        .since_us = 77,
    };
    static const uint8_t key_bytes[] =
        "\0\0\0\0\0\0\0\7\7payment\6orders\0\3\0\0\0\0\0\0\0\143";
    static const uint8_t row_bytes[] =
        "\1\0\0\0\0\0\0\0\2\7refused\0\0\0\0\0\0\0\115";
    uint8_t key[PARKED_KEY_BYTES_MAX], value[PARKED_ROW_BYTES_MAX];
    struct parked_row read = { 0 };
    size_t i;

    (void)state;
    assert_int_equal(parked_key_encode(&parked, key), sizeof key_bytes - 1);
    assert_memory_equal(key, key_bytes, sizeof key_bytes - 1);
    assert_int_equal(parked_row_encode(&parked, value), sizeof row_bytes - 1);
    assert_memory_equal(value, row_bytes, sizeof row_bytes - 1);
    assert_int_equal(parked_row_decode(key, sizeof key_bytes - 1, value,
                                       sizeof row_bytes - 1, &read), RC_OK);
    assert_memory_equal(&read, &parked, sizeof read);
    for (i = 0; i < sizeof key_bytes - 1; i++)
        assert_int_equal(parked_row_decode(key, i, value,
                                           sizeof row_bytes - 1, &read),
                         RC_DAMAGED);
    for (i = 0; i < sizeof row_bytes - 1; i++)
        assert_int_equal(parked_row_decode(key, sizeof key_bytes - 1, value,
                                           i, &read), RC_DAMAGED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gateway_rows_order_has_this_form),
        cmocka_unit_test(test_gateway_rows_undone_order_has_this_form),
        cmocka_unit_test(test_gateway_rows_every_refusal_has_its_code),
        cmocka_unit_test(test_gateway_rows_damaged_order_is_refused),
        cmocka_unit_test(test_gateway_rows_keys_sort_as_their_ids),
        cmocka_unit_test(test_gateway_rows_user_comes_back),
        cmocka_unit_test(test_gateway_rows_transaction_comes_back),
        cmocka_unit_test(test_gateway_rows_product_comes_back),
        cmocka_unit_test(test_gateway_rows_counters_come_back),
        cmocka_unit_test(
            test_gateway_rows_counters_of_an_older_program_are_read),
        cmocka_unit_test(test_gateway_rows_counters_without_a_base_are_read),
        cmocka_unit_test(test_gateway_rows_key_comes_back),
        cmocka_unit_test(test_gateway_rows_parked_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
