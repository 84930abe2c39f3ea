#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saga/codec.h"
#include "../support/dies.h"
#include "../support/sample_event.h"

static struct codec *codec;

static int
open_codec(void **state)
{
    (void)state;
    return codec_new(&codec) == RC_OK ? 0 : -1;
}

static int
close_codec(void **state)
{
    (void)state;
    codec_destroy(&codec);
    codec_destroy(&codec); /* of NULL: nothing happens */
    return codec == NULL ? 0 : -1;
}

/* Order 81 of docs/EVENTS.md, made by another msgpack (Python's).  If this
 * changes, topics on disk can no longer be read: then it is a new version. */
static const char *const golden[] = {
    "8ca2696451a6736f75726365a767617465776179a474797065ad4f7264657250",
    "75726368617365a776657273696f6e01a474696d65cf00060a2418202240ab74",
    "72616365706172656e74d93730302d3462663932663335373762333464613661",
    "3363653932396430653065343733362d30306630363761613062613930326237",
    "2d3031a76f72646572496451a675736572496401a970726f64756374496401a8",
    "7175616e7469747901a57072696365cd1388a863757272656e6379a3455552",
};

static size_t
read_golden(uint8_t *bytes, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < ARRAY_COUNT(golden); i++)
        for (const char *at = golden[i]; *at != '\0'; at += 2) {
            unsigned octet;

            assert_int_equal(sscanf(at, "%2x", &octet), 1);
            assert_true(used < size);
            bytes[used++] = (uint8_t)octet;
        }
    return used;
}

static void
golden_event(struct event *event)
{
    sample_event(event, EVENT_ORDER_PURCHASE);
    event->id = 81;
    event->order.value = 81;
    event->price.minor = 5000;
}

static void
test_codec_golden_event_is_these_bytes(void **state)
{
    uint8_t expected[256], bytes[256];
    struct event event, back;
    size_t length = read_golden(expected, sizeof(expected));
    size_t used;

    (void)state;
    golden_event(&event);
    assert_int_equal(event_encode(&event, bytes, sizeof(bytes), &used), RC_OK);
    assert_int_equal(used, length);
    assert_memory_equal(bytes, expected, length);
    assert_int_equal(event_decode(codec, expected, length, &back, &used),
                     CODEC_OK);
    assert_int_equal(used, length);
    assert_true(same_event(&event, &back));
}

static void
test_codec_golden_bytes_stand_in_the_document(void **state)
{
    FILE *file = fopen("docs/EVENTS.md", "r");
    char line[512];
    size_t found = 0;

    (void)state;
    if (file == NULL)
        fail_msg("docs/EVENTS.md: run me from the root of the tree");
    while (found < ARRAY_COUNT(golden)
           && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "    ", 4) == 0
            && strcmp(line + 4, golden[found]) == 0)
            found++;
    }
    fclose(file);
    assert_int_equal(found, ARRAY_COUNT(golden));
}

/* Events of every type, in batches, come back as they were. */
static void
test_codec_random_events_come_back(void **state)
{
    const uint64_t first_seed = 20240229;
    uint64_t seed = first_seed;

    (void)state;
    for (int round = 0; round < 3000; round++)
        for (enum event_type type = 1; type < EVENT_TYPE_COUNT; type++) {
            uint8_t bytes[EVENT_BYTES_MAX + 1];
            struct event event, back;
            size_t used, read;

            random_event(&event, type, &seed);
            assert_int_equal(
                event_encode(&event, bytes, sizeof(bytes), &used), RC_OK);
            bytes[used] = 0xc1; /* what lies behind is none of its business */
            memset(&back, 0xff, sizeof(back));
            if (event_decode(codec, bytes, used + 1, &back, &read) != CODEC_OK
                || read != used || !same_event(&event, &back))
                fail_msg("seed %lu, round %d, %s", first_seed, round,
                         event_types[type].name);
        }
}

