/*
 * A load of orders by accounts of its own, how long they took, and the proof
 * that nothing was lost by it.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "saga/ids.h"
#include "sagactl/sagactl_arrivals.h"
#include "sagactl/sagactl_load.h"
#include "sagactl/sagactl_out.h"

#define FIRST_USER 1000000001
#define USERS 64
#define BALANCE "1000000000.00"
#define OPEN_MS 30000  /* until the accounts are open       */
#define DRAIN_MS 60000 /* until the last order has ended    */
#define LOOK_MS 50
#define BAR_COLUMNS 30
#define SECONDS_MAX 3600

struct bench {
    const struct sagactl *ctl;
    struct load load;
    struct arrivals *arrivals;
    uint32_t *accepted_us, *completed_us; /* sorted when they are told */
    uint64_t completed;
    bool draws;
};

/* ---- accounts ---- */

static int
open_account(struct gate *gate, uint64_t user)
{
    char body[96];
    struct gate_question question = { .method = "POST", .path = "/users",
                                      .body = body };
    struct gate_answer answer;
    int code;

    snprintf(body, sizeof body, "{\"userId\":%" PRIu64 ",\"balance\":\"%s\"}",
             user, BALANCE);
    code = gate_ask(gate, &question, &answer);
    if (code != EXIT_DONE)
        return code;
    if (answer.status != 409) /* it is left from another time */
        code = gate_judge(&answer);
    gate_answer_fini(&answer);
    return code;
}

static int
await_account(struct gate *gate, uint64_t user)
{
    char path[64];
    struct gate_question question = { .method = "GET", .path = path };
    struct gate_answer answer;
    bool active = false;
    int code = EXIT_DONE;

    snprintf(path, sizeof path, "/users/%" PRIu64, user);
    for (int left = OPEN_MS; left > 0 && code == EXIT_DONE; left -= LOOK_MS) {
        code = gate_get(gate, &question, &answer);
        if (code != EXIT_DONE)
            break;
        active = strcmp(sagactl_text(answer.json, "state"), "ACTIVE") == 0;
        gate_answer_fini(&answer);
        if (active)
            return EXIT_DONE;
        (void)poll(NULL, 0, LOOK_MS);
    }
    if (code == EXIT_DONE)
        fprintf(stderr, "sagactl: the accounts were not opened in time\n");
    return code == EXIT_DONE ? EXIT_SYSTEM : code;
}

/* Those of one partition are opened in order: the last of all may be in
 * another one, so each is awaited. */
static int
open_accounts(struct gate *gate, const struct load *load)
{
    int code = EXIT_DONE;

    for (uint64_t i = 0; i < load->users && code == EXIT_DONE; i++)
        code = open_account(gate, load->first_user + i);
    for (uint64_t i = load->users; i > 0 && code == EXIT_DONE; i--)
        code = await_account(gate, load->first_user + i - 1);
    return code;
}

/* ---- progress, on a terminal ---- */

static void
draw(const struct bench *bench, const char *what)
{
    const struct load *load = &bench->load;
    int done = (int)(load->answered * BAR_COLUMNS / load->count);
    int64_t us = load_now_us() - load->start_us;

    if (!bench->draws)
        return;
    fprintf(stderr, "\r%s [", what);
    for (int i = 0; i < BAR_COLUMNS; i++)
        fputc(i < done ? '#' : '.', stderr);
    fprintf(stderr, "] %3" PRIu64 "%%  %" PRIu64 "/s  accepted %" PRIu64
                    "  under way %" PRIu64 "  ended %zu \033[K",
            load->answered * 100 / load->count,
            us > 0 ? load->answered * 1000000 / (uint64_t)us : 0,
            load->accepted, load->sent - load->answered,
            arrivals_count(bench->arrivals));
}

static void
on_progress(void *context, const struct load *load)
{
    (void)load;
    draw(context, "orders");
}

/* ---- figures ---- */

