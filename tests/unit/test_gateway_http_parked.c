/* Parked events over HTTP, with this test as the participant behind the door;
 * and a page of another site. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../support/http_world.h"
#include "saga/control.h"

static struct http_world world;
static struct http_reply reply;
static struct control *payment;
static char door[96];

static int
start(void **state)
{
    (void)state;
    http_world_init(&world, NULL);
    http_world_start(&world);
    snprintf(door, sizeof door, "%s/run/payment.ctl", world.home);
    assert_int_equal(control_open(&payment, door), RC_OK);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    control_close(&payment);
    (void)unlink(door);
    http_world_fini(&world);
    return 0;
}

static void
send_request(int fd, const char *method, const char *path)
{
    char text[256];
    int bytes = snprintf(text, sizeof text,
                         "%s %s HTTP/1.1\r\nHost: localhost\r\n"
                         "Content-Length: 0\r\n\r\n", method, path);

    http_send(fd, text, (size_t)bytes);
}

/* The gateway knocks; it is answered so.  What it asked, as one text. */
static void
answer_door(const char *words, const char *answer)
{
    struct pollfd fds = { control_fd(payment), POLLIN, 0 };
    struct control_request request;
    char asked[128] = "";

    while (!control_take(payment, &request))
        assert_int_equal(poll(&fds, 1, HTTP_WAIT_MS), 1);
    for (int i = 0; i < CONTROL_WORDS_MAX && request.words[i] != NULL; i++)
        snprintf(asked + strlen(asked), sizeof asked - strlen(asked), "%s ",
                 request.words[i]);
    assert_string_equal(asked, words);
    control_reply(payment, request.client, answer, strlen(answer));
}

static void
ask_parked(const char *path, const char *words, const char *answer)
{
    int fd = http_connect(&world);

    send_request(fd, "POST", path);
    answer_door(words, answer);
    http_receive(fd, &reply, false);
    close(fd);
}

static void
assert_problem(enum problem_type type, int status)
{
    char name[64];

    snprintf(name, sizeof name, "\"/problems/%s\"", problem_name(type));
    assert_int_equal(reply.status, status);
    assert_non_null(strstr(reply.body, name));
}

static void
test_gateway_http_parked_is_redriven(void **state)
{
    (void)state;
    ask_parked("/parked/payment/7/redrive", "redrive 7 ",
               "{\"redriven\":2,\"parked\":0}");
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.body, "\"redriven\":2"));
}

static void
test_gateway_http_parked_refused_again_409(void **state)
{
    (void)state;
    ask_parked("/parked/payment/7/redrive", "redrive 7 ",
               "{\"redriven\":0,\"parked\":3,\"refused\":true}");
    assert_problem(PROBLEM_REDRIVE, 409);
    assert_non_null(strstr(reply.body, "3 event(s) wait in payment"));
}

/* Nobody listens at the ledger's door. */
static void
test_gateway_http_parked_of_silent_participant_503(void **state)
{
    (void)state;
    http_ask_json(&world, "POST", "/parked/ledger/7/drop", NULL, &reply);
    assert_problem(PROBLEM_SILENT, 503);
    assert_non_null(strstr(reply.body, "HOME/run/ledger.ctl"));
}

static void
test_gateway_http_page_of_another_site_403(void **state)
{
    (void)state;
    http_ask(&world, "POST /users/1/freeze HTTP/1.1\r\nHost: 127.0.0.1\r\n"
             "Origin: https://evil.example\r\nContent-Length: 0\r\n\r\n",
             &reply);
    assert_problem(PROBLEM_ORIGIN, 403);
    http_ask(&world, "GET /users/1 HTTP/1.1\r\nHost: localhost\r\n"
             "Origin: http://localhost\r\n\r\n", &reply);
    assert_int_not_equal(reply.status, 403);
}

static void
open_door(struct control **control_out, const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/run/%s.ctl", world.home, name);
    assert_int_equal(control_open(control_out, path), RC_OK);
}

