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

/* One valid event with one thing changed: the value of a key (NULL: the pair
 * is left out), or a pair more, its key raw. */
enum how { REPLACE, REMOVE, APPEND };

struct edit {
    const char *name;
    enum event_type type;
    enum how how;
    const char *key;
    const char *raw; /* APPEND: key and value */
    size_t raw_bytes;
    enum codec_refusal refusal;
};

static void
write_raw(msgpack_sbuffer *out, const char *raw, size_t bytes)
{
    assert_int_equal(msgpack_sbuffer_write(out, raw, bytes), 0);
}

static void
apply_edit(const struct edit *edit, const msgpack_object_map *map,
           msgpack_sbuffer *out)
{
    msgpack_packer packer;
    bool found = edit->how == APPEND;

    msgpack_packer_init(&packer, out, msgpack_sbuffer_write);
    msgpack_pack_map(&packer, map->size + (edit->how == APPEND)
                                  - (edit->how == REMOVE));
    for (uint32_t i = 0; i < map->size; i++) {
        const msgpack_object_str *key = &map->ptr[i].key.via.str;
        bool hit = edit->how != APPEND && strlen(edit->key) == key->size
                   && memcmp(edit->key, key->ptr, key->size) == 0;

        found |= hit;
        if (hit && edit->how == REMOVE)
            continue;
        msgpack_pack_object(&packer, map->ptr[i].key);
        if (hit)
            write_raw(out, edit->raw, edit->raw_bytes);
        else
            msgpack_pack_object(&packer, map->ptr[i].val);
    }
    if (edit->how == APPEND)
        write_raw(out, edit->raw, edit->raw_bytes);
    if (!found)
        fail_msg("%s: the sample has no %s", edit->name, edit->key);
}

static enum codec_refusal
decode_edited(const struct edit *edit)
{
    uint8_t bytes[EVENT_BYTES_MAX];
    size_t length = sample_bytes(edit->type, bytes, sizeof(bytes));
    msgpack_unpacked unpacked;
    msgpack_sbuffer out;
    struct event event;
    size_t used;
    enum codec_refusal refusal;

    msgpack_unpacked_init(&unpacked);
    msgpack_sbuffer_init(&out);
    assert_int_equal(msgpack_unpack_next(&unpacked, (const char *)bytes,
                                         length, NULL),
                     MSGPACK_UNPACK_SUCCESS);
    apply_edit(edit, &unpacked.data.via.map, &out);
    refusal = decode_copy(codec, out.data, out.size, &event, &used);
    if (used != out.size) /* it is a whole map, so its length can be told */
        fail_msg("%s: used %zu of %zu", edit->name, used, out.size);
    msgpack_sbuffer_destroy(&out);
    msgpack_unpacked_destroy(&unpacked);
    return refusal;
}

#define ID_TOO_LARGE RAW("\xcf\x00\x20\x00\x00\x00\x00\x00\x00") /* 2^53 */
#define ID_LARGEST RAW("\xcf\x00\x1f\xff\xff\xff\xff\xff\xff")
#define MONEY_LEAST RAW("\xd3\xff\xe0\x00\x00\x00\x00\x00\x01")
#define MONEY_TOO_LITTLE RAW("\xd3\xff\xe0\x00\x00\x00\x00\x00\x00")
#define U64_MAX RAW("\xcf\xff\xff\xff\xff\xff\xff\xff\xff")
#define ONE_FLOAT RAW("\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00") /* 1.0 */
#define NIL RAW("\xc0")
#define MINUS_ONE RAW("\xff")
#define ZERO RAW("\x00")
#define ONE RAW("\x01")
#define EMPTY RAW("\xa0")
#define SHORT_TEXT RAW("\xa1x")
#define TRACE_36 "4bf92f3577b34da6a3ce929d0e0e4736"
#define DIGITS_30 "123456789012345678901234567890"

