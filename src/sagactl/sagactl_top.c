#include <stdlib.h>
#include <string.h>

#include "sagactl/sagactl_broker.h"
#include "sagactl/sagactl_out.h"
#include "sagactl/sagactl_screen.h"
#include "sagactl/sagactl_status.h"
#include "sagactl/sagactl_view.h"

#define INTERVAL_S_MAX 60
#define ANSWER_S 3 /* keys wait as long */

struct top {
    const struct sagactl *ctl;
    struct gate *gate;
    json_t *now, *before; /* NULL: none yet */
    int64_t now_ms, before_ms;
    bool answers;
};

/* Asks once more; what was told before stays beside it, for rates. */
static void
refresh(struct top *top)
{
    struct gate_question question = { .method = "GET", .path = "/status",
                                      .limit_s = ANSWER_S, .quiet = true };
    struct gate_answer answer;
    json_t *now = NULL;

    top->answers = gate_ask(top->gate, &question, &answer) == EXIT_DONE;
    if (top->answers) {
        top->answers = answer.status == 200;
        now = top->answers ? json_incref(answer.json) : NULL;
        gate_answer_fini(&answer);
    }
    if (now == NULL)
        now = status_from_home(top->ctl, false);
    json_decref(top->before);
    top->before = top->now;
    top->before_ms = top->now_ms;
    top->now = now;
    top->now_ms = line_now_ms();
    if (json_object_get(top->before, "partial") != NULL) {
        json_decref(top->before);
        top->before = NULL;
    }
}

static void
draw(const struct top *top)
{
    static char view[VIEW_BYTES_MAX];
    struct text_writer writer;

    text_writer_init(&writer, view, sizeof view);
    text_put(&writer, "sagapipe  ");
    text_put(&writer, gate_url(top->gate));
    text_put(&writer, "  ");
    text_put(&writer, sagactl_text(top->now, "time"));
    text_put(&writer, "  (q ends)\n");
    if (!top->answers) {
        text_put(&writer, out_colour(top->ctl, OUT_BAD));
        text_put(&writer, "the gateway does not answer: ");
        text_put(&writer, gate_error(top->gate));
        text_put(&writer, out_colour(top->ctl, OUT_PLAIN));
        text_put(&writer, "\n");
    }
    text_put(&writer, "\n");
    view_write(&writer, top->ctl, top->now, top->answers ? top->before : NULL,
               top->now_ms - top->before_ms);
    screen_draw(view, writer.used);
}

static void
watch(struct top *top, struct screen *screen, int interval_ms)
{
    int64_t due_ms = 0, now_ms;
    enum screen_event event = SCREEN_TIME;

    while (event != SCREEN_END) {
        now_ms = line_now_ms();
        if (now_ms >= due_ms) {
            refresh(top);
            due_ms = now_ms + interval_ms;
        }
        draw(top);
        now_ms = line_now_ms();
        event = screen_wait(screen,
                            due_ms > now_ms ? (int)(due_ms - now_ms) : 0);
    }
}

int
sagactl_top(const struct sagactl *ctl, const struct sagactl_args *args)
{
    const char *interval = args_value(args, "interval");
    struct top top = { .ctl = ctl };
    uint64_t seconds = 1;
    struct screen screen;
    int code;

    if (interval != NULL
        && !args_number(args, "--interval", interval, 1, INTERVAL_S_MAX,
                        &seconds))
        return EXIT_USAGE;
    code = gate_open(ctl, &top.gate);
    if (code != EXIT_DONE)
        return code;
    if (ctl->json || !screen_open(&screen)) {
        gate_close(&top.gate);
        return status_print(ctl); /* one snapshot */
    }
    watch(&top, &screen, (int)seconds * 1000);
    screen_close(&screen);
    json_decref(top.now);
    json_decref(top.before);
    gate_close(&top.gate);
    return EXIT_DONE;
}