/* Each of them is asked once, and has nothing. */
static void
answer_doors(struct control *const *controls, int count)
{
    struct pollfd fds[DOOR_PARTICIPANTS_MAX];
    struct control_request request;

    for (int i = 0; i < count; i++)
        fds[i] = (struct pollfd){ control_fd(controls[i]), POLLIN, 0 };
    for (int answered = 0; answered < count;) {
        assert_true(poll(fds, (nfds_t)count, HTTP_WAIT_MS) > 0);
        for (int i = 0; i < count; i++) {
            if (!control_take(controls[i], &request))
                continue;
            control_reply(controls[i], request.client, "{\"rows\":[]}", 11);
            answered++;
        }
    }
}

/* Regress 084: of more participants than are listed some were passed over
 * without a word. */
static void
test_gateway_http_084_more_participants_than_are_listed_503(void **state)
{
    struct control *controls[DOOR_PARTICIPANTS_MAX + 1] = { payment };
    char name[16];
    int fd = http_connect(&world);

    (void)state;
    open_door(&controls[1], "ledger");
    open_door(&controls[2], "gateway");
    for (int i = 3; i <= DOOR_PARTICIPANTS_MAX; i++) {
        snprintf(name, sizeof name, "f%d", i);
        if (i < DOOR_PARTICIPANTS_MAX)
            open_door(&controls[i], name);
    }
    send_request(fd, "GET", "/parked");
    answer_doors(controls, DOOR_PARTICIPANTS_MAX);
    http_receive(fd, &reply, false);
    assert_int_equal(reply.status, 200);
    close(fd);

    open_door(&controls[DOOR_PARTICIPANTS_MAX], name);
    http_ask_json(&world, "GET", "/parked", NULL, &reply);
    assert_problem(PROBLEM_SILENT, 503);
    assert_non_null(strstr(reply.body, "HOME/run can't be listed"));
    for (int i = 1; i <= DOOR_PARTICIPANTS_MAX; i++)
        control_close(&controls[i]);
}

/* Regress 087: a door that went after it had been seen was a participant that
 * does not answer.  (Here it is a name that leads nowhere.) */
static void
test_gateway_http_087_door_that_went_is_passed_over(void **state)
{
    struct control *controls[3] = { payment };
    char path[128];
    int fd = http_connect(&world);

    (void)state;
    open_door(&controls[1], "ledger");
    open_door(&controls[2], "gateway");
    snprintf(path, sizeof path, "%s/run/gone.ctl", world.home);
    assert_int_equal(symlink("nowhere", path), 0);
    send_request(fd, "GET", "/parked");
    answer_doors(controls, 3);
    http_receive(fd, &reply, false);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(reply.status, 200);
    close(fd);
    control_close(&controls[1]);
    control_close(&controls[2]);
}

/* Its name was pointed at this machine, so the browser lets it read. */
static void
test_gateway_http_033_rebound_page_reads_nothing(void **state)
{
    static const char *const targets[] = {
        "/", "/users/1", "/orders", "/orders/stream", "/status", "/metrics",
        "/healthz", "/readyz", "/openapi.json",
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(targets); i++) {
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n"
                 "Host: evil.example:9192\r\n\r\n", targets[i]);
        http_ask(&world, text, &reply);
        assert_problem(PROBLEM_ORIGIN, 403);
        assert_non_null(strstr(reply.body, "\"field\":\"Host\""));
    }
    assert_int_equal(fake_store_count(world.store), 0);
    http_ask(&world, "GET /users/1 HTTP/1.0\r\n\r\n", &reply);
    assert_int_equal(reply.status, 200);
    http_ask(&world, "GET /users/1 HTTP/1.0\r\nOrigin: http://localhost\r\n"
             "\r\n", &reply);
    assert_problem(PROBLEM_ORIGIN, 403);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_gateway_http_parked_is_redriven),
        TEST(test_gateway_http_parked_refused_again_409),
        TEST(test_gateway_http_parked_of_silent_participant_503),
        TEST(test_gateway_http_084_more_participants_than_are_listed_503),
        TEST(test_gateway_http_087_door_that_went_is_passed_over),
        TEST(test_gateway_http_page_of_another_site_403),
        TEST(test_gateway_http_033_rebound_page_reads_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
