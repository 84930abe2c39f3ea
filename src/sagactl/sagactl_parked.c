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

/* So a number that is none is wrong use here, and no process is asked. */
static bool
is_number_of_participant(const struct sagactl_args *args)
{
    uint64_t number;

    return is_participant(args) &&
           args_number(args, "NUMBER", args->words[1], 1, INT64_MAX, &number);
}

int
sagactl_parked_list(const struct sagactl *ctl, const struct sagactl_args *args)
{
    uint64_t count = 0;
    int code, one;
    size_t i;

    if (args->count == 1 && !is_participant(args))
        return EXIT_USAGE;
    code = sagactl_check_home(ctl); /* once, and not for each */
    if (code != EXIT_DONE)
        return code;
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

    if (!is_number_of_participant(args))
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

struct brought_back {
    uint64_t redriven;
    uint64_t parked;
    bool refused;
};

/* Adds what one reply tells, and frees it. */
static void
add_reply(struct brought_back *sum, json_t *reply)
{
    sum->redriven += sagactl_number(reply, "redriven");
    sum->parked = sagactl_number(reply, "parked");
    sum->refused |= json_is_true(json_object_get(reply, "refused"));
    json_decref(reply);
}

/* A page of them in each turn of the process. */
static int
redrive_all(const struct sagactl *ctl, const char *process,
            struct brought_back *sum)
{
    uint64_t after = 0;
    json_t *reply;
    bool more = true;
    int code = EXIT_DONE;

    while (more && code == EXIT_DONE) {
        code = sagactl_ask(ctl, process, ASK_MS, &reply,
                           "redrive all %" PRIu64, after);
        if (code != EXIT_DONE)
            return code;
        after = sagactl_number(reply, "last");
        more = json_is_true(json_object_get(reply, "more"));
        add_reply(sum, reply);
    }
    return code;
}

static void
print_sum(const struct sagactl *ctl, const struct brought_back *sum)
{
    json_t *told;

    if (!ctl->json) {
        printf("redriven=%" PRIu64 " still_parked=%" PRIu64 "%s\n",
               sum->redriven, sum->parked,
               sum->refused ? " refused_again=yes" : "");
        return;
    }
    told = json_pack("{s:I, s:b, s:I}", "redriven",
                     (json_int_t)sum->redriven, "refused", (int)sum->refused,
                     "parked", (json_int_t)sum->parked);
    json_dumpf(told, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(told);
}

/* Redrive, or drop: the second word of the command's name. */
int
sagactl_parked_bring_back(const struct sagactl *ctl,
                          const struct sagactl_args *args)
{
    const char *verb = strchr(args->command->name, ' ') + 1;
    bool all = strcmp(verb, "redrive") == 0
               && strcmp(args->words[1], "all") == 0;
    struct brought_back sum = { 0 };
    json_t *reply;
    int code;

    if (all ? !is_participant(args) : !is_number_of_participant(args))
        return EXIT_USAGE;
    if (all)
        code = redrive_all(ctl, args->words[0], &sum);
    else {
        code = sagactl_ask(ctl, args->words[0], ASK_MS, &reply, "%s %s", verb,
                           args->words[1]);
        if (code == EXIT_DONE)
            add_reply(&sum, reply);
    }
    if (code != EXIT_DONE)
        return code;
    print_sum(ctl, &sum);
    return sum.refused ? EXIT_DIFFERS : EXIT_DONE;
}
