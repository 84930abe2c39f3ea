#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "gateway/http_rows.h"

#define AT INT64_C(1795352707123456) /* 2026-11-22T13:05:07.123456Z */
#define STAMP "\"2026-11-22T13:05:07."

static char buffer[ORDER_TEXT_BYTES_MAX + 1];
static struct text_writer writer;

static const char *
whole(const struct order_row *order)
{
    text_writer_init(&writer, buffer, sizeof(buffer));
    row_write_order_whole(&writer, order, &(struct parked_row){ 0 }, "",
                          "USD");
    text_end(&writer);
    assert_false(writer.failed);
    return buffer;
}

static const struct order_row created = {
    .order = { 1 }, .user = { 2 }, .product = { 3 }, .quantity = 4,
    .price = { 5005 }, .status = ORDER_CREATED, .created_us = AT,
    .updated_us = AT,
};

static void
test_http_rows_order_has_the_original_names(void **state)
{
    (void)state;
    text_writer_init(&writer, buffer, ROW_TEXT_BYTES_MAX);
    row_write_order(&writer, &created, "USD");
    text_end(&writer);
    assert_string_equal(buffer,
        "{\"id\":1,\"userId\":2,\"productId\":3,\"quantity\":4,"
        "\"price\":50.05,\"currency\":\"USD\",\"status\":\"ORDER_CREATED\","
        "\"createdAt\":" STAMP "123Z\",\"updatedAt\":" STAMP "123Z\"}");
}

#define STEP(ms, process, what)                                                \
    "{\"at\":" STAMP ms "Z\",\"process\":\"" process "\",\"what\":\"" what "\"}"
#define BEGUN STEP("123", "gateway", "ORDER_CREATED")

static const struct {
    const char *name;
    enum order_status status;
    enum refusal reason;
    uint64_t transaction;
    bool decided, written;
    int cancel_ms, refunded_ms, reversed_ms; /* after AT; 0: never */
    const char *timeline;
} orders[] = {
    { "created", ORDER_CREATED, REFUSAL_NONE, 0, false, false, 0, 0, 0,
      BEGUN },
    { "completed", ORDER_COMPLETED, REFUSAL_NONE, 9, true, true, 0, 0, 0,
      BEGUN "," STEP("124", "payment", "PAYMENT_APPROVED") ","
      STEP("125", "ledger", "TRANSACTION_SUCCESSFUL") ","
      STEP("126", "gateway", "ORDER_COMPLETED") },
    { "failed", ORDER_FAILED, REFUSAL_CREDIT, 0, true, true, 0, 0, 0,
      BEGUN "," STEP("124", "payment", "PAYMENT_DECLINED") ","
      STEP("125", "ledger", "TRANSACTION_UNSUCCESSFUL") ","
      STEP("126", "gateway", "ORDER_FAILED") },
    { "refused_by_the_ledger", ORDER_FAILED, REFUSAL_LIMIT, 0, true, true, 0,
      2, 0,
      BEGUN "," STEP("124", "payment", "PAYMENT_APPROVED") ","
      STEP("125", "ledger", "TRANSACTION_UNSUCCESSFUL") ","
      STEP("125", "payment", "PAYMENT_REFUNDED") ","
      STEP("126", "gateway", "ORDER_FAILED") },
    { "cancel_asked", ORDER_CREATED, REFUSAL_NONE, 0, false, false, 1, 0, 0,
      BEGUN "," STEP("124", "gateway", "CANCEL_REQUESTED") },
    { "cancelled_while_open", ORDER_CANCELLED, REFUSAL_CANCELLED, 9, true,
      true, 0, 2, 3,
      BEGUN "," STEP("124", "payment", "PAYMENT_APPROVED") ","
      STEP("125", "ledger", "TRANSACTION_SUCCESSFUL") ","
      STEP("125", "payment", "PAYMENT_REFUNDED") ","
      STEP("126", "ledger", "TRANSACTION_REVERSED") ","
      STEP("126", "gateway", "ORDER_CANCELLED") },
    { "cancelled_before_payment", ORDER_CANCELLED, REFUSAL_TIMEOUT, 9, true,
      true, -1, 3, 3,
      STEP("122", "gateway", "CANCEL_REQUESTED") "," BEGUN ","
      STEP("124", "payment", "PAYMENT_APPROVED") ","
      STEP("125", "ledger", "TRANSACTION_SUCCESSFUL") ","
      STEP("126", "payment", "PAYMENT_REFUNDED") ","
      STEP("126", "ledger", "TRANSACTION_REVERSED") ","
      STEP("126", "gateway", "ORDER_CANCELLED") },
};

static int64_t
after(int ms)
{
    return ms != 0 ? AT + ms * 1000 : 0;
}

