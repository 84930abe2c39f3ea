/* The operators' door, and what a participant answers through it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../support/fake_bus.h"
#include "saga/log.h"
#include "saga/participant_control.h"

#define WAIT_MS 60000

struct door {
    char directory[64];
    char path[96];
    struct control *control;
    struct fake_broker *broker;
    struct config config;
    struct participant *participant;
    uint64_t refused_order;
    char reply[CONTROL_REPLY_BYTES_MAX + 1];
};

static int
connect_door(const struct door *door)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

    assert_true(fd >= 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", door->path);
    assert_int_equal(
        connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* The reply that is there now; "" if the connection was closed. */
static const char *
read_reply(struct door *door, int fd)
{
    struct pollfd wait = { fd, POLLIN, 0 };
    ssize_t bytes;

    assert_int_equal(poll(&wait, 1, WAIT_MS), 1);
    bytes = recv(fd, door->reply, sizeof door->reply - 1, 0);
    door->reply[bytes > 0 ? bytes : 0] = '\0';
    return door->reply;
}

static int
setup(void **state)
{
    struct door *door = calloc(1, sizeof *door);

    assert_non_null(door);
    snprintf(door->directory, sizeof door->directory,
             "/tmp/test_control.XXXXXX");
    assert_non_null(mkdtemp(door->directory));
    snprintf(door->path, sizeof door->path, "%s/it.ctl", door->directory);
    assert_int_equal(control_open(&door->control, door->path), RC_OK);
    *state = door;
    return 0;
}

static int
teardown(void **state)
{
    struct door *door = *state;
    char command[128];

    control_close(&door->control);
    if (door->participant != NULL)
        assert_int_equal(participant_close(&door->participant), RC_OK);
    if (door->broker != NULL)
        fake_broker_destroy(&door->broker);
    snprintf(command, sizeof command, "rm -rf %s", door->directory);
    assert_int_equal(system(command), 0);
    free(door);
    return 0;
}

/* ---- the door --------------------------------------------------------- */

static void
test_control_request_is_split_into_words(void **state)
{
    struct door *door = *state;
    struct control_request request;
    int fd = connect_door(door);

    assert_false(control_take(door->control, &request));
    assert_int_equal(send(fd, "redrive  7\n", 11, 0), 11);
    assert_true(control_take(door->control, &request));
    assert_string_equal(request.words[0], "redrive");
    assert_string_equal(request.words[1], "7");
    assert_null(request.words[2]);
    control_reply(door->control, request.client, "{}", 2);
    assert_string_equal(read_reply(door, fd), "{}");
    close(fd);
}

static void
test_control_keeps_the_first_words_of_many(void **state)
{
    struct door *door = *state;
    struct control_request request;
    int fd = connect_door(door);

    assert_int_equal(send(fd, "a b c d e f", 11, 0), 11);
    assert_true(control_take(door->control, &request));
    assert_string_equal(request.words[CONTROL_WORDS_MAX - 1], "d");
    close(fd);
}

static void
test_control_too_long_request_closes(void **state)
{
    struct door *door = *state;
    struct control_request request;
    char text[CONTROL_REQUEST_BYTES_MAX] = { 'x' };
    int fd = connect_door(door);

    assert_int_equal(send(fd, text, sizeof text, 0), sizeof text);
    assert_false(control_take(door->control, &request));
    assert_string_equal(read_reply(door, fd), "");
    close(fd);
}

static void
test_control_more_clients_than_may_are_closed(void **state)
{
    struct door *door = *state;
    struct control_request request;
    int fds[CONTROL_CLIENTS_MAX + 1];
    int i;

    for (i = 0; i <= CONTROL_CLIENTS_MAX; i++) {
        fds[i] = connect_door(door);
        assert_false(control_take(door->control, &request));
    }
    assert_string_equal(read_reply(door, fds[CONTROL_CLIENTS_MAX]), "");
    close(fds[0]); /* makes room */
    assert_false(control_take(door->control, &request));
    close(fds[CONTROL_CLIENTS_MAX]);
    fds[0] = connect_door(door);
    assert_int_equal(send(fds[0], "hello", 5, 0), 5);
    assert_true(control_take(door->control, &request));
    for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
        close(fds[i]);
}

