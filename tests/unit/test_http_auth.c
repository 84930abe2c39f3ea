#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/http_auth.h"
#include "saga/log.h"
#include "../support/child.h"

/* SHA-256 of "abc" and of "xyz". */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define XYZ "3608bca1e44ea6c4d268eb6db02260269892c0b42b86bbf1e77a6fa16c3c9282"
#define SHOP "customer shop sha256:" ABC "\n"
#define ADMIN "operator admin sha256:" XYZ "\n"

static struct auth auth;

static const struct {
    const char *name;
    const char *text;
    size_t count;
    const char *words; /* of the refusal, or NULL */
} files[] = {
    { "one", SHOP, 1, NULL },
    { "both_roles", SHOP ADMIN, 2, NULL },
    { "no_newline_at_the_end", "customer shop sha256:" ABC, 1, NULL },
    { "comments_and_blanks", "# who\n\n \t\r\n#\n\t" SHOP "\r\n", 1, NULL },
    { "tabs_and_crlf", "customer\tshop \t sha256:" ABC " \r\n", 1, NULL },
    { "capitals_in_the_hash", "customer s sha256:BA7816BF8F01CFEA414140DE5DAE"
      "2223B00361A396177A9CB410FF61F20015AD\n", 1, NULL },
    { "name_longest", "customer a2345678901234567890123456789012 sha256:" ABC,
      1, NULL },
    { "empty", "", 0, "there is no token: nobody could come in; "
      "scripts/make-token.sh makes one" },
    { "comments_alone", "# " SHOP, 0, "there is no token: nobody could come "
      "in; scripts/make-token.sh makes one" },
    { "two_words", "customer sha256:" ABC "\n", 0,
      "line 1: is not ROLE NAME sha256:HASH" },
    { "four_words", SHOP "operator a sha256:" XYZ " x\n", 1,
      "line 2: is not ROLE NAME sha256:HASH" },
    { "role_unknown", "admin shop sha256:" ABC "\n", 0,
      "line 1: the role is not customer or operator" },
    { "role_capital", "Customer shop sha256:" ABC "\n", 0,
      "line 1: the role is not customer or operator" },
    { "role_cut", "custom shop sha256:" ABC "\n", 0,
      "line 1: the role is not customer or operator" },
    { "name_long", "customer a23456789012345678901234567890123 sha256:" ABC,
      0, "line 1: the name is not made of 1 to 32 of a-z A-Z 0-9 . _ -" },
    { "name_slash", "customer a/b sha256:" ABC, 0,
      "line 1: the name is not made of 1 to 32 of a-z A-Z 0-9 . _ -" },
    { "token_in_clear", "customer shop abc\n", 0, "line 1: the third word is "
      "not sha256: and 64 hexadecimal digits" },
    { "other_hash", "customer shop sha512:" ABC "\n", 0, "line 1: the third "
      "word is not sha256: and 64 hexadecimal digits" },
    { "hash_short", "customer shop sha256:ba78\n", 0, "line 1: the third word "
      "is not sha256: and 64 hexadecimal digits" },
    { "hash_long", "customer shop sha256:" ABC "00\n", 0, "line 1: the third "
      "word is not sha256: and 64 hexadecimal digits" },
    { "hash_not_hex", "customer shop sha256:ga7816bf8f01cfea414140de5dae2223b"
      "00361a396177a9cb410ff61f20015ad\n", 0, "line 1: the third word is not "
      "sha256: and 64 hexadecimal digits" },
    { "name_twice", SHOP "\noperator shop sha256:" XYZ "\n", 1,
      "line 3: the name stands there twice" },
    { "token_twice", SHOP "operator admin sha256:" ABC "\n", 1,
      "line 2: the token stands there twice" },
};

static void
test_auth_parse_file_is_read_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        char words[AUTH_WORDS_BYTES] = "";
        enum rc rc = auth_parse(&auth, files[i].text, strlen(files[i].text),
                                words);

        if (files[i].words != NULL
                ? rc != RC_MALFORMED || strcmp(words, files[i].words) != 0
                : rc != RC_OK || auth.count != files[i].count)
            fail_msg("%s: %s %zu \"%s\"", files[i].name, rc_name(rc),
                     auth.count, words);
    }
}