static void
test_codec_batch_is_read_one_by_one(void **state)
{
    uint8_t bytes[EVENT_TYPE_COUNT * 1024];
    size_t size = 0, at = 0, used;
    struct event event, back;

    (void)state;
    for (enum event_type type = 1; type < EVENT_TYPE_COUNT; type++) {
        sample_event(&event, type);
        assert_int_equal(
            event_encode(&event, bytes + size, sizeof(bytes) - size, &used),
            RC_OK);
        size += used;
    }
    for (enum event_type type = 1; type < EVENT_TYPE_COUNT; type++) {
        sample_event(&event, type);
        assert_int_equal(
            event_decode(codec, bytes + at, size - at, &back, &used),
            CODEC_OK);
        assert_true(same_event(&event, &back));
        at += used;
    }
    assert_int_equal(at, size);
    assert_int_equal(event_decode(codec, bytes + at, 0, &back, &used),
                     CODEC_TRUNCATED);
    assert_int_equal(used, 0);
}

static void
test_codec_encode_short_buffer_is_full(void **state)
{
    (void)state;
    for (enum event_type type = 1; type < EVENT_TYPE_COUNT; type++) {
        uint8_t bytes[1024];
        struct event event;
        size_t length, used;

        sample_event(&event, type);
        assert_int_equal(event_encode(&event, bytes, sizeof(bytes), &length),
                         RC_OK);
        for (size_t size = 0; size < length; size++) {
            /* Of its own size, so that a write past the end is found. */
            uint8_t *buffer = malloc(size + 1);

            assert_non_null(buffer);
            buffer[size] = 0x55;
            assert_int_equal(event_encode(&event, buffer, size, &used),
                             RC_FULL);
            assert_int_equal(buffer[size], 0x55);
            free(buffer);
        }
        assert_int_equal(event_encode(&event, bytes, length, &used), RC_OK);
    }
}

static void
test_codec_largest_dead_letter_fits(void **state)
{
    uint8_t bytes[EVENT_BYTES_MAX];
    struct event event, back;
    size_t used;

    (void)state;
    sample_event(&event, EVENT_DEAD_LETTER);
    event.blob.bytes = EVENT_BLOB_BYTES_MAX;
    event.id = UINT64_MAX;
    event.order.value = event.user.value = ID_MAX;
    event.partition = event.offset = event.attempts = ID_MAX;
    memset(event.source, 'a', sizeof(event.source) - 1);
    memset(event.topic_name, '~', sizeof(event.topic_name) - 1);
    memset(event.participant, '~', sizeof(event.participant) - 1);
    memset(event.cause, '~', sizeof(event.cause) - 1);
    assert_int_equal(event_encode(&event, bytes, sizeof(bytes), &used), RC_OK);
    assert_int_equal(event_decode(codec, bytes, used, &back, &used), CODEC_OK);
    assert_true(same_event(&event, &back));
}

static void
test_codec_blob_is_a_look_into_the_bytes(void **state)
{
    uint8_t bytes[EVENT_BYTES_MAX];
    struct event event, back;
    size_t used;

    (void)state;
    sample_event(&event, EVENT_DEAD_LETTER);
    event.blob.bytes = 3;
    assert_int_equal(event_encode(&event, bytes, sizeof(bytes), &used), RC_OK);
    assert_int_equal(event_decode(codec, bytes, used, &back, &used), CODEC_OK);
    assert_ptr_equal(back.blob.data, bytes + used - 3);
}

/* Events that a writer must never make: each breaks one law. */
typedef void (*break_fn)(struct event *event);

#define BREAK(name, type, how)                                                 \
    static void break_##name(struct event *event)                              \
    {                                                                          \
        how;                                                                   \
    }
