/*
 * publish.pml - commit, then publish: a model for spin (tests/model/run.sh)
 *
 * What is modelled, and the code that it stands for:
 *
 *   Participant  turn: commit, flush, answer, publish in a window, trim after
 *                the acknowledgement (participant.c, outbox.c); OPEN, go-back-N
 *                after a time-out or SEQ_GAP (bus_zmq_*.c).  Reduced to its
 *                writing half: commands in, one event each out.
 *   Consumer     fetches ahead, judges by offset and seq, commits effect,
 *                position and seen seq together (inbox.c): the reading half.
 *   Broker       gathers requests into one transaction, commits, flushes,
 *                answers (broker_turn.c, producer_seqs.c); who is let in, and
 *                under which epoch (producer_life.c).
 *   Chaos        at any step, a bounded number of times: a process is killed
 *                or power is lost, and it starts again; a connection breaks.
 *                With INSTANCES 2, a copy of the participant's store is made
 *                and a second process runs on it, while the first, which may
 *                stand still for as long as it likes, knows nothing.
 *
 *   store        what is committed (next, kept) and what of it is flushed.  A
 *                crash keeps the flushed prefix and any part of the rest;
 *                opening flushes what it found (store.c syncs the log
 *                before recovery; without it: HOLE_RECOVERY).  So kill -9 and power loss are one.
 *   start        counted in the store and flushed before the process opens
 *                (participant_life.c); with life, by chance, it is in OPEN.
 *   connection   keeps order and loses nothing; when it breaks, or an end
 *                dies, any last part of each direction is lost.  What the
 *                broker had received of a dead connection is still handled,
 *                also behind what comes over the next one (ROUTER queues
 *                fairly); what we had received is read first or lost.
 *   tag          the content of an event: every commit has its own, so that
 *                two contents under one seq are seen.
 *
 * Laws, as assertions unless said otherwise:
 *
 *   answered, published, served: only after the flush; hence still there
 *            after every crash
 *   log      seqs are 1, 2, 3, ..., none twice, none left out
 *   acked    what was acknowledged is held, with our content, and stays
 *   effect   each event takes effect once, in order, with its content
 *   fence    once a newer epoch was given, an older process appends nothing
 *   no false alarm: without a copy, nobody is FENCED or ends as DAMAGED;
 *            with one, nobody is fenced by himself, so that somebody is left
 *   ends     (LTL) all that was committed is published, acknowledged and in
 *            effect at last, whatever is scheduled (nothing goes on for ever:
 *            a time-out that is not too early comes when nothing is on its way)
 *
 * Bounds: one stream, COMMANDS commits, batches of one event, WINDOW batches
 * under way, GROUP requests in a broker's turn, CRASHES of all processes
 * together, BREAKS of a connection, EARLY time-outs that were too early.
 * Not modelled: retention, several partitions, SEQ_OVERLAP (batches of one
 * event), a full disk, the consumer's own connection, damage.
 *
 * -DBUG_x plants a mistake that the laws must find.  -DHOLE_x takes away an
 * assumption that this design rests on and the code doesn't guarantee:
 *
 *   HOLE_RECOVERY     opening doesn't flush what it found.  Berkeley DB's
 *                     recovery syncs tables but no log file: commits that a
 *                     killed process had written and not synced are told, and
 *                     lost with the power; so store.c syncs the log files before
 *                     they are read.
 *   HOLE_PLAIN_OPEN   OPEN has neither start nor life, as it is said by those
 *                     who keep no store: the OPEN of a dead process, read
 *                     late, then fences its successor.  (Opening again when
 *                     fenced was tried: it lets a process that stood still
 *                     fence its heir.)
 *   HOLE_COPY_COMMITS a process on a copied store commits before its OPEN is
 *                     answered: its events are then taken for duplicates of
 *                     others with their seqs.
 *
 * and -DMEND_x is a change of the design that closes it:
 *
 *   MEND_NEXT_AT_OPEN what the broker holds is compared with what the store
 *                     held when it was opened, not with what it holds now: so
 *                     does the code (outbox_verify); enough unless that process
 *                     is started once more.
 *   MEND_CONTENT      OPEN_OK tells the content (a digest) of the last batch
 *                     held; it must be that of our row, if we have the row.
 */
