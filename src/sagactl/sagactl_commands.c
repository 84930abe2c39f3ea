/*
 * The table of commands.  The README, docs/OPERATIONS.md and man/sagactl.1
 * tell the same; a test compares the manual page with it.
 */
#include "sagactl/sagactl.h"

#define PROCESS_WORDS "payment|ledger|gateway|FILTER"

const struct sagactl_option sagactl_global_options[] = {
    { "home", "DIR",
      "the pipeline's home (default: SAGAPIPE_HOME, else ./var)" },
    { "url", "URL",
      "the gateway (default: SAGAPIPE_URL, else DIR/run/gateway.url)" },
    { "token-file", "FILE",
      "holds the bearer token (default: the token in SAGAPIPE_TOKEN)" },
    { "json", NULL, "the result as JSON, one object per line" },
    { "help", NULL, "this, or what stands before it, explained" },
    { "version", NULL, "print the version" },
};
const size_t sagactl_global_count = ARRAY_COUNT(sagactl_global_options);

const struct sagactl_command sagactl_commands[] = {
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
      "in the topic dead-letters.",
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
      "One moment of all four stores. Orders are accepted meanwhile, and end "
      "afterwards.",
      sagactl_backup, { { 0 } } },
    { "restore", "DIR", "into a home that has no stores",
      "Puts a backup in place: all four stores, or none.",
      sagactl_restore, { { 0 } } },
    { "filter", "-- PROGRAM [ARGUMENT...]", "any program as a participant",
      "Hands each event of the topics to the program as one line of JSON, and "
      "publishes the lines that it answers with, once. An empty line ends an "
      "answer. --name and --from must be given. docs/EXTENDING.md explains it.",
      sagactl_filter,
      { { "name", "NAME", "its own name, as producer, consumer and store" },
        { "from", "TOPIC[,TOPIC...]", "what it reads" },
        { "to", "TOPIC", "where its answers go; a topic of the knob topics" },
        { "per-event", NULL,
          "a process for each event; its answer ends with its output" },
        { "timeout", "SECONDS", "for one answer (default: 30)" },
        { 0 } } },
    { "help", "[COMMAND] [SUBCOMMAND]", "explain a command",
      "Without a command: the list of all.",
      sagactl_help, { { 0 } } },
    { "completion", "bash", "print the completion script",
      "For a shell's start: source <(sagactl completion bash)",
      sagactl_completion, { { 0 } } },
};
const size_t sagactl_commands_count = ARRAY_COUNT(sagactl_commands);