static void
test_http_rows_timeline_tells_what_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(orders); i++) {
        struct order_row order = created;
        const char *timeline;

        order.status = orders[i].status;
        order.reason = orders[i].reason;
        order.transaction.value = orders[i].transaction;
        order.decided_us = orders[i].decided ? AT + 1000 : 0;
        order.written_us = orders[i].written ? AT + 2000 : 0;
        order.updated_us = AT + 3000;
        order.cancel_us = after(orders[i].cancel_ms);
        order.refunded_us = after(orders[i].refunded_ms);
        order.reversed_us = after(orders[i].reversed_ms);
        timeline = strstr(whole(&order), "\"timeline\":[");
        assert_non_null(timeline);
        buffer[strlen(buffer) - 2] = '\0';
        if (strcmp(timeline + 12, orders[i].timeline) != 0)
            fail_msg("%s: %s", orders[i].name, timeline);
        assert_int_equal(strstr(buffer, "\"transactionId\":9") != NULL,
                         orders[i].transaction != 0);
        assert_int_equal(strstr(buffer, "\"reason\":") != NULL,
                         orders[i].reason != REFUSAL_NONE);
        assert_int_equal(strstr(buffer, "\"cancelRequestedAt\":") != NULL,
                         orders[i].cancel_ms != 0);
    }
}

static void
test_http_rows_parked_and_credit(void **state)
{
    const struct parked_row parked = {
        .order = { 1 }, .participant = "payment", .topic = "orders",
        .attempts = 3, .cause = "refused", .since_us = AT };

    (void)state;
    text_writer_init(&writer, buffer, sizeof(buffer));
    row_write_order_whole(&writer, &created, &parked, "", "USD");
    text_end(&writer);
    assert_non_null(strstr(buffer,
        ",\"parked\":{\"participant\":\"payment\",\"topic\":\"orders\","
        "\"cause\":\"refused\",\"attempts\":3,\"since\":" STAMP
        "123Z\"},\"timeline\":["));
    text_writer_init(&writer, buffer, sizeof(buffer));
    row_write_credit(&writer, (struct user_id){ 1 }, (struct credit_id){ 7 },
                     (struct money){ 2500 });
    text_end(&writer);
    assert_string_equal(buffer,
                        "{\"userId\":1,\"creditId\":7,\"amount\":25.00}");
}

static void
test_http_rows_longest_fit(void **state)
{
    const struct order_row order = {
        .order = { ID_MAX }, .user = { ID_MAX }, .product = { ID_MAX },
        .transaction = { ID_MAX }, .quantity = QUANTITY_MAX,
        .price = { MONEY_MINOR_MAX }, .status = ORDER_CANCELLED,
        .reason = REFUSAL_CREDIT, .created_us = AT, .decided_us = AT,
        .written_us = AT, .updated_us = AT, .cancel_us = AT,
        .refunded_us = AT, .reversed_us = AT,
    };
    struct parked_row parked = { .order = { 1 }, .attempts = UINT64_MAX,
                                 .since_us = AT };
    const struct transaction_row transaction = {
        { ID_MAX }, { ID_MAX }, { ID_MAX }, { -MONEY_MINOR_MAX },
        TRANSACTION_UNSUCCESSFUL, AT };

    (void)state;
    memset(parked.participant, '"', sizeof(parked.participant) - 1);
    memset(parked.topic, '"', sizeof(parked.topic) - 1);
    memset(parked.cause, '"', sizeof(parked.cause) - 1);
    text_writer_init(&writer, buffer, ORDER_TEXT_BYTES_MAX);
    row_write_order_whole(&writer, &order, &parked, "", "USD");
    assert_false(writer.failed);
    text_writer_init(&writer, buffer, ROW_TEXT_BYTES_MAX);
    row_write_order(&writer, &order, "USD");
    assert_false(writer.failed);
    text_writer_init(&writer, buffer, ROW_TEXT_BYTES_MAX);
    row_write_transaction(&writer, &transaction);
    assert_false(writer.failed);
}

static void
test_http_rows_users_products_transactions(void **state)
{
    const struct transaction_row transaction = {
        { 1 }, { 2 }, { 3 }, { 5000 }, TRANSACTION_SUCCESSFUL, AT };

    (void)state;
    text_writer_init(&writer, buffer, sizeof(buffer));
    json_begin(&writer, '[');
    row_write_user(&writer, &(struct user_row){ { 1 }, { 10000 },
                                                USER_ACTIVE, AT });
    row_write_user(&writer, &(struct user_row){ { 2 }, { 0 },
                                                USER_OPENING, AT });
    row_write_user(&writer, &(struct user_row){ { 3 }, { 5 },
                                                USER_FROZEN, AT });
    row_write_product(&writer, &(struct product_row){ { 4 }, { 7500 } });
    row_write_transaction(&writer, &transaction);
    json_end(&writer, ']');
    text_end(&writer);
    assert_string_equal(buffer,
        "[{\"id\":1,\"balance\":100.00,\"state\":\"ACTIVE\"},"
        "{\"id\":2,\"balance\":0.00,\"state\":\"OPENING\"},"
        "{\"id\":3,\"balance\":0.05,\"state\":\"FROZEN\"},"
        "{\"id\":4,\"price\":75.00},"
        "{\"id\":1,\"orderId\":2,\"userId\":3,\"amount\":50.00,"
        "\"status\":\"SUCCESSFUL\",\"createdAt\":" STAMP "123Z\"}]");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_rows_order_has_the_original_names),
        cmocka_unit_test(test_http_rows_timeline_tells_what_is_known),
        cmocka_unit_test(test_http_rows_parked_and_credit),
        cmocka_unit_test(test_http_rows_longest_fit),
        cmocka_unit_test(test_http_rows_users_products_transactions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
