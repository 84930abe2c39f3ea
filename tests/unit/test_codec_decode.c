#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <msgpack.h>
#include <string.h>

#include "saga/codec.h"
#include "../support/sample_event.h"

/* Bytes as a string literal that may hold NULs. */
#define RAW(text) (text), sizeof(text) - 1

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
    return 0;
}

#define NIL RAW("\xc0")
#define MINUS_ONE RAW("\xff")
#define ONE RAW("\x01")
#define SHORT_TEXT RAW("\xa1x")

static const struct {
    const char *name;
    const char *raw;
    size_t bytes;
    enum codec_refusal refusal;
    size_t used; /* the length that can be told, else 0 */
} forms[] = {
    { "nothing", RAW(""), CODEC_TRUNCATED, 0 },
    { "nil", NIL, CODEC_NOT_A_MAP, 0 },
    { "integer", ONE, CODEC_NOT_A_MAP, 0 },
    { "negative", MINUS_ONE, CODEC_NOT_A_MAP, 0 },
    { "string", SHORT_TEXT, CODEC_NOT_A_MAP, 0 },
    { "array", RAW("\x91\x01"), CODEC_NOT_A_MAP, 0 },
    { "never_used_byte", RAW("\xc1"), CODEC_NOT_A_MAP, 0 },
    { "array_bomb", RAW("\xdd\xff\xff\xff\xff"), CODEC_NOT_A_MAP, 0 },
    { "map_bomb", RAW("\xdf\xff\xff\xff\xff"), CODEC_TOO_LARGE, 0 },
    { "map16_bomb", RAW("\xde\xff\xff"), CODEC_TOO_LARGE, 0 },
    { "map32_head_cut", RAW("\xdf\xff\xff\xff"), CODEC_TRUNCATED, 0 },
    { "map16_head_cut", RAW("\xde"), CODEC_TRUNCATED, 0 },
    { "nested_array_bomb", RAW("\x81\xa1x\xdd\xff\xff\xff\xff"),
      CODEC_TOO_LARGE, 0 },
    { "nested_map_bomb", RAW("\x81\xa1x\xdf\xff\xff\xff\xff"),
      CODEC_TOO_LARGE, 0 },
    { "count_that_a_large_event_could_hold", RAW("\x81\xa1x\xdc\x0f\xf0"),
      CODEC_TRUNCATED, 0 },
    { "string_bomb", RAW("\x81\xdb\xff\xff\xff\xff"), CODEC_TOO_LARGE, 0 },
    { "bin_bomb", RAW("\x81\xa1x\xc6\xff\xff\xff\xff"), CODEC_TOO_LARGE, 0 },
    { "ext_bomb", RAW("\x81\xa1x\xc9\xff\xff\xff\xff\x01"), CODEC_TOO_LARGE,
      0 },
    { "count_larger_than_the_bytes", RAW("\x8f\xa1x\x01"), CODEC_TRUNCATED,
      0 },
    { "string_longer_than_the_bytes", RAW("\x81\xa5xyz"), CODEC_TRUNCATED, 0 },
    { "never_used_byte_as_key", RAW("\x81\xc1\x01"), CODEC_SYNTAX, 0 },
    { "never_used_byte_as_value", RAW("\x81\xa1x\xc1"), CODEC_SYNTAX, 0 },
    { "empty_map", RAW("\x80"), CODEC_FIELD_MISSING, 1 },
    { "empty_map16", RAW("\xde\x00\x00"), CODEC_FIELD_MISSING, 3 },
    { "empty_map_and_more", RAW("\x80\xc1\xc1"), CODEC_FIELD_MISSING, 1 },
    { "only_a_type", RAW("\x81\xa4type\xa7Payment"), CODEC_FIELD_MISSING, 14 },
    { "key_not_string_alone", RAW("\x81\x01\x01"), CODEC_KEY_NOT_STRING, 3 },
    { "map16", RAW("\xde\x00\x01\x01\x01"), CODEC_KEY_NOT_STRING, 5 },
    { "map32", RAW("\xdf\x00\x00\x00\x01\x01\x01"), CODEC_KEY_NOT_STRING, 7 },
    { "array16", RAW("\x81\xdc\x00\x01\x01\x01"), CODEC_KEY_NOT_STRING, 6 },
    { "array32", RAW("\x81\xdd\x00\x00\x00\x01\x01\x01"),
      CODEC_KEY_NOT_STRING, 8 },
    { "deep_key", RAW("\x81\x91\x91\x91\x91\x91\x91\x91\x91\x01\x01"),
      CODEC_TOO_LARGE, 11 },
};

static void
test_codec_decode_form_is_told_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
        struct event event;
        size_t used = 99;
        enum codec_refusal refusal =
            decode_copy(codec, forms[i].raw, forms[i].bytes, &event, &used);

        if (refusal != forms[i].refusal || used != forms[i].used)
            fail_msg("%s: %s, %zu", forms[i].name,
                     codec_refusal_name(refusal), used);
    }
}

