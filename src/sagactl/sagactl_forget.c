/*
 * sagactl forget - a consumer will not come back
 *
 * The broker forgets whom it is told to, and a name that it does not know is
 * forgotten already.  So a slip of the pen is found here: who is not known is
 * not forgotten, and neither is one that lives, for what it has not read yet
 * could be removed before it is registered again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "saga/control.h"
#include "sagactl/sagactl_broker.h"

struct known {
    uint64_t partitions; /* in which it is registered */
    uint64_t lag;        /* in all of them            */
    bool reports;
};

static struct known
look_up(const struct broker_topics *topics, const char *name)
{
    struct known known = { 0 };

    for (size_t i = 0; i < topics->readers_count; i++)
        if (strcmp(topics->readers[i].consumer, name) == 0) {
            known.partitions++;
            known.lag += line_lag(topics, &topics->readers[i]);
        }
    for (size_t i = 0; i < topics->reporters_count; i++)
        known.reports |= strcmp(topics->reporters[i], name) == 0;
    return known;
}

static int
forget(struct broker_line *line, const char *name, struct known *known)
{
    struct broker_topics topics;
    int code = line_ask_all(line, &topics);

    if (code != EXIT_DONE)
        return code;
    *known = look_up(&topics, name);
    line_topics_fini(&topics);
    if (known->partitions == 0 && !known->reports) {
        fprintf(stderr, "sagactl: the broker knows no %s: `sagactl topics` "
                        "lists who reads\n", name);
        return EXIT_DIFFERS;
    }
    return line_forget(line, name);
}

int
sagactl_forget(const struct sagactl *ctl, const struct sagactl_args *args)
{
    const char *name = args->words[0];
    struct broker_line *line;
    struct known known;
    int code;

    if (!topic_name_valid(name) || process_find(name) == PROCESS_BROKER)
        return args_wrong(args, "no consumer has that name");
    code = line_open(ctl, &line);
    if (code != EXIT_DONE)
        return code;
    if (control_lives(ctl->home, name)) {
        fprintf(stderr, "sagactl: %s lives: stop it first, or it loses what it "
                        "has not read\n", name);
        code = EXIT_DIFFERS;
    } else
        code = forget(line, name, &known);
    line_close(&line);
    if (code == EXIT_DONE)
        printf(ctl->json ? "{\"forgotten\":\"%s\",\"partitions\":%" PRIu64
                           ",\"lag\":%" PRIu64 "}\n"
                         : "forgotten=%s partitions=%" PRIu64 " lag=%" PRIu64
                           "\n",
               name, known.partitions, known.lag);
    return code;
}
