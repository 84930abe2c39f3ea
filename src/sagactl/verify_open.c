#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker_meta.h"
#include "sagactl/verify.h"
#include "sagactl/verify_rows.h"

#define CACHE_BYTES (UINT64_C(64) << 20)
/* Small, because recovery fills up a log file of a quarter of it. */
#define CHECKPOINT_BYTES (UINT64_C(16) << 20)
#define CHECKPOINT_MS 3600000
#define SPANS_FIRST 64

const char *const verify_names[VERIFY_STORES] = {
    [VERIFY_GATEWAY] = "gateway",
    [VERIFY_PAYMENT] = "payment",
    [VERIFY_LEDGER] = "ledger",
    [VERIFY_BROKER] = "broker",
};

/* ---- looking up ---- */

struct verify_actor *
verify_actor(struct verify *verify, enum process process)
{
    for (int i = 0; i < VERIFY_ACTORS; i++)
        if (verify->actors[i].process == process)
            return &verify->actors[i];
    return NULL;
}

struct verify_actor *
verify_actor_named(struct verify *verify, const char *name)
{
    for (int i = 0; i < VERIFY_ACTORS; i++)
        if (strcmp(verify->actors[i].name, name) == 0)
            return &verify->actors[i];
    return NULL;
}

const struct verify_read *
verify_read_of(const struct verify_actor *actor, enum topic topic,
               uint32_t partition)
{
    for (uint32_t i = 0; i < actor->reads_count; i++)
        if (actor->reads[i].topic == topic &&
            actor->reads[i].partition == partition)
            return &actor->reads[i];
    return NULL;
}

const struct verify_write *
verify_write_of(const struct verify_actor *actor, enum topic topic,
                uint32_t partition)
{
    for (uint32_t i = 0; i < actor->writes_count; i++)
        if (actor->writes[i].topic == topic &&
            actor->writes[i].partition == partition)
            return &actor->writes[i];
    return NULL;
}

bool
verify_has(const struct verify *verify, unsigned needs)
{
    return (verify->trimmed & needs) == 0;
}

enum rc
verify_order(struct verify *verify, uint64_t id, struct order_facts **order_out)
{
    *order_out = fact_table_get(&verify->orders, id);
    return *order_out == NULL ? RC_NO_MEMORY : RC_OK;
}

bool
verify_has_row(const struct verify *verify, uint64_t id)
{
    const struct order_facts *order = fact_table_find(&verify->orders, id);

    return order != NULL && (order->facts & FACT(FACT_GATEWAY_ROW)) != 0;
}

enum rc
verify_user(struct verify *verify, uint64_t id, struct user_facts **user_out)
{
    *user_out = fact_table_get(&verify->users, id);
    return *user_out == NULL ? RC_NO_MEMORY : RC_OK;
}

void
verify_content(struct verify *verify, enum verify_check check,
               const struct order_facts *order, uint64_t user, int64_t price,
               const char *who)
{
    if (order->facts & FACT(FACT_CONFLICT))
        return;
    if (order->user == user && order->price == price)
        return;
    verify_differs(verify->report, check,
                   "order %" PRIu64 ": %s says user=%" PRIu64
                   " minor=%" PRId64 ", others say user=%" PRIu64
                   " minor=%" PRId64,
                   order->id, who, user, price, order->user, order->price);
}

/* ---- what is set aside ---- */

enum rc
verify_span_add(struct verify_spans *spans, const struct verify_span *span,
                uint32_t max)
{
    if (spans->count == max)
        return RC_OK; /* what it would excuse differs; nothing is hidden */
    if (spans->count == spans->room) {
        uint32_t room = spans->room == 0 ? SPANS_FIRST : spans->room * 2;
        struct verify_span *items =
            realloc(spans->items, room * sizeof items[0]);

        if (items == NULL)
            return RC_NO_MEMORY;
        spans->items = items;
        spans->room = room;
    }
    spans->items[spans->count++] = *span;
    return RC_OK;
}

