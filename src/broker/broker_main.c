/*
 * The broker: durable topics for the other processes.
 */
#include <unistd.h>

#include "broker/broker.h"
#include "broker/broker_connections.h"
#include "saga/daemon.h"
#include "saga/log.h"

int
main(int argc, char **argv)
{
    struct config config;
    struct broker *broker;
    int signal_fd;
    enum rc rc;

    log_open("broker");
    config_load(&config, PROCESS_BROKER, argc, argv);
    broker_check(&config);
    broker_connections_allow(config.connections);
    daemon_lock(&config);
    signal_fd = daemon_signals();
    daemon_gathers(true);
    rc = broker_open(&broker, &config, daemon_data_directory(), signal_fd);
    if (rc == RC_OK) {
        daemon_ready();
        rc = broker_run(broker);
    }
    if (rc == RC_OK)
        rc = broker_close(&broker);
    if (rc == RC_OK)
        return EXIT_DONE;
    log_error("ended", "rc=%s exit=%d", rc_name(rc), rc_exit_code(rc));
    _exit(rc_exit_code(rc)); /* nothing may be written any more */
}
