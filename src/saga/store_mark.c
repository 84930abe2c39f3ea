/*
 * store_mark.c - the log's high-water mark, one line of text
 */
#include "saga/store_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "saga/file_replace.h"
#include "saga/log.h"

#define LINE_BYTES 64
#define LINE_FORMAT "log_end=%" PRIu64 " end\n" /* "end": it is whole */

static void
mark_failed(const char *operation, const char *path)
{
    log_warning("store_mark_failed", "operation=%s path=%s error=%s",
                operation, log_quote(path), log_quote(strerror(errno)));
}

void
store_mark_write(const char *directory, uint64_t log_end)
{
    char path[PATH_MAX + LINE_BYTES], line[LINE_BYTES];
    int bytes = snprintf(line, sizeof line, LINE_FORMAT, log_end);

    snprintf(path, sizeof path, "%s/" STORE_MARK_NAME, directory);
    if (file_replace(path, line, (size_t)bytes) != 0)
        mark_failed("write", path);
}

enum rc
store_mark_read(const char *directory, uint64_t *log_end_out)
{
    char path[PATH_MAX + LINE_BYTES], line[LINE_BYTES], same[LINE_BYTES];
    ssize_t bytes;
    int fd;

    snprintf(path, sizeof path, "%s/" STORE_MARK_NAME, directory);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return RC_NOT_FOUND;
    if (fd < 0) {
        mark_failed("open", path);
        return RC_IO;
    }
    bytes = read(fd, line, sizeof line - 1);
    close(fd);
    line[bytes > 0 ? bytes : 0] = '\0';
    if (sscanf(line, LINE_FORMAT, log_end_out) != 1)
        return RC_DAMAGED;
    snprintf(same, sizeof same, LINE_FORMAT, *log_end_out);
    return strcmp(line, same) == 0 ? RC_OK : RC_DAMAGED;
}
