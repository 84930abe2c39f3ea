/* The broker's own table: whose it is, and in which format. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../support/store_rig.h"
#include "broker/broker_meta.h"

static struct store_table *
open_new(struct store_rig *rig)
{
    struct store_table *meta;
    uint32_t partitions;

    assert_int_equal(broker_meta_open(rig->store, 1, &meta, &partitions),
                     RC_OK);
    assert_int_equal(partitions, 1);
    return meta;
}

static void
test_broker_meta_other_partitions_told(void **state)
{
    struct store_rig *rig = *state;
    struct store_table *meta = open_new(rig);
    uint32_t partitions;

    assert_non_null(meta);
    assert_int_equal(broker_meta_open(rig->store, 2, &meta, &partitions),
                     RC_MALFORMED);
    assert_int_equal(partitions, 1);
}

static void
test_broker_meta_unknown_format_damaged(void **state)
{
    struct store_rig *rig = *state;
    struct store_table *meta = open_new(rig);
    struct broker_meta_bytes key, value;
    uint32_t partitions;

    broker_meta_key(&key, BROKER_META_FORMAT);
    broker_meta_value(&value);
    bytes_put_u32(&value.writer, BROKER_FORMAT + 1);
    bytes_put_u32(&value.writer, 1);
    assert_int_equal(store_begin(rig->store), RC_OK);
    assert_int_equal(broker_meta_put(meta, &key, &value), RC_OK);
    assert_int_equal(store_commit(rig->store), RC_OK);
    assert_int_equal(broker_meta_open(rig->store, 1, &meta, &partitions),
                     RC_DAMAGED);
}

/* Regress 086: a store that had lost its first row was taken for a new one, of
 * as many partitions as were asked for. */
static void
test_broker_meta_086_first_row_lost_damaged(void **state)
{
    struct store_rig *rig = *state;
    struct store_table *meta = open_new(rig);
    struct broker_meta_bytes key, value;
    uint32_t partitions;

    assert_int_equal(store_begin(rig->store), RC_OK);
    broker_meta_key(&key, BROKER_META_FORMAT);
    assert_int_equal(broker_meta_delete(meta, &key), RC_OK);
    broker_meta_key(&key, BROKER_META_REMOVED);
    bytes_put(&key.writer, "orders-0-0", 10);
    broker_meta_value(&value);
    assert_int_equal(broker_meta_put(meta, &key, &value), RC_OK);
    assert_int_equal(store_commit(rig->store), RC_OK);
    assert_int_equal(broker_meta_open(rig->store, 2, &meta, &partitions),
                     RC_DAMAGED);
    assert_int_equal(broker_meta_format(meta, &partitions), RC_DAMAGED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_broker_meta_other_partitions_told,
                                        store_rig_setup, store_rig_teardown),
        cmocka_unit_test_setup_teardown(
            test_broker_meta_unknown_format_damaged, store_rig_setup,
            store_rig_teardown),
        cmocka_unit_test_setup_teardown(
            test_broker_meta_086_first_row_lost_damaged, store_rig_setup,
            store_rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
