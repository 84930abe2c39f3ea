#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "saga/log.h"
#include "../support/child.h"

#define WAIT_MS 10000
#define THREADS 4
#define LINES_EACH 300

/* stderr is a socket that keeps messages apart: one write, one message. */
static int listener = -1;
static int kept_stderr = -1;

static int
capture(void **state)
{
    int pair[2];

    (void)state;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0)
        return -1;
    kept_stderr = dup(STDERR_FILENO);
    dup2(pair[1], STDERR_FILENO);
    close(pair[1]);
    listener = pair[0];
    return 0;
}

static int
release(void **state)
{
    (void)state;
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    close(listener);
    return 0;
}

/* The next write to stderr; 0 if there is none. */
static size_t
next_write(char *text, size_t size, int wait_ms)
{
    struct pollfd fd = { listener, POLLIN, 0 };
    ssize_t bytes;

    if (poll(&fd, 1, wait_ms) != 1)
        return 0;
    bytes = recv(listener, text, size - 1, 0);
    assert_true(bytes > 0);
    text[bytes] = '\0';
    return (size_t)bytes;
}

/* The one line of the one write there was. */
static char *
only_line(void)
{
    static char text[2 * LOG_LINE_BYTES_MAX];
    char more[16];
    const size_t bytes = next_write(text, sizeof text, WAIT_MS);

    assert_true(bytes > 1);
    assert_int_equal(next_write(more, sizeof more, 0), 0);
    assert_ptr_equal(strchr(text, '\n'), text + bytes - 1);
    return text;
}

static void
assert_matches(const char *text, const char *pattern)
{
    regex_t regex;

    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&regex, text, 0, NULL, 0) != 0)
        fail_msg("%s does not match %s", text, pattern);
    regfree(&regex);
}

#define TIME_PATTERN                                                           \
    "^time=20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:"             \
    "[0-6][0-9]\\.[0-9]{3}Z "

static void
test_log_line_has_time_level_process_event(void **state)
{
    (void)state;
    log_open("ledger");
    log_info("ready", "port=%u home=%s", 91u, log_quote("/a b"));
    assert_matches(only_line(),
                   TIME_PATTERN "level=info process=ledger event=ready "
                                "port=91 home=\"/a b\"\n$");
}

static void
test_log_line_without_fields_ends_with_event(void **state)
{
    static const char *const names[] = { "debug", "info", "warning", "error",
                                         "fatal" };

    (void)state;
    log_open("payment");
    for (enum log_level level = LOG_LEVEL_DEBUG; level <= LOG_LEVEL_FATAL;
         level++) {
        char pattern[160];

        log_line(level, "tick", "%s", "");
        snprintf(pattern, sizeof pattern,
                 TIME_PATTERN "level=%s process=payment event=tick\n$",
                 names[level]);
        assert_matches(only_line(), pattern);
        log_line(level, "tick", "a=1");
        snprintf(pattern, sizeof pattern,
                 TIME_PATTERN "level=%s process=payment event=tick a=1\n$",
                 names[level]);
        assert_matches(only_line(), pattern);
    }
    log_info("none", "");
    assert_matches(only_line(), "level=info .*event=none\n$");
    log_warning("done", "x=%d", 1);
    assert_matches(only_line(), "level=warning .*event=done x=1\n$");
    log_error("done", "x=%d", 2);
    assert_matches(only_line(), "level=error .*event=done x=2\n$");
}

static void
test_log_line_raw_control_characters_stay_one_line(void **state)
{
    (void)state;
    log_info("raw", "text=%s", "a\nlevel=fatal\x1b[2J");
    assert_non_null(strstr(only_line(), " text=a?level=fatal?[2J\n"));
}

static void
test_log_line_hostile_text_is_quoted(void **state)
{
    (void)state;
    log_info("order", "user=%s", log_quote("\" level=fatal\n\x80"));
    assert_non_null(
        strstr(only_line(), " user=\"\\\" level=fatal\\n\\x80\"\n"));
}

static size_t
count_of(const char *text, char byte)
{
    size_t count = 0;

    for (; *text != '\0'; text++)
        count += *text == byte;
    return count;
}

/* A line of any length around the limit: whole up to it, else marked. */
static void
test_log_line_over_the_limit_is_cut_and_says_so(void **state)
{
    static char many[3 * LOG_LINE_BYTES_MAX];

    (void)state;
    log_open("gateway");
    for (int bytes = LOG_LINE_BYTES_MAX - 120; bytes < LOG_LINE_BYTES_MAX;
         bytes++) {
        size_t length;
        char *line;

        memset(many, 'x', sizeof many);
        log_info("long", "v=%.*s", bytes, many);
        line = only_line();
        length = strlen(line);
        assert_true(length <= LOG_LINE_BYTES_MAX);
        if (strstr(line, " cut=true\n") == NULL)
            assert_int_equal(count_of(line, 'x'), bytes);
        else
            assert_true(length > LOG_LINE_BYTES_MAX - 16);
    }
    log_info("long", "v=%.*s", (int)sizeof many, many);
    assert_matches(only_line(), "xx cut=true\n$");
}

static void
test_log_line_cut_inside_quotes_closes_them(void **state)
{
    static char many[3 * LOG_LINE_BYTES_MAX];

    (void)state;
    for (int bytes = 0; bytes < 8; bytes++) {
        const char *line;

        for (size_t index = 0; index + 4 < sizeof many; index += 4)
            memcpy(many + index, index % 8 ? "\\\"\\n" : "\\x1b", 4);
        log_info("long", "a=%.*s v=\"%s\"", bytes, "12345678", many);
        line = only_line();
        assert_true(strlen(line) <= LOG_LINE_BYTES_MAX);
        assert_matches(line, "v=\"(\\\\x1b|\\\\\"|\\\\n)*\" cut=true\n$");
    }
}