static void
test_auth_parse_one_token_too_many_is_refused(void **state)
{
    static char text[(AUTH_TOKENS_MAX + 1) * 100];
    char words[AUTH_WORDS_BYTES] = "";
    size_t bytes = 0;

    (void)state;
    for (unsigned i = 0; i < AUTH_TOKENS_MAX; i++)
        bytes += (size_t)snprintf(text + bytes, sizeof(text) - bytes,
                                  "customer c%u sha256:%064x\n", i, i);
    assert_int_equal(auth_parse(&auth, text, bytes, words), RC_OK);
    assert_int_equal(auth.count, AUTH_TOKENS_MAX);
    bytes += (size_t)snprintf(text + bytes, sizeof(text) - bytes, SHOP);
    assert_int_equal(auth_parse(&auth, text, bytes, words), RC_MALFORMED);
    assert_string_equal(words,
                        "line 257: is one token too many: 256 may be");
}

static int
know_both(void **state)
{
    char words[AUTH_WORDS_BYTES];

    (void)state;
    return auth_parse(&auth, SHOP ADMIN, sizeof(SHOP ADMIN) - 1, words);
}

static void
test_auth_role_of_tokens(void **state)
{
    (void)state;
    assert_int_equal(auth_role(&auth, "abc", 3), ROLE_CUSTOMER);
    assert_int_equal(auth_role(&auth, "xyz", 3), ROLE_OPERATOR);
    assert_int_equal(auth_role(&auth, "abcd", 3), ROLE_CUSTOMER);
    assert_int_equal(auth_role(&auth, "abd", 3), ROLE_ANYBODY);
    assert_int_equal(auth_role(&auth, "ab", 2), ROLE_ANYBODY);
    assert_int_equal(auth_role(&auth, ABC, 64), ROLE_ANYBODY);
    assert_int_equal(auth_role(&auth, "", 0), ROLE_ANYBODY);
}

