#include <inttypes.h>
#include <sys/statvfs.h>

#include "broker/broker_state.h"
#include "saga/daemon.h"
#include "saga/log.h"
#include "saga/report_self.h"

/* What a stored octet costs at most: in the store's log, and in a table. */
#define DISK_BYTES_PER_BYTE 4
/* Looks on the way from here to the floor. */
#define DISK_LOOKS 4

void
broker_look_at_disk(struct broker *broker)
{
    struct statvfs disk;
    bool below;

    if (statvfs(broker->directory, &disk) != 0) {
        log_warning("disk_unknown", "directory=%s error=%s",
                    log_quote(broker->directory), log_quote(strerror(errno)));
        return;
    }
    broker->bytes_free = (uint64_t)disk.f_bavail * disk.f_frsize;
    broker->bytes_unseen = 0;
    below = broker->bytes_free < broker->config->disk_floor;
    if (below != broker->below_floor)
        log_warning(below ? "disk_floor_reached" : "disk_floor_left",
                    "free=%" PRIu64 " floor=%" PRIu64, broker->bytes_free,
                    broker->config->disk_floor);
    broker->below_floor = below;
}

bool
broker_disk_takes(struct broker *broker, size_t bytes)
{
    uint64_t floor = broker->config->disk_floor;

    broker->bytes_unseen += bytes * DISK_BYTES_PER_BYTE;
    if (!broker->below_floor &&
        broker->bytes_unseen * DISK_LOOKS > broker->bytes_free - floor)
        broker_look_at_disk(broker);
    return !broker->below_floor;
}

static bool
retention_wanted(const struct config *config)
{
    return config->retention_bytes > 0 || config->retention_time > 0;
}

/* Looks at each slot once at most, and stops after the first step. */
static enum rc
retain(struct broker *broker)
{
    const struct config *config = broker->config;
    int64_t now_us = clock_now_us();
    bool stepped = false;
    enum rc rc = RC_OK;

    for (uint32_t i = 0; i < broker->topics->count && !stepped && rc == RC_OK;
         i++) {
        uint32_t slot = broker->retain_slot++ % broker->topics->count;
        struct topic_log *log = broker->topics->items[slot].log;
        struct topic_log_retention retention = {
            config->retention_bytes,
            (int64_t)config->retention_time * 1000,
            UINT64_MAX,
        };

        if (!topic_log_retention_is_due(log, &retention, now_us))
            continue;
        if (!config->retention_forced)
            retention.floor_offset =
                consumer_table_floor(&broker->consumers, slot);
        rc = topic_log_retain(log, &retention, now_us, &stepped);
    }
    return rc == RC_NO_SPACE ? RC_OK : rc; /* it comes by again */
}

/* We tell of ourselves as everybody does. */
static void
report_ourselves(struct broker *broker, int64_t now_us)
{
    uint8_t bytes[REPORT_BYTES_MAX];
    struct protocol_report row = { .bytes = bytes };
    struct report *report = &broker->report;
    struct store_stats store;

    report_self(report);
    store_stats(broker->store, &store);
    report->commits = store.commits;
    report->flushes = store.flushes;
    report->flush_us_max = store.flush_us_max;
    report->flush_us = store.flush_us;
    report->checkpoints = store.checkpoints;
    row.bytes_count = (uint16_t)report_encode(report, bytes);
    name_copy(row.name, sizeof(row.name), broker->config->name);
    if (report_table_put(&broker->reports, &row, now_us) != RC_OK)
        log_warning("report_kept_out", "rows=%d", REPORT_TABLE_MAX);
}

enum rc
broker_upkeep(struct broker *broker, int64_t now_us, int64_t *next_us_out)
{
    enum rc rc = RC_OK;

    if (now_us >= broker->upkeep_us) {
        broker->upkeep_us = now_us + BROKER_UPKEEP_US;
        broker->positions_due = true;
        broker_look_at_disk(broker);
        report_ourselves(broker, now_us);
        log_keep_small(broker->config->home, broker->config->name,
                       broker->config->log_size);
    }
    if (retention_wanted(broker->config) && now_us >= broker->retain_us) {
        broker->retain_us = now_us + BROKER_RETAIN_US;
        rc = retain(broker);
    }
    *next_us_out = broker->upkeep_us;
    if (retention_wanted(broker->config) && broker->retain_us < *next_us_out)
        *next_us_out = broker->retain_us;
    return rc;
}
