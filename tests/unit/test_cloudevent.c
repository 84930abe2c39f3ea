#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saga/cloudevent.h"
#include "../support/sample_event.h"

#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static const struct cloudevent_place place = { "orders", 0, 80 };
static char line[CLOUDEVENT_LINE_BYTES_MAX + 2];
static struct cloudevent out;

static enum rc
write_line(const struct event *event)
{
    struct text_writer writer;
    enum rc rc;

    text_writer_init(&writer, line, CLOUDEVENT_LINE_BYTES_MAX);
    rc = cloudevent_write(&writer, event, &place);
    if (rc == RC_OK)
        line[writer.used] = '\0';
    return rc;
}

static enum cloudevent_refusal
read_text(const char *text, enum cloudevent_form form)
{
    size_t bytes = strlen(text);
    char *copy = malloc(bytes + 1); /* so that a look past the end is found */
    enum cloudevent_refusal refusal;

    assert_non_null(copy);
    memcpy(copy, text, bytes);
    refusal = cloudevent_read(copy, bytes, form, &out);
    free(copy);
    return refusal;
}

/* Order 81 of docs/EVENTS.md. */
static void
test_cloudevent_of_the_document_is_this_line(void **state)
{
    struct event event;

    (void)state;
    sample_event(&event, EVENT_ORDER_PURCHASE);
    event.id = event.order.value = 81;
    event.price.minor = 5000;
    assert_int_equal(write_line(&event), RC_OK);
    assert_string_equal(
        line,
        "{\"specversion\":\"1.0\",\"id\":\"orders-0-81\","
        "\"source\":\"/sagapipe/gateway\","
        "\"time\":\"2023-11-14T22:13:20.123456Z\","
        "\"traceparent\":\"" TRACE "\","
        "\"topic\":\"orders\",\"partition\":0,\"offset\":\"80\","
        "\"type\":\"sagapipe.OrderPurchase.v1\",\"subject\":\"1\","
        "\"datacontenttype\":\"application/json\","
        "\"data\":{\"orderId\":81,\"userId\":1,\"productId\":1,"
        "\"quantity\":1,\"price\":5000,\"currency\":\"EUR\"}}");
}

static void
test_cloudevent_document_has_every_refusal(void **state)
{
    static char document[65536];
    FILE *file = fopen("docs/EVENTS.md", "r");
    char quoted[64];

    (void)state;
    assert_non_null(file);
    assert_true(fread(document, 1, sizeof(document) - 1, file) > 0);
    fclose(file);
    for (enum cloudevent_refusal i = 1; i < CLOUDEVENT_REFUSAL_COUNT; i++) {
        snprintf(quoted, sizeof(quoted), "`%s`", cloudevent_refusal_name(i));
        if (strstr(document, quoted) == NULL)
            fail_msg("docs/EVENTS.md: no %s", quoted);
    }
}

/* Every field of every type, over its whole range, there and back. */
static void
test_cloudevent_random_events_come_back(void **state)
{
    const uint64_t first_seed = 81;
    uint64_t seed = first_seed;

    (void)state;
    for (int round = 0; round < 300; round++)
        for (enum event_type type = 1; type < EVENT_FOREIGN; type++) {
            struct event event;

            random_event(&event, type, &seed);
            assert_int_equal(write_line(&event), RC_OK);
            assert_int_equal(read_text(line, CLOUDEVENT_WHOLE), CLOUDEVENT_OK);
            if (!same_event(&event, &out.event))
                fail_msg("seed %lu, round %d: %s", first_seed, round, line);
            assert_memory_equal(&out.place, &place, sizeof(place));
        }
}

static void
test_cloudevent_longest_event_fits_in_a_line(void **state)
{
    uint8_t octets[EVENT_BLOB_BYTES_MAX];
    struct event event;

    (void)state;
    memset(octets, 0xff, sizeof(octets));
    sample_event(&event, EVENT_DEAD_LETTER);
    event.id = UINT64_MAX;
    event.blob = (struct event_blob){ octets, sizeof(octets) };
    memset(event.cause, '"', sizeof(event.cause) - 1);
    assert_int_equal(write_line(&event), RC_OK);
    assert_int_equal(read_text(line, CLOUDEVENT_WHOLE), CLOUDEVENT_OK);
    assert_true(same_event(&event, &out.event));
}

