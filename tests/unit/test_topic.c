#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "saga/topic.h"
#include "../support/dies.h"

static const struct {
    enum topic topic;
    const char *name;
    unsigned written_by, read_by;
} routes[] = {
    { TOPIC_ORDERS, "orders", BY(PROCESS_GATEWAY), BY(PROCESS_PAYMENT) },
    { TOPIC_PAYMENTS, "payments", BY(PROCESS_PAYMENT),
      BY(PROCESS_LEDGER) | BY(PROCESS_GATEWAY) },
    { TOPIC_TRANSACTIONS, "transactions", BY(PROCESS_LEDGER),
      BY(PROCESS_GATEWAY) | BY(PROCESS_PAYMENT) },
    { TOPIC_DEAD_LETTERS, "dead-letters",
      BY(PROCESS_PAYMENT) | BY(PROCESS_LEDGER) | BY(PROCESS_GATEWAY),
      BY(PROCESS_GATEWAY) },
};

static void
test_topic_routes_are_those_of_the_design(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_COUNT(routes), TOPIC_COUNT);
    for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
        const struct topic_route *route = &topic_routes[routes[i].topic];

        assert_string_equal(route->name, routes[i].name);
        assert_int_equal(route->written_by, routes[i].written_by);
        assert_int_equal(route->read_by, routes[i].read_by);
        assert_true(topic_name_valid(route->name));
        assert_int_equal(topic_find(route->name), routes[i].topic);
    }
}

static void
test_topic_find_unknown_is_count(void **state)
{
    (void)state;
    assert_int_equal(topic_find(""), TOPIC_COUNT);
    assert_int_equal(topic_find("order"), TOPIC_COUNT);
    assert_int_equal(topic_find("orders2"), TOPIC_COUNT);
    assert_int_equal(topic_find("Orders"), TOPIC_COUNT);
}

static const struct {
    const char *name;
    enum process process;
} names[] = {
    { "broker", PROCESS_BROKER },
    { "payment", PROCESS_PAYMENT },
    { "ledger", PROCESS_LEDGER },
    { "gateway", PROCESS_GATEWAY },
    { "gateway-2", PROCESS_GATEWAY },
    { "gateway-eu.west-1", PROCESS_GATEWAY },
    { "gateway-", PROCESS_NONE },
    { "gateway2", PROCESS_NONE },
    { "gateway.2", PROCESS_NONE },
    { "gatewa", PROCESS_NONE },
    { "payments", PROCESS_NONE },
    { "none", PROCESS_NONE },
    { "", PROCESS_NONE },
    { "Gateway", PROCESS_NONE },
    { "gateway-A", PROCESS_NONE },
    { "gateway-0123456789-0123456789-01", PROCESS_NONE }, /* 32 characters */
};

static void
test_process_find_takes_name_and_instance(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (process_find(names[i].name) != names[i].process)
            fail_msg("%s", names[i].name);
}

static void
test_process_name_gives_every_name(void **state)
{
    (void)state;
    assert_string_equal(process_name(PROCESS_NONE), "none");
    for (enum process i = 1; i < PROCESS_COUNT; i++)
        assert_int_equal(process_find(process_name(i)), i);
}

static const struct {
    const char *name;
    bool valid;
} forms[] = {
    { "a", true },
    { "0", true },
    { "dead-letters", true },
    { "a.b-c.9", true },
    { "a123456789012345678901234567890", true },   /* 31 */
    { "a1234567890123456789012345678901", false }, /* 32 */
    { "", false },
    { "-a", false },
    { ".a", false },
    { "A", false },
    { "aB", false },
    { "a_b", false },
    { "a/b", false },
    { "a b", false },
    { "a\n", false },
    { "\xc3\xa4", false },
    { "a\x7f", false },
};

static void
test_topic_name_valid_holds_the_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++)
        if (topic_name_valid(forms[i].name) != forms[i].valid)
            fail_msg("\"%s\"", forms[i].name);
}

/* The hash is part of the format: these numbers must never change.  They
 * were computed apart from the code, with SplitMix64's finaliser. */
static const struct {
    uint64_t user;
    uint32_t of_4, of_16;
} partitions[] = {
    { UINT64_C(1), 1, 5 },
    { UINT64_C(2), 2, 10 },
    { UINT64_C(3), 0, 0 },
    { UINT64_C(4), 0, 4 },
    { UINT64_C(5), 0, 12 },
    { UINT64_C(4711), 0, 12 },
    { UINT64_C(9007199254740991), 3, 3 },
};

static void
test_topic_partition_never_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(partitions); i++) {
        struct user_id user = { partitions[i].user };

        assert_int_equal(topic_partition(user, 1), 0);
        assert_int_equal(topic_partition(user, 4), partitions[i].of_4);
        assert_int_equal(topic_partition(user, 16), partitions[i].of_16);
    }
}

static void
test_topic_partition_spreads_users_evenly(void **state)
{
    uint32_t counts[PARTITIONS_MAX] = { 0 };

    (void)state;
    for (uint64_t user = 1; user <= 16000; user++)
        counts[topic_partition((struct user_id){ user }, PARTITIONS_MAX)]++;
    for (size_t i = 0; i < PARTITIONS_MAX; i++)
        assert_in_range(counts[i], 850, 1150);
}

static void
partition(const void *count)
{
    (void)topic_partition((struct user_id){ 1 }, *(const uint32_t *)count);
}

static void
process(const void *number)
{
    (void)process_name(*(const enum process *)number);
}

static void
test_topic_counts_out_of_range_are_bugs(void **state)
{
    (void)state;
    assert_true(dies(partition, &(uint32_t){ 0 }));
    assert_true(dies(partition, &(uint32_t){ PARTITIONS_MAX + 1 }));
    assert_true(dies(process, &(enum process){ PROCESS_COUNT }));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topic_routes_are_those_of_the_design),
        cmocka_unit_test(test_topic_find_unknown_is_count),
        cmocka_unit_test(test_process_find_takes_name_and_instance),
        cmocka_unit_test(test_process_name_gives_every_name),
        cmocka_unit_test(test_topic_name_valid_holds_the_form),
        cmocka_unit_test(test_topic_partition_never_changes),
        cmocka_unit_test(test_topic_partition_spreads_users_evenly),
        cmocka_unit_test(test_topic_counts_out_of_range_are_bugs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
