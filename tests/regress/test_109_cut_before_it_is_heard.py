"""109: who had sent all in time was cut when the gateway itself was late.

A request must be there within `http_request_time`.  The http thread looked at
that before it read what had come: after a pause of its own (a machine with much
to do, a container that was frozen) it cut a client whose request lay there
whole, without an answer.
"""

import contextlib
import signal
import socket

ORDER = b'{"userId":5,"productId":1}'
HEAD = (b"POST /orders HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % len(ORDER))
LIMIT_S = 60


@contextlib.contextmanager
def head_is_heard(pipeline):
    host, port = pipeline.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), LIMIT_S) as connection:
        connection.sendall(HEAD)
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        yield connection


def test_109_request_that_lies_there_is_heard(make_pipeline):
    late, clock = (make_pipeline(supervised=False, http_request_time="5s")
                   for _ in range(2))
    late.start_process("gateway")
    clock.start_process("gateway")
    with head_is_heard(late) as whole, head_is_heard(clock) as slow:
        late.kill("gateway", signal.SIGSTOP)
        whole.sendall(ORDER)
        assert slow.recv(1000) == b""  # the time is over there, so here, too
        late.kill("gateway", signal.SIGCONT)
        assert whole.recv(1000).startswith(b"HTTP/1.1 201 ")
