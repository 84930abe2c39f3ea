#include "saga/report.h"

#include <msgpack.h>
#include <string.h>

#include "saga/codec_internal.h"

enum report_kind { REPORT_NUMBER, REPORT_HISTOGRAM };

static const struct report_field {
    const char *name;
    enum report_kind kind;
    size_t member;
} fields[] = {
#define N(member, name)                                                        \
    { name, REPORT_NUMBER, offsetof(struct report, member) },
    REPORT_NUMBERS(N)
#undef N
#define H(member, name, bounds)                                                \
    { name, REPORT_HISTOGRAM, offsetof(struct report, member) },
    REPORT_HISTOGRAMS(H)
#undef H
};

#define NAME_BYTES_MAX 15 /* and one octet before it */
#define NUMBER_BYTES_MAX 9

_Static_assert(3 + ARRAY_COUNT(fields) * (1 + NAME_BYTES_MAX +
                                          NUMBER_BYTES_MAX) +
                       2 * (3 + (HISTOGRAM_BUCKETS + 1) * NUMBER_BYTES_MAX) <=
                   REPORT_BYTES_MAX,
               "every report fits");
_Static_assert(REPORT_BYTES_MAX <= EVENT_BYTES_MAX &&
                   ARRAY_COUNT(fields) <= CODEC_PAIRS_MAX,
               "codec_scan() lets every report pass");

struct sink {
    uint8_t *data;
    size_t used;
};

static int
sink_write(void *context, const char *bytes, size_t count)
{
    struct sink *sink = context;

    invariant(count <= REPORT_BYTES_MAX - sink->used);
    memcpy(sink->data + sink->used, bytes, count);
    sink->used += count;
    return 0;
}

static void
pack_histogram(msgpack_packer *packer, const struct histogram *histogram)
{
    msgpack_pack_array(packer, HISTOGRAM_BUCKETS + 1);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        msgpack_pack_uint64(packer, histogram->counts[i]);
    msgpack_pack_uint64(packer, histogram->sum);
}

size_t
report_encode(const struct report *report, uint8_t buffer[REPORT_BYTES_MAX])
{
    struct sink sink = { .data = buffer };
    msgpack_packer packer;

    msgpack_packer_init(&packer, &sink, sink_write);
    msgpack_pack_map(&packer, ARRAY_COUNT(fields));
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
        const void *member = (const char *)report + fields[i].member;

        msgpack_pack_str_with_body(&packer, fields[i].name,
                                   strlen(fields[i].name));
        if (fields[i].kind == REPORT_NUMBER)
            msgpack_pack_uint64(&packer, *(const uint64_t *)member);
        else
            pack_histogram(&packer, member);
    }
    return sink.used;
}

static enum rc
read_number(const msgpack_object *value, uint64_t *number)
{
    if (value->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return RC_MALFORMED;
    *number = value->via.u64;
    return RC_OK;
}

static enum rc
read_histogram(const msgpack_object *value, struct histogram *histogram)
{
    const msgpack_object_array *array = &value->via.array;
    enum rc rc = RC_OK;

    if (value->type != MSGPACK_OBJECT_ARRAY ||
        array->size != HISTOGRAM_BUCKETS + 1)
        return RC_MALFORMED;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && rc == RC_OK; i++)
        rc = read_number(&array->ptr[i], &histogram->counts[i]);
    return rc != RC_OK ? rc
                       : read_number(&array->ptr[HISTOGRAM_BUCKETS],
                                     &histogram->sum);
}

static enum rc
read_pair(const msgpack_object_kv *pair, struct report *report)
{
    const msgpack_object_str *key = &pair->key.via.str;

    if (pair->key.type != MSGPACK_OBJECT_STR)
        return RC_MALFORMED;
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
        void *member = (char *)report + fields[i].member;

        if (strlen(fields[i].name) != key->size ||
            memcmp(fields[i].name, key->ptr, key->size) != 0)
            continue;
        return fields[i].kind == REPORT_NUMBER
                   ? read_number(&pair->val, member)
                   : read_histogram(&pair->val, member);
    }
    return RC_OK;
}

enum rc
report_decode(struct report *report_out, const uint8_t *data, size_t size)
{
    msgpack_unpacked unpacked;
    msgpack_unpack_return result;
    size_t used = 0;
    enum rc rc = RC_OK;

    memset(report_out, 0, sizeof(*report_out));
    if (size > REPORT_BYTES_MAX ||
        codec_scan(data, size, &used) != CODEC_OK || used != size)
        return RC_MALFORMED;
    msgpack_unpacked_init(&unpacked);
    used = 0;
    result = msgpack_unpack_next(&unpacked, (const char *)data, size, &used);
    if (result != MSGPACK_UNPACK_SUCCESS)
        rc = result == MSGPACK_UNPACK_NOMEM_ERROR ? RC_NO_MEMORY : RC_MALFORMED;
    else
        for (uint32_t i = 0; i < unpacked.data.via.map.size && rc == RC_OK; i++)
            rc = read_pair(&unpacked.data.via.map.ptr[i], report_out);
    msgpack_unpacked_destroy(&unpacked);
    return rc;
}
