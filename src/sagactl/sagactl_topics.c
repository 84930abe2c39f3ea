#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sagactl/sagactl_broker.h"

static bool
reads(const struct broker_reader *reader,
      const struct broker_partition *partition)
{
    return reader->partition == partition->partition
           && strcmp(reader->topic, partition->topic) == 0;
}

static void
print_json(const struct broker_topics *topics,
           const struct broker_partition *row)
{
    const char *comma = "";

    printf("{\"topic\":\"%s\",\"partition\":%" PRIu32 ",\"begin\":%" PRIu64
           ",\"end\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"consumers\":[",
           row->topic, row->partition, row->begin, row->end, row->bytes);
    for (size_t i = 0; i < topics->readers_count; i++) {
        const struct broker_reader *reader = &topics->readers[i];

        if (!reads(reader, row))
            continue;
        printf("%s{\"consumer\":\"%s\",\"position\":%" PRIu64
               ",\"lag\":%" PRIu64 "}",
               comma, reader->consumer, reader->position,
               line_lag(topics, reader));
        comma = ",";
    }
    printf("]}\n");
}

static void
print_text(const struct broker_topics *topics,
           const struct broker_partition *row)
{
    printf("topic=%s partition=%" PRIu32 " begin=%" PRIu64 " end=%" PRIu64
           " bytes=%" PRIu64 "\n",
           row->topic, row->partition, row->begin, row->end, row->bytes);
    for (size_t i = 0; i < topics->readers_count; i++)
        if (reads(&topics->readers[i], row))
            printf("  consumer=%s position=%" PRIu64 " lag=%" PRIu64 "\n",
                   topics->readers[i].consumer, topics->readers[i].position,
                   line_lag(topics, &topics->readers[i]));
}

int
sagactl_topics(const struct sagactl *ctl, const struct sagactl_args *args)
{
    struct broker_topics topics;
    struct broker_line *line;
    int code = line_open(ctl, &line);

    (void)args;
    if (code != EXIT_DONE)
        return code;
    code = line_ask_topics(line, &topics);
    line_close(&line);
    if (code != EXIT_DONE)
        return code;
    for (size_t i = 0; i < topics.partitions_count; i++)
        if (ctl->json)
            print_json(&topics, &topics.partitions[i]);
        else
            print_text(&topics, &topics.partitions[i]);
    line_topics_fini(&topics);
    return EXIT_DONE;
}