static void
test_codec_decode_thousands_deep_is_too_large(void **state)
{
    uint8_t bytes[EVENT_BYTES_MAX];
    struct event event;
    size_t used;

    (void)state;
    memset(bytes, 0x91, sizeof(bytes));
    memcpy(bytes, "\x81\xa1x", 3);
    bytes[sizeof(bytes) - 1] = 1;
    assert_int_equal(decode_copy(codec, bytes, sizeof(bytes), &event, &used),
                     CODEC_TOO_LARGE);
    assert_int_equal(used, sizeof(bytes));
    assert_int_equal(
        decode_copy(codec, bytes, sizeof(bytes) - 1, &event, &used),
        CODEC_TRUNCATED);
}

/* An event of `pairs` pairs more, each with a key of its own, and a last one
 * of `filler` bytes. */
static size_t
write_wide(uint8_t *bytes, unsigned pairs, size_t filler)
{
    size_t length = sample_bytes(EVENT_ACCOUNT_FROZEN, bytes + 2,
                                  EVENT_BYTES_MAX);
    unsigned own = bytes[2] & 0x0f;
    size_t used = length + 2;

    bytes[0] = 0xde;
    bytes[1] = 0;
    bytes[2] = (uint8_t)(own + pairs);
    for (unsigned i = 0; i < pairs; i++) {
        bytes[used++] = 0xa2;
        bytes[used++] = (uint8_t)('A' + i / 16);
        bytes[used++] = (uint8_t)('A' + i % 16);
        if (i + 1 < pairs || filler == 0) {
            bytes[used++] = 1;
            continue;
        }
        bytes[used++] = 0xc5;
        bytes[used++] = (uint8_t)(filler >> 8);
        bytes[used++] = (uint8_t)filler;
        memset(bytes + used, 0, filler);
        used += filler;
    }
    return used;
}

static void
test_codec_decode_64_pairs_are_the_limit(void **state)
{
    uint8_t bytes[EVENT_BYTES_MAX + 2];
    struct event event;
    size_t used, size;
    unsigned own;

    (void)state;
    sample_bytes(EVENT_ACCOUNT_FROZEN, bytes, EVENT_BYTES_MAX);
    own = bytes[0] & 0x0f;
    size = write_wide(bytes, 64 - own, 0);
    assert_int_equal(decode_copy(codec, bytes, size, &event, &used),
                     CODEC_OK);
    size = write_wide(bytes, 65 - own, 0);
    assert_int_equal(decode_copy(codec, bytes, size, &event, &used),
                     CODEC_TOO_LARGE);
    assert_int_equal(used, size);
}

static void
test_codec_decode_8192_bytes_are_the_limit(void **state)
{
    uint8_t bytes[EVENT_BYTES_MAX + 16];
    struct event event;
    size_t used, size = write_wide(bytes, 1, 4096);
    size_t filler = 4096 + EVENT_BYTES_MAX - size;

    (void)state;
    size = write_wide(bytes, 1, filler);
    assert_int_equal(size, EVENT_BYTES_MAX);
    assert_int_equal(decode_copy(codec, bytes, size, &event, &used),
                     CODEC_OK);
    size = write_wide(bytes, 1, filler + 1);
    assert_int_equal(decode_copy(codec, bytes, size, &event, &used),
                     CODEC_TOO_LARGE);
    assert_int_equal(used, size); /* and the next event can be read */
    assert_int_equal(decode_copy(codec, bytes, size - 1, &event, &used),
                     CODEC_TOO_LARGE);
    assert_int_equal(used, 0);
}

/* event_encode() would not write the longer one: it is made of the other. */
static void
test_codec_decode_7168_bytes_of_blob_are_the_limit(void **state)
{
    static const uint8_t blob[EVENT_BLOB_BYTES_MAX];
    static const uint8_t head[] = { 0xa5, 'e', 'v',  'e', 'n',
                                    't',  0xc5, EVENT_BLOB_BYTES_MAX >> 8,
                                    EVENT_BLOB_BYTES_MAX & 0xff };
    uint8_t bytes[EVENT_BYTES_MAX];
    struct event event;
    size_t used, size;
    uint8_t *at;

    (void)state;
    sample_event(&event, EVENT_DEAD_LETTER);
    event.blob = (struct event_blob){ blob, sizeof(blob) };
    assert_int_equal(event_encode(&event, bytes, sizeof(bytes) - 1, &size),
                     RC_OK);
    assert_int_equal(decode_copy(codec, bytes, size, &event, &used),
                     CODEC_OK);
    assert_int_equal(event.blob.bytes, sizeof(blob));
    at = memmem(bytes, size, head, sizeof(head));
    assert_non_null(at);
    at += sizeof(head);
    memmove(at + 1, at, size - (size_t)(at - bytes));
    at[0] = 0;
    at[-1]++;
    assert_int_equal(decode_copy(codec, bytes, size + 1, &event, &used),
                     CODEC_FIELD_RANGE);
    assert_int_equal(used, size + 1);
}

