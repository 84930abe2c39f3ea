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

enum rc
store_backup_write(void *environment, const char *directory)
{
    struct store *store = environment;
    int error;

    if (mkdir(directory, S_IRWXU) != 0)
        return store_failed_as(store, errno == EEXIST ? RC_EXISTS : RC_IO,
                               errno, "backup", "-");
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
