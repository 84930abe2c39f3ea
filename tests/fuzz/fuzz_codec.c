/*
 * Events from any octets.  What decodes is written again and reads back the
 * same, to the same octets; what is cut short is told to be; what the reader
 * says about lengths lies within what it was given.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "../support/sample_event.h"

static size_t
encode(const struct event *event, uint8_t *bytes)
{
    size_t used = 0;

    invariant(event_encode(event, bytes, EVENT_BYTES_MAX, &used) == RC_OK);
    invariant(used > 0 && used <= EVENT_BYTES_MAX);
    return used;
}

static void
check_written_again(struct codec *codec, const struct event *event)
{
    uint8_t once[EVENT_BYTES_MAX];
    uint8_t twice[EVENT_BYTES_MAX];
    struct event again;
    size_t bytes = encode(event, once);
    size_t used;

    invariant(event_decode(codec, once, bytes, &again, &used) == CODEC_OK);
    invariant(used == bytes);
    invariant(same_event(event, &again));
    invariant(encode(&again, twice) == bytes);
    invariant(memcmp(once, twice, bytes) == 0);
}

static void
check_number(const void *member, int64_t min, int64_t max)
{
    int64_t number;

    memcpy(&number, member, sizeof number);
    invariant(number >= min && number <= max);
}

static void
check_text(const void *member, size_t size)
{
    size_t bytes = strnlen(member, size);

    invariant(bytes >= 1 && bytes < size);
}

/* What docs/EVENTS.md promises of each kind. */
static void
check_field(const struct event *event, enum event_field field)
{
    const void *member = (const char *)event + event_fields[field].member;

    switch (event_fields[field].kind) {
    case KIND_ID: check_number(member, 1, (int64_t)ID_MAX); break;
    case KIND_NUMBER: check_number(member, 0, (int64_t)ID_MAX); break;
    case KIND_COUNT: check_number(member, 1, QUANTITY_MAX); break;
    case KIND_TIME: check_number(member, 0, EVENT_TIME_US_MAX); break;
    case KIND_MONEY:
        check_number(member, -MONEY_MINOR_MAX, MONEY_MINOR_MAX);
        break;
    case KIND_REFUSAL: invariant(event->reason < REFUSAL_COUNT); break;
    case KIND_PAYMENT:
        invariant(event->payment_status < PAYMENT_STATUS_COUNT);
        break;
    case KIND_TRANSACTION:
        invariant(event->transaction_status < TRANSACTION_STATUS_COUNT);
        break;
    case KIND_CHANGE: invariant(event->change < ACCOUNT_CHANGE_COUNT); break;
    case KIND_CURRENCY: invariant(strlen(member) == 3); break;
    case KIND_TEXT: check_text(member, EVENT_TEXT_BYTES); break;
    case KIND_BLOB:
        invariant(event->blob.bytes <= EVENT_BLOB_BYTES_MAX);
        break;
    }
}

static void
check_ranges(const struct event *event)
{
    const struct event_type_info *type = &event_types[event->type];

    invariant(event->type > EVENT_NONE && event->type < EVENT_TYPE_COUNT);
    invariant((event->present & type->required) == type->required);
    invariant((event->present & ~(type->required | type->optional)) == 0);
    invariant(topic_name_valid(event->source));
    invariant(event->id >= 1);
    check_number(&event->time_us, 0, EVENT_TIME_US_MAX);
    for (uint32_t rest = event->present; rest != 0; rest &= rest - 1)
        check_field(event, (enum event_field)__builtin_ctz(rest));
}

/* The octets are copied, so that the sanitizer sees where they end. */
static void
check_cut(struct codec *codec, const uint8_t *data, size_t bytes)
{
    struct event event;
    size_t used;

    invariant(decode_copy(codec, data, bytes, &event, &used) ==
              CODEC_TRUNCATED);
    invariant(used == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct codec *codec;
    size_t at = 0;
    size_t used = 1;

    if (codec == NULL)
        invariant(codec_new(&codec) == RC_OK);
    /* A batch: one behind another, as a reader of a stream does it. */
    for (; at < size && used > 0; at += used) {
        struct event event;
        enum codec_refusal refusal =
            event_decode(codec, data + at, size - at, &event, &used);

        invariant(refusal < CODEC_REFUSAL_COUNT);
        invariant(codec_refusal_name(refusal)[0] != '\0');
        invariant(used <= size - at);
        if (refusal != CODEC_OK)
            continue;
        invariant(used > 0);
        check_ranges(&event);
        check_written_again(codec, &event);
        check_cut(codec, data + at, used - 1);
        check_cut(codec, data + at, used / 2);
    }
    return 0;
}
