/*
 * http_rows.h - orders, products, users and transactions as JSON
 *
 * Every function writes one object of at most ROW_TEXT_BYTES_MAX bytes (an
 * order with its timeline: ORDER_TEXT_BYTES_MAX).
 *
 * Pure: functions of their arguments.
 */
#ifndef GATEWAY_HTTP_ROWS_H
#define GATEWAY_HTTP_ROWS_H

#include "gateway/request.h"
#include "saga/text_writer.h"

#define ROW_TEXT_BYTES_MAX 448
#define ORDER_TEXT_BYTES_MAX 1536

void row_write_order(struct text_writer *writer, const struct order_row *order,
                     const char *currency);
/* With transactionId, timeline, what is parked of it (order 0: nothing) and
 * the traceparent that it came with (""), as far as they are known. */
void row_write_order_whole(struct text_writer *writer,
                           const struct order_row *order,
                           const struct parked_row *parked,
                           const char *trace, const char *currency);
void row_write_product(struct text_writer *writer,
                       const struct product_row *product);
void row_write_user(struct text_writer *writer, const struct user_row *user);
void row_write_credit(struct text_writer *writer, struct user_id user,
                      struct credit_id credit, struct money amount);
void row_write_transaction(struct text_writer *writer,
                           const struct transaction_row *transaction);

#endif
