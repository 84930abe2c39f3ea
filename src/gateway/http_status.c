#include "gateway/http_status.h"

#include <stdio.h>

#include "gateway/pipeline_view.h"

/* A literal: a number with a point, true, null. */
static void
put_literal(struct text_writer *writer, const char *name, const char *literal)
{
    json_key(writer, name);
    text_put(writer, literal);
    writer->comma = true;
}

/* Seconds with milliseconds; null below 0. */
static void
put_seconds(struct text_writer *writer, const char *name, int64_t us)
{
    char text[32] = "null";

    if (us >= 0)
        snprintf(text, sizeof(text), "%lld.%03lld", (long long)(us / 1000000),
                 (long long)(us / 1000 % 1000));
    put_literal(writer, name, text);
}

/* ---- processes -------------------------------------------------------- */

static void
put_report(struct text_writer *writer, const struct report *report)
{
    json_put_uint(writer, "pid", report->pid);
    json_put_uint(writer, "restarts", report->restarts);
    json_put_uint(writer, "residentBytes", report->resident_bytes);
    json_put_uint(writer, "turns", report->turns);
    json_put_uint(writer, "eventsIn", report->events_in);
    json_put_uint(writer, "eventsOut", report->events_out);
    json_put_uint(writer, "duplicates", report->events_duplicate);
    json_put_uint(writer, "commands", report->commands);
    json_put_uint(writer, "outbox", report->outbox);
    json_put_uint(writer, "parked", report->parked);
    json_put_uint(writer, "flushes", report->flushes);
    put_seconds(writer, "flushSeconds", (int64_t)report->flush_us.sum);
    put_seconds(writer, "flushMaxSeconds", (int64_t)report->flush_us_max);
}

static void
put_process(struct text_writer *writer, const struct gateway_metrics *metrics,
            const struct pipeline_process *process)
{
    json_begin(writer, '{');
    json_put_text(writer, "name", process->name);
    json_put_bool(writer, "up", process->up);
    json_put_bool(writer, "silent", process->silent);
    put_seconds(writer, "ageSeconds", process->age_us);
    if (process->report != NULL) {
        json_put_uint(writer, "uptimeSeconds",
                      pipeline_uptime_us(metrics, process) / 1000000);
        put_report(writer, process->report);
    }
    json_end(writer, '}');
}

static void
put_processes(struct text_writer *writer,
              const struct gateway_metrics *metrics)
{
    struct pipeline_process rows[PIPELINE_PROCESSES_MAX];
    uint32_t count = pipeline_processes(metrics, rows);
    uint64_t parked = 0;

    json_key(writer, "processes");
    json_begin(writer, '[');
    for (uint32_t i = 0; i < count; i++)
        put_process(writer, metrics, &rows[i]);
    json_end(writer, ']');
    json_key(writer, "outbox");
    json_begin(writer, '{');
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].report == NULL ||
            strcmp(rows[i].name, process_name(PROCESS_BROKER)) == 0)
            continue;
        json_put_uint(writer, rows[i].name, rows[i].report->outbox);
        parked += rows[i].report->parked;
    }
    json_end(writer, '}');
    json_put_uint(writer, "parked", parked);
}

/* ---- topics ----------------------------------------------------------- */

static void
put_topics(struct text_writer *writer, const struct bus_status *status)
{
    json_key(writer, "topics");
    json_begin(writer, '[');
    for (uint32_t i = 0; i < status->topics_count; i++) {
        const struct bus_topic_status *topic = &status->topics[i];

        json_begin(writer, '{');
        json_put_text(writer, "topic", topic->topic);
        json_put_uint(writer, "partition", topic->partition);
        json_put_uint(writer, "begin", topic->begin);
        json_put_uint(writer, "end", topic->end);
        json_put_uint(writer, "bytes", topic->bytes);
        json_end(writer, '}');
    }
    json_end(writer, ']');
}

