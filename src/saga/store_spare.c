/*
 * store_spare.c - unlink, but for what recovery may need
 */
#include "saga/store_spare.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "saga/directory.h"
#include "saga/log.h"
#include "saga/store_db.h"

#define SPARE_FILES_MAX 256
#define SPARE_NAME_BYTES 32

/* Of the store that this thread opens. */
struct spare_file {
    char name[SPARE_NAME_BYTES];
    bool spared; /* once, and not again */
};

static _Thread_local struct spare_file files[SPARE_FILES_MAX];
static _Thread_local unsigned int file_count;

/* __db.TRANSACTION.NUMBER: a table's file that is made or removed. */
static bool
name_is_moved(const char *name)
{
    unsigned int transaction, number;
    int bytes = 0;

    return sscanf(name, "__db.%8x.%8x%n", &transaction, &number, &bytes) == 2
           && name[bytes] == '\0' && bytes < SPARE_NAME_BYTES;
}

/* In the library's place of unlink(2): 0, or the error. */
static int
unlink_unless_spared(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    unsigned int i;

    for (i = 0; i < file_count; i++)
        if (!files[i].spared && strcmp(files[i].name, name) == 0) {
            files[i].spared = true;
            return 0;
        }
    return unlink(path) == 0 ? 0 : errno;
}

int
store_spare_install(void)
{
    return db_env_set_func_unlink(unlink_unless_spared);
}

enum rc
store_spare_begin(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry = NULL;
    enum rc rc = RC_OK;

    file_count = 0;
    while (directory != NULL && (entry = directory_next(directory)) != NULL) {
        if (!name_is_moved(entry->d_name))
            continue;
        if (file_count == SPARE_FILES_MAX) {
            log_error("store_failed", "rc=io operation=open words=\"too many "
                      "remains of tables\" directory=%s", log_quote(path));
            rc = RC_IO;
            break;
        }
        snprintf(files[file_count].name, SPARE_NAME_BYTES, "%.31s",
                 entry->d_name);
        files[file_count++].spared = false;
    }
    if (entry == NULL && errno != 0) {
        log_error("store_failed", "rc=io operation=open error=%s directory=%s",
                  log_quote(strerror(errno)), log_quote(path));
        rc = RC_IO;
    }
    if (directory != NULL)
        closedir(directory);
    return rc;
}

void
store_spare_end(const char *directory)
{
    char path[PATH_MAX + SPARE_NAME_BYTES + 1];
    unsigned int i;

    for (i = 0; i < file_count; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, files[i].name);
        if (unlink(path) != 0 && errno != ENOENT)
            log_warning("store_remains", "path=%s error=%s", log_quote(path),
                        log_quote(strerror(errno)));
    }
    file_count = 0;
}
