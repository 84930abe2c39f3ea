#include "gateway/gateway_door.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "saga/control.h"
#include "saga/directory.h"
#include "saga/log.h"

#define SUFFIX ".ctl"

struct gateway_door {
    const struct config *config;
    struct mailbox *requests;
    struct mailbox *answers;
    pthread_t thread;
    int stop_fd; /* readable once we are to end */
    atomic_bool stopping;
    atomic_uint waiting; /* handed over, not yet answered */
    char reply[CONTROL_REPLY_BYTES_MAX];
};

struct names {
    char names[DOOR_PARTICIPANTS_MAX][PRODUCER_NAME_BYTES];
    size_t count;
    bool more; /* than have room */
};

/* ---- one question ----------------------------------------------------- */

/* -1: nobody listens there, with errno. */
static int
connect_to(const struct gateway_door *door, const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd, bytes;

    bytes = snprintf(address.sun_path, sizeof address.sun_path,
                     "%s/run/%s" SUFFIX, door->config->home, name);
    if (bytes >= (int)sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address,
                           sizeof address) != 0) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* The answer's object; NULL if none came in time, or none that we read. */
static json_t *
converse(struct gateway_door *door, int fd, const char *words)
{
    struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
                            { .fd = door->stop_fd, .events = POLLIN } };
    ssize_t bytes;

    if (send(fd, words, strlen(words), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ||
        poll(fds, ARRAY_COUNT(fds), DOOR_ANSWER_MS) <= 0 ||
        fds[0].revents == 0)
        return NULL;
    bytes = recv(fd, door->reply, sizeof door->reply, MSG_DONTWAIT);
    if (bytes <= 0)
        return NULL;
    return json_loadb(door->reply, (size_t)bytes, JSON_REJECT_DUPLICATES,
                      NULL);
}

/* Asks one participant.  NULL and the request's outcome set if it can't. */
static json_t *
ask(struct gateway_door *door, struct request *request, const char *name,
    const char *words)
{
    int fd = connect_to(door, name), error = errno;
    json_t *object = NULL;

    if (fd >= 0) {
        object = converse(door, fd, words);
        close(fd);
        error = ETIMEDOUT;
    }
    if (object != NULL)
        return object;
    request->outcome = REQUEST_SILENT;
    if (name != request->participant)
        snprintf(request->participant, sizeof request->participant, "%s",
                 name);
    log_warning("door_silent", "participant=%s error=%s", name,
                log_quote(strerror(error)));
    return NULL;
}

static uint64_t
number_of(const json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

/* ---- the list --------------------------------------------------------- */

/* The row with its participant in front; takes `rows` as it is. */
static enum rc
append_row(json_t *rows, const char *name, json_t *row)
{
    json_t *whole = json_pack("{s:s}", "participant", name);

    if (whole == NULL || json_object_update(whole, row) != 0 ||
        json_array_append_new(rows, whole) != 0)
        return RC_NO_MEMORY;
    return RC_OK;
}

/* All pages of one participant, up to DOOR_ROWS_MAX rows. */
static enum rc
append_rows(struct gateway_door *door, struct request *request,
            const char *name, json_t *rows)
{
    uint64_t after = 0;
    size_t count = 0, i;
    bool more = true;
    enum rc rc = RC_OK;

    while (more && count < DOOR_ROWS_MAX && rc == RC_OK) {
        char words[64];
        json_t *page, *row;

        snprintf(words, sizeof words, "parked %" PRIu64, after);
        page = ask(door, request, name, words);
        if (page == NULL)
            return RC_AGAIN;
        json_array_foreach(json_object_get(page, "rows"), i, row) {
            after = number_of(row, "number");
            if (count++ < DOOR_ROWS_MAX && rc == RC_OK)
                rc = append_row(rows, name, row);
        }
        more = i > 0 && json_is_true(json_object_get(page, "more"));
        json_decref(page);
    }
    return rc;
}

static bool
is_named(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->names[i], name) == 0)
            return true;
    return false;
}

static void
add_name(struct names *names, const char *name)
{
    if (is_named(names, name))
        return;
    names->more = names->count == DOOR_PARTICIPANTS_MAX;
    if (!names->more)
        snprintf(names->names[names->count++], PRODUCER_NAME_BYTES, "%s",
                 name);
}

/* A door left behind by a process that was killed is passed over, and so is one
 * that went meanwhile: whoever is not of the three may be gone for good. */
static bool
listens(const struct gateway_door *door, const char *name)
{
    int fd = connect_to(door, name);

    if (fd >= 0)
        close(fd);
    return fd >= 0 || (errno != ECONNREFUSED && errno != ENOENT);
}

/* If that file is the door of somebody who is not named yet. */
static void
add_other(const struct gateway_door *door, const char *file,
          struct names *names)
{
    size_t bytes = strlen(file);
    char name[PRODUCER_NAME_BYTES];

    if (bytes < sizeof SUFFIX || bytes >= sizeof name + sizeof SUFFIX - 1 ||
        strcmp(file + bytes - (sizeof SUFFIX - 1), SUFFIX) != 0)
        return;
    snprintf(name, sizeof name, "%.*s", (int)(bytes - sizeof SUFFIX + 1),
             file);
    if (process_find(name) != PROCESS_BROKER && !is_named(names, name) &&
        listens(door, name))
        add_name(names, name);
}