#define P EVENT_ORDER_PURCHASE
static const struct edit edits[] = {
    /* The map's own keys. */
    { "key_integer", P, APPEND, NULL, RAW("\x01\x01"), CODEC_KEY_NOT_STRING },
    { "key_bin", P, APPEND, NULL, RAW("\xc4\x01x\x01"), CODEC_KEY_NOT_STRING },
    { "key_nil", P, APPEND, NULL, RAW("\xc0\x01"), CODEC_KEY_NOT_STRING },
    { "key_map", P, APPEND, NULL, RAW("\x80\x01"), CODEC_KEY_NOT_STRING },
    { "id_twice", P, APPEND, NULL, RAW("\xa2id\x07"), CODEC_KEY_REPEATED },
    { "type_twice", P, APPEND, NULL, RAW("\xa4type\xadOrderPurchase"),
      CODEC_KEY_REPEATED },
    { "version_twice", P, APPEND, NULL, RAW("\xa7version\x01"),
      CODEC_KEY_REPEATED },
    { "field_twice", P, APPEND, NULL, RAW("\xa5price\x01"),
      CODEC_KEY_REPEATED },
    { "field_twice_as_str8", P, APPEND, NULL, RAW("\xd9\x05price\x01"),
      CODEC_KEY_REPEATED },

    /* Unknown keys, whatever they hold. */
    { "unknown_key", P, APPEND, NULL, RAW("\xa1x\x01"), CODEC_OK },
    { "unknown_empty_key", P, APPEND, NULL, RAW("\xa0\x01"), CODEC_OK },
    { "unknown_key_is_case", P, APPEND, NULL, RAW("\xa5Price\x01"), CODEC_OK },
    { "unknown_key_not_utf8", P, APPEND, NULL, RAW("\xa1\xff\x01"), CODEC_OK },
    { "unknown_nil", P, APPEND, NULL, RAW("\xa1x\xc0"), CODEC_OK },
    { "unknown_float", P, APPEND, NULL, RAW("\xa1x\xca\x7f\xc0\x00\x00"),
      CODEC_OK },
    { "unknown_ext", P, APPEND, NULL, RAW("\xa1x\xd6\xff\x00\x00\x00\x00"),
      CODEC_OK },
    { "unknown_ext8_empty", P, APPEND, NULL, RAW("\xa1x\xc7\x00\x05"),
      CODEC_OK },
    { "unknown_nested", P, APPEND, NULL,
      RAW("\xa1x\x82\x01\x93\x01\xa5price\xc3\xc0\x81\x90\x80"), CODEC_OK },
    { "unknown_nested_8_deep", P, APPEND, NULL,
      RAW("\xa1x\x91\x91\x91\x91\x91\x91\x91\x01"), CODEC_OK },
    { "unknown_nested_9_deep", P, APPEND, NULL,
      RAW("\xa1x\x91\x91\x91\x91\x91\x91\x91\x91\x01"), CODEC_TOO_LARGE },
    { "unknown_nested_8_deep_around_an_empty_array", P, APPEND, NULL,
      RAW("\xa1x\x91\x91\x91\x91\x91\x91\x91\x90"), CODEC_OK },
    { "unknown_nested_8_deep_around_an_empty_map", P, APPEND, NULL,
      RAW("\xa1x\x91\x91\x91\x91\x91\x91\x91\x80"), CODEC_OK },
    { "unknown_nested_9_deep_around_an_empty_array", P, APPEND, NULL,
      RAW("\xa1x\x91\x91\x91\x91\x91\x91\x91\x91\x90"), CODEC_TOO_LARGE },
    { "foreign_field_is_unknown", P, APPEND, NULL, RAW("\xa7" "balance\xc0"),
      CODEC_OK },

    /* Type and version. */
    { "type_missing", P, REMOVE, "type", NULL, 0, CODEC_FIELD_MISSING },
    { "type_integer", P, REPLACE, "type", ONE, CODEC_FIELD_TYPE },
    { "type_bin", P, REPLACE, "type", RAW("\xc4\x0dOrderPurchase"),
      CODEC_FIELD_TYPE },
    { "type_empty", P, REPLACE, "type", EMPTY, CODEC_UNKNOWN_TYPE },
    { "type_unknown", P, REPLACE, "type", RAW("\xa5Order"),
      CODEC_UNKNOWN_TYPE },
    { "type_with_nul", P, REPLACE, "type", RAW("\xaeOrderPurchase\x00"),
      CODEC_UNKNOWN_TYPE },
    { "version_missing", P, REMOVE, "version", NULL, 0, CODEC_FIELD_MISSING },
    { "version_0", P, REPLACE, "version", ZERO, CODEC_UNKNOWN_VERSION },
    { "version_2", P, REPLACE, "version", RAW("\x02"), CODEC_UNKNOWN_VERSION },
    { "version_negative", P, REPLACE, "version", MINUS_ONE,
      CODEC_UNKNOWN_VERSION },
    { "version_huge", P, REPLACE, "version", U64_MAX, CODEC_UNKNOWN_VERSION },
    { "version_float", P, REPLACE, "version", ONE_FLOAT, CODEC_FIELD_TYPE },
    { "version_string", P, REPLACE, "version", RAW("\xa1" "1"),
      CODEC_FIELD_TYPE },

    /* The other attributes. */
    { "id_missing", P, REMOVE, "id", NULL, 0, CODEC_FIELD_MISSING },
    { "id_0", P, REPLACE, "id", ZERO, CODEC_FIELD_RANGE },
    { "id_negative", P, REPLACE, "id", MINUS_ONE, CODEC_FIELD_RANGE },
    { "id_float", P, REPLACE, "id", ONE_FLOAT, CODEC_FIELD_TYPE },
    { "id_largest", P, REPLACE, "id", U64_MAX, CODEC_OK },
    { "source_missing", P, REMOVE, "source", NULL, 0, CODEC_FIELD_MISSING },
    { "source_bin", P, REPLACE, "source", RAW("\xc4\x01g"), CODEC_FIELD_TYPE },
    { "source_empty", P, REPLACE, "source", EMPTY, CODEC_FIELD_RANGE },
    { "source_form", P, REPLACE, "source", RAW("\xa2g/"), CODEC_FIELD_RANGE },
    { "source_with_nul", P, REPLACE, "source", RAW("\xa2g\x00"),
      CODEC_FIELD_RANGE },
    { "source_31", P, REPLACE, "source", RAW("\xbf" "g" DIGITS_30),
      CODEC_OK },
    { "source_32", P, REPLACE, "source", RAW("\xd9\x20gg" DIGITS_30),
      CODEC_FIELD_RANGE },
    { "time_missing", P, REMOVE, "time", NULL, 0, CODEC_FIELD_MISSING },
    { "time_0", P, REPLACE, "time", ZERO, CODEC_OK },
    { "time_negative", P, REPLACE, "time", MINUS_ONE, CODEC_FIELD_RANGE },
    { "time_float", P, REPLACE, "time", ONE_FLOAT, CODEC_FIELD_TYPE },
    { "time_ext", P, REPLACE, "time", RAW("\xd6\xff\x00\x00\x00\x00"),
      CODEC_FIELD_TYPE },
    { "time_end_of_9999", P, REPLACE, "time",
      RAW("\xcf\x03\x84\x44\x0c\xcc\x73\x5f\xff"), CODEC_OK },
    { "time_year_10000", P, REPLACE, "time",
      RAW("\xcf\x03\x84\x44\x0c\xcc\x73\x60\x00"), CODEC_FIELD_RANGE },
    { "time_huge", P, REPLACE, "time", U64_MAX, CODEC_FIELD_RANGE },
    { "traceparent_missing", P, REMOVE, "traceparent", NULL, 0, CODEC_OK },
    { "traceparent_nil", P, REPLACE, "traceparent", NIL, CODEC_FIELD_TYPE },
    { "traceparent_empty", P, REPLACE, "traceparent", EMPTY,
      CODEC_FIELD_RANGE },
    { "traceparent_version", P, REPLACE, "traceparent",
      RAW("\xd9\x37" "01-" TRACE_36 "-00f067aa0ba902b7-01"),
      CODEC_FIELD_RANGE },
    { "traceparent_upper_case", P, REPLACE, "traceparent",
      RAW("\xd9\x37" "00-" TRACE_36 "-00F067aa0ba902b7-01"),
      CODEC_FIELD_RANGE },
    { "traceparent_long", P, REPLACE, "traceparent",
      RAW("\xd9\x38" "00-" TRACE_36 "-00f067aa0ba902b7-011"),
      CODEC_FIELD_RANGE },

    /* ID */
    { "order_missing", P, REMOVE, "orderId", NULL, 0, CODEC_FIELD_MISSING },
    { "order_0", P, REPLACE, "orderId", ZERO, CODEC_FIELD_RANGE },
    { "order_negative", P, REPLACE, "orderId", MINUS_ONE, CODEC_FIELD_RANGE },
    { "order_largest", P, REPLACE, "orderId", ID_LARGEST, CODEC_OK },
    { "order_too_large", P, REPLACE, "orderId", ID_TOO_LARGE,
      CODEC_FIELD_RANGE },
    { "order_float", P, REPLACE, "orderId", ONE_FLOAT, CODEC_FIELD_TYPE },
    { "order_string", P, REPLACE, "orderId", RAW("\xa1" "1"),
      CODEC_FIELD_TYPE },
    { "order_true", P, REPLACE, "orderId", RAW("\xc3"), CODEC_FIELD_TYPE },
    { "order_nil", P, REPLACE, "orderId", NIL, CODEC_FIELD_TYPE },
    { "order_wider_than_needed", P, REPLACE, "orderId",
      RAW("\xcf\x00\x00\x00\x00\x00\x00\x00\x01"), CODEC_OK },
    { "order_as_signed", P, REPLACE, "orderId",
      RAW("\xd3\x00\x00\x00\x00\x00\x00\x00\x01"), CODEC_OK },

    /* COUNT */
    { "quantity_missing", P, REMOVE, "quantity", NULL, 0,
      CODEC_FIELD_MISSING },
    { "quantity_0", P, REPLACE, "quantity", ZERO, CODEC_FIELD_RANGE },
    { "quantity_1000", P, REPLACE, "quantity", RAW("\xcd\x03\xe8"), CODEC_OK },
    { "quantity_1001", P, REPLACE, "quantity", RAW("\xcd\x03\xe9"),
      CODEC_FIELD_RANGE },
    { "quantity_float", P, REPLACE, "quantity", ONE_FLOAT, CODEC_FIELD_TYPE },

    /* MONEY */
    { "price_missing", P, REMOVE, "price", NULL, 0, CODEC_FIELD_MISSING },
    { "price_0", P, REPLACE, "price", ZERO, CODEC_OK },
    { "price_negative", P, REPLACE, "price", MINUS_ONE, CODEC_OK },
    { "price_largest", P, REPLACE, "price", ID_LARGEST, CODEC_OK },
    { "price_too_large", P, REPLACE, "price", ID_TOO_LARGE,
      CODEC_FIELD_RANGE },
    { "price_least", P, REPLACE, "price", MONEY_LEAST, CODEC_OK },
    { "price_too_little", P, REPLACE, "price", MONEY_TOO_LITTLE,
      CODEC_FIELD_RANGE },
    { "price_over_int64", P, REPLACE, "price", U64_MAX, CODEC_FIELD_RANGE },
    { "price_float", P, REPLACE, "price", ONE_FLOAT, CODEC_FIELD_TYPE },
    { "price_float32", P, REPLACE, "price", RAW("\xca\x3f\x80\x00\x00"),
      CODEC_FIELD_TYPE },
    { "price_string", P, REPLACE, "price", RAW("\xa5" "50.00"),
      CODEC_FIELD_TYPE },

    /* CURRENCY */
    { "currency_missing", P, REMOVE, "currency", NULL, 0,
      CODEC_FIELD_MISSING },
    { "currency_lower_case", P, REPLACE, "currency", RAW("\xa3" "eur"),
      CODEC_FIELD_RANGE },
    { "currency_short", P, REPLACE, "currency", RAW("\xa2" "EU"),
      CODEC_FIELD_RANGE },
    { "currency_long", P, REPLACE, "currency", RAW("\xa4" "EURO"),
      CODEC_FIELD_RANGE },
    { "currency_with_nul", P, REPLACE, "currency", RAW("\xa3" "EU\x00"),
      CODEC_FIELD_RANGE },
    { "currency_empty", P, REPLACE, "currency", EMPTY, CODEC_FIELD_RANGE },
    { "currency_integer", P, REPLACE, "currency", ONE, CODEC_FIELD_TYPE },

    /* REFUSAL, PAYMENT, TRANSACTION, CHANGE */
    { "reason_missing", EVENT_PAYMENT, REMOVE, "reason", NULL, 0, CODEC_OK },
    { "reason_required", EVENT_ORDER_CANCEL, REMOVE, "reason", NULL, 0,
      CODEC_FIELD_MISSING },
    { "reason_empty", EVENT_PAYMENT, REPLACE, "reason", EMPTY,
      CODEC_FIELD_RANGE },
    { "reason_unknown", EVENT_PAYMENT, REPLACE, "reason", SHORT_TEXT,
      CODEC_FIELD_RANGE },
    { "reason_nil", EVENT_PAYMENT, REPLACE, "reason", NIL, CODEC_FIELD_TYPE },
    { "reason_integer", EVENT_PAYMENT, REPLACE, "reason", ONE,
      CODEC_FIELD_TYPE },
    { "payment_status_missing", EVENT_PAYMENT, REMOVE, "status", NULL, 0,
      CODEC_FIELD_MISSING },
    { "payment_status_of_a_transaction", EVENT_PAYMENT, REPLACE, "status",
      RAW("\xaaSUCCESSFUL"), CODEC_FIELD_RANGE },
    { "payment_status_empty", EVENT_PAYMENT, REPLACE, "status", EMPTY,
      CODEC_FIELD_RANGE },
    { "payment_status_integer", EVENT_PAYMENT, REPLACE, "status", ONE,
      CODEC_FIELD_TYPE },
    { "transaction_status_of_a_payment", EVENT_TRANSACTION, REPLACE, "status",
      RAW("\xa8" "APPROVED"), CODEC_FIELD_RANGE },
    { "transaction_status_integer", EVENT_TRANSACTION, REPLACE, "status", ONE,
      CODEC_FIELD_TYPE },
    { "transaction_id_missing", EVENT_TRANSACTION, REMOVE, "transactionId",
      NULL, 0, CODEC_OK },
    { "transaction_id_0", EVENT_TRANSACTION, REPLACE, "transactionId", ZERO,
      CODEC_FIELD_RANGE },
    { "kind_unknown", EVENT_ACCOUNT_CHANGED, REPLACE, "kind", SHORT_TEXT,
      CODEC_FIELD_RANGE },
    { "kind_integer", EVENT_ACCOUNT_CHANGED, REPLACE, "kind", ONE,
      CODEC_FIELD_TYPE },

    /* TIME, NUMBER, TEXT, BLOB */
    { "decided_negative", EVENT_TRANSACTION, REPLACE, "decidedAt", MINUS_ONE,
      CODEC_FIELD_RANGE },
    { "decided_float", EVENT_TRANSACTION, REPLACE, "decidedAt", ONE_FLOAT,
      CODEC_FIELD_TYPE },
    { "offset_0", EVENT_DEAD_LETTER, REPLACE, "offset", ZERO, CODEC_OK },
    { "offset_negative", EVENT_DEAD_LETTER, REPLACE, "offset", MINUS_ONE,
      CODEC_FIELD_RANGE },
    { "offset_too_large", EVENT_DEAD_LETTER, REPLACE, "offset", ID_TOO_LARGE,
      CODEC_FIELD_RANGE },
    { "offset_float", EVENT_DEAD_LETTER, REPLACE, "offset", ONE_FLOAT,
      CODEC_FIELD_TYPE },
    { "cause_empty", EVENT_DEAD_LETTER, REPLACE, "cause", EMPTY,
      CODEC_FIELD_RANGE },
    { "cause_31", EVENT_DEAD_LETTER, REPLACE, "cause",
      RAW("\xbf~" DIGITS_30), CODEC_OK },
    { "cause_32", EVENT_DEAD_LETTER, REPLACE, "cause",
      RAW("\xd9\x20~~" DIGITS_30), CODEC_FIELD_RANGE },
    { "cause_utf8", EVENT_DEAD_LETTER, REPLACE, "cause", RAW("\xa2\xc3\xa4"),
      CODEC_FIELD_RANGE },
    { "cause_newline", EVENT_DEAD_LETTER, REPLACE, "cause", RAW("\xa1\n"),
      CODEC_FIELD_RANGE },
    { "cause_nul", EVENT_DEAD_LETTER, REPLACE, "cause", RAW("\xa2x\x00"),
      CODEC_FIELD_RANGE },
    { "cause_bin", EVENT_DEAD_LETTER, REPLACE, "cause", RAW("\xc4\x01x"),
      CODEC_FIELD_TYPE },
    { "event_empty", EVENT_DEAD_LETTER, REPLACE, "event", RAW("\xc4\x00"),
      CODEC_OK },
    { "event_string", EVENT_DEAD_LETTER, REPLACE, "event", SHORT_TEXT,
      CODEC_FIELD_TYPE },
    { "event_map", EVENT_DEAD_LETTER, REPLACE, "event", RAW("\x81\xa1x\x01"),
      CODEC_FIELD_TYPE },
};
#undef P

static void
test_codec_decode_edited_event_is_told_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(edits); i++) {
        enum codec_refusal refusal = decode_edited(&edits[i]);

        if (refusal != edits[i].refusal)
            fail_msg("%s: %s, not %s", edits[i].name,
                     codec_refusal_name(refusal),
                     codec_refusal_name(edits[i].refusal));
    }
}

/* Every required key, one by one. */
static void
test_codec_decode_missing_required_is_refused(void **state)
{
    (void)state;
    for (enum event_type type = 1; type < EVENT_TYPE_COUNT; type++)
        for (unsigned i = 0; i < EVENT_FIELD_COUNT; i++) {
            struct edit edit = { .name = event_fields[i].name, .type = type,
                                 .how = REMOVE, .key = event_fields[i].name };
            bool required = event_types[type].required & EVENT_HAS(i);

            if (required || event_types[type].optional & EVENT_HAS(i))
                assert_int_equal(decode_edited(&edit),
                                 required ? CODEC_FIELD_MISSING : CODEC_OK);
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec_decode_edited_event_is_told_right),
        cmocka_unit_test(test_codec_decode_missing_required_is_refused),
    };

    return cmocka_run_group_tests(tests, open_codec, close_codec);
}
