/*
 * brokers.c - one load for three brokers
 *
 *   brokers NAME ADDRESS BATCH SECONDS each|packed
 *
 * NAME is sagapipe, sagapipe-libzmq, nats or redis; each event is a message of
 * theirs, or a whole batch is packed into one.  CONNECTIONS connections to an
 * empty broker, WINDOW requests under way on each.  First they produce events
 * of 200 octets for SECONDS, one batch a request, and every event is
 * acknowledged.  Then each reads the stream from its beginning, a batch a
 * request, one request under way, until it is read or SECONDS are over.
 */
#include <stdio.h>
#include <string.h>

#include "brokers.h"
#include "tool.h"

#define CONNECTIONS 8
#define WINDOW 8
#define SILENCE_MS 30000

struct driver {
    const struct broker *broker;
    struct client *clients[CONNECTIONS];
    zmq_pollitem_t items[CONNECTIONS];
    int finished[CONNECTIONS];
    unsigned int under_way;
    uint64_t events;
};

static void
driver_open(struct driver *driver, const char *address, struct shape shape)
{
    for (unsigned int i = 0; i < CONNECTIONS; i++) {
        driver->clients[i] = driver->broker->open(address, i, shape);
        driver->items[i] = driver->broker->item(driver->clients[i]);
    }
}

static void
driver_close(struct driver *driver)
{
    for (unsigned int i = 0; i < CONNECTIONS; i++)
        driver->broker->close(driver->clients[i]);
}

/* Takes what has come; SEND again for each answer until the time is over. */
static void
driver_turn(struct driver *driver, void (*send)(struct client *client),
            int64_t end_ns)
{
    if (zmq_poll(driver->items, CONNECTIONS, SILENCE_MS) <= 0)
        die("%s: no answer in %d ms", driver->broker->name, SILENCE_MS);
    for (unsigned int i = 0; i < CONNECTIONS; i++) {
        struct progress progress;

        if ((driver->items[i].revents & ZMQ_POLLIN) == 0)
            continue;
        progress = driver->broker->receive(driver->clients[i]);
        driver->events += progress.events;
        driver->finished[i] |= progress.at_end;
        driver->under_way -= progress.requests;
        while (progress.requests-- > 0 && !driver->finished[i] &&
               now_ns() < end_ns) {
            send(driver->clients[i]);
            driver->under_way++;
        }
    }
}

/* Events per second, until the last one is answered. */
static double
measure(struct driver *driver, void (*send)(struct client *client),
        unsigned int window, int64_t seconds)
{
    int64_t start_ns = now_ns(), end_ns = start_ns + seconds * NS_PER_S;

    driver->events = 0;
    memset(driver->finished, 0, sizeof driver->finished);
    for (unsigned int i = 0; i < CONNECTIONS; i++)
        for (unsigned int j = 0; j < window; j++) {
            send(driver->clients[i]);
            driver->under_way++;
        }
    while (driver->under_way > 0)
        driver_turn(driver, send, end_ns);
    return (double)driver->events * 1e9 / (double)(now_ns() - start_ns);
}

int
main(int argc, char **argv)
{
    static const struct broker *const brokers[] = { &broker_saga,
                                                    &broker_saga_libzmq,
                                                    &broker_nats,
                                                    &broker_redis };
    struct driver driver = { 0 };
    struct shape shape = { .message_events = 1 };
    double produced_rate, fetched_rate;
    uint64_t produced;
    long batch, seconds;

    if (argc != 6)
        die("usage: brokers sagapipe|sagapipe-libzmq|nats|redis ADDRESS "
            "BATCH SECONDS each|packed");
    for (unsigned int i = 0; i < sizeof brokers / sizeof *brokers; i++)
        if (strcmp(brokers[i]->name, argv[1]) == 0)
            driver.broker = brokers[i];
    if (driver.broker == NULL)
        die("%s is no broker", argv[1]);
    batch = number_of(argv[3], 1, BATCH_EVENTS_MAX);
    seconds = number_of(argv[4], 1, 3600);
    if (strcmp(argv[5], "packed") == 0)
        shape.message_events = (unsigned int)batch;
    shape.messages = (unsigned int)batch / shape.message_events;
    driver_open(&driver, argv[2], shape);
    produced_rate = measure(&driver, driver.broker->produce, WINDOW, seconds);
    produced = driver.events;
    fetched_rate = measure(&driver, driver.broker->fetch, 1, seconds);
    driver_close(&driver);
    printf("{\"broker\": \"%s\", \"shape\": \"%s\", \"batch\": %ld, "
           "\"connections\": %d, "
           "\"window\": %d, \"produced\": %lu, \"produced_rate\": %.0f, "
           "\"fetched\": %lu, \"fetched_rate\": %.0f}\n",
           driver.broker->name, argv[5], batch, CONNECTIONS, WINDOW,
           (unsigned long)produced, produced_rate,
           (unsigned long)driver.events, fetched_rate);
    return 0;
}
