#include "saga/report_self.h"

#include <stdio.h>
#include <unistd.h>

#include "saga/daemon.h"

/* Second field of /proc/self/statm, in pages; 0 if it can't be read. */
static uint64_t
resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    (void)fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void
report_self(struct report *report)
{
    report->pid = (uint64_t)getpid();
    report->started_us = (uint64_t)daemon_started_us();
    report->restarts = daemon_restarts();
    report->resident_bytes = resident_bytes();
}
