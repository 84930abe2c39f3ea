#include "gateway/http_metrics.h"

#include <stdio.h>

#include "gateway/pipeline_view.h"

#define NAME_BYTES 64
#define LABELS_BYTES 160

/* ---- lines ------------------------------------------------------------ */

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

/* labels: "" or what stands between the braces. */
static void
put_name(struct text_writer *writer, const char *name, const char *labels)
{
    text_put(writer, name);
    if (labels[0] != '\0') {
        text_put(writer, "{");
        text_put(writer, labels);
        text_put(writer, "}");
    }
    text_put(writer, " ");
}

static void
put_value(struct text_writer *writer, const char *name, const char *labels,
          uint64_t value)
{
    put_name(writer, name, labels);
    text_put_uint(writer, value);
    text_put(writer, "\n");
}

static void
put_us(struct text_writer *writer, const char *name, const char *labels,
       uint64_t us)
{
    char seconds[40];

    put_name(writer, name, labels);
    snprintf(seconds, sizeof(seconds), "%llu.%06llu\n",
             (unsigned long long)(us / 1000000),
             (unsigned long long)(us % 1000000));
    text_put(writer, seconds);
}

static void
put_counter(struct text_writer *writer, const char *name, const char *help,
            uint64_t value)
{
    put_head(writer, name, "counter", help);
    put_value(writer, name, "", value);
}

static void
put_gauge(struct text_writer *writer, const char *name, const char *help,
          uint64_t value)
{
    put_head(writer, name, "gauge", help);
    put_value(writer, name, "", value);
}

static void
put_labelled(struct text_writer *writer, const char *name, const char *label,
             const char *text, uint64_t value)
{
    char labels[LABELS_BYTES];

    snprintf(labels, sizeof(labels), "%s=\"%s\"", label, text);
    put_value(writer, name, labels, value);
}

/* ---- histograms ------------------------------------------------------- */

/* One value of a histogram's own unit: a count, or microseconds told as
 * seconds. */
typedef void put_fn(struct text_writer *writer, const char *name,
                    const char *labels, uint64_t value);

/* Microseconds as seconds, without noughts behind: "0.00005", "10". */
static void
format_bound(char *text, size_t size, put_fn *put, uint64_t bound)
{
    size_t bytes;

    if (put != put_us) {
        snprintf(text, size, "%llu", (unsigned long long)bound);
        return;
    }
    snprintf(text, size, "%llu.%06llu", (unsigned long long)(bound / 1000000),
             (unsigned long long)(bound % 1000000));
    bytes = strlen(text);
    while (text[bytes - 1] == '0')
        text[--bytes] = '\0';
    if (text[bytes - 1] == '.')
        text[bytes - 1] = '\0';
}

/* labels: "" or what stands between the braces. */
static void
put_histogram(struct text_writer *writer, const char *name, const char *labels,
              put_fn *put, const uint64_t bounds[HISTOGRAM_BOUNDS],
              const struct histogram *histogram)
{
    const char *comma = labels[0] != '\0' ? "," : "";
    char full[NAME_BYTES], all[LABELS_BYTES], bound[32];
    uint64_t count = 0;

    snprintf(full, sizeof(full), "%s_bucket", name);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        count += histogram->counts[i];
        if (i < HISTOGRAM_BOUNDS)
            format_bound(bound, sizeof(bound), put, bounds[i]);
        else
            snprintf(bound, sizeof(bound), "+Inf");
        snprintf(all, sizeof(all), "%s%sle=\"%s\"", labels, comma, bound);
        put_value(writer, full, all, count);
    }
    snprintf(full, sizeof(full), "%s_sum", name);
    put(writer, full, labels, histogram->sum);
    snprintf(full, sizeof(full), "%s_count", name);
    put_value(writer, full, labels, count);
}

/* ---- orders ----------------------------------------------------------- */

static void
put_orders(struct text_writer *writer, const struct gateway_metrics *metrics)
{
    uint64_t age_us = 0;

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
    put_gauge(writer, "sagapipe_orders_open", "Orders that have not ended.",
              metrics->open);
    (void)pipeline_oldest_open_us(metrics, &age_us);
    put_head(writer, "sagapipe_oldest_open_order_seconds", "gauge",
             "How long the oldest of them waits; 0 if there is none.");
    put_us(writer, "sagapipe_oldest_open_order_seconds", "", age_us);
    put_head(writer, "sagapipe_saga_duration_seconds", "histogram",
             "From an order's placing to its end, since the gateway started.");
    put_histogram(writer, "sagapipe_saga_duration_seconds", "", put_us,
                  histogram_us_bounds, &metrics->saga_us);
    put_gauge(writer, "sagapipe_parked_orders",
              "Orders that wait because an event of theirs is parked.",
              metrics->parked_orders);
    put_gauge(writer, "sagapipe_users", "Users that the gateway knows.",
              metrics->users);
    put_counter(writer, "sagapipe_transactions_total",
                "Transactions of the ledger that the gateway knows.",
                metrics->transactions);
}

