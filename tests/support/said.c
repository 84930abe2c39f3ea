#include "said.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#define SAID_BYTES_MAX 65536

static FILE *file;
static int kept = -1;

void
said_begin(void)
{
    assert_int_equal(kept, -1);
    file = tmpfile();
    assert_non_null(file);
    kept = dup(STDERR_FILENO);
    assert_true(kept >= 0);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
}

const char *
said_end(void)
{
    static char text[SAID_BYTES_MAX];
    size_t bytes;

    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    kept = -1;
    rewind(file);
    bytes = fread(text, 1, sizeof text - 1, file);
    text[bytes] = '\0';
    fclose(file);
    return text;
}
