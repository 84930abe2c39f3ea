/*
 * sagactl_gate.h - the gateway, asked over HTTP
 *
 * Where it is: --url, else SAGAPIPE_URL, else what HOME/run/gateway.url says.
 * A pipeline with tokens wants one: --token-file, else SAGAPIPE_TOKEN.
 * Proxies that the environment names are not asked.  One thread.
 */
#ifndef SAGACTL_GATE_H
#define SAGACTL_GATE_H

#include "sagactl/sagactl.h"

#define GATE_HEADERS_MAX 2
#define GATE_NEXT_BYTES 512
#define GATE_PATH_BYTES 512
#define GATE_ANSWER_BYTES_MAX (16u << 20)
#define GATE_ANSWER_S 60  /* an answer is here by then; `wait` comes on top */
#define GATE_CONNECT_S 5

struct gate;

struct gate_question {
    const char *method;
    const char *path; /* from "/" on */
    const char *body; /* JSON, or NULL */
    const char *headers[GATE_HEADERS_MAX]; /* "Prefer: wait=5", or NULL */
    unsigned wait_s;
    unsigned limit_s; /* 0: GATE_ANSWER_S                          */
    bool quiet;       /* nothing is printed if nothing is answered */
};

struct gate_answer {
    long status;
    char *text; /* ends with a NUL */
    size_t bytes;
    json_t *json; /* NULL if it is none */
    char next[GATE_NEXT_BYTES]; /* of Link: rel="next"; "" if there is none */
};

/* EXIT_DONE, or one line: EXIT_USAGE for a URL or token that can't be, or a
 * home that is none, EXIT_SYSTEM if no gateway runs there.  Nothing is sent
 * yet. */
MUST_USE int gate_open(const struct sagactl *ctl, struct gate **gate_out);
void gate_close(struct gate **gate_p);

/* Where it is, and the header with the token ("" without one). */
const char *gate_url(const struct gate *gate);
const char *gate_token_header(const struct gate *gate);
/* Why nothing was answered to the last question. */
const char *gate_error(const struct gate *gate);

/* EXIT_DONE with whatever was answered; EXIT_SYSTEM, and one line, if nothing
 * was.  The answer is the caller's to free. */
MUST_USE int gate_ask(struct gate *gate, const struct gate_question *question,
                      struct gate_answer *answer_out);
void gate_answer_fini(struct gate_answer *answer);

/* EXIT_DONE for 2xx.  Else one line that tells the problem; EXIT_DIFFERS if
 * the gateway says no (4xx), EXIT_SYSTEM if it can't (5xx). */
MUST_USE int gate_judge(const struct gate_answer *answer);

/* Both: only a good answer comes back. */
MUST_USE int gate_get(struct gate *gate, const struct gate_question *question,
                      struct gate_answer *answer_out);

/* Calls take() with what comes, as it comes, until it returns false or the
 * other side ends or breaks off (EXIT_DONE), or as gate_get().  It ends, too,
 * when nobody reads stdout any more. */
typedef bool gate_take_fn(void *context, const char *data, size_t bytes);
MUST_USE int gate_stream(struct gate *gate,
                         const struct gate_question *question,
                         gate_take_fn *take, void *context);

#endif
