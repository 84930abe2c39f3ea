#include "sagactl/sagactl_view.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sagactl/sagactl_out.h"

#define CELL_BYTES 128

struct view {
    struct text_writer *writer;
    const struct sagactl *ctl;
};

/* ---- cells ---- */

static void PRINTF_LIKE(3, 4)
cell(const struct view *view, int width, const char *format, ...)
{
    char text[CELL_BYTES];
    va_list values;
    int used;

    va_start(values, format);
    used = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    text_put(view->writer, text);
    for (; used < width; used++)
        text_put(view->writer, " ");
    if (used > width && width > 0)
        text_put(view->writer, " ");
}

static void
coloured(const struct view *view, enum out_colour colour, int width,
         const char *text)
{
    text_put(view->writer, out_colour(view->ctl, colour));
    cell(view, width, "%s", text);
    text_put(view->writer, out_colour(view->ctl, OUT_PLAIN));
}

static void
end_line(const struct view *view)
{
    struct text_writer *writer = view->writer;

    while (writer->used > 0 && writer->data[writer->used - 1] == ' ')
        writer->used--;
    text_put(writer, "\n");
}

static void
heading(const struct view *view, const char *text)
{
    text_put(view->writer, out_colour(view->ctl, OUT_BOLD));
    text_put(view->writer, text);
    text_put(view->writer, out_colour(view->ctl, OUT_PLAIN));
    text_put(view->writer, "\n");
}

/* Counted things that should be none. */
static void
alarm_number(const struct view *view, int width, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, number);
    if (number > 0)
        coloured(view, OUT_WAIT, width, text);
    else
        cell(view, width, "%s", text);
}

/* Seconds in JSON have decimals; -1 for null. */
static int64_t
milliseconds(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_number(value) ? (int64_t)(json_number_value(value) * 1000)
                                 : -1;
}

/* ---- orders ---- */

static uint64_t
per_second(const json_t *now, const json_t *before, const char *name,
           int64_t elapsed_ms)
{
    uint64_t a = sagactl_number(before, name), b = sagactl_number(now, name);

    return b > a && elapsed_ms > 0 ? (b - a) * 1000 / (uint64_t)elapsed_ms : 0;
}

static void
put_rates(const struct view *view, const json_t *now, const json_t *before,
          int64_t elapsed_ms)
{
    const json_t *orders = json_object_get(now, "orders");
    const json_t *earlier = json_object_get(before, "orders");
    const json_t *sagas = json_object_get(now, "sagas");
    const json_t *sagas_before = json_object_get(before, "sagas");
    int64_t ended = (int64_t)(sagactl_number(sagas, "ended")
                              - sagactl_number(sagas_before, "ended"));
    int64_t spent_ms = milliseconds(sagas, "seconds")
                       - milliseconds(sagas_before, "seconds");

    cell(view, 9, "per second");
    cell(view, 0, "  created %" PRIu64 "  completed %" PRIu64
                  "  failed %" PRIu64,
         per_second(orders, earlier, "created", elapsed_ms),
         per_second(orders, earlier, "completed", elapsed_ms),
         per_second(orders, earlier, "failed", elapsed_ms));
    if (ended > 0)
        cell(view, 0, "  a saga took %" PRId64 ".%" PRId64 " ms on average",
             spent_ms / ended, spent_ms * 10 / ended % 10);
    end_line(view);
}

static void
put_orders(const struct view *view, const json_t *now)
{
    const json_t *orders = json_object_get(now, "orders");
    int64_t oldest_ms = milliseconds(orders, "oldestOpenSeconds");
    char age[OUT_TEXT_BYTES];

    if (orders == NULL)
        return;
    coloured(view, OUT_BOLD, 9, "orders");
    cell(view, 0,
         "  created %" PRIu64 "  completed %" PRIu64 "  failed %" PRIu64
         "  cancelled %" PRIu64,
         sagactl_number(orders, "created"),
         sagactl_number(orders, "completed"),
         sagactl_number(orders, "failed"),
         sagactl_number(orders, "cancelled"));
    cell(view, 0, "  open ");
    alarm_number(view, 0, sagactl_number(orders, "open"));
    if (oldest_ms >= 0)
        cell(view, 0, " (oldest %s)",
             out_seconds((uint64_t)oldest_ms / 1000, age));
    cell(view, 0, "  parked ");
    alarm_number(view, 0, sagactl_number(now, "parked"));
    end_line(view);
}

