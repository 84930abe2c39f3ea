#include "sagactl/sagactl_gate.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "saga/log.h"

#define URL_BYTES 1024
#define TOKEN_BYTES 512

struct gate {
    CURL *curl;
    char url[URL_BYTES]; /* without a slash at its end */
    char token_header[TOKEN_BYTES + sizeof "Authorization: Bearer "];
    char error[CURL_ERROR_SIZE];
};

struct download {
    struct gate *gate;
    struct gate_answer *answer;
    gate_take_fn *take; /* NULL: all of it goes to the answer */
    void *context;
    bool enough; /* take() wants no more, or nobody reads stdout */
    bool too_large;
};

/* ---- where, and with which token ---- */

/* The first line of a file, without blanks at its ends. */
static int
read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t bytes;

    if (file == NULL)
        return -1;
    bytes = fread(line, 1, size - 1, file);
    line[bytes] = '\0';
    fclose(file);
    bytes = strcspn(line, "\r\n");
    while (bytes > 0 && (line[bytes - 1] == ' ' || line[bytes - 1] == '\t'))
        bytes--;
    line[bytes] = '\0';
    return 0;
}

static int
find_url(const struct sagactl *ctl, char url[URL_BYTES])
{
    char path[URL_BYTES];

    if (ctl->url != NULL) {
        if (strlen(ctl->url) >= URL_BYTES) {
            fprintf(stderr, "sagactl: this URL is too long\n");
            return EXIT_USAGE;
        }
        strncpy(url, ctl->url, URL_BYTES - 1);
        return EXIT_DONE;
    }
    if (snprintf(path, sizeof path, "%s/run/gateway.url", ctl->home) <
            (int)sizeof path
        && read_line(path, url, URL_BYTES) == 0)
        return EXIT_DONE;
    if (sagactl_check_home(ctl) != EXIT_DONE)
        return EXIT_USAGE;
    fprintf(stderr, "sagactl: no gateway runs at %s: it is stopped, or "
                    "somewhere else (--url)\n", log_quote(ctl->home));
    return EXIT_SYSTEM;
}

static int
check_url(char *url)
{
    CURLU *parsed = curl_url();
    char *scheme = NULL;
    size_t bytes = strlen(url);
    bool right = parsed != NULL
                 && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK
                 && curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0)
                        == CURLUE_OK
                 && (strcmp(scheme, "http") == 0
                     || strcmp(scheme, "https") == 0)
                 && strpbrk(url, "?# ") == NULL;

    curl_free(scheme);
    curl_url_cleanup(parsed);
    if (!right) {
        fprintf(stderr, "sagactl: %s is no URL of a gateway, like "
                        "http://127.0.0.1:9192\n", log_quote(url));
        return EXIT_USAGE;
    }
    while (bytes > 0 && url[bytes - 1] == '/')
        url[--bytes] = '\0';
    return EXIT_DONE;
}

static int
find_token(const struct sagactl *ctl, char *header, size_t size)
{
    const char *variable = getenv("SAGAPIPE_TOKEN");
    char token[TOKEN_BYTES] = "";
    size_t bytes;

    if (ctl->token_file != NULL) {
        if (read_line(ctl->token_file, token, sizeof token) != 0) {
            fprintf(stderr, "sagactl: %s: %s\n", log_quote(ctl->token_file),
                    strerror(errno));
            return EXIT_USAGE;
        }
    } else if (variable != NULL)
        snprintf(token, sizeof token, "%s", variable);
    bytes = strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                          "0123456789-._~+/=");
    if (token[bytes] != '\0' || (bytes == 0 && ctl->token_file != NULL)) {
        fprintf(stderr, "sagactl: the token has a character that no token "
                        "has, or is empty\n"); /* it is never shown */
        return EXIT_USAGE;
    }
    if (bytes > 0)
        snprintf(header, size, "Authorization: Bearer %s", token);
    return EXIT_DONE;
}

int
gate_open(const struct sagactl *ctl, struct gate **gate_out)
{
    struct gate *gate = calloc(1, sizeof *gate);
    int code;

    if (gate == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK
        || (gate->curl = curl_easy_init()) == NULL) {
        fprintf(stderr, "sagactl: no memory\n");
        free(gate);
        return EXIT_SYSTEM;
    }
    code = find_url(ctl, gate->url);
    if (code == EXIT_DONE)
        code = check_url(gate->url);
    if (code == EXIT_DONE)
        code = find_token(ctl, gate->token_header, sizeof gate->token_header);
    if (code != EXIT_DONE)
        gate_close(&gate);
    else
        *gate_out = gate;
    return code;
}

