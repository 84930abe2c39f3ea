#include "saga/config_help.h"

#include <string.h>

#include "saga/quote.h"

static const char *const sentences[PROCESS_COUNT] = {
    [PROCESS_NONE] = "A filter: it reads events from topics and answers into "
                     "another.",
    [PROCESS_BROKER] = "The broker keeps the topics: it stores what producers "
                       "send, durably and in\norder, and serves it to who "
                       "asks.",
    [PROCESS_PAYMENT] = "payment keeps the credit accounts: for every order it "
                        "takes the price from\nthe user's balance, or declines "
                        "with a reason.",
    [PROCESS_LEDGER] = "ledger keeps the books: it writes a balanced "
                       "transaction for every approved\npayment, and none for "
                       "a declined one.",
    [PROCESS_GATEWAY] = "The gateway takes orders over HTTP, stores them, and "
                        "answers with what became\nof them.",
};

static const char closing[] =
    "A setting comes from its flag; else from the environment, as "
    "SAGAPIPE_NAME;\n"
    "else from the file, as `name = value`; else it has the default shown "
    "here.\n"
    "\n"
    "exit status: 0 asked to stop; 100 wrong use or configuration (do not "
    "restart);\n"
    "111 the system failed us (restart); 120 our data does not verify (call a "
    "human)\n";

void
origin_text(struct origin origin, enum knob_id id, const char *path,
            char text[ORIGIN_BYTES])
{
    char name[KNOB_VARIABLE_BYTES];
    char file[ORIGIN_BYTES - 32];

    switch (origin.source) {
    case ORIGIN_DEFAULT:
        snprintf(text, ORIGIN_BYTES, "the default");
        return;
    case ORIGIN_HOME:
        snprintf(text, ORIGIN_BYTES, "made from home");
        return;
    case ORIGIN_FILE:
        quote_text(file, sizeof file, path, strlen(path), QUOTE_IF_NEEDED);
        snprintf(text, ORIGIN_BYTES, "from %s, line %u", file, origin.line);
        return;
    case ORIGIN_ENVIRONMENT:
        knob_variable(id, name);
        snprintf(text, ORIGIN_BYTES, "from the environment, %s", name);
        return;
    case ORIGIN_FLAG:
        knob_flag(id, name);
        snprintf(text, ORIGIN_BYTES, "from the flag %s", name);
        return;
    }
}

static void
print_flag(FILE *out, const char *flag, const char *what, const char *text)
{
    char left[64];

    snprintf(left, sizeof left, "%s%s%s", flag, what[0] == '\0' ? "" : " ",
             what);
    fprintf(out, "  %-33s%s\n", left, text);
}

/* "5s (0 to 10m)"; the length of a text is no news before it is wrong. */
static void
print_knob(FILE *out, enum knob_id id)
{
    const struct knob *knob = &knobs[id];
    char flag[KNOB_VARIABLE_BYTES];
    char min[CONFIG_STRING_BYTES];
    char max[CONFIG_STRING_BYTES];
    char values[3 * CONFIG_STRING_BYTES];

    knob_flag(id, flag);
    knob_format_number(knob->kind, knob->min, min);
    knob_format_number(knob->kind, knob->max, max);
    if (knob->kind == KNOB_KIND_STRING)
        snprintf(values, sizeof values, "%s",
                 knob->fallback[0] == '\0' ? "(empty)" : knob->fallback);
    else
        snprintf(values, sizeof values, "%s (%s to %s)", knob->fallback, min,
                 max);
    print_flag(out, flag, knob_kind_name(knob->kind), values);
    fprintf(out, "      %s\n", knob->text);
}

void
config_print_help(FILE *out, enum process self, const char *name)
{
    /* A filter is a participant: it has the settings that payment has. */
    unsigned who = BY(self == PROCESS_NONE ? PROCESS_PAYMENT : self);

    fprintf(out, "usage: %s [--NAME VALUE]... [--config FILE]\n\n%s\n\n",
            name, sentences[self]);
    print_flag(out, "--config", "FILE", "settings; also as SAGAPIPE_CONFIG");
    print_flag(out, "--print-config", "",
               "print all settings and where they came from");
    print_flag(out, "--version", "", "print the version");
    print_flag(out, "--help, -h", "", "print this page");
    fprintf(out, "\n");
    for (enum knob_id id = 0; id < KNOB_COUNT; id++) {
        if ((knobs[id].who & who) != 0)
            print_knob(out, id);
    }
    fprintf(out, "\n%s", closing);
}

void
config_print_values(FILE *out, const struct config *config,
                    const struct origin origins[KNOB_COUNT], const char *path)
{
    for (enum knob_id id = 0; id < KNOB_COUNT; id++) {
        char value[CONFIG_STRING_BYTES];
        char origin[ORIGIN_BYTES];

        knob_format(id, config, value);
        origin_text(origins[id], id, path, origin);
        fprintf(out, "%s = %s  # %s\n", knobs[id].name, value, origin);
    }
}