static void
test_control_client_that_left_loses_its_reply(void **state)
{
    struct door *door = *state;
    struct control_request request;
    int fd = connect_door(door);

    assert_int_equal(send(fd, "status", 6, 0), 6);
    assert_true(control_take(door->control, &request));
    close(fd);
    control_reply(door->control, request.client, "{}", 2);
    assert_false(control_take(door->control, &request));
}

static void
test_control_replaces_what_a_crash_left(void **state)
{
    struct door *door = *state;
    struct control *second;

    assert_int_equal(control_open(&second, door->path), RC_OK);
    close(connect_door(door));
    control_close(&second);
}

static void
test_control_path_that_cannot_be_is_refused(void **state)
{
    struct control *none;
    char path[200];

    (void)state;
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(control_open(&none, path), RC_IO);
    assert_null(none);
    assert_int_equal(control_open(&none, "/nowhere/at/all.ctl"), RC_IO);
    assert_int_equal(control_fd(NULL), -1);
}

/* Regress 059: it was an I/O error, with which its owner is tried again. */
static void
test_control_059_directory_at_its_path_is_not_tried_again(void **state)
{
    struct door *door = *state;
    struct control *none;

    assert_int_equal(control_open(&none, door->directory), RC_MALFORMED);
    assert_null(none);
}

/* ---- a participant behind it ------------------------------------------ */

static enum rc
app_open(void *context, struct store *store)
{
    (void)context;
    (void)store;
    return RC_OK;
}

static enum rc
app_event(void *context, struct turn *turn, const struct event *event)
{
    const struct door *door = context;

    (void)turn;
    return event->order.value == door->refused_order ? RC_REFUSED : RC_OK;
}

static const struct participant_handlers app_handlers = {
    .on_open = app_open,
    .on_event = app_event,
};

static void
open_participant(struct door *door)
{
    char name[] = "payment", *argv[] = { name, NULL };
    char *environment[] = { NULL }, error[256];
    struct bus *bus;

    door->broker = fake_broker_new();
    bus = fake_bus_new(door->broker, "payment");
    assert_int_equal(config_read(&door->config, PROCESS_PAYMENT, 1, argv,
                                 environment, error, sizeof error),
                     RC_OK);
    assert_int_equal(participant_open_over(&door->participant, &door->config,
                                           door->directory, &bus,
                                           &app_handlers, door, -1, -1),
                     RC_OK);
    door->participant->control = door->control;
    door->participant->fds[FD_CONTROL].fd = control_fd(door->control);
    door->control = NULL;
}

static void
send_order(struct door *door, uint64_t order)
{
    struct event event;

    event_init(&event, EVENT_ORDER_CANCEL);
    event.order.value = order;
    event.user.value = 1;
    event.reason = REFUSAL_CANCELLED;
    fake_broker_send(door->broker, "orders", "gateway", &event);
    assert_int_equal(participant_turn(door->participant, 0), RC_OK);
}

static const char *
ask(struct door *door, const char *request)
{
    int fd = connect_door(door);

    assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
    assert_int_equal(participant_turn(door->participant, 0), RC_OK);
    read_reply(door, fd);
    close(fd);
    return door->reply;
}

static void
expect_in(const char *reply, const char *part)
{
    if (strstr(reply, part) == NULL)
        fail_msg("no %s in %s", part, reply);
}

static void
test_control_status_tells_positions(void **state)
{
    struct door *door = *state;

    open_participant(door);
    send_order(door, 1);
    expect_in(ask(door, "status"), "\"process\":\"payment\"");
    expect_in(door->reply, "{\"topic\":\"orders\",\"partition\":0,"
                           "\"position\":1}");
    expect_in(door->reply, "\"eventsIn\":1");
}

