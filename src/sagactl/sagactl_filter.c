/*
 * sagactl filter - any program as a participant of the pipeline
 *
 * The participant loop as the others run it: each event of the topics that it
 * reads is handed to the program as one line, and position and answers are
 * committed together.  A crash anywhere hands the event over again; what was
 * published for it once is not published twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "saga/cloudevent.h"
#include "saga/daemon.h"
#include "saga/log.h"
#include "sagactl/filter_child.h"
#include "sagactl/sagactl_broker.h"

#define TIMEOUT_S_DEFAULT 30
#define TIMEOUT_S_MAX 3600
#define ANSWERS_MAX 1000 /* events that one event may lead to */
#define COMMIT_MS 200
/* After so many events in a row that it failed at, the program itself must be
 * wrong: going on would only park everything. */
#define FAILURES_MAX 10

struct filter {
    const char *name;
    char topics_text[PARTICIPANT_TOPICS_MAX * TOPIC_NAME_BYTES];
    struct participant_topics topics;
    struct participant_handlers handlers;
    bool per_event;
    int64_t timeout_ms;
    char *const *program;
    struct filter_child *child;
    uint32_t failures;
    struct cloudevent_place failed; /* where the event is that failed last */
    char line[CLOUDEVENT_LINE_BYTES_MAX + 1];
};

/* ---- one event -------------------------------------------------------- */

static struct cloudevent_place
place_of(const struct turn *turn)
{
    const struct turn_place *at = turn_place(turn);
    struct cloudevent_place place = { .partition = at->partition,
                                      .offset = at->offset };

    snprintf(place.topic, sizeof place.topic, "%s", at->topic);
    return place;
}

static size_t
write_line(struct filter *filter, const struct event *event,
           const struct turn *turn)
{
    struct cloudevent_place place = place_of(turn);
    struct text_writer writer;

    text_writer_init(&writer, filter->line, sizeof filter->line);
    if (cloudevent_write(&writer, event, &place) != RC_OK)
        return 0;
    text_put(&writer, "\n");
    invariant(!writer.failed);
    return writer.used;
}

static enum rc
refuse(const struct turn *turn, const char *answer, size_t bytes,
       const char *why, const char *where)
{
    const struct turn_place *place = turn_place(turn);

    log_warning("answer_refused",
                "topic=%s partition=%u offset=%ju why=%s member=%s line=%s",
                place->topic, place->partition, (uintmax_t)place->offset, why,
                log_quote(where), log_quote_bytes(answer, bytes));
    return RC_REFUSED;
}

/* Walks the answer's lines; emits them if told to. */
static enum rc
take_answer(const struct filter *filter, struct turn *turn,
            const struct event *cause, const char *answer, size_t bytes,
            bool emits)
{
    const char *end = answer + bytes, *next;
    enum cloudevent_refusal refusal;
    struct cloudevent read;
    uint32_t count = 0;
    size_t line_bytes;
    enum rc rc = RC_OK;

    for (; answer < end && rc == RC_OK; answer = next) {
        next = memchr(answer, '\n', (size_t)(end - answer));
        next = next != NULL ? next + 1 : end;
        line_bytes = (size_t)(next - answer) - (next[-1] == '\n');
        if (line_bytes == 0)
            continue;
        if (filter->topics.write == NULL)
            return refuse(turn, answer, line_bytes, "no_topic_to_write", "");
        if (++count > ANSWERS_MAX)
            return refuse(turn, answer, line_bytes, "too_many_answers", "");
        refusal =
            cloudevent_read(answer, line_bytes, CLOUDEVENT_DRAFT, &read);
        if (refusal != CLOUDEVENT_OK)
            return refuse(turn, answer, line_bytes,
                          cloudevent_refusal_name(refusal), read.where);
        if (emits)
            rc = turn_answer(turn, cause, &read.event);
    }
    return rc;
}

/* Counts events that the program failed at, not its tries at one.  (An id
 * tells an event among its producer's in one partition alone.) */
static enum rc
note_failure(struct filter *filter, const struct turn *turn, enum rc rc)
{
    const struct cloudevent_place *last = &filter->failed;
    const struct cloudevent_place place = place_of(turn);

    if (filter->failures == 0 || place.offset != last->offset ||
        place.partition != last->partition ||
        strcmp(place.topic, last->topic) != 0)
        filter->failures++;
    filter->failed = place;
    if (filter->failures < FAILURES_MAX)
        return rc;
    log_error("filter_fails",
              "program=%s events=%u words=\"it failed at so many events in a "
              "row; what is not yet committed as parked, the last event at "
              "least, is tried again at the next start\"",
              log_quote(filter->program[0]), filter->failures);
    return RC_IO;
}

static enum rc
on_event(void *context, struct turn *turn, const struct event *event)
{
    struct filter *filter = context;
    size_t bytes = write_line(filter, event, turn);
    const char *answer;
    enum rc rc;

    if (bytes == 0)
        return RC_REFUSED; /* a foreign event that is no JSON object */
    rc = filter_child_ask(filter->child, turn, filter->line, bytes, &answer,
                          &bytes);
    /* All of it is looked at before any of it takes effect. */
    if (rc == RC_OK)
        rc = take_answer(filter, turn, event, answer, bytes, false);
    if (rc == RC_OK)
        rc = take_answer(filter, turn, event, answer, bytes, true);
    if (rc == RC_REFUSED)
        filter_child_kill(filter->child);
    if (rc == RC_AGAIN || rc == RC_REFUSED)
        return note_failure(filter, turn, rc);
    if (rc == RC_OK)
        filter->failures = 0;
    return rc;
}

