#include "saga/topic.h"

#include <string.h>

const struct topic_route topic_routes[TOPIC_COUNT] = {
    [TOPIC_ORDERS] = { "orders", BY(PROCESS_GATEWAY), BY(PROCESS_PAYMENT) },
    [TOPIC_PAYMENTS] = { "payments", BY(PROCESS_PAYMENT),
                         BY(PROCESS_LEDGER) | BY(PROCESS_GATEWAY) },
    [TOPIC_TRANSACTIONS] = { "transactions", BY(PROCESS_LEDGER),
                             BY(PROCESS_GATEWAY) | BY(PROCESS_PAYMENT) },
    [TOPIC_DEAD_LETTERS] = { "dead-letters",
                             BY(PROCESS_PAYMENT) | BY(PROCESS_LEDGER)
                                 | BY(PROCESS_GATEWAY),
                             BY(PROCESS_GATEWAY) },
};

static const char *const process_names[PROCESS_COUNT] = {
    [PROCESS_NONE] = "none",       [PROCESS_BROKER] = "broker",
    [PROCESS_PAYMENT] = "payment", [PROCESS_LEDGER] = "ledger",
    [PROCESS_GATEWAY] = "gateway",
};

const char *
process_name(enum process process)
{
    invariant(process < PROCESS_COUNT);
    return process_names[process];
}

enum process
process_find(const char *name)
{
    if (!topic_name_valid(name))
        return PROCESS_NONE;
    for (enum process i = PROCESS_NONE + 1; i < PROCESS_COUNT; i++) {
        size_t bytes = strlen(process_names[i]);

        if (strncmp(name, process_names[i], bytes) != 0)
            continue;
        if (name[bytes] == '\0' || (name[bytes] == '-' && name[bytes + 1]))
            return i;
    }
    return PROCESS_NONE;
}

enum topic
topic_find(const char *name)
{
    for (enum topic i = 0; i < TOPIC_COUNT; i++)
        if (strcmp(name, topic_routes[i].name) == 0)
            return i;
    return TOPIC_COUNT;
}

static bool
letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool
topic_name_valid(const char *name)
{
    size_t bytes;

    if (!letter_or_digit(name[0]))
        return false;
    for (bytes = 1; name[bytes] != '\0'; bytes++)
        if (bytes == TOPIC_NAME_BYTES - 1
            || !(letter_or_digit(name[bytes]) || name[bytes] == '-'
                 || name[bytes] == '.'))
            return false;
    return true;
}

/*
 * The finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable
 * Pseudorandom Number Generators, OOPSLA 2014; the constants are Stafford's
 * variant 13 of MurmurHash3's finaliser).
 */
static uint64_t
mix(uint64_t value)
{
    value ^= value >> 30;
    value *= UINT64_C(0xbf58476d1ce4e5b9);
    value ^= value >> 27;
    value *= UINT64_C(0x94d049bb133111eb);
    value ^= value >> 31;
    return value;
}

uint32_t
topic_partition(struct user_id user, uint32_t partitions)
{
    invariant(partitions >= 1 && partitions <= PARTITIONS_MAX);
    return (uint32_t)(mix(user.value) % partitions);
}
