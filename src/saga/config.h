/*
 * config.h - the settings of a process, from flags, environment and file
 *
 * Precedence: flag, then environment (SAGAPIPE_NAME), then file, then the
 * default in knob_list.h.  The file is --config FILE or SAGAPIPE_CONFIG; with
 * neither there is none.  In it: `name = value`; '#', first or behind a blank,
 * starts a comment.
 * Everything wrong (unknown flag, SAGAPIPE_ variable that is no setting and
 * none of sagactl's, unknown key, value out of range, repeated key, unreadable
 * file) is one line on stderr,
 *   gateway: window: "x" is not a number (from the environment,
 *   SAGAPIPE_WINDOW)
 * and exit EXIT_USAGE; nothing was touched before.
 *
 * --help, --version and --print-config print and exit 0; the last prints
 * every knob as `name = value` with, behind '#', where it came from.
 */
#ifndef SAGA_CONFIG_H
#define SAGA_CONFIG_H

#include "saga/money.h"
#include "saga/knob_list.h"
#include "saga/topic.h"

#define CONFIG_STRING_BYTES 512
#define SAGAPIPE_VERSION "0.1.0"

typedef char config_STRING[CONFIG_STRING_BYTES];
typedef uint64_t config_NUMBER;
typedef uint64_t config_BYTES;
typedef uint64_t config_MILLISECONDS;
typedef struct money config_MONEY;

struct config {
    enum process self;
    char name[PRODUCER_NAME_BYTES]; /* "gateway", or "gateway-INSTANCE" */
#define K(name, kind, fallback, min, max, who, text) config_##kind name;
    KNOB_LIST(K)
#undef K
};

/*
 * Reads everything into *config for the process `self`; returns only if all is
 * right.  Derived values are filled in: name; bus and tap, when empty, become
 * ipc endpoints below home.
 */
void config_load(struct config *config, enum process self, int argc,
                 char **argv);

/*
 * The same for a participant that is none of ours (a filter), with a name of
 * its own choice: topic_name_valid(), and not one that process_find() knows.
 */
void config_load_filter(struct config *config, const char *name, int argc,
                        char **argv);

/*
 * As config_load(), without exiting, for tests: RC_MALFORMED with the line in
 * error[error_bytes] if something is wrong, RC_NOT_FOUND if the call asked for
 * --help, --version or --print-config (nothing is printed).  environment:
 * NULL-terminated "NAME=value" array, or NULL for none.
 */
MUST_USE enum rc config_read(struct config *config, enum process self,
                             int argc, char **argv,
                             char *const *environment, char *error,
                             size_t error_bytes);

#endif