/* ---- processes, topics, consumers ---- */

static const char *
what_it_is(const json_t *process)
{
    if (json_is_true(json_object_get(process, "up")))
        return "up";
    return json_is_true(json_object_get(process, "silent")) ? "silent"
                                                            : "down";
}

static void
put_process(const struct view *view, const json_t *process)
{
    const char *is = what_it_is(process);
    char text[OUT_TEXT_BYTES];

    cell(view, 18, "%s", sagactl_text(process, "name"));
    coloured(view, strcmp(is, "up") == 0 ? OUT_GOOD : OUT_BAD, 8, is);
    if (json_object_get(process, "pid") != NULL) {
        cell(view, 9, "%" PRIu64, sagactl_number(process, "pid"));
        cell(view, 8, "%s",
             out_seconds(sagactl_number(process, "uptimeSeconds"), text));
        alarm_number(view, 9, sagactl_number(process, "restarts"));
        cell(view, 11, "%s",
             out_bytes(sagactl_number(process, "residentBytes"), text));
        alarm_number(view, 8, sagactl_number(process, "outbox"));
        alarm_number(view, 0, sagactl_number(process, "parked"));
    }
    end_line(view);
}

static void
put_topic(const struct view *view, const json_t *topic, const json_t *before,
          int64_t elapsed_ms)
{
    char text[OUT_TEXT_BYTES];

    cell(view, 18, "%s", sagactl_text(topic, "topic"));
    cell(view, 6, "%" PRIu64, sagactl_number(topic, "partition"));
    cell(view, 12, "%" PRIu64, sagactl_number(topic, "begin"));
    cell(view, 12, "%" PRIu64, sagactl_number(topic, "end"));
    cell(view, 12, "%s", out_bytes(sagactl_number(topic, "bytes"), text));
    if (before != NULL)
        cell(view, 0, "%" PRIu64 "/s",
             per_second(topic, before, "end", elapsed_ms));
    end_line(view);
}

static void
put_consumer(const struct view *view, const json_t *consumer)
{
    cell(view, 18, "%s", sagactl_text(consumer, "consumer"));
    cell(view, 18, "%s", sagactl_text(consumer, "topic"));
    cell(view, 6, "%" PRIu64, sagactl_number(consumer, "partition"));
    cell(view, 12, "%" PRIu64, sagactl_number(consumer, "position"));
    alarm_number(view, 0, sagactl_number(consumer, "lag"));
    end_line(view);
}

/* The same row, earlier: lists keep their order while nothing is added. */
static const json_t *
earlier_row(const json_t *before, size_t i, const json_t *topic)
{
    const json_t *row =
        json_array_get(json_object_get(before, "topics"), i);

    if (row == NULL
        || strcmp(sagactl_text(row, "topic"), sagactl_text(topic, "topic"))
               != 0
        || sagactl_number(row, "partition")
               != sagactl_number(topic, "partition"))
        return NULL;
    return row;
}

static void
put_tables(const struct view *view, const json_t *now, const json_t *before,
           int64_t elapsed_ms)
{
    const json_t *row;
    size_t i;

    heading(view, "process           is      pid      up for  restarts memory"
                  "     outbox  parked");
    json_array_foreach(json_object_get(now, "processes"), i, row)
        put_process(view, row);
    if (json_array_size(json_object_get(now, "topics")) > 0)
        heading(view, "topic             part  begin       end         bytes");
    json_array_foreach(json_object_get(now, "topics"), i, row)
        put_topic(view, row, earlier_row(before, i, row), elapsed_ms);
    if (json_array_size(json_object_get(now, "consumers")) > 0)
        heading(view, "consumer          topic             part  position    "
                      "lag");
    json_array_foreach(json_object_get(now, "consumers"), i, row)
        put_consumer(view, row);
}

void
view_write(struct text_writer *writer, const struct sagactl *ctl,
           const json_t *now, const json_t *before, int64_t elapsed_ms)
{
    struct view view = { writer, ctl };

    put_orders(&view, now);
    if (before != NULL)
        put_rates(&view, now, before, elapsed_ms);
    put_tables(&view, now, before, elapsed_ms);
}

bool
view_all_up(const json_t *now)
{
    const json_t *processes = json_object_get(now, "processes");
    const json_t *row;
    size_t i;

    json_array_foreach(processes, i, row)
        if (!json_is_true(json_object_get(row, "up")))
            return false;
    return json_array_size(processes) > 0;
}
