#include "gateway/http_metrics.h"

#include <stdio.h>

static void
put_head(struct text_writer *writer, const char *name, const char *type,
         const char *help)
{
    text_put(writer, "# HELP ");
    text_put(writer, name);
    text_put(writer, " ");
    text_put(writer, help);
    text_put(writer, "\n# TYPE ");
    text_put(writer, name);
    text_put(writer, " ");
    text_put(writer, type);
    text_put(writer, "\n");
}

static void
put_value(struct text_writer *writer, const char *name, uint64_t value)
{
    text_put(writer, name);
    text_put(writer, " ");
    text_put_uint(writer, value);
    text_put(writer, "\n");
}

static void
put_labelled(struct text_writer *writer, const char *name, const char *label,
             const char *text, uint64_t value)
{
    char line[128];

    snprintf(line, sizeof(line), "%s{%s=\"%s\"}", name, label, text);
    put_value(writer, line, value);
}

static void
put_counter(struct text_writer *writer, const char *name, const char *help,
            uint64_t value)
{
    put_head(writer, name, "counter", help);
    put_value(writer, name, value);
}

static void
put_gauge(struct text_writer *writer, const char *name, const char *help,
          uint64_t value)
{
    put_head(writer, name, "gauge", help);
    put_value(writer, name, value);
}

static void
put_seconds(struct text_writer *writer, const char *name, const char *type,
            const char *help, uint64_t us)
{
    char line[128];

    put_head(writer, name, type, help);
    snprintf(line, sizeof(line), "%s %llu.%06llu\n", name,
             (unsigned long long)(us / 1000000),
             (unsigned long long)(us % 1000000));
    text_put(writer, line);
}

static void
put_orders(struct text_writer *writer, const struct gateway_metrics *metrics)
{
    put_head(writer, "sagapipe_orders_total", "counter",
             "Orders that reached this state, since the store was created.");
    for (unsigned i = ORDER_CREATED; i < ORDER_STATUS_COUNT; i++)
        put_labelled(writer, "sagapipe_orders_total", "status",
                     order_status_name((enum order_status)i),
                     metrics->orders[i]);
    put_head(writer, "sagapipe_orders_refused_total", "counter",
             "Failed orders by their reason, since the store was created.");
    for (unsigned i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++)
        put_labelled(writer, "sagapipe_orders_refused_total", "reason",
                     refusal_name((enum refusal)i), metrics->refusals[i]);
    put_gauge(writer, "sagapipe_parked_orders",
              "Orders that wait because an event of theirs is parked.",
              metrics->parked_orders);
    put_gauge(writer, "sagapipe_users", "Users that the gateway knows.",
              metrics->users);
    put_counter(writer, "sagapipe_transactions_total",
                "Transactions of the ledger that the gateway knows.",
                metrics->transactions);
}

static void
put_participant(struct text_writer *writer,
                const struct report *report, bool bus_up)
{
    put_gauge(writer, "sagapipe_outbox_backlog",
              "Events emitted that the broker has not acknowledged.",
              report->outbox);
    put_gauge(writer, "sagapipe_broker_up", "1 if the broker answers.",
              bus_up ? 1 : 0);
    put_counter(writer, "sagapipe_events_in_total",
                "Events taken from topics, since the process started.",
                report->events_in);
    put_counter(writer, "sagapipe_events_duplicate_total",
                "Events that came again and changed nothing.",
                report->events_duplicate);
    put_counter(writer, "sagapipe_events_out_total",
                "Events emitted, since the process started.",
                report->events_out);
    put_counter(writer, "sagapipe_commands_total",
                "Requests that the store thread took.", report->commands);
    put_counter(writer, "sagapipe_turns_total",
                "Turns of the store thread's loop.", report->turns);
}

static void
put_store(struct text_writer *writer, const struct report *report)
{
    put_counter(writer, "sagapipe_store_commits_total",
                "Transactions committed, since the process started.",
                report->commits);
    put_counter(writer, "sagapipe_store_flushes_total",
                "Waits for the disk (fsync).", report->flushes);
    put_seconds(writer, "sagapipe_store_flush_seconds_total", "counter",
                "Time spent in them.", report->flush_us.sum);
    put_seconds(writer, "sagapipe_store_flush_seconds_max", "gauge",
                "The longest of them.", report->flush_us_max);
    put_counter(writer, "sagapipe_store_checkpoints_total",
                "Checkpoints written.", report->checkpoints);
}

static void
put_process(struct text_writer *writer, const struct report *report,
            const struct http_facts *facts)
{
    put_head(writer, "sagapipe_http_requests_total", "counter",
             "Replies sent over HTTP, since the process started.");
    for (unsigned i = 0; i < HTTP_STATUS_COUNT; i++) {
        char code[16];

        if (facts->replies[i] == 0)
            continue;
        snprintf(code, sizeof(code), "%u", i);
        put_labelled(writer, "sagapipe_http_requests_total", "code", code,
                     facts->replies[i]);
    }
    put_seconds(writer, "process_start_time_seconds", "gauge",
                "When the process started, in seconds since 1970.",
                (uint64_t)facts->started_us);
    put_gauge(writer, "process_resident_memory_bytes",
              "Memory that the process holds.", report->resident_bytes);
}

void
metrics_write(struct text_writer *writer,
              const struct gateway_metrics *metrics,
              const struct http_facts *facts)
{
    put_orders(writer, metrics);
    put_participant(writer, &metrics->report, facts->bus_up);
    put_store(writer, &metrics->report);
    put_process(writer, &metrics->report, facts);
}
