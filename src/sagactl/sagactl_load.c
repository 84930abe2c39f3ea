#include "sagactl/sagactl_load.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BODY_BYTES 96
#define ANSWER_BYTES 64 /* its beginning: the id stands first */
#define ANSWER_S 30
#define PROGRESS_US 200000

struct slot {
    CURL *curl;
    uint64_t index; /* of the order under way */
    char body[BODY_BYTES];
    char answer[ANSWER_BYTES];
    size_t answer_bytes;
    bool busy;
};

struct loop {
    struct load *load;
    CURLM *multi;
    struct curl_slist *headers;
    char url[1100];
    struct slot slots[LOAD_CONNECTIONS];
};

int64_t
load_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static size_t
on_body(char *data, size_t size, size_t count, void *context)
{
    struct slot *slot = context;
    size_t bytes = size * count, room = ANSWER_BYTES - 1 - slot->answer_bytes;

    memcpy(slot->answer + slot->answer_bytes, data,
           bytes < room ? bytes : room);
    slot->answer_bytes += bytes < room ? bytes : room;
    return bytes;
}

static bool
open_slot(struct loop *loop, struct slot *slot)
{
    CURL *curl = slot->curl = curl_easy_init();

    if (curl == NULL)
        return false;
    curl_easy_setopt(curl, CURLOPT_URL, loop->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)ANSWER_S);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, loop->headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, slot);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, slot);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, slot->body);
    return true;
}

static bool
loop_open(struct loop *loop, const struct gate *gate)
{
    static const char *const fixed[] = { "Content-Type: application/json",
                                         "Expect:" };
    const char *token = gate_token_header(gate);
    bool whole = true;

    snprintf(loop->url, sizeof loop->url, "%s/orders", gate_url(gate));
    loop->multi = curl_multi_init();
    for (size_t i = 0; i < ARRAY_COUNT(fixed); i++)
        loop->headers = curl_slist_append(loop->headers, fixed[i]);
    if (*token != '\0')
        loop->headers = curl_slist_append(loop->headers, token);
    for (size_t i = 0; i < LOAD_CONNECTIONS; i++)
        whole = open_slot(loop, &loop->slots[i]) && whole;
    return whole && loop->multi != NULL && loop->headers != NULL;
}

static void
loop_close(struct loop *loop)
{
    for (size_t i = 0; i < LOAD_CONNECTIONS; i++) {
        if (loop->slots[i].busy)
            curl_multi_remove_handle(loop->multi, loop->slots[i].curl);
        curl_easy_cleanup(loop->slots[i].curl);
    }
    curl_multi_cleanup(loop->multi);
    curl_slist_free_all(loop->headers);
}

/* ---- sending ---- */

static int64_t
due_us(const struct load *load, uint64_t index)
{
    return load->start_us + (int64_t)(index * 1000 / load->rate) * 1000;
}

static void
send_order(struct loop *loop, struct slot *slot)
{
    struct load *load = loop->load;
    struct load_order *order = &load->orders[load->sent];
    uint64_t user = load->first_user + load->sent % load->users;

    order->due_us = due_us(load, load->sent);
    slot->index = load->sent++;
    slot->answer_bytes = 0;
    slot->busy = true;
    snprintf(slot->body, sizeof slot->body,
             "{\"userId\":%" PRIu64 ",\"productId\":%" PRIu64 "}", user,
             load->product);
    curl_easy_setopt(slot->curl, CURLOPT_POSTFIELDSIZE,
                     (long)strlen(slot->body));
    curl_multi_add_handle(loop->multi, slot->curl);
}

/* Everything that is due and has a connection; false if all are busy. */
static bool
send_due(struct loop *loop)
{
    struct load *load = loop->load;
    int64_t now_us = load_now_us();

    for (size_t i = 0; i < LOAD_CONNECTIONS; i++) {
        if (load->sent == load->count || due_us(load, load->sent) > now_us)
            return true;
        if (!loop->slots[i].busy)
            send_order(loop, &loop->slots[i]);
    }
    return load->sent == load->count || due_us(load, load->sent) > now_us;
}

/* ---- answers ---- */

static uint64_t
id_of(struct slot *slot)
{
    const char *at;

    slot->answer[slot->answer_bytes] = '\0';
    at = strstr(slot->answer, "\"id\":");
    return at != NULL ? strtoull(at + 5, NULL, 10) : 0;
}

static void
on_answer(struct loop *loop, struct slot *slot, CURLcode result)
{
    struct load *load = loop->load;
    struct load_order *order = &load->orders[slot->index];
    int64_t took_us = load_now_us() - order->due_us;
    long status = 0;

    curl_easy_getinfo(slot->curl, CURLINFO_RESPONSE_CODE, &status);
    order->latency_us = took_us < UINT32_MAX ? (uint32_t)took_us : UINT32_MAX;
    load->answered++;
    if (result != CURLE_OK)
        load->failed++;
    else if (status == 201 && (order->order = id_of(slot)) != 0)
        load->accepted++;
    else {
        load->refused++;
        load->refusal = status;
    }
    curl_multi_remove_handle(loop->multi, slot->curl);
    slot->busy = false;
}

static void
take_answers(struct loop *loop)
{
    struct slot *slot;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(loop->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &slot);
        on_answer(loop, slot, message->data.result);
    }
}

static int
wait_ms(const struct load *load, bool has_room)
{
    int64_t left_us = load->sent < load->count && has_room
                          ? due_us(load, load->sent) - load_now_us()
                          : PROGRESS_US;

    if (left_us > PROGRESS_US)
        left_us = PROGRESS_US;
    return left_us > 0 ? (int)ms_up(left_us) : 0;
}

int
load_run(struct load *load, const struct gate *gate,
         load_progress_fn *progress, void *context)
{
    struct loop *loop = calloc(1, sizeof *loop);
    int64_t told_us = 0;
    int running;
    bool has_room;

    if (loop == NULL || !loop_open(loop, gate)) {
        fprintf(stderr, "sagactl: no memory\n");
        return EXIT_SYSTEM;
    }
    loop->load = load;
    load->start_us = load_now_us();
    while (load->answered < load->count) {
        has_room = send_due(loop);
        curl_multi_perform(loop->multi, &running);
        take_answers(loop);
        if (load_now_us() - told_us > PROGRESS_US) {
            progress(context, load);
            told_us = load_now_us();
        }
        if (load->answered < load->count)
            curl_multi_poll(loop->multi, NULL, 0, wait_ms(load, has_room),
                            NULL);
    }
    load->end_us = load_now_us();
    loop_close(loop);
    free(loop);
    return EXIT_DONE;
}
