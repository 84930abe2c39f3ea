#include "ledger/ledger_journal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "saga/bytes.h"
#include "saga/log.h"

#define ROW_VERSION 1
#define ROW_BYTES_MAX 32768
#define ROW_HEAD_BYTES 11
#define ENTRY_HEAD_BYTES 26
#define POSTING_BYTES 17
#define ENTRY_BYTES_MAX                                                        \
    (ENTRY_HEAD_BYTES + LEDGER_POSTINGS_MAX * POSTING_BYTES)

_Static_assert(ROW_HEAD_BYTES + ENTRY_BYTES_MAX <= ROW_BYTES_MAX,
               "the largest entry must fit into an empty row");
_Static_assert(ROW_BYTES_MAX / ENTRY_HEAD_BYTES <= UINT16_MAX,
               "the head counts a row's entries with two octets");

struct ledger_journal {
    struct store_table *table;
    uint64_t entries;          /* the last entry's number, appended ones too */
    uint64_t transactions;     /* and the last transaction's                 */
    uint32_t waiting_count;    /* entries in `waiting`                       */
    struct bytes_writer waiting;
    uint8_t bytes[ROW_BYTES_MAX];
};

/* What stands in front of a row's entries. */
struct row_head {
    uint64_t first; /* the key */
    uint64_t transactions;
    uint32_t count;
};

static void
entry_encode(const struct ledger_entry *entry, struct bytes_writer *writer)
{
    uint32_t i;

    bytes_put_u8(writer, (uint8_t)entry->kind);
    bytes_put_u64(writer, entry->order.value);
    bytes_put_u64(writer, entry->transaction.value);
    bytes_put_i64(writer, entry->time_us);
    bytes_put_u8(writer, (uint8_t)entry->count);
    for (i = 0; i < entry->count; i++) {
        bytes_put_u64(writer, ledger_account_key(entry->postings[i].account));
        bytes_put_u8(writer, (uint8_t)entry->postings[i].side);
        bytes_put_i64(writer, entry->postings[i].amount.minor);
    }
}

/* False if it is no entry, or one that could not have been written. */
static bool
entry_decode(struct ledger_entry *entry, struct bytes_reader *reader)
{
    uint32_t i;

    entry->kind = (enum ledger_entry_kind)bytes_get_u8(reader);
    entry->order.value = bytes_get_u64(reader);
    entry->transaction.value = bytes_get_u64(reader);
    entry->time_us = bytes_get_i64(reader);
    entry->count = bytes_get_u8(reader);
    if (entry->count > LEDGER_POSTINGS_MAX)
        return false;
    for (i = 0; i < entry->count; i++) {
        struct ledger_posting *posting = &entry->postings[i];
        posting->account = ledger_account_of_key(bytes_get_u64(reader));
        posting->side = (enum ledger_side)bytes_get_u8(reader);
        posting->amount.minor = bytes_get_i64(reader);
    }
    return !reader->failed && ledger_entry_check(entry) == LEDGER_FAULT_NONE;
}

static bool
head_decode(struct row_head *head, const struct store_row *row,
            struct bytes_reader *reader_out)
{
    uint8_t version;

    bytes_reader_init(reader_out, row->key, row->key_bytes);
    head->first = bytes_get_u64(reader_out);
    if (!bytes_all_read(reader_out))
        return false;
    bytes_reader_init(reader_out, row->value, row->bytes);
    version = bytes_get_u8(reader_out);
    head->count = bytes_get_u16(reader_out);
    head->transactions = bytes_get_u64(reader_out);
    return !reader_out->failed && version == ROW_VERSION && head->count > 0;
}

/* Reads the entry with that number, and all of its row, to know that it is
 * whole.  RC_NOT_FOUND if the row ends before it. */
static enum rc
row_read(const struct store_row *row, uint64_t id, struct row_head *head,
         struct ledger_entry *entry_out)
{
    struct ledger_entry entry = { .id = 0 };
    struct bytes_reader reader;
    bool whole = head_decode(head, row, &reader);
    uint32_t i;

    for (i = 0; whole && i < head->count; i++) {
        whole = entry_decode(&entry, &reader);
        entry.id = head->first + i;
        if (entry.id == id)
            *entry_out = entry;
    }
    if (!whole || !bytes_all_read(&reader)) {
        log_error("row_damaged", "row=entries first=%" PRIu64, head->first);
        return RC_DAMAGED;
    }
    return id < head->first + head->count ? RC_OK : RC_NOT_FOUND;
}

