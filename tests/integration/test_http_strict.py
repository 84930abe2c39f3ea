"""What curl does not do: hostile, hurried and cut requests at the real
gateway, its end under load, and a listening socket that outlives it."""

import random
import re
import signal
import socket
import subprocess

import pytest

from pipeline import (BIN, READY_LIMIT_S, STOP_LIMIT_S, TREE, Pipeline,
                      may_be_cut, wait_for)

REPLY_LIMIT_S = 60
ORDER = b'{"userId":5,"productId":1}'
HEAD = (b"POST /orders HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\n")
PLACE = HEAD + b"Content-Length: %d\r\n\r\n" % len(ORDER) + ORDER


@pytest.fixture(scope="module")
def shared():
    """Enough of a pipeline: the gateway alone takes orders."""
    with Pipeline(supervised=False) as pipeline:
        yield pipeline


def connect(pipeline):
    host, port = pipeline.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), REPLY_LIMIT_S)


def talk(pipeline, data):
    """Sends, says that this is all, and reads to the end."""
    with connect(pipeline) as connection:
        answer = b""
        with may_be_cut():
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                answer += chunk
        return answer


def statuses(answer):
    return [int(code) for code in
            re.findall(rb"HTTP/1\.1 (\d\d\d) (?!Continue)", answer)]


def orders(pipeline):
    return pipeline.metric('sagapipe_orders_total{status="ORDER_CREATED"}')


SMUGGLED = {
    "length_and_chunked": HEAD + b"Content-Length: 4\r\n"
                          b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two_lengths": HEAD + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n"
                   % len(PLACE),
    "chunked_with_blank": HEAD + b"Content-Length: 0\r\n"
                          b"Transfer-Encoding : chunked\r\n\r\n",
    "folded_encoding": HEAD + b"Content-Length: 5\r\n"
                       b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "folded_length": HEAD + b"Content-Length: 0\r\n 9\r\n\r\n",
    "list_of_lengths": HEAD + b"Content-Length: 0, 9\r\n\r\n",
    "length_with_plus": HEAD + b"Content-Length: +0\r\n\r\n",
    "gzip": HEAD + b"Content-Length: 0\r\nTransfer-Encoding: gzip\r\n\r\n",
    "identity": HEAD + b"Content-Length: 0\r\n"
                b"Transfer-Encoding: identity\r\n\r\n",
    "same_length_twice": HEAD + b"Content-Length: 0\r\n"
                         b"Content-Length: 0\r\n\r\n",
    "two_hosts": HEAD + b"Host: y\r\nContent-Length: 0\r\n\r\n",
    "bare_cr_hides_a_length": HEAD + b"X: a\rContent-Length: 0\r\n\r\n",
    "bare_cr_behind_a_blank": HEAD + b"X: a \rContent-Length: 0\r\n\r\n",
    "bare_cr_behind_nothing": HEAD + b"X:\rContent-Length: 0\r\n\r\n",
    "bare_lf_hides_a_length": HEAD + b"X: a\nContent-Length: 0\r\n\r\n",
    "bare_lf_behind_a_blank": HEAD + b"X: a\t\nContent-Length: 0\r\n\r\n",
    "bare_lf_behind_the_first_line": HEAD.replace(b"1.1\r\n", b"1.1\n")
                                     + b"Content-Length: 0\r\n\r\n",
    "bare_lf_everywhere": PLACE.replace(b"\r\n", b"\n"),
    "bare_cr_behind_the_first_line": b"GET / HTTP/1.1\rHost: localhost\r\n\r\n",
    "bare_cr_ends_the_head": HEAD + b"Content-Length: 0\r\n\r",
    "nul_in_a_name": HEAD + b"Content-Length: 0\r\n"
                     b"Transfer-Encoding\0: chunked\r\n\r\n",
    "037_nul_hides_a_bare_lf": HEAD + b"X: a\0b\nContent-Length: 0\r\n\r\n",
    "037_nul_in_a_value": HEAD + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "037_nul_in_an_empty_value": HEAD + b"X: \0\r\nContent-Length: 0\r\n\r\n",
    "037_nul_in_the_last_value": HEAD + b"Content-Length: 0\0b\r\n\r\n",
    "037_nul_in_the_only_value": b"GET / HTTP/1.1\r\nHost: localhost\0\r\n\r\n",
    "037_bare_lf_behind_the_last": HEAD + b"Content-Length: 0\n\r\n",
    "037_bare_lf_ends_the_head": HEAD + b"Content-Length: 0\r\n\n",
    "037_bare_lf_behind_the_only_line": b"GET /orders HTTP/1.0\n\r\n",
    "037_nul_in_the_method": HEAD.replace(b"POST", b"POST\0x")
                             + b"Content-Length: 0\r\n\r\n",
    "037_nul_in_the_path": HEAD.replace(b"/orders", b"/orders\0x")
                           + b"Content-Length: 0\r\n\r\n",
    "037_nul_in_the_query": HEAD.replace(b"/orders", b"/orders?\0x")
                            + b"Content-Length: 0\r\n\r\n",
    "037_nul_in_the_version": HEAD.replace(b"1.1", b"1.1\0")
                              + b"Content-Length: 0\r\n\r\n",
    "no_colon": HEAD + b"Content-Length: 0\r\nchunked\r\n\r\n",
    "blank_before_a_name": HEAD + b"Content-Length: 0\r\n"
                           b" Transfer-Encoding: chunked\r\n\r\n",
    "no_host": HEAD.replace(b"Host: localhost\r\n", b"")
               + b"Content-Length: 0\r\n\r\n",
    "version_2": HEAD.replace(b"1.1", b"2.0") + b"Content-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_order_behind_doubtful_framing_is_not_placed(shared, name):
    before = orders(shared)
    answer = talk(shared, SMUGGLED[name] + PLACE)
    # The library's own refusals repeat their head in the body.
    assert set(statuses(answer)) <= {400, 505}, answer
    assert orders(shared) == before


def test_pipelined_orders_are_placed_in_order(shared):
    answer = talk(shared, PLACE * 50)
    assert statuses(answer) == [201] * 50
    ids = [int(row) for row in re.findall(rb'\{"id":(\d+),', answer)]
    assert ids == list(range(ids[0], ids[0] + 50))


def test_refusals_leave_the_connection_usable(shared):
    bad = HEAD + b"Content-Length: 3\r\n\r\n{x}"
    answer = talk(shared, bad + PLACE +
                  b"GET /no HTTP/1.1\r\nHost: localhost\r\n\r\n" + PLACE)
    assert statuses(answer) == [400, 201, 404, 201]


def test_half_a_request_holds_nobody_up(shared):
    with connect(shared) as slow:
        slow.sendall(PLACE[:-1])
        assert statuses(talk(shared, PLACE)) == [201]
        slow.sendall(PLACE[-1:])
        assert slow.recv(65536).startswith(b"HTTP/1.1 201 ")


def test_random_octets_do_no_harm(shared):
    seed = random.randrange(2 ** 32)
    print("seed", seed)
    dice = random.Random(seed)
    pieces = [b"\r\n", b"\0", b":", b" ", b"%", b"{", b"[" * 50, b'"', b"\xff",
              b"-", b"9" * 25, b"HTTP/1.1", b"x" * 4000, b"?", b"&limit="]
    for _ in range(500):
        data = bytearray(PLACE * dice.randint(1, 2))
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(data) + 1)
            if dice.random() < 0.5:
                data[place:place + dice.randint(0, 9)] = dice.choice(pieces)
            else:
                data[place:place + 1] = bytes([dice.randrange(256)])
        talk(shared, bytes(data))
    assert shared.get("/healthz").status == 200
    assert statuses(talk(shared, PLACE)) == [201]


