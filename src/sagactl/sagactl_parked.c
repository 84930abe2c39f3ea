#include "sagactl/sagactl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "saga/topic.h"

#define ASK_MS 10000
static const char *const participants[] = { "payment", "ledger", "gateway" };

/* ---- list ---- */

static void
print_row(const struct sagactl *ctl, const char *process, json_t *row)
{
    if (ctl->json) {
        json_object_set_new(row, "process", json_string(process));
        json_dumpf(row, stdout, JSON_COMPACT);
        printf("\n");
        return;
    }
    printf("%-8s %6" PRIu64 " order=%" PRIu64 " user=%" PRIu64
           " cause=%s attempts=%" PRIu64 " at=%s/%" PRIu64 "/%" PRIu64
           " since=%s\n",
           process, sagactl_number(row, "number"),
           sagactl_number(row, "orderId"), sagactl_number(row, "userId"),
           sagactl_text(row, "cause"), sagactl_number(row, "attempts"),
           sagactl_text(row, "topic"), sagactl_number(row, "partition"),
           sagactl_number(row, "offset"), sagactl_text(row, "parkedAt"));
}

static int
list_one(const struct sagactl *ctl, const char *process, uint64_t *count)
{
    uint64_t after = 0;
    json_t *page, *row;
    bool more = true;
    size_t i;
    int code;

    while (more) {
        code = sagactl_ask(ctl, process, ASK_MS, &page, "parked %" PRIu64,
                           after);
        if (code != EXIT_DONE)
            return code;
        json_array_foreach(json_object_get(page, "rows"), i, row) {
            print_row(ctl, process, row);
            after = sagactl_number(row, "number");
            ++*count;
        }
        more = json_is_true(json_object_get(page, "more"));
        json_decref(page);
    }
    return EXIT_DONE;
}

/* A filter has a name of its own choice. */
static bool
is_participant(const struct sagactl_args *args)
{
    if (topic_name_valid(args->words[0]) &&
        process_find(args->words[0]) != PROCESS_BROKER)
        return true;
    args_wrong(args, "no process of that name parks events");
    return false;
}

int
sagactl_parked_list(const struct sagactl *ctl, const struct sagactl_args *args)
{
    uint64_t count = 0;
    int code = EXIT_DONE, one;
    size_t i;

    if (args->count == 1 && !is_participant(args))
        return EXIT_USAGE;
    if (args->count == 1)
        code = list_one(ctl, args->words[0], &count);
    for (i = 0; args->count == 0 && i < ARRAY_COUNT(participants); i++) {
        one = list_one(ctl, participants[i], &count);
        code = code == EXIT_DONE ? one : code;
    }
    if (code == EXIT_DONE && count == 0 && !ctl->json)
        fprintf(stderr, "nothing is parked\n");
    return code;
}

/* ---- show, redrive, drop ---- */

int
sagactl_parked_show(const struct sagactl *ctl, const struct sagactl_args *args)
{
    json_t *reply;
    int code;

    if (!is_participant(args))
        return EXIT_USAGE;
    code = sagactl_ask(ctl, args->words[0], ASK_MS, &reply, "show %s",
                       args->words[1]);
    if (code != EXIT_DONE)
        return code;
    json_dumpf(reply, stdout, ctl->json ? JSON_COMPACT : JSON_INDENT(2));
    printf("\n");
    json_decref(reply);
    return EXIT_DONE;
}

/* Redrive, or drop: the second word of the command's name. */
int
sagactl_parked_bring_back(const struct sagactl *ctl,
                          const struct sagactl_args *args)
{
    const char *verb = strchr(args->command->name, ' ') + 1;
    json_t *reply;
    bool refused;
    int code;

    if (!is_participant(args))
        return EXIT_USAGE;
    code = sagactl_ask(ctl, args->words[0], ASK_MS, &reply, "%s %s", verb,
                       args->words[1]);
    if (code != EXIT_DONE)
        return code;
    refused = json_is_true(json_object_get(reply, "refused"));
    if (ctl->json) {
        json_dumpf(reply, stdout, JSON_COMPACT);
        printf("\n");
    } else
        printf("redriven=%" PRIu64 " still_parked=%" PRIu64 "%s\n",
               sagactl_number(reply, "redriven"),
               sagactl_number(reply, "parked"),
               refused ? " refused_again=yes" : "");
    json_decref(reply);
    return refused ? EXIT_DIFFERS : EXIT_DONE;
}