#ifndef COMMANDS
#define COMMANDS 3
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef BREAKS
#define BREAKS 1
#endif
#ifndef EARLY
#define EARLY 1
#endif
#ifndef INSTANCES
#define INSTANCES 1
#endif
#ifndef WINDOW
#define WINDOW 2
#endif
#ifndef GROUP
#define GROUP 2
#endif

#define LOG_MAX (COMMANDS + 1)
#define FRAMES_MAX (WINDOW + 1)

mtype = { OPEN, PRODUCE, OPEN_OK, PRODUCE_OK, SEQ_GAP, FENCED, NOT_OPEN };

/* Connection 2 * instance + side; a new one takes the other side. */
#define CONNECTIONS (2 * INSTANCES)
chan to_broker[CONNECTIONS] = [FRAMES_MAX] of { mtype, byte, byte, byte };
chan from_broker[CONNECTIONS] =
    [FRAMES_MAX] of { mtype, byte, byte, byte, byte };

typedef Store {
    byte next_seq;         /* the next event's seq                    */
    byte kept;             /* the last seq that has no outbox row     */
    byte start;            /* how often it was opened; flushed        */
    byte next_flushed;
    byte kept_flushed;
    byte tag[COMMANDS + 2] /* of each seq, also after its row is gone */
};

typedef Process {
    bool up;
    bool flushing;  /* between commit and flush                       */
    bool opened;
    bool rewind;    /* go back at the next turn                       */
    byte side;      /* of its connection                              */
    byte asked;     /* the OPEN's request id, however often it is sent */
    byte epoch;
    byte sent;
    byte acked;
    byte done;      /* bit set: acknowledged out of turn              */
    byte next_then; /* next when the store was opened                 */
    byte answered   /* the last seq whose command was told            */
};

Store store[INSTANCES];
Process process[INSTANCES];
byte commits; /* of commands, by all: the last tag given */

/* The broker: what is in memory (and in the open or unflushed transaction),
 * and what is flushed. */
byte log_seq[LOG_MAX];
byte log_tag[LOG_MAX];
byte log_end;
byte last_seq;
byte epoch;
byte log_end_flushed;
byte last_seq_flushed;
byte epoch_flushed;
bool broker_flushing;
byte holder; /* who was let in last */
byte holder_flushed;
byte holder_start;
byte holder_start_flushed;
byte holder_life;
byte holder_life_flushed;
/* verb, connection, two numbers */
chan replies = [GROUP] of { mtype, byte, byte, byte };

/* The consumer: fetched ahead, committed, flushed. */
chan fetched = [2] of { byte, byte, byte }; /* offset, seq, tag */
byte fetch_offset;
byte position;
byte seen;
byte effects; /* how many took effect */
byte position_flushed;
byte seen_flushed;
byte effects_flushed;
bool consumer_flushing;

byte crashes = CRASHES;
byte breaks = BREAKS;
byte early = EARLY;

#define LINE(i) (2 * (i) + process[i].side)
#define OLD_LINE(i) (2 * (i) + 1 - process[i].side)
#define HELD(seq) (log_end_flushed >= (seq) && last_seq_flushed >= (seq))

/* A planted mistake must be found by what it does to data, not because it is
 * one; so the laws that forbid a step are off then. */
#ifdef PLANTED
#define law(condition) skip
#else
#define law(condition) assert(condition)
#endif

inline clear_requests(line)
{
    do
    :: nempty(to_broker[line]) -> to_broker[line] ? _, _, _, _
    :: empty(to_broker[line]) -> break
    od
}

inline clear_replies(line)
{
    do
    :: nempty(from_broker[line]) -> from_broker[line] ? _, _, _, _, _
    :: empty(from_broker[line]) -> break
    od
}

/* ---- participant ------------------------------------------------------ */

/* A process starts on what its store holds. */
inline start_process(i)
{
    process[i].up = true;
    process[i].flushing = false;
    process[i].opened = false;
    process[i].rewind = false;
    process[i].asked = 0;
    process[i].epoch = 0;
    process[i].sent = store[i].kept;
    process[i].acked = store[i].kept;
    process[i].done = 0;
    process[i].next_then = store[i].next_seq;
    store[i].start++
}

/* It can't go on, and is not started again. */
inline end_process(i)
{
    start_process(i);
    process[i].up = false;
    clear_replies(LINE(i));
    clear_replies(OLD_LINE(i))
}

