#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "saga/config_reading.h"

static void
answer(const struct reading *reading)
{
    switch (reading->request) {
    case REQUEST_HELP:
        config_print_help(stdout, reading->self, reading->name);
        break;
    case REQUEST_VERSION:
        printf("%s (sagapipe) " SAGAPIPE_VERSION "\n", reading->name);
        break;
    case REQUEST_PRINT:
        config_print_values(stdout, reading->config, reading->origins,
                            reading->path);
        break;
    case REQUEST_RUN:
        return;
    }
    exit(fflush(stdout) == 0 ? EXIT_DONE : EXIT_SYSTEM);
}

static void
load(struct config *config, enum process self, const char *name, int argc,
     char **argv)
{
    char error[LINE_ERROR_BYTES] = "";
    struct reading reading = config_reading(config, self, error, sizeof error);

    reading.name = name;
    if (config_read_all(&reading, argc, argv, environ) != RC_OK) {
        fprintf(stderr, "%s\n", error);
        exit(EXIT_USAGE);
    }
    answer(&reading);
}

void
config_load(struct config *config, enum process self, int argc, char **argv)
{
    load(config, self, process_name(self), argc, argv);
}

void
config_load_filter(struct config *config, const char *name, int argc,
                   char **argv)
{
    if (!topic_name_valid(name) || process_find(name) != PROCESS_NONE ||
        strcmp(name, "supervisor") == 0) {
        fprintf(stderr, "%s: a filter's name is 1 to 31 of a-z, 0-9, '.' and "
                "'-', and none of the pipeline's own\n", name);
        exit(EXIT_USAGE);
    }
    load(config, PROCESS_NONE, name, argc, argv);
}
