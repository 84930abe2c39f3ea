#include "sagactl/verify_rows.h"

#define ROW_VERSION 1
#define BALANCE_VERSION_AWAITING 2 /* 1 has no sum that is awaited */
#define REFUSAL_NAME_BYTES 64

bool
verify_read_id(const uint8_t *key, size_t bytes, uint64_t *id_out)
{
    struct bytes_reader reader;

    bytes_reader_init(&reader, key, bytes);
    *id_out = bytes_get_u64(&reader);
    return bytes_all_read(&reader);
}

static void
start(struct bytes_reader *reader, const uint8_t *row, size_t bytes)
{
    bytes_reader_init(reader, row, bytes);
    if (bytes_get_u8(reader) != ROW_VERSION)
        reader->failed = true;
}

static void
read_currency(struct bytes_reader *reader, char *currency)
{
    const uint8_t *letters = bytes_get(reader, CURRENCY_BYTES - 1);

    if (letters != NULL)
        memcpy(currency, letters, CURRENCY_BYTES - 1);
}

static enum refusal
read_refusal(struct bytes_reader *reader)
{
    char name[REFUSAL_NAME_BYTES] = "";
    enum refusal refusal;

    bytes_get_text(reader, name, sizeof name);
    refusal = name[0] == '\0' ? REFUSAL_NONE
                              : refusal_find(name, strlen(name));
    if (refusal == REFUSAL_COUNT)
        reader->failed = true;
    return refusal;
}

/* ---- payment ---- */

bool
verify_read_account(const uint8_t *row, size_t bytes,
                    struct account *account_out)
{
    struct bytes_reader reader;
    uint8_t frozen;

    *account_out = (struct account){ .exists = true };
    start(&reader, row, bytes);
    frozen = bytes_get_u8(&reader);
    account_out->frozen = frozen == 1;
    read_currency(&reader, account_out->currency);
    account_out->user.value = bytes_get_u64(&reader);
    account_out->balance.minor = bytes_get_i64(&reader);
    account_out->opened.minor = bytes_get_i64(&reader);
    account_out->credited.minor = bytes_get_i64(&reader);
    account_out->paid.minor = bytes_get_i64(&reader);
    account_out->refunded.minor = bytes_get_i64(&reader);
    return bytes_all_read(&reader) && frozen <= 1;
}

bool
verify_read_payment(const uint8_t *row, size_t bytes,
                    struct payment_order *order_out)
{
    struct bytes_reader reader;

    *order_out = (struct payment_order){ .status = PAYMENT_ORDER_UNKNOWN };
    start(&reader, row, bytes);
    order_out->status = (enum payment_order_status)bytes_get_u8(&reader);
    order_out->reason = read_refusal(&reader);
    order_out->user.value = bytes_get_u64(&reader);
    order_out->price.minor = bytes_get_i64(&reader);
    read_currency(&reader, order_out->currency);
    return bytes_all_read(&reader) &&
           order_out->status > PAYMENT_ORDER_UNKNOWN &&
           order_out->status < PAYMENT_ORDER_STATUS_COUNT;
}

bool
verify_read_credit(const uint8_t *row, size_t bytes,
                   struct payment_credit *credit_out)
{
    struct bytes_reader reader;

    *credit_out = (struct payment_credit){ .exists = true };
    start(&reader, row, bytes);
    credit_out->reason = read_refusal(&reader);
    credit_out->user.value = bytes_get_u64(&reader);
    credit_out->amount.minor = bytes_get_i64(&reader);
    return bytes_all_read(&reader);
}

/* ---- the ledger ---- */

bool
verify_read_balance(const uint8_t *row, size_t bytes,
                    struct ledger_balance *balance_out)
{
    struct bytes_reader reader;
    uint8_t version;

    *balance_out = (struct ledger_balance){ .awaiting = { 0 } };
    bytes_reader_init(&reader, row, bytes);
    version = bytes_get_u8(&reader);
    balance_out->debits.high = bytes_get_u64(&reader);
    balance_out->debits.low = bytes_get_u64(&reader);
    balance_out->credits.high = bytes_get_u64(&reader);
    balance_out->credits.low = bytes_get_u64(&reader);
    if (version == BALANCE_VERSION_AWAITING)
        balance_out->awaiting.minor = bytes_get_i64(&reader);
    return bytes_all_read(&reader) && version >= ROW_VERSION &&
           version <= BALANCE_VERSION_AWAITING;
}

bool
verify_read_ledger_order(const uint8_t *row, size_t bytes,
                         struct ledger_order *order_out)
{
    struct bytes_reader reader;

    start(&reader, row, bytes);
    order_out->status = (enum ledger_order_status)bytes_get_u8(&reader);
    order_out->user.value = bytes_get_u64(&reader);
    order_out->price.minor = bytes_get_i64(&reader);
    order_out->transaction.value = bytes_get_u64(&reader);
    order_out->entry = bytes_get_u64(&reader);
    return bytes_all_read(&reader) && order_out->status > LEDGER_ORDER_NONE &&
           order_out->status < LEDGER_ORDER_STATUS_COUNT;
}