inline flush_store(i)
{
    store[i].next_flushed = store[i].next_seq;
    store[i].kept_flushed = store[i].kept;
}

inline answer(i)
{
    law(store[i].next_seq == store[i].next_flushed);
    process[i].answered = store[i].next_seq - 1;
}

/* One command; trimming goes with it, or waits. */
inline commit_turn(i)
{
    commits++;
    store[i].tag[store[i].next_seq] = commits;
    printf("participant %d commits seq %d, tag %d\n", i,
           store[i].next_seq, commits);
    store[i].next_seq++;
    if
    :: store[i].kept = process[i].acked
    :: process[i].acked > store[i].kept
    fi;
    process[i].flushing = true;
#ifdef BUG_ANSWER_BEFORE_FLUSH
    answer(i);
#endif
}

/* With the start it tells every life from every other. */
#define LIFE(i) ((i) + 1)

inline send_open(i)
{
    process[i].asked = 1;
    printf("participant %d sends OPEN %d\n", i, process[i].asked);
    if
    :: nfull(to_broker[LINE(i)]) ->
        to_broker[LINE(i)] ! OPEN, process[i].asked, store[i].start, LIFE(i)
    :: full(to_broker[LINE(i)])
    fi
}

inline send_batch(i, seq)
{
    printf("participant %d sends seq %d, epoch %d\n", i, seq,
           process[i].epoch);
    law(seq < store[i].next_flushed);
    if
    :: nfull(to_broker[LINE(i)]) ->
        to_broker[LINE(i)] ! PRODUCE, process[i].epoch, seq, store[i].tag[seq]
    :: full(to_broker[LINE(i)])
    fi
}

inline publish_next(i)
{
    process[i].sent++;
    send_batch(i, process[i].sent);
#ifdef BUG_TRIM_BEFORE_ACK
    store[i].kept = process[i].sent;
#endif
}

inline resend(i)
{
    printf("participant %d goes back\n", i);
    process[i].rewind = false;
    seq = process[i].acked + 1;
    do
    :: seq <= process[i].sent && !(process[i].done & (1 << seq)) ->
        send_batch(i, seq);
        seq++
    :: seq <= process[i].sent && (process[i].done & (1 << seq)) -> seq++
    :: seq > process[i].sent -> break
    od;
    seq = 0
}

/* Without a copy there is nobody who could fence us, and nothing was lost. */
inline refused(i)
{
    assert(INSTANCES == 2);
    end_process(i)
}

/* What the broker holds must be what we sent. */
#ifdef MEND_NEXT_AT_OPEN
#define NEXT_TO_VERIFY(i) process[i].next_then
#else
#define NEXT_TO_VERIFY(i) store[i].next_seq
#endif
#ifdef MEND_CONTENT
#define CONTENT_FITS(i) (b <= store[i].kept || store[i].tag[b] == c)
#else
#define CONTENT_FITS(i) true
#endif

inline on_open_ok(i)
{
    if
    :: process[i].opened || a != process[i].asked
    :: else ->
        process[i].opened = true;
        process[i].asked = 0;
        process[i].epoch = d;
        if
        :: b < NEXT_TO_VERIFY(i) && b >= store[i].kept && CONTENT_FITS(i)
        :: else -> refused(i)
        fi
    fi
}

/* Acknowledgements are handed out in order. */
inline on_produce_ok(i)
{
    if
    :: a > process[i].acked && a <= process[i].sent ->
        process[i].done = process[i].done | (1 << a)
    :: else
    fi;
    do
    :: process[i].done & (1 << (process[i].acked + 1)) ->
        process[i].acked++;
        process[i].done = process[i].done & ~(1 << process[i].acked);
        law(HELD(process[i].acked));
        assert(log_tag[process[i].acked - 1] ==
               store[i].tag[process[i].acked])
    :: else -> break
    od
}

/* a: the refused batch, b: what the broker expects. */
inline on_seq_gap(i)
{
    if
    :: a <= process[i].acked || (process[i].done & (1 << a))
    :: else ->
        seq = process[i].acked + 1;
        do
        :: process[i].done & (1 << seq) -> seq++
        :: else -> break
        od;
        if
        :: b >= seq -> process[i].rewind = true
        :: b < seq -> refused(i)
        fi;
        seq = 0
    fi
}

