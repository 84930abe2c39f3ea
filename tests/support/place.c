#include "place.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_ROOM 512
#define TEXT_ROOM 256

static char directory[64];

int
place_make(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/sagapipe_test.XXXXXX");
    return mkdtemp(directory) == NULL;
}

static int
remove_one(const char *path, const struct stat *status, int type,
           struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

int
place_remove(void **state)
{
    (void)state;
    return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *
place(void)
{
    return directory;
}

const char *
at(const char *rest)
{
    static char paths[4][PATH_ROOM];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    snprintf(path, PATH_ROOM, "%s/%s", directory, rest);
    return path;
}

void
assert_mode(const char *path, mode_t mode)
{
    struct stat status;

    if (stat(path, &status) != 0)
        fail_msg("%s: %s", path, strerror(errno));
    if ((status.st_mode & 07777) != mode)
        fail_msg("%s has mode %o, not %o", path, status.st_mode & 07777, mode);
}

bool
is_there(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

void
assert_text(const char *path, const char *expected)
{
    char text[TEXT_ROOM];
    FILE *file = fopen(path, "r");
    size_t bytes;

    if (file == NULL)
        fail_msg("%s: %s", path, strerror(errno));
    bytes = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[bytes] = '\0';
    assert_string_equal(text, expected);
}

void
put_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}
