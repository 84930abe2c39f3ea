#include "saga/base.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const rc_names[RC_COUNT] = {
    [RC_OK] = "ok",
    [RC_NOT_FOUND] = "not_found",
    [RC_EXISTS] = "exists",
    [RC_FULL] = "full",
    [RC_AGAIN] = "again",
    [RC_MALFORMED] = "malformed",
    [RC_BUSY] = "busy",
    [RC_NO_SPACE] = "no_space",
    [RC_NO_MEMORY] = "no_memory",
    [RC_IO] = "io",
    [RC_DAMAGED] = "damaged",
    [RC_REFUSED] = "refused",
    [RC_FENCED] = "fenced",
};

const char *
rc_name(enum rc rc)
{
    return rc < RC_COUNT ? rc_names[rc] : "unknown";
}

int
rc_exit_code(enum rc rc)
{
    switch (rc) {
    case RC_DAMAGED:
    case RC_FENCED:
        return EXIT_DAMAGED;
    case RC_BUSY:
    case RC_MALFORMED:
        return EXIT_USAGE;
    case RC_OK:
    case RC_NOT_FOUND:
    case RC_EXISTS:
    case RC_FULL:
    case RC_AGAIN:
    case RC_NO_SPACE:
    case RC_NO_MEMORY:
    case RC_REFUSED:
    case RC_IO:
    case RC_COUNT:
        break;
    }
    return EXIT_SYSTEM;
}

void
invariant_broken(const char *law, const char *file, int line)
{
    fprintf(stderr, "level=fatal event=invariant_broken law=\"%s\" at=%s:%d\n",
            law, file, line);
    abort();
}
