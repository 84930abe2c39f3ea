/*
 * store_sync.c - once, and a failure is remembered
 */
#include "saga/store_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "saga/store_db.h"
#include "saga/store_rename.h"
#include "saga/store_unsynced.h"

/* Those of this process: a tool may have several. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct store *stores;

/* ---- whose file it was ------------------------------------------------- */

void
store_sync_join(struct store *store)
{
    if (realpath(store->directory, store->sync_directory) == NULL)
        memcpy(store->sync_directory, store->directory,
               sizeof store->sync_directory);
    pthread_mutex_lock(&mutex);
    store->sync_next = stores;
    stores = store;
    pthread_mutex_unlock(&mutex);
}

void
store_sync_leave(struct store *store)
{
    struct store **link;

    pthread_mutex_lock(&mutex);
    for (link = &stores; *link != store; link = &(*link)->sync_next)
        invariant(*link != NULL);
    *link = store->sync_next;
    pthread_mutex_unlock(&mutex);
}

/* True if it is the store's directory, or a file in it. */
static bool
path_is_of(const struct store *store, const char *path)
{
    size_t bytes = strlen(store->sync_directory);

    return strncmp(path, store->sync_directory, bytes) == 0 &&
           (path[bytes] == '\0' ||
            (path[bytes] == '/' && strchr(path + bytes + 1, '/') == NULL));
}

static bool
is_of_a_store(int fd)
{
    const struct store *store;
    char path[PATH_MAX];

    store_path_of(fd, path);
    pthread_mutex_lock(&mutex);
    store = stores;
    while (store != NULL && !path_is_of(store, path))
        store = store->sync_next;
    pthread_mutex_unlock(&mutex);
    return store != NULL;
}

/* True if one has failed of the store that the file is of. */
static bool
has_failed(int fd)
{
    const struct store *store;
    char path[PATH_MAX];
    bool failed = false;

    pthread_mutex_lock(&mutex);
    for (store = stores; store != NULL && !failed; store = store->sync_next)
        if (atomic_load(&store->sync_failed)) {
            store_path_of(fd, path);
            failed = path_is_of(store, path);
        }
    pthread_mutex_unlock(&mutex);
    return failed;
}

/* Before the library lets another thread sync the same file. */
static void
stores_note(const char *path)
{
    struct store *store;

    pthread_mutex_lock(&mutex);
    for (store = stores; store != NULL; store = store->sync_next)
        if (path_is_of(store, path)) {
            store_unsynced_note(store->sync_directory);
            atomic_store(&store->sync_failed, true);
        }
    pthread_mutex_unlock(&mutex);
}

enum rc
store_sync_check(struct store *store, const char *operation)
{
    if (!atomic_load(&store->sync_failed))
        return RC_OK;
    if (*store_words() == '\0')
        store_words_add("a sync has failed in another thread");
    return store_failed(store, EIO, operation, "-");
}

/* ---- syncs ------------------------------------------------------------- */

static int
sync_failed(int fd)
{
    char path[PATH_MAX], words[STORE_NAME_BYTES + 100];
    int error = errno;

    store_path_of(fd, path);
    stores_note(path);
    snprintf(words, sizeof words, "sync of %.*s failed: %s", STORE_NAME_BYTES,
             store_base_name(path), db_strerror(error));
    store_words_add(words);
    errno = EIO;
    return -1;
}

int
store_sync_data(int fd)
{
    return fdatasync(fd) == 0 ? 0 : sync_failed(fd);
}

int
store_sync_all(int fd)
{
    return fsync(fd) == 0 ? 0 : sync_failed(fd);
}

/* In the library's place of fdatasync(2): 0, or the error.  Also for what was
 * lost before (writeback_begin): a checkpoint that hears that all is well
 * writes so into the log, and recovery begins there. */
static int
sync_once(int fd)
{
    if (store_sync_data(fd) != 0)
        return errno;
    return has_failed(fd) ? EIO : 0;
}

/* ---- writes ------------------------------------------------------------ */

/* Not that this can't be asked here (EPERM: of a filter of system calls), or
 * now.  Which errors a page that is lost may have no list tells: ext4 forgets
 * it with EUCLEAN, too, if its map of free blocks is damaged. */
static bool
page_is_lost(int error)
{
    switch (error) {
    case ENOSYS:
    case EOPNOTSUPP:
    case EINVAL:
    case ESPIPE:
    case EPERM:
    case EACCES:
    case ENOMEM:
    case EAGAIN:
    case EINTR:
        return false;
    default:
        return true;
    }
}

/* A wish: where it is not known, the sync does all as ever.  Not of a copy that
 * a backup writes elsewhere: who syncs that is to be told what it lost. */
static void
writeback_begin(int fd)
{
    if (is_of_a_store(fd) &&
        sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE) != 0 &&
        page_is_lost(errno))
        sync_failed(fd);
}

/* In the library's place of pwrite(2).  The log's writes of other lengths are
 * followed by their own sync. */
static ssize_t
write_page(int fd, const void *data, size_t bytes, off_t at)
{
    static _Thread_local unsigned int pages;
    ssize_t written = pwrite(fd, data, bytes, at);

    if (written == (ssize_t)STORE_PAGE_BYTES &&
        ++pages % STORE_SYNC_PAGES == 0)
        writeback_begin(fd);
    return written;
}

int
store_sync_install(void)
{
    int error = db_env_set_func_pwrite(write_page);

    return error == 0 ? db_env_set_func_fsync(sync_once) : error;
}