static int
by_value(const void *left, const void *right)
{
    const uint32_t *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

/* Of sorted values: the smallest that so many of ten thousand do not pass. */
static uint32_t
percentile(const uint32_t *values, uint64_t count, uint64_t of_10000)
{
    uint64_t rank = (count * of_10000 + 9999) / 10000;

    return count == 0 ? 0 : values[rank > 0 ? rank - 1 : 0];
}

static const struct {
    const char *text, *json;
    uint64_t of_10000;
} points[] = {
    { "p50", "p50", 5000 },     { "p90", "p90", 9000 },
    { "p99", "p99", 9900 },     { "p99.9", "p999", 9990 },
    { "max", "max", 10000 },
};

static void
print_points(const char *name, uint32_t *values, uint64_t count)
{
    printf("%-10s %" PRIu64, name, count);
    for (size_t i = 0; i < ARRAY_COUNT(points); i++) {
        uint32_t us = percentile(values, count, points[i].of_10000);

        printf("  %s %u.%02u ms", points[i].text, us / 1000, us / 10 % 100);
    }
    printf("\n");
}

static void
print_points_json(const char *name, uint32_t *values, uint64_t count)
{
    printf(",\"%s\":{\"count\":%" PRIu64, name, count);
    for (size_t i = 0; i < ARRAY_COUNT(points); i++)
        printf(",\"%sMicroseconds\":%u", points[i].json,
               percentile(values, count, points[i].of_10000));
    printf("}");
}

/* Both lists by order: when each was due, and when it was told as ended. */
static int
orders_by_id(const void *left, const void *right)
{
    const struct load_order *a = left, *b = right;

    return (a->order > b->order) - (a->order < b->order);
}

static void
join(struct bench *bench, const struct arrival *arrivals, size_t count)
{
    struct load *load = &bench->load;
    uint64_t accepted = 0;
    size_t at = 0;

    qsort(load->orders, load->count, sizeof *load->orders, orders_by_id);
    for (uint64_t i = 0; i < load->count; i++) {
        const struct load_order *order = &load->orders[i];
        int64_t took_us;

        if (order->order == 0)
            continue;
        bench->accepted_us[accepted++] = order->latency_us;
        while (at < count && arrivals[at].order < order->order)
            at++;
        if (at == count || arrivals[at].order != order->order)
            continue;
        took_us = arrivals[at].at_us - order->due_us;
        bench->completed_us[bench->completed++] =
            took_us < UINT32_MAX ? (uint32_t)took_us : UINT32_MAX;
    }
    qsort(bench->accepted_us, accepted, sizeof(uint32_t), by_value);
    qsort(bench->completed_us, bench->completed, sizeof(uint32_t), by_value);
}

static void
print(const struct bench *bench)
{
    const struct load *load = &bench->load;
    uint64_t ms = (uint64_t)(load->end_us - load->start_us) / 1000 + 1;

    if (bench->ctl->json) {
        printf("{\"rate\":%" PRIu64 ",\"sent\":%" PRIu64
               ",\"milliseconds\":%" PRIu64 ",\"refused\":%" PRIu64
               ",\"failed\":%" PRIu64,
               load->rate, load->sent, ms, load->refused, load->failed);
        print_points_json("accepted", bench->accepted_us, load->accepted);
        print_points_json("ended", bench->completed_us, bench->completed);
        printf("}\n");
        return;
    }
    printf("%-10s %" PRIu64 " in %" PRIu64 ".%" PRIu64 " s, %" PRIu64
           "/s of %" PRIu64 "/s; refused %" PRIu64 ", failed %" PRIu64 "\n",
           "sent", load->sent, ms / 1000, ms / 100 % 10,
           load->sent * 1000 / ms, load->rate, load->refused, load->failed);
    print_points("accepted", bench->accepted_us, load->accepted);
    print_points("ended", bench->completed_us, bench->completed);
}

/* ---- the run ---- */

/* Whatever others order meanwhile counts, too: the join tells. */
static void
drain(const struct bench *bench)
{
    for (int left = DRAIN_MS; left > 0; left -= LOOK_MS) {
        draw(bench, "ending");
        if (arrivals_count(bench->arrivals) >= bench->load.accepted)
            return;
        (void)poll(NULL, 0, LOOK_MS);
    }
}

static int
judge(const struct bench *bench)
{
    const struct load *load = &bench->load;

    if (load->refused > 0)
        fprintf(stderr, "sagactl: %" PRIu64 " orders were refused, the last "
                        "with %ld\n", load->refused, load->refusal);
    if (load->failed > 0)
        fprintf(stderr, "sagactl: %" PRIu64 " requests got no answer\n",
                load->failed);
    if (bench->completed < load->accepted)
        fprintf(stderr, "sagactl: %" PRIu64 " accepted orders had not ended "
                        "%d s later\n",
                load->accepted - bench->completed, DRAIN_MS / 1000);
    return load->refused + load->failed > 0
                   || bench->completed < load->accepted
               ? EXIT_DIFFERS : EXIT_DONE;
}

static int
run(struct bench *bench, struct gate *gate)
{
    const struct arrival *arrivals;
    size_t count;
    int code = open_accounts(gate, &bench->load);

    if (code == EXIT_DONE) /* others order, too */
        code = arrivals_start(bench->ctl, bench->load.count * 2 + 1000,
                              &bench->arrivals);
    if (code != EXIT_DONE)
        return code;
    code = load_run(&bench->load, gate, on_progress, bench);
    if (code == EXIT_DONE)
        drain(bench);
    arrivals = arrivals_stop(bench->arrivals, &count);
    if (bench->draws)
        fprintf(stderr, "\r\033[K");
    if (code == EXIT_DONE) {
        join(bench, arrivals, count);
        print(bench);
        code = judge(bench);
    }
    arrivals_destroy(&bench->arrivals);
    return code;
}

static bool
read_numbers(const struct sagactl_args *args, struct load *load)
{
    const char *rate = args_value(args, "rate");
    const char *seconds = args_value(args, "seconds");
    const char *product = args_value(args, "product");
    uint64_t duration = 10;

    load->rate = 100;
    load->product = 1;
    if ((rate != NULL && !args_number(args, "--rate", rate, 1, LOAD_RATE_MAX,
                                      &load->rate))
        || (seconds != NULL && !args_number(args, "--seconds", seconds, 1,
                                            SECONDS_MAX, &duration))
        || (product != NULL && !args_number(args, "--product", product, 1,
                                            ID_MAX, &load->product)))
        return false;
    load->count = load->rate * duration;
    if (load->count <= LOAD_ORDERS_MAX)
        return true;
    args_wrong(args, "more than 5000000 orders in all");
    return false;
}

int
sagactl_bench(const struct sagactl *ctl, const struct sagactl_args *args)
{
    struct bench bench = { .ctl = ctl,
                           .load = { .first_user = FIRST_USER,
                                     .users = USERS },
                           .draws = isatty(STDERR_FILENO) == 1 };
    struct gate *gate = NULL;
    int code, verified = EXIT_DONE;

    if (!read_numbers(args, &bench.load))
        return EXIT_USAGE;
    code = gate_open(ctl, &gate);
    if (code != EXIT_DONE)
        return code;
    bench.load.orders = calloc(bench.load.count, sizeof *bench.load.orders);
    bench.accepted_us = calloc(bench.load.count, sizeof(uint32_t));
    bench.completed_us = calloc(bench.load.count, sizeof(uint32_t));
    invariant(bench.load.orders != NULL && bench.accepted_us != NULL
              && bench.completed_us != NULL);
    code = run(&bench, gate);
    if ((code == EXIT_DONE || code == EXIT_DIFFERS)
        && args_value(args, "no-verify") == NULL && out_flush())
        verified = sagactl_verify_running(ctl);
    gate_close(&gate);
    free(bench.load.orders);
    free(bench.accepted_us);
    free(bench.completed_us);
    return code != EXIT_DONE ? code : verified;
}