/* RC_IO, and a line in the log: who they are can't be told. */
static enum rc
find_others(const struct gateway_door *door, struct names *names)
{
    char path[CONFIG_STRING_BYTES + 8];
    const struct dirent *entry;
    DIR *directory;
    int error;

    snprintf(path, sizeof path, "%s/run", door->config->home);
    directory = opendir(path);
    while (directory != NULL && !names->more &&
           (entry = directory_next(directory)) != NULL)
        add_other(door, entry->d_name, names);
    error = errno;
    if (directory != NULL)
        closedir(directory);
    if (directory != NULL && error == 0 && !names->more)
        return RC_OK;
    log_warning("doors_unknown", "path=%s error=%s", path,
                log_quote(names->more ? "too many participants"
                                      : strerror(error)));
    return RC_IO;
}

static void
on_list(struct gateway_door *door, struct request *request)
{
    struct names names = { .count = 0 };
    json_t *rows = json_array();
    enum rc rc = rows != NULL ? RC_OK : RC_NO_MEMORY;

    add_name(&names, process_name(PROCESS_PAYMENT));
    add_name(&names, process_name(PROCESS_LEDGER));
    add_name(&names, door->config->name);
    if (rc == RC_OK)
        rc = find_others(door, &names);
    for (size_t i = 0; i < names.count && rc == RC_OK; i++)
        rc = append_rows(door, request, names.names[i], rows);
    if (rc == RC_OK)
        request->text = json_dumps(rows, JSON_COMPACT);
    if (rc == RC_IO)
        request->outcome = REQUEST_SILENT; /* and participant is empty */
    else if (rc != RC_AGAIN)
        request->outcome = request->text != NULL ? REQUEST_DONE
                                                 : REQUEST_FAILED;
    json_decref(rows);
}

/* ---- redrive, drop ---------------------------------------------------- */

/* Nobody of that name has a door here, nor should have one. */
static bool
is_unknown(const struct gateway_door *door, const char *name)
{
    char path[CONFIG_STRING_BYTES + PRODUCER_NAME_BYTES + 16];
    enum process process = process_find(name);

    if (!topic_name_valid(name) || process == PROCESS_BROKER)
        return true;
    if (process != PROCESS_NONE)
        return false;
    snprintf(path, sizeof path, "%s/run/%s" SUFFIX, door->config->home, name);
    return access(path, F_OK) != 0;
}

static void
on_act(struct gateway_door *door, struct request *request, const char *verb)
{
    char words[64];
    json_t *answer;

    if (is_unknown(door, request->participant)) {
        request->outcome = REQUEST_NO_ROW;
        return;
    }
    snprintf(words, sizeof words, "%s %" PRIu64, verb, request->number);
    answer = ask(door, request, request->participant, words);
    if (answer == NULL)
        return;
    request->redriven = number_of(answer, "redriven");
    request->parked_count = number_of(answer, "parked");
    if (json_object_get(answer, "error") != NULL)
        request->outcome = REQUEST_NO_ROW; /* no such number is parked */
    else if (json_is_true(json_object_get(answer, "refused")))
        request->outcome = REQUEST_REFUSED;
    else
        request->outcome = REQUEST_DONE;
    json_decref(answer);
}

/* ---- the thread ------------------------------------------------------- */

static void
serve(struct gateway_door *door, struct request *request)
{
    switch ((int)request->kind) {
    case REQUEST_PARKED_LIST:
        on_list(door, request);
        break;
    case REQUEST_PARKED_REDRIVE:
        on_act(door, request, "redrive");
        break;
    case REQUEST_PARKED_DROP:
        on_act(door, request, "drop");
        break;
    default:
        invariant(!"a request of the door's");
    }
}

static void *
run(void *context)
{
    struct gateway_door *door = context;
    struct pollfd fds[] = {
        { .fd = mailbox_fd(door->requests), .events = POLLIN },
        { .fd = door->stop_fd, .events = POLLIN },
    };

    while (!atomic_load(&door->stopping)) {
        struct request *request;

        if (poll(fds, ARRAY_COUNT(fds), -1) < 0)
            invariant(errno == EINTR);
        request = mailbox_take(door->requests);
        while (request != NULL && !atomic_load(&door->stopping)) {
            struct request *next = request->next;

            serve(door, request);
            atomic_fetch_sub(&door->waiting, 1);
            mailbox_post(door->answers, request, request);
            request = next;
        }
    }
    return NULL;
}

enum rc
gateway_door_open(struct gateway_door **door_out, const struct config *config)
{
    struct gateway_door *door = calloc(1, sizeof *door);

    *door_out = NULL;
    if (door == NULL)
        return RC_NO_MEMORY;
    door->config = config;
    door->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (door->stop_fd >= 0 && mailbox_new(&door->requests) == RC_OK &&
        mailbox_new(&door->answers) == RC_OK &&
        pthread_create(&door->thread, NULL, run, door) == 0) {
        *door_out = door;
        return RC_OK;
    }
    if (door->stop_fd >= 0)
        close(door->stop_fd);
    mailbox_destroy(&door->requests);
    mailbox_destroy(&door->answers);
    free(door);
    return RC_IO;
}

void
gateway_door_close(struct gateway_door **door_p)
{
    struct gateway_door *door = *door_p;
    int failed;

    if (door == NULL)
        return;
    atomic_store(&door->stopping, true);
    failed = eventfd_write(door->stop_fd, 1);
    invariant(!failed);
    pthread_join(door->thread, NULL);
    close(door->stop_fd);
    mailbox_destroy(&door->requests);
    mailbox_destroy(&door->answers);
    free(door);
    *door_p = NULL;
}

bool
gateway_door_busy(const struct gateway_door *door)
{
    return atomic_load(&door->waiting) >= DOOR_WAITING_MAX;
}

void
gateway_door_ask(struct gateway_door *door, struct request *request)
{
    atomic_fetch_add(&door->waiting, 1);
    mailbox_post(door->requests, request, request);
}

struct mailbox *
gateway_door_answers(const struct gateway_door *door)
{
    return door->answers;
}