static void
test_codec_decode_cut_anywhere_is_truncated(void **state)
{
    (void)state;
    for (enum event_type type = 1; type < EVENT_TYPE_COUNT; type++) {
        uint8_t bytes[1024];
        size_t length = sample_bytes(type, bytes, sizeof(bytes));
        struct event event;
        size_t used;

        for (size_t size = 0; size < length; size++) {
            assert_int_equal(decode_copy(codec, bytes, size, &event, &used),
                             CODEC_TRUNCATED);
            assert_int_equal(used, 0);
        }
        assert_int_equal(decode_copy(codec, bytes, length, &event, &used),
                         CODEC_OK);
    }
}

/* What was read must be a whole event: writing it breaks no law. */
static void
check_harmless(const uint8_t *bytes, size_t size)
{
    uint8_t again[EVENT_BYTES_MAX];
    struct event event;
    size_t used;

    if (decode_copy(codec, bytes, size, &event, &used) != CODEC_OK)
        return;
    assert_int_equal(event_decode(codec, bytes, size, &event, &used),
                     CODEC_OK);
    assert_int_equal(event_encode(&event, again, sizeof(again), &used), RC_OK);
}

static void
test_codec_decode_flipped_bits_do_no_harm(void **state)
{
    (void)state;
    for (enum event_type type = 1; type < EVENT_TYPE_COUNT; type++) {
        uint8_t bytes[1024];
        size_t length = sample_bytes(type, bytes, sizeof(bytes));

        for (size_t bit = 0; bit < 8 * length; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            check_harmless(bytes, length);
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

/* Heads of all kinds one behind another, with short lengths. */
static void
test_codec_decode_random_msgpack_does_no_harm(void **state)
{
    uint64_t seed = 4711;

    (void)state;
    for (int round = 0; round < 50000; round++) {
        uint8_t bytes[64];

        bytes[0] = (uint8_t)(0x81 + round % 15);
        for (size_t i = 1; i < sizeof(bytes); i++) {
            uint64_t random = random_next(&seed);

            bytes[i] = (uint8_t)(random & 0x300 ? random & 0x07
                                                : 0x80 | (random & 0x7f));
        }
        check_harmless(bytes, 1 + random_next(&seed) % sizeof(bytes));
    }
}

/* Keys in any order mean the same. */
static void
test_codec_decode_any_order_is_the_same_event(void **state)
{
    uint64_t seed = 99;

    (void)state;
    for (enum event_type type = 1; type < EVENT_TYPE_COUNT; type++) {
        uint8_t bytes[1024];
        size_t length = sample_bytes(type, bytes, sizeof(bytes));
        msgpack_unpacked unpacked;
        struct event event, back;
        size_t used;

        msgpack_unpacked_init(&unpacked);
        assert_int_equal(msgpack_unpack_next(&unpacked, (const char *)bytes,
                                             length, NULL),
                         MSGPACK_UNPACK_SUCCESS);
        sample_event(&event, type);
        for (int round = 0; round < 50; round++) {
            msgpack_object_map *map = &unpacked.data.via.map;
            uint32_t a = (uint32_t)(random_next(&seed) % map->size);
            uint32_t b = (uint32_t)(random_next(&seed) % map->size);
            msgpack_object_kv pair = map->ptr[a];
            msgpack_sbuffer out;
            msgpack_packer packer;

            map->ptr[a] = map->ptr[b];
            map->ptr[b] = pair;
            msgpack_sbuffer_init(&out);
            msgpack_packer_init(&packer, &out, msgpack_sbuffer_write);
            msgpack_pack_object(&packer, unpacked.data);
            assert_int_equal(event_decode(codec, (const uint8_t *)out.data,
                                          out.size, &back, &used),
                             CODEC_OK);
            assert_true(same_event(&event, &back));
            msgpack_sbuffer_destroy(&out);
        }
        msgpack_unpacked_destroy(&unpacked);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec_decode_form_is_told_right),
        cmocka_unit_test(test_codec_decode_thousands_deep_is_too_large),
        cmocka_unit_test(test_codec_decode_64_pairs_are_the_limit),
        cmocka_unit_test(test_codec_decode_8192_bytes_are_the_limit),
        cmocka_unit_test(test_codec_decode_7168_bytes_of_blob_are_the_limit),
        cmocka_unit_test(test_codec_decode_cut_anywhere_is_truncated),
        cmocka_unit_test(test_codec_decode_flipped_bits_do_no_harm),
        cmocka_unit_test(test_codec_decode_random_msgpack_does_no_harm),
        cmocka_unit_test(test_codec_decode_any_order_is_the_same_event),
    };

    return cmocka_run_group_tests(tests, open_codec, close_codec);
}
