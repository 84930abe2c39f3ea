/*
 * fault.h - named points of a loop where a test may end the process
 *
 * In a build with -DFAULT_POINTS (never the one that users run) the process
 * kills itself, as kill -9 would, when it passes the point named by the
 * environment variable FAULT_POINT for the FAULT_COUNT-th time (1 if unset).
 * In all other builds a point is nothing at all.
 */
#ifndef SAGA_FAULT_H
#define SAGA_FAULT_H

/* participant: gathered, decided, committed, flushed, answered, published,
 *              before_trim
 * broker:      gathered, decided, committed, flushed, answered, served */
#ifdef FAULT_POINTS
void fault_point(const char *name);
#else
#define fault_point(name) ((void)0)
#endif

#endif
