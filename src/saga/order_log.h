/*
 * order_log.h - the lines that tell an order's story, gathered for one write
 *
 *   time=... level=info process=payment event=payment_decided order=81 user=1
 *   status=APPROVED price=50.00 balance=50.00 ms=1 trace=4bf9...
 *
 * A line is formatted into memory; the owner writes all of a turn at once,
 * when the turn is on disk.  So much is bounded: `lines_max` per second of each
 * kind, and the memory.  When there are more, every second, fourth, eighth ...
 * order is told, by its number and not by chance, so that those that are told
 * are told by every process; and one line per second says how many were not.
 *
 * Names and texts are ours or checked: nothing here needs quotes.
 *
 * Core.
 */
#ifndef SAGA_ORDER_LOG_H
#define SAGA_ORDER_LOG_H

#include "saga/ids.h"
#include "saga/text_writer.h"

#define ORDER_LOG_BYTES (128u << 10)
#define ORDER_LOG_LINE_BYTES_MAX 512
#define ORDER_LOG_PROCESS_BYTES 32

enum order_log_kind {
    ORDER_LOG_USUAL = 0, /* what nearly every order goes through         */
    ORDER_LOG_UNUSUAL,   /* failed, cancelled, given back: never crowded
                            out by the others                            */
    ORDER_LOG_KINDS
};

struct order_log_pace {
    uint64_t asked;  /* lines in this second                   */
    uint64_t said;
    uint64_t unsaid; /* since that was told last               */
    uint64_t every;  /* one of so many orders: 1, 2, 4 ... */
};

struct order_log {
    char process[ORDER_LOG_PROCESS_BYTES];
    uint64_t lines_max; /* 0: nothing is said, not even how much is not */
    int64_t second;      /* that is counted                     */
    int64_t told_second; /* in which what is unsaid was told    */
    struct order_log_pace paces[ORDER_LOG_KINDS];
    struct text_writer text;
    size_t line; /* where the open line begins */
    char buffer[ORDER_LOG_BYTES];
};

void order_log_init(struct order_log *log, const char *process,
                    uint64_t lines_max);

/* Begins a line; false if it is not to be said: then no field may follow.
 * order 0: of none, as of an account. */
bool order_log_begin(struct order_log *log, enum order_log_kind kind,
                     const char *event, struct order_id order,
                     int64_t now_us);
/* Fields; what is 0, empty or NULL is left out (but a sum of money is not). */
void order_log_number(struct order_log *log, const char *name,
                      uint64_t value);
void order_log_text(struct order_log *log, const char *name,
                    const char *text);
void order_log_money(struct order_log *log, const char *name,
                     struct money amount);
/* "ms=12", from one time to another; a clock that was set back makes 0. */
void order_log_ms(struct order_log *log, int64_t from_us, int64_t to_us);
/* "trace=" and the trace's id out of a traceparent, "" for none. */
void order_log_trace(struct order_log *log, const char *traceparent);
/* Ends the line; one that became too long is dropped, and counted. */
void order_log_end(struct order_log *log);

/* What waits to be written: its length, the text in log->buffer; it is then
 * gone with the next line.  Adds a line about what was not said, once per
 * second. */
size_t order_log_take(struct order_log *log, int64_t now_us);

#endif