inline receive(i)
{
    from_broker[line] ? verb, a, b, c, d;
    printf("participant %d reads %e %d %d %d %d, connection %d\n", i, verb, a,
           b, c, d, line);
    if
    :: verb == OPEN_OK -> on_open_ok(i)
    :: verb == PRODUCE_OK -> on_produce_ok(i)
    :: verb == SEQ_GAP -> on_seq_gap(i)
    :: verb == FENCED || verb == NOT_OPEN -> refused(i)
    fi;
    verb = OPEN; a = 0; b = 0; c = 0; d = 0; line = 0
}

#define READY(i) (process[i].up && !process[i].flushing)
/* Nothing is on the way: waiting longer brings nothing. */
#define QUIET(i)                                                             \
    (len(to_broker[LINE(i)]) + len(from_broker[LINE(i)]) +                   \
     len(from_broker[OLD_LINE(i)]) + len(replies) == 0)
#ifdef BUG_PUBLISH_BEFORE_FLUSH
#define MAY_PUBLISH(i) process[i].up
#else
#define MAY_PUBLISH(i) READY(i)
#endif
#ifdef HOLE_COPY_COMMITS
#define MAY_COMMIT(i) true
#else
#define MAY_COMMIT(i) (i == 0 || process[i].opened)
#endif
#ifdef BUG_NO_RESEND
#define TIME_OUT(i) false
#else
#define TIME_OUT(i) (QUIET(i) || early > 0)
#endif

inline use_early(i)
{
    if
    :: QUIET(i)
    :: !QUIET(i) -> early--
    fi
}

proctype Participant(byte i)
{
    mtype verb = OPEN;
    byte a, b, c, d, seq, line;

end:
    do
    :: atomic { READY(i) && commits < COMMANDS && MAY_COMMIT(i) ->
        commit_turn(i) }
    :: atomic { process[i].up && process[i].flushing ->
        flush_store(i);
        process[i].flushing = false;
        printf("participant %d flushes\n", i);
        answer(i) }
    :: atomic { READY(i) && process[i].acked > store[i].kept ->
        store[i].kept = process[i].acked }
    :: atomic { READY(i) && !process[i].opened && process[i].asked == 0 ->
        send_open(i) }
    :: atomic { READY(i) && !process[i].opened && process[i].asked > 0 &&
                TIME_OUT(i) ->
        use_early(i);
        send_open(i) }
    :: atomic { MAY_PUBLISH(i) && process[i].opened &&
                process[i].sent + 1 < store[i].next_seq &&
                process[i].sent - process[i].acked < WINDOW ->
        publish_next(i) }
    :: atomic { READY(i) && process[i].sent > process[i].acked &&
                (process[i].rewind || TIME_OUT(i)) ->
        if
        :: process[i].rewind
        :: TIME_OUT(i) -> use_early(i)
        fi;
        resend(i) }
    :: atomic { READY(i) && len(from_broker[OLD_LINE(i)]) +
                len(from_broker[LINE(i)]) > 0 ->
        if
        :: nempty(from_broker[OLD_LINE(i)]) -> line = OLD_LINE(i)
        :: empty(from_broker[OLD_LINE(i)]) -> line = LINE(i)
        fi;
        receive(i) }
    od
}

/* ---- broker ----------------------------------------------------------- */

#define INSTANCE(line) ((line) / 2)

inline let_in()
{
    epoch++;
    holder = INSTANCE(line);
    holder_start = b;
    holder_life = c;
    replies ! OPEN_OK, line, a, epoch
}

/* Of a dead connection's nobody hears. */
inline fence()
{
    assert(line != LINE(INSTANCE(line)) || holder != INSTANCE(line));
    replies ! FENCED, line, 0, 0
}

#ifdef HOLE_PLAIN_OPEN
#define LATER true
#define OPENS_AGAIN false
#elif defined(BUG_STARTS_IGNORED)
#define LATER (c != holder_life || b != holder_start)
#define OPENS_AGAIN (!LATER)
#elif defined(BUG_OPENS_AGAIN_ANEW)
#define LATER (b > holder_start || b == holder_start && c == holder_life)
#define OPENS_AGAIN false
#elif defined(BUG_TWIN_LET_IN)
#define LATER (b > holder_start || b == holder_start && c != holder_life)
#define OPENS_AGAIN (b == holder_start && c == holder_life)
#else
#define LATER (b > holder_start)
#define OPENS_AGAIN (b == holder_start && c == holder_life)
#endif

