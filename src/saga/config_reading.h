/*
 * config_reading.h - one reading of all settings, shared by config's files
 *
 * config.c reads flags, environment and file; config_load.c ends the process
 * where config.h says so.
 */
#ifndef SAGA_CONFIG_READING_H
#define SAGA_CONFIG_READING_H

#include "saga/config_help.h"

#define LINE_ERROR_BYTES 1024

enum request {
    REQUEST_RUN = 0,
    REQUEST_HELP,
    REQUEST_VERSION,
    REQUEST_PRINT,
};

/* One reading of all sources.  Texts point into argv and the environment. */
struct reading {
    enum process self;
    const char *name; /* the program's */
    struct config *config;
    enum request request;
    const char *flags[KNOB_COUNT];
    const char *variables[KNOB_COUNT];
    struct origin origins[KNOB_COUNT];
    const char *path; /* of the file; NULL if there is none */
    const char *path_from;
    char *error;
    size_t error_bytes;
};

struct reading config_reading(struct config *config, enum process self,
                              char *error, size_t error_bytes);

/* As config_read(); reading->request says what the call asked for. */
MUST_USE enum rc config_read_all(struct reading *reading, int argc,
                                 char **argv, char *const *environment);

#endif
