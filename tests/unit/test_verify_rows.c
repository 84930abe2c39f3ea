/* Rows of the other programs, read by verify's own readers; those that the
 * programs themselves write are in test_verify.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sagactl/verify_rows.h"

#define ROW_BYTES_MAX 256

/* A row under construction, and every shorter and longer one. */
struct row {
    uint8_t bytes[ROW_BYTES_MAX];
    struct bytes_writer writer;
};

static void
row_init(struct row *row, uint8_t version)
{
    bytes_writer_init(&row->writer, row->bytes, sizeof row->bytes - 1);
    bytes_put_u8(&row->writer, version);
}

typedef bool row_read_fn(const uint8_t *row, size_t bytes);

/* It is read; cut anywhere, with one octet more, of another version: not. */
static void
expect_exact(struct row *row, row_read_fn *read)
{
    assert_false(row->writer.failed);
    for (size_t bytes = 0; bytes < row->writer.used; bytes++)
        assert_false(read(row->bytes, bytes));
    assert_true(read(row->bytes, row->writer.used));
    assert_false(read(row->bytes, row->writer.used + 1));
    row->bytes[0] = 9;
    assert_false(read(row->bytes, row->writer.used));
}

static bool
read_account(const uint8_t *row, size_t bytes)
{
    struct account account;

    return verify_read_account(row, bytes, &account);
}

static void
test_verify_rows_account_is_read_even_if_unlawful(void **state)
{
    struct account account;
    struct row row;

    (void)state;
    row_init(&row, 1);
    bytes_put_u8(&row.writer, 1);
    bytes_put(&row.writer, "USD", 3);
    bytes_put_u64(&row.writer, 7);
    for (int64_t i = -1; i >= -5; i--)
        bytes_put_i64(&row.writer, i);
    assert_true(verify_read_account(row.bytes, row.writer.used, &account));
    assert_true(account.exists && account.frozen);
    assert_string_equal(account.currency, "USD");
    assert_int_equal(account.user.value, 7);
    assert_int_equal(account.balance.minor, -1);
    assert_int_equal(account.refunded.minor, -5);
    row.bytes[1] = 2;
    assert_false(verify_read_account(row.bytes, row.writer.used, &account));
    row.bytes[1] = 0;
    expect_exact(&row, read_account);
}

static bool
read_payment(const uint8_t *row, size_t bytes)
{
    struct payment_order order;

    return verify_read_payment(row, bytes, &order);
}

static void
test_verify_rows_payment_has_a_status_and_a_known_reason(void **state)
{
    struct payment_order order;
    struct row row;

    (void)state;
    row_init(&row, 1);
    bytes_put_u8(&row.writer, PAYMENT_ORDER_DECLINED);
    bytes_put_text(&row.writer, "ACCOUNT_FROZEN");
    bytes_put_u64(&row.writer, 3);
    bytes_put_i64(&row.writer, 5000);
    bytes_put(&row.writer, "EUR", 3);
    assert_true(verify_read_payment(row.bytes, row.writer.used, &order));
    assert_int_equal(order.reason, REFUSAL_FROZEN);
    assert_int_equal(order.price.minor, 5000);
    row.bytes[1] = PAYMENT_ORDER_STATUS_COUNT;
    assert_false(read_payment(row.bytes, row.writer.used));
    row.bytes[1] = PAYMENT_ORDER_UNKNOWN;
    assert_false(read_payment(row.bytes, row.writer.used));
    row.bytes[1] = PAYMENT_ORDER_DECLINED;
    row.bytes[3] = 'X'; /* of the reason's name */
    assert_false(read_payment(row.bytes, row.writer.used));
    row.bytes[3] = 'A';
    expect_exact(&row, read_payment);
}

static bool
read_credit(const uint8_t *row, size_t bytes)
{
    struct payment_credit credit;

    return verify_read_credit(row, bytes, &credit);
}

static void
test_verify_rows_credit_is_read_to_its_end(void **state)
{
    struct row row;

    (void)state;
    row_init(&row, 1);
    bytes_put_text(&row.writer, "");
    bytes_put_u64(&row.writer, 3);
    bytes_put_i64(&row.writer, 5000);
    expect_exact(&row, read_credit);
}

static bool
read_balance(const uint8_t *row, size_t bytes)
{
    struct ledger_balance balance;

    return verify_read_balance(row, bytes, &balance);
}

