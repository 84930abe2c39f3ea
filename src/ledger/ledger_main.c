#include "ledger/ledger.h"
#include "saga/daemon.h"
#include "saga/log.h"

int
main(int argc, char **argv)
{
    struct config config;
    struct ledger *ledger;
    struct participant *participant;
    int signal_fd;
    enum rc rc, closed;

    log_open("ledger");
    config_load(&config, PROCESS_LEDGER, argc, argv);
    daemon_lock(&config); /* exits EXIT_USAGE if not alone */
    signal_fd = daemon_signals();
    daemon_gathers(true);
    rc = ledger_new(&ledger, &config);
    if (rc != RC_OK)
        die(rc_exit_code(rc), "no memory");
    participant = participant_open(&config, &ledger_handlers, ledger,
                                   signal_fd, -1);
    daemon_ready(); /* now, and only now, we can serve */
    rc = participant_run(participant); /* until SIGTERM */
    closed = participant_close(&participant);
    if (rc == RC_OK)
        rc = closed;
    ledger_destroy(&ledger);
    return rc == RC_OK ? EXIT_DONE : rc_exit_code(rc);
}
