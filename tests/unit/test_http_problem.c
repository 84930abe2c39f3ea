#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "gateway/http_problem.h"

static char buffer[PROBLEM_TEXT_BYTES_MAX + 1];

static json_t *
written(const struct problem *problem)
{
    struct text_writer writer;
    json_t *json;

    text_writer_init(&writer, buffer, sizeof(buffer));
    problem_write(&writer, problem);
    text_end(&writer);
    assert_false(writer.failed);
    json = json_loads(buffer, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

/* The names and statuses are an interface: programs look at them. */
static const struct {
    enum problem_type type;
    const char *name;
    unsigned status;
} stable[] = {
    { PROBLEM_FRAMING, "message-framing", 400 },
    { PROBLEM_TARGET, "bad-target", 400 },
    { PROBLEM_PARAMETER, "bad-parameter", 400 },
    { PROBLEM_JSON, "malformed-json", 400 },
    { PROBLEM_FIELD_UNKNOWN, "unknown-field", 400 },
    { PROBLEM_FIELD_MISSING, "missing-field", 400 },
    { PROBLEM_FIELD_TYPE, "wrong-type", 400 },
    { PROBLEM_KEY, "bad-idempotency-key", 400 },
    { PROBLEM_UNAUTHORIZED, "unauthorized", 401 },
    { PROBLEM_FORBIDDEN, "forbidden", 403 },
    { PROBLEM_ORIGIN, "foreign-origin", 403 },
    { PROBLEM_NO_PATH, "unknown-path", 404 },
    { PROBLEM_NO_ROW, "not-found", 404 },
    { PROBLEM_NO_PRODUCT, "unknown-product", 404 },
    { PROBLEM_NO_USER, "unknown-user", 404 },
    { PROBLEM_METHOD, "method-not-allowed", 405 },
    { PROBLEM_USER_EXISTS, "user-exists", 409 },
    { PROBLEM_CATALOGUE_FULL, "catalogue-full", 409 },
    { PROBLEM_ENDED, "order-ended", 409 },
    { PROBLEM_REDRIVE, "redrive-refused", 409 },
    { PROBLEM_BODY_SIZE, "body-too-large", 413 },
    { PROBLEM_TARGET_SIZE, "target-too-long", 414 },
    { PROBLEM_MEDIA, "unsupported-media-type", 415 },
    { PROBLEM_FIELD_RANGE, "out-of-range", 422 },
    { PROBLEM_PRICE, "price-too-large", 422 },
    { PROBLEM_KEY_CONFLICT, "idempotency-conflict", 422 },
    { PROBLEM_RATE, "too-many-requests", 429 },
    { PROBLEM_HEAD_SIZE, "head-too-large", 431 },
    { PROBLEM_BACKLOG, "backlog-full", 503 },
    { PROBLEM_DISK, "disk-floor", 503 },
    { PROBLEM_STORE_FAILED, "store-failed", 503 },
    { PROBLEM_STORE_TIMEOUT, "store-timeout", 503 },
    { PROBLEM_SILENT, "participant-silent", 503 },
    { PROBLEM_OVERLOADED, "overloaded", 503 },
    { PROBLEM_STOPPING, "shutting-down", 503 },
    { PROBLEM_MEMORY, "out-of-memory", 503 },
};

static void
test_http_problem_each_type_is_stable(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_COUNT(stable), PROBLEM_COUNT - 1);
    for (size_t i = 0; i < ARRAY_COUNT(stable); i++) {
        struct problem problem;
        char type[64] = "/problems/";
        json_t *json;

        strncat(type, stable[i].name, 40);
        problem_init(&problem);
        problem_set(&problem, stable[i].type, "field", "number %d", 7);
        json = written(&problem);
        assert_string_equal(problem_name(stable[i].type), stable[i].name);
        assert_int_equal(problem_status(stable[i].type), stable[i].status);
        assert_string_equal(json_string_value(json_object_get(json, "type")),
                            type);
        assert_int_equal(json_integer_value(json_object_get(json, "status")),
                         stable[i].status);
        assert_true(json_string_length(json_object_get(json, "title")) > 10);
        assert_string_equal(json_string_value(json_object_get(json, "detail")),
                            "number 7");
        assert_string_equal(json_string_value(json_object_get(json, "field")),
                            "field");
        json_decref(json);
    }
}

static void
test_http_problem_says_only_what_it_knows(void **state)
{
    struct problem problem;
    json_t *json;

    (void)state;
    problem_init(&problem);
    problem.type = PROBLEM_NO_PATH;
    json = written(&problem);
    assert_int_equal(json_object_size(json), 3);
    json_decref(json);
}

static void
test_http_problem_limit_is_told(void **state)
{
    struct problem problem;
    json_t *json;

    (void)state;
    problem_init(&problem);
    problem_set(&problem, PROBLEM_BODY_SIZE, NULL, "it has 17");
    problem.limit = 16;
    json = written(&problem);
    assert_int_equal(json_integer_value(json_object_get(json, "limit")), 16);
    assert_null(json_object_get(json, "field"));
    assert_null(json_object_get(json, "state"));
    json_decref(json);
}

static void
test_http_problem_state_is_told(void **state)
{
    struct problem problem;
    json_t *json;

    (void)state;
    problem_init(&problem);
    problem_set(&problem, PROBLEM_ENDED, NULL, "it is over");
    problem.state = "ORDER_FAILED";
    json = written(&problem);
    assert_string_equal(json_string_value(json_object_get(json, "state")),
                        "ORDER_FAILED");
    json_decref(json);
}

static void
test_http_problem_first_one_stays(void **state)
{
    struct problem problem;

    (void)state;
    problem_init(&problem);
    problem_set(&problem, PROBLEM_JSON, "a", "first");
    problem_set(&problem, PROBLEM_FIELD_TYPE, "b", "second");
    assert_int_equal(problem.type, PROBLEM_JSON);
    assert_string_equal(problem.field, "a");
    assert_string_equal(problem.detail, "first");
}

/* Of characters of one to four bytes, the last one at every place. */
static void
test_http_problem_field_is_cut_before_a_character(void **state)
{
    static const char *const characters[] = { "x", "\xc3\xa4", "\xe2\x82\xac",
                                              "\xf0\x9f\x98\x80" };
    struct problem problem;
    char text[PROBLEM_FIELD_BYTES + 8];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(characters); i++) {
        size_t bytes = strlen(characters[i]);

        for (size_t before = PROBLEM_FIELD_BYTES - 6;
             before <= PROBLEM_FIELD_BYTES; before++) {
            size_t kept = before + bytes < PROBLEM_FIELD_BYTES
                              ? before + bytes : before;

            memset(text, 'x', before);
            memcpy(text + before, characters[i], bytes + 1);
            problem_init(&problem);
            problem_set(&problem, PROBLEM_FIELD_UNKNOWN, text, "x");
            if (kept >= PROBLEM_FIELD_BYTES)
                kept = PROBLEM_FIELD_BYTES - 1;
            assert_int_equal(strlen(problem.field), kept);
            assert_memory_equal(problem.field, text, kept);
        }
    }
}

static void
test_http_problem_longest_text_fits(void **state)
{
    struct problem problem;
    char text[1024];

    (void)state;
    memset(text, 1, sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (int type = PROBLEM_NONE + 1; type < PROBLEM_COUNT; type++) {
        problem_init(&problem);
        problem_set(&problem, (enum problem_type)type, text, "%s", text);
        problem.limit = INT64_MAX;
        json_decref(written(&problem));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_problem_each_type_is_stable),
        cmocka_unit_test(test_http_problem_says_only_what_it_knows),
        cmocka_unit_test(test_http_problem_limit_is_told),
        cmocka_unit_test(test_http_problem_state_is_told),
        cmocka_unit_test(test_http_problem_first_one_stays),
        cmocka_unit_test(test_http_problem_field_is_cut_before_a_character),
        cmocka_unit_test(test_http_problem_longest_text_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