static void
test_cloudevent_without_room_is_full(void **state)
{
    struct text_writer writer;
    struct event event;
    char small[100];

    (void)state;
    sample_event(&event, EVENT_PAYMENT);
    text_writer_init(&writer, small, sizeof(small));
    assert_int_equal(cloudevent_write(&writer, &event, &place), RC_FULL);
}

/* ---- foreign ---- */

/* Numbers as they were written, blanks inside the data, and the ids lifted. */
static void
test_cloudevent_foreign_is_kept_octet_for_octet(void **state)
{
    struct event event;

    (void)state;
    assert_int_equal(
        read_text("{ \"type\" : \"org.shop.review\", \"id\":7, "
                  "\"subject\":\"12\",\n\"ext\":\"x \\\" } ,\",\"level\":3,"
                  "\"data\": {\"orderId\":81, \"score\":0.870, "
                  "\"big\":9223372036854775807, \"t\":\"\\u0000\"} }",
                  CLOUDEVENT_DRAFT),
        CLOUDEVENT_OK);
    assert_int_equal(out.event.type, EVENT_FOREIGN);
    assert_int_equal(out.event.id, 0);
    assert_int_equal(out.event.user.value, 12);
    event = out.event;
    event.id = 9;
    strcpy(event.source, "fraud");
    event.time_us = 0;
    assert_int_equal(write_line(&event), RC_OK);
    assert_string_equal(
        line,
        "{\"specversion\":\"1.0\",\"id\":\"orders-0-9\","
        "\"source\":\"/sagapipe/fraud\","
        "\"time\":\"1970-01-01T00:00:00.000000Z\","
        "\"topic\":\"orders\",\"partition\":0,\"offset\":\"80\","
        "\"type\" : \"org.shop.review\",\"subject\":\"12\","
        "\"ext\":\"x \\\" } ,\",\"level\":3,"
        "\"data\": {\"orderId\":81, \"score\":0.870, "
        "\"big\":9223372036854775807, \"t\":\"\\u0000\"}}");
    assert_int_equal(read_text(line, CLOUDEVENT_WHOLE), CLOUDEVENT_OK);
    assert_true(same_event(&event, &out.event));
}

static const struct {
    const char *text;
    uint64_t order, user;
} lifted[] = {
    { "{\"type\":\"t\"}", 0, 0 },
    { "{\"type\":\"t\",\"data\":{\"orderId\":5,\"userId\":6}}", 5, 6 },
    { "{\"type\":\"t\",\"subject\":\"8\",\"data\":{\"userId\":6}}", 0, 8 },
    { "{\"type\":\"t\",\"subject\":\"x8\",\"data\":{\"userId\":6}}", 0, 6 },
    { "{\"type\":\"t\",\"data\":{\"orderId\":-5,\"userId\":6.0}}", 0, 0 },
    { "{\"type\":\"t\",\"data\":{\"orderId\":9007199254740992}}", 0, 0 },
    { "{\"type\":\"t\",\"subject\":\"9007199254740992\"}", 0, 0 },
    { "{\"type\":\"t\",\"subject\":\"99999999999999999999999\"}", 0, 0 },
    { "{\"type\":\"t\",\"data\":[1,2]}", 0, 0 },
    { "{\"type\":\"t\",\"data_base64\":\"AA==\"}", 0, 0 },
};

static void
test_cloudevent_foreign_ids_are_lifted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(lifted); i++) {
        assert_int_equal(read_text(lifted[i].text, CLOUDEVENT_DRAFT),
                         CLOUDEVENT_OK);
        assert_int_equal(out.event.order.value, lifted[i].order);
        assert_int_equal(out.event.user.value, lifted[i].user);
    }
}

