/*
 * fake_bus.h - a broker in memory and a bus on it, for tests of participants
 *
 * One fake_broker holds the logs of all topics; any number of buses work on
 * it, one behind another or at once (one thread).  It keeps what it was given
 * byte for byte, acknowledges at once unless told otherwise, and repeats what
 * it is told to repeat.
 */
#ifndef TESTS_FAKE_BUS_H
#define TESTS_FAKE_BUS_H

#include "saga/bus.h"
#include "saga/event.h"

struct fake_broker;

struct fake_broker *fake_broker_new(void);
void fake_broker_destroy(struct fake_broker **broker_p);

/* A bus for participant_open_over(), which closes it.  name: the producer's. */
struct bus *fake_bus_new(struct fake_broker *broker, const char *name);

/* With which life the last bus began. */
struct bus_life fake_broker_life(const struct fake_broker *broker);

/* Appends events as one batch of this producer; their id, source (and time,
 * if it is 0) are set here: ids first_seq, first_seq + 1, ... */
void fake_broker_append(struct fake_broker *broker, const char *topic,
                        uint32_t partition, const char *producer,
                        uint64_t first_seq, const struct event *events,
                        uint32_t count);
/* The same with the next seq of that producer: the usual case. */
void fake_broker_send(struct fake_broker *broker, const char *topic,
                      const char *producer, const struct event *event);
/* Appends raw bytes as a batch. */
void fake_broker_append_raw(struct fake_broker *broker, const char *topic,
                            uint32_t partition, const char *producer,
                            uint64_t first_seq, uint32_t count,
                            const void *bytes, size_t bytes_count);
/* Stores the batch that holds `offset` once more at the end, as a broker
 * would that lost its memory of producers. */
void fake_broker_store_again(struct fake_broker *broker, const char *topic,
                             uint32_t partition, uint64_t offset);
/* Every bus reads this stream from `offset` again. */
void fake_broker_redeliver(struct fake_broker *broker, const char *topic,
                           uint32_t partition, uint64_t offset);
/* Removes what is before `offset`, which need not begin a batch. */
void fake_broker_trim(struct fake_broker *broker, const char *topic,
                      uint32_t partition, uint64_t offset);
/* Down: nothing is taken, acknowledged or delivered. */
void fake_broker_set_down(struct fake_broker *broker, bool down);
/* Holds acknowledgements back (stored, but not told), and forgets them when
 * the bus is closed. */
void fake_broker_hold_acks(struct fake_broker *broker, bool hold);

/* The partition's batch number `index`, from 0, as it was given (but for
 * `stream`); false if there are not so many. */
bool fake_broker_batch(const struct fake_broker *broker, const char *topic,
                       uint32_t partition, size_t index,
                       struct bus_batch *batch_out);

/* How many events a partition holds, and one of them, decoded. */
uint64_t fake_broker_end(const struct fake_broker *broker, const char *topic,
                         uint32_t partition);
void fake_broker_event(const struct fake_broker *broker, const char *topic,
                       uint32_t partition, uint64_t offset,
                       struct event *event_out);

#endif
