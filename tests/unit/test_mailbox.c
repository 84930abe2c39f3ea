#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "gateway/request.h"

#define MANY 200000
#define CHAIN 7

static struct mailbox *mailbox;

static int
make(void **state)
{
    (void)state;
    return mailbox_new(&mailbox) == RC_OK ? 0 : -1;
}

static int
destroy(void **state)
{
    (void)state;
    mailbox_destroy(&mailbox);
    return mailbox == NULL ? 0 : -1;
}

static bool
readable(int timeout_ms)
{
    struct pollfd fd = { .fd = mailbox_fd(mailbox), .events = POLLIN };

    return poll(&fd, 1, timeout_ms) == 1;
}

/* Links requests[first..first+count) and posts them. */
static void
post(struct request *requests, size_t first, size_t count)
{
    for (size_t i = first; i + 1 < first + count; i++)
        requests[i].next = &requests[i + 1];
    mailbox_post(mailbox, &requests[first], &requests[first + count - 1]);
}

static void
test_mailbox_empty_gives_nothing(void **state)
{
    (void)state;
    assert_false(readable(0));
    assert_null(mailbox_take(mailbox));
}

static void
test_mailbox_chains_come_in_order(void **state)
{
    struct request requests[6] = { { .next = NULL } };
    struct request *taken;

    (void)state;
    post(requests, 0, 3);
    post(requests, 3, 1);
    post(requests, 4, 2);
    assert_true(readable(0));
    taken = mailbox_take(mailbox);
    for (size_t i = 0; i < 6; i++) {
        assert_ptr_equal(taken, &requests[i]);
        taken = taken->next;
    }
    assert_null(taken);
    assert_false(readable(0));
    assert_null(mailbox_take(mailbox));
}

static void
test_mailbox_posted_again_wakes_again(void **state)
{
    struct request requests[2] = { { .next = NULL } };

    (void)state;
    post(requests, 0, 1);
    assert_ptr_equal(mailbox_take(mailbox), &requests[0]);
    post(requests, 1, 1);
    assert_true(readable(0));
    assert_ptr_equal(mailbox_take(mailbox), &requests[1]);
}

static void *
poster(void *context)
{
    struct request *requests = context;

    for (size_t i = 0; i < MANY; i += CHAIN)
        post(requests, i, i + CHAIN < MANY ? CHAIN : MANY - i);
    return NULL;
}

/* A lost wake-up ends this test at the poll's limit. */
static void
test_mailbox_two_threads_lose_nothing(void **state)
{
    struct request *requests = calloc(MANY, sizeof(*requests));
    size_t expected = 0;
    pthread_t thread;

    (void)state;
    assert_non_null(requests);
    assert_int_equal(pthread_create(&thread, NULL, poster, requests), 0);
    while (expected < MANY) {
        struct request *taken;

        assert_true(readable(10000));
        for (taken = mailbox_take(mailbox); taken != NULL; taken = taken->next)
            assert_ptr_equal(taken, &requests[expected++]);
    }
    pthread_join(thread, NULL);
    assert_null(mailbox_take(mailbox));
    free(requests);
}

static void
test_mailbox_no_descriptor_is_rc_io(void **state)
{
    struct mailbox *other = NULL;
    struct rlimit before, none;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){ 0, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(mailbox_new(&other), RC_IO);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_null(other);
}

static void
test_request_fini_frees_the_answer_once(void **state)
{
    struct request request = { .kind = REQUEST_METRICS };

    (void)state;
    request.metrics = malloc(sizeof(*request.metrics));
    request.rows = malloc(10);
    request_fini(&request);
    assert_null(request.metrics);
    assert_null(request.rows);
    request_fini(&request);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_mailbox_empty_gives_nothing, make,
                                        destroy),
        cmocka_unit_test_setup_teardown(test_mailbox_chains_come_in_order,
                                        make, destroy),
        cmocka_unit_test_setup_teardown(test_mailbox_posted_again_wakes_again,
                                        make, destroy),
        cmocka_unit_test_setup_teardown(test_mailbox_two_threads_lose_nothing,
                                        make, destroy),
        cmocka_unit_test(test_mailbox_no_descriptor_is_rc_io),
        cmocka_unit_test(test_request_fini_frees_the_answer_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