enum rc
verify_excuse(struct verify *verify, enum process process,
              const struct verify_span *span, uint64_t order, uint64_t user)
{
    static const struct {
        enum process process;
        enum order_fact order;
        enum user_fact user;
    } places[] = {
        { PROCESS_PAYMENT, FACT_PARKED_PAYMENT, USER_FACT_PARKED_PAYMENT },
        { PROCESS_LEDGER, FACT_PARKED_LEDGER, USER_FACT_PARKED_LEDGER },
        { PROCESS_GATEWAY, FACT_PARKED_GATEWAY, USER_FACT_PARKED_GATEWAY },
    };
    struct order_facts *order_facts;
    struct user_facts *user_facts;
    enum rc rc =
        verify_span_add(&verify->excuses, span, VERIFY_EXCUSES_MAX);

    for (size_t i = 0; i < ARRAY_COUNT(places) && rc == RC_OK; i++) {
        if (places[i].process != process)
            continue;
        if (order != 0)
            rc = verify_order(verify, order, &order_facts);
        if (rc == RC_OK && order != 0)
            order_facts->facts |= FACT(places[i].order);
        if (rc == RC_OK && user != 0)
            rc = verify_user(verify, user, &user_facts);
        if (rc == RC_OK && user != 0)
            user_facts->facts |= FACT(places[i].user);
    }
    return rc;
}

/* ---- tables ---- */

