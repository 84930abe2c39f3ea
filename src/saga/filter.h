/*
 * filter.h - the whole life of a participant that is one handler
 *
 * For a program of your own on this library (docs/EXTENDING.md): it reads
 * topics, and what it emits with turn_answer() goes to a topic of the knob
 * `topics`.  It has the settings, lock, signals, store, readiness, log and
 * exit codes of the pipeline's own processes.
 */
#ifndef SAGA_FILTER_H
#define SAGA_FILTER_H

#include "saga/participant.h"

/*
 * Runs until SIGTERM; the exit code of main().  name: what it is called
 * everywhere (as producer, consumer and store), none of the pipeline's.
 * handlers->topics tells what it reads and writes; context is its handlers'.
 * Settings: flags, environment and file, as `--help` tells.  Exits by itself,
 * with one line, if it can't start.
 */
int filter_main(const char *name, const struct participant_handlers *handlers,
                void *context, int argc, char **argv);

#endif
