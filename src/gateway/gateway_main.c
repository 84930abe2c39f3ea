#include "gateway/gateway_http.h"
#include "saga/daemon.h"
#include "saga/log.h"

#include <sys/eventfd.h>

static void
make_mailbox(struct mailbox **mailbox_out)
{
    if (mailbox_new(mailbox_out) != RC_OK)
        die(EXIT_SYSTEM, "no descriptor left for a mailbox");
}

/* The http thread answers what is answered and ends. */
static void
stop_http(struct gateway_http **http_p, struct gateway_shared *shared)
{
    atomic_store(&shared->draining, true);
    atomic_store(&shared->stopped, true);
    if (eventfd_write(atomic_load(&shared->wake_fd), 1) != 0)
        die(EXIT_SYSTEM, "the http thread can't be woken");
    gateway_http_close(http_p);
}

int
main(int argc, char **argv)
{
    static struct gateway_shared shared;
    struct config config;
    struct mailbox *requests, *answers;
    struct gateway_http *http;
    struct gateway_store *store;
    struct participant *participant;
    int signal_fd;
    enum rc rc, closed;

    log_open("gateway");
    config_load(&config, PROCESS_GATEWAY, argc, argv);
    daemon_lock(&config);           /* exits EXIT_USAGE if not alone        */
    signal_fd = daemon_signals();
    make_mailbox(&requests);
    make_mailbox(&answers);
    http = gateway_http_open(&config, requests, answers, &shared);
    store = gateway_store_new(&config, requests, answers, &shared);
    daemon_gathers(true);           /* but for the http thread              */
    participant = participant_open(&config, &gateway_store_handlers, store,
                                   signal_fd, mailbox_fd(requests));
    gateway_store_attach(store, participant);
    gateway_http_start(http);
    daemon_ready();                 /* now, and only now, we can serve      */
    rc = participant_run(participant); /* until SIGTERM, and drained        */
    stop_http(&http, &shared);
    closed = participant_close(&participant);
    gateway_store_destroy(&store);
    mailbox_destroy(&requests);
    mailbox_destroy(&answers);
    if (rc == RC_OK)
        rc = closed;
    return rc == RC_OK ? EXIT_DONE : rc_exit_code(rc);
}