static void
put_consumers(struct text_writer *writer, const struct bus_status *status)
{
    json_key(writer, "consumers");
    json_begin(writer, '[');
    for (uint32_t i = 0; i < status->consumers_count; i++) {
        const struct bus_consumer_status *consumer = &status->consumers[i];

        json_begin(writer, '{');
        json_put_text(writer, "consumer", consumer->consumer);
        json_put_text(writer, "topic", consumer->topic);
        json_put_uint(writer, "partition", consumer->partition);
        json_put_uint(writer, "position", consumer->position);
        json_put_uint(writer, "lag", bus_status_lag(status, consumer));
        json_end(writer, '}');
    }
    json_end(writer, ']');
}

/* ---- orders ----------------------------------------------------------- */

/* Those that ended since the gateway started: within how many milliseconds
 * how many; the rest, of all that ended, took longer. */
static void
put_sagas(struct text_writer *writer, const struct histogram *saga_us)
{
    uint64_t count = 0;
    char ms[32];

    json_key(writer, "sagas");
    json_begin(writer, '{');
    json_put_uint(writer, "ended", histogram_count(saga_us));
    put_seconds(writer, "seconds", (int64_t)saga_us->sum);
    json_key(writer, "within");
    json_begin(writer, '[');
    for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
        count += saga_us->counts[i];
        snprintf(ms, sizeof(ms), "%llu.%03llu",
                 (unsigned long long)(histogram_us_bounds[i] / 1000),
                 (unsigned long long)(histogram_us_bounds[i] % 1000));
        json_begin(writer, '{');
        put_literal(writer, "ms", ms);
        json_put_uint(writer, "ended", count);
        json_end(writer, '}');
    }
    json_end(writer, ']');
    json_end(writer, '}');
}

static void
put_orders(struct text_writer *writer, const struct gateway_metrics *metrics)
{
    uint64_t age_us;

    json_key(writer, "orders");
    json_begin(writer, '{');
    json_put_uint(writer, "created", metrics->orders[ORDER_CREATED]);
    json_put_uint(writer, "completed", metrics->orders[ORDER_COMPLETED]);
    json_put_uint(writer, "failed", metrics->orders[ORDER_FAILED]);
    json_put_uint(writer, "cancelled", metrics->orders[ORDER_CANCELLED]);
    json_put_uint(writer, "open", metrics->open);
    put_seconds(writer, "oldestOpenSeconds",
                pipeline_oldest_open_us(metrics, &age_us) ? (int64_t)age_us
                                                          : -1);
    json_end(writer, '}');
    json_key(writer, "refusals");
    json_begin(writer, '{');
    for (unsigned i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++)
        if (metrics->refusals[i] > 0)
            json_put_uint(writer, refusal_name((enum refusal)i),
                          metrics->refusals[i]);
    json_end(writer, '}');
    put_sagas(writer, &metrics->saga_us);
}

void
status_write(struct text_writer *writer, const struct gateway_metrics *metrics,
             const struct http_facts *facts)
{
    json_begin(writer, '{');
    json_key(writer, "time");
    json_time(writer, metrics->now_us);
    json_key(writer, "broker");
    json_begin(writer, '{');
    json_put_bool(writer, "up", facts->bus_up);
    put_seconds(writer, "ageSeconds", metrics->status_age_us);
    json_end(writer, '}');
    put_orders(writer, metrics);
    put_processes(writer, metrics);
    put_topics(writer, &metrics->status);
    put_consumers(writer, &metrics->status);
    json_put_uint(writer, "users", metrics->users);
    json_put_uint(writer, "transactions", metrics->transactions);
    json_put_uint(writer, "parkedOrders", metrics->parked_orders);
    json_put_bool(writer, "cut", metrics->status.cut);
    json_end(writer, '}');
}

/* Names have no character that JSON escapes; numbers have 20 digits. */
_Static_assert(8192 + PIPELINE_PROCESSES_MAX * 900 +
                       BUS_STATUS_TOPICS_MAX * 192 +
                       BUS_STATUS_CONSUMERS_MAX * 224 <=
                   STATUS_TEXT_BYTES_MAX,
               "the longest status fits");
