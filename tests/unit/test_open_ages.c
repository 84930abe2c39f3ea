#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gateway/open_ages.h"

#define SECOND INT64_C(1000000)
#define NOW (INT64_C(1795352707) * SECOND)
#define ORDERS 3000

static struct open_ages ages;

static void
add(uint64_t id, int64_t placed_us)
{
    open_ages_add(&ages, (struct order_id){ id }, placed_us);
}

static void
end(uint64_t id, int64_t placed_us)
{
    open_ages_end(&ages, (struct order_id){ id }, placed_us);
}

static void
assert_oldest(int64_t placed_us, uint64_t first)
{
    int64_t told_us;
    uint64_t told;

    assert_true(open_ages_oldest(&ages, &told_us, &told));
    assert_true(told_us == placed_us);
    assert_int_equal(told, first);
}

static void
assert_none(void)
{
    int64_t placed_us;
    uint64_t first;

    assert_false(open_ages_oldest(&ages, &placed_us, &first));
}

static int
setup(void **state)
{
    (void)state;
    open_ages_init(&ages, 0, 0);
    return 0;
}

static void
test_open_ages_oldest_moves_on(void **state)
{
    (void)state;
    assert_none();
    add(1, NOW);
    add(2, NOW + 1);
    add(3, NOW + 7 * SECOND);
    assert_oldest(NOW, 1);
    end(1, NOW);
    assert_oldest(NOW, 1); /* of that second, one is open still */
    end(2, NOW + 1);
    assert_oldest(NOW + 7 * SECOND, 3);
    end(3, NOW + 7 * SECOND);
    assert_none();
    add(4, NOW + 3 * SECOND); /* the clock was set back */
    assert_oldest(NOW + 3 * SECOND, 4);
}

static void
test_open_ages_older_than_the_ring_stay_open(void **state)
{
    const int64_t later = NOW + OPEN_AGES_SECONDS * SECOND;

    (void)state;
    add(1, NOW);
    add(2, later); /* takes the slot */
    assert_oldest(NOW, 1);
    end(2, later);
    assert_oldest(NOW, 1);
    end(1, NOW);
    assert_none();
    add(3, later);
    add(4, NOW); /* the clock was set back by more than the ring */
    assert_oldest(NOW, 4);
    end(4, NOW);
    assert_oldest(later, 3);
}

static void
test_open_ages_far_apart_are_found(void **state)
{
    (void)state;
    add(1, NOW);
    end(1, NOW);
    add(2, NOW + 10 * OPEN_AGES_SECONDS * SECOND);
    assert_oldest(NOW + 10 * OPEN_AGES_SECONDS * SECOND, 2);
}

/* Orders of the life before end while the walk is on its way to them. */
static void
test_open_ages_walk_counts_each_once(void **state)
{
    (void)state;
    open_ages_init(&ages, 10, 20);
    end(15, NOW); /* not seen yet: the walk will find it ended */
    add(20, NOW + SECOND);
    assert_oldest(NOW + SECOND, 20);
    open_ages_walked(&ages, 13);
    add(12, NOW); /* the walk: order 12 is open */
    assert_oldest(NOW, 12);
    end(12, NOW);
    assert_oldest(NOW + SECOND, 20);
    open_ages_walked(&ages, 1000);
    assert_int_equal(ages.walk_at, ages.walk_end);
    end(20, NOW + SECOND);
    assert_none();
}

/* Against a naive model: within the last hour it is exact to the second. */
static void
test_open_ages_agrees_with_a_naive_list(void **state)
{
    static int64_t placed[ORDERS]; /* 0: ended */
    uint64_t seed = 0x5a6a;
    int64_t now_us = NOW;

    (void)state;
    for (uint64_t id = 1; id < ORDERS; id++) {
        int64_t oldest = INT64_MAX, told_us;
        uint64_t first;

        seed = seed * 6364136223846793005u + 1442695040888963407u;
        now_us += (int64_t)(seed >> 44);
        placed[id] = now_us;
        add(id, now_us);
        for (uint64_t i = 1 + (seed >> 33) % id; i <= id; i += 3) {
            if (placed[i] != 0)
                end(i, placed[i]);
            placed[i] = 0;
        }
        for (uint64_t i = 1; i <= id; i++)
            if (placed[i] != 0 && placed[i] < oldest)
                oldest = placed[i];
        if (!open_ages_oldest(&ages, &told_us, &first)) {
            assert_true(oldest == INT64_MAX);
            continue;
        }
        assert_true(told_us <= oldest);
        if (oldest > now_us - 4000 * SECOND && ages.older.open == 0)
            assert_true(told_us / SECOND == oldest / SECOND);
        for (uint64_t i = 1; i < first; i++)
            assert_true(placed[i] == 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_open_ages_oldest_moves_on, setup),
        cmocka_unit_test_setup(test_open_ages_older_than_the_ring_stay_open,
                               setup),
        cmocka_unit_test_setup(test_open_ages_far_apart_are_found, setup),
        cmocka_unit_test_setup(test_open_ages_walk_counts_each_once, setup),
        cmocka_unit_test_setup(test_open_ages_agrees_with_a_naive_list, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
