#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../support/gateway_world.h"
#include "gateway/gateway_state.h"

/* PUT /products, as the store thread does it. */

static struct request
put(struct gateway_world *world, uint64_t product, int64_t price)
{
    struct request request = { .kind = REQUEST_PRODUCT_PUT,
                               .product = { product },
                               .amount = { price } };

    world_ask(world, &request);
    return request;
}

static struct request
get(struct gateway_world *world, uint64_t product)
{
    struct request request = { .kind = REQUEST_PRODUCT_GET,
                               .product = { product } };

    world_ask(world, &request);
    return request;
}

static void
test_gateway_catalogue_put_keeps_the_order_of_ids(void **state)
{
    static const uint64_t ids[] = { 9, 3, 7, 6, 1000 };
    struct gateway_world *world = *state;
    struct request request;

    for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
        request = put(world, ids[i], 100 + (int64_t)i);
        assert_int_equal(request.outcome, REQUEST_DONE);
        assert_int_equal(request.created, ids[i] > 5);
    }
    world_reopen(world);
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++)
        assert_int_equal(get(world, ids[i]).amount.minor, 100 + (int64_t)i);
    for (size_t i = 1; i < world->store->catalogue.count; i++)
        assert_true(world->store->catalogue.products[i - 1].product.value <
                    world->store->catalogue.products[i].product.value);
    assert_int_equal(get(world, 8).outcome, REQUEST_NO_ROW);
}

static void
test_gateway_catalogue_full_takes_no_new_product(void **state)
{
    struct gateway_world *world = *state;

    world->config.products = 5;
    assert_int_equal(put(world, 6, 1).outcome,
                     REQUEST_CATALOGUE_FULL);
    assert_int_equal(put(world, 5, 1).outcome, REQUEST_DONE);
    assert_int_equal(get(world, 5).amount.minor, 1);
}

static void
test_gateway_catalogue_of_a_full_disk_is_not_changed(void **state)
{
    struct gateway_world *world = *state;

    world->store->disk_low = true;
    assert_int_equal(put(world, 1, 1).outcome, REQUEST_DISK);
    assert_int_equal(get(world, 1).amount.minor, 5000);
}

int
main(void)
{
#define T(name)                                                                \
    cmocka_unit_test_setup_teardown(name, world_setup_open, world_teardown)
    const struct CMUnitTest tests[] = {
        T(test_gateway_catalogue_put_keeps_the_order_of_ids),
        T(test_gateway_catalogue_full_takes_no_new_product),
        T(test_gateway_catalogue_of_a_full_disk_is_not_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
