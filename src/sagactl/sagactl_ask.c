#include "sagactl/sagactl.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "saga/control.h"

#define HOLD_MS 10000
#define HOLD_REQUEST "hold 600" /* seconds: what the broker allows */

int
sagactl_check_home(const struct sagactl *ctl)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof path, "%s/data", ctl->home) <
            (int)sizeof path &&
        access(path, F_OK) == 0)
        return EXIT_DONE;
    fprintf(stderr, "sagactl: %s is no pipeline's home: no data in it: %s; "
            "--home names it\n", ctl->home, strerror(errno));
    return EXIT_USAGE;
}

/* A socket at the door of that name; -1, and errno. */
static int
connect_to(const struct sagactl *ctl, const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int bytes = snprintf(address.sun_path, sizeof address.sun_path,
                         "%s/run/%s.ctl", ctl->home, name);
    int error = ENAMETOOLONG;

    if (fd < 0)
        return -1;
    if (bytes < (int)sizeof address.sun_path) {
        if (connect(fd, (const struct sockaddr *)&address, sizeof address)
            == 0)
            return fd;
        error = errno;
    }
    close(fd);
    errno = error;
    return -1;
}

static void
complain(const char *name, const char *words)
{
    fprintf(stderr, "sagactl: %s: %s\n", name, words);
}

static int
parse(const char *name, const char *reply, size_t bytes, json_t **object_out)
{
    json_t *object = json_loadb(reply, bytes, JSON_REJECT_DUPLICATES, NULL);
    const char *error = sagactl_text(object, "error");

    if (object == NULL) {
        complain(name, "its reply is no JSON");
        return EXIT_SYSTEM;
    }
    if (*error != '\0') {
        complain(name, error);
        json_decref(object);
        return EXIT_DIFFERS;
    }
    *object_out = object;
    return EXIT_DONE;
}

/* Sends one request and reads its one reply. */
static int
converse(int fd, const char *name, int timeout_ms, const char *request,
         json_t **object_out)
{
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    int code = EXIT_SYSTEM;
    ssize_t bytes;
    char *reply = malloc(CONTROL_REPLY_BYTES_MAX);

    if (reply == NULL)
        complain(name, "no memory");
    else if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
        complain(name, strerror(errno));
    else if (poll(&wait, 1, timeout_ms) != 1)
        complain(name, "it does not answer in time");
    else if ((bytes = recv(fd, reply, CONTROL_REPLY_BYTES_MAX, 0)) <= 0)
        complain(name, "it went away before it answered");
    else
        code = parse(name, reply, (size_t)bytes, object_out);
    free(reply);
    return code;
}

int
sagactl_hold(const struct sagactl *ctl, int *fd_out)
{
    json_t *reply = NULL;
    int fd, code = sagactl_check_home(ctl);

    *fd_out = -1;
    if (code != EXIT_DONE)
        return code;
    fd = connect_to(ctl, "broker");
    if (fd < 0) {
        complain("broker", "does not run at this home");
        return EXIT_SYSTEM;
    }
    code = converse(fd, "broker", HOLD_MS, HOLD_REQUEST, &reply);
    if (code != EXIT_DONE) {
        close(fd);
        return code;
    }
    json_decref(reply);
    *fd_out = fd;
    return EXIT_DONE;
}

int
sagactl_release(int hold)
{
    json_t *reply = NULL;
    int code = converse(hold, "broker", HOLD_MS, "release", &reply);

    json_decref(reply);
    close(hold);
    return code == EXIT_DONE ? EXIT_DONE : EXIT_SYSTEM;
}

static int
ask(const struct sagactl *ctl, const char *name, int timeout_ms,
    bool *running_out, json_t **object_out, const char *format,
    va_list values)
{
    char request[CONTROL_REQUEST_BYTES_MAX];
    int fd = connect_to(ctl, name), code = EXIT_USAGE;

    *object_out = NULL;
    *running_out = fd >= 0;
    if (fd < 0)
        return EXIT_SYSTEM;
    if (vsnprintf(request, sizeof request, format, values) >=
        (int)sizeof request)
        complain(name, "this request is too long");
    else
        code = converse(fd, name, timeout_ms, request, object_out);
    close(fd);
    return code;
}

int
sagactl_ask(const struct sagactl *ctl, const char *name, int timeout_ms,
            json_t **reply_out, const char *format, ...)
{
    bool running;
    va_list values;
    int code = sagactl_check_home(ctl);

    *reply_out = NULL;
    if (code != EXIT_DONE)
        return code;
    va_start(values, format);
    code = ask(ctl, name, timeout_ms, &running, reply_out, format, values);
    va_end(values);
    if (!running)
        fprintf(stderr, "sagactl: %s: nothing answers at %s/run/%s.ctl: is "
                        "the pipeline of this home running?\n",
                name, ctl->home, name);
    return code;
}

json_t *
sagactl_try(const struct sagactl *ctl, const char *name, int timeout_ms,
            bool *running_out, const char *format, ...)
{
    va_list values;
    json_t *object;

    va_start(values, format);
    (void)ask(ctl, name, timeout_ms, running_out, &object, format, values);
    va_end(values);
    return object;
}

const char *
sagactl_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

uint64_t
sagactl_number(const json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(object, name));
}
