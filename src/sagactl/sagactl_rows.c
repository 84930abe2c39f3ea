#include "sagactl/sagactl_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "saga/ids.h"
#include "saga/log.h"
#include "sagactl/sagactl_out.h"

#define PAGE_ROWS_MAX 1000 /* the gateway's own limit */
#define ROWS_DEFAULT 100

/* ---- one row ---- */

static bool
is(struct json_span span, const char *text)
{
    return span.bytes == strlen(text)
           && memcmp(span.text, text, span.bytes) == 0;
}

/* "userId" is "user", as in the logs. */
static void
print_name(const char *noun, struct json_span name)
{
    if (is(name, "id"))
        printf("%s=", noun);
    else if (name.bytes > 2
             && memcmp(name.text + name.bytes - 2, "Id", 2) == 0)
        printf("%.*s=", (int)name.bytes - 2, name.text);
    else
        printf("%.*s=", (int)name.bytes, name.text);
}

static enum out_colour
colour_of(struct json_span name, const char *text)
{
    static const struct {
        const char *word;
        enum out_colour colour;
    } words[] = {
        { "ORDER_COMPLETED", OUT_GOOD }, { "ORDER_FAILED", OUT_BAD },
        { "ORDER_CREATED", OUT_WAIT },   { "ORDER_CANCELLED", OUT_DIM },
        { "ACTIVE", OUT_GOOD },          { "FROZEN", OUT_BAD },
        { "OPENING", OUT_WAIT },         { "SUCCESSFUL", OUT_GOOD },
        { "REVERSED", OUT_DIM },
    };

    if (!is(name, "status") && !is(name, "state"))
        return OUT_PLAIN;
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        if (strcmp(words[i].word, text) == 0)
            return words[i].colour;
    return OUT_PLAIN;
}

static void
print_value(const struct sagactl *ctl, const struct json_item *item)
{
    json_t *text = json_loadb(item->value.text, item->value.bytes,
                              JSON_DECODE_ANY, NULL);
    const char *word = json_string_value(text);
    enum out_colour colour;

    if (word == NULL)
        printf("%.*s", (int)item->value.bytes, item->value.text);
    else {
        colour = colour_of(item->name, word);
        printf("%s%s%s", colour != OUT_PLAIN ? out_colour(ctl, colour) : "",
               log_quote(word),
               colour != OUT_PLAIN ? out_colour(ctl, OUT_PLAIN) : "");
    }
    json_decref(text);
}

static bool
is_nested(const struct json_item *item)
{
    return *item->value.text == '{' || *item->value.text == '[';
}

static void
print_members(const struct sagactl *ctl, const char *noun, const char *object)
{
    const char *at = json_view_begin(object);
    const char *blank = "";
    struct json_item item;

    while (json_view_next(&at, &item)) {
        if (is_nested(&item) || is(item.value, "null"))
            continue;
        printf("%s", blank);
        print_name(noun, item.name);
        print_value(ctl, &item);
        blank = " ";
    }
    printf("\n");
}

/* Objects, and those in arrays, one level deep. */
static void
print_nested(const struct sagactl *ctl, const struct json_item *member)
{
    const char *at = json_view_begin(member->value.text);
    struct json_item item;

    if (*member->value.text == '{') {
        printf("  %.*s ", (int)member->name.bytes, member->name.text);
        print_members(ctl, "id", member->value.text);
        return;
    }
    while (json_view_next(&at, &item))
        if (*item.value.text == '{') {
            printf("  %.*s ", (int)member->name.bytes, member->name.text);
            print_members(ctl, "id", item.value.text);
        }
}

void
rows_print(const struct sagactl *ctl, const char *noun, struct json_span row)
{
    const char *at = json_view_begin(row.text);
    struct json_item item;

    if (ctl->json || *row.text != '{') {
        printf("%.*s\n", (int)row.bytes, row.text);
        return;
    }
    print_members(ctl, noun, row.text);
    while (json_view_next(&at, &item))
        if (is_nested(&item))
            print_nested(ctl, &item);
}

int
rows_ask(const struct sagactl *ctl, const char *noun,
         const struct gate_question *question)
{
    struct gate_answer answer;
    struct gate *gate;
    int code = gate_open(ctl, &gate);

    if (code != EXIT_DONE)
        return code;
    code = gate_get(gate, question, &answer);
    if (code == EXIT_DONE && answer.bytes > 0)
        rows_print(ctl, noun, (struct json_span){ answer.text, answer.bytes });
    if (code == EXIT_DONE)
        gate_answer_fini(&answer);
    gate_close(&gate);
    return code;
}

