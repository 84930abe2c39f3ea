#include "sagactl/sagactl_out.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *
out_colour(const struct sagactl *ctl, enum out_colour colour)
{
    static const char *const escapes[] = {
        [OUT_PLAIN] = "\033[0m",  [OUT_BOLD] = "\033[1m",
        [OUT_DIM] = "\033[2m",    [OUT_GOOD] = "\033[32m",
        [OUT_BAD] = "\033[1;31m", [OUT_WAIT] = "\033[33m",
    };

    return ctl->colour ? escapes[colour] : "";
}

bool
out_flush(void)
{
    return fflush(stdout) == 0 && ferror(stdout) == 0;
}

/* errno may be of another call: what was printed is written when the buffer
 * is full. */
static bool
reader_is_gone(void)
{
    struct pollfd out = { .fd = STDOUT_FILENO };

    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

int
out_finish(int code)
{
    if (out_flush() || reader_is_gone())
        return code;
    fprintf(stderr, "sagactl: the output can't be written: %s\n",
            strerror(errno));
    return EXIT_SYSTEM;
}

const char *
out_bytes(uint64_t bytes, char text[OUT_TEXT_BYTES])
{
    static const char *const units[] = { "B",   "KiB", "MiB",
                                         "GiB", "TiB", "PiB" };
    uint64_t tenths = bytes > UINT64_MAX / 10 ? UINT64_MAX : bytes * 10;
    size_t unit = 0;

    for (; tenths >= 10240 && unit + 1 < ARRAY_COUNT(units); unit++)
        tenths /= 1024;
    if (unit == 0)
        snprintf(text, OUT_TEXT_BYTES, "%" PRIu64 " B", bytes);
    else
        snprintf(text, OUT_TEXT_BYTES, "%" PRIu64 ".%" PRIu64 " %s",
                 tenths / 10, tenths % 10, units[unit]);
    return text;
}

const char *
out_seconds(uint64_t seconds, char text[OUT_TEXT_BYTES])
{
    uint64_t days = seconds / 86400, hours = seconds / 3600 % 24;
    uint64_t minutes = seconds / 60 % 60;

    if (days > 0)
        snprintf(text, OUT_TEXT_BYTES, "%" PRIu64 "d%02" PRIu64 "h", days,
                 hours);
    else if (hours > 0)
        snprintf(text, OUT_TEXT_BYTES, "%" PRIu64 "h%02" PRIu64 "m", hours,
                 minutes);
    else if (minutes > 0)
        snprintf(text, OUT_TEXT_BYTES, "%" PRIu64 "m%02" PRIu64 "s", minutes,
                 seconds % 60);
    else
        snprintf(text, OUT_TEXT_BYTES, "%" PRIu64 "s", seconds);
    return text;
}