/* Anybody may write to a topic of the knob. */
static void
test_cloudevent_foreign_blob_of_others_is_malformed(void **state)
{
    static const char *const blobs[] = {
        "", "x", "[]", "{}", "{\"type\":7}", "{\"type\":\"t\"",
        "{\"type\":\"t\",\"id\":\"forged\"}",
        "{\"type\":\"t\",\"offset\":\"7\"}",
        "{\"type\":\"sagapipe.Payment.v1\",\"data\":{}}",
        "{\"type\":\"t\",\"Upper\":\"x\"}", "{\"type\":\"t\"}{}",
        "{\"type\":\"t\",\"data\":1,\"data\":2}",
        "{\"type\":\"t\",\"\\u0061\":1}", "{\"type\":\"\"}",
    };
    struct event event;

    (void)state;
    event_init(&event, EVENT_FOREIGN);
    for (size_t i = 0; i < ARRAY_COUNT(blobs); i++) {
        event.blob.data = (const uint8_t *)blobs[i];
        event.blob.bytes = strlen(blobs[i]);
        if (write_line(&event) != RC_MALFORMED)
            fail_msg("%s", blobs[i]);
    }
}

static void
test_cloudevent_foreign_stays_one_line(void **state)
{
    struct event event;

    (void)state;
    event_init(&event, EVENT_FOREIGN);
    event.blob.data = (const uint8_t *)"{\r\n\"type\":\n\"t\"\n,"
                                       "\"data\":[1,\n2]}";
    event.blob.bytes = strlen((const char *)event.blob.data);
    assert_int_equal(write_line(&event), RC_OK);
    assert_null(strpbrk(line, "\r\n"));
}

/* ---- refusals ---- */

#define OURS "\"specversion\":\"1.0\",\"id\":\"orders-0-1\","                  \
             "\"source\":\"/sagapipe/gateway\""
#define FROZEN "\"type\":\"sagapipe.AccountFrozen.v1\""
#define USER "\"data\":{\"userId\":1}"
#define DATA(type, members)                                                    \
    "{" OURS ",\"type\":\"sagapipe." type ".v1\",\"data\":{" members "}}"
#define LETTER(members)                                                        \
    DATA("DeadLetter", "\"topic\":\"t\",\"partition\":0,\"offset\":0,"         \
         "\"participant\":\"p\",\"cause\":\"c\",\"attempts\":1," members)

