#include "gateway/pipeline_view.h"

/* What the broker knows of one process, if anything. */
static struct pipeline_process
heard_of(const struct gateway_metrics *metrics, const char *name)
{
    struct pipeline_process process = { .name = name, .age_us = -1 };
    const struct bus_report_status *row;

    if (metrics->status_age_us < 0)
        return process;
    row = bus_status_report(&metrics->status, name);
    if (row == NULL)
        return process;
    process.report = &row->report;
    process.age_us = metrics->status_age_us + (int64_t)row->age_ms * 1000;
    process.up = process.age_us < PIPELINE_STALE_US;
    return process;
}

static bool
is_listed(const struct pipeline_process *rows, uint32_t count,
          const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return true;
    return false;
}

static uint32_t
list(const struct gateway_metrics *metrics,
     struct pipeline_process rows[PIPELINE_PROCESSES_MAX])
{
    static const enum process always[] = { PROCESS_BROKER, PROCESS_PAYMENT,
                                           PROCESS_LEDGER };
    uint32_t count = 0;

    for (size_t i = 0; i < ARRAY_COUNT(always); i++)
        rows[count++] = heard_of(metrics, process_name(always[i]));
    rows[count++] = (struct pipeline_process){ .name = metrics->name,
                                               .up = true,
                                               .report = &metrics->report };
    if (metrics->status_age_us < 0)
        return count;
    for (uint32_t i = 0; i < metrics->status.reports_count; i++) {
        const char *name = metrics->status.reports[i].name;

        if (!is_listed(rows, count, name))
            rows[count++] = heard_of(metrics, name);
    }
    return count;
}

uint32_t
pipeline_processes(const struct gateway_metrics *metrics,
                   struct pipeline_process rows[PIPELINE_PROCESSES_MAX])
{
    uint32_t count = list(metrics, rows);

    for (uint32_t i = 0; i < count; i++)
        rows[i].silent = !rows[i].up && metrics->lives[i];
    return count;
}

uint64_t
pipeline_uptime_us(const struct gateway_metrics *metrics,
                   const struct pipeline_process *process)
{
    int64_t told_us = metrics->now_us - process->age_us;

    if (process->report == NULL ||
        told_us <= (int64_t)process->report->started_us)
        return 0;
    return (uint64_t)told_us - process->report->started_us;
}

bool
pipeline_oldest_open_us(const struct gateway_metrics *metrics,
                        uint64_t *age_us_out)
{
    if (metrics->open == 0 || metrics->oldest_open_us == 0)
        return false;
    *age_us_out = metrics->now_us > metrics->oldest_open_us
                      ? (uint64_t)(metrics->now_us - metrics->oldest_open_us)
                      : 0;
    return true;
}
