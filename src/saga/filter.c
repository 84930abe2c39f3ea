#include "saga/filter.h"

#include "saga/daemon.h"
#include "saga/log.h"

int
filter_main(const char *name, const struct participant_handlers *handlers,
            void *context, int argc, char **argv)
{
    struct participant *participant;
    struct config config;
    int signal_fd;
    enum rc rc, closed;

    log_open(name);
    config_load_filter(&config, name, argc, argv);
    daemon_lock(&config); /* exits EXIT_USAGE if not alone */
    signal_fd = daemon_signals();
    participant = participant_open(&config, handlers, context, signal_fd, -1);
    daemon_ready();
    rc = participant_run(participant);
    closed = participant_close(&participant);
    if (rc == RC_OK)
        rc = closed;
    return rc == RC_OK ? EXIT_DONE : rc_exit_code(rc);
}