static enum rc
table_walk(struct verify *verify, struct store_table *table,
           verify_row_fn *row_fn, void *context)
{
    struct store_cursor *cursor;
    struct store_row row;
    enum rc rc = store_cursor_open(table, &cursor);

    if (rc != RC_OK)
        return rc;
    for (rc = store_cursor_first(cursor, &row); rc == RC_OK;
         rc = store_cursor_next(cursor, &row)) {
        rc = row_fn(verify, context, &row);
        if (rc != RC_OK)
            break;
    }
    store_cursor_close(&cursor);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc
verify_walk(struct verify *verify, struct store *store, const char *name,
            verify_row_fn *row_fn, void *context)
{
    struct store_table *table;
    enum rc rc = store_table_open(store, name, &table);

    return rc == RC_OK ? table_walk(verify, table, row_fn, context) : rc;
}

enum rc
verify_walk_packed(struct verify *verify, struct store *store,
                   const char *name, verify_row_fn *row_fn, void *context)
{
    struct store_table *table;
    enum rc rc = store_table_open_packed(store, name, &table);

    return rc == RC_OK ? table_walk(verify, table, row_fn, context) : rc;
}

/* ---- what a participant says of itself ---- */

static enum rc
take_position(struct verify *verify, struct verify_actor *actor,
              struct verify_position *position)
{
    struct verify_read *read = &actor->reads[actor->reads_count];
    enum topic topic = topic_find(position->topic);

    if (topic == TOPIC_COUNT || actor->reads_count == VERIFY_STREAMS_MAX ||
        position->partition >= PARTITIONS_MAX) {
        verify_differs(verify->report, CHECK_POSITIONS,
                       "%s: a position in %s/%u, which is no stream of ours",
                       actor->name, position->topic, position->partition);
        return RC_OK;
    }
    *read = (struct verify_read){ .topic = topic,
                                  .partition = position->partition,
                                  .offset = position->offset };
    read->seen = calloc(position->seen_count + 1, sizeof read->seen[0]);
    if (read->seen == NULL)
        return RC_NO_MEMORY;
    actor->reads_count++;
    for (uint32_t i = 0; i < position->seen_count; i++, read->seen_count++)
        if (!verify_read_seen(position, read->seen[i].producer,
                              &read->seen[i].seq)) {
            verify_differs(verify->report, CHECK_SEEN,
                           "%s: its row of %s/%u ends too soon", actor->name,
                           position->topic, position->partition);
            break;
        }
    return RC_OK;
}

static void
take_next(struct verify *verify, struct verify_actor *actor,
          const struct verify_next *next)
{
    enum topic topic = topic_find(next->topic);

    if (topic == TOPIC_COUNT || actor->writes_count == VERIFY_STREAMS_MAX ||
        next->partition >= PARTITIONS_MAX) {
        verify_differs(verify->report, CHECK_OUTBOX,
                       "%s: a seq in %s/%u, which is no stream of ours",
                       actor->name, next->topic, next->partition);
        return;
    }
    actor->writes[actor->writes_count++] =
        (struct verify_write){ topic, next->partition, next->seq };
}

static bool
key_is(const struct store_row *row, const char *key)
{
    return row->key_bytes == strlen(key) &&
           memcmp(row->key, key, row->key_bytes) == 0;
}

static enum rc
on_state(struct verify *verify, void *context, const struct store_row *row)
{
    struct verify_actor *actor = context;
    struct verify_position position;
    struct verify_next next;
    struct bytes_reader reader;

    if (key_is(row, "currency") || key_is(row, "starts") ||
        key_is(row, "parked"))
        return RC_OK;
    if (key_is(row, "store")) {
        bytes_reader_init(&reader, row->value, row->bytes);
        (void)bytes_get_u8(&reader);
        actor->partitions = bytes_get_u32(&reader);
        return RC_OK;
    }
    if (verify_read_position(row->key, row->key_bytes, row->value, row->bytes,
                             &position))
        return take_position(verify, actor, &position);
    if (verify_read_next(row->key, row->key_bytes, row->value, row->bytes,
                         &next))
        take_next(verify, actor, &next);
    else
        verify_differs(verify->report, CHECK_POSITIONS,
                       "%s: a row of its own that can't be read",
                       actor->name);
    return RC_OK;
}

static enum rc
on_parked(struct verify *verify, void *context, const struct store_row *row)
{
    const struct verify_actor *actor = context;
    struct verify_parked parked;
    struct verify_span span;

    verify->report->told.parked++;
    if (!verify_read_parked(row->value, row->bytes, &parked)) {
        verify_differs(verify->report, CHECK_SEEN,
                       "%s: a parked event that can't be read", actor->name);
        return RC_OK;
    }
    span = (struct verify_span){ topic_find(parked.topic), parked.partition,
                                 parked.offset, parked.count };
    return verify_excuse(verify, actor->process, &span, parked.order,
                         parked.user);
}

/* ---- opening ---- */

static enum rc
open_store(const struct verify *verify, enum verify_store which,
           struct store **store_out)
{
    const struct store_config config = {
        .directory = verify->input->directories[which],
        .cache_bytes = CACHE_BYTES,
        .checkpoint_bytes = CHECKPOINT_BYTES,
        .checkpoint_ms = CHECKPOINT_MS,
        .copied = verify->input->copied,
        .table_stays = which == VERIFY_BROKER ? broker_meta_stays
                                              : store_table_stays,
    };
    bool created;

    return store_open(store_out, &config, &created);
}

static enum rc
open_actor(struct verify *verify, enum verify_store which)
{
    struct verify_actor *actor = &verify->actors[which];
    enum rc rc;

    actor->name = verify_names[which];
    actor->process = process_find(actor->name);
    rc = open_store(verify, which, &actor->store);
    if (rc == RC_OK)
        rc = verify_walk(verify, actor->store, "participant", on_state, actor);
    if (rc == RC_OK && actor->partitions != 0) /* else it never began */
        rc = verify_tables(actor->store, which);
    if (rc == RC_OK)
        rc = verify_walk(verify, actor->store, "parked", on_parked, actor);
    return rc;
}

enum rc
verify_open(struct verify *verify)
{
    enum rc rc = codec_new(&verify->codec);

    fact_table_init(&verify->orders, sizeof(struct order_facts));
    fact_table_init(&verify->users, sizeof(struct user_facts));
    verify->actors = calloc(VERIFY_ACTORS, sizeof verify->actors[0]);
    if (rc != RC_OK || verify->actors == NULL)
        return RC_NO_MEMORY;
    for (int i = 0; i < VERIFY_ACTORS && rc == RC_OK; i++)
        rc = open_actor(verify, (enum verify_store)i);
    if (rc == RC_OK)
        rc = open_store(verify, VERIFY_BROKER, &verify->broker);
    if (rc == RC_OK)
        rc = verify_tables(verify->broker, VERIFY_BROKER);
    if (rc == RC_OK)
        rc = store_table_open(verify->broker, "meta", &verify->meta);
    return rc;
}

enum rc
verify_close(struct verify *verify)
{
    enum rc rc = RC_OK, closed;

    for (int i = 0; i < VERIFY_ACTORS; i++) {
        closed = store_close(&verify->actors[i].store);
        rc = rc == RC_OK ? closed : rc;
        for (uint32_t j = 0; j < verify->actors[i].reads_count; j++)
            free(verify->actors[i].reads[j].seen);
    }
    closed = store_close(&verify->broker);
    free(verify->actors);
    fact_table_fini(&verify->orders);
    fact_table_fini(&verify->users);
    free(verify->poisons.items);
    free(verify->excuses.items);
    codec_destroy(&verify->codec);
    return rc == RC_OK ? closed : rc;
}
