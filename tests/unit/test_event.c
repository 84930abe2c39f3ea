#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saga/event.h"
#include "../support/dies.h"

#define DOCUMENT "docs/EVENTS.md"
#define DOCUMENT_BYTES_MAX 65536

static char document[DOCUMENT_BYTES_MAX];

static const char *const kind_names[] = {
    [KIND_ID] = "ID",           [KIND_COUNT] = "COUNT",
    [KIND_MONEY] = "MONEY",     [KIND_TIME] = "TIME",
    [KIND_NUMBER] = "NUMBER",   [KIND_REFUSAL] = "REFUSAL",
    [KIND_PAYMENT] = "PAYMENT", [KIND_TRANSACTION] = "TRANSACTION",
    [KIND_CHANGE] = "CHANGE",   [KIND_CURRENCY] = "CURRENCY",
    [KIND_TEXT] = "TEXT",       [KIND_BLOB] = "BLOB",
};

/* The page lies at the root of the tree, where the tests are run. */
static int
read_document(void **state)
{
    FILE *file = fopen(DOCUMENT, "r");
    size_t bytes;

    (void)state;
    if (file == NULL) {
        perror(DOCUMENT ": run me from the root of the tree");
        return -1;
    }
    bytes = fread(document, 1, sizeof(document) - 1, file);
    document[bytes] = '\0';
    fclose(file);
    return bytes > 0 && bytes < sizeof(document) - 1 ? 0 : -1;
}

/* The part of the page from "### name" to the next heading, to be freed. */
static char *
section(const char *name)
{
    char heading[64];
    const char *start, *end;

    snprintf(heading, sizeof(heading), "\n### %s\n", name);
    start = strstr(document, heading);
    if (start == NULL)
        return NULL;
    start += strlen(heading);
    end = strstr(start, "\n##");
    return strndup(start, end != NULL ? (size_t)(end - start + 1)
                                      : strlen(start));
}

static size_t
count_rows(const char *text)
{
    size_t count = 0;

    while ((text = strstr(text, "\n| `")) != NULL) {
        count++;
        text++;
    }
    return count;
}

static void
check_section(enum event_type type)
{
    const struct event_type_info *info = &event_types[type];
    char *text = section(info->name);
    char line[160];
    uint32_t fields = info->required | info->optional;

    if (text == NULL)
        fail_msg("%s has no heading \"### %s\"", DOCUMENT, info->name);
    if (info->topic == TOPIC_COUNT)
        snprintf(line, sizeof(line), "Topics of the knob `topics`, version %u",
                 info->version);
    else
        snprintf(line, sizeof(line), "Topic `%s`, version %u",
                 topic_routes[info->topic].name, info->version);
    if (strstr(text, line) == NULL)
        fail_msg("%s: %s: no \"%s\"", DOCUMENT, info->name, line);
    for (unsigned i = 0; i < EVENT_FIELD_COUNT; i++) {
        if ((fields & EVENT_HAS(i)) == 0)
            continue;
        snprintf(line, sizeof(line), "\n| `%s` | %s | %s |",
                 event_fields[i].name, kind_names[event_fields[i].kind],
                 info->required & EVENT_HAS(i) ? "required" : "optional");
        if (strstr(text, line) == NULL)
            fail_msg("%s: %s: no row \"%s\"", DOCUMENT, info->name, line + 1);
    }
    if (count_rows(text) != (size_t)__builtin_popcount(fields))
        fail_msg("%s: %s: rows that are no fields", DOCUMENT, info->name);
    free(text);
}

static void
test_event_document_has_every_event_and_field(void **state)
{
    (void)state;
    for (enum event_type type = 1; type < EVENT_TYPE_COUNT; type++)
        check_section(type);
}

static void
check_word(const char *word)
{
    char quoted[64];

    snprintf(quoted, sizeof(quoted), "`%s`", word);
    if (strstr(document, quoted) == NULL)
        fail_msg("%s: no %s", DOCUMENT, quoted);
}

static void
test_event_document_has_every_name(void **state)
{
    (void)state;
    for (enum refusal i = 1; i < REFUSAL_COUNT; i++)
        check_word(refusal_name(i));
    for (enum payment_status i = 1; i < PAYMENT_STATUS_COUNT; i++)
        check_word(payment_status_name(i));
    for (enum transaction_status i = 1; i < TRANSACTION_STATUS_COUNT; i++)
        check_word(transaction_status_name(i));
    for (enum account_change i = 1; i < ACCOUNT_CHANGE_COUNT; i++)
        check_word(account_change_name(i));
    for (size_t i = 0; i < ARRAY_COUNT(kind_names); i++)
        check_word(kind_names[i]);
}

