#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/gateway_seed.h"
#include "saga/ids.h"

/* Reads `text` as a file; what is read must be freed. */
static enum rc
seed_of(const char *text, struct gateway_seed *seed, char *error, size_t bytes)
{
    char path[] = "/tmp/sagapipe-seed-XXXXXX";
    int fd = mkstemp(path);
    enum rc rc;

    assert_true(fd >= 0);
    assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    rc = gateway_seed_read(path, seed, error, bytes);
    unlink(path);
    return rc;
}

static void
test_seed_lists_come_sorted(void **state)
{
    struct gateway_seed seed;
    char error[256];

    (void)state;
    assert_int_equal(
        seed_of("{\"users\":[{\"userId\":9007199254740991,\"balance\":0},"
                "{\"userId\":2,\"balance\":\"0.05\"}],"
                "\"products\":[{\"id\":7,\"price\":19.99}]}",
                &seed, error, sizeof error), RC_OK);
    assert_int_equal(seed.products.count, 1);
    assert_int_equal(seed.products.rows[0].id, 7);
    assert_int_equal(seed.products.rows[0].amount.minor, 1999);
    assert_int_equal(seed.users.count, 2);
    assert_int_equal(seed.users.rows[0].id, 2);
    assert_int_equal(seed.users.rows[0].amount.minor, 5);
    assert_true(seed.users.rows[1].id == ID_MAX);
    assert_int_equal(seed.users.rows[1].amount.minor, 0);
    gateway_seed_fini(&seed);
}

static void
test_seed_empty_lists_and_no_file_are_right(void **state)
{
    struct gateway_seed seed;
    char error[256];

    (void)state;
    assert_int_equal(seed_of("{\"users\":[],\"products\":[]}", &seed, error,
                             sizeof error), RC_OK);
    assert_int_equal(seed.users.count + seed.products.count, 0);
    gateway_seed_fini(&seed);
    assert_int_equal(gateway_seed_read("", &seed, error, sizeof error), RC_OK);
    assert_int_equal(seed.users.count + seed.products.count, 0);
    gateway_seed_fini(&seed);
}

static void
test_seed_wrong_file_is_refused_with_words(void **state)
{
#define U "\"users\":[]"
#define P "\"products\":[]"
    static const struct {
        const char *name;
        const char *text;
        const char *words;
    } cases[] = {
        { "empty", "", "line 1" },
        { "not_json", "products: 1", "line 1" },
        { "trailing", "{" U "," P "} x", "line 1" },
        { "array", "[]", "exactly" },
        { "users_missing", "{" P "}", "exactly" },
        { "unknown_key", "{" U "," P ",\"more\":1}", "exactly" },
        { "key_twice", "{" U "," P "," U "}", "duplicate" },
        { "users_null", "{\"users\":null," P "}", "not an array" },
        { "row_no_object", "{" U ",\"products\":[1]}", "products[0]" },
        { "row_key_unknown",
          "{" U ",\"products\":[{\"id\":1,\"price\":1,\"name\":\"x\"}]}",
          "products[0]" },
        { "row_key_missing", "{" U ",\"products\":[{\"id\":1}]}",
          "products[0]" },
        { "id_twice",
          "{" U ",\"products\":[{\"id\":1,\"price\":1},{\"id\":2,\"price\":1},"
          "{\"id\":1,\"price\":2}]}", "id 1 is there twice" },
        { "user_twice",
          "{" P ",\"users\":[{\"userId\":3,\"balance\":1},"
          "{\"userId\":3,\"balance\":1}]}", "userId 3 is there twice" },
        { "id_zero", "{" U ",\"products\":[{\"id\":0,\"price\":1}]}",
          "products[0].id" },
        { "id_real", "{" U ",\"products\":[{\"id\":1.0,\"price\":1}]}",
          "products[0].id" },
        { "id_over",
          "{" U ",\"products\":[{\"id\":9007199254740992,\"price\":1}]}",
          "products[0].id" },
        { "price_negative", "{" U ",\"products\":[{\"id\":1,\"price\":-1}]}",
          "above 0" },
        { "price_zero", "{" U ",\"products\":[{\"id\":1,\"price\":0}]}",
          "above 0" },
        { "price_fraction", "{" U ",\"products\":[{\"id\":1,\"price\":0.001}]}",
          "above 0" },
        { "price_text", "{" U ",\"products\":[{\"id\":1,\"price\":\"1,5\"}]}",
          "above 0" },
        { "price_true", "{" U ",\"products\":[{\"id\":1,\"price\":true}]}",
          "above 0" },
        { "price_over",
          "{" U ",\"products\":[{\"id\":1,\"price\":90071992547410}]}",
          "above 0" },
        { "balance_negative",
          "{" P ",\"users\":[{\"userId\":1,\"balance\":-0.01}]}",
          "of 0 or more" },
    };
    struct gateway_seed seed;
    char error[256];
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_COUNT(cases); i++) {
        error[0] = '\0';
        if (seed_of(cases[i].text, &seed, error, sizeof error) !=
            RC_MALFORMED)
            fail_msg("%s was taken", cases[i].name);
        if (strncmp(error, "seed: /tmp/", 11) != 0 ||
            strstr(error, cases[i].words) == NULL)
            fail_msg("%s: \"%s\"", cases[i].name, error);
        assert_null(seed.products.rows);
        assert_null(seed.users.rows);
    }
}

static void
test_seed_missing_file_is_not_found(void **state)
{
    struct gateway_seed seed;
    char error[256];

    (void)state;
    assert_int_equal(gateway_seed_read("/tmp/sagapipe-no-such-file", &seed,
                                       error, sizeof error), RC_NOT_FOUND);
    assert_string_equal(error, "seed: /tmp/sagapipe-no-such-file: "
                               "No such file or directory");
    assert_int_equal(gateway_seed_read("/tmp", &seed, error, sizeof error),
                     RC_IO);
}

static void
test_seed_over_its_limits_is_full(void **state)
{
    size_t bytes = SEED_BYTES_MAX + 2, i;
    char *text = malloc(bytes), *at;
    struct gateway_seed seed;
    char error[256];

    (void)state;
    assert_non_null(text);
    memset(text, ' ', bytes);
    text[bytes - 1] = '\0';
    assert_int_equal(seed_of(text, &seed, error, sizeof error), RC_FULL);
    at = text + sprintf(text, "{\"products\":[],\"users\":[0");
    for (i = 0; i < SEED_ROWS_MAX; i++)
        at += sprintf(at, ",0");
    sprintf(at, "]}");
    assert_int_equal(seed_of(text, &seed, error, sizeof error), RC_FULL);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seed_lists_come_sorted),
        cmocka_unit_test(test_seed_empty_lists_and_no_file_are_right),
        cmocka_unit_test(test_seed_wrong_file_is_refused_with_words),
        cmocka_unit_test(test_seed_missing_file_is_not_found),
        cmocka_unit_test(test_seed_over_its_limits_is_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