static void
test_verify_rows_balance_is_read_in_both_versions(void **state)
{
    struct ledger_balance balance;
    struct row row;

    (void)state;
    row_init(&row, 2);
    for (uint64_t i = 1; i <= 5; i++)
        bytes_put_u64(&row.writer, i);
    assert_true(verify_read_balance(row.bytes, row.writer.used, &balance));
    assert_int_equal(balance.debits.high, 1);
    assert_int_equal(balance.credits.low, 4);
    assert_int_equal(balance.awaiting.minor, 5);
    expect_exact(&row, read_balance);
    row.writer.used -= 8;
    row.bytes[0] = 1;
    assert_true(verify_read_balance(row.bytes, row.writer.used, &balance));
    assert_int_equal(balance.awaiting.minor, 0);
    expect_exact(&row, read_balance);
}

static bool
read_order(const uint8_t *row, size_t bytes)
{
    struct ledger_order order;

    return verify_read_ledger_order(row, bytes, &order);
}

static void
test_verify_rows_ledger_order_has_a_status(void **state)
{
    struct row row;

    (void)state;
    row_init(&row, 1);
    bytes_put_u8(&row.writer, LEDGER_ORDER_RETURNED);
    for (uint64_t i = 1; i <= 4; i++)
        bytes_put_u64(&row.writer, i);
    row.bytes[1] = LEDGER_ORDER_STATUS_COUNT;
    assert_false(read_order(row.bytes, row.writer.used));
    row.bytes[1] = LEDGER_ORDER_NONE;
    assert_false(read_order(row.bytes, row.writer.used));
    row.bytes[1] = LEDGER_ORDER_RETURNED;
    expect_exact(&row, read_order);
}

static bool
read_journal(const uint8_t *row, size_t bytes)
{
    struct verify_journal journal;
    struct ledger_entry entry;

    if (!verify_read_journal(row, bytes, &journal))
        return false;
    for (uint32_t i = 0; i < journal.count; i++)
        if (!verify_read_entry(&journal, &entry))
            return false;
    return bytes_all_read(&journal.rest);
}

static void
test_verify_rows_journal_holds_as_many_entries_as_it_says(void **state)
{
    struct row row;
    size_t count_at;

    (void)state;
    row_init(&row, 1);
    bytes_put_u16(&row.writer, 2);
    bytes_put_u64(&row.writer, 1);
    count_at = row.writer.used + 25;
    for (int entry = 0; entry < 2; entry++) {
        bytes_put_u8(&row.writer, LEDGER_ENTRY_PURCHASE);
        bytes_put_u64(&row.writer, 1);
        bytes_put_u64(&row.writer, 1);
        bytes_put_i64(&row.writer, 5);
        bytes_put_u8(&row.writer, 1);
        bytes_put_u64(&row.writer, 1);
        bytes_put_u8(&row.writer, LEDGER_DEBIT);
        bytes_put_i64(&row.writer, 5);
    }
    row.bytes[count_at] = LEDGER_POSTINGS_MAX + 1;
    assert_false(read_journal(row.bytes, row.writer.used));
    row.bytes[count_at] = 1;
    expect_exact(&row, read_journal);
    row.bytes[0] = 1;
    row.bytes[2] = 0; /* no entry */
    assert_false(read_journal(row.bytes, row.writer.used));
}

/* ---- the loop's own ---- */

static size_t
stream_key(uint8_t key[64], const char *direction)
{
    struct bytes_writer writer;

    bytes_writer_init(&writer, key, 64);
    bytes_put_text(&writer, direction);
    bytes_put_text(&writer, "orders");
    bytes_put_u16(&writer, 3);
    return writer.used;
}

