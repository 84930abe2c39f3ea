"""004: a client that sent more than 8 KiB and then shut its side was not heard.

libmicrohttpd asks its epoll for edges.  The bytes and the end came as one
event; it read a buffer full in one run and the rest in the next, took the short
read for all there is, and waited for the end until `http_timeout`.  The gateway
woke it after the first run only, which was one too early.
"""

import socket

HEAD = (b"POST /orders HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\n")
ORDER = b'{"userId":5,"productId":1}'
PLACE = HEAD + b"Content-Length: %d\r\n\r\n" % len(ORDER) + ORDER
BUFFER_BYTES = 12288  # half of http_header and what the library has beyond it
LIMIT_S = 20


def talk(pipeline, data):
    """All that comes until the gateway closes."""
    host, port = pipeline.url.removeprefix("http://").split(":")
    answer = b""
    with socket.create_connection((host, int(port)), LIMIT_S) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def test_004_end_behind_more_than_a_buffer_is_seen(make_pipeline):
    # A time-out that would hide it is far away.
    pipeline = make_pipeline(supervised=False, http_timeout="10m",
                             http_request_time="10m")
    pipeline.start()
    head = HEAD + b"Content-Length: 3\r\nX: "
    tail = b"\r\n\r\n{x}" + PLACE[:-1]
    for bytes_sent in range(BUFFER_BYTES - 10, BUFFER_BYTES + 190):
        padding = b"x" * (bytes_sent - len(head) - len(tail))
        answer = talk(pipeline, head + padding + tail)
        assert answer.startswith(b"HTTP/1.1 400 ")


def test_004_orders_before_the_end_are_all_answered(make_pipeline):
    pipeline = make_pipeline(supervised=False, http_timeout="10m",
                             http_request_time="10m")
    pipeline.start()
    for orders in (52, 53, 120, 400):
        answer = talk(pipeline, PLACE * orders + PLACE[:-1])
        assert answer.count(b"HTTP/1.1 201 ") == orders
