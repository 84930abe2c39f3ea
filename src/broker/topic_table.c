#include "broker/topic_table.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/name_index.h"

_Static_assert(TOPIC_TABLE_SLOTS_MAX *(TOPIC_LOG_OLD_TABLES_MAX + 1) + 512 <=
                   STORE_TABLES_MAX,
               "all logs' open tables, and those of a turn's rolls, must fit");

static bool
topic_known(const struct topic_table *table, const char *topic)
{
    uint32_t slot;

    return topic_table_find(table, topic, 0, &slot) == BUS_ERROR_NONE;
}

static void
add_topic(struct topic_table *table, const char *topic)
{
    invariant(table->count + table->partitions <= TOPIC_TABLE_SLOTS_MAX);
    for (uint32_t i = 0; i < table->partitions; i++) {
        struct topic_partition *item = &table->items[table->count++];

        name_copy(item->topic, sizeof(item->topic), topic);
        item->partition = (uint16_t)i;
    }
}

static enum rc
add_named(struct topic_table *table, char *names, char *words,
          size_t words_bytes)
{
    char *rest = names, *name;

    while ((name = strtok_r(rest, ", \t", &rest)) != NULL) {
        const char *fault = NULL;

        if (!topic_name_valid(name))
            fault = "is no name of a topic";
        else if (topic_known(table, name))
            fault = "is there already";
        else if (table->count / table->partitions == TOPIC_TABLE_TOPICS_MAX)
            fault = "is one topic too many";
        if (fault != NULL) {
            snprintf(words, words_bytes, "topics: \"%s\" %s", name, fault);
            return RC_MALFORMED;
        }
        add_topic(table, name);
    }
    return RC_OK;
}

enum rc
topic_table_new(struct topic_table **table_out, const char *names,
                uint32_t partitions, char *words, size_t words_bytes)
{
    struct topic_table *table = calloc(1, sizeof(*table));
    char *copy = strdup(names);
    enum rc rc = RC_NO_MEMORY;

    invariant(partitions >= 1 && partitions <= PARTITIONS_MAX);
    snprintf(words, words_bytes, "no memory");
    if (table != NULL)
        table->items = calloc(TOPIC_TABLE_SLOTS_MAX, sizeof(table->items[0]));
    if (table != NULL && table->items != NULL && copy != NULL) {
        table->partitions = partitions;
        for (enum topic i = 0; i < TOPIC_COUNT; i++)
            add_topic(table, topic_routes[i].name);
        rc = add_named(table, copy, words, words_bytes);
    }
    free(copy);
    if (rc == RC_OK) {
        *table_out = table;
        return RC_OK;
    }
    if (table != NULL)
        free(table->items);
    free(table);
    return rc;
}

enum rc
topic_table_open_logs(struct topic_table *table,
                      const struct topic_log_config *log)
{
    struct topic_log_config config = *log;

    for (uint32_t i = 0; i < table->count; i++) {
        struct topic_partition *item = &table->items[i];
        enum rc rc;

        config.topic = item->topic;
        config.partition = item->partition;
        rc = topic_log_open(&item->log, &config);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

enum rc
topic_table_destroy(struct topic_table **table_p)
{
    struct topic_table *table = *table_p;
    enum rc rc = RC_OK;

    if (table == NULL)
        return RC_OK;
    for (uint32_t i = 0; i < table->count; i++) {
        enum rc close_rc = topic_log_close(&table->items[i].log);

        rc = rc == RC_OK ? close_rc : rc;
    }
    free(table->items);
    free(table);
    *table_p = NULL;
    return rc;
}

enum bus_error
topic_table_find(const struct topic_table *table, const char *topic,
                 uint16_t partition, uint32_t *slot_out)
{
    for (uint32_t i = 0; i < table->count; i += table->partitions) {
        if (strcmp(table->items[i].topic, topic) != 0)
            continue;
        if (partition >= table->partitions)
            return BUS_ERROR_UNKNOWN_PARTITION;
        *slot_out = i + partition;
        return BUS_ERROR_NONE;
    }
    return BUS_ERROR_UNKNOWN_TOPIC;
}
