/*
 * store_upkeep.c - checkpoints in time, and the shelf's work
 *
 * The thread sleeps until it is woken, a checkpoint falls due by time, or the
 * shelf still holds work.
 */
#include "saga/store_upkeep.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "saga/daemon.h"
#include "saga/log.h"
#include "saga/store_shelf.h"

/* Between two steps: at most 500 MB/s given back, 60 MB/s filled. */
#define REST_US 2000
#define CHECKPOINT_RETRY_MS 5000

struct store_upkeep {
    const struct store_upkeep_asks *asks;
    void *environment;
    uint64_t checkpoint_bytes;
    uint32_t checkpoint_ms;
    uint64_t log_bytes;        /* of one log file                          */
    uint64_t position;         /* of the log, when the last one began      */
    int64_t due_us;            /* when a checkpoint is due by time         */
    bool blocked;              /* by a full disk, until due_us             */
    bool shelf_has_work;
    _Atomic uint64_t checkpoints;
    _Atomic uint64_t logs_removed;
    pthread_t thread;
    pthread_mutex_t mutex;     /* guards all below                         */
    pthread_cond_t changed;
    enum { BACKUP_NONE, BACKUP_WANTED, BACKUP_DONE } backup;
    enum rc backup_rc;
    char backup_directory[PATH_MAX];
    bool checkpoint_wanted;
    bool woken;
    bool stopping;
    char directory[PATH_MAX];
};

/* ---- waiting ----------------------------------------------------------- */

static struct timespec
timespec_of(int64_t us)
{
    return (struct timespec){ .tv_sec = us / 1000000,
                              .tv_nsec = us % 1000000 * 1000 };
}

/* Waits until woken or until_us; true if the thread shall stop.  A rest
 * between two steps is ended by a stop only. */
static bool
upkeep_wait(struct store_upkeep *upkeep, int64_t until_us, bool is_rest)
{
    struct timespec until = timespec_of(until_us);
    bool stopping;
    int error = 0;

    pthread_mutex_lock(&upkeep->mutex);
    while (!upkeep->stopping && (is_rest || !upkeep->woken) &&
           error != ETIMEDOUT)
        error = pthread_cond_timedwait(&upkeep->changed, &upkeep->mutex,
                                       &until);
    if (!is_rest)
        upkeep->woken = false;
    stopping = upkeep->stopping;
    pthread_mutex_unlock(&upkeep->mutex);
    return stopping;
}

/* ---- old files --------------------------------------------------------- */

static bool
rest(void *context)
{
    struct store_upkeep *upkeep = context;

    return upkeep_wait(upkeep, clock_monotonic_us() + REST_US, true);
}

/* While the disk is full no log file is kept. */
static void
shelf_clear(struct store_upkeep *upkeep)
{
    const struct store_shelf_work work = {
        .directory = upkeep->directory,
        .log_bytes = upkeep->blocked ? 0 : upkeep->log_bytes,
        .rest = rest,
        .context = upkeep,
    };
    unsigned int logs = 0;

    upkeep->shelf_has_work = store_shelf_clear(&work, &logs);
    atomic_fetch_add(&upkeep->logs_removed, logs);
}

/* Moves the log files that recovery needs no more to the shelf. */
static void
logs_to_shelf(struct store_upkeep *upkeep)
{
    char **logs = NULL, **log;

    if (upkeep->asks->logs_obsolete(upkeep->environment, &logs) != RC_OK)
        return;
    for (log = logs; log != NULL && *log != NULL; log++) {
        store_shelf_take_log(upkeep->directory, *log);
        upkeep->shelf_has_work = true;
    }
    free(logs);
}

/* ---- checkpoints ------------------------------------------------------- */

/* A failure here is the process's end: it was logged by who failed. */
static void
or_end(enum rc rc)
{
    if (rc != RC_OK)
        _exit(rc_exit_code(rc));
}

