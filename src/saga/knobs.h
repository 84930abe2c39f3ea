/*
 * knobs.h - the table made from knob_list.h, and the text of one value
 *
 *   knob    a setting: its name, kind, default, range, text and place in
 *           struct config
 *   value   its text, the same in a file, the environment and a flag: no
 *           control characters, no blank at an end, no '#' first or behind a
 *           blank (there a comment of the file would begin)
 *
 * Pure: texts in, values out; no file, environment, clock or log.
 */
#ifndef SAGA_KNOBS_H
#define SAGA_KNOBS_H

#include "saga/config.h"

#define KNOB_NAME_BYTES 32
#define KNOB_VARIABLE_BYTES (sizeof "SAGAPIPE_" + KNOB_NAME_BYTES)
#define KNOB_WORDS_BYTES 384 /* a refusal of a value, with the final NUL */

enum knob_id {
#define K(name, kind, fallback, min, max, who, text) KNOB_##name,
    KNOB_LIST(K)
#undef K
    KNOB_COUNT
};

enum knob_kind {
    KNOB_KIND_STRING, KNOB_KIND_NUMBER, KNOB_KIND_BYTES,
    KNOB_KIND_MILLISECONDS, KNOB_KIND_MONEY, KNOB_KIND_COUNT
};

struct knob {
    const char *name;
    enum knob_kind kind;
    const char *fallback;
    uint64_t min;
    uint64_t max;
    unsigned who; /* a set of BY(process) */
    const char *text;
    size_t place; /* of the value in struct config, in bytes */
};

extern const struct knob knobs[KNOB_COUNT];

/* What --help calls a value of this kind: "TEXT", "NUMBER", "BYTES", ... */
const char *knob_kind_name(enum knob_kind kind);

/* The knob of that name, or KNOB_COUNT. */
enum knob_id knob_find(const char *name, size_t bytes);

/* "SAGAPIPE_ORDER_ID_STRIDE" and "--order-id-stride". */
void knob_variable(enum knob_id id, char variable[KNOB_VARIABLE_BYTES]);
void knob_flag(enum knob_id id, char flag[KNOB_VARIABLE_BYTES]);

/*
 * Reads the text of a value into its place in *config.  RC_MALFORMED, with why
 * in words ('"5x" is not a number'), if it is not of the knob's kind, out of
 * its range, or not what this very knob asks for (addresses, names, ...).
 */
MUST_USE enum rc knob_parse(enum knob_id id, const char *value,
                            struct config *config,
                            char words[KNOB_WORDS_BYTES]);

/* The text of the value in *config, with the largest unit that keeps it:
 * "32m", "5s"; knob_parse() reads it back to the same value. */
void knob_format(enum knob_id id, const struct config *config,
                 char value[CONFIG_STRING_BYTES]);

/* The same for a number of the knob's kind: its min or max. */
void knob_format_number(enum knob_kind kind, uint64_t number,
                        char value[CONFIG_STRING_BYTES]);

/*
 * What this very knob asks of its value, beyond kind and range (knob_laws.c):
 * NULL if it is right, else words that follow the quoted value, "is not ...".
 */
const char *knob_law_broken(enum knob_id id, const char *value);

/* True if the http address (a right one) is one that no other machine can
 * reach: 127.0.0.0/8, [::1], localhost. */
bool knob_http_is_loopback(const char *value);

#endif
