#include "gateway/http_problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    unsigned status;
    const char *title;
} problems[PROBLEM_COUNT] = {
    [PROBLEM_NONE] = { "", 200, "" },
#define P(id, name, status, title) [id] = { name, status, title },
    PROBLEM_LIST(P)
#undef P
};

void
problem_init(struct problem *problem)
{
    problem->type = PROBLEM_NONE;
    problem->limit = 0;
    problem->state = NULL;
    problem->field[0] = '\0';
    problem->detail[0] = '\0';
}

/* Text that was cut within a UTF-8 character is cut before it. */
static void
cut_character(char copy[PROBLEM_FIELD_BYTES], const char *text)
{
    size_t at = PROBLEM_FIELD_BYTES - 1;

    if (strlen(text) <= at)
        return;
    while (at > PROBLEM_FIELD_BYTES - 4 && ((uint8_t)text[at] & 0xc0) == 0x80)
        at--;
    copy[at] = '\0';
}

void
problem_set(struct problem *problem, enum problem_type type, const char *field,
            const char *detail, ...)
{
    va_list arguments;

    if (problem->type != PROBLEM_NONE)
        return;
    problem->type = type;
    snprintf(problem->field, sizeof(problem->field), "%s",
             field != NULL ? field : "");
    if (field != NULL)
        cut_character(problem->field, field);
    va_start(arguments, detail);
    vsnprintf(problem->detail, sizeof(problem->detail), detail, arguments);
    va_end(arguments);
}

const char *
problem_name(enum problem_type type)
{
    return type < PROBLEM_COUNT ? problems[type].name : "";
}

unsigned
problem_status(enum problem_type type)
{
    invariant(type < PROBLEM_COUNT);
    return problems[type].status;
}

void
problem_write(struct text_writer *writer, const struct problem *problem)
{
    char type[64];

    invariant(problem->type > PROBLEM_NONE && problem->type < PROBLEM_COUNT);
    snprintf(type, sizeof(type), "/problems/%s", problems[problem->type].name);
    json_begin(writer, '{');
    json_key(writer, "type");
    json_text(writer, type);
    json_key(writer, "title");
    json_text(writer, problems[problem->type].title);
    json_key(writer, "status");
    json_uint(writer, problems[problem->type].status);
    if (problem->detail[0] != '\0') {
        json_key(writer, "detail");
        json_text(writer, problem->detail);
    }
    if (problem->field[0] != '\0') {
        json_key(writer, "field");
        json_text(writer, problem->field);
    }
    if (problem->limit != 0) {
        json_key(writer, "limit");
        json_uint(writer, problem->limit);
    }
    if (problem->state != NULL) {
        json_key(writer, "state");
        json_text(writer, problem->state);
    }
    json_end(writer, '}');
}