bool
verify_read_journal(const uint8_t *row, size_t bytes,
                    struct verify_journal *journal_out)
{
    start(&journal_out->rest, row, bytes);
    journal_out->count = bytes_get_u16(&journal_out->rest);
    journal_out->transactions = bytes_get_u64(&journal_out->rest);
    return !journal_out->rest.failed && journal_out->count > 0;
}

bool
verify_read_entry(struct verify_journal *journal,
                  struct ledger_entry *entry_out)
{
    struct bytes_reader *reader = &journal->rest;

    *entry_out = (struct ledger_entry){ .id = 0 };
    entry_out->kind = (enum ledger_entry_kind)bytes_get_u8(reader);
    entry_out->order.value = bytes_get_u64(reader);
    entry_out->transaction.value = bytes_get_u64(reader);
    entry_out->time_us = bytes_get_i64(reader);
    entry_out->count = bytes_get_u8(reader);
    if (entry_out->count > LEDGER_POSTINGS_MAX)
        return false;
    for (uint32_t i = 0; i < entry_out->count; i++) {
        struct ledger_posting *posting = &entry_out->postings[i];

        posting->account = ledger_account_of_key(bytes_get_u64(reader));
        posting->side = (enum ledger_side)bytes_get_u8(reader);
        posting->amount.minor = bytes_get_i64(reader);
    }
    return !reader->failed;
}

/* ---- the loop's own ---- */

/* "in" or "out", the topic, the partition. */
static bool
read_stream_key(const uint8_t *key, size_t bytes, const char *direction,
                char *topic, uint32_t *partition_out)
{
    char word[8] = "";
    struct bytes_reader reader;

    bytes_reader_init(&reader, key, bytes);
    bytes_get_text(&reader, word, sizeof word);
    bytes_get_text(&reader, topic, TOPIC_NAME_BYTES);
    *partition_out = bytes_get_u16(&reader);
    return bytes_all_read(&reader) && strcmp(word, direction) == 0;
}

bool
verify_read_position(const uint8_t *key, size_t key_bytes, const uint8_t *row,
                     size_t bytes, struct verify_position *position_out)
{
    if (!read_stream_key(key, key_bytes, "in", position_out->topic,
                         &position_out->partition))
        return false;
    start(&position_out->rest, row, bytes);
    position_out->offset = bytes_get_u64(&position_out->rest);
    position_out->seen_count = bytes_get_u16(&position_out->rest);
    return !position_out->rest.failed;
}

bool
verify_read_seen(struct verify_position *position,
                 char producer[PRODUCER_NAME_BYTES], uint64_t *seq_out)
{
    bytes_get_text(&position->rest, producer, PRODUCER_NAME_BYTES);
    *seq_out = bytes_get_u64(&position->rest);
    return !position->rest.failed;
}

bool
verify_read_next(const uint8_t *key, size_t key_bytes, const uint8_t *row,
                 size_t bytes, struct verify_next *next_out)
{
    struct bytes_reader reader;

    if (!read_stream_key(key, key_bytes, "out", next_out->topic,
                         &next_out->partition))
        return false;
    start(&reader, row, bytes);
    next_out->seq = bytes_get_u64(&reader);
    return bytes_all_read(&reader) && next_out->seq > 0;
}

bool
verify_read_waiting(const uint8_t *key, size_t key_bytes, const uint8_t *row,
                    size_t bytes, struct verify_waiting *waiting_out)
{
    struct bytes_reader reader;

    bytes_reader_init(&reader, key, key_bytes);
    bytes_get_text(&reader, waiting_out->topic, TOPIC_NAME_BYTES);
    waiting_out->partition = bytes_get_u16(&reader);
    waiting_out->first_seq = bytes_get_u64(&reader);
    if (!bytes_all_read(&reader))
        return false;
    bytes_reader_init(&reader, row, bytes);
    waiting_out->count = bytes_get_u32(&reader);
    waiting_out->bytes_count = bytes - reader.used;
    waiting_out->bytes = bytes_get(&reader, waiting_out->bytes_count);
    return bytes_all_read(&reader) && waiting_out->count > 0;
}

bool
verify_read_parked(const uint8_t *row, size_t bytes,
                   struct verify_parked *parked_out)
{
    struct bytes_reader reader;

    start(&reader, row, bytes);
    parked_out->order = bytes_get_u64(&reader);
    parked_out->user = bytes_get_u64(&reader);
    bytes_get_text(&reader, parked_out->topic, TOPIC_NAME_BYTES);
    parked_out->partition = bytes_get_u16(&reader);
    parked_out->offset = bytes_get_u64(&reader);
    parked_out->count = bytes_get_u32(&reader);
    return !reader.failed; /* the event and why follow */
}
