/*
 * knob_list.h - every setting there is, in one list
 *
 * K(name, kind, default, min, max, who, text)
 *
 *   name   in etc/sagapipe.conf `name = value`, as a flag `--name value` (with
 *          '-' for '_'), in the environment SAGAPIPE_NAME
 *   kind   STRING (min, max: length), NUMBER, BYTES (suffix k, m, g),
 *          MILLISECONDS (a number, or with suffix ms, s, m, h),
 *          MONEY (decimal; min, max in minor units)
 *   who    the processes that use it, for --help; all accept all
 *
 * Core.
 */
#ifndef SAGA_KNOB_LIST_H
#define SAGA_KNOB_LIST_H

#define ALL_OF_THEM                                                            \
    (BY(PROCESS_BROKER) | BY(PROCESS_PAYMENT) | BY(PROCESS_LEDGER) |           \
     BY(PROCESS_GATEWAY))
#define PARTICIPANTS                                                           \
    (BY(PROCESS_PAYMENT) | BY(PROCESS_LEDGER) | BY(PROCESS_GATEWAY))

#define KNOB_LIST(K)                                                           \
    K(home, STRING, "./var", 1, 80, ALL_OF_THEM,                               \
      "where all state lives: data/, run/, log/")                              \
    K(bus, STRING, "", 0, 107, ALL_OF_THEM,                                    \
      "ZeroMQ endpoint of the broker; empty: ipc://HOME/run/broker.ipc")       \
    K(tap, STRING, "", 0, 107, BY(PROCESS_BROKER),                             \
      "ZeroMQ endpoint of the live tap; empty: ipc://HOME/run/tap.ipc")        \
    K(http, STRING, "127.0.0.1:9192", 1, 64, BY(PROCESS_GATEWAY),              \
      "address:port where the gateway listens")                                \
    K(seed, STRING, "etc/seed.json", 0, 200, BY(PROCESS_GATEWAY),              \
      "products and users for the first start; empty: none")                   \
    K(instance, STRING, "", 0, 8, BY(PROCESS_GATEWAY),                         \
      "tells several gateways apart, as data/gateway-INSTANCE: "               \
      "order_id_stride")                                                       \
    K(currency, STRING, "USD", 3, 3, PARTICIPANTS,                             \
      "of all money, three capital letters; fixed when the stores are "        \
      "created")                                                               \
    K(transaction_limit, MONEY, "0", 0, 9007199254740991, BY(PROCESS_LEDGER),  \
      "the ledger refuses a dearer payment, and it is given back. 0: none")    \
    K(partitions, NUMBER, "1", 1, 16, ALL_OF_THEM,                             \
      "per topic; fixed when the stores are created")                          \
    K(order_id_stride, NUMBER, "1", 1, 1000, BY(PROCESS_GATEWAY),              \
      "distance between two order ids of one gateway")                         \
    K(order_id_offset, NUMBER, "1", 1, 1000, BY(PROCESS_GATEWAY),              \
      "first order id; from 1 to the stride")                                  \
    K(drain, MILLISECONDS, "5s", 0, 600000, BY(PROCESS_GATEWAY),               \
      "when stopping, how long to wait for open orders to end")                \
    K(http_connections, NUMBER, "2000", 10, 60000, BY(PROCESS_GATEWAY),        \
      "HTTP connections at once")                                              \
    K(http_timeout, MILLISECONDS, "60s", 1000, 3600000, BY(PROCESS_GATEWAY),   \
      "an idle HTTP connection is closed after")                               \
    K(http_body, BYTES, "16k", 256, 1048576, BY(PROCESS_GATEWAY),              \
      "largest request body")                                                  \
    K(http_ndjson, BYTES, "16m", 4096, 1073741824, BY(PROCESS_GATEWAY),        \
      "largest body of many orders (application/x-ndjson)")                    \
    K(http_streams, NUMBER, "1500", 0, 60000, BY(PROCESS_GATEWAY),             \
      "streams (text/event-stream) at once")                                   \
    K(http_stream_queue, NUMBER, "65536", 64, 1048576, BY(PROCESS_GATEWAY),    \
      "changes that a stream may be behind; beyond it the stream is dropped")  \
    K(http_heartbeat, MILLISECONDS, "15s", 50, 3600000, BY(PROCESS_GATEWAY),   \
      "a stream on which nothing happens says that it is alive after")         \
    K(http_header, BYTES, "16k", 4096, 1048576, BY(PROCESS_GATEWAY),           \
      "largest head of a request; a longer one gets 431")                      \
    K(http_request_time, MILLISECONDS, "60s", 100, 3600000,                    \
      BY(PROCESS_GATEWAY),                                                     \
      "from a request's first line to its end; as long for its reply")         \
    K(http_connections_per_ip, NUMBER, "0", 0, 60000, BY(PROCESS_GATEWAY),     \
      "HTTP connections at once from one address. 0: no limit")                \
    K(http_rate, NUMBER, "0", 0, 1000000, BY(PROCESS_GATEWAY),                 \
      "requests per second from one address; beyond it 429. 0: no limit")      \
    K(tokens, STRING, "", 0, 200, BY(PROCESS_GATEWAY),                         \
      "file of bearer tokens, read at start; empty: none, loopback only")      \
    K(reply_timeout, MILLISECONDS, "10s", 100, 600000, BY(PROCESS_GATEWAY),    \
      "a request that the store has not answered by then gets 503")            \
    K(backlog, NUMBER, "1000000", 1, 1000000000, BY(PROCESS_GATEWAY),          \
      "events waiting for the broker; beyond it POST answers 503")             \
    K(gateway_disk_floor, BYTES, "64m", 0, 17592186044416,                     \
      BY(PROCESS_GATEWAY),                                                     \
      "free space below which the gateway takes no commands, only reads")      \
    K(order_timeout, MILLISECONDS, "0", 0, 31536000000, BY(PROCESS_GATEWAY),   \
      "an order that has not ended by then is cancelled. 0: never")            \
    K(products, NUMBER, "100000", 1, 100000, BY(PROCESS_GATEWAY),              \
      "in the catalogue; beyond it PUT adds no more")                          \
    K(changes, NUMBER, "1000000", 1000, 1000000000, BY(PROCESS_GATEWAY),       \
      "changes kept for streams that resume (Last-Event-ID)")                  \
    K(turn_events, NUMBER, "4096", 1, 65536, PARTICIPANTS,                     \
      "inputs taken into one turn of the loop (one fsync)")                    \
    K(fetch, BYTES, "256k", 4096, 1048576, PARTICIPANTS,                       \
      "events asked for in one fetch")                                         \
    K(window, NUMBER, "8", 1, 64, PARTICIPANTS,                                \
      "batches on the way to the broker, unacknowledged")                      \
    K(parked, NUMBER, "10000", 1, 1000000, PARTICIPANTS,                       \
      "events that may wait for an operator; beyond it the process stops")     \
    K(bus_timeout, MILLISECONDS, "1s", 50, 60000, PARTICIPANTS,                \
      "a request to the broker is sent again after")                           \
    K(cache, BYTES, "20m", 1048576, 17179869184, ALL_OF_THEM,                  \
      "page cache of the process's store")                                     \
    K(checkpoint, BYTES, "64m", 1048576, 17179869184, ALL_OF_THEM,             \
      "store log written between two checkpoints")                             \
    K(checkpoint_time, MILLISECONDS, "60s", 1000, 3600000, ALL_OF_THEM,        \
      "time between two checkpoints")                                          \
    K(log_orders, NUMBER, "1000", 0, 1000000, PARTICIPANTS,                    \
      "log lines about orders per second; failed and cancelled ones apart")    \
    K(log_size, BYTES, "16m", 16384, 17179869184, ALL_OF_THEM,                 \
      "HOME/log/NAME.log of that size becomes NAME.log.old")                   \
    K(topics, STRING, "", 0, 400, BY(PROCESS_BROKER),                          \
      "further topics, comma-separated, that any producer may write")          \
    K(batch, BYTES, "1m", 8192, 1048576, ALL_OF_THEM,                          \
      "largest batch of events in one produce request")                        \
    K(producers, NUMBER, "256", 4, 65536, BY(PROCESS_BROKER),                  \
      "producers the broker keeps track of")                                   \
    K(consumers, NUMBER, "256", 4, 65536, BY(PROCESS_BROKER),                  \
      "consumers the broker keeps track of")                                   \
    K(connections, NUMBER, "1000", 8, 60000, BY(PROCESS_BROKER),               \
      "connections to bus and tap at once; beyond it they are cut")            \
    K(fetches, NUMBER, "1024", 4, 65536, BY(PROCESS_BROKER),                   \
      "fetches that wait at the broker at once")                               \
    K(segment, BYTES, "64m", 65536, 17179869184, BY(PROCESS_BROKER),           \
      "a topic's file; retention removes whole files")                         \
    K(retention_bytes, BYTES, "0", 0, 17592186044416, BY(PROCESS_BROKER),      \
      "kept per partition; older segments go. 0: no limit")                    \
    K(retention_time, MILLISECONDS, "0", 0, 315360000000, BY(PROCESS_BROKER),  \
      "age at which segments go. 0: no limit")                                 \
    K(retention_forced, NUMBER, "0", 0, 1, BY(PROCESS_BROKER),                 \
      "1: retention also removes what a consumer has not read")                \
    K(disk_floor, BYTES, "256m", 0, 17592186044416, BY(PROCESS_BROKER),        \
      "free space below which the broker refuses to store")

#endif
