#include <inttypes.h>

#include "broker/topic_log_state.h"
#include "saga/log.h"

bool
topic_log_retention_is_due(const struct topic_log *log,
                           const struct topic_log_retention *retention,
                           int64_t now_us)
{
    const struct topic_segment *oldest = log->segments.items;

    if (log->removing[0] != '\0')
        return true;
    if (log->segments.count < 2)
        return false;
    if (retention->bytes > 0 &&
        topic_log_bytes(log) - oldest->bytes >= retention->bytes)
        return true;
    return retention->age_us > 0 &&
           now_us - oldest->last_us >= retention->age_us;
}

/* A flush that failed, for whatever reason, is never tried again. */
static enum rc
flush(struct store *store)
{
    return store_flush(store) == RC_OK ? RC_OK : RC_IO;
}

static enum rc
retire_oldest(struct topic_log *log)
{
    struct store *store = log->segments.config.store;
    enum rc rc = store_begin(store);

    if (rc != RC_OK)
        return rc;
    rc = topic_segments_retire(&log->segments, log->removing);
    if (rc == RC_OK)
        rc = store_commit(store);
    if (rc != RC_OK) {
        store_abort(store);
        log->removing[0] = '\0';
        return rc;
    }
    rc = flush(store); /* before anybody is told the new start */
    if (rc == RC_OK)
        rc = topic_segments_retired(&log->segments);
    log_info("segment_removed",
             "topic=%s partition=%u start=%" PRIu64 " segments=%zu",
             log->segments.topic, log->segments.config.partition,
             topic_log_start(log), log->segments.count);
    return rc;
}

enum rc
topic_log_retain(struct topic_log *log,
                 const struct topic_log_retention *retention, int64_t now_us,
                 bool *stepped_out)
{
    enum rc rc = RC_OK;

    *stepped_out = topic_log_retention_is_due(log, retention, now_us);
    if (!*stepped_out)
        return RC_OK;
    if (log->removing[0] != '\0') {
        rc = topic_segment_remove_table(log->segments.config.store,
                                        log->segments.config.meta,
                                        log->removing);
        if (rc == RC_OK)
            log->removing[0] = '\0';
    } else if (log->segments.items[0].end <= retention->floor_offset)
        rc = retire_oldest(log);
    else
        *stepped_out = false;
    return rc;
}

static enum rc
on_left_over(void *context, struct bytes_reader *key,
             struct bytes_reader *value)
{
    char *name = context;

    (void)value;
    bytes_get_text(key, name, STORE_NAME_BYTES);
    return bytes_all_read(key) ? RC_EXISTS : RC_DAMAGED;
}

enum rc
topic_log_remove_left_over(struct store *store, struct store_table *meta)
{
    char name[STORE_NAME_BYTES];
    struct broker_meta_bytes prefix;
    enum rc rc;

    broker_meta_key(&prefix, BROKER_META_REMOVED);
    for (;;) {
        rc = broker_meta_walk(meta, &prefix, on_left_over, name);
        if (rc != RC_EXISTS)
            return rc;
        rc = topic_segment_remove_table(store, meta, name);
        if (rc != RC_OK)
            return rc;
        log_info("segment_removed", "table=%s", log_quote(name));
    }
}
