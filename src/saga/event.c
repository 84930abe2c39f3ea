#include "saga/event.h"

#include <string.h>

#define HAS(field) EVENT_HAS(FIELD_##field)

const struct event_type_info event_types[EVENT_TYPE_COUNT] = {
    [EVENT_NONE] = { "", 0, TOPIC_COUNT, 0, 0 },
#define E(id, name, version, topic, required, optional)                        \
    [id] = { name, version, topic, required, optional },
    EVENT_LIST(E)
#undef E
};

const struct event_field_info event_fields[EVENT_FIELD_COUNT] = {
#define F(id, name, kind, member)                                              \
    [id] = { name, KIND_##kind, offsetof(struct event, member) },
    EVENT_FIELD_LIST(F)
#undef F
};

_Static_assert(EVENT_FIELD_COUNT <= 32, "a set of fields is 32 bits");

#define E(id, name, version, topic, required, optional)                        \
    _Static_assert((version) >= 1 && ((required) & (optional)) == 0,           \
                   "a field is required or optional, not both");
EVENT_LIST(E)
#undef E

/* One name of an enum; index 0 is "unset" and has none. */
struct name {
    const char *text;
    size_t bytes;
};

#define N(id, name) [id] = { name, sizeof(name) - 1 },
static const struct name payment_names[PAYMENT_STATUS_COUNT] = {
    [PAYMENT_UNSET] = { "", 0 },
    PAYMENT_STATUS_LIST(N)
};
static const struct name transaction_names[TRANSACTION_STATUS_COUNT] = {
    [TRANSACTION_UNSET] = { "", 0 },
    TRANSACTION_STATUS_LIST(N)
};
static const struct name change_names[ACCOUNT_CHANGE_COUNT] = {
    [ACCOUNT_CHANGE_UNSET] = { "", 0 },
    ACCOUNT_CHANGE_LIST(N)
};
#undef N

/* Of the kinds of field that are such an enum; refusals have their own. */
static const struct {
    const struct name *names;
    unsigned count;
} kind_names[] = {
    [KIND_PAYMENT] = { payment_names, PAYMENT_STATUS_COUNT },
    [KIND_TRANSACTION] = { transaction_names, TRANSACTION_STATUS_COUNT },
    [KIND_CHANGE] = { change_names, ACCOUNT_CHANGE_COUNT },
};

#define E(id, name, version, topic, required, optional)                        \
    [id] = { name, sizeof(name) - 1 },
static const struct name type_names[EVENT_TYPE_COUNT] = {
    [EVENT_NONE] = { "", 0 },
    EVENT_LIST(E)
};
#undef E

void
event_init(struct event *event, enum event_type type)
{
    invariant(type > EVENT_NONE && type < EVENT_TYPE_COUNT);
    memset(event, 0, sizeof(*event));
    event->type = type;
    event->present = event_types[type].required;
}

void
event_set_reason(struct event *event, enum refusal reason)
{
    uint32_t optional = event_types[event->type].optional;

    event->reason = reason;
    if ((optional & HAS(REASON)) == 0)
        return;
    if (reason != REFUSAL_NONE)
        event->present |= HAS(REASON);
    else
        event->present &= ~HAS(REASON);
}

/* The index of that name from 1 on, or count. */
static unsigned
find_name(const struct name *names, unsigned count, const char *name,
          size_t bytes)
{
    for (unsigned i = 1; i < count; i++)
        if (names[i].bytes == bytes && memcmp(names[i].text, name, bytes) == 0)
            return i;
    return count;
}

const char *
payment_status_name(enum payment_status status)
{
    invariant(status < PAYMENT_STATUS_COUNT);
    return payment_names[status].text;
}

const char *
transaction_status_name(enum transaction_status status)
{
    invariant(status < TRANSACTION_STATUS_COUNT);
    return transaction_names[status].text;
}

const char *
account_change_name(enum account_change change)
{
    invariant(change < ACCOUNT_CHANGE_COUNT);
    return change_names[change].text;
}

const char *
event_value_name(enum field_kind kind, unsigned value)
{
    if (kind == KIND_REFUSAL)
        return refusal_name(value);
    invariant(kind < ARRAY_COUNT(kind_names) && value < kind_names[kind].count);
    return kind_names[kind].names[value].text;
}

bool
event_value_find(enum field_kind kind, const char *name, size_t bytes,
                 unsigned *value_out)
{
    unsigned count = REFUSAL_COUNT;

    if (kind == KIND_REFUSAL) {
        *value_out = refusal_find(name, bytes);
    } else {
        invariant(kind < ARRAY_COUNT(kind_names) &&
                  kind_names[kind].count > 0);
        count = kind_names[kind].count;
        *value_out = find_name(kind_names[kind].names, count, name, bytes);
    }
    return *value_out < count;
}

enum event_type
event_type_find(const char *name, size_t bytes)
{
    return find_name(type_names, EVENT_TYPE_COUNT, name, bytes);
}

static bool
lower_hex(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (!((text[i] >= '0' && text[i] <= '9')
              || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
    return true;
}

bool
traceparent_valid(const char *text, size_t bytes)
{
    return bytes == TRACEPARENT_BYTES - 1 && memcmp(text, "00-", 3) == 0
           && lower_hex(text + 3, 32) && text[35] == '-'
           && lower_hex(text + 36, 16) && text[52] == '-'
           && lower_hex(text + 53, 2);
}
