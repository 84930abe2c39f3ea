#include "saga/store_unsynced.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "saga/directory.h"
#include "saga/log.h"
#include "saga/store_sync.h"

#define PIECE_BYTES (1u << 20)

void
store_unsynced_note(const char *directory)
{
    int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = -1;

    if (directory_fd >= 0)
        fd = openat(directory_fd, STORE_UNSYNCED_NAME,
                    O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0)
        close(fd);
    if (directory_fd >= 0)
        close(directory_fd);
}

static enum rc
failed(const char *directory, const char *name)
{
    log_error("store_failed", "rc=io operation=write_again file=%s error=%s "
              "directory=%s", name, log_quote(strerror(errno)),
              log_quote(directory));
    return RC_IO;
}

/* 0, or -1 and errno. */
static int
write_again(int fd, uint8_t *piece, uint64_t *bytes_out)
{
    off_t at = 0;
    ssize_t got;

    while ((got = pread(fd, piece, PIECE_BYTES, at)) > 0) {
        ssize_t put = pwrite(fd, piece, (size_t)got, at);

        if (put >= 0 && put != got)
            errno = EIO;
        if (put != got)
            return -1;
        at += got;
    }
    *bytes_out += (uint64_t)at;
    return got < 0 ? -1 : store_sync_data(fd);
}

static enum rc
file_again(DIR *directory, const char *path, const char *name, uint8_t *piece,
           uint64_t *bytes_out)
{
    int fd = openat(dirfd(directory), name,
                    O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat status;
    enum rc rc = RC_OK;

    if (fd < 0 || fstat(fd, &status) != 0)
        rc = errno == EISDIR || errno == ELOOP ? RC_OK : failed(path, name);
    else if (S_ISREG(status.st_mode) &&
             write_again(fd, piece, bytes_out) != 0)
        rc = failed(path, name);
    if (fd >= 0)
        close(fd);
    return rc;
}

static enum rc
all_again(DIR *directory, const char *path)
{
    uint8_t *piece = malloc(PIECE_BYTES);
    const struct dirent *entry;
    uint64_t bytes = 0;
    enum rc rc = piece != NULL ? RC_OK : RC_NO_MEMORY;

    log_warning("store_unsynced", "words=\"a sync failed before: all files "
                "are written again\" directory=%s", log_quote(path));
    while (rc == RC_OK && (entry = directory_next(directory)) != NULL)
        rc = file_again(directory, path, entry->d_name, piece, &bytes);
    if (rc == RC_OK && errno != 0)
        rc = failed(path, ".");
    free(piece);
    if (rc == RC_OK && store_sync_all(dirfd(directory)) != 0)
        rc = failed(path, ".");
    if (rc == RC_OK &&
        unlinkat(dirfd(directory), STORE_UNSYNCED_NAME, 0) != 0)
        rc = failed(path, STORE_UNSYNCED_NAME);
    if (rc == RC_OK)
        log_info("store_written_again", "bytes=%" PRIu64, bytes);
    return rc;
}

enum rc
store_unsynced_mend(const char *directory)
{
    DIR *stream = opendir(directory);
    enum rc rc;

    if (stream == NULL)
        return failed(directory, ".");
    if (faccessat(dirfd(stream), STORE_UNSYNCED_NAME, F_OK,
                  AT_SYMLINK_NOFOLLOW) == 0)
        rc = all_again(stream, directory);
    else
        rc = errno == ENOENT ? RC_OK : failed(directory, STORE_UNSYNCED_NAME);
    closedir(stream);
    return rc;
}