/* ---- processes -------------------------------------------------------- */

/* What is one number of a report. */
static const struct {
    const char *name;
    const char *type;
    const char *help;
    size_t member;
    bool brokers; /* the broker has one, too */
} families[] = {
#define M(member) offsetof(struct report, member)
    { "sagapipe_process_restarts_total", "counter",
      "Lives of the process here that ended unasked.", M(restarts), true },
    { "sagapipe_process_resident_memory_bytes", "gauge",
      "Memory that the process holds.", M(resident_bytes), true },
    { "sagapipe_outbox_backlog", "gauge",
      "Events emitted that the broker has not acknowledged.", M(outbox),
      false },
    { "sagapipe_parked_events", "gauge", "Events that wait for an operator.",
      M(parked), false },
    { "sagapipe_events_in_total", "counter",
      "Events taken, since the process started.", M(events_in), true },
    { "sagapipe_events_duplicate_total", "counter",
      "Events that came again and changed nothing.", M(events_duplicate),
      false },
    { "sagapipe_events_out_total", "counter",
      "Events emitted, since the process started.", M(events_out), false },
    { "sagapipe_commands_total", "counter",
      "Requests that the gateway's store thread took.", M(commands), false },
    { "sagapipe_turns_total", "counter", "Turns of the process's loop.",
      M(turns), true },
    { "sagapipe_store_commits_total", "counter",
      "Transactions committed, since the process started.", M(commits), true },
    { "sagapipe_store_flushes_total", "counter",
      "Waits for the disk (fsync).", M(flushes), true },
    { "sagapipe_store_checkpoints_total", "counter", "Checkpoints written.",
      M(checkpoints), true },
#undef M
};

struct rows {
    struct pipeline_process row[PIPELINE_PROCESSES_MAX];
    char labels[PIPELINE_PROCESSES_MAX][LABELS_BYTES];
    bool is_broker[PIPELINE_PROCESSES_MAX];
    uint32_t count;
};

static void
collect_rows(const struct gateway_metrics *metrics, struct rows *rows)
{
    rows->count = pipeline_processes(metrics, rows->row);
    for (uint32_t i = 0; i < rows->count; i++) {
        const char *name = rows->row[i].name;

        snprintf(rows->labels[i], LABELS_BYTES, "process=\"%s\"", name);
        rows->is_broker[i] = strcmp(name, process_name(PROCESS_BROKER)) == 0;
    }
}

static void
put_families(struct text_writer *writer, const struct rows *rows)
{
    for (size_t f = 0; f < ARRAY_COUNT(families); f++) {
        put_head(writer, families[f].name, families[f].type, families[f].help);
        for (uint32_t i = 0; i < rows->count; i++) {
            const char *report = (const char *)rows->row[i].report;

            if (report == NULL || (rows->is_broker[i] && !families[f].brokers))
                continue;
            put_value(writer, families[f].name, rows->labels[i],
                      *(const uint64_t *)(const void *)(report +
                                                        families[f].member));
        }
    }
}

static void
put_lives(struct text_writer *writer, const struct gateway_metrics *metrics,
          const struct rows *rows)
{
    put_head(writer, "sagapipe_up", "gauge",
             "1 if the process has told of itself in the last 5 seconds.");
    for (uint32_t i = 0; i < rows->count; i++)
        put_value(writer, "sagapipe_up", rows->labels[i], rows->row[i].up);
    put_head(writer, "sagapipe_process_report_age_seconds", "gauge",
             "How old is what is told of the process here.");
    for (uint32_t i = 0; i < rows->count; i++)
        if (rows->row[i].report != NULL)
            put_us(writer, "sagapipe_process_report_age_seconds",
                   rows->labels[i], (uint64_t)rows->row[i].age_us);
    put_head(writer, "sagapipe_process_uptime_seconds", "gauge",
             "How long the process runs, as it told last.");
    for (uint32_t i = 0; i < rows->count; i++)
        if (rows->row[i].report != NULL)
            put_us(writer, "sagapipe_process_uptime_seconds", rows->labels[i],
                   pipeline_uptime_us(metrics, &rows->row[i]));
}