static void
test_verify_rows_position_and_next_have_keys_of_their_own(void **state)
{
    struct verify_position position;
    struct verify_next next;
    char producer[PRODUCER_NAME_BYTES];
    uint8_t in[64], out[64];
    size_t in_bytes = stream_key(in, "in"), out_bytes = stream_key(out, "out");
    struct row row;
    uint64_t seq;

    (void)state;
    row_init(&row, 1);
    bytes_put_u64(&row.writer, 40);
    assert_true(verify_read_next(out, out_bytes, row.bytes, row.writer.used,
                                 &next));
    assert_int_equal(next.seq, 40);
    assert_int_equal(next.partition, 3);
    assert_false(verify_read_next(in, in_bytes, row.bytes, row.writer.used,
                                  &next));
    assert_false(verify_read_next(out, out_bytes - 1, row.bytes,
                                  row.writer.used, &next));
    assert_false(verify_read_next(out, out_bytes, row.bytes, 8, &next));
    bytes_put_u16(&row.writer, 1);
    bytes_put_text(&row.writer, "gateway");
    bytes_put_u64(&row.writer, 39);
    assert_true(verify_read_position(in, in_bytes, row.bytes, row.writer.used,
                                     &position));
    assert_int_equal(position.offset, 40);
    assert_int_equal(position.seen_count, 1);
    assert_true(verify_read_seen(&position, producer, &seq));
    assert_string_equal(producer, "gateway");
    assert_int_equal(seq, 39);
    assert_false(verify_read_seen(&position, producer, &seq));
    assert_false(verify_read_position(out, out_bytes, row.bytes,
                                      row.writer.used, &position));
    assert_false(verify_read_position(in, in_bytes, row.bytes, 10, &position));
    row.bytes[0] = 2;
    assert_false(verify_read_position(in, in_bytes, row.bytes, row.writer.used,
                                      &position));
}

static void
test_verify_rows_waiting_batch_has_events(void **state)
{
    struct verify_waiting waiting;
    struct bytes_writer key;
    uint8_t bytes[64], row[8] = { 0, 0, 0, 2, 'a', 'b' };

    (void)state;
    bytes_writer_init(&key, bytes, sizeof bytes);
    bytes_put_text(&key, "payments");
    bytes_put_u16(&key, 1);
    bytes_put_u64(&key, 17);
    assert_true(verify_read_waiting(bytes, key.used, row, 6, &waiting));
    assert_string_equal(waiting.topic, "payments");
    assert_int_equal(waiting.first_seq, 17);
    assert_int_equal(waiting.count, 2);
    assert_int_equal(waiting.bytes_count, 2);
    assert_false(verify_read_waiting(bytes, key.used - 1, row, 6, &waiting));
    assert_false(verify_read_waiting(bytes, key.used, row, 3, &waiting));
    row[3] = 0;
    assert_false(verify_read_waiting(bytes, key.used, row, 6, &waiting));
}

static void
test_verify_rows_parked_event_tells_where_it_was(void **state)
{
    struct verify_parked parked;
    struct row row;

    (void)state;
    row_init(&row, 1);
    bytes_put_u64(&row.writer, 5);
    bytes_put_u64(&row.writer, 6);
    bytes_put_text(&row.writer, "orders");
    bytes_put_u16(&row.writer, 2);
    bytes_put_u64(&row.writer, 77);
    bytes_put_u32(&row.writer, 3);
    assert_true(verify_read_parked(row.bytes, row.writer.used + 9, &parked));
    assert_int_equal(parked.order, 5);
    assert_int_equal(parked.user, 6);
    assert_string_equal(parked.topic, "orders");
    assert_int_equal(parked.offset, 77);
    assert_int_equal(parked.count, 3);
    assert_false(verify_read_parked(row.bytes, row.writer.used - 1, &parked));
}

static void
test_verify_rows_id_is_eight_octets(void **state)
{
    const uint8_t key[9] = { 0, 0, 0, 0, 0, 0, 1, 2 };
    uint64_t id;

    (void)state;
    assert_true(verify_read_id(key, 8, &id));
    assert_int_equal(id, 258);
    assert_false(verify_read_id(key, 7, &id));
    assert_false(verify_read_id(key, 9, &id));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verify_rows_account_is_read_even_if_unlawful),
        cmocka_unit_test(
            test_verify_rows_payment_has_a_status_and_a_known_reason),
        cmocka_unit_test(test_verify_rows_credit_is_read_to_its_end),
        cmocka_unit_test(test_verify_rows_balance_is_read_in_both_versions),
        cmocka_unit_test(test_verify_rows_ledger_order_has_a_status),
        cmocka_unit_test(
            test_verify_rows_journal_holds_as_many_entries_as_it_says),
        cmocka_unit_test(
            test_verify_rows_position_and_next_have_keys_of_their_own),
        cmocka_unit_test(test_verify_rows_waiting_batch_has_events),
        cmocka_unit_test(test_verify_rows_parked_event_tells_where_it_was),
        cmocka_unit_test(test_verify_rows_id_is_eight_octets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