/* "payment, ledger" */
static void
list_processes(unsigned set, char *text, size_t size)
{
    text[0] = '\0';
    for (enum process i = PROCESS_NONE + 1; i < PROCESS_COUNT; i++) {
        if ((set & BY(i)) == 0)
            continue;
        if (text[0] != '\0')
            strncat(text, ", ", size - strlen(text) - 1);
        strncat(text, process_name(i), size - strlen(text) - 1);
    }
    if (text[0] == '\0')
        snprintf(text, size, "nobody");
}

static void
test_event_document_has_every_route(void **state)
{
    (void)state;
    for (enum topic topic = 0; topic < TOPIC_COUNT; topic++) {
        char writers[64], readers[64], line[256];

        list_processes(topic_routes[topic].written_by, writers,
                       sizeof(writers));
        list_processes(topic_routes[topic].read_by, readers, sizeof(readers));
        snprintf(line, sizeof(line), "\n| `%s` | %s | %s |",
                 topic_routes[topic].name, writers, readers);
        if (strstr(document, line) == NULL)
            fail_msg("%s: no row \"%s\"", DOCUMENT, line + 1);
    }
}

static void
test_event_init_is_empty_with_required_fields(void **state)
{
    (void)state;
    for (enum event_type type = 1; type < EVENT_TYPE_COUNT; type++) {
        struct event event, empty;

        memset(&event, 0xff, sizeof(event));
        memset(&empty, 0, sizeof(empty));
        event_init(&event, type);
        assert_int_equal(event.type, type);
        assert_int_equal(event.present, event_types[type].required);
        event.type = EVENT_NONE;
        event.present = 0;
        assert_memory_equal(&event, &empty, sizeof(event));
    }
}

static void
init(const void *type)
{
    struct event event;

    event_init(&event, *(const enum event_type *)type);
}

static void
test_event_init_of_no_type_is_a_bug(void **state)
{
    (void)state;
    assert_true(dies(init, &(enum event_type){ EVENT_NONE }));
    assert_true(dies(init, &(enum event_type){ EVENT_TYPE_COUNT }));
    assert_false(dies(init, &(enum event_type){ EVENT_PAYMENT }));
}

static void
test_event_set_reason_follows_the_type(void **state)
{
    struct event event;

    (void)state;
    event_init(&event, EVENT_PAYMENT); /* optional there */
    event_set_reason(&event, REFUSAL_CREDIT);
    assert_int_equal(event.reason, REFUSAL_CREDIT);
    assert_true(event.present & EVENT_HAS(FIELD_REASON));
    event_set_reason(&event, REFUSAL_NONE);
    assert_int_equal(event.reason, REFUSAL_NONE);
    assert_false(event.present & EVENT_HAS(FIELD_REASON));
    event_init(&event, EVENT_ORDER_CANCEL); /* required there */
    event_set_reason(&event, REFUSAL_CANCELLED);
    assert_int_equal(event.present,
                     event_types[EVENT_ORDER_CANCEL].required);
}

/* JSON and the wire have one "status"; the type says which. */
static void
test_event_types_have_no_field_name_twice(void **state)
{
    (void)state;
    for (enum event_type type = 1; type < EVENT_TYPE_COUNT; type++) {
        uint32_t fields = event_types[type].required
                          | event_types[type].optional;

        for (unsigned i = 0; i < EVENT_FIELD_COUNT; i++)
            for (unsigned j = 0; j < i; j++)
                if ((fields & EVENT_HAS(i)) && (fields & EVENT_HAS(j)))
                    assert_string_not_equal(event_fields[i].name,
                                            event_fields[j].name);
    }
}

static const struct {
    enum field_kind kind;
    unsigned count;
} enums[] = {
    { KIND_REFUSAL, REFUSAL_COUNT },
    { KIND_PAYMENT, PAYMENT_STATUS_COUNT },
    { KIND_TRANSACTION, TRANSACTION_STATUS_COUNT },
    { KIND_CHANGE, ACCOUNT_CHANGE_COUNT },
};

static void
expect_no_name(enum field_kind kind, const char *name, size_t bytes,
               unsigned count)
{
    unsigned value = 0;

    assert_false(event_value_find(kind, name, bytes, &value));
    assert_int_equal(value, count);
}

