/*
 * fault.h - named points of a loop where a test may end the process
 *
 * In a build with -DFAULT_POINTS (`make fault`; never the one that users run)
 * a process ends itself, as kill -9 would, when it passes a point whose name
 * ("payment:committed") stands in the file that the environment variable
 * FAULT_TOKEN names, and could remove that file: so once per file, whatever
 * is restarted.  In all other builds a point is nothing at all.
 */
#ifndef SAGA_FAULT_H
#define SAGA_FAULT_H

/* participant: gathered, decided, before_trim, committed, flushed, answered,
 *              published
 * broker:      gathered, committed, flushed, answered */
#ifdef FAULT_POINTS
void fault_point(const char *name);
#else
#define fault_point(name) ((void)0)
#endif

#endif
