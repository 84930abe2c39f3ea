/*
 * stalls.c - how long the machine itself stands still
 *
 *   stalls SECONDS
 *
 * A thread on each processor that goes before all others (SCHED_FIFO, where we
 * may) is to wake up every 2 ms.  How late it does is no work of the programs
 * beside it: the host had the processor, or the kernel let nobody in.  A tick
 * that was slept over counts from when it was due.
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

#define TICK_NS (2 * NS_PER_MS)
#define PROCESSORS_MAX 64

static struct histogram late;
static bool is_first;
static int64_t start_ns, end_ns;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* False if we may not. */
static bool
go_first(long processor)
{
    const struct sched_param first = { .sched_priority = 1 };
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)processor, &set);
    if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0)
        die("processor %ld can't be had", processor);
    return pthread_setschedparam(pthread_self(), SCHED_FIFO, &first) == 0;
}

static void *
watch(void *argument)
{
    bool first = go_first((long)argument);
    int64_t due_ns;

    for (due_ns = start_ns; due_ns < end_ns; due_ns += TICK_NS) {
        const struct timespec due = { due_ns / NS_PER_S, due_ns % NS_PER_S };

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        pthread_mutex_lock(&mutex);
        histogram_add(&late, now_ns() - due_ns);
        pthread_mutex_unlock(&mutex);
    }
    pthread_mutex_lock(&mutex);
    is_first = first;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int
main(int argc, char **argv)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN), i;
    pthread_t threads[PROCESSORS_MAX];

    if (argc != 2)
        die("usage: stalls SECONDS");
    if (count > PROCESSORS_MAX)
        count = PROCESSORS_MAX;
    start_ns = now_ns() + TICK_NS;
    end_ns = start_ns + number_of(argv[1], 1, 3600) * NS_PER_S;
    for (i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, watch, (void *)i) != 0)
            die("no thread");
    for (i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("{\"first\": %s, ", is_first ? "true" : "false");
    histogram_print(&late, "late");
    printf("}\n");
    return 0;
}