#define LONG_TOKEN                                                             \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *name;
    const char *method;
    const char *path;
    const char *values[2]; /* of Authorization */
    enum problem_type type;
} asks[] = {
    { "customer_orders", "POST", "/orders", { "Bearer abc" }, PROBLEM_NONE },
    { "customer_cancels", "DELETE", "/orders/1", { "Bearer abc" },
      PROBLEM_NONE },
    { "scheme_in_any_case", "GET", "/orders", { "bEARER abc" }, PROBLEM_NONE },
    { "blanks", "GET", "/orders", { " Bearer   abc \t" }, PROBLEM_NONE },
    { "operator_orders", "POST", "/orders", { "Bearer xyz" }, PROBLEM_NONE },
    { "operator_reads_metrics", "GET", "/metrics", { "Bearer xyz" },
      PROBLEM_NONE },
    { "operator_freezes", "POST", "/users/1/freeze", { "Bearer xyz" },
      PROBLEM_NONE },
    { "customer_freezes", "POST", "/users/1/freeze", { "Bearer abc" },
      PROBLEM_FORBIDDEN },
    { "customer_credits", "POST", "/users/1/credits", { "Bearer abc" },
      PROBLEM_FORBIDDEN },
    { "customer_reads_users", "GET", "/users", { "Bearer abc" },
      PROBLEM_FORBIDDEN },
    { "customer_head_of_users", "HEAD", "/users", { "Bearer abc" },
      PROBLEM_FORBIDDEN },
    { "customer_reads_metrics", "GET", "/metrics", { "Bearer abc" },
      PROBLEM_FORBIDDEN },
    { "health", "GET", "/healthz", { NULL }, PROBLEM_NONE },
    { "health_head", "HEAD", "/healthz", { NULL }, PROBLEM_NONE },
    { "health_with_a_wrong_token", "GET", "/healthz", { "Bearer no" },
      PROBLEM_NONE },
    { "ready", "GET", "/readyz", { NULL }, PROBLEM_NONE },
    { "help", "GET", "/", { NULL }, PROBLEM_NONE },
    { "no_header", "GET", "/orders", { NULL }, PROBLEM_UNAUTHORIZED },
    { "metrics_no_header", "GET", "/metrics", { NULL }, PROBLEM_UNAUTHORIZED },
    { "wrong_token", "GET", "/orders", { "Bearer abd" },
      PROBLEM_UNAUTHORIZED },
    { "no_token", "GET", "/orders", { "Bearer" }, PROBLEM_UNAUTHORIZED },
    { "blank_token", "GET", "/orders", { "Bearer  " }, PROBLEM_UNAUTHORIZED },
    { "empty", "GET", "/orders", { "" }, PROBLEM_UNAUTHORIZED },
    { "no_scheme", "GET", "/orders", { "abc" }, PROBLEM_UNAUTHORIZED },
    { "other_scheme", "GET", "/orders", { "Basic abc" },
      PROBLEM_UNAUTHORIZED },
    { "scheme_longer", "GET", "/orders", { "Bearerx abc" },
      PROBLEM_UNAUTHORIZED },
    { "two_words", "GET", "/orders", { "Bearer abc abc" },
      PROBLEM_UNAUTHORIZED },
    { "comma", "GET", "/orders", { "Bearer abc,Bearer abc" },
      PROBLEM_UNAUTHORIZED },
    { "twice", "GET", "/orders", { "Bearer abc", "Bearer abc" },
      PROBLEM_UNAUTHORIZED },
    { "one_of_two_is_right", "GET", "/orders", { "Basic x", "Bearer abc" },
      PROBLEM_UNAUTHORIZED },
    { "token_too_long", "GET", "/orders",
      { "Bearer " LONG_TOKEN LONG_TOKEN LONG_TOKEN LONG_TOKEN },
      PROBLEM_UNAUTHORIZED },
    { "stranger_learns_no_paths", "GET", "/nothing", { NULL },
      PROBLEM_UNAUTHORIZED },
    { "stranger_learns_no_methods", "PUT", "/orders", { NULL },
      PROBLEM_UNAUTHORIZED },
    { "stranger_learns_no_ids", "GET", "/orders/x", { NULL },
      PROBLEM_UNAUTHORIZED },
    { "no_path", "GET", "/nothing", { "Bearer abc" }, PROBLEM_NO_PATH },
    { "no_method", "PUT", "/orders", { "Bearer abc" }, PROBLEM_METHOD },
};

static enum problem_type
admitted(size_t index, struct http_call *call)
{
    static const struct http_facts facts = { .currency = "USD" };

    http_call_init(call, &facts);
    http_call_target(call, asks[index].path, strlen(asks[index].path));
    for (size_t i = 0; i < ARRAY_COUNT(asks[index].values); i++) {
        const char *value = asks[index].values[i];

        if (value != NULL)
            http_headers_note(&call->headers, "authorization", 13, value,
                              strlen(value));
    }
    http_call_route(call, asks[index].method);
    auth_admit(&auth, call);
    return call->problem.type;
}

static void
test_auth_admit_by_token_and_role(void **state)
{
    static struct http_call call;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(asks); i++) {
        enum problem_type type = admitted(i, &call);

        if (type != asks[i].type)
            fail_msg("%s: %s", asks[i].name, problem_name(type));
        if (type == PROBLEM_UNAUTHORIZED && call.allow[0] != '\0')
            fail_msg("%s: tells %s", asks[i].name, call.allow);
    }
}

/* Without a token file nothing is asked of anybody. */
static void
test_auth_admit_without_tokens_admits_all(void **state)
{
    static struct http_call call;

    (void)state;
    auth.count = 0;
    for (size_t i = 0; i < ARRAY_COUNT(asks); i++) {
        enum problem_type type = admitted(i, &call);

        if (type == PROBLEM_UNAUTHORIZED || type == PROBLEM_FORBIDDEN)
            fail_msg("%s: %s", asks[i].name, problem_name(type));
    }
}

/* --- the file --- */

static struct child child;
static struct config config;

