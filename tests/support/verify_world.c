#include "verify_world.h"
#include "store_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "broker/producer_seqs.h"
#include "broker/topic_log.h"

#define SETTLE_ROUNDS 6
#define LEDGER_LIMIT 60000
/* So that a topic of a small test has several. */
#define SEGMENT_BYTES 1200
#define BATCH_BYTES_MAX 65536
/* Small, because recovery fills up a log file of a quarter of it. */
#define CHECKPOINT_BYTES (16 << 20)

void
verify_world_open(struct verify_world *world)
{
    memset(world, 0, sizeof *world);
    world_init(&world->gateway);
    world->gateway.config.checkpoint = CHECKPOINT_BYTES;
    snprintf(world->broker, sizeof world->broker, "%s/data/broker",
             world->gateway.home);
    assert_int_equal(mkdir(world->broker, 0700), 0);
    world->accounts = accounts_world_new();
    fake_broker_destroy(&world->accounts->broker);
    world->accounts->broker = world->gateway.broker;
    world->accounts->config[PAYMENT].checkpoint = CHECKPOINT_BYTES;
    world->accounts->config[LEDGER].checkpoint = CHECKPOINT_BYTES;
    world->accounts->config[LEDGER].transaction_limit.minor = LEDGER_LIMIT;
    assert_int_equal(world_open(&world->gateway), RC_OK);
    actor_start(world->accounts, PAYMENT);
    actor_start(world->accounts, LEDGER);
    verify_world_settle(world);
}

void
verify_world_settle(struct verify_world *world)
{
    for (int i = 0; i < SETTLE_ROUNDS; i++) {
        world_settle(&world->gateway);
        settle(world->accounts);
    }
}

/* ---- the broker's store ---- */

struct log_writer {
    struct store *store;
    struct store_table *meta;
    struct topic_log *log;
    const char *topic;
};

static void
write_seqs(const struct log_writer *writer, const struct bus_batch *batch,
           uint64_t base)
{
    struct broker_meta_bytes key, value;
    struct producer_seqs seqs = { .last_seq = 0 };
    struct bytes_reader reader;
    uint8_t row[PRODUCER_SEQS_ROW_BYTES];
    size_t bytes;
    enum rc rc;

    broker_meta_key(&key, BROKER_META_SEQS);
    bytes_put_text(&key.writer, writer->topic);
    bytes_put_u16(&key.writer, 0);
    bytes_put_text(&key.writer, batch->producer);
    rc = store_get(writer->meta, key.bytes, key.writer.used, row, sizeof row,
                   &bytes);
    if (rc == RC_OK) {
        bytes_reader_init(&reader, row, bytes);
        assert_int_equal(producer_seqs_get(&reader, &seqs), RC_OK);
    }
    producer_seqs_fold(&seqs,
                       &(struct producer_seqs_batch){ batch->first_seq,
                                                      batch->count, base });
    broker_meta_value(&value);
    producer_seqs_put(&value.writer, &seqs);
    assert_int_equal(broker_meta_put(writer->meta, &key, &value), RC_OK);
}

static void
write_batch(const struct log_writer *writer, const struct bus_batch *batch)
{
    static uint8_t bytes[BATCH_BYTES_MAX];
    struct protocol_batch stored = { .epoch = 1,
                                     .first_seq = batch->first_seq,
                                     .count = batch->count,
                                     .bytes = batch->bytes,
                                     .bytes_count = batch->bytes_count };
    struct bytes_writer put;
    uint64_t base;

    memcpy(stored.producer, batch->producer, sizeof stored.producer);
    bytes_writer_init(&put, bytes, sizeof bytes);
    protocol_put_batch(&put, &stored);
    assert_false(put.failed);
    assert_int_equal(store_begin(writer->store), RC_OK);
    assert_int_equal(topic_log_append(writer->log, bytes, put.used,
                                      batch->count, 1, &base),
                     RC_OK);
    assert_int_equal(topic_log_write(writer->log), RC_OK);
    write_seqs(writer, batch, base);
    assert_int_equal(store_commit(writer->store), RC_OK);
    assert_int_equal(topic_log_committed(writer->log), RC_OK);
}