/* ---- lists ---- */

bool
rows_max(const struct sagactl_args *args, uint64_t *max_out)
{
    const char *limit = args_value(args, "limit");

    *max_out = args_value(args, "all") != NULL ? 0 : ROWS_DEFAULT;
    return limit == NULL
           || args_number(args, "--limit", limit, 1, ID_MAX, max_out);
}

/* Prints `left` rows at most; how many they were. */
static uint64_t
print_page(const struct sagactl *ctl, const char *noun, const char *text,
           uint64_t left)
{
    const char *at = json_view_begin(text);
    uint64_t count = 0;
    struct json_item item;

    for (; count < left && json_view_next(&at, &item); count++)
        rows_print(ctl, noun, item.value);
    return count;
}

static int
list_pages(const struct sagactl *ctl, const char *noun, struct gate *gate,
           char path[GATE_NEXT_BYTES], uint64_t left)
{
    struct gate_answer answer;
    int code = EXIT_DONE;
    bool more = true;

    while (code == EXIT_DONE && more) {
        struct gate_question question = { .method = "GET", .path = path };

        code = gate_get(gate, &question, &answer);
        if (code != EXIT_DONE)
            break;
        if (!json_is_array(answer.json)) {
            fprintf(stderr, "sagactl: %s: the answer is no list\n",
                    gate_url(gate));
            code = EXIT_SYSTEM;
        } else
            left -= print_page(ctl, noun, answer.text, left);
        memcpy(path, answer.next, GATE_NEXT_BYTES);
        more = left > 0 && *path != '\0' && out_flush();
        gate_answer_fini(&answer);
    }
    return code;
}

int
rows_list(const struct sagactl *ctl, const char *noun, const char *path,
          const char *query, uint64_t max)
{
    uint64_t left = max > 0 ? max : UINT64_MAX;
    char first[GATE_NEXT_BYTES];
    struct gate *gate;
    int code = gate_open(ctl, &gate);

    if (code != EXIT_DONE)
        return code;
    snprintf(first, sizeof first, "%s?limit=%" PRIu64 "%s", path,
             left < PAGE_ROWS_MAX ? left : PAGE_ROWS_MAX, query);
    code = list_pages(ctl, noun, gate, first, left);
    gate_close(&gate);
    return code;
}

/* ---- what a list asks for ---- */

static void
append(char *query, size_t size, const char *name, const char *value)
{
    size_t used = strlen(query);

    invariant(used + strlen(name) + strlen(value) + 3 < size);
    snprintf(query + used, size - used, "&%s=%s", name, value);
}

static bool
append_id(const struct sagactl_args *args, char *query, size_t size,
          const char *name, const char *option)
{
    const char *text = args_value(args, option);
    char what[32], number[32];
    uint64_t id;

    if (text == NULL)
        return true;
    snprintf(what, sizeof what, "--%s", option);
    if (!args_number(args, what, text, 1, ID_MAX, &id))
        return false;
    snprintf(number, sizeof number, "%" PRIu64, id);
    append(query, size, name, number);
    return true;
}

bool
rows_page_query(const struct sagactl_args *args, char *query, size_t size)
{
    const char *order = args_value(args, "order");

    *query = '\0';
    if (!append_id(args, query, size, "after", "after"))
        return false;
    if (order == NULL)
        return true;
    if (strcmp(order, "asc") != 0 && strcmp(order, "desc") != 0) {
        args_wrong(args, "--order is asc or desc");
        return false;
    }
    append(query, size, "order", order);
    return true;
}

bool
rows_order_query(const struct sagactl_args *args, char *query, size_t size)
{
    static const struct {
        const char *word, *status;
    } words[] = {
        { "created", "ORDER_CREATED" },
        { "completed", "ORDER_COMPLETED" },
        { "failed", "ORDER_FAILED" },
        { "cancelled", "ORDER_CANCELLED" },
    };
    const char *status = args_value(args, "status");

    if (!append_id(args, query, size, "userId", "user"))
        return false;
    if (status == NULL)
        return true;
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        if (strcasecmp(status, words[i].word) == 0
            || strcmp(status, words[i].status) == 0) {
            append(query, size, "status", words[i].status);
            return true;
        }
    args_wrong(args, "--status is created, completed, failed or cancelled");
    return false;
}
