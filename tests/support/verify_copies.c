#include "verify_copies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COPY_BYTES 700

/* The stores that every test copies; made once. */
static struct verify_world base;

static void
ask(struct verify_world *world, enum request_kind kind, uint64_t user,
    uint64_t order, int64_t amount)
{
    struct request request = { .kind = kind,
                               .user = { user },
                               .order_id = { order },
                               .amount = { amount } };

    world_ask(&world->gateway, &request);
    assert_int_equal(request.outcome, REQUEST_DONE);
    request_fini(&request);
}

void
verify_place_order(struct verify_world *world, uint64_t user, uint64_t product)
{
    struct request request = { .kind = REQUEST_NONE };

    world_place(&world->gateway, &request, user, product, 1);
    assert_int_equal(request.outcome, REQUEST_DONE);
}

static void
place_with_key(struct verify_world *world, const char *key)
{
    struct request request = { .kind = REQUEST_ORDER_PLACE,
                               .user = { 1 },
                               .product = { 1 },
                               .quantity = 1 };

    snprintf(request.key, sizeof request.key, "%s", key);
    world_ask(&world->gateway, &request);
    assert_int_equal(request.outcome, REQUEST_DONE);
    request_fini(&request);
    verify_world_settle(world);
}

int
verify_copies_setup(void **state)
{
    static const struct {
        uint64_t user, product;
    } orders[] = { { 1, 1 }, { 1, 1 },  { 5, 5 }, { 3, 2 },
                   { 99, 1 }, { 4, 1 }, { 2, 3 } };

    (void)state;
    verify_world_open(&base);
    ask(&base, REQUEST_USER_FREEZE, 4, 0, 0);
    ask(&base, REQUEST_USER_CREDIT, 2, 0, 3000);
    place_with_key(&base, "the first one");
    for (size_t i = 0; i < ARRAY_COUNT(orders); i++) {
        verify_place_order(&base, orders[i].user, orders[i].product);
        verify_world_settle(&base);
    }
    ask(&base, REQUEST_ORDER_CANCEL, 0, 5, 0);
    verify_world_settle(&base);
    fake_broker_set_down(base.gateway.broker, true);
    verify_place_order(&base, 2, 1);
    world_settle(&base.gateway);
    verify_world_stop(&base);
    return 0;
}

int
verify_copies_teardown(void **state)
{
    (void)state;
    verify_world_fini(&base);
    return 0;
}

/* ---- copies ---- */

void
verify_copy_store(const char *from, const char *to)
{
    char command[COPY_BYTES];

    snprintf(command, sizeof command, "cp -r '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
}

void
copies_open(struct copies *copies)
{
    char root[sizeof copies->root];

    memset(copies, 0, sizeof *copies);
    /* In memory where there is such a place: many stores are opened. */
    snprintf(copies->root, sizeof copies->root, "%s/test_verify.XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(copies->root));
    snprintf(root, sizeof root, "%s", copies->root);
    for (int i = 0; i < VERIFY_STORES; i++)
        snprintf(copies->input.directories[i],
                 sizeof copies->input.directories[i], "%s/%s", root,
                 verify_names[i]);
    verify_report_init(&copies->report);
}

void
copies_make(struct copies *copies)
{
    struct verify_input from;

    copies_open(copies);
    verify_world_input(&base, &from);
    for (int i = 0; i < VERIFY_STORES; i++)
        verify_copy_store(from.directories[i], copies->input.directories[i]);
}

void
copies_fini(struct copies *copies)
{
    char command[128];

    verify_report_fini(&copies->report);
    snprintf(command, sizeof command, "rm -rf '%s'", copies->root);
    assert_int_equal(system(command), 0);
}

void
verify_now(struct copies *copies)
{
    verify_report_fini(&copies->report);
    assert_int_equal(verify_run(&copies->input, &copies->report), RC_OK);
}

void
expect_good(struct copies *copies)
{
    verify_now(copies);
    if (!verify_report_good(&copies->report))
        verify_report_print(&copies->report, stderr);
    assert_true(verify_report_good(&copies->report));
}