static const struct {
    const char *name;
    const char *text;
    enum cloudevent_refusal whole, draft;
    const char *where;
} lines[] = {
    { "right", "{" OURS "," FROZEN "," USER "}", CLOUDEVENT_OK,
      CLOUDEVENT_OK, "" },
    { "unknown_members_are_ignored",
      "{" OURS "," FROZEN ",\"data\":{\"userId\":1,\"x\":[]},\"Y\":{}}",
      CLOUDEVENT_OK, CLOUDEVENT_OK, "" },
    { "draft", "{" FROZEN "," USER "}", CLOUDEVENT_SPECVERSION, CLOUDEVENT_OK,
      "specversion" },
    { "empty", "", CLOUDEVENT_SYNTAX, CLOUDEVENT_SYNTAX, "" },
    { "array", "[]", CLOUDEVENT_SYNTAX, CLOUDEVENT_SYNTAX, "" },
    { "two", "{}{}", CLOUDEVENT_SYNTAX, CLOUDEVENT_SYNTAX, "" },
    { "key_twice", "{" FROZEN "," FROZEN "," USER "}", CLOUDEVENT_SYNTAX,
      CLOUDEVENT_SYNTAX, "" },
    { "integer_beyond_64_bits", "{" FROZEN ",\"data\":9223372036854775808}",
      CLOUDEVENT_SYNTAX, CLOUDEVENT_SYNTAX, "" },
    { "not_utf8", "{\"type\":\"\xff\"}", CLOUDEVENT_SYNTAX, CLOUDEVENT_SYNTAX,
      "" },
    { "other_version", "{\"specversion\":\"2.0\"," FROZEN "," USER "}",
      CLOUDEVENT_SPECVERSION, CLOUDEVENT_SPECVERSION, "specversion" },
    { "version_number", "{\"specversion\":1.0," FROZEN "," USER "}",
      CLOUDEVENT_SPECVERSION, CLOUDEVENT_SPECVERSION, "specversion" },
    { "no_type", "{" OURS "}", CLOUDEVENT_ATTRIBUTE_MISSING,
      CLOUDEVENT_ATTRIBUTE_MISSING, "type" },
    { "no_id", "{\"specversion\":\"1.0\",\"source\":\"/sagapipe/a\"," FROZEN
      "," USER "}", CLOUDEVENT_ATTRIBUTE_MISSING, CLOUDEVENT_OK, "id" },
    { "no_source", "{\"specversion\":\"1.0\",\"id\":\"a-0-1\"," FROZEN
      "," USER "}", CLOUDEVENT_ATTRIBUTE_MISSING, CLOUDEVENT_OK, "source" },
    { "foreign_id", "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":"
      "\"/sagapipe/a\"," FROZEN "," USER "}", CLOUDEVENT_ATTRIBUTE,
      CLOUDEVENT_OK, "id" },
    { "id_with_partition_16", "{\"specversion\":\"1.0\",\"id\":\"a-16-1\","
      "\"source\":\"/sagapipe/a\"," FROZEN "," USER "}", CLOUDEVENT_ATTRIBUTE,
      CLOUDEVENT_OK, "id" },
    { "id_with_seq_0", "{\"specversion\":\"1.0\",\"id\":\"a-0-0\",\"source\":"
      "\"/sagapipe/a\"," FROZEN "," USER "}", CLOUDEVENT_ATTRIBUTE,
      CLOUDEVENT_OK, "id" },
    { "foreign_source", "{\"specversion\":\"1.0\",\"id\":\"a-0-1\","
      "\"source\":\"/elsewhere\"," FROZEN "," USER "}", CLOUDEVENT_ATTRIBUTE,
      CLOUDEVENT_OK, "source" },
    { "time_of_no_day", "{" OURS ",\"time\":\"2026-02-30T00:00:00Z\"," FROZEN
      "," USER "}", CLOUDEVENT_ATTRIBUTE, CLOUDEVENT_OK, "time" },
    { "time_after_9999", "{" OURS ",\"time\":\"9999-12-31T23:59:59-01:00\","
      FROZEN "," USER "}", CLOUDEVENT_ATTRIBUTE, CLOUDEVENT_OK, "time" },
    { "offset_negative", "{" OURS ",\"offset\":\"-1\"," FROZEN "," USER "}",
      CLOUDEVENT_ATTRIBUTE, CLOUDEVENT_OK, "offset" },
    { "traceparent", "{" OURS ",\"traceparent\":\"00-x\"," FROZEN "," USER "}",
      CLOUDEVENT_ATTRIBUTE, CLOUDEVENT_ATTRIBUTE, "traceparent" },
    { "type_empty", "{" OURS ",\"type\":\"\"}", CLOUDEVENT_ATTRIBUTE,
      CLOUDEVENT_ATTRIBUTE, "type" },
    { "type_number", "{" OURS ",\"type\":1}", CLOUDEVENT_ATTRIBUTE,
      CLOUDEVENT_ATTRIBUTE, "type" },
    { "type_control", "{" OURS ",\"type\":\"a\\u0001\"}",
      CLOUDEVENT_ATTRIBUTE, CLOUDEVENT_ATTRIBUTE, "type" },
    { "name_upper", "{" OURS ",\"type\":\"t\",\"Ext\":\"x\"}",
      CLOUDEVENT_ATTRIBUTE, CLOUDEVENT_ATTRIBUTE, "Ext" },
    { "name_empty", "{" OURS ",\"type\":\"t\",\"\":\"x\"}",
      CLOUDEVENT_ATTRIBUTE, CLOUDEVENT_ATTRIBUTE, "" },
    { "name_escaped", "{" OURS ",\"type\":\"t\",\"\\u0061\":\"x\"}",
      CLOUDEVENT_ATTRIBUTE, CLOUDEVENT_ATTRIBUTE, "\\u..." },
    { "value_object", "{" OURS ",\"type\":\"t\",\"ext\":{}}",
      CLOUDEVENT_ATTRIBUTE, CLOUDEVENT_ATTRIBUTE, "ext" },
    { "value_real", "{" OURS ",\"type\":\"t\",\"ext\":1.5}",
      CLOUDEVENT_ATTRIBUTE, CLOUDEVENT_ATTRIBUTE, "ext" },
    { "value_over_32_bits", "{" OURS ",\"type\":\"t\",\"ext\":2147483648}",
      CLOUDEVENT_ATTRIBUTE, CLOUDEVENT_ATTRIBUTE, "ext" },
    /* null is "not there". */
    { "version_null", "{\"specversion\":null," FROZEN "," USER "}",
      CLOUDEVENT_SPECVERSION, CLOUDEVENT_OK, "specversion" },
    { "id_null", "{\"specversion\":\"1.0\",\"id\":null,\"source\":"
      "\"/sagapipe/a\"," FROZEN "," USER "}", CLOUDEVENT_ATTRIBUTE_MISSING,
      CLOUDEVENT_OK, "id" },
    { "time_and_trace_null", "{" OURS ",\"time\":null,\"traceparent\":null,"
      FROZEN "," USER "}", CLOUDEVENT_OK, CLOUDEVENT_OK, "" },
    { "type_null", "{" OURS ",\"type\":null}", CLOUDEVENT_ATTRIBUTE_MISSING,
      CLOUDEVENT_ATTRIBUTE_MISSING, "type" },
    { "data_null", "{" OURS "," FROZEN ",\"data\":null}",
      CLOUDEVENT_FIELD_MISSING, CLOUDEVENT_FIELD_MISSING, "userId" },
    { "field_null", DATA("AccountFrozen", "\"userId\":null"),
      CLOUDEVENT_FIELD_MISSING, CLOUDEVENT_FIELD_MISSING, "userId" },
    { "optional_field_null",
      LETTER("\"event\":\"AA==\",\"orderId\":null"), CLOUDEVENT_OK,
      CLOUDEVENT_OK, "" },
    { "data_null_beside_base64",
      "{" OURS ",\"type\":\"t\",\"data\":null,\"data_base64\":\"AA==\"}",
      CLOUDEVENT_OK, CLOUDEVENT_OK, "" },
    { "data_beside_base64_null",
      "{" OURS ",\"type\":\"t\",\"data\":1,\"data_base64\":null}",
      CLOUDEVENT_OK, CLOUDEVENT_OK, "" },
    { "name_upper_null", "{" OURS ",\"type\":\"t\",\"Ext\":null}",
      CLOUDEVENT_ATTRIBUTE, CLOUDEVENT_ATTRIBUTE, "Ext" },
    { "value_boolean_and_null",
      "{" OURS ",\"type\":\"t\",\"ext\":true,\"subject\":null}",
      CLOUDEVENT_OK, CLOUDEVENT_OK, "" },
    { "subject_number", "{" OURS ",\"type\":\"t\",\"subject\":1}",
      CLOUDEVENT_ATTRIBUTE, CLOUDEVENT_ATTRIBUTE, "subject" },
    { "data_twice", "{" OURS ",\"type\":\"t\",\"data\":1,"
      "\"data_base64\":\"\"}", CLOUDEVENT_ATTRIBUTE, CLOUDEVENT_ATTRIBUTE,
      "data_base64" },
    { "unknown_type", "{" OURS ",\"type\":\"sagapipe.Nothing.v1\"}",
      CLOUDEVENT_UNKNOWN_TYPE, CLOUDEVENT_UNKNOWN_TYPE, "type" },
    { "foreign_by_name", "{" OURS ",\"type\":\"sagapipe.Foreign.v1\"}",
      CLOUDEVENT_UNKNOWN_TYPE, CLOUDEVENT_UNKNOWN_TYPE, "type" },
    { "type_without_version", "{" OURS ",\"type\":\"sagapipe.Payment\"}",
      CLOUDEVENT_UNKNOWN_TYPE, CLOUDEVENT_UNKNOWN_TYPE, "type" },
    { "version_0", "{" OURS ",\"type\":\"sagapipe.AccountFrozen.v0\"," USER
      "}", CLOUDEVENT_UNKNOWN_VERSION, CLOUDEVENT_UNKNOWN_VERSION, "type" },
    { "version_9", "{" OURS ",\"type\":\"sagapipe.AccountFrozen.v9\"," USER
      "}", CLOUDEVENT_UNKNOWN_VERSION, CLOUDEVENT_UNKNOWN_VERSION, "type" },
    { "no_data", "{" OURS "," FROZEN "}", CLOUDEVENT_FIELD_MISSING,
      CLOUDEVENT_FIELD_MISSING, "userId" },
    { "data_array", "{" OURS "," FROZEN ",\"data\":[]}",
      CLOUDEVENT_FIELD_TYPE, CLOUDEVENT_FIELD_TYPE, "data" },
    { "user_0", DATA("AccountFrozen", "\"userId\":0"), CLOUDEVENT_FIELD_RANGE,
      CLOUDEVENT_FIELD_RANGE, "userId" },
    { "user_real", DATA("AccountFrozen", "\"userId\":1.0"),
      CLOUDEVENT_FIELD_TYPE, CLOUDEVENT_FIELD_TYPE, "userId" },
    { "user_text", DATA("AccountFrozen", "\"userId\":\"1\""),
      CLOUDEVENT_FIELD_TYPE, CLOUDEVENT_FIELD_TYPE, "userId" },
    { "reason_unknown", DATA("OrderCancel", "\"orderId\":1,\"userId\":1,"
      "\"reason\":\"BORED\""), CLOUDEVENT_FIELD_RANGE, CLOUDEVENT_FIELD_RANGE,
      "reason" },
    { "reason_number", DATA("OrderCancel", "\"orderId\":1,\"userId\":1,"
      "\"reason\":1"), CLOUDEVENT_FIELD_TYPE, CLOUDEVENT_FIELD_TYPE,
      "reason" },
    { "blob_no_base64", LETTER("\"event\":\"A\""), CLOUDEVENT_FIELD_RANGE,
      CLOUDEVENT_FIELD_RANGE, "event" },
    { "blob_number", LETTER("\"event\":1"), CLOUDEVENT_FIELD_TYPE,
      CLOUDEVENT_FIELD_TYPE, "event" },
    { "text_empty", DATA("DeadLetter", "\"topic\":\"\""),
      CLOUDEVENT_FIELD_RANGE, CLOUDEVENT_FIELD_RANGE, "topic" },
    { "text_of_32", DATA("DeadLetter",
      "\"topic\":\"0123456789012345678901234567890x\""),
      CLOUDEVENT_FIELD_RANGE, CLOUDEVENT_FIELD_RANGE, "topic" },
    { "text_with_nul", DATA("DeadLetter", "\"topic\":\"a\\u0000\""),
      CLOUDEVENT_FIELD_RANGE, CLOUDEVENT_FIELD_RANGE, "topic" },
    { "text_number", DATA("DeadLetter", "\"topic\":1"),
      CLOUDEVENT_FIELD_TYPE, CLOUDEVENT_FIELD_TYPE, "topic" },
};