static void
test_control_parked_are_shown_redriven_and_dropped(void **state)
{
    struct door *door = *state;

    open_participant(door);
    door->refused_order = 7;
    send_order(door, 7);
    send_order(door, 7);
    expect_in(ask(door, "parked"), "\"count\":2");
    expect_in(door->reply, "\"number\":1,\"orderId\":7,\"userId\":1");
    expect_in(door->reply, "\"cause\":\"behind\"");
    expect_in(ask(door, "parked 1"), "\"number\":2");
    assert_null(strstr(door->reply, "\"number\":1,"));
    expect_in(ask(door, "show 1"), "\"hex\":\"88a26964");
    expect_in(ask(door, "show 9"), "\"error\":\"nothing with");
    expect_in(ask(door, "show"), "\"error\":\"which one");
    expect_in(ask(door, "redrive 1"),
              "{\"redriven\":0,\"refused\":true,\"parked\":2}");
    door->refused_order = 0;
    expect_in(ask(door, "drop 1"),
              "{\"redriven\":1,\"refused\":false,\"parked\":0}");
}

static void
test_control_redrive_all_tries_each_order(void **state)
{
    struct door *door = *state;

    open_participant(door);
    door->refused_order = 7;
    send_order(door, 7);
    send_order(door, 7);
    door->refused_order = 8;
    send_order(door, 8);
    expect_in(ask(door, "redrive all"),
              "{\"redriven\":2,\"refused\":true,\"parked\":1,"
              "\"more\":false,\"last\":3}");
    door->refused_order = 0;
    expect_in(ask(door, "redrive all 3"), "{\"redriven\":0,");
    expect_in(ask(door, "redrive all x"), "\"error\":\"redrive all: behind");
    expect_in(ask(door, "redrive all"),
              "{\"redriven\":1,\"refused\":false,\"parked\":0,");
}

/* The reply to "backup DIRECTORY/NAME", which comes when the copy is done. */
static const char *
ask_copy(struct door *door, const char *name)
{
    struct pollfd wait = { .fd = connect_door(door), .events = POLLIN };
    char request[128];
    int turns;

    snprintf(request, sizeof request, "backup %s/%s", door->directory, name);
    assert_int_equal(send(wait.fd, request, strlen(request), 0),
                     strlen(request));
    for (turns = 0; turns < 60000 && poll(&wait, 1, 1) == 0; turns++)
        assert_int_equal(participant_turn(door->participant, 0), RC_OK);
    read_reply(door, wait.fd);
    close(wait.fd);
    return door->reply;
}

static void
test_control_backup_is_answered_when_it_is_done(void **state)
{
    struct door *door = *state;
    char path[128];
    struct stat copy;

    open_participant(door);
    send_order(door, 1);
    expect_in(ask_copy(door, "a copy"), "{\"copied\":true}");
    snprintf(path, sizeof path, "%s/a copy/participant", door->directory);
    assert_int_equal(stat(path, &copy), 0);
    expect_in(ask_copy(door, "a copy"), "\"error\":\"no copy: this directory");
    expect_in(ask_copy(door, "no/copy"),
              "\"error\":\"no copy: this process can't write there");
    expect_in(ask(door, "backup"), "\"error\":\"where to");
    expect_in(ask(door, "backup here"), "\"error\":\"where to");
}

static void
test_control_wrong_requests_are_told(void **state)
{
    struct door *door = *state;

    open_participant(door);
    expect_in(ask(door, "dance"), "\"error\":\"status, parked");
    expect_in(ask(door, " "), "\"error\"");
    expect_in(ask(door, "parked x"), "\"error\":\"parked wants");
    expect_in(ask(door, "redrive"), "\"error\":\"which one");
    expect_in(ask(door, "drop -1"), "\"error\":\"which one");
    expect_in(ask(door, "drop 99999999999999999999"), "\"error\":\"which one");
    expect_in(ask(door, "drop 5"), "\"error\":\"nothing with");
}