void
gate_close(struct gate **gate_p)
{
    struct gate *gate = *gate_p;

    *gate_p = NULL;
    if (gate == NULL)
        return;
    curl_easy_cleanup(gate->curl);
    curl_global_cleanup();
    free(gate);
}

const char *
gate_url(const struct gate *gate)
{
    return gate->url;
}

const char *
gate_token_header(const struct gate *gate)
{
    return gate->token_header;
}

const char *
gate_error(const struct gate *gate)
{
    return gate->error;
}

/* ---- one question ---- */

static bool
keep(struct gate_answer *answer, const char *data, size_t bytes)
{
    char *text;

    if (answer->bytes + bytes > GATE_ANSWER_BYTES_MAX)
        return false;
    text = realloc(answer->text, answer->bytes + bytes + 1);
    if (text == NULL)
        return false;
    memcpy(text + answer->bytes, data, bytes);
    answer->text = text;
    answer->bytes += bytes;
    text[answer->bytes] = '\0';
    return true;
}

/* A problem is kept, also of what is a stream when it is good. */
static size_t
on_body(char *data, size_t size, size_t count, void *context)
{
    struct download *download = context;
    long status = 0;

    curl_easy_getinfo(download->gate->curl, CURLINFO_RESPONSE_CODE, &status);
    if (download->take != NULL && status == 200) {
        download->enough = !download->take(download->context, data,
                                           size * count);
        return download->enough ? 0 : size * count;
    }
    download->too_large = !keep(download->answer, data, size * count);
    return download->too_large ? 0 : size * count;
}

/* Link: </orders?after=7>; rel="next" */
static size_t
on_header(char *data, size_t size, size_t count, void *context)
{
    static const char name[] = "link:";
    struct download *download = context;
    char line[GATE_NEXT_BYTES];
    size_t bytes = size * count;
    const char *from, *to;

    if (bytes < sizeof name || bytes >= sizeof line
        || strncasecmp(data, name, sizeof name - 1) != 0)
        return bytes;
    memcpy(line, data, bytes);
    line[bytes] = '\0';
    from = strchr(line, '<');
    to = strchr(line, '>');
    if (from != NULL && to != NULL && from[1] == '/'
        && strstr(to, "rel=\"next\"") != NULL)
        snprintf(download->answer->next, sizeof download->answer->next,
                 "%.*s", (int)(to - from) - 1, from + 1);
    return bytes;
}

/* A stream may be silent for long: whoever reads us may go meanwhile. */
static int
on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c,
            curl_off_t d)
{
    struct download *download = context;
    struct pollfd out = { .fd = STDOUT_FILENO };

    (void)a, (void)b, (void)c, (void)d;
    if (download->take != NULL && poll(&out, 1, 0) == 1
        && (out.revents & POLLERR) != 0)
        download->enough = true;
    return download->enough;
}

static void
set_options(struct gate *gate, const struct gate_question *question,
            struct download *download, struct curl_slist *headers,
            const char *url)
{
    CURL *curl = gate->curl;
    long limit_s = question->limit_s > 0 ? question->limit_s : GATE_ANSWER_S;

    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, gate->error);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)GATE_CONNECT_S);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT,
                     download->take != NULL
                         ? 0L : limit_s + (long)question->wait_s);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, question->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, download);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, download);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, download);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    if (question->body != NULL)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, question->body);
    else if (strcmp(question->method, "POST") == 0
             || strcmp(question->method, "PUT") == 0)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
}

/* A list that takes the text, or that is gone. */
static struct curl_slist *
add_header(struct curl_slist *headers, const char *text)
{
    struct curl_slist *longer = curl_slist_append(headers, text);

    if (longer == NULL)
        curl_slist_free_all(headers);
    return longer;
}

static struct curl_slist *
list_headers(const struct gate *gate, const struct gate_question *question)
{
    struct curl_slist *headers = add_header(
        NULL, question->body != NULL ? "Content-Type: application/json"
                                     : "Content-Type:");

    if (headers != NULL)
        headers = add_header(headers, "Expect:");
    if (headers != NULL && gate->token_header[0] != '\0')
        headers = add_header(headers, gate->token_header);
    for (int i = 0; i < GATE_HEADERS_MAX && headers != NULL; i++)
        if (question->headers[i] != NULL)
            headers = add_header(headers, question->headers[i]);
    return headers;
}

/* A stream that had begun and breaks off has ended, as one that ends well:
 * a gateway that is killed does not take its leave. */
static bool
is_stream_begun(const struct download *download)
{
    return download->take != NULL && download->answer->status == 200;
}

