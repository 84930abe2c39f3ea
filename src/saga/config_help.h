/*
 * config_help.h - what --help and --print-config print, and where a value
 * came from, in words
 *
 * Made from the table of knobs.h.
 */
#ifndef SAGA_CONFIG_HELP_H
#define SAGA_CONFIG_HELP_H

#include <stdio.h>

#include "saga/knobs.h"

#define ORIGIN_BYTES 320

enum origin_source {
    ORIGIN_DEFAULT = 0,
    ORIGIN_HOME, /* made from the home */
    ORIGIN_FILE,
    ORIGIN_ENVIRONMENT,
    ORIGIN_FLAG,
};

struct origin {
    enum origin_source source;
    unsigned line; /* of the file */
};

/* "from the flag --http", "from etc/sagapipe.conf, line 7", ...; path: the
 * file's, where the origin is one. */
void origin_text(struct origin origin, enum knob_id id, const char *path,
                 char text[ORIGIN_BYTES]);

/* The page of --help for one process. */
void config_print_help(FILE *out, enum process self, const char *name);

/* Every knob as a line of a file that would set it the same. */
void config_print_values(FILE *out, const struct config *config,
                         const struct origin origins[KNOB_COUNT],
                         const char *path);

#endif
