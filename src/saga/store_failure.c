/*
 * store_failure.c - the library's errors as ours, each logged once
 */
#include "saga/store_db.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "saga/log.h"

#define WORDS_BYTES 200

/* What the library said in this thread since the last logged failure, and
 * whether that was, somewhere, that the disk is full. */
static _Thread_local char library_words[WORDS_BYTES];
static _Thread_local bool library_found_no_space;

static pthread_mutex_t telling = PTHREAD_MUTEX_INITIALIZER;

void
store_words_add(const char *words)
{
    size_t used = strlen(library_words);

    snprintf(library_words + used, sizeof library_words - used, "%s%s",
             used > 0 ? "; " : "", words);
}

void
store_on_library_words(const DB_ENV *env, const char *prefix, const char *words)
{
    (void)env;
    (void)prefix;
    store_words_add(words);
    if (strstr(words, db_strerror(ENOSPC)) != NULL)
        library_found_no_space = true;
}

/* The panic's own line is that of the call which it makes fail. */
void
store_on_library_event(DB_ENV *env, u_int32_t event, void *info)
{
    struct store *store = env->app_private;
    int none = 0, cause = info != NULL ? *(int *)info : DB_RUNRECOVERY;

    if (event == DB_EVENT_PANIC)
        atomic_compare_exchange_strong(&store->panic_cause, &none, cause);
}

/* True if not even one more log file fits on the disk. */
static bool
disk_is_full(const struct store *store)
{
    struct statvfs disk;

    return statvfs(store->directory, &disk) == 0 &&
           (uint64_t)disk.f_bavail * disk.f_frsize < store->log_file_bytes;
}

/*
 * After a panic every call says DB_RUNRECOVERY; the first cause tells why.
 * Recovery on a full disk panics too, and nothing is damaged then; where it
 * does not find a file of the log, that is lost, and no later start helps.  A
 * full disk that made a *running* environment panic is RC_IO: it must end.
 */
static enum rc
rc_of_panic(const struct store *store)
{
    int cause = atomic_load(&store->panic_cause);

    if (store->opening && (cause == ENOSPC || disk_is_full(store)))
        return RC_NO_SPACE;
    if (store->opening && cause == ENOENT)
        return RC_DAMAGED;
    return cause > 0 && cause != EINVAL ? RC_IO : RC_DAMAGED;
}

static enum rc
rc_of(const struct store *store, int error)
{
    switch (error) {
    case 0:
        return RC_OK;
    case DB_NOTFOUND:
        return RC_NOT_FOUND;
    case DB_KEYEXIST:
        return RC_EXISTS;
    case ENOSPC: /* of a write: a sync never says so (store_sync.h) */
    case EDQUOT:
        return RC_NO_SPACE;
    case ENOMEM: /* also: no page of the cache could be written to disk */
        return library_found_no_space ? RC_NO_SPACE : RC_IO;
    case DB_RUNRECOVERY:
        return rc_of_panic(store);
    case DB_PAGE_NOTFOUND:
    case DB_VERIFY_BAD:
    case DB_OLD_VERSION:
        return RC_DAMAGED;
    default:
        return RC_IO;
    }
}

/* After a panic everything fails, and only the first failure tells why.  Who
 * comes second may end the process, so it waits until that is told. */
enum rc
store_failed_as(struct store *store, enum rc rc, int error,
                const char *operation, const char *table)
{
    int cause;

    pthread_mutex_lock(&telling);
    cause = atomic_load(&store->panic_cause);
    if (cause == 0 || !store->panic_told)
        log_error("store_failed",
                  "rc=%s operation=%s table=%s error=%s words=%s directory=%s",
                  rc_name(rc), operation, table,
                  log_quote(db_strerror(cause != 0 ? cause : error)),
                  log_quote(library_words), log_quote(store->directory));
    store->panic_told = cause != 0;
    pthread_mutex_unlock(&telling);
    store_words_forget();
    return rc;
}

enum rc
store_failed(struct store *store, int error, const char *operation,
             const char *table)
{
    return store_failed_as(store, rc_of(store, error), error, operation, table);
}

enum rc
store_write_failed(struct store *store, int error, const char *operation,
                   const char *table)
{
    store->transaction_doomed = true;
    return store_failed(store, error, operation, table);
}

const char *
store_words(void)
{
    return library_words;
}

void
store_words_forget(void)
{
    library_words[0] = '\0';
    library_found_no_space = false;
}