static void
be_journal(ino_t off_by)
{
    struct stat out;
    char name[64];

    assert_int_equal(fstat(STDERR_FILENO, &out), 0);
    snprintf(name, sizeof name, "%ju:%ju", (uintmax_t)out.st_dev,
             (uintmax_t)(out.st_ino + off_by));
    setenv("JOURNAL_STREAM", name, 1);
    log_open("ledger");
    unsetenv("JOURNAL_STREAM");
}

static void
test_log_line_tells_the_journal_its_level(void **state)
{
    (void)state;
    be_journal(0);
    log_error("lost", "x=1");
    assert_matches(only_line(), "^<3>time=.* event=lost x=1\n$");
    log_warning("late", "");
    assert_matches(only_line(), "^<4>time=.* event=late\n$");
    log_info("ready", "");
    assert_matches(only_line(), "^<6>time=");
    be_journal(1); /* our stderr is not what it reads */
    log_error("lost", "");
    assert_matches(only_line(), "^time=");
    log_open("ledger");
    log_error("lost", "");
    assert_matches(only_line(), "^time=");
}

static void
test_log_line_keeps_errno(void **state)
{
    (void)state;
    close(STDERR_FILENO);
    errno = ENOSPC;
    log_info("lost", "");
    assert_int_equal(errno, ENOSPC);
}

static void
test_log_quote_last_four_stay_valid(void **state)
{
    const char *one = log_quote("1");
    const char *two = log_quote("2 2");
    const char *three = log_quote_bytes("333", 2);
    const char *four = log_quote("4");

    (void)state;
    assert_string_equal(one, "1");
    assert_string_equal(two, "\"2 2\"");
    assert_string_equal(three, "33");
    assert_string_equal(four, "4");
}

static void
test_log_quote_is_cut_at_256_bytes(void **state)
{
    char text[400];

    (void)state;
    memset(text, 'x', sizeof text);
    assert_int_equal(strlen(log_quote_bytes(text, 256)), 256);
    assert_int_equal(strlen(log_quote_bytes(text, 257)), 256);
    assert_string_equal(log_quote_bytes(text, 257) + 251, "x...\"");
}

static void *
write_lines(void *context)
{
    const int self = *(const int *)context;

    for (int line = 0; line < LINES_EACH; line++)
        log_info("thread", "a=%d text=%s b=%d", self,
                 log_quote("some text with blanks"), self);
    return NULL;
}

static void
test_log_line_from_many_threads_stays_whole(void **state)
{
    pthread_t threads[THREADS];
    int names[THREADS];

    (void)state;
    for (int index = 0; index < THREADS; index++) {
        names[index] = index;
        pthread_create(&threads[index], NULL, write_lines, &names[index]);
    }
    for (int line = 0; line < THREADS * LINES_EACH; line++) {
        char text[LOG_LINE_BYTES_MAX + 1];
        int a = -1;
        int b = -2;

        assert_true(next_write(text, sizeof text, WAIT_MS) > 0);
        assert_matches(text, TIME_PATTERN);
        assert_int_equal(sscanf(strstr(text, "a="),
                                "a=%d text=\"some text with blanks\" b=%d", &a,
                                &b), 2);
        assert_int_equal(a, b);
    }
    for (int index = 0; index < THREADS; index++)
        pthread_join(threads[index], NULL);
}

static void
run_die(void *context)
{
    log_open("ledger");
    die(EXIT_USAGE, "cannot use %s: %d", (const char *)context, 7);
}

static void
test_die_says_one_line_and_exits(void **state)
{
    static struct child child;
    static char text[3 * LOG_LINE_BYTES_MAX];

    (void)state;
    strcpy(text, "a\nb");
    child_start(&child, run_die, text);
    assert_int_equal(child_end(&child), EXIT_USAGE);
    assert_string_equal(child.err.text, "ledger: cannot use a?b: 7\n");
    assert_string_equal(child.out.text, "");

    memset(text, 'x', sizeof text - 1);
    child_start(&child, run_die, text);
    assert_int_equal(child_end(&child), EXIT_USAGE);
    assert_true(child.err.bytes <= LOG_LINE_BYTES_MAX);
    assert_int_equal(child.err.text[child.err.bytes - 1], '\n');
}

static void
run_die_unnamed(void *context)
{
    (void)context;
    die(EXIT_SYSTEM, "no");
}

static void
test_die_without_log_open_is_sagapipe(void **state)
{
    static struct child child;

    (void)state;
    child_start(&child, run_die_unnamed, NULL);
    assert_int_equal(child_end(&child), EXIT_SYSTEM);
    assert_string_equal(child.err.text, "sagapipe: no\n");
}

#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, capture, release)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_die_without_log_open_is_sagapipe),
        CAPTURED(test_log_line_has_time_level_process_event),
        CAPTURED(test_log_line_without_fields_ends_with_event),
        CAPTURED(test_log_line_raw_control_characters_stay_one_line),
        CAPTURED(test_log_line_hostile_text_is_quoted),
        CAPTURED(test_log_line_over_the_limit_is_cut_and_says_so),
        CAPTURED(test_log_line_cut_inside_quotes_closes_them),
        CAPTURED(test_log_line_tells_the_journal_its_level),
        CAPTURED(test_log_line_keeps_errno),
        CAPTURED(test_log_line_from_many_threads_stays_whole),
        cmocka_unit_test(test_log_quote_last_four_stay_valid),
        cmocka_unit_test(test_log_quote_is_cut_at_256_bytes),
        cmocka_unit_test(test_die_says_one_line_and_exits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
