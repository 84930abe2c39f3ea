/*
 * sim.h - the simulation's chance, time, log and end
 *
 * One process, one thread, one seed: everything that could differ between two
 * runs (chance, clock, network, disk) is asked for here or in the stand-ins
 * (sim_store.h, sim_net.h), so the same seed gives the same run, step by step.
 */
#ifndef TESTS_SIM_H
#define TESTS_SIM_H

#include "saga/base.h"

/* ---- chance: splitmix64 ----------------------------------------------- */

void sim_seed(uint64_t seed);
uint64_t sim_random(void);
/* 0 .. count - 1; 0 for a count of 0. */
uint64_t sim_below(uint64_t count);
/* True once in `count` times. */
bool sim_once_in(uint64_t count);

/* ---- time ------------------------------------------------------------- */

void sim_clock_reset(void);
void sim_clock_step(int64_t us);
/* The wall clock alone is set, forth or back. */
void sim_clock_set(int64_t us);

/* ---- the machine ------------------------------------------------------ */

/* Free bytes on the disk, as statvfs() tells. */
void sim_disk_free(uint64_t bytes);

/* ---- log and end ------------------------------------------------------ */

extern uint64_t sim_step; /* now */

/* Whose turn it is: stands in front of log lines. */
void sim_actor(const char *name);
/* Log lines and notes go into a ring, printed when the run fails; or to
 * stderr at once. */
void sim_log_loud(bool loud);
void sim_note(const char *format, ...) PRINTF_LIKE(1, 2);
/* Prints seed and step, then why, then the ring; exit 1. */
void sim_fail(const char *format, ...) PRINTF_LIKE(1, 2) NORETURN;
/* The line to print first on a failure. */
void sim_replay_line(const char *format, ...) PRINTF_LIKE(1, 2);

#define sim_require(law, ...)                                                  \
    do {                                                                       \
        if (!(law))                                                            \
            sim_fail(__VA_ARGS__);                                             \
    } while (0)

#endif