static int
make_place(void **state)
{
    (void)state;
    strcpy(config.tokens, "/tmp/saga-auth-XXXXXX");
    if (mkdtemp(config.tokens) == NULL)
        return -1;
    strcat(config.tokens, "/tokens");
    return 0;
}

static int
remove_place(void **state)
{
    (void)state;
    (void)unlink(config.tokens);
    (void)rmdir(config.tokens);
    *strrchr(config.tokens, '/') = '\0';
    return rmdir(config.tokens);
}

static void
write_tokens(const char *text, size_t bytes, mode_t mode)
{
    int fd = open(config.tokens, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, bytes), bytes);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void
load(void *context)
{
    (void)context;
    log_open("gateway");
    auth_load(&auth, &config);
    exit(auth.count == 2 ? EXIT_DONE : 1);
}

/* One line, which names the file and ends with the words. */
static void
refused(const char *words)
{
    char line[1024];

    snprintf(line, sizeof(line), "gateway: tokens: %s%s\n", config.tokens,
             words);
    child_start(&child, load, NULL);
    assert_int_equal(child_end(&child), EXIT_USAGE);
    assert_string_equal(child.err.text, line);
}

static void
test_auth_load_private_file_is_read(void **state)
{
    (void)state;
    write_tokens(SHOP ADMIN, sizeof(SHOP ADMIN) - 1, 0400);
    child_start(&child, load, NULL);
    assert_int_equal(child_end(&child), EXIT_DONE);
    assert_string_equal(child.err.text, "");
}

static void
test_auth_load_open_file_is_refused(void **state)
{
    static const struct {
        mode_t mode;
        const char *words;
    } modes[] = {
        { 0644, " is open to others (mode 0644): chmod 600 it" },
        { 0640, " is open to others (mode 0640): chmod 600 it" },
        { 0602, " is open to others (mode 0602): chmod 600 it" },
        { 0610, " is open to others (mode 0610): chmod 600 it" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(modes); i++) {
        write_tokens(SHOP, sizeof(SHOP) - 1, modes[i].mode);
        refused(modes[i].words);
    }
}

static void
test_auth_load_file_of_another_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    write_tokens(SHOP, sizeof(SHOP) - 1, 0600);
    assert_int_equal(chown(config.tokens, 12345, 0), 0);
    refused(" belongs to user 12345: it must be ours (user 0) or root's");
}

static void
test_auth_load_what_is_no_file_is_refused(void **state)
{
    (void)state;
    refused(": cannot be read: No such file or directory");
    assert_int_equal(mkdir(config.tokens, 0700), 0);
    refused(" is not a file");
    assert_int_equal(rmdir(config.tokens), 0);
    assert_int_equal(mkfifo(config.tokens, 0600), 0);
    refused(" is not a file");
}

static void
test_auth_load_wrong_file_is_refused_by_line(void **state)
{
    static char text[AUTH_FILE_BYTES_MAX + 1];

    (void)state;
    write_tokens(SHOP "customer sesame sesame\n", sizeof(SHOP) + 22, 0600);
    refused(": line 2: the third word is not sha256: and 64 hexadecimal "
            "digits");
    assert_null(strstr(child.err.text, "sesame"));
    memset(text, '#', sizeof(text));
    write_tokens(text, sizeof(text), 0600);
    refused(" has over 65536 bytes");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auth_parse_file_is_read_or_refused),
        cmocka_unit_test(test_auth_parse_one_token_too_many_is_refused),
        cmocka_unit_test_setup(test_auth_role_of_tokens, know_both),
        cmocka_unit_test_setup(test_auth_admit_by_token_and_role, know_both),
        cmocka_unit_test(test_auth_admit_without_tokens_admits_all),
#define FILE_TEST(test)                                                        \
    cmocka_unit_test_setup_teardown(test, make_place, remove_place)
        FILE_TEST(test_auth_load_private_file_is_read),
        FILE_TEST(test_auth_load_open_file_is_refused),
        FILE_TEST(test_auth_load_file_of_another_is_refused),
        FILE_TEST(test_auth_load_what_is_no_file_is_refused),
        FILE_TEST(test_auth_load_wrong_file_is_refused_by_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