def test_g1_stopped_under_load_every_201_is_kept(make_pipeline):
    pipeline = make_pipeline(supervised=False, drain="0s")
    pipeline.start()
    answered = b""
    with connect(pipeline) as connection:
        connection.sendall(PLACE * 300)
        answered += connection.recv(65536)
        pipeline.children["gateway"].send_signal(signal.SIGTERM)
        with may_be_cut():
            while chunk := connection.recv(65536):
                answered += chunk
    assert pipeline.stop_process("gateway") == 0
    pipeline.start_process("gateway")
    created = re.findall(rb'\{"id":(\d+),[^{]*"ORDER_CREATED"[^{]*\}', answered)
    assert created
    for order in created:
        assert pipeline.get(f"/orders/{int(order)}").status == 200
    assert set(statuses(answered)) <= {201, 503}


def start_activated(pipeline, listener):
    """The gateway as systemd starts it, with the socket as descriptor 3."""
    log = pipeline.home / "log" / "gateway.log"
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = pipeline.home / "run" / "gateway.url"
    url.unlink(missing_ok=True)
    with open(log, "ab") as errors:
        child = subprocess.Popen(
            ["bash", "-c", f"LISTEN_FDS=1 LISTEN_PID=$$ exec {BIN}/gateway "
             f"3<&{listener.fileno()}"], cwd=TREE, stdin=subprocess.DEVNULL,
            stdout=errors, stderr=errors, env=pipeline.environment(),
            pass_fds=[listener.fileno()])
    pipeline.children["gateway"] = child
    wait_for(lambda: url.exists() or child.poll() is not None, READY_LIMIT_S,
             "the gateway's url")
    assert child.poll() is None, pipeline.log("gateway")


def test_inherited_socket_outlives_the_gateway(make_pipeline):
    pipeline = make_pipeline(supervised=False, drain="0s")
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        address = listener.getsockname()
        start_activated(pipeline, listener)
        assert pipeline.url == f"http://127.0.0.1:{address[1]}"
        assert statuses(talk(pipeline, PLACE)) == [201]
        assert pipeline.stop_process("gateway", STOP_LIMIT_S) == 0

        # Nobody serves, but the socket listens: a client waits its turn.
        with socket.create_connection(address, REPLY_LIMIT_S) as waiting:
            waiting.sendall(PLACE)
            start_activated(pipeline, listener)
            assert waiting.recv(65536).startswith(b"HTTP/1.1 201 ")