static void
test_event_values_are_found_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(enums); i++) {
        const enum field_kind kind = enums[i].kind;
        const unsigned count = enums[i].count;

        for (unsigned value = 1; value < count; value++) {
            const char *name = event_value_name(kind, value);
            size_t bytes = strlen(name);
            unsigned found;

            assert_true(event_value_find(kind, name, bytes, &found));
            assert_int_equal(found, value);
            expect_no_name(kind, name, bytes - 1, count);
            expect_no_name(kind, name, bytes + 1, count);
        }
        assert_string_equal(event_value_name(kind, 0), "");
        expect_no_name(kind, "", 0, count);
        expect_no_name(kind, "Approved", 8, count);
    }
}

static void
test_event_types_are_found_again(void **state)
{
    (void)state;
    for (enum event_type type = 1; type < EVENT_TYPE_COUNT; type++) {
        const char *name = event_types[type].name;
        size_t bytes = strlen(name);

        assert_int_equal(event_type_find(name, bytes), type);
        assert_int_equal(event_type_find(name, bytes - 1), EVENT_TYPE_COUNT);
        assert_int_equal(event_type_find(name, bytes + 1), EVENT_TYPE_COUNT);
    }
    assert_string_equal(event_types[EVENT_NONE].name, "");
    assert_int_equal(event_type_find("", 0), EVENT_TYPE_COUNT);
}

static void
test_event_names_are_the_values(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PAYMENT_STATUS_COUNT; i++)
        assert_string_equal(payment_status_name(i),
                            event_value_name(KIND_PAYMENT, i));
    for (unsigned i = 0; i < TRANSACTION_STATUS_COUNT; i++)
        assert_string_equal(transaction_status_name(i),
                            event_value_name(KIND_TRANSACTION, i));
    for (unsigned i = 0; i < ACCOUNT_CHANGE_COUNT; i++)
        assert_string_equal(account_change_name(i),
                            event_value_name(KIND_CHANGE, i));
}

static void
names_past_the_end(const void *which)
{
    switch (*(const int *)which) {
    case 0:
        (void)payment_status_name(PAYMENT_STATUS_COUNT);
        break;
    case 1:
        (void)transaction_status_name(TRANSACTION_STATUS_COUNT);
        break;
    case 2:
        (void)account_change_name(ACCOUNT_CHANGE_COUNT);
        break;
    case 3:
        (void)event_value_name(KIND_CHANGE, ACCOUNT_CHANGE_COUNT);
        break;
    default:
        (void)event_value_name(KIND_TEXT, 0); /* no enum */
        break;
    }
}

static void
test_event_names_past_the_list_are_bugs(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_true(dies(names_past_the_end, &i));
}

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static const struct {
    const char *text;
    bool valid;
} traceparents[] = {
    { "00-" TRACE "-" SPAN "-01", true },
    { "00-" TRACE "-" SPAN "-0a", true },
    { "", false },
    { "00-" TRACE "-" SPAN "-0", false },
    { "00-" TRACE "-" SPAN "-01x", false },
    { "01-" TRACE "-" SPAN "-01", false },
    { "00-4BF92f3577b34da6a3ce929d0e0e4736-" SPAN "-01", false },
    { "00-4gf92f3577b34da6a3ce929d0e0e4736-" SPAN "-01", false },
    { "00-" TRACE "-00f067aa0ba902bz-01", false },
    { "00-" TRACE "-" SPAN "-0z", false },
    { "00_" TRACE "-" SPAN "-01", false },
    { "00-" TRACE "_" SPAN "-01", false },
    { "00-" TRACE "-" SPAN "_01", false },
};

static void
test_traceparent_valid_holds_the_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(traceparents); i++)
        if (traceparent_valid(traceparents[i].text,
                              strlen(traceparents[i].text))
            != traceparents[i].valid)
            fail_msg("%s", traceparents[i].text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_document_has_every_event_and_field),
        cmocka_unit_test(test_event_document_has_every_name),
        cmocka_unit_test(test_event_document_has_every_route),
        cmocka_unit_test(test_event_init_is_empty_with_required_fields),
        cmocka_unit_test(test_event_init_of_no_type_is_a_bug),
        cmocka_unit_test(test_event_set_reason_follows_the_type),
        cmocka_unit_test(test_event_types_have_no_field_name_twice),
        cmocka_unit_test(test_event_values_are_found_again),
        cmocka_unit_test(test_event_types_are_found_again),
        cmocka_unit_test(test_event_names_are_the_values),
        cmocka_unit_test(test_event_names_past_the_list_are_bugs),
        cmocka_unit_test(test_traceparent_valid_holds_the_form),
    };

    return cmocka_run_group_tests(tests, read_document, NULL);
}