static void
checkpoint_now(struct store_upkeep *upkeep, uint64_t position)
{
    enum rc rc = upkeep->asks->checkpoint(upkeep->environment);
    uint32_t again_ms = upkeep->checkpoint_ms;

    upkeep->blocked = rc == RC_NO_SPACE;
    if (upkeep->blocked && again_ms > CHECKPOINT_RETRY_MS)
        again_ms = CHECKPOINT_RETRY_MS;
    upkeep->due_us = clock_monotonic_us() + (int64_t)again_ms * 1000;
    if (upkeep->blocked) {
        store_shelf_drop_blanks(upkeep->directory);
        return;
    }
    upkeep->position = position;
    if (rc == RC_NOT_FOUND)
        return;
    or_end(rc);
    atomic_fetch_add(&upkeep->checkpoints, 1);
    logs_to_shelf(upkeep);
}

/* Due by time, or by bytes; while the disk is full, by time only. */
static void
checkpoint_if_due(struct store_upkeep *upkeep)
{
    uint64_t position;

    or_end(upkeep->asks->log_position(upkeep->environment, &position));
    if (clock_monotonic_us() >= upkeep->due_us ||
        (!upkeep->blocked &&
         position - upkeep->position >= upkeep->checkpoint_bytes))
        checkpoint_now(upkeep, position);
}

/* Somebody waits for one. */
static void
checkpoint_if_wanted(struct store_upkeep *upkeep)
{
    uint64_t position;
    bool wanted;

    pthread_mutex_lock(&upkeep->mutex);
    wanted = upkeep->checkpoint_wanted;
    pthread_mutex_unlock(&upkeep->mutex);
    if (!wanted)
        return;
    or_end(upkeep->asks->log_position(upkeep->environment, &position));
    checkpoint_now(upkeep, position);
    pthread_mutex_lock(&upkeep->mutex);
    upkeep->checkpoint_wanted = false;
    pthread_cond_broadcast(&upkeep->changed);
    pthread_mutex_unlock(&upkeep->mutex);
}

void
store_upkeep_checkpoint(struct store_upkeep *upkeep)
{
    pthread_mutex_lock(&upkeep->mutex);
    upkeep->checkpoint_wanted = true;
    upkeep->woken = true;
    pthread_cond_broadcast(&upkeep->changed);
    while (upkeep->checkpoint_wanted)
        pthread_cond_wait(&upkeep->changed, &upkeep->mutex);
    pthread_mutex_unlock(&upkeep->mutex);
}

/* ---- copies ------------------------------------------------------------ */

enum rc
store_upkeep_backup_start(struct store_upkeep *upkeep, const char *directory)
{
    enum rc rc = RC_BUSY;

    if (strlen(directory) >= sizeof upkeep->backup_directory)
        return RC_MALFORMED;
    pthread_mutex_lock(&upkeep->mutex);
    if (upkeep->backup == BACKUP_NONE) {
        rc = RC_OK;
        upkeep->backup = BACKUP_WANTED;
        snprintf(upkeep->backup_directory, sizeof upkeep->backup_directory,
                 "%s", directory);
        upkeep->woken = true;
        pthread_cond_broadcast(&upkeep->changed);
    }
    pthread_mutex_unlock(&upkeep->mutex);
    return rc;
}

enum rc
store_upkeep_backup_poll(struct store_upkeep *upkeep)
{
    enum rc rc = RC_AGAIN;

    pthread_mutex_lock(&upkeep->mutex);
    if (upkeep->backup == BACKUP_NONE)
        rc = RC_NOT_FOUND;
    else if (upkeep->backup == BACKUP_DONE) {
        rc = upkeep->backup_rc;
        upkeep->backup = BACKUP_NONE;
    }
    pthread_mutex_unlock(&upkeep->mutex);
    return rc;
}

/* While wanted, the owner does not touch the directory's name. */
static void
backup_if_wanted(struct store_upkeep *upkeep)
{
    bool wanted;
    enum rc rc;

    pthread_mutex_lock(&upkeep->mutex);
    wanted = upkeep->backup == BACKUP_WANTED;
    pthread_mutex_unlock(&upkeep->mutex);
    if (!wanted)
        return;
    rc = upkeep->asks->backup(upkeep->environment, upkeep->backup_directory);
    pthread_mutex_lock(&upkeep->mutex);
    upkeep->backup = BACKUP_DONE;
    upkeep->backup_rc = rc;
    pthread_mutex_unlock(&upkeep->mutex);
}

