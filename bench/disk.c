/*
 * disk.c - ceilings of the disk: fdatasync, and Berkeley DB's synced puts
 *
 *   disk DIRECTORY SECONDS
 *
 * What a store can do at most on this disk in this minute, each for SECONDS:
 *
 *   fdatasync   4 KiB appended to a file, then fdatasync, as a log is written
 *   puts        100-byte records put in transactions of 100, each synced (one
 *               fdatasync per transaction), as a store's turn is committed
 */
#include <db.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#define PAGE_BYTES 4096
#define RECORD_BYTES 100
#define PUTS_PER_COMMIT 100
#define CACHE_BYTES (32U << 20)

static struct histogram syncs, commits;

static void
must(int error, const char *what)
{
    if (error != 0)
        die("%s: %s", what, db_strerror(error));
}

static void
measure_fdatasync(int64_t end_ns)
{
    static const char page[PAGE_BYTES] = "ceiling";
    int fd = open("synced", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int64_t start_ns;

    if (fd < 0)
        die("cannot write here");
    while ((start_ns = now_ns()) < end_ns) {
        if (write(fd, page, sizeof page) != sizeof page || fdatasync(fd) != 0)
            die("the disk fails");
        histogram_add(&syncs, now_ns() - start_ns);
    }
    close(fd);
    unlink("synced");
}

static DB_ENV *
environment_open(void)
{
    DB_ENV *environment;

    must(db_env_create(&environment, 0), "environment");
    must(environment->set_cachesize(environment, 0, CACHE_BYTES, 1), "cache");
    must(environment->log_set_config(environment, DB_LOG_AUTO_REMOVE, 1),
         "log");
    must(environment->open(environment, ".",
                           DB_CREATE | DB_PRIVATE | DB_INIT_TXN | DB_INIT_LOG |
                               DB_INIT_MPOOL,
                           0600),
         "environment");
    return environment;
}

static DB *
table_open(DB_ENV *environment)
{
    DB_TXN *transaction;
    DB *table;

    must(environment->txn_begin(environment, NULL, &transaction, 0), "begin");
    must(db_create(&table, environment, 0), "table");
    must(table->set_pagesize(table, PAGE_BYTES), "page size");
    must(table->open(table, transaction, "table", NULL, DB_BTREE, DB_CREATE,
                     0600),
         "table");
    must(transaction->commit(transaction, 0), "commit");
    return table;
}

static void
put_many(DB_ENV *environment, DB *table, uint64_t first)
{
    static char record[RECORD_BYTES];
    DB_TXN *transaction;

    must(environment->txn_begin(environment, NULL, &transaction, 0), "begin");
    for (uint64_t i = 0; i < PUTS_PER_COMMIT; i++) {
        uint64_t number = __builtin_bswap64(first + i);
        DBT key = { .data = &number, .size = sizeof number };
        DBT value = { .data = record, .size = sizeof record };

        must(table->put(table, transaction, &key, &value, 0), "put");
    }
    must(transaction->commit(transaction, 0), "commit");
}

static void
measure_puts(int64_t end_ns)
{
    DB_ENV *environment = environment_open();
    DB *table = table_open(environment);
    uint64_t next = 0;
    int64_t start_ns;

    while ((start_ns = now_ns()) < end_ns) {
        put_many(environment, table, next);
        next += PUTS_PER_COMMIT;
        histogram_add(&commits, now_ns() - start_ns);
    }
    must(table->close(table, DB_NOSYNC), "close");
    must(environment->close(environment, 0), "close");
}

int
main(int argc, char **argv)
{
    int64_t start_ns, sync_ns, puts_ns;
    long seconds;

    if (argc != 3 || chdir(argv[1]) != 0)
        die("usage: disk DIRECTORY SECONDS");
    seconds = number_of(argv[2], 1, 3600);
    start_ns = now_ns();
    measure_fdatasync(start_ns + seconds * NS_PER_S);
    sync_ns = now_ns() - start_ns;
    start_ns = now_ns();
    measure_puts(start_ns + seconds * NS_PER_S);
    puts_ns = now_ns() - start_ns;
    printf("{\"fdatasyncs_rate\": %.0f, \"puts_rate\": %.0f, ",
           (double)syncs.count * 1e9 / (double)sync_ns,
           (double)(commits.count * PUTS_PER_COMMIT) * 1e9 / (double)puts_ns);
    histogram_print(&syncs, "fdatasync");
    printf(", ");
    histogram_print(&commits, "commit");
    printf("}\n");
    return 0;
}
