#include "saga/fault.h"

#ifdef FAULT_POINTS

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "saga/log.h"

void
fault_point(const char *name)
{
    static long left = 0;
    const char *wanted = getenv("FAULT_POINT");
    const char *count = getenv("FAULT_COUNT");

    if (wanted == NULL || strcmp(wanted, name) != 0)
        return;
    if (left == 0)
        left = count != NULL ? strtol(count, NULL, 10) : 1;
    if (--left > 0)
        return;
    log_warning("fault_point", "name=%s", name);
    kill(getpid(), SIGKILL);
}

#else

/* A translation unit must not be empty. */
typedef int fault_points_are_off;

#endif
