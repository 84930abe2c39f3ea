#include "sample_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t blob_bytes[EVENT_BLOB_BYTES_MAX] = { 0x81, 0xa1, 'x' };

/* Only the type's fields may hold values: what is not sent comes back 0. */
static void
set_field(struct event *event, enum event_field field, uint64_t number,
          const char *text)
{
    void *member = (char *)event + event_fields[field].member;

    switch (event_fields[field].kind) {
    case KIND_ID:
    case KIND_NUMBER:
    case KIND_COUNT:
    case KIND_MONEY:
    case KIND_TIME:
        memcpy(member, &number, sizeof(number));
        break;
    case KIND_REFUSAL:
        event->reason = (enum refusal)number;
        break;
    case KIND_PAYMENT:
        event->payment_status = (enum payment_status)number;
        break;
    case KIND_TRANSACTION:
        event->transaction_status = (enum transaction_status)number;
        break;
    case KIND_CHANGE:
        event->change = (enum account_change)number;
        break;
    case KIND_CURRENCY:
    case KIND_TEXT:
        memcpy(member, text, strlen(text) + 1);
        break;
    case KIND_BLOB:
        event->blob.data = blob_bytes;
        event->blob.bytes = number;
        break;
    }
    event->present |= EVENT_HAS(field);
}

void
sample_event(struct event *event, enum event_type type)
{
    uint32_t fields = event_types[type].required | event_types[type].optional;

    event_init(event, type);
    event->id = 7;
    event->time_us = INT64_C(1700000000123456);
    strcpy(event->source, "gateway");
    strcpy(event->traceparent,
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    for (uint32_t rest = fields; rest != 0; rest &= rest - 1) {
        enum event_field field = (enum event_field)__builtin_ctz(rest);

        set_field(event, field, 1,
                  event_fields[field].kind == KIND_CURRENCY ? "EUR" : "word");
    }
}

void
sample_order(struct event *event)
{
    event_init(event, EVENT_ORDER_PURCHASE);
    event->order.value = event->user.value = event->product.value = 1;
    event->quantity = 1;
    event->price.minor = 5000;
    memcpy(event->currency, "USD", sizeof "USD");
    memcpy(event->source, "gateway", sizeof "gateway");
}

size_t
sample_bytes(enum event_type type, uint8_t *bytes, size_t size)
{
    struct event event;
    size_t used = 0;

    sample_event(&event, type);
    invariant(event_encode(&event, bytes, size, &used) == RC_OK);
    return used;
}

enum codec_refusal
decode_copy(struct codec *codec, const void *data, size_t size,
            struct event *event_out, size_t *used_out)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    enum codec_refusal refusal;

    invariant(copy != NULL);
    memcpy(copy, data, size);
    refusal = event_decode(codec, copy, size, event_out, used_out);
    free(copy);
    if (refusal == CODEC_OK)
        event_out->blob.data = NULL;
    invariant(*used_out <= size);
    return refusal;
}

uint64_t
random_next(uint64_t *seed)
{
    uint64_t value = *seed += UINT64_C(0x9e3779b97f4a7c15);

    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

/* Of all widths, and one time in four an end of the range. */
static int64_t
random_in(uint64_t *seed, int64_t min, int64_t max)
{
    uint64_t choice = random_next(seed);
    uint64_t value = random_next(seed) >> (choice >> 8) % 64;

    if (choice % 8 == 0)
        return min;
    if (choice % 8 == 1)
        return max;
    return min + (int64_t)(value % ((uint64_t)(max - min) + 1));
}

static void
random_text(uint64_t *seed, char *text, char first, char last, size_t length)
{
    for (size_t i = 0; i < length; i++)
        text[i] = (char)random_in(seed, first, last);
    text[length] = '\0';
}

static void
random_field(struct event *event, enum event_field field, uint64_t *seed)
{
    static const struct {
        int64_t min, max;
    } ranges[] = {
        [KIND_ID] = { 1, ID_MAX },
        [KIND_COUNT] = { 1, QUANTITY_MAX },
        [KIND_MONEY] = { -MONEY_MINOR_MAX, MONEY_MINOR_MAX },
        [KIND_TIME] = { 0, EVENT_TIME_US_MAX },
        [KIND_NUMBER] = { 0, ID_MAX },
        [KIND_REFUSAL] = { 1, REFUSAL_COUNT - 1 },
        [KIND_PAYMENT] = { 1, PAYMENT_STATUS_COUNT - 1 },
        [KIND_TRANSACTION] = { 1, TRANSACTION_STATUS_COUNT - 1 },
        [KIND_CHANGE] = { 1, ACCOUNT_CHANGE_COUNT - 1 },
        [KIND_CURRENCY] = { 0, 0 },
        [KIND_TEXT] = { 1, EVENT_TEXT_BYTES - 1 },
        [KIND_BLOB] = { 0, EVENT_BLOB_BYTES_MAX },
    };
    enum field_kind kind = event_fields[field].kind;
    int64_t number = random_in(seed, ranges[kind].min, ranges[kind].max);
    char text[EVENT_TEXT_BYTES] = "";

    if (kind == KIND_CURRENCY)
        random_text(seed, text, 'A', 'Z', CURRENCY_BYTES - 1);
    else if (kind == KIND_TEXT)
        random_text(seed, text, ' ', '~', (size_t)number);
    set_field(event, field, (uint64_t)number, text);
}

void
random_event(struct event *event, enum event_type type, uint64_t *seed)
{
    const struct event_type_info *info = &event_types[type];
    uint32_t optional = info->optional & (uint32_t)random_next(seed);

    event_init(event, type);
    event->id = (uint64_t)random_in(seed, 1, INT64_MAX);
    if (random_next(seed) % 8 == 0)
        event->id = UINT64_MAX;
    event->time_us = random_in(seed, 0, EVENT_TIME_US_MAX);
    random_text(seed, event->source, 'a', 'z', (size_t)random_in(seed, 1, 31));
    if (random_next(seed) & 1)
        snprintf(event->traceparent, sizeof(event->traceparent),
                 "00-%016lx%016lx-%016lx-%02x", random_next(seed),
                 random_next(seed), random_next(seed),
                 (unsigned)random_next(seed) & 0xff);
    for (uint32_t rest = info->required | optional; rest; rest &= rest - 1)
        random_field(event, (enum event_field)__builtin_ctz(rest), seed);
}

bool
same_event(const struct event *a, const struct event *b)
{
    struct event copy = *b;

    if (a->blob.bytes != b->blob.bytes)
        return false;
    if (a->blob.bytes > 0
        && memcmp(a->blob.data, b->blob.data, a->blob.bytes) != 0)
        return false;
    copy.blob.data = a->blob.data;
    return memcmp(a, &copy, sizeof(copy)) == 0;
}