static void NORETURN
die_of_topic(const char *topic)
{
    die(EXIT_USAGE, "the broker has no topic %s: name it in its knob "
        "`topics` (SAGAPIPE_TOPICS) and start it again; `sagactl topics` "
        "lists what there is", topic);
}

static void
check_topic(const struct broker_topics *topics, const char *topic)
{
    size_t i = 0;

    while (i < topics->partitions_count &&
           strcmp(topics->partitions[i].topic, topic) != 0)
        i++;
    if (i == topics->partitions_count)
        die_of_topic(topic);
}

/* Before the first fetch, which would register us: a slip of the pen leaves no
 * consumer behind that retention waits for, and no name that `status` calls
 * down.  A broker that is down does not keep us from starting: then it refuses
 * what we read, and on_status() finds what we write. */
static void
check_topics(const struct participant_topics *named,
             const struct config *config)
{
    struct broker_topics topics;
    struct broker_line *line;

    if (line_open_at(config->bus, &line) != EXIT_DONE)
        return;
    if (line_ask_topics(line, &topics) == EXIT_DONE) {
        for (size_t i = 0; i < named->read_count; i++)
            check_topic(&topics, named->read[i]);
        if (named->write != NULL)
            check_topic(&topics, named->write);
        line_topics_fini(&topics);
    }
    line_close(&line);
}

/* Said at once, and not when the first answer is refused: ending here is as
 * good as at any other place. */
static void
on_status(void *context, const struct bus_status *status)
{
    const char *topic = ((struct filter *)context)->topics.write;
    uint32_t i = 0;

    while (i < status->topics_count && topic != NULL &&
           strcmp(status->topics[i].topic, topic) != 0)
        i++;
    if (topic != NULL && i == status->topics_count && !status->cut)
        die_of_topic(topic);
}

/* ---- the command ------------------------------------------------------ */

static bool
reads_topic(const struct participant_topics *topics, const char *topic)
{
    size_t i = 0;

    while (i < topics->read_count && strcmp(topics->read[i], topic) != 0)
        i++;
    return i < topics->read_count;
}

/* NULL, or what is wrong with the list. */
static const char *
take_topics(struct filter *filter, const char *list)
{
    static const char wrong[] = "--from names 1 to 8 topics";
    struct participant_topics *topics = &filter->topics;
    char *rest = filter->topics_text, *topic;

    if (snprintf(rest, sizeof filter->topics_text, "%s", list) >=
        (int)sizeof filter->topics_text)
        return wrong;
    while ((topic = strsep(&rest, ",")) != NULL) {
        if (!topic_name_valid(topic))
            return wrong;
        if (reads_topic(topics, topic))
            return "--from names a topic twice";
        if (topics->read_count == PARTICIPANT_TOPICS_MAX)
            return wrong;
        topics->read[topics->read_count++] = topic;
    }
    return NULL;
}

static int
take_arguments(struct filter *filter, const struct sagactl_args *args)
{
    const char *from = args_value(args, "from");
    const char *timeout = args_value(args, "timeout");
    uint64_t timeout_s = TIMEOUT_S_DEFAULT;
    const char *wrong;

    filter->name = args_value(args, "name");
    filter->topics.write = args_value(args, "to");
    filter->per_event = args_value(args, "per-event") != NULL;
    filter->program = args->rest;
    if (filter->name == NULL || from == NULL || args->rest[0] == NULL)
        return args_wrong(args, "it needs --name, --from and a program");
    wrong = take_topics(filter, from);
    if (wrong != NULL)
        return args_wrong(args, wrong);
    if (filter->topics.write != NULL &&
        (!topic_name_valid(filter->topics.write) ||
         topic_find(filter->topics.write) != TOPIC_COUNT))
        return args_wrong(args, "--to names a topic of the knob `topics`");
    if (timeout != NULL && !args_number(args, "--timeout", timeout, 1,
                                        TIMEOUT_S_MAX, &timeout_s))
        return EXIT_USAGE;
    filter->timeout_ms = (int64_t)timeout_s * 1000;
    return EXIT_DONE;
}

static enum rc
run(struct filter *filter, const struct config *config)
{
    struct participant *participant;
    enum rc rc, closed;
    int signal_fd;

    daemon_lock(config);
    signal_fd = daemon_signals();
    rc = filter_child_new(&filter->child, filter->program, filter->per_event,
                          filter->timeout_ms);
    if (rc != RC_OK) {
        filter_child_destroy(&filter->child);
        return rc;
    }
    participant = participant_open(config, &filter->handlers, filter,
                                   signal_fd, -1);
    daemon_ready();
    rc = participant_run(participant);
    closed = participant_close(&participant);
    filter_child_destroy(&filter->child);
    return rc == RC_OK ? closed : rc;
}

int
sagactl_filter(const struct sagactl *ctl, const struct sagactl_args *args)
{
    static struct filter filter = {
        .topics = { .commit_ms = COMMIT_MS },
        .handlers = { .on_event = on_event, .on_status = on_status },
    };
    char *nothing[] = { NULL };
    struct config config;
    enum rc rc;

    filter.handlers.topics = &filter.topics;
    if (take_arguments(&filter, args) != EXIT_DONE)
        return EXIT_USAGE;
    log_open(filter.name);
    /* The pipeline's own settings: partitions, limits. */
    if (setenv("SAGAPIPE_HOME", ctl->home, 1) != 0)
        return EXIT_SYSTEM;
    config_load_filter(&config, filter.name, 0, nothing);
    check_topics(&filter.topics, &config);
    rc = run(&filter, &config);
    if (rc == RC_NOT_FOUND) /* the program can't be started */
        return EXIT_USAGE;
    return rc == RC_OK ? EXIT_DONE : rc_exit_code(rc);
}
