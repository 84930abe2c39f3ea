#include "saga/participant_state.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "saga/bytes.h"
#include "saga/log.h"

#define KEY_STARTS "starts"
#define FORMAT 1 /* of its row: that, and how often the store was opened */
#define ROW_BYTES 9

/* None in a store from before 2026-12. */
static enum rc
read_starts(struct participant *participant, uint64_t *starts_out)
{
    struct bytes_reader reader;
    uint8_t row[ROW_BYTES];
    size_t bytes;
    enum rc rc = store_get(participant->state, KEY_STARTS,
                           sizeof KEY_STARTS - 1, row, sizeof row, &bytes);

    *starts_out = 0;
    if (rc == RC_NOT_FOUND)
        return RC_OK;
    if (rc != RC_OK && rc != RC_FULL)
        return rc;
    /* What is too short, or too long for the row, reads as 0. */
    bytes_reader_init(&reader, row, rc == RC_OK ? bytes : 0);
    if (bytes_get_u8(&reader) == FORMAT)
        *starts_out = bytes_get_u64(&reader);
    if (*starts_out > 0 && *starts_out < UINT64_MAX)
        return RC_OK;
    log_error("row_damaged", "table=participant key=" KEY_STARTS);
    return RC_DAMAGED;
}

static enum rc
write_starts(struct participant *participant, uint64_t starts)
{
    struct bytes_writer writer;
    uint8_t row[ROW_BYTES];
    enum rc rc = store_begin(participant->store);

    bytes_writer_init(&writer, row, sizeof row);
    bytes_put_u8(&writer, FORMAT);
    bytes_put_u64(&writer, starts);
    if (rc == RC_OK)
        rc = store_put(participant->state, KEY_STARTS, sizeof KEY_STARTS - 1,
                       row, writer.used);
    if (rc == RC_OK)
        rc = store_commit(participant->store);
    return rc == RC_OK ? store_flush(participant->store) : rc;
}

enum rc
participant_begin_life(struct participant *participant)
{
    struct bus_life life = { 0 };
    enum rc rc = read_starts(participant, &life.starts);

    if (rc == RC_OK)
        rc = write_starts(participant, ++life.starts);
    if (rc != RC_OK)
        return rc;
    while (life.life == 0)
        if (getrandom(&life.life, sizeof life.life, 0) < 0) {
            log_error("getrandom", "errno=%s", log_quote(strerror(errno)));
            return RC_IO;
        }
    bus_begin(participant->bus, &life);
    return RC_OK;
}