/* Where the numbers go on: behind the last row. */
static enum rc
numbers_load(struct ledger_journal *journal)
{
    struct ledger_entry last;
    struct store_cursor *cursor;
    struct store_row row;
    struct row_head head = { 0 };
    enum rc rc = store_cursor_open(journal->table, &cursor);

    if (rc != RC_OK)
        return rc;
    rc = store_cursor_last(cursor, &row);
    if (rc == RC_OK)
        rc = row_read(&row, 0, &head, &last);
    store_cursor_close(&cursor);
    if (rc == RC_NOT_FOUND)
        return RC_OK;
    journal->entries = head.first + head.count - 1;
    journal->transactions = head.transactions;
    return rc;
}

static void
row_begin(struct ledger_journal *journal)
{
    journal->waiting_count = 0;
    bytes_writer_init(&journal->waiting, journal->bytes,
                      sizeof journal->bytes);
    journal->waiting.used = ROW_HEAD_BYTES; /* is filled in at the end */
}

enum rc
ledger_journal_open(struct ledger_journal **journal_out, struct store *store)
{
    struct ledger_journal *journal = calloc(1, sizeof *journal);
    enum rc rc;

    if (journal == NULL)
        return RC_NO_MEMORY;
    row_begin(journal);
    rc = store_table_open(store, "journal", &journal->table);
    if (rc == RC_OK)
        rc = numbers_load(journal);
    if (rc != RC_OK) {
        ledger_journal_close(&journal);
        return rc;
    }
    *journal_out = journal;
    return RC_OK;
}

void
ledger_journal_close(struct ledger_journal **journal_p)
{
    free(*journal_p); /* the table's handle is the store's */
    *journal_p = NULL;
}

void
ledger_journal_number(const struct ledger_journal *journal,
                      struct ledger_entry *entry)
{
    entry->id = journal->entries + 1;
    if (entry->kind == LEDGER_ENTRY_PURCHASE)
        entry->transaction.value = journal->transactions + 1;
}

enum rc
ledger_journal_append(struct ledger_journal *journal,
                      const struct ledger_entry *entry)
{
    enum rc rc;

    if (ledger_entry_check(entry) != LEDGER_FAULT_NONE)
        return RC_MALFORMED;
    if (journal->waiting.used + ENTRY_BYTES_MAX > ROW_BYTES_MAX) {
        rc = ledger_journal_write(journal);
        if (rc != RC_OK)
            return rc;
    }
    journal->entries++;
    invariant(entry->id == journal->entries);
    if (entry->kind == LEDGER_ENTRY_PURCHASE) {
        journal->transactions++;
        invariant(entry->transaction.value == journal->transactions);
    }
    entry_encode(entry, &journal->waiting);
    journal->waiting_count++;
    invariant(!journal->waiting.failed);
    return RC_OK;
}

enum rc
ledger_journal_write(struct ledger_journal *journal)
{
    uint8_t key[NUMBER_KEY_BYTES];
    struct bytes_writer writer;
    enum rc rc;

    if (journal->waiting_count == 0)
        return RC_OK;
    bytes_writer_init(&writer, journal->bytes, ROW_HEAD_BYTES);
    bytes_put_u8(&writer, ROW_VERSION);
    bytes_put_u16(&writer, (uint16_t)journal->waiting_count);
    bytes_put_u64(&writer, journal->transactions);
    invariant(!writer.failed && writer.used == ROW_HEAD_BYTES);
    number_key_encode(journal->entries - journal->waiting_count + 1, key);
    rc = store_put_new(journal->table, key, sizeof key, journal->bytes,
                       journal->waiting.used);
    invariant(rc != RC_EXISTS); /* its number was the next one */
    row_begin(journal);
    return rc;
}

enum rc
ledger_journal_get(struct ledger_journal *journal, uint64_t id,
                   struct ledger_entry *entry_out)
{
    uint8_t key[NUMBER_KEY_BYTES];
    struct store_cursor *cursor;
    struct store_row row;
    struct row_head head = { 0 };
    enum rc rc = store_cursor_open(journal->table, &cursor);

    if (rc != RC_OK)
        return rc;
    number_key_encode(id, key);
    rc = store_cursor_seek_back(cursor, key, sizeof key, &row);
    if (rc == RC_OK)
        rc = row_read(&row, id, &head, entry_out);
    store_cursor_close(&cursor);
    return rc;
}
