/* The cache against what was put into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "broker/batch_cache.h"

#define BYTES_MAX 999
#define LARGEST (BYTES_MAX / BATCH_CACHE_PART)

static int
setup(void **state)
{
    struct batch_cache *cache;

    assert_int_equal(batch_cache_new(&cache, BYTES_MAX), RC_OK);
    *state = cache;
    return 0;
}

static int
teardown(void **state)
{
    struct batch_cache *cache = *state;

    batch_cache_destroy(&cache);
    assert_null(cache);
    return 0;
}

/* Octets that tell whose they are. */
static void
put(struct batch_cache *cache, uint32_t owner, uint64_t base, size_t bytes)
{
    uint8_t octets[BYTES_MAX];
    const struct batch_cached batch = { octets, bytes, (uint32_t)base + 7 };

    memset(octets, (int)(owner * 31 + base) & 0xff, bytes);
    batch_cache_put(cache, owner, base, &batch);
}

/* Its octets; 0 if it is not there. */
static size_t
found(const struct batch_cache *cache, uint32_t owner, uint64_t base)
{
    struct batch_cached batch;

    if (!batch_cache_find(cache, owner, base, &batch))
        return 0;
    assert_int_equal(batch.count, (uint32_t)base + 7);
    for (size_t i = 0; i < batch.bytes_count; i++)
        assert_int_equal(batch.bytes[i], (owner * 31 + base) & 0xff);
    return batch.bytes_count;
}

static void
test_batch_cache_finds_what_was_put(void **state)
{
    struct batch_cache *cache = *state;
    uint32_t first = batch_cache_owner(cache);
    uint32_t second = batch_cache_owner(cache);

    assert_int_not_equal(first, second);
    assert_int_equal(found(cache, first, 0), 0);
    put(cache, first, 0, 10);
    put(cache, second, 3, 11);
    assert_int_equal(found(cache, first, 0), 10);
    assert_int_equal(found(cache, second, 3), 11);
    assert_int_equal(found(cache, second, 0), 0);
    assert_int_equal(found(cache, first, 3), 0);
    assert_int_equal(found(cache, first, 1), 0);
    for (uint32_t other = 3; other < 60000; other++)
        assert_int_equal(found(cache, other, 0), 0);
}

static void
test_batch_cache_put_again_is_nothing(void **state)
{
    struct batch_cache *cache = *state;

    for (uint64_t base = 0; base < 3; base++)
        put(cache, 1, base, LARGEST);
    for (int i = 0; i < 10; i++)
        put(cache, 1, 1, LARGEST);
    for (uint64_t base = 0; base < 3; base++)
        assert_int_equal(found(cache, 1, base), LARGEST);
}

static void
test_batch_cache_who_came_first_goes_first(void **state)
{
    struct batch_cache *cache = *state;

    for (uint64_t base = 0; base < 3; base++)
        put(cache, 1, base, LARGEST);
    put(cache, 1, 4, 1);
    assert_int_equal(found(cache, 1, 0), 0);
    assert_int_equal(found(cache, 1, 1), LARGEST);
    put(cache, 1, 5, LARGEST);
    assert_int_equal(found(cache, 1, 1), 0);
    assert_int_equal(found(cache, 1, 2), LARGEST);
    assert_int_equal(found(cache, 1, 4), 1);
    assert_int_equal(found(cache, 1, 5), LARGEST);
}

static void
test_batch_cache_too_large_is_not_kept(void **state)
{
    struct batch_cache *cache = *state;

    put(cache, 1, 0, LARGEST);
    put(cache, 1, 1, LARGEST + 1);
    assert_int_equal(found(cache, 1, 0), LARGEST);
    assert_int_equal(found(cache, 1, 1), 0);
}

static void
test_batch_cache_items_are_bounded(void **state)
{
    struct batch_cache *cache;

    (void)state;
    assert_int_equal(batch_cache_new(&cache, 6 * BATCH_CACHE_ITEMS), RC_OK);
    for (uint64_t end = 1; end < 3 * BATCH_CACHE_ITEMS; end++) {
        put(cache, 1, end, 5);
        assert_int_equal(found(cache, 1, end), 5);
        if (end > BATCH_CACHE_ITEMS) {
            assert_int_equal(found(cache, 1, end - BATCH_CACHE_ITEMS), 0);
            assert_int_equal(found(cache, 1, end - BATCH_CACHE_ITEMS + 1), 5);
        }
    }
    batch_cache_destroy(&cache);
}

/* Any sizes: the newest are there, as many as fit but for what is left at two
 * ends, and none is torn. */
static void
test_batch_cache_without_memory_is_told(void **state)
{
    struct batch_cache *cache = NULL;

    (void)state;
    assert_int_equal(batch_cache_new(&cache, SIZE_MAX / 4), RC_NO_MEMORY);
    assert_null(cache);
}

static void
test_batch_cache_holds_the_newest_whole(void **state)
{
    struct batch_cache *cache = *state;
    size_t sizes[5000];
    unsigned seed = 4;

    for (uint32_t base = 0; base < ARRAY_COUNT(sizes); base++) {
        uint32_t first = base + 1;
        size_t held = 0;

        sizes[base] = (size_t)rand_r(&seed) % LARGEST + 1;
        put(cache, base % 3, base, sizes[base]);
        while (first > 0 &&
               found(cache, (first - 1) % 3, first - 1) == sizes[first - 1])
            held += sizes[--first];
        assert_true(held <= BYTES_MAX);
        assert_true(first == 0 || held > BYTES_MAX - 2 * LARGEST);
        for (uint32_t i = first; i > 0 && first - i < 100; i--)
            assert_int_equal(found(cache, (i - 1) % 3, i - 1), 0);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_batch_cache_finds_what_was_put),
        T(test_batch_cache_put_again_is_nothing),
        T(test_batch_cache_who_came_first_goes_first),
        T(test_batch_cache_too_large_is_not_kept),
        T(test_batch_cache_items_are_bounded),
        T(test_batch_cache_without_memory_is_told),
        T(test_batch_cache_holds_the_newest_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