static void
check_line(size_t i, enum cloudevent_form form, enum cloudevent_refusal want)
{
    enum cloudevent_refusal refusal = read_text(lines[i].text, form);

    if (refusal != want)
        fail_msg("%s: %s at '%s'", lines[i].name,
                 cloudevent_refusal_name(refusal), out.where);
    if (want != CLOUDEVENT_OK)
        assert_string_equal(out.where, lines[i].where);
}

static void
test_cloudevent_lines_are_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        check_line(i, CLOUDEVENT_WHOLE, lines[i].whole);
        check_line(i, CLOUDEVENT_DRAFT, lines[i].draft);
    }
}

/* A line with a member `x` so long that the line has that many bytes. */
static const char *
padded(const char *open, size_t bytes)
{
    size_t used = (size_t)sprintf(line, "%s,\"x\":\"", open);

    memset(line + used, 'a', bytes - used - 2);
    memcpy(line + bytes - 2, "\"}", 3);
    return line;
}

static void
test_cloudevent_too_large_by_one(void **state)
{
    (void)state;
    assert_int_equal(read_text(padded("{" OURS "," FROZEN "," USER,
                                      CLOUDEVENT_LINE_BYTES_MAX),
                               CLOUDEVENT_WHOLE), CLOUDEVENT_OK);
    assert_int_equal(read_text(padded("{" OURS "," FROZEN "," USER,
                                      CLOUDEVENT_LINE_BYTES_MAX + 1),
                               CLOUDEVENT_WHOLE), CLOUDEVENT_TOO_LARGE);
    assert_int_equal(read_text(padded("{\"type\":\"t\"", EVENT_BLOB_BYTES_MAX),
                               CLOUDEVENT_DRAFT), CLOUDEVENT_OK);
    assert_int_equal(out.event.blob.bytes, EVENT_BLOB_BYTES_MAX);
    assert_int_equal(read_text(padded("{\"type\":\"t\"",
                                      EVENT_BLOB_BYTES_MAX + 1),
                               CLOUDEVENT_DRAFT), CLOUDEVENT_TOO_LARGE);
}

