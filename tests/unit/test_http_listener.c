#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/http_listener.h"
#include "saga/log.h"
#include "../support/child.h"

static const struct {
    const char *text;
    const char *url; /* NULL: refused */
} addresses[] = {
    { "127.0.0.1:9192", "http://127.0.0.1:9192" },
    { "localhost:9192", "http://127.0.0.1:9192" },
    { "0.0.0.0:80", "http://127.0.0.1:80" },
    { "10.1.2.3:65535", "http://10.1.2.3:65535" },
    { "127.0.0.1:0", "http://127.0.0.1:0" },
    { "[::1]:9192", "http://[::1]:9192" },
    { "[::]:9192", "http://[::1]:9192" },
    { "[fe80::1234]:1", "http://[fe80::1234]:1" },
    { "127.0.0.1", NULL },
    { "127.0.0.1:", NULL },
    { "127.0.0.1:65536", NULL },
    { "127.0.0.1:999999999999", NULL },
    { "127.0.0.1:-1", NULL },
    { "127.0.0.1:+1", NULL },
    { "127.0.0.1: 1", NULL },
    { "127.0.0.1:80x", NULL },
    { "127.0.0.1:http", NULL },
    { "127.0.0.256:80", NULL },
    { "127.1:80", NULL },
    { ":80", NULL },
    { "9192", NULL },
    { "", NULL },
    { "example.org:80", NULL },
    { "::1:80", NULL },
    { "[::1]", NULL },
    { "[]:80", NULL },
    { "[:80", NULL },
    { "[::1:80", NULL },
    { "[127.0.0.1]:80", NULL },
    { "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]:1", NULL },
};

static void
test_http_address_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(addresses); i++) {
        union http_address address;
        char url[HTTP_URL_BYTES] = "";
        enum rc rc = http_address_parse(addresses[i].text, &address);

        if (rc == RC_OK)
            http_address_url(&address, url);
        if ((rc == RC_OK) != (addresses[i].url != NULL) ||
            (rc == RC_OK && strcmp(url, addresses[i].url) != 0))
            fail_msg("\"%s\": %s %s", addresses[i].text, rc_name(rc), url);
    }
}

static void
open_listener(void *context)
{
    struct config config = { .self = PROCESS_GATEWAY };
    char url[HTTP_URL_BYTES];

    snprintf(config.http, sizeof(config.http), "%s", (char *)context);
    log_open("gateway");
    http_listener_open(&config, url);
}

static void
refused(char *address, const char *words)
{
    static struct child child;

    child_start(&child, open_listener, address);
    assert_int_equal(child_end(&child), EXIT_USAGE);
    assert_string_equal(child.err.text, words);
}

static void
test_http_listener_free_port_is_told(void **state)
{
    struct config config = { .http = "127.0.0.1:0" };
    char url[HTTP_URL_BYTES];
    int port = 0;
    int fd = http_listener_open(&config, url);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(sscanf(url, "http://127.0.0.1:%d", &port), 1);
    assert_true(port > 0);
    close(fd);
}

static void
test_http_listener_busy_port_is_one_line(void **state)
{
    struct config config = { .http = "127.0.0.1:0" };
    char url[HTTP_URL_BYTES];
    char words[256];
    int fd = http_listener_open(&config, url);

    (void)state;
    snprintf(words, sizeof(words), "gateway: http: %s is in use by another "
             "program: choose another with SAGAPIPE_HTTP\n", url + 7);
    refused(url + 7, words);
    close(fd);
}

static void
test_http_listener_bad_address_is_one_line(void **state)
{
    char address[] = "example.org:80";

    (void)state;
    refused(address, "gateway: http: \"example.org:80\" is not address:port, "
                     "as 127.0.0.1:9192\n");
}

static void
test_http_listener_foreign_address_is_one_line(void **state)
{
    char address[] = "192.0.2.1:9192";

    (void)state;
    refused(address, "gateway: http: can't listen on 192.0.2.1:9192: Cannot "
                     "assign requested address\n");
}

/* In a child, since descriptor 3 and the environment are the process's. */
static void
inherit(void *context)
{
    struct config config = { .http = "192.0.2.1:1" };
    struct config own = { .http = "127.0.0.1:0" };
    char url[HTTP_URL_BYTES], inherited[HTTP_URL_BYTES], pid[16];
    int fd = http_listener_open(&own, url);

    log_open("gateway");
    if (context != NULL)
        fd = dup(STDOUT_FILENO);
    dup2(fd, 3);
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    if (http_listener_open(&config, inherited) != 3 ||
        strcmp(url, inherited) != 0)
        exit(1);
}

static void
test_http_listener_takes_systemds_socket(void **state)
{
    static struct child child;

    (void)state;
    child_start(&child, inherit, NULL);
    assert_int_equal(child_end(&child), 0);
}

static void
test_http_listener_refuses_what_is_no_socket(void **state)
{
    static struct child child;
    char file = 0;

    (void)state;
    child_start(&child, inherit, &file);
    assert_int_equal(child_end(&child), EXIT_USAGE);
    assert_string_equal(child.err.text, "gateway: http: LISTEN_FDS must be "
                                        "one listening TCP socket\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_address_parse),
        cmocka_unit_test(test_http_listener_free_port_is_told),
        cmocka_unit_test(test_http_listener_busy_port_is_one_line),
        cmocka_unit_test(test_http_listener_bad_address_is_one_line),
        cmocka_unit_test(test_http_listener_foreign_address_is_one_line),
        cmocka_unit_test(test_http_listener_takes_systemds_socket),
        cmocka_unit_test(test_http_listener_refuses_what_is_no_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
