#include "saga/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "saga/log.h"

/* Names go round after so many: long before, a client has its answer. */
#define CLIENT_NAMES (CONTROL_CLIENTS_MAX << 20)

struct control {
    int epoll_fd;
    int listen_fd;
    int clients[CONTROL_CLIENTS_MAX]; /* -1: free */
    int names[CONTROL_CLIENTS_MAX];   /* how requests call them: rises by
                                         CONTROL_CLIENTS_MAX per connection */
    char path[sizeof ((struct sockaddr_un *)0)->sun_path];
};

/* A directory stays one, however often it is tried. */
static enum rc
failed(struct control *control, const char *operation)
{
    enum rc rc = errno == EISDIR ? RC_MALFORMED : RC_IO;

    log_error("control_failed", "operation=%s path=%s error=%s", operation,
              log_quote(control->path), log_quote(strerror(errno)));
    return rc;
}

static int
watch(struct control *control, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

    return epoll_ctl(control->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static enum rc
start_listening(struct control *control)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    memcpy(address.sun_path, control->path, sizeof address.sun_path);
    control->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    control->listen_fd = socket(
        AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->epoll_fd < 0 || control->listen_fd < 0)
        return failed(control, "socket");
    if (unlink(control->path) != 0 && errno != ENOENT)
        return failed(control, "unlink");
    /* The umask (daemon_lock) says whether the group may connect. */
    if (bind(control->listen_fd, (const struct sockaddr *)&address,
             sizeof address) != 0)
        return failed(control, "bind");
    if (listen(control->listen_fd, CONTROL_CLIENTS_MAX) != 0 ||
        watch(control, control->listen_fd) != 0)
        return failed(control, "listen");
    return RC_OK;
}

enum rc
control_open(struct control **control_out, const char *path)
{
    struct control *control = calloc(1, sizeof *control);
    enum rc rc;
    int i;

    if (control == NULL)
        return RC_NO_MEMORY;
    control->epoll_fd = control->listen_fd = -1;
    for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        control->clients[i] = -1;
        control->names[i] = i;
    }
    snprintf(control->path, sizeof control->path, "%s", path);
    if (strlen(path) >= sizeof control->path) {
        errno = ENAMETOOLONG;
        rc = failed(control, "path");
    } else
        rc = start_listening(control);
    if (rc != RC_OK)
        control_close(&control);
    *control_out = control;
    return rc;
}

static void
drop(struct control *control, int slot)
{
    close(control->clients[slot]);
    control->clients[slot] = -1;
}

void
control_close(struct control **control_p)
{
    struct control *control = *control_p;
    int i;

    *control_p = NULL;
    if (control == NULL)
        return;
    for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i] >= 0)
            drop(control, i);
    if (control->listen_fd >= 0) {
        close(control->listen_fd);
        unlink(control->path);
    }
    if (control->epoll_fd >= 0)
        close(control->epoll_fd);
    free(control);
}

/* Of a socket of another type the kernel tells that somebody listens at the
 * path, and lets nobody in; where nobody does, it refuses. */
bool
control_lives(const char *home, const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int bytes = snprintf(address.sun_path, sizeof address.sun_path,
                         "%s/run/%s.ctl", home, name);
    bool lives;
    int fd;

    if (bytes >= (int)sizeof address.sun_path)
        return false;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    lives = connect(fd, (const struct sockaddr *)&address, sizeof address) != 0
            && errno == EPROTOTYPE;
    close(fd);
    return lives;
}

int
control_fd(const struct control *control)
{
    return control == NULL ? -1 : control->epoll_fd;
}

/* ---- requests --------------------------------------------------------- */

static void
accept_client(struct control *control)
{
    int fd = accept4(control->listen_fd, NULL, NULL,
                     SOCK_CLOEXEC | SOCK_NONBLOCK);
    int bytes = CONTROL_REPLY_BYTES_MAX + 4096;
    int i;

    if (fd < 0)
        return;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i] < 0 && watch(control, fd) == 0) {
            control->clients[i] = fd;
            control->names[i] =
                (control->names[i] + CONTROL_CLIENTS_MAX) % CLIENT_NAMES;
            return;
        }
    close(fd);
}

static void
split_words(struct control_request *request)
{
    char *rest = request->text;
    size_t first = strcspn(request->text, " \n");
    int i;

    snprintf(request->argument, sizeof request->argument, "%s",
             request->text + first + (request->text[first] == ' '));
    memset(request->words, 0, sizeof request->words);
    for (i = 0; i < CONTROL_WORDS_MAX; i++) {
        request->words[i] = strtok_r(i == 0 ? rest : NULL, " \n", &rest);
        if (request->words[i] == NULL)
            return;
    }
}

/* True if a request came; a client that ended or breaks the form is dropped. */
static bool
read_request(struct control *control, int slot,
             struct control_request *request)
{
    ssize_t bytes = recv(control->clients[slot], request->text,
                         sizeof request->text, MSG_TRUNC);

    if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (bytes <= 0 || (size_t)bytes >= sizeof request->text) {
        drop(control, slot);
        return false;
    }
    request->text[bytes] = '\0';
    request->client = control->names[slot];
    split_words(request);
    return true;
}

bool
control_take(struct control *control, struct control_request *request_out)
{
    struct epoll_event event;
    int slot, left;

    if (control == NULL)
        return false;
    for (left = 2 * CONTROL_CLIENTS_MAX; left > 0; left--) {
        if (epoll_wait(control->epoll_fd, &event, 1, 0) <= 0)
            return false;
        if (event.data.fd == control->listen_fd) {
            accept_client(control);
            continue;
        }
        for (slot = 0; slot < CONTROL_CLIENTS_MAX; slot++)
            if (control->clients[slot] == event.data.fd &&
                read_request(control, slot, request_out))
                return true;
    }
    return false;
}

bool
control_is_there(const struct control *control, int client)
{
    int slot = client % CONTROL_CLIENTS_MAX;

    return control->clients[slot] >= 0 && control->names[slot] == client;
}

void
control_reply(struct control *control, int client, const char *reply,
              size_t bytes)
{
    int slot = client % CONTROL_CLIENTS_MAX;

    invariant(bytes <= CONTROL_REPLY_BYTES_MAX);
    if (control_is_there(control, client) &&
        send(control->clients[slot], reply, bytes,
             MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        drop(control, slot);
}
