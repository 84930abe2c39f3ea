#include <inttypes.h>

#include "broker/producer_seqs.h"
#include "broker/broker_meta.h"
#include "sagactl/verify_pass.h"
#include "sagactl/verify_rows.h"

/* ---- what the broker says of producers ---- */

static enum rc
on_seqs(void *context, struct bytes_reader *key, struct bytes_reader *value)
{
    struct pass *pass = context;
    struct producer_pass *producer;
    struct producer_seqs seqs;
    char name[PRODUCER_NAME_BYTES];

    bytes_get_text(key, name, sizeof name);
    if (!bytes_all_read(key) || producer_seqs_get(value, &seqs) != RC_OK) {
        verify_differs(pass->verify->report, CHECK_LOG_SEQS,
                       "%s/%u: a producer's row can't be read", pass->name,
                       pass->partition);
        return RC_OK;
    }
    producer = pass_producer(pass, name);
    if (producer == NULL)
        return RC_NO_MEMORY;
    producer->stored_seq = seqs.last_seq;
    return RC_OK;
}

enum rc
pass_check_producers(struct pass *pass)
{
    struct broker_meta_bytes prefix;
    enum rc rc;

    broker_meta_key(&prefix, BROKER_META_SEQS);
    bytes_put_text(&prefix.writer, pass->name);
    bytes_put_u16(&prefix.writer, (uint16_t)pass->partition);
    rc = broker_meta_walk(pass->verify->meta, &prefix, on_seqs, pass);
    for (uint32_t i = 0; i < pass->producers_count && rc == RC_OK; i++) {
        const struct producer_pass *producer = &pass->producers[i];

        /* What retention took can't be compared. */
        if (producer->last_seq == producer->stored_seq ||
            (producer->last_seq == 0 && pass->start > 0))
            continue;
        verify_differs(pass->verify->report, CHECK_LOG_SEQS,
                       "%s/%u: the log ends with seq %" PRIu64
                       " of %s, its row says %" PRIu64,
                       pass->name, pass->partition, producer->last_seq,
                       producer->name, producer->stored_seq);
    }
    return rc;
}

/* ---- consumers ---- */

static void
check_seen(struct pass *pass, int reader)
{
    const struct verify_actor *actor = &pass->verify->actors[reader];
    const struct verify_read *read = pass->reads[reader];

    for (uint32_t i = 0; i < pass->producers_count; i++) {
        const struct producer_pass *producer = &pass->producers[i];
        uint64_t seen = 0;

        for (uint32_t j = 0; j < read->seen_count; j++)
            if (strcmp(read->seen[j].producer, producer->name) == 0)
                seen = read->seen[j].seq;
        verify_looked(pass->verify->report, CHECK_SEEN, 1);
        if (seen == producer->read_seq[reader] ||
            (producer->read_seq[reader] == 0 && pass->start > 0))
            continue;
        verify_differs(pass->verify->report, CHECK_SEEN,
                       "%s: has seen seq %" PRIu64 " of %s in %s/%u, below "
                       "its position is %" PRIu64,
                       actor->name, seen, producer->name, pass->name,
                       pass->partition, producer->read_seq[reader]);
    }
}

void
pass_check_consumers(struct pass *pass)
{
    for (int i = 0; i < VERIFY_ACTORS; i++) {
        const struct verify_read *read = pass->reads[i];

        if (read == NULL)
            continue;
        verify_looked(pass->verify->report, CHECK_POSITIONS, 1);
        if (read->offset > pass->next || read->offset < pass->start)
            verify_differs(pass->verify->report, CHECK_POSITIONS,
                           "%s stands at %" PRIu64 " in %s/%u, which holds %"
                           PRIu64 " to %" PRIu64,
                           pass->verify->actors[i].name, read->offset,
                           pass->name, pass->partition, pass->start,
                           pass->next);
        check_seen(pass, i);
    }
}

/* ---- outboxes ---- */