#define BREAKS(B)                                                              \
    B(id, ORDER_PURCHASE, event->id = 0)                                       \
    B(source_empty, ORDER_PURCHASE, event->source[0] = '\0')                   \
    B(source_form, ORDER_PURCHASE, event->source[0] = 'G')                     \
    B(time_early, ORDER_PURCHASE, event->time_us = -1)                         \
    B(time_late, ORDER_PURCHASE, event->time_us = EVENT_TIME_US_MAX + 1)       \
    B(traceparent, ORDER_PURCHASE, event->traceparent[0] = 'x')                \
    B(required, ORDER_PURCHASE, event->present &= event->present - 1)          \
    B(foreign, ORDER_PURCHASE, event->present |= EVENT_HAS(FIELD_BALANCE))     \
    B(type_none, ORDER_PURCHASE, event->type = EVENT_NONE)                     \
    B(type_past, ORDER_PURCHASE, event->type = EVENT_TYPE_COUNT)               \
    B(order_none, ORDER_PURCHASE, event->order.value = 0)                      \
    B(order_large, ORDER_PURCHASE, event->order.value = ID_MAX + 1)            \
    B(quantity_none, ORDER_PURCHASE, event->quantity = 0)                      \
    B(quantity_large, ORDER_PURCHASE, event->quantity = QUANTITY_MAX + 1)      \
    B(price_large, ORDER_PURCHASE, event->price.minor = MONEY_MINOR_MAX + 1)   \
    B(price_small, ORDER_PURCHASE, event->price.minor = -MONEY_MINOR_MAX - 1)  \
    B(currency_empty, ORDER_PURCHASE, event->currency[0] = '\0')               \
    B(currency_form, ORDER_PURCHASE, event->currency[2] = 'r')                 \
    B(cancel_reason, ORDER_CANCEL, event->reason = REFUSAL_NONE)               \
    B(payment_reason, PAYMENT, event->reason = REFUSAL_NONE)                   \
    B(payment_reason_past, PAYMENT, event->reason = REFUSAL_COUNT)             \
    B(payment_status, PAYMENT, event->payment_status = PAYMENT_UNSET)          \
    B(kind, ACCOUNT_CHANGED, event->change = ACCOUNT_CHANGE_UNSET)             \
    B(transaction, TRANSACTION, event->transaction_status = TRANSACTION_UNSET) \
    B(decided, TRANSACTION, event->decided_us = -1)                            \
    B(offset, DEAD_LETTER, event->offset = ID_MAX + 1)                         \
    B(topic, DEAD_LETTER, event->topic_name[0] = '\0')                         \
    B(cause, DEAD_LETTER, event->cause[0] = '\n')                              \
    B(blob, DEAD_LETTER, event->blob.bytes = EVENT_BLOB_BYTES_MAX + 1)

BREAKS(BREAK)

static const struct {
    const char *name;
    enum event_type type;
    break_fn damage;
} breaks[] = {
#define ROW(name, type, how) { #name, EVENT_##type, break_##name },
    BREAKS(ROW)
#undef ROW
};

static void
encode(const void *event)
{
    uint8_t bytes[EVENT_BYTES_MAX];
    size_t used;

    if (event_encode(event, bytes, sizeof(bytes), &used) != RC_OK)
        _exit(1);
}

static void
test_codec_encode_of_a_broken_event_is_a_bug(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(breaks); i++) {
        struct event event;

        sample_event(&event, breaks[i].type);
        assert_false(dies(encode, &event));
        breaks[i].damage(&event);
        if (!dies(encode, &event))
            fail_msg("%s", breaks[i].name);
    }
}

static void
test_codec_refusal_names_are_those_of_the_document(void **state)
{
    static const char *const names[CODEC_REFUSAL_COUNT] = {
        "ok",           "truncated",       "not_a_map",     "too_large",
        "syntax",       "key_not_string",  "key_repeated",  "unknown_type",
        "unknown_version", "field_missing", "field_type",   "field_range",
    };

    (void)state;
    for (enum codec_refusal i = 0; i < CODEC_REFUSAL_COUNT; i++)
        assert_string_equal(codec_refusal_name(i), names[i]);
}

static void
name_of_refusal(const void *refusal)
{
    (void)codec_refusal_name(*(const enum codec_refusal *)refusal);
}

static void
test_codec_refusal_past_the_list_is_a_bug(void **state)
{
    enum codec_refusal past = CODEC_REFUSAL_COUNT;

    (void)state;
    assert_true(dies(name_of_refusal, &past));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec_golden_event_is_these_bytes),
        cmocka_unit_test(test_codec_golden_bytes_stand_in_the_document),
        cmocka_unit_test(test_codec_random_events_come_back),
        cmocka_unit_test(test_codec_batch_is_read_one_by_one),
        cmocka_unit_test(test_codec_encode_short_buffer_is_full),
        cmocka_unit_test(test_codec_largest_dead_letter_fits),
        cmocka_unit_test(test_codec_blob_is_a_look_into_the_bytes),
        cmocka_unit_test(test_codec_encode_of_a_broken_event_is_a_bug),
        cmocka_unit_test(test_codec_refusal_names_are_those_of_the_document),
        cmocka_unit_test(test_codec_refusal_past_the_list_is_a_bug),
    };

    return cmocka_run_group_tests(tests, open_codec, close_codec);
}
