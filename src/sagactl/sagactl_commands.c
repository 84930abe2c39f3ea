/*
 * The table of commands.  The README, docs/OPERATIONS.md and man/sagactl.1
 * tell the same; a test compares the manual page with it.
 */
#include "sagactl/sagactl.h"

#define PROCESS_WORDS "payment|ledger|gateway|FILTER"
#define STATUS_WORDS "created|completed|failed|cancelled"

#define LIMIT_OPTIONS                                                          \
    { "limit", "N", "at most so many rows (default: 100)" },                   \
    { "all", NULL, "every row, page by page" },                                \
    { "order", "asc|desc", "oldest or newest first" },                         \
    { "after", "ID", "from behind that one on" }

const struct sagactl_option sagactl_global_options[] = {
    { "home", "DIR",
      "the pipeline's home (default: SAGAPIPE_HOME, else ./var)" },
    { "url", "URL",
      "the gateway (default: SAGAPIPE_URL, else DIR/run/gateway.url)" },
    { "token-file", "FILE",
      "holds the bearer token (default: the token in SAGAPIPE_TOKEN)" },
    { "json", NULL, "the result as JSON, one object per line" },
    { "help", NULL, "this, or what stands before it, explained; -h too" },
    { "version", NULL, "print the version" },
};
const size_t sagactl_global_count = ARRAY_COUNT(sagactl_global_options);