/* producer_life_decide() */
inline on_open()
{
    if
    :: LATER -> let_in()
    :: !LATER && OPENS_AGAIN -> replies ! OPEN_OK, line, a, epoch
    :: else -> fence()
    fi
}

inline append()
{
    assert(holder == INSTANCE(line));
    assert(log_end < LOG_MAX);
    log_seq[log_end] = b;
    log_tag[log_end] = c;
    log_end++;
    last_seq = b;
    assert(log_seq[log_end - 1] == log_end);
    replies ! PRODUCE_OK, line, b, 0
}

#ifdef BUG_NO_EPOCH_CHECK
#define OLDER false
#else
#define OLDER (a < epoch)
#endif
#ifdef BUG_NO_DUPLICATE_CHECK
#define DUPLICATE false
#else
#define DUPLICATE (b <= last_seq)
#endif
#ifdef BUG_NO_GAP_CHECK
#define GAP false
#else
#define GAP (b > last_seq + 1)
#endif

inline on_produce()
{
    if
    :: a > epoch -> replies ! NOT_OPEN, line, 0, 0
    :: else ->
        if
        :: OLDER -> fence()
        :: !OLDER && DUPLICATE -> replies ! PRODUCE_OK, line, b, 0
        :: !OLDER && GAP -> replies ! SEQ_GAP, line, b, last_seq + 1
        :: else -> append()
        fi
    fi
}

inline take()
{
    to_broker[line] ? verb, a, b, c;
    printf("broker takes %e %d %d %d, connection %d\n", verb, a, b, c, line);
    if
    :: verb == OPEN -> on_open()
    :: verb == PRODUCE -> on_produce()
    fi;
    verb = OPEN; line = 0; a = 0; b = 0; c = 0
}

/* A reply to a dead connection is lost; OPEN_OK tells the last seq and its
 * content as they are then. */
inline answer_all()
{
    do
    :: nempty(replies) ->
        replies ? verb, line, a, b;
        content = 0;
        if
        :: verb == OPEN_OK ->
            epoch_given = b;
            b = last_seq;
            if
            :: last_seq > 0 -> content = log_tag[last_seq - 1]
            :: last_seq == 0
            fi
        :: verb != OPEN_OK
        fi;
        if
        :: line != LINE(INSTANCE(line))
        :: line == LINE(INSTANCE(line)) && full(from_broker[line])
        :: line == LINE(INSTANCE(line)) && nfull(from_broker[line]) ->
            from_broker[line] ! verb, a, b, content, epoch_given
        fi;
        epoch_given = 0; content = 0
    :: empty(replies) -> break
    od;
    verb = OPEN; line = 0; a = 0; b = 0
}

inline flush_broker()
{
    printf("broker flushes: end %d, epoch %d\n", log_end, epoch);
    log_end_flushed = log_end;
    last_seq_flushed = last_seq;
    epoch_flushed = epoch;
    holder_flushed = holder;
    holder_start_flushed = holder_start;
    holder_life_flushed = holder_life
}

#define GATHERING (!broker_flushing && nfull(replies))
#define MAY_TAKE(i) (len(to_broker[LINE(i)]) > 0)
#define MAY_TAKE_OLD(i) (len(to_broker[OLD_LINE(i)]) > 0)
#define SECOND (INSTANCES - 1)

proctype Broker()
{
    mtype verb = OPEN;
    byte line, a, b, c, content, epoch_given;

end:
    do
    :: atomic { GATHERING &&
                (MAY_TAKE(0) || MAY_TAKE_OLD(0) || MAY_TAKE(SECOND) ||
                 MAY_TAKE_OLD(SECOND)) ->
        if
        :: MAY_TAKE(0) -> line = LINE(0)
        :: MAY_TAKE_OLD(0) -> line = OLD_LINE(0)
        :: MAY_TAKE(SECOND) -> line = LINE(SECOND)
        :: MAY_TAKE_OLD(SECOND) -> line = OLD_LINE(SECOND)
        fi;
        take() }
    :: atomic { nempty(to_broker[OLD_LINE(0)]) -> /* it never arrived */
        clear_requests(OLD_LINE(0)) }
#if INSTANCES == 2
    :: atomic { nempty(to_broker[OLD_LINE(1)]) ->
        clear_requests(OLD_LINE(1)) }
#endif
    :: atomic { !broker_flushing && nempty(replies) ->
        broker_flushing = true; /* committed */
#ifdef BUG_BROKER_ANSWERS_BEFORE_FLUSH
        answer_all()
#endif
      }
    :: atomic { broker_flushing ->
        flush_broker();
        broker_flushing = false;
        answer_all() }
    od
}

