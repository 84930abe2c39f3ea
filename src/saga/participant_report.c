#include "saga/participant_state.h"

#include "saga/daemon.h"
#include "saga/log.h"
#include "saga/report_self.h"

#define TELL_US 1000000

void
participant_report(const struct participant *participant,
                   struct report *report_out)
{
    struct participant_stats stats;
    struct store_stats store;

    participant_stats(participant, &stats);
    store_stats(participant->store, &store);
    *report_out = (struct report){
        .turns = stats.turns,
        .events_in = stats.events_in,
        .events_duplicate = stats.events_duplicate,
        .events_out = stats.events_out,
        .commands = stats.commands,
        .outbox = stats.outbox_backlog,
        .parked = stats.parked,
        .commits = store.commits,
        .flushes = store.flushes,
        .flush_us_max = store.flush_us_max,
        .checkpoints = store.checkpoints,
        .turn_events = participant->turn_events,
        .flush_us = store.flush_us,
    };
    report_self(report_out);
}

void
participant_tell(struct participant *participant)
{
    int64_t now_us = clock_monotonic_us();
    struct report report;

    if (now_us < participant->report_us)
        return;
    participant->report_us = now_us + TELL_US;
    log_keep_small(participant->config->home, participant->config->name,
                   participant->config->log_size);
    participant_report(participant, &report);
    bus_report(participant->bus, &report);
    if (participant->handlers->on_status != NULL)
        bus_ask_status(participant->bus);
}