const struct sagactl_command sagactl_commands[] = {
    { "status", "", "processes, lag, open and parked orders",
      "The whole pipeline at a glance. Exit status 1 if a process is down, or "
      "silent: it lives, and told nothing for 5 seconds. If the gateway is, "
      "what its home tells is printed: which processes live, and the broker's "
      "topics.",
      sagactl_status, { { 0 } } },
    { "top", "", "the same, live, with rates",
      "Until q or Ctrl-C. When stdout is no terminal, or with --json: one "
      "status, and its exit status.",
      sagactl_top,
      { { "interval", "SECONDS", "between two looks (default: 1)" },
        { 0 } } },
    { "order place", "USER PRODUCT [QUANTITY]", "place an order",
      "Prints the order as it was accepted: it is on disk, and will end. With "
      "--wait it is printed as it ended, if it did in time. Exit status 1 if "
      "the gateway refuses it, or if it ended in another way than completed.",
      sagactl_order_place,
      { { "wait", "SECONDS", "for the end, at most so long (1 to 60)" },
        { "key", "KEY", "idempotency key: the same again is the same order" },
        { 0 } } },
    { "order show", "ORDER", "one order and what happened to it",
      "The order, and each step of its timeline with time and process.",
      sagactl_order_show, { { 0 } } },
    { "order list", "", "orders, oldest first",
      "One line per order.",
      sagactl_order_list,
      { LIMIT_OPTIONS,
        { "user", "USER", "of that user alone" },
        { "status", STATUS_WORDS, "in that state alone" },
        { 0 } } },
    { "order watch", "[ORDER]", "orders as they change",
      "One order: as it stands, and each change until it ends; exit status 1 "
      "if it ended in another way than completed. Without ORDER: what changes "
      "from now on, of all. A restart of the gateway is waited for, up to a "
      "minute, and nothing between is left out.",
      sagactl_order_watch,
      { { "user", "USER", "of that user alone" },
        { "status", STATUS_WORDS, "those that come into that state" },
        { "count", "N", "end after so many changes" },
        { 0 } } },
    { "order cancel", "ORDER", "cancel it: what was paid is given back",
      "Prints the order as it stands; it is cancelled a moment later. Exit "
      "status 1 if it has ended in a way that can't be undone.",
      sagactl_order_cancel, { { 0 } } },
    { "user list", "", "credit accounts",
      "One line per account, with balance and state.",
      sagactl_user_list, { LIMIT_OPTIONS, { 0 } } },
    { "user show", "USER", "one account",
      "Its balance and state.", sagactl_user_show, { { 0 } } },
    { "user open", "USER BALANCE", "open an account",
      "Accepted, not yet done: payment opens it a moment later. Exit status "
      "1 if there is one.",
      sagactl_user_open, { { 0 } } },
    { "user credit", "USER AMOUNT", "add to its balance",
      "Accepted, not yet done: payment adds it a moment later, once per credit "
      "id; its log says so, or why not (event=account_changed).",
      sagactl_user_credit,
      { { "id", "CREDIT",
          "the credit's own id: the same again changes nothing" },
        { 0 } } },
    { "user freeze", "USER", "decline its purchases",
      "Until it is thawed.", sagactl_user_switch, { { 0 } } },
    { "user thaw", "USER", "lift the freeze",
      "Purchases are decided by the balance again.",
      sagactl_user_switch, { { 0 } } },
    { "product list", "", "the catalogue",
      "One line per product, with its price.",
      sagactl_product_list, { LIMIT_OPTIONS, { 0 } } },
    { "product set", "PRODUCT PRICE", "its price from now on",
      "Orders that were accepted keep theirs. A product that is new is added.",
      sagactl_product_set, { { 0 } } },
    { "topics", "", "topics, and who has read how far",
      "One line per partition, and under it one per consumer.",
      sagactl_topics, { { 0 } } },
    { "tail", "TOPIC", "the events of a topic, as they come",
      "Without --from what comes from now on. Nothing is left out, however "
      "slow the reader is. With --json each line is a CloudEvents 1.0 object "
      "(docs/EVENTS.md); amounts are in minor units there. An offset is an "
      "event's place in its partition, from 0.",
      sagactl_tail,
      { { "from", "OFFSET|-N|start|end", "begin there, or N before the end" },
        { "partition", "N", "that one alone" },
        { "count", "N", "end after so many events" },
        { "no-follow", NULL, "end at the end, instead of waiting for more" },
        { 0 } } },
    { "parked list", "[" PROCESS_WORDS "]", "events that wait for you",
      "One line per event that a process could not handle, with its number, "
      "its order and the cause. What is parked holds up the later events of "
      "its order (in the ledger: of its user), and nothing else.",
      sagactl_parked_list, { { 0 } } },
    { "parked show", PROCESS_WORDS " NUMBER", "one of them, with its bytes",
      "Everything that is known of one parked event.",
      sagactl_parked_show, { { 0 } } },
    { "parked redrive", PROCESS_WORDS " NUMBER|all",
      "try again, after the cause was removed",
      "Hands the event to its process once more, and those that wait behind "
      "it. Exit status 1 if it was refused again.",
      sagactl_parked_bring_back, { { 0 } } },
    { "parked drop", PROCESS_WORDS " NUMBER", "give it up; those behind go on",
      "For what can't be right: the event takes no effect, ever. It is told "
      "in the topic dead-letters (a filter's in its log alone).",
      sagactl_parked_bring_back, { { 0 } } },
    { "verify", "", "prove that no cent is lost",
      "Reads copies of all stores and the log while the pipeline works, and "
      "compares every row with the events that must have made it. Exit "
      "status 1 if anything differs.",
      sagactl_verify,
      { { "offline", NULL, "the stores themselves, of a stopped pipeline" },
        { "copy", "DIR", "a backup" },
        { 0 } } },
    { "backup", "DIR", "copy all stores while they work",
      "One moment of all four stores, on disk when it is told. DIR is made, "
      "and must not be there yet. Orders are accepted meanwhile, and end "
      "afterwards.",
      sagactl_backup, { { 0 } } },
    { "restore", "DIR", "into a home that has no stores",
      "Puts a backup in place: all four stores, or none. Each gets the owner "
      "of the directory that it replaces.",
      sagactl_restore, { { 0 } } },
    { "filter", "-- PROGRAM [ARGUMENT...]", "any program as a participant",
      "Hands each event of the topics to the program as one line of JSON, and "
      "publishes the lines that it answers with, once. An empty line ends an "
      "answer. --name and --from must be given. It prints nothing but its log, "
      "on stderr, so --json changes nothing. docs/EXTENDING.md explains it.",
      sagactl_filter,
      { { "name", "NAME", "its own name, as producer, consumer and store" },
        { "from", "TOPIC[,TOPIC...]", "what it reads" },
        { "to", "TOPIC", "where its answers go; a topic of the knob topics" },
        { "per-event", NULL,
          "a process for each event; its answer ends with its output" },
        { "timeout", "SECONDS", "for one answer (default: 30)" },
        { 0 } } },
    { "forget", "NAME", "a consumer that will not come back",
      "Of a filter, or of any program that read under that name and is gone "
      "for good: the broker waits for it no longer with what it removes, and "
      "status no longer calls it down. Its store, HOME/data/NAME, stays; a "
      "start would register it again. Exit status 1 if nobody of that name is "
      "known, or while it lives: stop it first.",
      sagactl_forget, { { 0 } } },
    { "bench", "", "orders at a steady rate; how long they take",
      "Open loop: an order's time counts from when it is due, so a stall is "
      "charged for all who came meanwhile. \"accepted\" is until the answer "
      "201, \"ended\" until the ledger's word stands in its topic. At the end "
      "verify runs. It opens 64 accounts of its own, from 1000000001 on, and "
      "its orders stay. Exit status 1 if an order was refused or did not end, "
      "or if verify differs.",
      sagactl_bench,
      { { "rate", "N", "orders per second (default: 100)" },
        { "seconds", "N", "for so long (default: 10)" },
        { "product", "ID", "what is bought (default: 1)" },
        { "no-verify", NULL, "leave that out" },
        { 0 } } },
    { "help", "[COMMAND] [SUBCOMMAND]", "explain a command",
      "Without a command: the list of all.",
      sagactl_help, { { 0 } } },
    { "completion", "bash", "print the completion script",
      "For a shell's start: source <(sagactl completion bash). There is no "
      "--json of it: a script is none.",
      sagactl_completion, { { 0 } } },
};
const size_t sagactl_commands_count = ARRAY_COUNT(sagactl_commands);