/* ---- consumer --------------------------------------------------------- */

#ifdef BUG_BROKER_SERVES_BEFORE_FLUSH
#define SERVED log_end
#else
#define SERVED log_end_flushed
#endif

/* The tag that the writer's store has under this seq. */
#define WRITTEN(seq) store[holder].tag[seq]

inline take_effect()
{
    effects++;
    assert(seq == effects);
    assert(INSTANCES == 2 || tag == WRITTEN(seq))
}

/* inbox_judge(), and the effect; one transaction. */
inline handle()
{
    fetched ? offset, seq, tag;
    if
    :: offset < position
    :: else ->
        assert(offset == position && seq <= seen + 1);
        position = offset + 1;
        if
        :: seq == seen + 1 ->
            seen = seq;
            take_effect()
        :: seq <= seen
        fi;
        consumer_flushing = true
    fi;
    offset = 0; seq = 0; tag = 0
}

inline flush_consumer()
{
    printf("consumer flushes: position %d, effects %d\n", position, effects);
    position_flushed = position;
    seen_flushed = seen;
    effects_flushed = effects;
    consumer_flushing = false
}

proctype Consumer()
{
    byte offset, seq, tag;

end:
    do
    :: atomic { nfull(fetched) && fetch_offset < SERVED ->
        fetched ! fetch_offset, log_seq[fetch_offset], log_tag[fetch_offset];
        fetch_offset++ }
    :: atomic { nempty(fetched) && !consumer_flushing -> handle() }
    :: atomic { consumer_flushing -> flush_consumer() }
    od
}

/* ---- chaos ------------------------------------------------------------ */

/* The side that is used again is a new connection: nobody answers the one
 * before the last. */
inline forget_replies(line)
{
    seq = len(replies);
    do
    :: seq > 0 ->
        seq--;
        replies ? verb, to, a, b;
        if
        :: to == line
        :: to != line -> replies ! verb, to, a, b
        fi
    :: seq == 0 -> break
    od;
    verb = OPEN; to = 0; a = 0; b = 0
}

/* A dead or broken connection: what the broker sent may arrive yet. */
inline change_line(i)
{
    printf("participant %d: another connection\n", i);
    clear_requests(OLD_LINE(i));
    clear_replies(OLD_LINE(i));
    forget_replies(OLD_LINE(i));
    process[i].side = 1 - process[i].side;
    if
    :: true
    :: nempty(from_broker[OLD_LINE(i)]) -> clear_replies(OLD_LINE(i))
    fi
}

inline forget_tags(i)
{
    seq = store[i].next_seq;
    do
    :: seq <= COMMANDS + 1 -> store[i].tag[seq] = 0; seq++
    :: else -> break
    od;
    seq = 0
}

/* Of the commits since the last flush a first part survives: none, trims, or
 * all.  (Trims without the turn that they went with cannot be, but do no
 * harm.) */
inline crash_participant(i)
{
    printf("participant %d crashes\n", i);
    change_line(i);
    clear_replies(OLD_LINE(i));
    if
    :: true ->
        store[i].next_seq = store[i].next_flushed;
        store[i].kept = store[i].kept_flushed
    :: store[i].next_seq != store[i].next_flushed &&
       store[i].kept != store[i].kept_flushed ->
        store[i].next_seq = store[i].next_flushed
    :: store[i].next_seq != store[i].next_flushed ||
       store[i].kept != store[i].kept_flushed
    fi;
    forget_tags(i);
    /* What was told is still true. */
    assert(process[i].answered < store[i].next_seq);
#ifndef HOLE_RECOVERY
    flush_store(i);
#endif
    start_process(i)
}

inline forget_log()
{
    seq = log_end;
    do
    :: seq < LOG_MAX -> log_seq[seq] = 0; log_tag[seq] = 0; seq++
    :: else -> break
    od;
    seq = 0
}