static void
put_process_histograms(struct text_writer *writer, const struct rows *rows)
{
    put_head(writer, "sagapipe_batch_events", "histogram",
             "Inputs of one turn, which share one fsync.");
    for (uint32_t i = 0; i < rows->count; i++)
        if (rows->row[i].report != NULL)
            put_histogram(writer, "sagapipe_batch_events", rows->labels[i],
                          put_value, histogram_count_bounds,
                          &rows->row[i].report->turn_events);
    put_head(writer, "sagapipe_fsync_seconds", "histogram",
             "How long the store waited for the disk.");
    for (uint32_t i = 0; i < rows->count; i++)
        if (rows->row[i].report != NULL)
            put_histogram(writer, "sagapipe_fsync_seconds", rows->labels[i],
                          put_us, histogram_us_bounds,
                          &rows->row[i].report->flush_us);
    put_head(writer, "sagapipe_fsync_seconds_max", "gauge",
             "The longest of them, since the process started.");
    for (uint32_t i = 0; i < rows->count; i++)
        if (rows->row[i].report != NULL)
            put_us(writer, "sagapipe_fsync_seconds_max", rows->labels[i],
                   rows->row[i].report->flush_us_max);
}

/* ---- topics ----------------------------------------------------------- */

enum topic_value { TOPIC_BEGIN, TOPIC_END, TOPIC_BYTES };

static void
put_topics(struct text_writer *writer, const struct bus_status *status,
           const char *name, const char *help, enum topic_value value)
{
    put_head(writer, name, "gauge", help);
    for (uint32_t i = 0; i < status->topics_count; i++) {
        const struct bus_topic_status *topic = &status->topics[i];
        char labels[LABELS_BYTES];

        snprintf(labels, sizeof(labels), "topic=\"%s\",partition=\"%u\"",
                 topic->topic, topic->partition);
        put_value(writer, name, labels,
                  value == TOPIC_BEGIN ? topic->begin
                                       : value == TOPIC_END ? topic->end
                                                            : topic->bytes);
    }
}

static void
put_consumers(struct text_writer *writer, const struct bus_status *status,
              const char *name, const char *help, bool lag)
{
    put_head(writer, name, "gauge", help);
    for (uint32_t i = 0; i < status->consumers_count; i++) {
        const struct bus_consumer_status *consumer = &status->consumers[i];
        char labels[LABELS_BYTES];

        snprintf(labels, sizeof(labels),
                 "consumer=\"%s\",topic=\"%s\",partition=\"%u\"",
                 consumer->consumer, consumer->topic, consumer->partition);
        put_value(writer, name, labels,
                  lag ? bus_status_lag(status, consumer) : consumer->position);
    }
}

static void
put_broker(struct text_writer *writer, const struct gateway_metrics *metrics,
           bool bus_up)
{
    const struct bus_status *status = &metrics->status;

    put_gauge(writer, "sagapipe_broker_up", "1 if the broker answers.",
              bus_up ? 1 : 0);
    put_topics(writer, status, "sagapipe_topic_begin_offset",
               "The first offset that is kept.", TOPIC_BEGIN);
    put_topics(writer, status, "sagapipe_topic_end_offset",
               "The offset that the next event gets.", TOPIC_END);
    put_topics(writer, status, "sagapipe_topic_bytes",
               "Bytes stored, with the batches' headers.", TOPIC_BYTES);
    put_consumers(writer, status, "sagapipe_consumer_position",
                  "The offset up to which a consumer has handled all.", false);
    put_consumers(writer, status, "sagapipe_consumer_lag",
                  "Events that a consumer has still to handle.", true);
}

/* ---- the gateway itself ----------------------------------------------- */

static void
put_gateway(struct text_writer *writer, const struct report *report,
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
    put_head(writer, "process_start_time_seconds", "gauge",
             "When the process started, in seconds since 1970.");
    put_us(writer, "process_start_time_seconds", "",
           (uint64_t)facts->started_us);
    put_gauge(writer, "process_resident_memory_bytes",
              "Memory that the process holds.", report->resident_bytes);
}

void
metrics_write(struct text_writer *writer,
              const struct gateway_metrics *metrics,
              const struct http_facts *facts)
{
    struct rows rows;

    collect_rows(metrics, &rows);
    put_orders(writer, metrics);
    put_lives(writer, metrics, &rows);
    put_families(writer, &rows);
    put_process_histograms(writer, &rows);
    put_broker(writer, metrics, facts->bus_up);
    put_gateway(writer, &metrics->report, facts);
}

/* Lines of one process: twelve numbers and three of its life, two histograms
 * and the longest fsync; of a topic three, of a consumer two. */
_Static_assert((600 + HTTP_STATUS_COUNT +
                PIPELINE_PROCESSES_MAX *
                    (16 + 2 * (HISTOGRAM_BUCKETS + 2)) +
                3 * BUS_STATUS_TOPICS_MAX + 2 * BUS_STATUS_CONSUMERS_MAX) *
                       METRICS_LINE_BYTES_MAX <=
                   METRICS_TEXT_BYTES_MAX,
               "everything fits");
