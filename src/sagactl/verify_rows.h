/*
 * verify_rows.h - the rows of payment, the ledger and the participant loop,
 * read by another pen than theirs
 *
 * docs/ACCOUNTS.md and the headers of inbox.h, outbox.h and parking.h have the
 * forms.  The processes' own readers refuse rows that break their laws; these
 * read whatever has the form, so that what is wrong can be told.  False: it
 * does not have it.
 *
 * Core.
 */
#ifndef VERIFY_ROWS_H
#define VERIFY_ROWS_H

#include "ledger/ledger_post.h"
#include "payment/payment_decide.h"
#include "saga/bytes.h"

bool verify_read_id(const uint8_t *key, size_t bytes, uint64_t *id_out);

bool verify_read_account(const uint8_t *row, size_t bytes,
                         struct account *account_out);
bool verify_read_payment(const uint8_t *row, size_t bytes,
                         struct payment_order *order_out);
bool verify_read_credit(const uint8_t *row, size_t bytes,
                        struct payment_credit *credit_out);

bool verify_read_balance(const uint8_t *row, size_t bytes,
                         struct ledger_balance *balance_out);
bool verify_read_ledger_order(const uint8_t *row, size_t bytes,
                              struct ledger_order *order_out);

/* A row of the journal: its head, then `count` entries.  An entry is not
 * checked here (ledger_entry_check). */
struct verify_journal {
    uint32_t count;
    uint64_t transactions; /* up to the row's end */
    struct bytes_reader rest;
};
bool verify_read_journal(const uint8_t *row, size_t bytes,
                         struct verify_journal *journal_out);
bool verify_read_entry(struct verify_journal *journal,
                       struct ledger_entry *entry_out);

/* A participant's position in what it reads: then `seen_count` producers. */
struct verify_position {
    char topic[TOPIC_NAME_BYTES];
    uint32_t partition;
    uint64_t offset;
    uint32_t seen_count;
    struct bytes_reader rest;
};
/* What it will write next. */
struct verify_next {
    char topic[TOPIC_NAME_BYTES];
    uint32_t partition;
    uint64_t seq;
};
bool verify_read_position(const uint8_t *key, size_t key_bytes,
                          const uint8_t *row, size_t bytes,
                          struct verify_position *position_out);
bool verify_read_seen(struct verify_position *position,
                      char producer[PRODUCER_NAME_BYTES], uint64_t *seq_out);
bool verify_read_next(const uint8_t *key, size_t key_bytes, const uint8_t *row,
                      size_t bytes, struct verify_next *next_out);

/* One batch that waits in an outbox. */
struct verify_waiting {
    char topic[TOPIC_NAME_BYTES];
    uint32_t partition;
    uint64_t first_seq;
    uint32_t count;
    const uint8_t *bytes; /* in the row */
    size_t bytes_count;
};
bool verify_read_waiting(const uint8_t *key, size_t key_bytes,
                         const uint8_t *row, size_t bytes,
                         struct verify_waiting *waiting_out);

/* What is needed of an event that was set aside. */
struct verify_parked {
    uint64_t order; /* 0: could not be told */
    uint64_t user;
    char topic[TOPIC_NAME_BYTES];
    uint32_t partition;
    uint64_t offset;
    uint32_t count;
};
bool verify_read_parked(const uint8_t *row, size_t bytes,
                        struct verify_parked *parked_out);

#endif