inline lose_broker()
{
    log_end = log_end_flushed;
    last_seq = last_seq_flushed;
    epoch = epoch_flushed;
    holder = holder_flushed;
    holder_start = holder_start_flushed;
    holder_life = holder_life_flushed
}

/* An acknowledged event is held by the broker, or our row still is. */
inline check_acked(i)
{
    assert(last_seq >= process[i].acked)
}

inline crash_broker()
{
    printf("broker crashes\n");
    if
    :: true -> lose_broker()
    :: broker_flushing
#ifdef HOLE_RECOVERY
    :: !broker_flushing && empty(replies)
#endif
#ifdef BUG_SEQS_AFTER_BATCH
    :: broker_flushing -> last_seq = last_seq_flushed
#endif
    fi;
    forget_log();
#ifndef HOLE_RECOVERY
    flush_broker();
#endif
    broker_flushing = false;
    do
    :: nempty(replies) -> replies ? _, _, _, _
    :: empty(replies) -> break
    od;
    change_line(0);
    check_acked(0);
#if INSTANCES == 2
    change_line(1);
#endif
    clear_all_requests();
    assert(position <= log_end)
}

inline clear_all_requests()
{
    seq = 0;
    do
    :: seq < CONNECTIONS -> clear_requests(seq); seq++
    :: else -> break
    od;
    seq = 0
}

inline crash_consumer()
{
    printf("consumer crashes\n");
    do
    :: nempty(fetched) -> fetched ? _, _, _
    :: empty(fetched) -> break
    od;
    if
    :: true ->
        position = position_flushed;
        seen = seen_flushed;
        effects = effects_flushed
    :: consumer_flushing
#ifdef BUG_POSITION_AFTER_EFFECT
    :: consumer_flushing ->
        position = position_flushed;
        seen = seen_flushed
#endif
#ifdef BUG_POSITION_BEFORE_EFFECT
    :: consumer_flushing -> effects = effects_flushed
#endif
    fi;
    flush_consumer();
    fetch_offset = position
}

/* A copy of what is on disk; a process starts on it. */
inline copy_store()
{
    printf("the store is copied\n");
    store[1].next_seq = store[0].next_flushed;
    store[1].kept = store[0].kept_flushed;
    store[1].start = store[0].start;
    seq = 1;
    do
    :: seq < store[1].next_seq -> store[1].tag[seq] = store[0].tag[seq]; seq++
    :: else -> break
    od;
    seq = 0;
    flush_store(1);
    start_process(1)
}

/* What the fence covers: the original has its epoch when the copy is made,
 * and is not started again on its own. */
#ifdef HOLE_COPY_COMMITS
#define MAY_COPY true
#define MAY_RESTART_ORIGINAL true
#else
#define MAY_COPY process[0].opened
#define MAY_RESTART_ORIGINAL !copied
#endif

proctype Chaos()
{
    mtype verb = OPEN;
    byte seq, to, a, b;
    bool copied;

end:
    do
    :: atomic { crashes > 0 && process[0].up && MAY_RESTART_ORIGINAL ->
        crashes--; crash_participant(0) }
    :: atomic { crashes > 0 -> crashes--; crash_broker() }
    :: atomic { crashes > 0 && INSTANCES == 1 ->
        crashes--; crash_consumer() }
    :: atomic { breaks > 0 && process[0].up -> breaks--; change_line(0) }
#if INSTANCES == 2
    :: atomic { !copied && MAY_COPY -> copied = true; copy_store() }
    :: atomic { crashes > 0 && process[1].up ->
        crashes--; crash_participant(1) }
    :: atomic { breaks > 0 && process[1].up -> breaks--; change_line(1) }
#endif
    od
}

init
{
    byte i;

    atomic {
        for (i : 0 .. INSTANCES - 1) {
            store[i].next_seq = 1;
            store[i].next_flushed = 1
        }
        i = 0;
        start_process(0);
        run Participant(0);
#if INSTANCES == 2
        run Participant(1);
#else
        run Consumer();
#endif
        run Broker();
        run Chaos()
    }
}

#ifdef LIVENESS
#define ALL_COMMITTED (commits == COMMANDS && READY(0))
#define ALL_ACKED (process[0].acked + 1 == store[0].next_seq)
#define ALL_IN_EFFECT (effects_flushed + 1 == store[0].next_seq)
ltl ends { <> [] (ALL_COMMITTED && ALL_ACKED && ALL_IN_EFFECT) }
#endif