/* What an outbox holds of one stream. */
struct outbox_pass {
    struct pass *pass;
    const struct verify_actor *actor;
    uint64_t stored_seq; /* the last in the log */
    uint64_t next_seq;   /* that must come, 0: no row yet */
};

static enum rc
on_waiting(struct verify *verify, void *context, const struct store_row *row)
{
    struct outbox_pass *outbox = context;
    struct pass *pass = outbox->pass;
    struct verify_waiting waiting;
    uint64_t last;

    if (!verify_read_waiting(row->key, row->key_bytes, row->value, row->bytes,
                             &waiting)) {
        verify_differs(verify->report, CHECK_OUTBOX,
                       "%s: a row of its outbox can't be read",
                       outbox->actor->name);
        return RC_OK;
    }
    if (strcmp(waiting.topic, pass->name) != 0 ||
        waiting.partition != pass->partition)
        return RC_OK;
    last = waiting.first_seq + waiting.count - 1;
    if (outbox->next_seq != 0 ? waiting.first_seq != outbox->next_seq
                              : waiting.first_seq > outbox->stored_seq + 1)
        verify_differs(verify->report, CHECK_OUTBOX,
                       "%s: seqs before %" PRIu64 " of %s/%u are neither in "
                       "the log nor in the outbox",
                       outbox->actor->name, waiting.first_seq, pass->name,
                       pass->partition);
    outbox->next_seq = last + 1;
    if (last <= outbox->stored_seq)
        return RC_OK; /* it is in the log, and was read there */
    return pass_take_events(pass, &(struct pass_batch){ outbox->actor->name,
                                              waiting.first_seq, waiting.count,
                                              waiting.bytes,
                                              waiting.bytes_count, 0, false });
}

static enum rc
check_outbox(struct pass *pass, struct verify_actor *actor,
             const struct verify_write *write)
{
    const struct producer_pass *producer = pass_producer(pass, actor->name);
    struct outbox_pass outbox = { pass, actor, 0, 0 };
    uint64_t last;
    enum rc rc;

    if (producer == NULL)
        return RC_NO_MEMORY;
    outbox.stored_seq = producer->stored_seq;
    rc = verify_walk(pass->verify, actor->store, "outbox", on_waiting,
                     &outbox);
    last = outbox.next_seq != 0 ? outbox.next_seq - 1 : outbox.stored_seq;
    verify_looked(pass->verify->report, CHECK_OUTBOX, write->next_seq - 1);
    if (last + 1 < write->next_seq ||
        (outbox.next_seq != 0 && last + 1 != write->next_seq))
        verify_differs(pass->verify->report, CHECK_OUTBOX,
                       "%s: has sent up to seq %" PRIu64 " in %s/%u, log and "
                       "outbox hold up to %" PRIu64,
                       actor->name, write->next_seq - 1, pass->name,
                       pass->partition, last);
    if (!pass->verify->input->moving && outbox.stored_seq >= write->next_seq)
        verify_differs(pass->verify->report, CHECK_OUTBOX,
                       "%s: its store is older than seq %" PRIu64
                       " of %s/%u, which it has published",
                       actor->name, outbox.stored_seq, pass->name,
                       pass->partition);
    return rc;
}

static bool
has_published(const struct pass *pass, const char *name)
{
    for (uint32_t i = 0; i < pass->producers_count; i++)
        if (strcmp(pass->producers[i].name, name) == 0)
            return true;
    return false;
}

/* A new store in the place of a lost one has no row of what it published. */
enum rc
pass_check_outboxes(struct pass *pass)
{
    static const struct verify_write none = { .next_seq = 1 };
    enum rc rc = RC_OK;

    for (int i = 0; i < VERIFY_ACTORS && rc == RC_OK; i++) {
        struct verify_actor *actor = &pass->verify->actors[i];
        const struct verify_write *write =
            verify_write_of(actor, pass->topic, pass->partition);

        if (write == NULL && has_published(pass, actor->name))
            write = &none;
        if (write != NULL)
            rc = check_outbox(pass, actor, write);
    }
    return rc;
}
