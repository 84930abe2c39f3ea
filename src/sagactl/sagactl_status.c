#include "sagactl/sagactl_status.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "saga/control.h"
#include "sagactl/sagactl_broker.h"
#include "sagactl/sagactl_view.h"

#define ANSWER_S 10 /* it is made from memory: what comes later never comes */

/* GET /status.  EXIT_DONE with the object (json_decref) and its text (free).
 * Else one line, and the exit code. */
static int
ask(struct gate *gate, json_t **now_out, char **text_out)
{
    struct gate_question question = { .method = "GET", .path = "/status",
                                      .limit_s = ANSWER_S };
    struct gate_answer answer;
    int code = gate_get(gate, &question, &answer);

    if (code != EXIT_DONE)
        return code;
    if (!json_is_array(json_object_get(answer.json, "processes"))) {
        fprintf(stderr, "sagactl: %s: the answer is no status\n",
                gate_url(gate));
        gate_answer_fini(&answer);
        return EXIT_SYSTEM;
    }
    *now_out = json_incref(answer.json);
    if (text_out != NULL) {
        *text_out = answer.text;
        answer.text = NULL;
    }
    gate_answer_fini(&answer);
    return EXIT_DONE;
}

/* ---- without the gateway ---- */

/* 0 if it does not run. */
static int
pid_of(const struct sagactl *ctl, const char *name)
{
    char path[PATH_MAX], text[32] = "";
    FILE *file;
    long pid;

    if (snprintf(path, sizeof path, "%s/run/%s.pid", ctl->home, name) >=
            (int)sizeof path
        || (file = fopen(path, "re")) == NULL)
        return 0;
    if (fgets(text, sizeof text, file) == NULL)
        text[0] = '\0';
    fclose(file);
    pid = strtol(text, NULL, 10);
    if (pid <= 0 || pid > INT_MAX
        || (kill((pid_t)pid, 0) != 0 && errno == ESRCH))
        return 0;
    return (int)pid;
}

/* False if the broker does not answer. */
static bool
add_topics(const struct sagactl *ctl, json_t *topics, json_t *consumers)
{
    struct broker_topics told;
    struct broker_line *line;
    bool answered;

    if (line_open(ctl, &line) != EXIT_DONE)
        return false;
    answered = line_ask_topics(line, &told) == EXIT_DONE;
    if (answered) {
        for (size_t i = 0; i < told.partitions_count; i++)
            json_array_append_new(
                topics,
                json_pack("{s:s,s:I,s:I,s:I,s:I}", "topic",
                          told.partitions[i].topic, "partition",
                          (json_int_t)told.partitions[i].partition, "begin",
                          (json_int_t)told.partitions[i].begin, "end",
                          (json_int_t)told.partitions[i].end, "bytes",
                          (json_int_t)told.partitions[i].bytes));
        for (size_t i = 0; i < told.readers_count; i++)
            json_array_append_new(
                consumers,
                json_pack("{s:s,s:s,s:I,s:I,s:I}", "consumer",
                          told.readers[i].consumer, "topic",
                          told.readers[i].topic, "partition",
                          (json_int_t)told.readers[i].partition, "position",
                          (json_int_t)told.readers[i].position, "lag",
                          (json_int_t)line_lag(&told, &told.readers[i])));
        line_topics_fini(&told);
    }
    line_close(&line);
    return answered;
}

json_t *
status_from_home(const struct sagactl *ctl, bool with_topics)
{
    static const char *const names[] = { "broker", "payment", "ledger",
                                         "gateway" };
    json_t *processes = json_array(), *topics = json_array();
    json_t *consumers = json_array();

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        bool up = pid_of(ctl, names[i]) != 0;

        if (up && i == 0 && with_topics)
            up = add_topics(ctl, topics, consumers);
        if (i == ARRAY_COUNT(names) - 1)
            up = false; /* it was asked, and did not answer */
        json_array_append_new(
            processes,
            json_pack("{s:s,s:b,s:b}", "name", names[i], "up", up, "silent",
                      !up && control_lives(ctl->home, names[i])));
    }
    return json_pack("{s:b,s:o,s:o,s:o}", "partial", 1, "processes", processes,
                     "topics", topics, "consumers", consumers);
}

/* ---- the command ---- */

static int
print(const struct sagactl *ctl, const json_t *now, const char *text)
{
    static char view[VIEW_BYTES_MAX];
    struct text_writer writer;

    if (ctl->json && text != NULL)
        printf("%s\n", text);
    else if (ctl->json) {
        json_dumpf(now, stdout, JSON_COMPACT);
        printf("\n");
    } else {
        text_writer_init(&writer, view, sizeof view);
        view_write(&writer, ctl, now, NULL, 0);
        fwrite(view, 1, writer.used, stdout);
    }
    return text != NULL && view_all_up(now) ? EXIT_DONE : EXIT_DIFFERS;
}

static bool
has_stores(const struct sagactl *ctl)
{
    char path[PATH_MAX];

    return snprintf(path, sizeof path, "%s/data", ctl->home) <
               (int)sizeof path
           && access(path, F_OK) == 0;
}

int
status_print(const struct sagactl *ctl)
{
    json_t *now = NULL;
    char *text = NULL;
    struct gate *gate = NULL;
    int code = gate_open(ctl, &gate);

    if (code == EXIT_DONE)
        code = ask(gate, &now, &text);
    gate_close(&gate);
    /* After wrong use (a token file that is not there) nobody was asked. */
    if (code == EXIT_SYSTEM && ctl->url == NULL && has_stores(ctl)) {
        fprintf(stderr, "sagactl: what follows is what the home tells\n");
        now = status_from_home(ctl, true);
        code = EXIT_DONE;
    }
    if (code == EXIT_DONE && now != NULL)
        code = print(ctl, now, text);
    json_decref(now);
    free(text);
    return code;
}

int
sagactl_status(const struct sagactl *ctl, const struct sagactl_args *args)
{
    (void)args;
    return status_print(ctl);
}
