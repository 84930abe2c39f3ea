/*
 * store_backup.c - a copy of the store while it is in use
 *
 * Made by the library (ENV->backup), in the upkeep's thread: so no log file
 * goes while it runs.  Never by cp: it would tear pages.
 */
#include <errno.h>
#include <sys/stat.h>

#include "saga/store_db.h"
#include "saga/store_page.h"

/* A place that the process can't reach is no fault of disk or store: a unit of
 * systemd hides most of them. */
static enum rc
not_made(struct store *store, int error)
{
    switch (error) {
    case EEXIST:
        return store_failed_as(store, RC_EXISTS, error, "backup", "-");
    case ENOENT:
    case EACCES:
    case EROFS:
        return store_failed_as(store, RC_REFUSED, error, "backup", "-");
    default:
        return store_failed(store, error, "backup", "-");
    }
}

enum rc
store_backup_write(void *environment, const char *directory)
{
    struct store *store = environment;
    int error;

    if (mkdir(directory, S_IRWXU) != 0)
        return not_made(store, errno);
    store_page_zeros_allow(false);
    error = store->env->backup(store->env, directory, DB_BACKUP_FILES);
    store_page_zeros_refuse();
    return error == 0 ? RC_OK : store_failed(store, error, "backup", "-");
}

enum rc
store_backup_start(struct store *store, const char *directory)
{
    return store_upkeep_backup_start(store->upkeep, directory);
}

enum rc
store_backup_poll(struct store *store)
{
    return store_upkeep_backup_poll(store->upkeep);
}