/* ---- the thread -------------------------------------------------------- */

static void *
upkeep_run(void *context)
{
    struct store_upkeep *upkeep = context;

    /* At the start nothing is due; an earlier life may have left old files. */
    shelf_clear(upkeep);
    while (!upkeep_wait(upkeep, upkeep->shelf_has_work ? 0 : upkeep->due_us,
                        false)) {
        checkpoint_if_wanted(upkeep);
        checkpoint_if_due(upkeep);
        backup_if_wanted(upkeep);
        shelf_clear(upkeep);
    }
    return NULL;
}

static int
upkeep_start_thread(struct store_upkeep *upkeep)
{
    sigset_t all, before;
    int error;

    sigfillset(&all);
    error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error != 0)
        return error;
    error = pthread_create(&upkeep->thread, NULL, upkeep_run, upkeep);
    if (error == 0)
        pthread_setname_np(upkeep->thread, "store_upkeep");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static int
upkeep_init(struct store_upkeep *upkeep)
{
    pthread_condattr_t attributes;
    int error = pthread_mutex_init(&upkeep->mutex, NULL);

    if (error == 0)
        error = pthread_condattr_init(&attributes);
    if (error == 0)
        error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (error == 0)
        error = pthread_cond_init(&upkeep->changed, &attributes);
    return error;
}

enum rc
store_upkeep_start(struct store_upkeep **upkeep_out,
                   const struct store_config *config, uint64_t log_bytes,
                   const struct store_upkeep_asks *asks, void *environment)
{
    struct store_upkeep *upkeep = calloc(1, sizeof *upkeep);
    enum rc rc;
    int error;

    if (upkeep == NULL)
        return RC_IO;
    upkeep->asks = asks;
    upkeep->environment = environment;
    upkeep->checkpoint_bytes = config->checkpoint_bytes;
    upkeep->checkpoint_ms = config->checkpoint_ms;
    upkeep->log_bytes = log_bytes;
    upkeep->due_us =
        clock_monotonic_us() + (int64_t)config->checkpoint_ms * 1000;
    snprintf(upkeep->directory, sizeof upkeep->directory, "%s",
             config->directory);
    rc = asks->log_position(environment, &upkeep->position);
    if (rc == RC_OK) {
        error = upkeep_init(upkeep);
        if (error == 0)
            error = upkeep_start_thread(upkeep);
        if (error != 0) {
            log_error("store_upkeep_failed", "error=%s",
                      log_quote(strerror(error)));
            rc = RC_IO;
        }
    }
    if (rc != RC_OK) {
        free(upkeep);
        return rc;
    }
    *upkeep_out = upkeep;
    return RC_OK;
}

void
store_upkeep_stop(struct store_upkeep **upkeep_p)
{
    struct store_upkeep *upkeep = *upkeep_p;

    pthread_mutex_lock(&upkeep->mutex);
    upkeep->stopping = true;
    pthread_cond_broadcast(&upkeep->changed);
    pthread_mutex_unlock(&upkeep->mutex);
    pthread_join(upkeep->thread, NULL);
    pthread_cond_destroy(&upkeep->changed);
    pthread_mutex_destroy(&upkeep->mutex);
    free(upkeep);
    *upkeep_p = NULL;
}

void
store_upkeep_wake(struct store_upkeep *upkeep)
{
    pthread_mutex_lock(&upkeep->mutex);
    upkeep->woken = true;
    pthread_cond_broadcast(&upkeep->changed);
    pthread_mutex_unlock(&upkeep->mutex);
}

uint64_t
store_upkeep_checkpoints(const struct store_upkeep *upkeep)
{
    return atomic_load(&upkeep->checkpoints);
}

uint64_t
store_upkeep_logs_removed(const struct store_upkeep *upkeep)
{
    return atomic_load(&upkeep->logs_removed);
}
