#include "broker/report_table.h"

#include <string.h>

/* The name's own row, a new one, or that of whom nobody has heard for long. */
static struct report_row *
find_row(struct report_table *table, const char *name, int64_t now_us)
{
    struct report_row *silent = NULL;

    for (uint32_t i = 0; i < table->count; i++) {
        struct report_row *row = &table->rows[i];

        if (strcmp(row->name, name) == 0)
            return row;
        if (row->told_us + REPORT_FORGET_US <= now_us &&
            (silent == NULL || row->told_us < silent->told_us))
            silent = row;
    }
    if (table->count < REPORT_TABLE_MAX)
        return &table->rows[table->count++];
    return silent;
}

enum rc
report_table_put(struct report_table *table,
                 const struct protocol_report *report, int64_t now_us)
{
    struct report_row *row = find_row(table, report->name, now_us);

    if (row == NULL)
        return RC_FULL;
    invariant(report->bytes_count <= sizeof(row->bytes));
    memcpy(row->name, report->name, sizeof(row->name));
    memcpy(row->bytes, report->bytes, report->bytes_count);
    row->bytes_count = report->bytes_count;
    row->told_us = now_us;
    return RC_OK;
}

void
report_table_forget(struct report_table *table, const char *name)
{
    for (uint32_t i = 0; i < table->count; i++) {
        if (strcmp(table->rows[i].name, name) != 0)
            continue;
        table->count--;
        memmove(&table->rows[i], &table->rows[i + 1],
                (table->count - i) * sizeof table->rows[0]);
        return;
    }
}