/* jansson passes over it: what looks at the text would end there. */
static void
test_cloudevent_nul_between_tokens_is_syntax(void **state)
{
    static const char text[] = "{\"type\":\"t\",\"n\":0\0}";
    struct event event;

    (void)state;
    assert_int_equal(cloudevent_read(text, sizeof text - 1, CLOUDEVENT_DRAFT,
                                     &out), CLOUDEVENT_SYNTAX);
    event_init(&event, EVENT_FOREIGN);
    event.blob.data = (const uint8_t *)text;
    event.blob.bytes = sizeof text - 1;
    assert_int_equal(write_line(&event), RC_MALFORMED);
}

/* No cut of a line, and no octet of it changed, does anything but refuse or
 * be read: the sanitizers look. */
static void
test_cloudevent_any_octets_are_bearable(void **state)
{
    static const char good[] =
        "{\"type\":\"t\",\"subject\":\"12\",\"ext\":\"\\\"\",\"data\":"
        "{\"a\":[1,{\"b\":\"\\u00e9}\"}],\"c\":null}}";
    uint64_t seed = 7;

    (void)state;
    for (size_t bytes = 0; bytes < sizeof(good) - 1; bytes++) {
        char text[sizeof(good)] = "";

        memcpy(text, good, bytes);
        assert_int_equal(read_text(text, CLOUDEVENT_DRAFT),
                         CLOUDEVENT_SYNTAX);
    }
    for (int round = 0; round < 20000; round++) {
        char text[sizeof(good)];

        memcpy(text, good, sizeof(good));
        text[random_next(&seed) % (sizeof(good) - 1)] =
            (char)random_next(&seed);
        if (read_text(text, CLOUDEVENT_DRAFT) == CLOUDEVENT_OK) {
            struct event event = out.event;

            assert_int_equal(write_line(&event), RC_OK);
            assert_int_equal(read_text(line, CLOUDEVENT_DRAFT),
                             CLOUDEVENT_OK);
        }
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cloudevent_of_the_document_is_this_line),
        cmocka_unit_test(test_cloudevent_document_has_every_refusal),
        cmocka_unit_test(test_cloudevent_random_events_come_back),
        cmocka_unit_test(test_cloudevent_longest_event_fits_in_a_line),
        cmocka_unit_test(test_cloudevent_without_room_is_full),
        cmocka_unit_test(test_cloudevent_foreign_is_kept_octet_for_octet),
        cmocka_unit_test(test_cloudevent_foreign_ids_are_lifted),
        cmocka_unit_test(test_cloudevent_foreign_blob_of_others_is_malformed),
        cmocka_unit_test(test_cloudevent_foreign_stays_one_line),
        cmocka_unit_test(test_cloudevent_lines_are_refused_by_name),
        cmocka_unit_test(test_cloudevent_too_large_by_one),
        cmocka_unit_test(test_cloudevent_nul_between_tokens_is_syntax),
        cmocka_unit_test(test_cloudevent_any_octets_are_bearable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