static int
bind_at(const char *path, int type)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, type, 0);

    assert_true(fd >= 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* What a kill leaves: a socket in the directory, and nobody behind it. */
static void
leave_door(const char *path)
{
    int fd = bind_at(path, SOCK_SEQPACKET);

    assert_int_equal(listen(fd, 1), 0);
    close(fd);
}

/* The door is the ledger's, at the home that is the test's directory. */
static void
name_door(struct door *door)
{
    char run[72];

    snprintf(run, sizeof run, "%s/run", door->directory);
    assert_int_equal(mkdir(run, 0700), 0);
    snprintf(door->path, sizeof door->path, "%s/ledger.ctl", run);
}

static int
next_descriptor(void)
{
    int fd = dup(0);

    assert_true(fd >= 0);
    close(fd);
    return fd;
}

/* Also of one that lets nobody in, and whose queue no look makes longer: there
 * is room for an operator behind any number of looks. */
static void
test_control_lives_while_its_door_is_open(void **state)
{
    struct door *door = *state;
    struct control *ledger;
    int fd;

    name_door(door);
    assert_false(control_lives(door->directory, "ledger"));
    assert_int_equal(control_open(&ledger, door->path), RC_OK);
    fd = next_descriptor();
    for (int i = 0; i < 3 * CONTROL_CLIENTS_MAX; i++)
        assert_true(control_lives(door->directory, "ledger"));
    assert_int_equal(next_descriptor(), fd);
    close(connect_door(door));
    control_close(&ledger);
    assert_false(control_lives(door->directory, "ledger"));
    leave_door(door->path);
    assert_false(control_lives(door->directory, "ledger"));
}

/* What stands at the path is no door, or the path is none: a file, a socket
 * that anybody may write to, a home that is a file, a path that is too long and
 * whose beginning is a door. */
static void
test_control_lives_nobody_behind_what_is_no_door(void **state)
{
    struct door *door = *state;
    char home[sizeof ((struct sockaddr_un *)0)->sun_path];
    int fd;

    name_door(door);
    fclose(fopen(door->path, "w"));
    errno = EPROTOTYPE;
    assert_false(control_lives(door->directory, "ledger"));
    assert_false(control_lives(door->path, "ledger"));
    assert_int_equal(unlink(door->path), 0);
    fd = bind_at(door->path, SOCK_DGRAM);
    errno = EPROTOTYPE;
    assert_false(control_lives(door->directory, "ledger"));
    close(fd);
    snprintf(home, sizeof home, "%s/%0*d", door->directory,
             (int)(sizeof home - strlen(door->directory) - 2), 0);
    fd = bind_at(home, SOCK_SEQPACKET);
    assert_int_equal(listen(fd, 1), 0);
    assert_false(control_lives(home, "ledger"));
    close(fd);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_control_request_is_split_into_words),
        T(test_control_keeps_the_first_words_of_many),
        T(test_control_too_long_request_closes),
        T(test_control_more_clients_than_may_are_closed),
        T(test_control_client_that_left_loses_its_reply),
        T(test_control_replaces_what_a_crash_left),
        cmocka_unit_test(test_control_path_that_cannot_be_is_refused),
        T(test_control_059_directory_at_its_path_is_not_tried_again),
        T(test_control_status_tells_positions),
        T(test_control_parked_are_shown_redriven_and_dropped),
        T(test_control_redrive_all_tries_each_order),
        T(test_control_backup_is_answered_when_it_is_done),
        T(test_control_wrong_requests_are_told),
        T(test_control_lives_while_its_door_is_open),
        T(test_control_lives_nobody_behind_what_is_no_door),
    };

    log_open("test_control");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