static void
write_topic(const struct verify_world *world, struct log_writer *writer)
{
    const struct topic_log_config config = { .store = writer->store,
                                             .meta = writer->meta,
                                             .topic = writer->topic,
                                             .segment_bytes = SEGMENT_BYTES };
    struct bus_batch batch;

    assert_int_equal(topic_log_open(&writer->log, &config), RC_OK);
    for (size_t i = 0; fake_broker_batch(world->gateway.broker, writer->topic,
                                         0, i, &batch);
         i++)
        write_batch(writer, &batch);
    assert_int_equal(topic_log_close(&writer->log), RC_OK);
}

static struct store *
open_at(const char *directory)
{
    const struct store_config config = { .directory = directory,
                                         .cache_bytes = 1 << 20,
                                         .checkpoint_bytes = CHECKPOINT_BYTES,
                                         .checkpoint_ms = 3600000 };
    struct store *store;
    bool created;

    assert_int_equal(store_open(&store, &config, &created), RC_OK);
    return store;
}

static void
write_broker(const struct verify_world *world)
{
    struct log_writer writer = { .store = open_at(world->broker) };
    uint32_t partitions;

    assert_int_equal(
        broker_meta_open(writer.store, 1, &writer.meta, &partitions), RC_OK);
    for (int topic = 0; topic < TOPIC_COUNT; topic++) {
        writer.topic = topic_routes[topic].name;
        write_topic(world, &writer);
    }
    assert_int_equal(store_flush(writer.store), RC_OK);
    assert_int_equal(store_close(&writer.store), RC_OK);
}

void
verify_world_stop(struct verify_world *world)
{
    actor_stop(world->accounts, PAYMENT);
    actor_stop(world->accounts, LEDGER);
    world_close(&world->gateway);
    write_broker(world);
}

void
verify_world_fini(struct verify_world *world)
{
    world->accounts->broker = fake_broker_new(); /* its own is the gateway's */
    accounts_world_destroy(&world->accounts);
    world_fini(&world->gateway);
}

void
verify_world_input(const struct verify_world *world,
                   struct verify_input *input_out)
{
    const char *const directories[VERIFY_STORES] = {
        [VERIFY_GATEWAY] = world->gateway.directory,
        [VERIFY_PAYMENT] = world->accounts->directory[PAYMENT],
        [VERIFY_LEDGER] = world->accounts->directory[LEDGER],
        [VERIFY_BROKER] = world->broker,
    };

    memset(input_out, 0, sizeof *input_out);
    for (int i = 0; i < VERIFY_STORES; i++)
        snprintf(input_out->directories[i], sizeof input_out->directories[i],
                 "%s", directories[i]);
}

/* ---- rows ---- */

size_t
verify_world_get(const char *directory, const char *name, const void *key,
                 size_t key_bytes, uint8_t *found, size_t *found_bytes,
                 uint8_t *value, size_t size)
{
    struct store *store = open_at(directory);
    struct store_table *table;
    struct store_cursor *cursor;
    struct store_row row;
    size_t bytes;

    assert_int_equal(table_open_as_owner(store, name, &table), RC_OK);
    assert_int_equal(store_cursor_open(table, &cursor), RC_OK);
    if (key == NULL)
        assert_int_equal(store_cursor_first(cursor, &row), RC_OK);
    else
        assert_int_equal(store_cursor_seek(cursor, key, key_bytes, &row),
                         RC_OK);
    bytes = row.bytes;
    assert_true(bytes <= size);
    memcpy(value, row.value, bytes);
    memcpy(found, row.key, row.key_bytes);
    *found_bytes = row.key_bytes;
    store_cursor_close(&cursor);
    assert_int_equal(store_close(&store), RC_OK);
    return bytes;
}

void
verify_world_put(const char *directory, const char *name, const void *key,
                 size_t key_bytes, const uint8_t *value, size_t bytes)
{
    struct store *store = open_at(directory);
    struct store_table *table;

    assert_int_equal(table_open_as_owner(store, name, &table), RC_OK);
    assert_int_equal(store_begin(store), RC_OK);
    if (value == NULL)
        assert_int_equal(store_delete(table, key, key_bytes), RC_OK);
    else
        assert_int_equal(store_put(table, key, key_bytes, value, bytes),
                         RC_OK);
    assert_int_equal(store_commit(store), RC_OK);
    assert_int_equal(store_flush(store), RC_OK);
    assert_int_equal(store_close(&store), RC_OK);
}