static int
perform(struct gate *gate, const struct gate_question *question,
        struct download *download)
{
    char url[URL_BYTES + GATE_PATH_BYTES];
    struct curl_slist *headers = list_headers(gate, question);
    CURLcode result;

    if (headers == NULL) {
        fprintf(stderr, "sagactl: no memory\n");
        return EXIT_SYSTEM;
    }
    snprintf(url, sizeof url, "%s%s", gate->url, question->path);
    set_options(gate, question, download, headers, url);
    gate->error[0] = '\0';
    result = curl_easy_perform(gate->curl);
    curl_slist_free_all(headers);
    curl_easy_getinfo(gate->curl, CURLINFO_RESPONSE_CODE,
                      &download->answer->status);
    if (result == CURLE_OK || download->enough || is_stream_begun(download))
        return EXIT_DONE;
    if (download->too_large || gate->error[0] == '\0')
        snprintf(gate->error, sizeof gate->error, "%s",
                 download->too_large ? "the answer is too large"
                                     : curl_easy_strerror(result));
    if (!question->quiet)
        fprintf(stderr, "sagactl: %s: %s\n", gate->url, gate->error);
    return EXIT_SYSTEM;
}

/* A body ends its line; whoever prints it does that, too. */
static void
trim_end(struct gate_answer *answer)
{
    while (answer->bytes > 0 && answer->text[answer->bytes - 1] == '\n')
        answer->text[--answer->bytes] = '\0';
}

int
gate_ask(struct gate *gate, const struct gate_question *question,
         struct gate_answer *answer)
{
    struct download download = { .gate = gate, .answer = answer };
    int code;

    *answer = (struct gate_answer){ 0 };
    code = perform(gate, question, &download);
    trim_end(answer);
    if (code != EXIT_DONE)
        gate_answer_fini(answer);
    else if (answer->bytes > 0
             && memchr(answer->text, '\0', answer->bytes) == NULL)
        answer->json = json_loadb(answer->text, answer->bytes,
                                  JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
                                  NULL);
    return code;
}

void
gate_answer_fini(struct gate_answer *answer)
{
    free(answer->text);
    json_decref(answer->json);
    *answer = (struct gate_answer){ 0 };
}

/* ": " and a member of the problem; what a terminal could take for more than
 * text is shown as '?'. */
static void
complain(const struct gate_answer *answer, const char *member)
{
    const char *text = sagactl_text(answer->json, member);

    if (strcmp(member, "type") == 0 && strrchr(text, '/') != NULL)
        text = strrchr(text, '/') + 1;
    if (*text == '\0')
        return;
    fprintf(stderr, ": ");
    for (; *text != '\0'; text++)
        fputc((uint8_t)*text < ' ' || *text == 0x7f ? '?' : *text, stderr);
}

int
gate_judge(const struct gate_answer *answer)
{
    if (answer->status >= 200 && answer->status < 300)
        return EXIT_DONE;
    fprintf(stderr, "sagactl: %ld", answer->status);
    complain(answer, "type");
    complain(answer, "title");
    complain(answer, "detail");
    fprintf(stderr, "%s\n",
            json_is_object(answer->json) ? "" : ": no answer of a gateway");
    return answer->status >= 400 && answer->status < 500 ? EXIT_DIFFERS
                                                         : EXIT_SYSTEM;
}

int
gate_get(struct gate *gate, const struct gate_question *question,
         struct gate_answer *answer)
{
    int code = gate_ask(gate, question, answer);

    if (code != EXIT_DONE)
        return code;
    code = gate_judge(answer);
    if (code == EXIT_DONE && answer->json == NULL && answer->bytes > 0) {
        fprintf(stderr, "sagactl: %s: the answer is no JSON\n", gate->url);
        code = EXIT_SYSTEM;
    }
    if (code != EXIT_DONE)
        gate_answer_fini(answer);
    return code;
}

int
gate_stream(struct gate *gate, const struct gate_question *question,
            gate_take_fn *take, void *context)
{
    struct gate_answer answer = { 0 };
    struct download download = { .gate = gate, .answer = &answer,
                                 .take = take, .context = context };
    int code = perform(gate, question, &download);

    if (code == EXIT_DONE && !download.enough) {
        answer.json = json_loadb(answer.text != NULL ? answer.text : "",
                                 answer.bytes, 0, NULL);
        code = question->quiet && answer.status >= 500 ? EXIT_SYSTEM
                                                       : gate_judge(&answer);
    }
    gate_answer_fini(&answer);
    return code;
}
