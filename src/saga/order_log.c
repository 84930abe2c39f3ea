#include "saga/order_log.h"

#define SECOND_US 1000000
#define TRACE_AT 3 /* in a traceparent: behind "00-" */
#define TRACE_BYTES 32

void
order_log_init(struct order_log *log, const char *process, uint64_t lines_max)
{
    size_t bytes = strnlen(process, sizeof(log->process) - 1);

    memset(log->process, 0, sizeof(log->process));
    memcpy(log->process, process, bytes);
    log->lines_max = lines_max;
    log->second = log->told_second = 0;
    for (unsigned i = 0; i < ORDER_LOG_KINDS; i++)
        log->paces[i] = (struct order_log_pace){ .every = 1 };
    text_writer_init(&log->text, log->buffer, sizeof(log->buffer));
}

/* A new second: who asked for too much before gets fewer orders, by a power
 * of two, so that a slower process tells all that a faster one does. */
static void
next_second(struct order_log *log, int64_t second)
{
    for (unsigned i = 0; i < ORDER_LOG_KINDS; i++) {
        struct order_log_pace *pace = &log->paces[i];

        pace->every = 1;
        while (pace->asked / pace->every > log->lines_max)
            pace->every *= 2;
        pace->asked = pace->said = 0;
    }
    log->second = second;
}

/* One of `every` orders, the same in each process, also where one gateway has
 * the odd numbers and another the even ones. */
static bool
is_chosen(struct order_id order, uint64_t every)
{
    return (order.value * UINT64_C(0x9e3779b97f4a7c15) >> 32 &
            (every - 1)) == 0;
}

/* True if the line may be said, and is counted as one that is. */
static bool
may_say(struct order_log *log, struct order_log_pace *pace,
        struct order_id order)
{
    pace->asked++;
    if (is_chosen(order, pace->every) &&
        pace->said < log->lines_max &&
        log->text.size - log->text.used >= 2 * ORDER_LOG_LINE_BYTES_MAX) {
        pace->said++;
        return true;
    }
    pace->unsaid++;
    return false;
}

static void
put_head(struct order_log *log, const char *level, const char *event,
         int64_t now_us)
{
    text_put(&log->text, "time=");
    text_put_time(&log->text, now_us);
    text_put(&log->text, level);
    text_put(&log->text, log->process);
    text_put(&log->text, " event=");
    text_put(&log->text, event);
}

bool
order_log_begin(struct order_log *log, enum order_log_kind kind,
                const char *event, struct order_id order, int64_t now_us)
{
    if (log->lines_max == 0)
        return false;
    if (now_us / SECOND_US != log->second)
        next_second(log, now_us / SECOND_US);
    if (!may_say(log, &log->paces[kind], order))
        return false;
    log->line = log->text.used;
    put_head(log, " level=info process=", event, now_us);
    order_log_number(log, "order", order.value);
    return true;
}

static void
put_name(struct order_log *log, const char *name)
{
    text_put(&log->text, " ");
    text_put(&log->text, name);
    text_put(&log->text, "=");
}

void
order_log_number(struct order_log *log, const char *name, uint64_t value)
{
    if (value == 0)
        return;
    put_name(log, name);
    text_put_uint(&log->text, value);
}

void
order_log_text(struct order_log *log, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    put_name(log, name);
    text_put(&log->text, text);
}

void
order_log_money(struct order_log *log, const char *name, struct money amount)
{
    put_name(log, name);
    text_put_money(&log->text, amount);
}

void
order_log_ms(struct order_log *log, int64_t from_us, int64_t to_us)
{
    put_name(log, "ms");
    text_put_uint(&log->text,
                  to_us > from_us ? (uint64_t)(to_us - from_us) / 1000 : 0);
}

void
order_log_trace(struct order_log *log, const char *traceparent)
{
    if (strnlen(traceparent, TRACE_AT + TRACE_BYTES) < TRACE_AT + TRACE_BYTES)
        return;
    put_name(log, "trace");
    text_put_bytes(&log->text, traceparent + TRACE_AT, TRACE_BYTES);
}

void
order_log_end(struct order_log *log)
{
    text_put(&log->text, "\n");
    if (!log->text.failed &&
        log->text.used - log->line <= ORDER_LOG_LINE_BYTES_MAX)
        return;
    log->text.used = log->line;
    log->text.failed = false;
    log->paces[ORDER_LOG_UNUSUAL].unsaid++;
}

/* Once a second at most, and in the second after. */
static void
tell_unsaid(struct order_log *log, int64_t now_us)
{
    int64_t second = now_us / SECOND_US;
    uint64_t lines = 0;

    if (second == log->told_second)
        return;
    log->told_second = second;
    if (second != log->second)
        next_second(log, second);
    for (unsigned i = 0; i < ORDER_LOG_KINDS; i++) {
        lines += log->paces[i].unsaid;
        log->paces[i].unsaid = 0;
    }
    if (lines == 0)
        return;
    put_head(log, " level=info process=", "orders_unsaid", now_us);
    order_log_number(log, "lines", lines);
    order_log_number(log, "next_every", log->paces[ORDER_LOG_USUAL].every);
    text_put(&log->text, "\n");
}

size_t
order_log_take(struct order_log *log, int64_t now_us)
{
    size_t bytes;

    if (log->lines_max == 0)
        return 0;
    tell_unsaid(log, now_us);
    bytes = log->text.used;
    invariant(!log->text.failed);
    text_writer_init(&log->text, log->buffer, sizeof(log->buffer));
    return bytes;
}
