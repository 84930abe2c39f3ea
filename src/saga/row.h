/*
 * row.h - rows with a number for a key, as structs
 *
 * A row_format says how a struct stands in a table's value; the key is an
 * unsigned 64-bit integer, big-endian, so that the order of keys is the order
 * of numbers.  A value begins with an octet of version, which encode and
 * decode look after.
 *
 * Layer: above store.h.
 */
#ifndef SAGA_ROW_H
#define SAGA_ROW_H

#include "saga/bytes.h"
#include "saga/store.h"

#define ROW_VALUE_BYTES_MAX 256 /* of an encoded row */

/* How a row stands in memory and in the table. */
struct row_format {
    const char *name; /* of one row, for a log line */
    size_t row_bytes; /* of the struct in memory    */
    void (*encode)(const void *row, struct bytes_writer *writer);
    /* False if the bytes are not such a row; that all were read is looked
     * after here.  *row is all zero before. */
    bool (*decode)(void *row, struct bytes_reader *reader);
};

/* RC_NOT_FOUND, and *row_out all zero, if there is none.  RC_DAMAGED, and a
 * line in the log, if it can't be decoded. */
MUST_USE enum rc row_get(struct store_table *table,
                         const struct row_format *format, uint64_t key,
                         void *row_out);

/* Inside a transaction only, as store_put() and store_put_new(). */
MUST_USE enum rc row_put(struct store_table *table,
                         const struct row_format *format, uint64_t key,
                         const void *row);
MUST_USE enum rc row_put_new(struct store_table *table,
                             const struct row_format *format, uint64_t key,
                             const void *row);

#endif
