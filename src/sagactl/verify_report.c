#include "sagactl/verify_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>

static const struct {
    const char *name;
    const char *noun;
    unsigned needs;
    const char *words;
} checks[VERIFY_CHECK_COUNT] = {
#define V(id, name, noun, needs, words) [id] = { name, noun, needs, words },
    VERIFY_CHECK_LIST(V)
#undef V
};

void
verify_report_init(struct verify_report *report)
{
    *report = (struct verify_report){ .unreadable = "" };
}

void
verify_report_fini(struct verify_report *report)
{
    for (int i = 0; i < VERIFY_CHECK_COUNT; i++)
        free(report->results[i].shown);
    verify_report_init(report);
}

void
verify_looked(struct verify_report *report, enum verify_check check,
              uint64_t count)
{
    report->results[check].looked += count;
}

void
verify_differs(struct verify_report *report, enum verify_check check,
               const char *format, ...)
{
    struct verify_result *result = &report->results[check];
    va_list values;

    if (result->shown == NULL)
        result->shown = calloc(VERIFY_SHOWN_MAX, sizeof result->shown[0]);
    if (result->shown != NULL && result->differences < VERIFY_SHOWN_MAX) {
        va_start(values, format);
        vsnprintf(result->shown[result->differences], VERIFY_TEXT_BYTES,
                  format, values);
        va_end(values);
    }
    result->differences++;
}

void
verify_skip(struct verify_report *report, enum verify_check check,
            const char *format, ...)
{
    struct verify_result *result = &report->results[check];
    va_list values;

    if (result->skipped[0] != '\0')
        return;
    va_start(values, format);
    vsnprintf(result->skipped, sizeof result->skipped, format, values);
    va_end(values);
}

unsigned
verify_check_needs(enum verify_check check)
{
    return checks[check].needs;
}

uint64_t
verify_report_differences(const struct verify_report *report)
{
    uint64_t differences = 0;

    for (int i = 0; i < VERIFY_CHECK_COUNT; i++)
        differences += report->results[i].differences;
    return differences;
}

bool
verify_report_good(const struct verify_report *report)
{
    return report->unreadable[0] == '\0' &&
           verify_report_differences(report) == 0;
}

static uint64_t
shown_count(const struct verify_result *result)
{
    if (result->shown == NULL)
        return 0;
    return result->differences < VERIFY_SHOWN_MAX ? result->differences
                                                  : VERIFY_SHOWN_MAX;
}

static void
print_check(const struct verify_result *result, int check, FILE *out)
{
    uint64_t shown = shown_count(result);

    if (result->differences == 0) {
        if (result->skipped[0] != '\0')
            fprintf(out, "skipped %-21s %s\n", checks[check].name,
                    result->skipped);
        else
            fprintf(out, "ok  %-21s %s=%" PRIu64 "\n", checks[check].name,
                    checks[check].noun, result->looked);
        return;
    }
    for (uint64_t i = 0; i < shown; i++)
        fprintf(out, "BAD %-21s %s\n", checks[check].name, result->shown[i]);
    if (result->differences > shown)
        fprintf(out, "BAD %-21s and %" PRIu64 " more\n", checks[check].name,
                result->differences - shown);
}

void
verify_report_print(const struct verify_report *report, FILE *out)
{
    if (report->unreadable[0] != '\0')
        fprintf(out, "BAD %-21s %s\n", "stores", report->unreadable);
    else
        for (int i = 0; i < VERIFY_CHECK_COUNT; i++)
            print_check(&report->results[i], i, out);
    fprintf(out, "    %-21s orders=%" PRIu64 " oldest_s=%" PRIu64 "\n", "open",
            report->told.open, report->told.oldest_s);
    fprintf(out, "    %-21s events=%" PRIu64 "\n", "parked",
            report->told.parked);
}

static json_t *
check_json(const struct verify_result *result, int check)
{
    json_t *texts = json_array();
    uint64_t shown = shown_count(result);

    for (uint64_t i = 0; i < shown; i++)
        json_array_append_new(texts, json_string(result->shown[i]));
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:o, s:o}", "name",
                     checks[check].name, "words", checks[check].words, "what",
                     checks[check].noun, "looked", (json_int_t)result->looked,
                     "differences", (json_int_t)result->differences, "shown",
                     texts, "skipped",
                     result->skipped[0] != '\0' ? json_string(result->skipped)
                                                : json_null());
}

void
verify_report_print_json(const struct verify_report *report, FILE *out)
{
    json_t *list = json_array(), *object;

    for (int i = 0; i < VERIFY_CHECK_COUNT; i++)
        json_array_append_new(list, check_json(&report->results[i], i));
    object = json_pack(
        "{s:b, s:o, s:I, s:I, s:I, s:o}", "ok", verify_report_good(report),
        "checks", list, "openOrders", (json_int_t)report->told.open,
        "oldestOpenSeconds", (json_int_t)report->told.oldest_s, "parkedEvents",
        (json_int_t)report->told.parked, "unreadable",
        report->unreadable[0] != '\0' ? json_string(report->unreadable)
                                      : json_null());
    json_dumpf(object, out, JSON_COMPACT);
    fputc('\n', out);
    json_decref(object);
}
